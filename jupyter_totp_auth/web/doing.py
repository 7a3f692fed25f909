"""For whom the server does something, wherever the work leads: into Jupyter's managers, by any extension.

A context variable, set when a request's handler begins, and void when it is done: timers that are made on the
way (Jupyter's culler of idle kernels) keep the context they were made in, but not the person.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from tornado.httputil import HTTPServerRequest

from .visitor import Visitor, visitor_of


@dataclass(eq=False)
class Doing:
    """One request, or one open socket, on its way."""

    request: HTTPServerRequest
    is_over: bool = False


_NOW: ContextVar[Doing | None] = ContextVar("jupyter_totp_auth_doing", default=None)


def begin(request: HTTPServerRequest) -> Doing:
    """From here on, in this task and what it starts, things are done for this request's sender."""
    doing = Doing(request)
    _NOW.set(doing)
    return doing


def visitor_now() -> Visitor | None:
    """For whom; None: for nobody, by the server itself."""
    doing = _NOW.get()
    return None if doing is None or doing.is_over else visitor_of(doing.request)
