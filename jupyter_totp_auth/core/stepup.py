"""What a login has to give once more: both factors for what adds or changes (R27), one after a lock (R25).

The counters are the login's own. A script in a notebook can call these endpoints as its person: it must not
be able to spend the owner's budget at the login page, and gets no more tries than a stranger there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import bearer
from .bearer import Kind
from .codes import Codes, Match
from .events import Event, EventKind
from .local_passwords import LocalPasswords
from .logins import LiveLogin
from .model import Account, Denied, Issued, LoginSession, Origin, Outcome, Refusal
from .passwords import Hasher
from .policy import Policy, Throttle
from .ports import AccountStore, EventStore, LoginStore, ThrottleStore
from .sealing import Purpose, SealBroken, Sealer

Refund = tuple[bytes, int]


class StepUp:
    """Step-up and unlocking. ``clock`` gives whole seconds; it is read once per public method."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        logins: LoginStore,
        throttles: ThrottleStore,
        events: EventStore,
        hasher: Hasher,
        sealer: Sealer,
        policy: Policy,
        clock: Callable[[], int],
    ) -> None:
        self._logins = logins
        self._throttles = throttles
        self._events = events
        self._sealer = sealer
        self._rules: dict[str, Throttle] = {"password": policy.password_stepup, "code": policy.code_stepup}
        self._clock = clock
        self._accounts = accounts
        self._passwords = LocalPasswords(
            accounts=accounts, hasher=hasher, sealer=sealer, policy=policy, broken=self._report_broken
        )
        self._codes = Codes(accounts=accounts, sealer=sealer, policy=policy, broken=self._report_broken)

    def step_up(
        self, login: LiveLogin, *, typed_password: str, typed_code: str, origin: Origin
    ) -> Outcome[LoginSession]:
        """Both factors again: the login is fresh, under another bearer (R23).

        Denied DENIED: wrong, whichever it was; a code is not used up behind a wrong password (K16).
        THROTTLED: neither was evaluated.
        """
        at, account = self._clock(), self._account(login)
        refused = self._charge(login, "password", at)
        if refused is None and (refused := self._charge(login, "code", at)) is not None:
            self._refund(login, "password", at)  # not evaluated, so not counted
        if refused is not None:
            return refused
        if account is None or not self._passwords.is_right(account, typed_password):
            return self._deny(login, EventKind.STEP_UP_DENIED, origin, at)
        match = self._match(login, account, typed_code, EventKind.STEP_UP_DENIED, origin, at)
        if isinstance(match, Denied):
            return match
        fresh = bearer.issue(Kind.LOGIN)
        events = [self._event(EventKind.STEP_UP, login, origin, at)]
        if match.claim is not None and match.claim.recovery_digest is not None:
            events.append(self._event(EventKind.RECOVERY_CODE_USED, login, origin, at))
        done = match.claim is not None and self._logins.renew(
            login.session,
            fresh.digest,
            account.epoch,
            match.claim,
            self._refunds(login, *self._rules),
            events,
        )
        if not done:
            return self._deny(login, EventKind.STEP_UP_DENIED, origin, at)
        renewed = replace(login.session, digest=fresh.digest, fresh_at=at, active_at=at)
        return Issued(renewed, fresh.text)

    def unlock_by_code(self, login: LiveLogin, *, typed_code: str, origin: Origin) -> Denied | None:
        """A code or recovery code of the login's own account; None: unlocked."""
        at, account = self._clock(), self._account(login)
        refused = self._charge(login, "code", at)
        if refused is not None:
            return refused
        match = self._match(login, account, typed_code, EventKind.UNLOCK_DENIED, origin, at)
        return match if isinstance(match, Denied) else self._unlock(login, match, "code", origin, at)

    def unlock_by_password(self, login: LiveLogin, *, typed_password: str, origin: Origin) -> Denied | None:
        """The account's password; None: unlocked."""
        at, account = self._clock(), self._account(login)
        refused = self._charge(login, "password", at)
        if refused is None and not self._passwords.is_right(account, typed_password):
            return self._deny(login, EventKind.UNLOCK_DENIED, origin, at)
        return refused or self._unlock(login, Match(), "password", origin, at)

    def _unlock(self, login: LiveLogin, match: Match, by: str, origin: Origin, at: int) -> Denied | None:
        event = self._event(EventKind.LOGIN_UNLOCKED, login, origin, at)
        # Of this factor alone: else whoever has the password could guess codes for ever.
        if self._logins.unlock(login.session, match.claim, self._refunds(login, by), event):
            return None
        return self._deny(login, EventKind.UNLOCK_DENIED, origin, at)

    def _account(self, login: LiveLogin) -> Account | None:
        """The account as the store has it now: memory may be a moment behind."""
        return self._accounts.by_id(login.account.id)

    def _match(
        self, login: LiveLogin, account: Account | None, typed: str, kind: EventKind, origin: Origin, at: int
    ) -> Match | Denied:
        match = self._codes.match(account, typed, at=at)
        if match.claim is not None:
            return match
        if match.replayed:  # a right code, only spent: no guess
            self._refund(login, "code", at)
        return self._deny(login, EventKind.CODE_REPLAYED if match.replayed else kind, origin, at)

    def _charge(self, login: LiveLogin, what: str, at: int) -> Denied | None:
        key, rule = self._key(login, what), self._rules[what]
        wait = self._throttles.charge(key, rule, at=at, account_id=login.account.id)
        return None if wait is None else Denied(Refusal.THROTTLED, retry_after=wait)

    def _refund(self, login: LiveLogin, what: str, at: int) -> None:
        self._throttles.refund(self._key(login, what), 1, at=at)

    def _key(self, login: LiveLogin, what: str) -> bytes:
        return self._sealer.mac(Purpose.THROTTLE, f"{what}-stepup", login.session.id)

    def _refunds(self, login: LiveLogin, *factors: str) -> list[Refund]:
        """All that this login was charged for these factors: nobody else is counted there."""
        return [(self._key(login, what), self._rules[what].limit) for what in factors]

    def _deny(self, login: LiveLogin, kind: EventKind, origin: Origin, at: int) -> Denied:
        self._events.add(self._event(kind, login, origin, at))
        return Denied(Refusal.DENIED)

    @staticmethod
    def _event(kind: EventKind, login: LiveLogin, origin: Origin, at: int) -> Event:
        who = login.account
        return Event(kind, at, who.id, who.username, who.username, origin.client, login.session.id)

    def _report_broken(self, account: Account | None, broken: SealBroken) -> None:
        who = account.username if account else None
        at, account_id = self._clock(), account.id if account else None
        self._events.add(Event(EventKind.SEAL_BROKEN, at, account_id, who, detail=str(broken)))
