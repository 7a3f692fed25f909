"""Where a request may carry an access token, and what it is spared with one (R38, L02).

In the Authorization header; in ``?token=`` only as far as ``TotpAuth.token_in_url`` says. Nowhere else is
looked: not in cookies, forms, paths, nor the Basic scheme.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from tornado.httputil import HTTPServerRequest

from ..core import access_tokens
from .request_shape import wants_websocket

_SCHEMES = frozenset({"token", "bearer"})
_PARAMETER = "token"


class TokenPlaces:
    """Reads the token of a request. ``in_url``: ``websocket``, ``api`` or ``never``."""

    def __init__(self, base_url: str, in_url: str) -> None:
        self._api = f"{base_url}api/"
        self._in_url = in_url

    def digest(self, request: HTTPServerRequest) -> bytes | None:
        """The digest of the token that this request carries, where it may carry one.

        None too for what has not our form: a proxy in front may pass its own Bearer on.
        """
        values = request.headers.get_list("Authorization")
        scheme, _, text = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        if scheme.lower() in _SCHEMES:
            found = access_tokens.digest(text.strip())
            if found is not None:
                return found
        if self._is_read_from_url(request):
            given = _in_query(request)
            return access_tokens.digest(given[0]) if len(given) == 1 else None
        return None

    def misplaced(self, request: HTTPServerRequest) -> str | None:
        """A sentence for a refused request whose URL carries a token that was not read; else None."""
        if self._is_read_from_url(request):
            return None
        if not any(access_tokens.digest(value) for value in _in_query(request)):
            return None
        where = {
            "websocket": "In a URL it is taken only when a WebSocket is opened",
            "api": "In a URL it is taken only below api/ and when a WebSocket is opened",
            "never": "It is never taken in a URL",
        }[self._in_url]
        return f"An access token goes into the Authorization header. {where} (TotpAuth.token_in_url)."

    def _is_read_from_url(self, request: HTTPServerRequest) -> bool:
        if self._in_url == "never":
            return False
        return wants_websocket(request) or (self._in_url == "api" and request.path.startswith(self._api))


def _in_query(request: HTTPServerRequest) -> list[str]:
    pairs = parse_qsl(request.query, keep_blank_values=True)
    return [value for name, value in pairs if name == _PARAMETER]


@lru_cache(maxsize=256)
def for_token(handler_class: Any, *, own_origin: bool) -> Any:
    """A subclass for requests with an access token: it puts no ``_xsrf`` cookie (R38), and asks for none.

    No browser sends a token by itself, so none is forged; a page of another site is asked all the same.
    Not ``is_token_authenticated``, with which Jupyter also sends Access-Control-Allow-Origin to every
    site that asks (L08).
    """
    body: dict[str, Any] = {"xsrf_token": property(lambda self: b""), "__module__": handler_class.__module__}  # noqa: ARG005
    if own_origin:
        body["check_xsrf_cookie"] = lambda self: None  # noqa: ARG005
    return type(handler_class.__name__, (handler_class,), body)
