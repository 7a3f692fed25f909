"""Who is behind a request, decided once by the gate and carried on the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from jupyter_server.auth.identity import User
from tornado.httputil import HTTPServerRequest

from ..core.access_tokens import LiveToken
from ..core.logins import LiveLogin
from ..core.model import Account, EndedLogin, Origin
from ..wiring import Services

_ATTRIBUTE = "totp_visitor"

_LOGIN, _TOKEN = "login", "token"


@dataclass(frozen=True)
class Visitor:
    """A request's sender: where from, over what, and the login or the access token (neither: anonymous)."""

    origin: Origin
    secure: bool
    """Whether the person's browser speaks https, to us or to a trusted proxy."""
    login: LiveLogin | None = None
    bearer: str | None = field(default=None, repr=False)
    token: LiveToken | None = None
    has_pair: bool = True
    """Whether its cookies hold an ``_xsrf``: else one is given to it (``xsrf``)."""
    ended: EndedLogin | None = None
    """The login that this sender's cookie was good for, as long as the store remembers it."""

    @property
    def login_id(self) -> str | None:
        """The id of the login, which stays when its bearer changes."""
        return self.login.session.id if self.login else None

    @property
    def locked(self) -> bool:
        """Whether there is a login that has to give one factor before it is served again."""
        return self.login is not None and self.login.locked

    @cached_property
    def user(self) -> User | None:
        """As Jupyter knows people; one for all requests of this visitor, so it is handed out as a copy."""
        live = self.token or self.login
        return None if live is None else as_user(live.account)

    @property
    def socket_key(self) -> str | None:
        """What the sockets of this sender live and end with."""
        if self.token is not None:
            return f"{_TOKEN}:{self.token.token.digest.hex()}"
        return None if self.login is None else key_of_login(self.login.session.id)


def key_of_login(login_id: str) -> str:
    """What the sockets of a login live and end with."""
    return f"{_LOGIN}:{login_id}"


def lives(services: Services, socket_key: str) -> bool:
    """Whether what a socket was opened with still lives. From memory."""
    kind, _, name = socket_key.partition(":")
    if kind == _TOKEN:
        return services.access_tokens.live(bytes.fromhex(name)) is not None
    return services.logins.is_open(name)


def attach(request: HTTPServerRequest, visitor: Visitor) -> None:
    """Put the visitor on its request."""
    setattr(request, _ATTRIBUTE, visitor)


def visitor_of(request: HTTPServerRequest) -> Visitor | None:
    """The visitor, or None where the request never passed the gate: then it is nobody."""
    return getattr(request, _ATTRIBUTE, None)


def account_of(visitor: Visitor | None) -> Account | None:
    """The account behind a login or an access token; None for a stranger."""
    live = None if visitor is None else visitor.token or visitor.login
    return None if live is None else live.account


def copy_of(user: User) -> User:
    """Another of the same: an extension may write into what it is given."""
    made = object.__new__(User)  # not copy(), nor User(): this is done for every request
    made.__dict__ = user.__dict__.copy()
    return made


def as_user(account: Account) -> User:
    """The account as Jupyter knows people (``/api/me``, collaboration, its log)."""
    return User(
        username=account.username,
        name=account.display_name,
        display_name=account.display_name,
        initials=account.initials,
        color=account.color,
    )
