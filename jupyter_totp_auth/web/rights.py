"""The rights of whoever is behind a request or a socket: ``core.rights``, asked about Jupyter's own.

The gate asks for every request, also where a handler carries no ``@authorized``; Jupyter's authorizer
(``authorizer.py``) asks again where it does. Open sockets are asked at each message, since roles change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.websocket import WebSocketHandler

from ..core.model import Account, Role, Terminals
from ..core.rights import Action, Grants, Permit, Touch, may_touch, permits
from ..wiring import Services
from .belongings import Belongings
from .resources import action_of, goes_by_method, is_foldered, is_personal, resource_of
from .visitor import Visitor, account_of, visitor_of

_PLAIN = Grants()
_MOST = 4096


@dataclass(frozen=True)
class Refused:
    """Why somebody may not: a machine word, and a sentence for whoever reads it in JupyterLab."""

    reason: str
    sentence: str


class Plainly(set[tuple[Any, ...] | None]):
    """What the table has said yes to, where it hangs on nothing but the role and on what is asked for."""

    @staticmethod
    def key(visitor: Visitor, *asked: Any) -> tuple[Any, ...] | None:
        """The role and what is asked for; None where more counts: a token, terminals unlike everybody's."""
        if visitor.token is not None or visitor.login is None:
            return None
        account = visitor.login.account
        return (account.role, *asked) if account.terminals is Terminals.YES else None

    def remember(self, key: tuple[Any, ...] | None, handler_class: Any) -> None:
        """Take in a yes, unless it hangs on the path."""
        if key is not None and goes_by_method(handler_class) and len(self) < _MOST:
            self.add(key)


class Rights:
    """Who may do what on one server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.belongings = Belongings()
        self.holds_folders = False
        """Whether Jupyter's authorizer is ours, which alone can hold a token to its folder."""
        self.plainly = Plainly()

    def refusal(self, request: HTTPServerRequest, handler_class: Any, visitor: Visitor) -> Refused | None:
        """Why this request may not have what would answer it; None: it may."""
        account = account_of(visitor)
        if account is None:
            return Refused(Permit.ROLE.value, _WORDS[Permit.ROLE])
        if account.role is Role.ADMIN and account.terminals is Terminals.YES and visitor.token is None:
            return None  # there is nothing that they may not
        asked = self.plainly.key(visitor, handler_class, request.method)
        if asked in self.plainly:
            return None
        is_for_folder = visitor.token is not None and visitor.token.token.path_prefix
        if is_for_folder and not (self.holds_folders and is_foldered(handler_class)):
            return Refused(Permit.SCOPE.value, _WORDS[Permit.SCOPE])
        resource, action = resource_of(handler_class), action_of(request, handler_class)
        permit = self.permit(visitor, action, resource, own=is_personal(handler_class))
        refused = _refused(permit, account)
        if refused is None:
            self.plainly.remember(asked, handler_class)
        return refused

    def permit(self, visitor: Visitor, action: Action, resource: str, *, own: bool = False) -> Permit:
        """What the table says of the visitor, as the account was when the request came.

        ``own``: what is asked for is the visitor's own copy, and nobody else's.
        """
        account = account_of(visitor)
        if account is None:
            return Permit.ROLE
        grants = self._grants(visitor, account)
        return permits(account.role, replace(grants, own=True) if own else grants, action, resource)

    def touch(self, owner: Account | None, visitor: Visitor, touch: Touch, what: str) -> Refused | None:
        """Why not to do this with a kernel or a terminal (``what``) of this owner; None: it may be done."""
        account = account_of(visitor)
        if owner is None or account is None or not self.belongings.are_held:
            return None
        permit = may_touch(owner.id, asker_id=account.id, role=account.role, touch=touch)
        if permit is Permit.YES:
            return None
        return Refused(permit.value, f"This {what} belongs to {owner.display_name}.")

    def _grants(self, visitor: Visitor, account: Account) -> Grants:
        if visitor.token is not None:
            return Grants(account.terminals, frozenset(visitor.token.token.scopes))
        if account.terminals is not Terminals.STEP_UP or visitor.login is None:
            return _PLAIN if account.terminals is Terminals.YES else Grants(account.terminals)
        now, within = self._services.clock(), self._services.policy.fresh_for
        return Grants(account.terminals, fresh=visitor.login.session.fresh(at=now, within=within))

    # -- open sockets ------------------------------------------------------------------------------

    def why_not_run(self, handler: WebSocketHandler) -> str | None:
        """Why what comes in on a kernel's socket may not be run now; None: it may."""
        visitor = self._behind(handler)
        if visitor is None or not self._may_run(visitor):
            return _MAY_ONLY_READ
        owner = self.belongings.kernel_owner(text_of(handler.path_kwargs.get("kernel_id", "")))
        refused = self.touch(owner, visitor, Touch.USE, "kernel")
        return None if refused is None else refused.sentence

    def may_change(self, handler: WebSocketHandler) -> bool:
        """Whether what comes in on a shared document's socket may change it, now."""
        visitor = self._behind(handler)
        return visitor is not None and self.permit(visitor, Action.WRITE, "collaboration") is Permit.YES

    def account(self, handler: WebSocketHandler) -> Account | None:
        """The account behind a socket, as it is now."""
        visitor = self._behind(handler)
        return None if visitor is None else account_of(visitor)

    def _may_run(self, visitor: Visitor) -> bool:
        return self.permit(visitor, Action.EXECUTE, "kernels") is Permit.YES

    def may_stay(self, handler: WebSocketHandler) -> bool:
        """Whether a socket that is open may stay so: a role can have changed since."""
        visitor = self._behind(handler)
        if visitor is None:
            return False
        kind: Any = type(handler)
        action, resource = action_of(handler.request, kind), resource_of(kind)
        # Password and code were asked when it was opened.
        if self.permit(visitor, action, resource) not in (Permit.YES, Permit.STEP_UP):
            return False
        names = [text_of(value) for value in handler.path_args] if resource == "terminals" else []
        owners = [self.belongings.terminal_owner(name) for name in names]
        return not any(self.touch(owner, visitor, Touch.USE, "terminal") for owner in owners)

    def _behind(self, handler: WebSocketHandler) -> Visitor | None:
        visitor = visitor_of(handler.request)
        return None if visitor is None else self.now(visitor)

    def now(self, visitor: Visitor) -> Visitor | None:
        """The visitor with the account as it is now; None where login or token live no more."""
        if visitor.token is not None:
            token = self._services.access_tokens.live(visitor.token.token.digest)
            return None if token is None else replace(visitor, token=token)
        login = self._services.logins.open_login(visitor.login_id or "")
        return None if login is None else replace(visitor, login=login)


def text_of(value: Any) -> str:
    """What tornado has found in a path, as a handler reads it."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


_MAY_ONLY_READ = "Your account may read here, but not run anything."
_WORDS = {
    Permit.ROLE: "Your account may read here, but not change or run anything.",
    Permit.TERMINALS: "Your account has no terminals here.",
    Permit.STEP_UP: "Please give password and code once more.",
    Permit.SCOPE: "This access token was not made for that.",
}
_FOR_ADMINS = "This is for administrators."


def _refused(permit: Permit, account: Account) -> Refused | None:
    if permit is Permit.YES:
        return None
    if permit is Permit.ROLE and account.role is not Role.READER:
        return Refused(permit.value, _FOR_ADMINS)
    return Refused(permit.value, _WORDS[permit])
