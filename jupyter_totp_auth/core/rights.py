"""Who may do what: one table, and one pure function that reads it.

Resources and actions are Jupyter's own words (``jupyter_server.auth``). Roles bind what goes through Jupyter;
whoever may execute can do on the machine what the server's own user can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .model import Role, Terminals


class Action(str, Enum):
    """What is done to a resource."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"
    """Code is run, or a WebSocket opened."""


class Permit(Enum):
    """Yes, or why not. The values are the machine words of the API."""

    YES = ""
    ROLE = "role"
    TERMINALS = "terminals"
    STEP_UP = "step-up"
    """Yes, once password and code are given again."""
    SCOPE = "scope"
    OWNER = "owner"
    """It belongs to somebody else (``TotpAuth.own_kernels``)."""


class Touch(Enum):
    """What is done to a kernel or a terminal that somebody has started. To look at it is neither."""

    USE = "use"
    """Run code or type in it, restart it, rename its notebook, have another notebook use it."""
    STOP = "stop"
    """Interrupt it, or shut it down."""


ALL = "all"
"""The scope of whatever the account itself may do, but for its security."""

ACCOUNT = "account"
"""Our own endpoints and pages: each says itself who may ask what of it."""

UNKNOWN = "unknown"
"""Whatever names no resource, or one that is not in the table."""

_R, _M, _A = Role.READER, Role.MEMBER, Role.ADMIN
_RANK = {_R: 0, _M: 1, _A: 2}

TABLE: Mapping[str, tuple[Role, Role, Role]] = {
    # The least role that may read, write, execute.
    ACCOUNT: (_R, _R, _R),
    "api": (_R, _M, _M),
    "collaboration": (_R, _M, _M),
    "config": (_R, _M, _M),
    "contents": (_R, _M, _M),
    "csp": (_R, _R, _R),
    "events": (_R, _M, _R),
    "extensions": (_R, _A, _A),
    "kernels": (_R, _M, _M),
    "kernelspecs": (_R, _M, _M),
    "lab": (_R, _M, _M),
    "lsp": (_R, _M, _M),
    "metrics": (_M, _M, _M),
    "nbconvert": (_R, _M, _M),
    "proxy": (_M, _M, _M),
    "server": (_R, _A, _A),
    "sessions": (_R, _M, _M),
    "settings": (_R, _M, _M),
    "terminals": (_R, _M, _M),
    UNKNOWN: (_M, _M, _M),
    "workspaces": (_R, _M, _M),
}

_ORDER = (Action.READ, Action.WRITE, Action.EXECUTE)
_ANY = frozenset(_ORDER)
_READ = frozenset({Action.READ})
_READ_WRITE = frozenset({Action.READ, Action.WRITE})
_EVERY_TOKEN: Mapping[str, frozenset[Action]] = {"api": _READ, "kernelspecs": _READ}

SCOPES: Mapping[str, Mapping[str, frozenset[Action]]] = {
    "contents:read": {"contents": _READ, "nbconvert": _READ},
    "contents:write": {"contents": _READ_WRITE, "nbconvert": _READ},
    "kernels:execute": {"kernels": _ANY, "sessions": _ANY, "events": frozenset({Action.EXECUTE})},
    "terminals:execute": {"terminals": _ANY},
    ALL: {},
}
"""What an access token of a scope may do, as far as its person may. Each may also read ``api`` and
``kernelspecs``, without which no client starts."""

PATH_SCOPES = frozenset({"contents:read", "contents:write"})
"""Scopes that a path can limit. A kernel or a terminal reads every file."""


PERSONAL = frozenset({"settings", "workspaces"})
"""What each account can have a copy of its own of (``TotpAuth.personal_settings``), to write as it likes."""


@dataclass(frozen=True)
class Grants:
    """What stands beside the role: of the account, and of what the request came with."""

    terminals: Terminals = Terminals.YES
    scopes: frozenset[str] | None = None
    """Of an access token; None for a login."""
    fresh: bool = False
    """Both factors were given lately (R27). Never with an access token."""
    own: bool = False
    """What is asked for is this account's own copy of the resource, which nobody else reads or has to."""


def permits(role: Role, grants: Grants, action: Action, resource: str) -> Permit:
    """Whether, and if not, what is missing. Nothing outside the table is for readers."""
    least = TABLE.get(resource, TABLE[UNKNOWN])[_ORDER.index(action)]
    if grants.own and resource in PERSONAL and action is Action.WRITE:
        least = _R
    if _RANK[role] < _RANK[least]:
        return Permit.ROLE
    if grants.scopes is not None and not _in_scope(grants.scopes, action, resource):
        return Permit.SCOPE
    if resource == "terminals" and action is not Action.READ and grants.terminals is not Terminals.YES:
        if grants.terminals is Terminals.NO or grants.scopes is not None:
            return Permit.TERMINALS
        return Permit.YES if grants.fresh else Permit.STEP_UP
    return Permit.YES


def may_touch(owner_id: str | None, *, asker_id: str, role: Role, touch: Touch) -> Permit:
    """Whether somebody may use, or stop, what ``owner_id`` has started. None: nobody's, so everybody's.

    Beside the table, never in its place. Administrators clear up after others, but do not work as them.
    """
    if owner_id is None or owner_id == asker_id:
        return Permit.YES
    if touch is Touch.STOP and role is Role.ADMIN:
        return Permit.YES
    return Permit.OWNER


def _in_scope(scopes: frozenset[str], action: Action, resource: str) -> bool:
    if ALL in scopes:
        return True
    allowed = (_EVERY_TOKEN, *(SCOPES.get(scope, {}) for scope in scopes))
    return any(action in one.get(resource, ()) for one in allowed)
