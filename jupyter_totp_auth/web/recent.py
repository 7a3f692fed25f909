"""Requests that are, in all that a visitor is told by, like one before them (R26).

One load of JupyterLab asks a hundred times with the same cookies from the same place. What the gate found out
the first time holds for the next: not whether the login lives, which is asked each time, but whose it is.
"""

from __future__ import annotations

from typing import Any

from tornado.httputil import HTTPServerRequest

from ..core.logins import Logins
from .visitor import Visitor

Traits = tuple[Any, ...]

_MOST = 4096
"""Requests are remembered with their cookies, so no more than a busy hour's browsers have."""


def traits_of(request: HTTPServerRequest) -> Traits | None:
    """All that tells one visitor with a login from another; None for what has to be looked at each time."""
    lines = request.headers.get_list
    cookies = lines("Cookie")
    if len(cookies) != 1 or lines("Authorization") or "token" in request.query:  # which may be another's
        return None
    connection: Any = request.connection
    context = connection.context
    address = context.address
    return (
        cookies[0],
        request.host,
        address[0] if address else "",
        context.protocol,
        *lines("User-Agent"),
        None,
        *lines("X-Forwarded-For"),
        None,
        *lines("X-Forwarded-Proto"),
    )


class Recent:
    """The visitors of the last requests, only those with a login that lives and is not locked."""

    def __init__(self, logins: Logins) -> None:
        self._logins = logins
        self._visitors: dict[Traits, Visitor] = {}

    def get(self, traits: Traits | None) -> Visitor | None:
        """Whose request this is, if its login is still to the letter what it was then. From memory."""
        visitor = self._visitors.get(traits) if traits is not None else None
        if visitor is None or visitor.login is None:
            return None
        if self._logins.is_current(visitor.login):
            return visitor
        return None  # it is put anew, once it has been looked at

    def put(self, traits: Traits | None, visitor: Visitor | None) -> None:
        """Remember; the oldest is forgotten, and looked at anew when it asks again."""
        if traits is None or visitor is None or visitor.login is None or visitor.locked:
            return
        if len(self._visitors) >= _MOST:
            del self._visitors[next(iter(self._visitors))]
        self._visitors[traits] = visitor
