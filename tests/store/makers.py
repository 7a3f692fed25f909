"""The values that store tests are made of; each call gives something new."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from jupyter_totp_auth.core.authenticators import FactorStore
from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.core.model import (
    AccessToken,
    Account,
    Claim,
    Enrollment,
    EnrollmentCode,
    KnownBrowserRow,
    LoginSession,
    PendingLogin,
    Role,
    TotpAuthenticator,
)
from jupyter_totp_auth.core.notices import NoticeStore
from jupyter_totp_auth.core.policy import DAY, MINUTE
from jupyter_totp_auth.core.ports import (
    AccessTokenStore,
    AccountStore,
    EnrollmentStore,
    EventStore,
    LoginStore,
    ThrottleStore,
)

AT = 1_800_000_000
"""The tests' now."""

FIRST_STEP = AT // 30


class Parts(Protocol):
    """A store of any kind."""

    @property
    def accounts(self) -> AccountStore: ...
    @property
    def logins(self) -> LoginStore: ...
    @property
    def access_tokens(self) -> AccessTokenStore: ...
    @property
    def enrollments(self) -> EnrollmentStore: ...
    @property
    def factors(self) -> FactorStore: ...
    @property
    def throttles(self) -> ThrottleStore: ...
    @property
    def events(self) -> EventStore: ...
    @property
    def notices(self) -> NoticeStore: ...


@dataclass(frozen=True)
class Person:
    """An enrolled account, and what it could log in with."""

    account: Account
    phone: TotpAuthenticator
    recovery: tuple[bytes, ...]

    def step(self, number: int = 1) -> Claim:
        """The claim of the phone's time step so many after the enrollment's."""
        return Claim(authenticator_id=self.phone.id, step=self.phone.last_step + number)

    def recovery_code(self, index: int = 0) -> Claim:
        """The claim of a recovery code."""
        return Claim(recovery_digest=self.recovery[index])


def digest() -> bytes:
    return secrets.token_bytes(32)


def new_id() -> str:
    return secrets.token_hex(16)


def event(kind: EventKind = EventKind.LOGIN, *, at: int = AT, **more: Any) -> Event:
    return Event(kind, at, **more)


def account(username: str | None = None, **changes: Any) -> Account:
    """An account nobody has enrolled yet."""
    fresh = Account(
        id=new_id(),
        username=username or f"u{secrets.token_hex(6)}",
        display_name="Ada Lovelace",
        initials="AL",
        color="var(--jp-collaborator-color3)",
        role=Role.MEMBER,
        disabled=False,
        created_at=AT - DAY,
        expires_at=None,
        enrolled=False,
        epoch=0,
        sealed_password=secrets.token_bytes(150),
    )
    return replace(fresh, **changes)


def code_for(account_id: str | None, *, expires_at: int = AT + DAY) -> EnrollmentCode:
    return EnrollmentCode(digest(), account_id, expires_at)


def enrollment_with(code: EnrollmentCode, **changes: Any) -> Enrollment:
    """What page 1 makes of a code."""
    fresh = Enrollment(
        digest=digest(),
        code_digest=code.digest,
        account_id=code.account_id or new_id(),
        creates_account=code.account_id is None,
        username=None,
        authenticator_id=new_id(),
        expires_at=AT + 30 * MINUTE,
        tries_left=5,
        sealed_password=None,
        sealed_secret=None,
    )
    return replace(fresh, **changes)


def phone_of(enrollment: Enrollment, *, last_step: int = FIRST_STEP) -> TotpAuthenticator:
    return TotpAuthenticator(
        id=enrollment.authenticator_id,
        account_id=enrollment.account_id,
        name="Phone",
        last_step=last_step,
        sealed_secret=secrets.token_bytes(80),
        created_at=AT,
        last_used_at=AT,
    )


def pending_of(who: Account | None, **changes: Any) -> PendingLogin:
    fresh = PendingLogin(
        digest=digest(),
        account_id=who.id if who else None,
        password_ok=who is not None,
        epoch=who.epoch if who else 0,
        known_browser=False,
        expires_at=AT + 5 * MINUTE,
        tries_left=5,
        throttle_key=digest(),
    )
    return replace(fresh, **changes)


