"""The flows over the store in memory, a clock moved by hand, and people with phones."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from argon2 import Parameters, PasswordHasher, profiles

from jupyter_totp_auth.core import recovery, totp
from jupyter_totp_auth.core.access_tokens import AccessTokens
from jupyter_totp_auth.core.accounts import Accounts
from jupyter_totp_auth.core.authenticators import Authenticators
from jupyter_totp_auth.core.bearer import Kind, issue
from jupyter_totp_auth.core.enrollment import EnrollmentFlow
from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.core.grants import NewLogin, code_key, password_key
from jupyter_totp_auth.core.local_passwords import LocalPasswords
from jupyter_totp_auth.core.login import LoginFlow
from jupyter_totp_auth.core.logins import Logins
from jupyter_totp_auth.core.model import (
    Account,
    Denied,
    Enrollment,
    EnrollmentCode,
    Issued,
    Origin,
    PendingLogin,
    Refusal,
    Role,
    TotpAuthenticator,
)
from jupyter_totp_auth.core.notices import Notices
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.core.policy import Policy
from jupyter_totp_auth.core.profiles import new_account
from jupyter_totp_auth.core.sealing import Keyring, Purpose, Sealer, new_mac_root
from jupyter_totp_auth.core.stepup import StepUp
from tests.core.memory_store import MemoryStore

START = 1_800_000_000
"""A time at which a time step begins."""

PASSWORD = "orbit velvet tundra"
OTHER_PASSWORD = "kiosk anvil heron"
LISTED = "qwertyuiopasdf"
HERE = Origin("192.0.2.1", "Firefox")
AWAY = Origin("198.51.100.7", "curl")


class Clock:
    """Whole seconds, moved by hand."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class CountingArgon2:
    """Stands between Hasher and argon2, and counts what is really computed."""

    def __init__(self, inner: PasswordHasher) -> None:
        self._inner = inner
        self.verified = 0
        self.hashed = 0

    def hash(self, password: str) -> str:
        self.hashed += 1
        return self._inner.hash(password)

    def verify(self, phc: str, password: str) -> bool:
        self.verified += 1
        return self._inner.verify(phc, password)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class CountingHasher(Hasher):
    """The real hasher at its cheapest; ``argon2.verified`` is how many checks it computed."""

    def __init__(self, profile: Parameters = profiles.CHEAPEST) -> None:
        super().__init__(profile)
        self.argon2 = CountingArgon2(self._argon2)
        self._argon2 = self.argon2  # type: ignore[assignment]


@dataclass
class Person:
    """Somebody with a password and a phone."""

    rig: Rig
    id: str
    name: str
    secret: bytes
    recovery_codes: list[str]
    password: str = PASSWORD

    def code(self, *, steps: int = 0) -> str:
        """What the phone shows now, or a few steps away from now."""
        return totp.code(self.secret, totp.step_at(self.rig.clock.now) + steps)

    def wrong_code(self) -> str:
        """Six digits that the phone shows nowhere near now."""
        near = {self.code(steps=steps) for steps in range(-11, 12)}
        return next(text for text in ("000000", "111111", "222222") if text not in near)

    @property
    def account(self) -> Account:
        found = self.rig.store.accounts.by_id(self.id)
        assert found is not None
        return found

    @property
    def last_step(self) -> int:
        (phone,) = self.rig.store.accounts.authenticators(self.id)
        return phone.last_step


