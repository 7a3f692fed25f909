"""Jupyter's own authorizer, answered by the table of ``core.rights``; and the folder of an access token.

Where a person has configured another authorizer, that one is asked in its place; the gate holds the roles all
the same, but a token for one folder is then good for nothing: only here is the body of a request known.
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import User
from tornado.web import Finish, RequestHandler

from ..core.rights import Action, Permit
from .answers import refuse
from .identity import TotpIdentityProvider
from .resources import action_of, is_document_session, is_kernel_socket
from .visitor import visitor_of

_BODY_PATHS = ("path", "copy_from")
_BODY_NAMES = ("ext", "name", "type")
"""What Jupyter makes a part of a path."""
_BODY_REST = frozenset(
    {
        *("chunk", "content", "created", "format", "hash", "hash_algorithm", "last_modified", "mimetype"),
        *("size", "writable"),
    }
)
_PATH = "path"
_ELSEWHERE = "This access token was made for another folder."


class TotpAuthorizer(Authorizer):
    """Who may do what; the words are Jupyter's. Nobody may what nobody asked the gate for."""

    totp_holds_folders = True

    def is_authorized(self, handler: RequestHandler, user: User, action: str, resource: str) -> bool:
        """Whether the visitor behind this handler may."""
        del user  # the gate's visitor is the same, with its role
        visitor, provider = visitor_of(handler.request), self.identity_provider
        if visitor is None or not isinstance(provider, TotpIdentityProvider):
            return False
        kind: Any = type(handler)
        rights = provider.rim.rights
        known = rights.plainly.key(visitor, kind, handler.request.method, action, resource)
        if known in rights.plainly:
            return True
        try:
            asked = _meant(handler, kind, Action(action))
        except ValueError:
            return False
        if rights.permit(visitor, asked, resource) is not Permit.YES:
            return False
        rights.plainly.remember(known, kind)
        prefix = visitor.token.token.path_prefix if visitor.token else ""
        if prefix and not all(_is_below(path, prefix) for path in paths_of(handler)):
            # Not False, of which Jupyter makes an error without our word. Nobody else is cut short by it:
            # such a token reaches only handlers that ask this to be let in.
            refuse(handler, Permit.SCOPE.value, _ELSEWHERE)
            raise Finish
        return True


def _meant(handler: RequestHandler, kind: Any, asked: Action) -> Action:
    """What is asked for in truth, where Jupyter's word says less or more."""
    if is_kernel_socket(kind):  # opened to read along; each message is asked about
        return Action.READ
    if is_document_session(kind) and asked is Action.WRITE:
        return action_of(handler.request, kind)
    # A notebook made by another program.
    return Action.EXECUTE if action_of(handler.request, kind) is Action.EXECUTE else asked


def paths_of(handler: RequestHandler) -> list[str | None]:
    """Every path that a request of contents names: in its URL, and in its body. None: one that is none."""
    found: list[str | None] = []
    named = {**handler.path_kwargs}
    values = [named[_PATH]] if _PATH in named else [value for value in handler.path_args[-1:] if value]
    found.extend(_text(value) for value in values)
    if not found:
        found.append("")
    body = _document(handler.request.body)
    if body is None:
        return [*found, None]
    found.extend(_text(body[name]) for name in _BODY_PATHS if name in body)
    names = [_text(body[name]) for name in _BODY_NAMES if body.get(name) is not None]
    if any(name is None or set(name) & set("/\\\0") for name in names):
        found.append(None)
    if body.keys() - {*_BODY_PATHS, *_BODY_NAMES, *_BODY_REST}:  # nobody knows what that would do
        found.append(None)
    return found


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None


def _document(body: bytes | None) -> dict[str, Any] | None:
    """The JSON object of a body; empty where there is none; None for what is no object."""
    if not body or not body.strip():
        return {}
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_below(path: str | None, prefix: str) -> bool:
    """Whether it is that folder or something in it; nothing that climbs, whatever it climbs to."""
    if path is None or "\\" in path or "\0" in path:
        return False
    parts = [part for part in path.split("/") if part]
    folder = prefix.split("/")
    return not any(part in (".", "..") for part in parts) and parts[: len(folder)] == folder
