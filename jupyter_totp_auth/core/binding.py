"""The last step of an enrollment: a right code from the phone makes everything true at once (R36).

Charge a try, check the code, claim the enrollment code: one transaction writes the account, the phone, the
recovery codes and the login, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from . import bearer, recovery, totp
from .bearer import Kind
from .codes import recovery_digest
from .events import Event, EventKind
from .grants import login_event, new_known_browser, new_session
from .model import (
    Account,
    Denied,
    Enrollment,
    Issued,
    KnownBrowserRow,
    LoginSession,
    Origin,
    Outcome,
    Refusal,
    Role,
    TotpAuthenticator,
)
from .policy import Policy
from .ports import AccountStore, EnrollmentStore, EventStore
from .profiles import new_account
from .sealing import Purpose, SealBroken, Sealer

FIRST_PHONE = "Phone"


@dataclass(frozen=True)
class Enrolled:
    """A phone has been bound: the login that opened with it, and the recovery codes, shown once."""

    account: Account
    session: LoginSession
    known_browser: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Bound:
    """A phone has been bound where there is no browser to sign in; the recovery codes are shown once."""

    account: Account
    recovery_codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class _Proof:
    """A right code, its step, and the account it enrolls; nothing of it is claimed yet."""

    enrollment: Enrollment
    account: Account
    step: int
    sealed_secret: bytes = field(repr=False)


class Binding:
    """Confirms codes. ``clock`` gives whole seconds; it is read once per public method."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        enrollments: EnrollmentStore,
        events: EventStore,
        sealer: Sealer,
        policy: Policy,
        clock: Callable[[], int],
    ) -> None:
        self._accounts = accounts
        self._enrollments = enrollments
        self._events = events
        self._sealer = sealer
        self._policy = policy
        self._clock = clock

    def confirm(self, enrollment_bearer: str | None, *, typed_code: str, origin: Origin) -> Outcome[Enrolled]:
        """One code from the phone. Its step is claimed, so it opens no second login (C08).

        Denied DENIED: wrong (CLOCK with ``drift``: right for another minute). EXPIRED: the time or the
        tries are over, begin again. NAME_TAKEN: somebody was faster.
        """
        at = self._clock()
        proof = self._prove(enrollment_bearer, typed_code, origin, at)
        if isinstance(proof, Denied):
            return proof
        fresh, session = new_session(proof.account, origin, self._policy, at)
        remembered, known = new_known_browser(proof.account, self._policy, at)
        codes = self._bind(proof, origin, at, session=session, known=known)
        if isinstance(codes, Denied):
            return codes
        return Issued(Enrolled(proof.account, session, remembered.text, codes), fresh.text)

    def confirm_without_login(
        self, enrollment_bearer: str | None, *, typed_code: str, origin: Origin
    ) -> Bound | Denied:
        """The same at a terminal, where there is no browser to sign in: no login, no known browser."""
        at = self._clock()
        proof = self._prove(enrollment_bearer, typed_code, origin, at)
        if isinstance(proof, Denied):
            return proof
        codes = self._bind(proof, origin, at)
        return codes if isinstance(codes, Denied) else Bound(proof.account, codes)

    def _prove(
        self, enrollment_bearer: str | None, typed_code: str, origin: Origin, at: int
    ) -> _Proof | Denied:
        """Charge a try, then check the code."""
        digest = bearer.digest(Kind.ENROLLMENT, enrollment_bearer) if enrollment_bearer else None
        found = self._enrollments.find(digest, at=at) if digest else None
        if digest is None or found is None or found.sealed_secret is None:
            return Denied(Refusal.EXPIRED)
        digits = totp.read(typed_code)
        if digits is None:
            return Denied(Refusal.DENIED, text="A code is the six digits that the app shows.")
        enrollment = self._enrollments.spend_try(digest, at=at)
        if enrollment is None:
            return Denied(Refusal.EXPIRED)
        secret = self.open_secret(enrollment)
        if secret is None:
            return Denied(Refusal.EXPIRED)
        window = self._policy.totp_window
        step = totp.verify(secret, digits, at=at, last_step=-1, window=window)
        if step is None:
            return self._deny_code(enrollment, secret, digits, origin, at)
        account = self._account_to_be(enrollment, at)
        if account is None or enrollment.sealed_secret is None:
            return Denied(Refusal.EXPIRED)
        return _Proof(enrollment, account, step, enrollment.sealed_secret)

    def _deny_code(
        self, enrollment: Enrollment, secret: bytes, digits: str, origin: Origin, at: int
    ) -> Denied:
        account_id = None if enrollment.creates_account else enrollment.account_id
        name = None if enrollment.creates_account else enrollment.username
        event = Event(EventKind.ENROLLMENT_DENIED, at, account_id, name, client=origin.client)
        self._events.add(event)
        if enrollment.tries_left == 0:
            return Denied(Refusal.EXPIRED)
        reach, window = self._policy.drift_reach, self._policy.totp_window
        drift = totp.find_drift(secret, digits, at=at, window=window, reach=reach)
        return Denied(Refusal.DENIED if drift is None else Refusal.CLOCK, drift=drift)

    def _bind(
        self,
        proof: _Proof,
        origin: Origin,
        at: int,
        *,
        session: LoginSession | None = None,
        known: KnownBrowserRow | None = None,
    ) -> tuple[str, ...] | Denied:
        """Claim: code, phone, recovery codes and login in one transaction; the recovery codes."""
        enrollment, account = proof.enrollment, proof.account
        name = account.username
        events = [Event(EventKind.ENROLLED, at, account.id, name, name, origin.client)]
        if session is not None:
            events.append(login_event(account, session, origin, at))
        codes = tuple(recovery.new_codes(self._policy.recovery_codes))
        done = self._enrollments.complete(
            enrollment,
            account=account,
            authenticator=TotpAuthenticator(
                id=enrollment.authenticator_id,
                account_id=account.id,
                name=FIRST_PHONE,
                last_step=proof.step,
                sealed_secret=proof.sealed_secret,
                created_at=at,
                last_used_at=at,
            ),
            recovery_digests=[recovery_digest(self._sealer, account.id, code) for code in codes],
            session=session,
            known=known,
            events=events,
            at=at,
        )
        if not done:
            taken = enrollment.creates_account and self._accounts.by_name(account.username)
            return Denied(Refusal.NAME_TAKEN if taken else Refusal.EXPIRED)
        return codes

    def _account_to_be(self, enrollment: Enrollment, at: int) -> Account | None:
        """The account as it will be once the code is confirmed."""
        if enrollment.creates_account:
            return new_account(
                enrollment.username or "",
                Role.ADMIN,
                at=at,
                account_id=enrollment.account_id,
                sealed_password=enrollment.sealed_password,
                enrolled=True,
            )
        account = self._accounts.by_id(enrollment.account_id)
        if account is None or not account.is_open(at=at):
            return None
        return replace(
            account,
            enrolled=True,
            epoch=account.epoch + 1,
            sealed_password=enrollment.sealed_password or account.sealed_password,
        )

    def open_secret(self, enrollment: Enrollment) -> bytes | None:
        """The TOTP secret of a half-done enrollment, once there is one."""
        if enrollment.sealed_secret is None:
            return None
        try:
            return self._sealer.open(
                enrollment.sealed_secret,
                Purpose.TOTP_SECRET,
                account=enrollment.account_id,
                item=enrollment.authenticator_id,
            )
        except SealBroken:
            return None
