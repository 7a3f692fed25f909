"""What an enrolled person adds and removes: further phones and new recovery codes, behind a step-up (R27).

A phone is the account's once it has shown a right code; until then the old ones go on as before, and the
secret is shown once (K04, K07). That the login is fresh is the rim's to ask; that it is still open, each
transaction asks itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from . import recovery, totp
from .codes import recovery_digest
from .events import Event, EventKind
from .logins import LiveLogin
from .model import Denied, LoginSession, NewAuthenticator, Origin, Refusal, TotpAuthenticator
from .policy import Policy
from .ports import AccountStore, EventStore
from .sealing import Purpose, SealBroken, Sealer


@dataclass(frozen=True)
class Offer:
    """A further phone's secret, shown once: it works after its first code."""

    id: str
    secret: bytes = field(repr=False)


class FactorStore(Protocol):
    """What an enrolled person adds and removes: further phones, recovery codes.

    ``by`` is the login that asks. Memory may be a moment behind, so each method looks in its own transaction
    whether that login is still open; where it is not, nothing is done and the answer is False.
    """

    def begin(self, new: NewAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        """Offer a phone, voiding a half-done offer. False where there are ``most`` phones."""

    def spend_try(self, account_id: str, new_id: str, *, at: int) -> NewAuthenticator | None:
        """The half-done phone with one try less, or None where there is none, or no try left."""

    def confirm(self, phone: TotpAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        """Make a half-done phone one of the account's. False where it is over, or there are ``most``."""

    def rename(self, phone_id: str, name: str, event: Event, *, by: LoginSession) -> bool: ...
    def remove(self, phone_id: str, event: Event, *, by: LoginSession) -> bool:
        """Remove a phone, raise the epoch, end all other logins, forget known browsers. Not the only one."""

    def replace_recovery_codes(self, digests: Sequence[bytes], event: Event, *, by: LoginSession) -> bool:
        """New codes in the place of all old ones."""


class Authenticators:
    """Phones and recovery codes. ``clock`` gives whole seconds; it is read once per public method."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        factors: FactorStore,
        events: EventStore,
        sealer: Sealer,
        policy: Policy,
        clock: Callable[[], int],
    ) -> None:
        self._accounts = accounts
        self._factors = factors
        self._events = events
        self._sealer = sealer
        self._policy = policy
        self._clock = clock

    def of_account(self, account_id: str) -> list[TotpAuthenticator]:
        """The account's phones, oldest first."""
        return self._accounts.authenticators(account_id)

    def begin(self, login: LiveLogin, *, name: str, origin: Origin) -> Offer | Denied:
        """A secret for a further phone; a half-done one of the account is void. Denied TOO_MANY, EXPIRED.

        ``name`` comes from :func:`names.read_label`.
        """
        at, account = self._clock(), login.account
        offer = Offer(secrets.token_hex(16), totp.new_secret())
        new = NewAuthenticator(
            id=offer.id,
            account_id=account.id,
            name=name,
            expires_at=at + self._policy.enrollment_lifetime,
            tries_left=self._policy.enrollment_tries,
            sealed_secret=self._sealer.seal(
                offer.secret, Purpose.TOTP_SECRET, account=account.id, item=offer.id
            ),
        )
        event = _event(EventKind.AUTHENTICATOR_BEGUN, login, origin, at, name)
        most = self._policy.authenticators
        return offer if self._factors.begin(new, event, by=login.session, most=most) else self._why(login)

    def confirm(
        self, login: LiveLogin, new_id: str, *, digits: str, origin: Origin
    ) -> TotpAuthenticator | Denied:
        """A code of the new phone, whose step is used up with it (C08). ``digits`` comes from totp.read.

        Denied DENIED: wrong (``drift``: right for another minute). UNKNOWN: the time or the tries are over,
        begin again. TOO_MANY, EXPIRED.
        """
        at = self._clock()
        new = self._factors.spend_try(login.account.id, new_id, at=at)
        secret = self._secret(new)
        if new is None or secret is None:
            return Denied(Refusal.UNKNOWN)
        window = self._policy.totp_window
        step = totp.verify(secret, digits, at=at, last_step=-1, window=window)
        if step is None:
            self._events.add(_event(EventKind.AUTHENTICATOR_DENIED, login, origin, at, new.name))
            reach = self._policy.drift_reach
            drift = totp.find_drift(secret, digits, at=at, window=window, reach=reach)
            return Denied(Refusal.DENIED, drift=drift)
        phone = TotpAuthenticator(
            id=new.id,
            account_id=new.account_id,
            name=new.name,
            last_step=step,
            sealed_secret=new.sealed_secret,
            created_at=at,
            last_used_at=at,
        )
        event = _event(EventKind.AUTHENTICATOR_ADDED, login, origin, at, new.name)
        most = self._policy.authenticators
        if self._factors.confirm(phone, event, by=login.session, most=most):
            return phone
        return self._why(login, Refusal.UNKNOWN)

    def rename(
        self, login: LiveLogin, phone_id: str, *, name: str, origin: Origin
    ) -> TotpAuthenticator | Denied:
        """Another name, from :func:`names.read_label`. Denied UNKNOWN."""
        event = _event(EventKind.AUTHENTICATOR_RENAMED, login, origin, self._clock(), name)
        done = self._factors.rename(phone_id, name, event, by=login.session)
        return (done and self._phone(login, phone_id)) or Denied(Refusal.UNKNOWN)

    def remove(self, login: LiveLogin, phone_id: str, origin: Origin) -> Denied | None:
        """Take a phone off; all other logins end, known browsers are forgotten (K11). None: done.

        Denied LAST_FACTOR: it is the only one, and nobody logs in with a password alone (R5). UNKNOWN,
        EXPIRED.
        """
        phone = self._phone(login, phone_id)
        if phone is None:
            return Denied(Refusal.UNKNOWN)
        event = _event(EventKind.AUTHENTICATOR_REMOVED, login, origin, self._clock(), phone.name)
        if self._factors.remove(phone_id, event, by=login.session):
            return None
        only = len(self.of_account(login.account.id)) == 1
        return Denied(Refusal.LAST_FACTOR if only else Refusal.EXPIRED)

    def new_recovery_codes(self, login: LiveLogin, origin: Origin) -> tuple[str, ...] | Denied:
        """Fresh codes, shown once; the old ones are void in the same moment (K17). Denied EXPIRED."""
        codes = tuple(recovery.new_codes(self._policy.recovery_codes))
        digests = [recovery_digest(self._sealer, login.account.id, code) for code in codes]
        event = _event(EventKind.RECOVERY_CODES_MADE, login, origin, self._clock())
        done = self._factors.replace_recovery_codes(digests, event, by=login.session)
        return codes if done else Denied(Refusal.EXPIRED)

    def _why(self, login: LiveLogin, otherwise: Refusal = Refusal.EXPIRED) -> Denied:
        full = len(self.of_account(login.account.id)) >= self._policy.authenticators
        return Denied(Refusal.TOO_MANY if full else otherwise)

    def _phone(self, login: LiveLogin, phone_id: str) -> TotpAuthenticator | None:
        phones = self.of_account(login.account.id)
        return next((phone for phone in phones if phone.id == phone_id), None)

    def _secret(self, new: NewAuthenticator | None) -> bytes | None:
        if new is None:
            return None
        try:
            return self._sealer.open(
                new.sealed_secret, Purpose.TOTP_SECRET, account=new.account_id, item=new.id
            )
        except SealBroken:
            return None


def _event(kind: EventKind, login: LiveLogin, origin: Origin, at: int, detail: str = "") -> Event:
    who = login.account
    return Event(kind, at, who.id, who.username, who.username, origin.client, login.session.id, detail)
