"""The rights of whoever is behind a request or a socket: ``core.rights``, asked about Jupyter's own.

The gate asks for every request, also where a handler carries no ``@authorized``; Jupyter's authorizer
(``authorizer.py``) asks again where it does. Open sockets are asked at each message, since roles change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from tornado.httputil import HTTPServerRequest
from tornado.websocket import WebSocketHandler

from ..core.model import Account, Role, Terminals
from ..core.rights import Action, Grants, Permit, permits
from ..wiring import Services
from .request_shape import wants_websocket
from .resources import action_of, goes_by_method, is_foldered, is_kernel_socket, resource_of
from .visitor import Visitor, visitor_of

_PLAIN = Grants()
_MOST = 4096


@dataclass(frozen=True)
class Refused:
    """Why somebody may not: a machine word, and a sentence for whoever reads it in JupyterLab."""

    reason: str
    sentence: str


class Rights:
    """Who may do what on one server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.holds_folders = False
        """Whether Jupyter's authorizer is ours, which alone can hold a token to its folder."""
        self._plainly: set[tuple[Role, Any, str | None]] = set()
        """What the table has said yes to, where it hangs on nothing but role, handler and method."""

    def refusal(self, request: HTTPServerRequest, handler_class: Any, visitor: Visitor) -> Refused | None:
        """Why this request may not have what would answer it; None: it may."""
        account = _account_of(visitor)
        if account is None:
            return Refused(Permit.ROLE.value, _WORDS[Permit.ROLE])
        if account.role is Role.ADMIN and account.terminals is Terminals.YES and visitor.token is None:
            return None  # there is nothing that they may not
        plain = visitor.token is None and account.terminals is Terminals.YES
        asked = (account.role, handler_class, request.method)
        if plain and asked in self._plainly:
            return None
        is_for_folder = visitor.token is not None and visitor.token.token.path_prefix
        if is_for_folder and not (self.holds_folders and is_foldered(handler_class)):
            return Refused(Permit.SCOPE.value, _WORDS[Permit.SCOPE])
        resource, action = resource_of(handler_class), action_of(request, handler_class)
        refused = _refused(self.permit(visitor, action, resource), account)
        if plain and refused is None and goes_by_method(handler_class) and len(self._plainly) < _MOST:
            self._plainly.add(asked)
        return refused

    def permit(self, visitor: Visitor, action: Action, resource: str) -> Permit:
        """What the table says of the visitor, as the account was when the request came."""
        account = _account_of(visitor)
        if account is None:
            return Permit.ROLE
        return permits(account.role, self._grants(visitor, account), action, resource)

    def _grants(self, visitor: Visitor, account: Account) -> Grants:
        if visitor.token is not None:
            return Grants(account.terminals, frozenset(visitor.token.token.scopes))
        if account.terminals is not Terminals.STEP_UP or visitor.login is None:
            return _PLAIN if account.terminals is Terminals.YES else Grants(account.terminals)
        now, within = self._services.clock(), self._services.policy.fresh_for
        return Grants(account.terminals, fresh=visitor.login.session.fresh(at=now, within=within))

    # -- open sockets ------------------------------------------------------------------------------

    def may_run(self, handler: WebSocketHandler) -> bool:
        """Whether what comes in on a kernel's socket may be run, now."""
        visitor = self._behind(handler)
        return visitor is not None and self._may_run(visitor)

    def _may_run(self, visitor: Visitor) -> bool:
        return self.permit(visitor, Action.EXECUTE, "kernels") is Permit.YES

    def may_stay(self, handler: WebSocketHandler) -> bool:
        """Whether a socket that is open may stay so: a role can have changed since."""
        visitor = self._behind(handler)
        if visitor is None:
            return False
        kind: Any = type(handler)
        action = Action.READ if is_kernel_socket(kind) else Action.EXECUTE
        # Password and code were asked when it was opened.
        return self.permit(visitor, action, resource_of(kind)) in (Permit.YES, Permit.STEP_UP)

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

    def keep_apart(self, request: HTTPServerRequest, handler_class: Any, visitor: Visitor) -> None:
        """Whoever may only follow a kernel does so under a name of their own.

        Jupyter cuts the connection of the same name that is there, and sends it what the kernel asks of it.
        """
        if not (is_kernel_socket(handler_class) and wants_websocket(request)) or self._may_run(visitor):
            return
        own = [uuid4().hex.encode()]
        request.arguments["session_id"] = request.query_arguments["session_id"] = own


def _account_of(visitor: Visitor) -> Account | None:
    live: Any = visitor.token or visitor.login
    return None if live is None else live.account


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