@dataclass
class Rig:
    """Everything under test, put together as wiring.py does it."""

    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore()
        self.hasher = CountingHasher()
        keyring = Keyring.generate()
        self.sealer = Sealer(lambda: keyring, "instance", mac_root=new_mac_root())
        shared: dict[str, Any] = {
            "accounts": self.store.accounts,
            "throttles": self.store.throttles,
            "hasher": self.hasher,
            "sealer": self.sealer,
            "policy": self.policy,
            "clock": self.clock,
        }
        self.login = LoginFlow(logins=self.store.logins, events=self.store.events, **shared)
        self.enrollment = EnrollmentFlow(
            enrollments=self.store.enrollments,
            events=self.store.events,
            listed=LISTED.__eq__,
            **shared,
        )
        self.accounts = Accounts(logins=self.store.logins, listed=LISTED.__eq__, **shared)
        self.authenticators = Authenticators(
            accounts=self.store.accounts,
            factors=self.store.factors,
            events=self.store.events,
            sealer=self.sealer,
            policy=self.policy,
            clock=self.clock,
        )
        self.logins = Logins(self.store.logins, self.policy, self.clock)
        self.notices = Notices(self.store.notices, self.policy, self.clock)
        self.stepup = StepUp(logins=self.store.logins, events=self.store.events, **shared)
        self.access_tokens = AccessTokens(self.store.access_tokens, self.policy, self.clock)
        self.passwords = LocalPasswords(
            accounts=self.store.accounts,
            hasher=self.hasher,
            sealer=self.sealer,
            policy=self.policy,
        )

    # -- people ------------------------------------------------------------------------------------

    def person(
        self,
        name: str = "alice",
        *,
        password: str = PASSWORD,
        secret: bytes | None = None,
        expires_at: int | None = None,
    ) -> Person:
        """An enrolled account, written straight into the store; no login, no step used."""
        made = new_account(name, Role.MEMBER, at=self.clock.now, expires_at=expires_at)
        code = EnrollmentCode(issue(Kind.ENROLLMENT_CODE).digest, made.id, self.clock.now + 100)
        assert self.store.accounts.add(made, code, [])
        person = Person(self, made.id, name, secret or totp.new_secret(), [], password)
        self._bind(person, code)
        return person

    def _bind(self, person: Person, code: EnrollmentCode) -> None:
        account = person.account
        sealed = self.passwords.seal(account.id, person.password)
        person.recovery_codes = recovery.new_codes(2)
        enrollment = Enrollment(
            digest=issue(Kind.ENROLLMENT).digest,
            code_digest=code.digest,
            account_id=account.id,
            creates_account=False,
            username=account.username,
            authenticator_id=secrets.token_hex(16),
            expires_at=self.clock.now + 100,
            tries_left=5,
            sealed_password=sealed,
            sealed_secret=None,
        )
        changed = replace(account, enrolled=True, epoch=account.epoch + 1, sealed_password=sealed)
        assert self.store.enrollments.start(enrollment, at=self.clock.now)
        assert self.store.enrollments.complete(
            enrollment,
            account=changed,
            authenticator=self.phone(account.id, enrollment.authenticator_id, person.secret),
            recovery_digests=[
                self.sealer.mac(Purpose.RECOVERY_CODE, account.id, recovery.read(shown) or "")
                for shown in person.recovery_codes
            ],
            session=None,
            known=None,
            events=[],
            at=self.clock.now,
        )

    def phone(self, account_id: str, phone_id: str, secret: bytes) -> TotpAuthenticator:
        """A phone of that secret, sealed to its place."""
        sealed = self.sealer.seal(secret, Purpose.TOTP_SECRET, account=account_id, item=phone_id)
        return TotpAuthenticator(phone_id, account_id, "Phone", -1, sealed, self.clock.now)

    # -- what a browser does -----------------------------------------------------------------------

    def first(
        self,
        name: str = "alice",
        password: str = PASSWORD,
        *,
        known: str | None = None,
        before: str | None = None,
        origin: Origin = HERE,
    ) -> Issued[PendingLogin] | Denied:
        """Page 1."""
        return self.login.first_factor(
            typed_name=name, typed_password=password, origin=origin, known_browser=known, begun_before=before
        )

    def pend(
        self,
        name: str = "alice",
        password: str = PASSWORD,
        *,
        known: str | None = None,
        before: str | None = None,
    ) -> str:
        """Page 1, which has to lead on; the bearer of the pending login."""
        outcome = self.first(name, password, known=known, before=before)
        assert isinstance(outcome, Issued), outcome
        return outcome.bearer

    def second(self, pending: str | None, code: str, *, origin: Origin = HERE) -> Issued[NewLogin] | Denied:
        """Page 2."""
        return self.login.second_factor(pending_bearer=pending, typed_code=code, origin=origin)

    def log_in(self, person: Person, *, known: str | None = None) -> Issued[NewLogin]:
        """Both pages with what is right, in a time step of its own."""
        self.clock.now += 60
        outcome = self.second(self.pend(person.name, person.password, known=known), person.code())
        assert isinstance(outcome, Issued), outcome
        return outcome

    def known(self, person: Person) -> str:
        """The cookie of a browser that has logged in before."""
        text = self.log_in(person).value.known_browser
        assert text is not None
        return text

    # -- what the store holds ------------------------------------------------------------------------

    def password_failures(self, name: str) -> int:
        """How many failures the password of a name is charged with, from unknown browsers."""
        return self._failures(password_key(self.sealer, name))

    def code_failures(self, person: Person) -> int:
        """How many failures the second factor of an account is charged with, from unknown browsers."""
        return self._failures(code_key(self.sealer, person.id, person.account.epoch))

    def _failures(self, key: bytes) -> int:
        counter = self.store.rows.counters.get(key)
        return counter.failures if counter else 0

    # -- what the log says -------------------------------------------------------------------------

    @property
    def events(self) -> list[Event]:
        return self.store.rows.events

    def kinds(self) -> list[EventKind]:
        """The kinds of all events so far, in order."""
        return [event.kind for event in self.events]


def refusal(outcome: object) -> Refusal:
    """Why it was refused; fails where it was not."""
    assert isinstance(outcome, Denied), outcome
    return outcome.refusal


def wait(outcome: object) -> int:
    """How long a throttled try has to wait; fails where it was not throttled."""
    assert isinstance(outcome, Denied), outcome
    assert outcome.refusal is Refusal.THROTTLED
    assert outcome.retry_after is not None
    return outcome.retry_after
