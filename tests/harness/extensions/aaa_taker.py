"""Takes the place of the login at link time; its name is before ours in the alphabet."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.identity import PasswordIdentityProvider


class Taker(PasswordIdentityProvider):
    """Another login."""


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _link_jupyter_server_extension(serverapp: Any) -> None:
    serverapp.identity_provider_class = Taker


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Nothing more."""
