"""Binding a phone: enrollment code → name and password → QR → one confirmed code → recovery codes (R35, R36).

A password alone never enrolls. Nothing of it is an account until the first code has been confirmed;
then everything becomes true in one transaction, and the enrollment code is spent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from . import bearer, names, recovery, totp
from .bearer import Kind
from .events import Event, EventKind
from .grants import login_event, new_known_browser, new_session, password_key
from .local_passwords import LocalPasswords
from .model import (
    Account,
    Denied,
    Enrollment,
    EnrollmentCode,
    Issued,
    LoginSession,
    Origin,
    Outcome,
    Refusal,
    Role,
    TotpAuthenticator,
)
from .passwords import Hasher
from .policy import Policy
from .ports import AccountStore, EnrollmentStore, EventStore, KnownBrowserRow, ThrottleStore
from .sealing import Purpose, SealBroken, Sealer

FIRST_PHONE = "Phone"


@dataclass(frozen=True)
class Stage:
    """How far a half-done enrollment has come, and what its page has to show."""

    enrollment: Enrollment
    username: str | None
    has_password: bool
    """The account has a password already: it is asked for, not chosen."""
    secret: bytes | None = field(repr=False)
    """Set once name and password are given: then the QR is shown."""


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


class EnrollmentFlow:
    """The steps of an enrollment. ``clock`` gives whole seconds; it is read once per public method."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        enrollments: EnrollmentStore,
        throttles: ThrottleStore,
        events: EventStore,
        hasher: Hasher,
        sealer: Sealer,
        policy: Policy,
        clock: Callable[[], int],
        listed: Callable[[str], bool],
    ) -> None:
        self._accounts = accounts
        self._enrollments = enrollments
        self._throttles = throttles
        self._events = events
        self._passwords = LocalPasswords(accounts=accounts, hasher=hasher, sealer=sealer, policy=policy)
        self._sealer = sealer
        self._policy = policy
        self._clock = clock
        self._listed = listed

    def offer_setup(self) -> str | None:
        """A fresh set-up code, which voids the one before; None once an account is enrolled."""
        at = self._clock()
        if self._accounts.any_enrolled():
            return None
        fresh = bearer.issue(Kind.ENROLLMENT_CODE)
        code = EnrollmentCode(fresh.digest, None, at + self._policy.enrollment_code_lifetime)
        self._enrollments.put_code(code, Event(EventKind.SETUP_LINK, at))
        return fresh.text

    def start(self, typed_code: str, origin: Origin) -> Outcome[Enrollment]:
        """Page 1: the enrollment code. Denied UNKNOWN where it is wrong, spent, void or too old.

        Not throttled: there are 256 bits to guess, and a counter here could only be used against people.
        """
        at = self._clock()
        digest = bearer.digest(Kind.ENROLLMENT_CODE, typed_code.strip())
        code = self._enrollments.code(digest, at=at) if digest else None
        account = self._accounts.by_id(code.account_id) if code and code.account_id else None
        if code is None or (account is not None and account.disabled):
            self._events.add(Event(EventKind.ENROLLMENT_DENIED, at, client=origin.client))
            return Denied(Refusal.UNKNOWN)
        fresh = bearer.issue(Kind.ENROLLMENT)
        enrollment = Enrollment(
            digest=fresh.digest,
            code_digest=code.digest,
            account_id=code.account_id or secrets.token_hex(16),
            creates_account=code.account_id is None,
            username=account.username if account else None,
            authenticator_id=secrets.token_hex(16),
            expires_at=min(code.expires_at, at + self._policy.enrollment_form_lifetime),
            tries_left=self._policy.enrollment_tries,
            sealed_password=None,
            sealed_secret=None,
        )
        if not self._enrollments.start(enrollment, at=at):
            return Denied(Refusal.UNKNOWN)
        return Issued(enrollment, fresh.text)

    def stage(self, enrollment_bearer: str | None) -> Stage | None:
        """Where this browser's enrollment stands, or None where it has none (any more)."""
        enrollment = self._find(enrollment_bearer, self._clock())
        return None if enrollment is None else self._stage(enrollment)

    def choose(
        self, enrollment_bearer: str | None, *, typed_name: str, typed_password: str
    ) -> Stage | Denied:
        """Page 2: name (first set-up only) and password; afterwards the QR can be shown.

        Denied BAD_NAME, NAME_TAKEN, WEAK_PASSWORD carry a ``text``; DENIED: the account's password is
        another; EXPIRED: begin again with the enrollment code.
        """
        at = self._clock()
        enrollment = self._find(enrollment_bearer, at)
        if enrollment is None:
            return Denied(Refusal.EXPIRED)
        account = None
        if enrollment.creates_account:
            name = names.fold(typed_name)
            objection = self._name_objection(name)
        else:
            account = self._accounts.by_id(enrollment.account_id)
            name, objection = enrollment.username or "", None
        if objection is not None:
            return objection
        if account is not None and account.sealed_password is not None:
            refused = self._check_current(account, enrollment, typed_password, at)
            sealed = None
        else:
            refused, sealed = self._choose_password(enrollment, name, typed_password)
        return refused or self._save(enrollment, name, sealed, at)

    def _name_objection(self, name: str) -> Denied | None:
        if not names.is_name(name):
            text = (
                "A user name has 1 to 64 of the characters a-z, 0-9, dot, dash and underscore; "
                "it begins with a letter or digit and does not end in a dot."
            )
            return Denied(Refusal.BAD_NAME, text=text)
        if self._accounts.by_name(name) is not None:
            return Denied(Refusal.NAME_TAKEN, text="That name is taken. Please choose another.")
        return None

    def _check_current(self, account: Account, enrollment: Enrollment, typed: str, at: int) -> Denied | None:
        """The password of an account that has one: charged like any other try (D23)."""
        if self._enrollments.spend_try(enrollment.digest, at=at) is None:
            return Denied(Refusal.EXPIRED)
        key = password_key(self._sealer, account.username)
        rule = self._policy.password_unknown
        wait = self._throttles.charge(key, rule, at=at, account_id=account.id)
        if wait is not None:
            return Denied(Refusal.THROTTLED, retry_after=wait)
        if not self._passwords.is_right(account, typed):
            return Denied(Refusal.DENIED)
        self._throttles.refund(key, 1, at=at)
        return None

    def _choose_password(
        self, enrollment: Enrollment, name: str, typed: str
    ) -> tuple[Denied | None, bytes | None]:
        text = self._passwords.objection(typed, username=name, listed=self._listed)
        if text is not None:
            return Denied(Refusal.WEAK_PASSWORD, text=text), None
        return None, self._passwords.seal(enrollment.account_id, typed)

    def _save(self, enrollment: Enrollment, name: str, sealed: bytes | None, at: int) -> Stage | Denied:
        """Keep the choice. The secret is made once, so that going back does not give its QR a longer life."""
        sealed_secret, expires_at = enrollment.sealed_secret, enrollment.expires_at
        if sealed_secret is None:
            sealed_secret = self._sealer.seal(
                totp.new_secret(),
                Purpose.TOTP_SECRET,
                account=enrollment.account_id,
                item=enrollment.authenticator_id,
            )
            expires_at = at + self._policy.enrollment_lifetime
        saved = self._enrollments.save(
            enrollment.digest,
            username=name,
            sealed_password=sealed,
            sealed_secret=sealed_secret,
            expires_at=expires_at,
            at=at,
        )
        if not saved:
            return Denied(Refusal.EXPIRED)
        chosen = replace(
            enrollment,
            username=name,
            sealed_password=sealed,
            sealed_secret=sealed_secret,
            expires_at=expires_at,
        )
        return self._stage(chosen)

    def confirm(self, enrollment_bearer: str | None, *, typed_code: str, origin: Origin) -> Outcome[Enrolled]:
        """Page 3: one code from the phone. Its step is claimed, so it opens no second login (C08).

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
        secret = self._open_secret(enrollment)
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
            ),
            recovery_digests=[self._recovery_digest(account, code) for code in codes],
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
        if account is None or account.disabled:
            return None
        return replace(
            account,
            enrolled=True,
            epoch=account.epoch + 1,
            sealed_password=enrollment.sealed_password or account.sealed_password,
        )

    def _recovery_digest(self, account: Account, shown: str) -> bytes:
        code = recovery.read(shown) or ""
        return self._sealer.mac(Purpose.RECOVERY_CODE, account.id, code)

    def _open_secret(self, enrollment: Enrollment) -> bytes | None:
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

    def _find(self, enrollment_bearer: str | None, at: int) -> Enrollment | None:
        """The enrollment, while a try is left: after the last one its QR is never shown again (R36)."""
        digest = bearer.digest(Kind.ENROLLMENT, enrollment_bearer) if enrollment_bearer else None
        found = self._enrollments.find(digest, at=at) if digest else None
        return found if found is not None and found.tries_left > 0 else None

    def _stage(self, enrollment: Enrollment) -> Stage:
        account = None
        if not enrollment.creates_account:
            account = self._accounts.by_id(enrollment.account_id)
        has_password = account is not None and account.sealed_password is not None
        return Stage(enrollment, enrollment.username, has_password, self._open_secret(enrollment))


@dataclass(frozen=True)
class _Proof:
    """A right code, its step, and the account it enrolls; nothing of it is claimed yet."""

    enrollment: Enrollment
    account: Account
    step: int
    sealed_secret: bytes = field(repr=False)


_COLORS = 7


def new_account(
    username: str,
    role: Role,
    *,
    at: int,
    display_name: str = "",
    account_id: str | None = None,
    sealed_password: bytes | None = None,
    enrolled: bool = False,
    expires_at: int | None = None,
) -> Account:
    """An account as it begins: initials from the name, and one of JupyterLab's collaborator colours."""
    shown = display_name or username
    new_id = account_id or secrets.token_hex(16)
    return Account(
        id=new_id,
        username=username,
        display_name=shown,
        initials=initials_of(shown),
        color=f"var(--jp-collaborator-color{int(new_id[:4], 16) % _COLORS + 1})",
        role=role,
        disabled=False,
        created_at=at,
        expires_at=expires_at,
        enrolled=enrolled,
        epoch=0,
        sealed_password=sealed_password,
    )


def initials_of(display_name: str) -> str:
    """One or two letters for a badge: ``Ada Lovelace`` → ``AL``, ``laurent`` → ``L``."""
    words = [word for word in display_name.replace(".", " ").replace("-", " ").split() if word]
    ends = [words[0], words[-1]] if len(words) > 1 else words
    return "".join(word[0] for word in ends).upper()
