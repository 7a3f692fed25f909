"""Binding a phone: enrollment code → name and password → QR → one confirmed code → recovery codes (R35, R36).

A password alone never enrolls. Nothing of it is an account until the first code has been confirmed;
then everything becomes true in one transaction, and the enrollment code is spent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from . import bearer, names, totp
from .bearer import Kind
from .binding import Binding, Bound, Enrolled
from .events import Event, EventKind
from .grants import password_key
from .local_passwords import LocalPasswords
from .model import (
    Account,
    Denied,
    Enrollment,
    EnrollmentCode,
    Issued,
    Origin,
    Outcome,
    Refusal,
)
from .passwords import Hasher
from .policy import Policy
from .ports import AccountStore, EnrollmentStore, EventStore, ThrottleStore
from .sealing import Purpose, Sealer


@dataclass(frozen=True)
class Stage:
    """How far a half-done enrollment has come, and what its page has to show."""

    enrollment: Enrollment
    username: str | None
    has_password: bool
    """The account has a password already: it is asked for, not chosen."""
    secret: bytes | None = field(repr=False)
    """Set once name and password are given: then the QR is shown."""


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
        self._binding = Binding(
            accounts=accounts,
            enrollments=enrollments,
            events=events,
            sealer=sealer,
            policy=policy,
            clock=clock,
        )

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
        if code is None or (account is not None and not account.is_open(at=at)):
            if digest is not None:  # what cannot be a code at all is not worth a row
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
        self, enrollment_bearer: str | None, *, typed_name: str, typed_password: str, client: str = ""
    ) -> Stage | Denied:
        """Page 2: name (first set-up only) and password; afterwards the QR can be shown.

        Denied BAD_NAME, NAME_TAKEN, WEAK_PASSWORD carry a ``text``; DENIED: the account's password is
        another; EXPIRED: begin again with the enrollment code. ``client``: its address, where there is one.
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
            refused = self._check_current(account, enrollment, typed_password, client, at)
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

    def _check_current(
        self, account: Account, enrollment: Enrollment, typed: str, client: str, at: int
    ) -> Denied | None:
        """The password of an account that has one: charged like any other try (D23)."""
        if self._enrollments.spend_try(enrollment.digest, at=at) is None:
            return Denied(Refusal.EXPIRED)
        key = password_key(self._sealer, account.username)
        rule = self._policy.password_unknown
        wait = self._throttles.charge(key, rule, at=at, account_id=account.id)
        if wait is not None:
            return Denied(Refusal.THROTTLED, retry_after=wait)
        if not self._passwords.is_right(account, typed):
            kind, name = EventKind.ENROLLMENT_DENIED, account.username
            self._events.add(Event(kind, at, account.id, name, client=client, detail="password"))
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
        """Page 3: one code from the phone, which signs this browser in. See :class:`Binding`."""
        return self._binding.confirm(enrollment_bearer, typed_code=typed_code, origin=origin)

    def confirm_without_login(
        self, enrollment_bearer: str | None, *, typed_code: str, origin: Origin
    ) -> Bound | Denied:
        """The same at a terminal, where there is no browser to sign in."""
        return self._binding.confirm_without_login(enrollment_bearer, typed_code=typed_code, origin=origin)

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
        return Stage(enrollment, enrollment.username, has_password, self._binding.open_secret(enrollment))
