"""The one place where parts are put together, for every rim: ``build(settings) -> Services``."""

from __future__ import annotations

import json
import logging
import time
from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .core.access_tokens import AccessTokens
from .core.accounts import Accounts, Invitation
from .core.authenticators import Authenticators
from .core.enrollment import EnrollmentFlow
from .core.events import WHO_RAN_WHAT, Event, is_failed_try
from .core.login import LoginFlow
from .core.logins import Logins
from .core.notices import AdminNotice, Notices
from .core.passwords import Hasher
from .core.policy import Policy
from .core.stepup import StepUp
from .settings import TotpAuth
from .store import Store, open_store

FAILED_LOGIN = "jupyter_totp_auth: failed login from %s"
"""For fail2ban, with the client's address: a contract, as docs/how-to/fail2ban.md has it. Never changed."""

_ISO = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class News:
    """What has changed, of what open pages show: the notices to everybody, and the ends of these logins."""

    notices: bool
    ending: frozenset[str]


@dataclass(frozen=True)
class Services:
    """Everything a rim may ask for."""

    policy: Policy
    store: Store
    login: LoginFlow
    enrollment: EnrollmentFlow
    accounts: Accounts
    authenticators: Authenticators
    logins: Logins
    stepup: StepUp
    access_tokens: AccessTokens
    notices: Notices
    hasher: Hasher
    clock: Callable[[], int]

    def under(self, policy: Policy) -> Services:
        """The same store, clock and memory, and flows that go by other numbers. These here keep theirs."""
        self.logins.follow(policy)
        self.access_tokens.follow(policy)
        self.notices.follow(policy)
        fresh = _assemble(self.store, self.hasher, policy, self.clock)
        return replace(fresh, logins=self.logins, access_tokens=self.access_tokens, notices=self.notices)

    def sync(self) -> News:
        """Learn of what ended in the store, here or by another process; and what open pages want to know."""
        self.logins.sync()
        self.access_tokens.sync()
        # By the number that the logins have just read: one more look at it would be one more query.
        return News(notices=self.notices.sync(self.logins.revision), ending=self.logins.take_ending())

    def flush(self) -> None:
        """Write when logins and access tokens were last used."""
        self.logins.flush()
        self.access_tokens.flush()

    def forget_expired(self) -> None:
        """Drop from memory what is over by itself."""
        self.logins.forget_expired()
        self.access_tokens.forget_expired()

    def close(self) -> None:
        """Give the store's connections back."""
        self.store.close()


def system_clock() -> int:
    """Whole seconds since the Unix epoch."""
    return int(time.time())


def build(
    settings: TotpAuth,
    *,
    clock: Callable[[], int] = system_clock,
    hasher: Hasher | None = None,
    audit_log: logging.Logger | None = None,
    new_store: bool = False,
) -> Services:
    """Open the store and put the flows on top of it. Raises ``store.StoreRefused``."""
    policy = settings.policy()
    store = open_store(settings.places(), at=clock(), new=new_store)
    if audit_log is not None:
        store.database.listen(partial(_tell, audit_log))
    return _assemble(store, hasher or Hasher(), policy, clock)


def _tell(log: logging.Logger, event: Event) -> None:
    """The server's log has each durable fact on one line, and each failed login on one more, for fail2ban."""
    if event.kind not in WHO_RAN_WHAT:  # those are logged before they happen
        log.info("%s", as_json_line(event))
    if is_failed_try(event):
        log.warning(FAILED_LOGIN, event.client)


def _assemble(store: Store, hasher: Hasher, policy: Policy, clock: Callable[[], int]) -> Services:
    accounts, logins, throttles, events = store.accounts, store.logins, store.throttles, store.events
    shared: dict[str, Any] = {
        "accounts": accounts,
        "throttles": throttles,
        "hasher": hasher,
        "sealer": store.sealer,
        "policy": policy,
        "clock": clock,
    }
    return Services(
        policy=policy,
        store=store,
        login=LoginFlow(logins=logins, events=events, **shared),
        enrollment=EnrollmentFlow(enrollments=store.enrollments, events=events, listed=_is_listed, **shared),
        accounts=Accounts(logins=logins, listed=_is_listed, **shared),
        authenticators=Authenticators(
            accounts=accounts,
            factors=store.factors,
            events=events,
            sealer=store.sealer,
            policy=policy,
            clock=clock,
        ),
        logins=Logins(logins, policy, clock),
        stepup=StepUp(logins=logins, events=events, **shared),
        access_tokens=AccessTokens(store.access_tokens, policy, clock),
        notices=Notices(store.notices, policy, clock),
        hasher=hasher,
        clock=clock,
    )


def _is_listed(password: str) -> bool:
    from .factors import blocklist  # noqa: PLC0415 - 67,000 entries, for when a password is chosen

    return blocklist.is_listed(password)


def as_document(event: Event) -> dict[str, object]:
    """An event as ``jupyter totp log --json`` prints it: ISO 8601 in UTC, with Z."""
    return {
        "at": iso(event.at),
        "event": event.kind.value,
        "account": event.account,
        "actor": event.actor,
        "client": event.client,
        "login": event.login,
        "detail": event.detail,
    }


def as_invitation(invitation: Invitation, front: str) -> dict[str, object]:
    """An enrollment code as ``--json`` and the API give it; ``front`` is the server's URL, with its slash."""
    return {
        "username": invitation.account.username,
        "enrollment_code": invitation.code,
        "url": enrollment_link(invitation, front),
        "expires_at": iso(invitation.expires_at),
    }


def enrollment_link(invitation: Invitation, front: str) -> str:
    """The code stands in the fragment, which reaches no server's log."""
    return f"{front}enroll#{invitation.code}"


def as_json_line(event: Event) -> str:
    """One line of ASCII, whatever is in it (ASVS 16.4.1)."""
    return json.dumps({"audit": as_document(event)}, ensure_ascii=True)


def notice_document(notice: AdminNotice) -> dict[str, object]:
    """A notice, as every page and ``jupyter totp notice --json`` get it."""
    return {
        "id": notice.id,
        "message": notice.message,
        "sender": notice.sender or None,
        "sent_at": iso(notice.sent_at),
        "expires_at": iso(notice.expires_at),
    }


def iso(at: int) -> str:
    """ISO 8601 in UTC with Z."""
    return time.strftime(_ISO, time.gmtime(at))


def moment(text: str) -> int | None:
    """What :func:`iso` makes text of; None for any other spelling."""
    try:
        at = timegm(time.strptime(text, _ISO))
    except (ValueError, OverflowError):
        return None
    return at if iso(at) == text else None
