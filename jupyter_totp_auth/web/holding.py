"""Handlers, made to know for whom they work, and to leave alone what belongs to others.

A subclass of whatever a visitor is served. It looks at what the URL and the body name as the handler itself
will read them (decoded, by the same parser), when the body is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import uuid4

from jupyter_server.services.kernels.handlers import KernelActionHandler, KernelHandler
from jupyter_server.services.sessions.handlers import SessionHandler
from jupyter_server_terminals.api_handlers import TerminalHandler
from tornado.web import RequestHandler

from ..core.model import Account
from ..core.rights import Action, Touch
from . import doing
from .answers import refuse
from .belongings import Belongings
from .request_shape import wants_websocket
from .resources import action_of, is_kernel_socket, resource_of
from .rights import Refused, Rights, text_of
from .sockets import is_socket
from .trusting import hold_trust
from .visitor import visitor_of

_ARE_NAMED_IN_BODIES = frozenset({"kernels", "sessions"})
_DEEPEST = 4


def fitted(rights: Rights, handler_class: Any) -> Any:
    """The handler that serves in its place; what is no handler stays as it is."""
    is_handler = isinstance(handler_class, type) and issubclass(handler_class, RequestHandler)
    return _held(rights, handler_class) if is_handler else handler_class


@lru_cache(maxsize=1024)
def _held(rights: Rights, handler_class: Any) -> Any:
    is_of_kernel = is_kernel_socket(handler_class)
    is_of_contents = resource_of(handler_class) == "contents"

    def prepare(self: Any) -> Any:
        self._totp_doing = doing.begin(self.request)
        if rights.belongings.are_held and (refused := refusal(rights, self)) is not None:
            refuse(self, refused.reason, refused.sentence)
            return None
        if is_of_kernel:
            _keep_apart(rights, self)
        if is_of_contents:
            hold_trust(rights, self)
        return super(held, self).prepare()

    def ends(name: str) -> Any:
        def ending(self: Any) -> Any:
            begun = getattr(self, "_totp_doing", None)
            if begun is not None:
                begun.is_over = True
            return getattr(super(held, self), name)()

        return ending

    body = {"prepare": prepare, "__module__": handler_class.__module__}
    name = "on_close" if is_socket(handler_class) else "on_finish"
    held: Any = type(handler_class.__name__, (handler_class,), {**body, name: ends(name)})
    return held


def _keep_apart(rights: Rights, handler: Any) -> None:
    """Whoever only reads another's kernel along does so under a name of their own.

    Jupyter cuts the connection of the same name that is there, hands it what was said while nobody listened,
    and sends it what the kernel asks of it.
    """
    if wants_websocket(handler.request) and rights.why_not_run(handler) is not None:
        arguments = handler.request.arguments, handler.request.query_arguments
        for each in arguments:
            each["session_id"] = [uuid4().hex.encode()]


def refusal(rights: Rights, handler: RequestHandler) -> Refused | None:
    """Why this request may not touch what it names; None: it may, or names nothing of anybody else's."""
    kind: Any = type(handler)
    visitor = visitor_of(handler.request)
    if not rights.belongings.are_held or visitor is None or action_of(handler.request, kind) is Action.READ:
        return None
    what = "terminal" if resource_of(kind) == "terminals" else "kernel"
    touch = Touch.STOP if _stops(handler) else Touch.USE
    for owner in _owners(rights.belongings, handler, what):
        refused = rights.touch(owner, visitor, touch, what)
        if refused is not None:
            return refused
    return None


def _stops(handler: RequestHandler) -> bool:
    if isinstance(handler, KernelActionHandler):
        return text_of(handler.path_kwargs.get("action")) == "interrupt"
    is_one = isinstance(handler, KernelHandler | SessionHandler | TerminalHandler)
    return is_one and handler.request.method == "DELETE"


def _owners(belongings: Belongings, handler: RequestHandler, what: str) -> Iterator[Account | None]:
    """Of everything that the request names."""
    named = [text_of(value) for value in (*handler.path_args, *handler.path_kwargs.values())]
    if what == "terminal":
        # By a name that is there, Jupyter would put a new terminal in the place of the old.
        for name in [*named, *_strings(handler.request.body, "name")]:
            yield belongings.terminal_owner(name)
        return
    kind: Any = type(handler)
    if resource_of(kind) in _ARE_NAMED_IN_BODIES:
        named += _strings(handler.request.body)
    for name in named:
        yield belongings.kernel_owner(name)
        yield belongings.session_owner(name)


def _strings(body: bytes | None, *keys: str) -> list[str]:
    """Every string in a JSON body, or only those of these keys at its top. What is no JSON names nothing."""
    try:
        document = json.loads((body or b"").strip().decode("utf-8"))
    except (ValueError, RecursionError):
        return []
    if keys:
        document = {key: document.get(key) for key in keys} if isinstance(document, dict) else {}
    return list(_found(document, _DEEPEST))


def _found(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _found(each, depth - 1)
