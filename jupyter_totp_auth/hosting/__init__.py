"""The files of a deployment – proxy, service, Jupyter's own configuration – made from one model of it.

Knows neither the store nor a running server.
"""

from __future__ import annotations

from .install import Installation
from .model import BadDeployment, Deployment, Tls, Upstream, network, prefix
from .render import KINDS, Kind, render

__all__ = [
    "KINDS",
    "BadDeployment",
    "Deployment",
    "Installation",
    "Kind",
    "Tls",
    "Upstream",
    "network",
    "prefix",
    "render",
]
