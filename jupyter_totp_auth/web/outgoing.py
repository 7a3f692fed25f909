"""Changes to the head of an answer, whichever handler writes it, and however."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest

Change = Callable[[HTTPHeaders], None]


def change_head(request: HTTPServerRequest, change: Change) -> None:
    """Have ``change`` done to the headers of this request's answer, just before they are sent."""
    connection: Any = request.connection  # of this one request, also where the socket carries more
    waiting = vars(connection).get("write_headers")
    if isinstance(waiting, _Changed):
        waiting.changes.append(change)
    else:
        connection.write_headers = _Changed(connection, change)


class _Changed:
    """Stands in a connection's place for ``write_headers`` until that is called."""

    __slots__ = ("_connection", "changes")

    def __init__(self, connection: Any, change: Change) -> None:
        self._connection = connection
        self.changes = [change]

    def __call__(self, start_line: Any, headers: HTTPHeaders, chunk: Any = None) -> Any:
        connection = self._connection
        # What refers to itself waits for the garbage collector: the whole request.
        del connection.write_headers
        for change in self.changes:
            change(headers)
        return connection.write_headers(start_line, headers, chunk)
