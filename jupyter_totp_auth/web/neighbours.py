"""What goes on to other programs behind this server (jupyter-server-proxy): nothing that opens it.

The proxy hands every header on, both ways. Whoever listens at a port of this machine, under whichever user of
it, would have the login's cookie or the access token of each person that opens its page; would put its own in
their place; and would leave a service worker in the browser, which answers for every later page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from ..core.access_tokens import blanked
from .cookies import Cookies
from .outgoing import change_head
from .resources import lineage

_PROXY = "jupyter_server_proxy."
_AUTHORIZATION, _COOKIE = "Authorization", "Cookie"
_SET_COOKIE, _WORKER = "Set-Cookie", "Service-Worker-Allowed"
"""The latter alone lets a service worker be for more than the folder that it came from."""


def kept_from_neighbours(find_handler: Callable[..., Any], cookies: Cookies) -> Callable[..., Any]:
    """The same look-up. Who sent the request is known by then: nobody after it reads what is taken out."""

    def find(request: HTTPServerRequest, **kwargs: Any) -> Any:
        delegate = find_handler(request, **kwargs)
        if _hands_on(getattr(delegate, "handler_class", None)):
            _take_out(request, cookies)
            change_head(request, partial(_hold_back, cookies))
        return delegate

    return find


@lru_cache(maxsize=4096)
def _hands_on(handler_class: Any) -> bool:
    return any(name.startswith(_PROXY) for name in lineage(handler_class))


def _take_out(request: HTTPServerRequest, cookies: Cookies) -> None:
    headers = request.headers
    if any(_has_token(value) for value in headers.get_list(_AUTHORIZATION)):
        del headers[_AUTHORIZATION]
    sent = "; ".join(headers.get_list(_COOKIE)).split(";")
    kept = [
        pair.strip() for pair in sent if pair.strip() and not cookies.is_ours(pair.partition("=")[0].strip())
    ]
    if len(kept) < len(sent):
        headers.pop(_COOKIE, None)
        if kept:
            headers[_COOKIE] = "; ".join(kept)
    if _has_token(request.uri or ""):
        request.query = "&".join(part for part in request.query.split("&") if not _has_token(part))
        request.uri = f"{request.path}?{request.query}" if request.query else request.path


def _hold_back(cookies: Cookies, headers: HTTPHeaders) -> None:
    headers.pop(_WORKER, None)
    lines = headers.get_list(_SET_COOKIE)
    headers.pop(_SET_COOKIE, None)
    for line in lines:
        if not cookies.is_ours(line.partition("=")[0].strip()):
            headers.add(_SET_COOKIE, line)


def _has_token(text: str) -> bool:
    return blanked(text) != text