def session_of(who: Account, **changes: Any) -> LoginSession:
    fresh = LoginSession(
        digest=digest(),
        id=secrets.token_hex(8),
        account_id=who.id,
        created_at=AT,
        last_seen_at=AT,
        expires_at=AT + DAY,
        client="192.0.2.7",
        user_agent="Mozilla/5.0 (X11; Linux) é ✓",
        fresh_at=AT,
        active_at=AT,
    )
    return replace(fresh, **changes)


def browser_of(who: Account, **changes: Any) -> KnownBrowserRow:
    return replace(KnownBrowserRow(digest(), who.id, who.epoch, AT + 90 * DAY), **changes)


def token_of(who: Account, **changes: Any) -> AccessToken:
    fresh = AccessToken(
        digest=digest(),
        id=secrets.token_hex(8),
        account_id=who.id,
        name="VS Code é ✓",
        scopes=("all",),
        created_at=AT,
        expires_at=AT + 90 * DAY,
        last_used_at=None,
    )
    return replace(fresh, **changes)


# -- acts that many tests begin with -------------------------------------------------------------------


def added(store: Parts, username: str | None = None, **changes: Any) -> tuple[Account, EnrollmentCode]:
    """An account in the store, and the code that enrolls it."""
    fresh = account(username, **changes)
    code = code_for(fresh.id)
    assert store.accounts.add(fresh, code, [event(EventKind.ACCOUNT_ADDED, account_id=fresh.id)])
    return fresh, code


def started(store: Parts, code: EnrollmentCode, **changes: Any) -> Enrollment:
    """A half-done enrollment in the store."""
    begun = enrollment_with(code, **changes)
    assert store.enrollments.start(begun, at=AT)
    return begun


def complete(
    store: Parts,
    begun: Enrollment,
    who: Account,
    *,
    recovery: Sequence[bytes] = (),
    session: LoginSession | None = None,
    known: KnownBrowserRow | None = None,
    at: int = AT,
    last_step: int = FIRST_STEP,
) -> bool:
    """Confirm an enrollment for the account as it is to be."""
    return store.enrollments.complete(
        begun,
        account=who,
        authenticator=phone_of(begun, last_step=last_step),
        recovery_digests=recovery or [digest() for _ in range(10)],
        session=session,
        known=known,
        events=[event(EventKind.ENROLLED, at=at, account_id=who.id, account=who.username)],
        at=at,
    )


def first_account(begun: Enrollment, username: str = "first") -> Account:
    """The account that a first set-up makes."""
    return account(username, id=begun.account_id, role=Role.ADMIN, enrolled=True)


def enrolled(store: Parts, username: str | None = None, **changes: Any) -> Person:
    """An account that can log in: added, with a phone and ten recovery codes."""
    fresh, code = added(store, username, **changes)
    begun = started(store, code)
    recovery = tuple(digest() for _ in range(10))
    whole = replace(fresh, enrolled=True, epoch=fresh.epoch + 1)
    assert complete(store, begun, whole, recovery=recovery)
    return Person(whole, phone_of(begun), recovery)


def pended(store: Parts, who: Account | None, **changes: Any) -> PendingLogin:
    """A pending login in the store."""
    pending = pending_of(who, **changes)
    store.logins.add_pending(pending, event(EventKind.FIRST_FACTOR_PASSED))
    return pending


def grant(
    store: Parts,
    pending: PendingLogin,
    claim: Claim,
    session: LoginSession,
    *,
    known: KnownBrowserRow | None = None,
    refunds: Sequence[tuple[bytes, int]] = (),
) -> bool:
    """Open a login, with the event that says so."""
    said = event(EventKind.LOGIN, account_id=session.account_id, login=session.id)
    return store.logins.grant(pending, claim, session, known, refunds, [said])


_next_step = iter(range(1, 1_000_000))


def logged_in(store: Parts, person: Person, **changes: Any) -> LoginSession:
    """A live login of a person, by a step that no other login of this run takes."""
    session = session_of(person.account, **changes)
    assert grant(store, pended(store, person.account), person.step(next(_next_step)), session)
    return session


def kinds(store: Parts, account_id: str | None = None) -> list[EventKind]:
    """What the audit log says, in order."""
    return [entry.kind for _, entry in store.events.list(account_id=account_id)]
