"""What a handler is about, in the words of ``core.rights``: also where it does not say so itself.

Jupyter's own handlers carry ``auth_resource``; JupyterLab's and many extensions' have only a login check.
What is not known here is ``unknown``, which is nothing for readers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from tornado.httputil import HTTPServerRequest

from ..core.rights import ACCOUNT, TABLE, UNKNOWN, Action
from .request_shape import climbs, wants_websocket
from .sockets import is_socket

_OURS = __package__.partition(".")[0]

_ACTIONS = {
    **dict.fromkeys(("GET", "HEAD", "OPTIONS"), Action.READ),
    **dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), Action.WRITE),
}

_TRUST = "jupyter_server.services.contents.handlers.TrustNotebooksHandler"
"""Its POST has a notebook's scripts run in every browser that opens it."""

_CLASSES = {
    "jupyter_server.base.handlers.APIVersionHandler": "api",
    "jupyter_server.base.handlers.FileFindHandler": "lab",
    "jupyter_server.base.handlers.PrometheusMetricsHandler": "metrics",
    "jupyter_server.base.handlers.PublicStaticFileHandler": "lab",
    "jupyter_server.base.handlers.RedirectWithParams": "lab",
    "jupyter_server.base.handlers.Template404": "lab",
    "jupyter_server.base.handlers.TrailingSlashHandler": "lab",
    "jupyter_server.services.api.handlers.IdentityHandler": ACCOUNT,
    "jupyter_server.services.contents.handlers.NotebooksRedirectHandler": "contents",
    _TRUST: "contents",
    "jupyterlab.handlers.announcements.CheckForUpdateHandler": "lab",
    "jupyterlab.handlers.announcements.NewsHandler": "lab",
    "jupyterlab.handlers.build_handler.BuildHandler": "extensions",
    "jupyterlab.handlers.extension_manager_handler.ExtensionHandler": "extensions",
    "jupyterlab.handlers.plugin_manager_handler.PluginHandler": "extensions",
    "jupyterlab_server.handlers.LabHandler": "lab",
    "jupyterlab_server.handlers.NotFoundHandler": "lab",
    "jupyterlab_server.licenses_handler.LicensesHandler": "lab",
    "jupyterlab_server.listings_handler.ListingsHandler": "lab",
    "jupyterlab_server.settings_handler.SettingsHandler": "settings",
    "jupyterlab_server.themes_handler.ThemesHandler": "lab",
    "jupyterlab_server.translations_handler.TranslationsHandler": "lab",
    "jupyterlab_server.workspaces_handler.WorkspacesHandler": "workspaces",
    "notebook.app.ConsoleHandler": "lab",
    "notebook.app.CustomCssHandler": "lab",
    "notebook.app.FileHandler": "lab",
    "notebook.app.NotebookHandler": "lab",
    "notebook.app.TerminalHandler": "lab",
    "notebook.app.TreeHandler": "lab",
}
"""Handlers that name no resource, by their classes' whole names. Pages and files, mostly."""

_PACKAGES = {
    "jupyter_collaboration": "collaboration",
    "jupyter_server_proxy": "proxy",
    "jupyter_server_ydoc": "collaboration",
}
"""Extensions whose handlers are all about one thing, whatever they say of themselves."""

_FOLDERED = frozenset(
    {
        "jupyter_server.base.handlers.AuthenticatedFileHandler",
        "jupyter_server.files.handlers.FilesHandler",
        "jupyter_server.nbconvert.handlers.NbconvertFileHandler",
        "jupyter_server.services.contents.handlers.CheckpointsHandler",
        "jupyter_server.services.contents.handlers.ContentsHandler",
        "jupyter_server.services.contents.handlers.ModifyCheckpointsHandler",
        "jupyter_server.view.handlers.ViewHandler",
    }
)
"""Whose every method asks the authorizer, and whose paths it knows how to read."""

_CONVERTER = "jupyter_server.nbconvert.handlers.NbconvertFileHandler"
_READ_FORMATS = frozenset({"html", "markdown", "notebook", "python", "slides"})
"""Those that start no other program. A browser or a TeX on this machine opens whatever a notebook names:
files outside every folder, servers inside the house. ``script`` is any of them, or any class that the
notebook names."""
_FORMAT = re.compile(r"/nbconvert/(\w+)/")

_OWN_ALONE = frozenset({"csp", "events"})
"""What readers may do more than read with: Jupyter's own handlers, and nobody who only takes the word."""

PERSONAL = "totp_personal"
"""The attribute of a class that writes to its person's own folder, and nowhere else (``personal``)."""

