"""What a request line and its headers say by their shape, before anybody is asked."""

from __future__ import annotations

from urllib.parse import unquote

from tornado.httputil import HTTPServerRequest


def climbs(path: str) -> bool:
    """Whether a public path could mean another one to the handler behind it: it may decode and resolve."""
    plain = unquote(unquote(path)).replace("\\", "/")
    return "\0" in plain or any(part in (".", "..") for part in plain.split("/"))


def has_body(request: HTTPServerRequest) -> bool:
    """Whether a body follows the headers."""
    return request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers
