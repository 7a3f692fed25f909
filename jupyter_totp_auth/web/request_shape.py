"""What a request line and its headers say by their shape, before anybody is asked."""

from __future__ import annotations

from urllib.parse import unquote

from tornado.httputil import HTTPServerRequest

_NO_LENGTH: tuple[list[str], ...] = ([], ["0"])


def climbs(path: str) -> bool:
    """Whether a public path could mean another one to the handler behind it: it may decode and resolve."""
    plain = unquote(unquote(path)).replace("\\", "/")
    return "\0" in plain or any(part in (".", "..") for part in plain.split("/"))


def has_body(request: HTTPServerRequest) -> bool:
    """Whether a body follows the headers."""
    lines = request.headers.get_list  # get() raises and catches for what is not there: for most requests
    return lines("Content-Length") not in _NO_LENGTH or bool(lines("Transfer-Encoding"))


def is_of_type(request: HTTPServerRequest, media_type: str) -> bool:
    """Whether the body says that it is of this media type, in UTF-8 and not compressed: as it will be read.

    What is read as something else than it says could be judged as something else by a proxy in between.
    """
    kind, *parameters = request.headers.get("Content-Type", "").lower().split(";")
    pairs = [parameter.partition("=") for parameter in parameters]
    charsets = {value.strip().strip('"') for name, _, value in pairs if name.strip() == "charset"}
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    return kind.strip() == media_type and charsets <= {"utf-8"} and encoding == "identity"


def is_page(request: HTTPServerRequest, *, behind: str) -> bool:
    """Whether a person is looking at the answer, so that a redirect leads somewhere.

    ``behind``: base_url, a part of every path here.
    """
    if request.method not in ("GET", "HEAD") or wants_websocket(request):
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    # By the path alone: asking what handler stands there would tell which extensions are installed.
    return "api" not in request.path[len(behind) :].split("/")


def wants_websocket(request: HTTPServerRequest) -> bool:
    """Whether this is the handshake of a WebSocket. The gate serves one only by a WebSocket handler."""
    lines = request.headers.get_list("Upgrade")  # none, for nearly all requests
    return bool(lines) and any("websocket" in line.lower() for line in lines)
