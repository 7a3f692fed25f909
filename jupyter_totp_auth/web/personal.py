"""JupyterLab's settings and workspaces, apart for each account (``TotpAuth.personal_settings``).

JupyterLab keeps them in one folder each. Here its own handlers go on unchanged, on a folder of the account's
below those: by its id, which is ours and hexadecimal, never by a name.
"""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError

from .request_shape import climbs
from .resources import PERSONAL, lineage
from .visitor import Visitor, visitor_of

FOLDER = "totp-accounts"
"""Below JupyterLab's own folders: there an installation keeps such things, and there it may write."""

_SETTINGS = "jupyterlab_server.settings_utils.SchemaHandler"
_WORKSPACES = "jupyterlab_server.workspaces_handler.WorkspacesHandler"
_FILES = "*.jupyterlab-settings"
_OWN_ALONE = 0o700
MOST_FILES, MOST_BYTES = 1000, 16 * 1024 * 1024
"""Of one account, in settings and in workspaces each. JupyterLab's own are some dozens, of a few kB."""
_NO_ROOM = "There is no more room for settings and workspaces of this account: remove some workspaces."


def apart(find_handler: Callable[..., Any]) -> Callable[..., Any]:
    """The same look-up, whose handlers of settings and workspaces are each account's own."""

    def find(request: Any, **kwargs: Any) -> Any:
        delegate = find_handler(request, **kwargs)
        kind = getattr(delegate, "handler_class", None)
        # Nobody's, where a route was made public: as it was.
        if isinstance(kind, type) and account_id_of(visitor_of(request)) is not None:
            delegate.handler_class = _own(kind)
        return delegate

    return find


def account_id_of(visitor: Visitor | None) -> str | None:
    """Whose they are: an access token's are its person's."""
    live: Any = (visitor.token or visitor.login) if visitor else None
    return None if live is None else live.account.id


@lru_cache(maxsize=256)
def _own(kind: Any) -> Any:
    """A subclass of a handler of settings or workspaces; any other class as it is.

    What its ``initialize`` has made is changed, not what that one is given: its arguments differ between
    JupyterLab's versions.
    """
    names = lineage(kind)
    if _SETTINGS not in names and _WORKSPACES not in names:
        return kind

    async def prepare(self: Any) -> None:
        # A setting's name is part of a path: JupyterLab looks for its schema first, and this before that.
        if climbs(self.request.path):
            raise HTTPError(404)
        account_id = account_id_of(visitor_of(self.request))
        if account_id is None:
            raise HTTPError(403)
        if _WORKSPACES in names:
            folder = _folder_of(account_id, Path(self.manager.workspaces_dir), self.log)
            self.manager = type(self.manager)(str(folder))
            _insist_on_room(self.request, folder)
        elif self.settings_dir:
            folder = _folder_of(account_id, Path(self.settings_dir), self.log)
            self.settings_dir = str(folder)
            _insist_on_room(self.request, folder)
        waits = super(own, self).prepare()
        if inspect.isawaitable(waits):
            await waits

    body = {
        "prepare": prepare,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        PERSONAL: names[0] in _WRITE_NOWHERE_ELSE,
    }
    own: Any = type(kind.__name__, (kind,), body)
    return own


_WRITE_NOWHERE_ELSE = frozenset({"jupyterlab_server.settings_handler.SettingsHandler", _WORKSPACES})
"""These very classes write nowhere else, so that a reader may. Nothing is known of somebody's kind of one."""


def _insist_on_room(request: HTTPServerRequest, own: Path) -> None:
    """Whoever may only read may write here, so there is an end to it. Raises HTTPError (413)."""
    if request.method not in ("PUT", "POST"):
        return
    sizes = []
    for path in own.rglob("*"):
        with suppress(OSError):  # gone meanwhile
            sizes.append(path.stat().st_size)
    if len(sizes) >= MOST_FILES or sum(sizes) + len(request.body) > MOST_BYTES:
        raise HTTPError(413, _NO_ROOM)


def _folder_of(account_id: str, shared: Path, log: Any) -> Path:
    """The account's own, made at its first use with a copy of the settings that were everybody's."""
    own = shared / FOLDER / account_id
    if own.is_dir():
        return own
    try:
        _make(own, shared)
    except OSError as error:
        log.warning("jupyter_totp_auth: the folder %s cannot be made: %s", own, error.strerror)
    return own


def _make(own: Path, shared: Path) -> None:
    """In one step, by a rename: half a copy would be taken for the whole by the next request."""
    own.parent.mkdir(mode=_OWN_ALONE, parents=True, exist_ok=True)
    fresh = own.with_name(f".{uuid4().hex}")
    fresh.mkdir(mode=_OWN_ALONE)
    try:
        # A copy, not a look at both: whoever puts a setting back to its default would see the shared one.
        # Of settings alone: the shared layout is what whoever came last has left open.
        for path in shared.rglob(_FILES):
            place = path.relative_to(shared)
            if place.parts[0] != FOLDER:
                (fresh / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, fresh / place)
        with suppress(FileExistsError):
            _rename(fresh, own)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _rename(fresh: Path, own: Path) -> None:
    """Raises FileExistsError where another request, or process, was faster."""
    try:
        fresh.rename(own)
    except OSError:
        if own.is_dir():
            raise FileExistsError from None
        raise