KERNEL_SOCKET = "jupyter_server.services.kernels.websocket.KernelWebsocketHandler"
"""Opened to read along, where nothing may be run: its messages are judged one by one (``sockets``)."""

_YDOC = "jupyter_server_ydoc.handlers"
DOCUMENT_SOCKET = f"{_YDOC}.YDocWebSocketHandler"
"""Likewise, where nothing may be changed."""
_FOLLOWED = re.compile(
    r"/api/collaboration/room/(?:JupyterLab:globalAwareness|\w+:[\w.-]+:[0-9a-f-]{36})$", re.ASCII
)
"""Who is there, and documents by the number of their file. Other names make rooms that stay for good."""
_SESSION = f"{_YDOC}.DocSessionHandler"
"""Its PUT says under which number a file is shared, and gives it one: no more than looking."""
_TIMELINE = f"{_YDOC}.TimelineHandler"
"""Its GET makes a copy of the document, which stays in memory."""


def action_of(request: HTTPServerRequest, handler_class: object) -> Action:
    """What the request does. A method that nobody knows is taken for the most."""
    if wants_websocket(request) and is_socket(handler_class):
        return Action.READ if _is_followed(request, handler_class) else Action.EXECUTE
    names = lineage(handler_class)
    if _TRUST in names:
        return Action.EXECUTE
    if _TIMELINE in names or DOCUMENT_SOCKET in names:  # of the latter, a room is made by any request
        return Action.EXECUTE
    if request.method == "PUT" and is_document_session(handler_class) and not climbs(request.path):
        return Action.READ
    if _CONVERTER in names:
        found = _FORMAT.search(request.path)
        if found is None or found[1] not in _READ_FORMATS:
            return Action.EXECUTE
    return _ACTIONS.get(request.method or "", Action.EXECUTE)


def goes_by_method(handler_class: object) -> bool:
    """Whether what it does follows from the method alone."""
    hangs_on_the_path = {_CONVERTER, _TIMELINE, DOCUMENT_SOCKET}.intersection(lineage(handler_class))
    return not (hangs_on_the_path or is_socket(handler_class) or is_document_session(handler_class))


@lru_cache(maxsize=4096)
def resource_of(handler_class: Any) -> str:
    """The resource of a handler's class: of its package, its own word, or the first base that is known."""
    names = lineage(handler_class)
    if not names:
        return UNKNOWN
    package = names[0].partition(".")[0]
    if package == _OURS:
        return ACCOUNT
    if package in _PACKAGES:
        return _PACKAGES[package]
    said = getattr(handler_class, "auth_resource", None)
    if isinstance(said, str) and said:
        if said in _OWN_ALONE and package != "jupyter_server":
            return UNKNOWN
        return said if said in TABLE and said not in (ACCOUNT, UNKNOWN) else UNKNOWN
    return next((_CLASSES[name] for name in names if name in _CLASSES), UNKNOWN)


def is_foldered(handler_class: object) -> bool:
    """Whether the authorizer can hold it to one folder: these very classes, and no subclass of one."""
    if not isinstance(handler_class, type):
        return False
    return f"{handler_class.__module__}.{handler_class.__qualname__}" in _FOLDERED


def _is_followed(request: HTTPServerRequest, handler_class: object) -> bool:
    """Whether a socket is opened to see what comes out of it; what goes in is asked about one by one."""
    if is_document_socket(handler_class):
        return _FOLLOWED.search(request.path) is not None
    return is_kernel_socket(handler_class)


def is_document_socket(handler_class: object) -> bool:
    """Whether it is the socket of shared documents; nobody's kind of it, which may speak otherwise."""
    return lineage(handler_class)[:1] == (DOCUMENT_SOCKET,)


def is_document_session(handler_class: object) -> bool:
    """Whether it says under which number a file is shared."""
    return lineage(handler_class)[:1] == (_SESSION,)


def is_personal(handler_class: object) -> bool:
    """Whether what it writes is its person's own. Said by this very class: a subclass is somebody else's."""
    return isinstance(handler_class, type) and bool(vars(handler_class).get(PERSONAL))


@lru_cache(maxsize=4096)
def is_kernel_socket(handler_class: Any) -> bool:
    """Whether it is Jupyter's socket of a kernel, or somebody's kind of it."""
    return KERNEL_SOCKET in lineage(handler_class)


@lru_cache(maxsize=4096)
def lineage(handler_class: Any) -> tuple[str, ...]:
    """The whole names of the class and its bases; empty for what is no class."""
    if not isinstance(handler_class, type):
        return ()
    return tuple(f"{base.__module__}.{base.__qualname__}" for base in handler_class.__mro__)
