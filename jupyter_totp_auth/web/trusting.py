"""Whoever may not run code makes no notebook trusted: its scripts would run in the browser that opens it.

A client that saves says of each cell whether it is trusted, and Jupyter signs what it is told. That is for
people who have run the cells, not for an access token that only writes files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tornado.web import RequestHandler

from ..core.rights import Action, Permit
from .rights import Rights
from .visitor import visitor_of

_TRUSTED = "trusted"
_DEEPEST = 7
"""Of the oldest notebooks, a cell is six below the body."""


def hold_trust(rights: Rights, handler: RequestHandler) -> None:
    """Take the word out of what such a token saves; what was signed before, and comes unchanged, stays so.

    ``handler``: one of contents.
    """
    visitor = visitor_of(handler.request)
    if visitor is None or visitor.token is None:
        return
    if _TRUSTED.encode() not in handler.request.body and b"\\u" not in handler.request.body:
        return
    if rights.permit(visitor, Action.EXECUTE, "kernels") is Permit.YES:
        return
    try:
        document = json.loads(handler.request.body.decode("utf-8"))
    except (ValueError, RecursionError):  # as Jupyter will find it, too
        return
    said = [one for one in _metadata(document, _DEEPEST) if one.pop(_TRUSTED, None) is not None]
    if said:
        handler.request.body = json.dumps(document).encode()


def _metadata(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if not depth or not isinstance(value, dict | list):
        return
    if isinstance(value, dict) and isinstance(value.get("metadata"), dict):
        yield value["metadata"]
    for each in value.values() if isinstance(value, dict) else value:
        yield from _metadata(each, depth - 1)
