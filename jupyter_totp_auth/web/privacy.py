"""What stands behind a login is for the page that asked: no cache on the way (I11), no other origin (I14).

Jupyter says nothing of most of its answers, and "public" of some: a proxy told to keep everything would hand
one person's page to the next, or to a stranger. And cookies know no ports: a page of another port of this
host could take in what it may not read, as a script or a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest

_CACHING, _RESOURCE_POLICY = "Cache-Control", "Cross-Origin-Resource-Policy"
_ENOUGH = frozenset({"private", "no-store", "no-cache"})


def keep_private(request: HTTPServerRequest) -> None:
    """Have the answer to this request say so, whichever handler writes it."""
    connection: Any = request.connection  # of this one request, also where the socket carries more
    connection.write_headers = partial(_write_headers, connection.write_headers)


def _write_headers(
    write: Callable[..., Any], start_line: Any, headers: HTTPHeaders, chunk: Any = None
) -> Any:
    said = [word.strip() for word in headers.get(_CACHING, "").lower().split(",")]
    if _ENOUGH.isdisjoint(said):
        kept = (word for word in said if word not in ("", "public") and not word.startswith("s-maxage"))
        headers[_CACHING] = ", ".join(["private", *kept])
    headers.setdefault(_RESOURCE_POLICY, "same-origin")
    return write(start_line, headers, chunk)
