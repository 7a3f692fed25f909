"""Jupyter's managers of kernels, sessions and terminals, made to tell for whom they start and stop what.

Their methods on these very objects, not their classes: whoever starts a kernel within a request is known that
way, by whichever handler. Requests are judged before (``holding``); here what they led to is judged again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from jupyter_core.utils import ensure_async
from tornado.web import HTTPError

from ..core.events import EventKind
from ..core.model import Account
from ..core.rights import Touch
from ..core.true_names import environment_of
from .belongings import Belongings
from .doing import visitor_now
from .rights import Rights
from .visitor import Visitor, account_of

Tell = Callable[[EventKind, Visitor, str, "Account | None"], None]
"""Of a kernel (by its id) that a visitor has started or stopped, and whose it was."""

_ENDS = {
    "interrupt_kernel": (Touch.STOP, None),
    "restart_kernel": (Touch.USE, EventKind.KERNEL_RESTARTED),
    "shutdown_kernel": (Touch.STOP, EventKind.KERNEL_STOPPED),
}


def watch(rights: Rights, settings: dict[str, Any], tell: Tell) -> None:
    """From now on. ``settings``: of the web application, once every extension is loaded."""
    belongings = rights.belongings
    belongings.kernel_manager = settings.get("kernel_manager")
    belongings.terminal_manager = settings.get("terminal_manager")
    if belongings.kernel_manager is not None:
        _watch_starts(belongings, belongings.kernel_manager, tell)
        for name, (touch, kind) in _ENDS.items():
            _watch_end(rights, name, touch, kind, tell)
    if settings.get("session_manager") is not None:
        _watch_sessions(belongings, settings["session_manager"])
    if belongings.terminal_manager is not None:
        _watch_terminals(rights, belongings.terminal_manager)


def _names(belongings: Belongings) -> dict[str, str]:
    """The variables for whom the server works just now; none for nobody."""
    account = account_of(visitor_now())
    if account is None:
        return {}
    found = environment_of(account, belongings.git_identity)
    # In a locale without these letters the start would fail.
    return {name: value if _fits(value) else account.username for name, value in found.items()}


def _fits(value: str) -> bool:
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _refuse_others(rights: Rights, owner: Account | None, touch: Touch, what: str) -> None:
    visitor = visitor_now()
    refused = None if visitor is None else rights.touch(owner, visitor, touch, what)
    if refused is not None:
        raise HTTPError(403, refused.sentence, reason=refused.reason)


# -- kernels -----------------------------------------------------------------------------------------


def _watch_starts(belongings: Belongings, manager: Any, tell: Tell) -> None:
    prepare, start = manager.pre_start_kernel, manager.start_kernel

    def pre_start_kernel(kernel_name: str | None, kwargs: dict[str, Any]) -> Any:
        # Before the process is there, so that nobody finds a kernel whose owner is still to come.
        names = _names(belongings)
        if names:
            kwargs["env"] = {**(kwargs.get("env") or os.environ), **names}
        made = prepare(kernel_name, kwargs)
        belongings.started_now(made[0])
        return made

    async def start_kernel(*args: Any, **kwargs: Any) -> Any:
        asked = kwargs.get("kernel_id")
        is_new = asked is None or asked not in manager
        kernel_id = await ensure_async(start(*args, **kwargs))
        visitor = visitor_now()
        if is_new and visitor is not None:
            kernel = belongings.kernel(kernel_id)
            if kernel is not None and belongings.kernel_owner(kernel_id) is None:
                belongings.started_now(kernel)  # a gateway's: it prepares nothing here
            tell(EventKind.KERNEL_STARTED, visitor, kernel_id, None)
        return kernel_id

    manager.pre_start_kernel, manager.start_kernel = pre_start_kernel, start_kernel


def _watch_end(rights: Rights, name: str, touch: Touch, kind: EventKind | None, tell: Tell) -> None:
    belongings = rights.belongings
    manager = belongings.kernel_manager
    end = getattr(manager, name)

    def ending(kernel_id: str, *args: Any, **kwargs: Any) -> Any:
        owner, visitor = belongings.kernel_owner(kernel_id), visitor_now()
        _refuse_others(rights, owner, touch, "kernel")
        if kind is not None and visitor is not None and kernel_id in manager:
            tell(kind, visitor, kernel_id, owner)
        return end(kernel_id, *args, **kwargs)

    setattr(manager, name, ending)


def _watch_sessions(belongings: Belongings, manager: Any) -> None:
    save, update, delete = manager.save_session, manager.update_session, manager.delete_session

    async def save_session(
        session_id: str,
        path: str | None = None,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - Jupyter's
        kernel_id: str | None = None,
    ) -> Any:
        if kernel_id is not None:
            belongings.has_session(session_id, path, kernel_id)
        return await save(session_id, path=path, name=name, type=type, kernel_id=kernel_id)

    async def update_session(session_id: str, **changes: Any) -> Any:
        result = await update(session_id, **changes)
        belongings.changed_session(session_id, changes.get("path"), changes.get("kernel_id"))
        return result

    async def delete_session(session_id: str) -> Any:
        result = await delete(session_id)
        belongings.forget_session(session_id)
        return result

    manager.save_session, manager.update_session = save_session, update_session
    manager.delete_session = delete_session


# -- terminals ---------------------------------------------------------------------------------------


def _watch_terminals(rights: Rights, manager: Any) -> None:
    belongings, new = rights.belongings, manager.new_terminal

    def new_terminal(**kwargs: Any) -> Any:
        names = _names(belongings)
        if names:
            given = kwargs.get("extra_env")
            kwargs["extra_env"] = {**(given if isinstance(given, dict) else {}), **names}
        terminal = new(**kwargs)
        belongings.started_now(terminal)
        return terminal

    manager.new_terminal = new_terminal
    for name in ("kill", "terminate"):
        _watch_terminals_end(rights, manager, name)


def _watch_terminals_end(rights: Rights, manager: Any, method: str) -> None:
    end = getattr(manager, method)

    def ending(name: str, *args: Any, **kwargs: Any) -> Any:
        _refuse_others(rights, rights.belongings.terminal_owner(name), Touch.STOP, "terminal")
        return end(name, *args, **kwargs)

    setattr(manager, method, ending)
