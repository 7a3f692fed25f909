"""What every way of opening a login shares: the session, the known browser, the counters' names."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from . import bearer
from .bearer import Bearer, Kind
from .events import Event, EventKind
from .model import Account, KnownBrowserRow, LoginSession, Origin
from .policy import Policy
from .sealing import Purpose, Sealer

_LONGEST_NAME_COUNTED = 256
_USER_AGENT_LENGTH = 256


@dataclass(frozen=True)
class NewLogin:
    """A login just opened, and the known-browser bearer for a browser that was not known yet."""

    session: LoginSession
    account: Account
    known_browser: str | None = field(repr=False)


def new_session(
    account: Account, origin: Origin, policy: Policy, at: int, *, stays: bool = False
) -> tuple[Bearer, LoginSession]:
    """A fresh login bearer and the session it opens, once the store has taken it."""
    fresh = bearer.issue(Kind.LOGIN)
    expires_at = at + policy.login_lifetime
    if account.expires_at is not None:
        expires_at = min(expires_at, account.expires_at)
    session = LoginSession(
        digest=fresh.digest,
        id=secrets.token_hex(8),
        account_id=account.id,
        created_at=at,
        last_seen_at=at,
        expires_at=expires_at,
        client=origin.client,
        user_agent=origin.user_agent[:_USER_AGENT_LENGTH],
        fresh_at=at,
        active_at=at,
        stays=stays,
    )
    return fresh, session


def new_known_browser(account: Account, policy: Policy, at: int) -> tuple[Bearer, KnownBrowserRow]:
    """A fresh known-browser bearer, bound to the account as it is now."""
    fresh = bearer.issue(Kind.KNOWN_BROWSER)
    return fresh, KnownBrowserRow(fresh.digest, account.id, account.epoch, at + policy.known_browser_lifetime)


def login_event(account: Account, session: LoginSession, origin: Origin, at: int) -> Event:
    """The audit event of a login that opens."""
    who = account.username
    return Event(EventKind.LOGIN, at, account.id, who, who, origin.client, session.id)


def password_key(sealer: Sealer, name: str) -> bytes:
    """The password counter of a (folded) name, known or not; one for all addresses (R18)."""
    counted = name[:_LONGEST_NAME_COUNTED].encode("utf-8", "replace")
    return sealer.mac(Purpose.THROTTLE, "password", counted)


def code_key(sealer: Sealer, account_id: str, epoch: int) -> bytes:
    """The code counter of an account in one credential epoch."""
    return sealer.mac(Purpose.THROTTLE, "code", account_id, str(epoch))
