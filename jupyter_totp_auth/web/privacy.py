"""What stands behind a login is for the page that asked: no cache on the way (I11), no other origin (I14).

Jupyter says nothing of most of its answers, and "public" of some: a proxy told to keep everything would hand
one person's page to the next, or to a stranger. And cookies know no ports: a page of another port of this
host could take in what it may not read, as a script or a picture.
"""

from __future__ import annotations

from functools import lru_cache

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from .outgoing import change_head

_CACHING, _RESOURCE_POLICY = "Cache-Control", "Cross-Origin-Resource-Policy"
_ENOUGH = frozenset({"private", "no-store", "no-cache"})


def keep_private(request: HTTPServerRequest) -> None:
    """Have the answer to this request say so, whichever handler writes it."""
    change_head(request, _say_so)


def _say_so(headers: HTTPHeaders) -> None:
    lines = headers.get_list(_CACHING)
    headers[_CACHING] = _made_private(",".join(lines)) if lines else "private"
    if not headers.get_list(_RESOURCE_POLICY):
        headers[_RESOURCE_POLICY] = "same-origin"


@lru_cache(maxsize=256)
def _made_private(said: str) -> str:
    words = [word.strip() for word in said.lower().split(",")]
    if not _ENOUGH.isdisjoint(words):
        return said
    kept = (word for word in words if word not in ("", "public") and not word.startswith("s-maxage"))
    return ", ".join(["private", *kept])
