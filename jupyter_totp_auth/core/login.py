"""The two factors, in order: charge, verify, claim, grant. Nothing else in this project opens a login.

Both methods hash or write, so they run off the event loop. What a stranger can tell from them: nothing
but "wrong", at the end (R7). The same work is done for a name that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import bearer, names, recovery
from .bearer import Kind
from .charges import Charges
from .codes import Codes, Match
from .events import BEHIND_A_WRONG_PASSWORD, KNOWN_BROWSER, Event, EventKind
from .grants import NewLogin, login_event, new_known_browser, new_session
from .local_passwords import LocalPasswords
from .model import (
    Account,
    Claim,
    Denied,
    Issued,
    KnownBrowserRow,
    Origin,
    Outcome,
    PendingLogin,
    Refusal,
)
from .passwords import CannotHash, Hasher
from .policy import Policy
from .ports import AccountStore, EventStore, LoginStore, ThrottleStore
from .sealing import SealBroken, Sealer

_MOST_SLIPS = 10
"""More wrong codes than are free in ten minutes: the row that carries them stays small."""

CODE_WRONG = "That code is wrong."
CODE_USED = "That code was used already. Wait for the next one."


class LoginFlow:
    """First factor, second factor. ``clock`` gives whole seconds; it is read once per public method."""

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
        self._accounts = accounts
        self._logins = logins
        self._throttles = throttles
        self._charges = Charges(throttles=throttles, sealer=sealer, policy=policy)
        self._events = events
        self._policy = policy
        self._clock = clock
        self._passwords = LocalPasswords(
            accounts=accounts, hasher=hasher, sealer=sealer, policy=policy, broken=self._report_broken
        )
        self._codes = Codes(accounts=accounts, sealer=sealer, policy=policy, broken=self._report_broken)

    # -- first factor ------------------------------------------------------------------------------

    def is_known_browser(self, text: str, *, typed_name: str | None = None) -> bool:
        """Whether this is the cookie of a browser that has logged in before, to the account of that name.

        Asked before anything is charged or hashed, for a place in the queue. Two reads; no evidence.
        """
        at = self._clock()
        digest = bearer.digest(Kind.KNOWN_BROWSER, text)
        row = self._logins.known_browser(digest, at=at) if digest else None
        account = self._accounts.by_id(row.account_id) if row else None
        if row is None or account is None or row.epoch != account.epoch:
            return False
        return typed_name is None or names.fold(typed_name) == account.username

    def first_factor(
        self,
        *,
        typed_name: str,
        typed_password: str,
        origin: Origin,
        known_browser: str | None = None,
        begun_before: str | None = None,
    ) -> Outcome[PendingLogin]:
        """Check the password and give a pending login, *whatever it was*: the verdict comes with the code.

        Only a browser that has logged in to this account before is told at once (Denied DENIED). THROTTLED
        carries ``retry_after``; the try was then neither evaluated nor counted. The slips of this browser's
        pending login, ``begun_before``, go over to the new one.
        """
        at, name = self._clock(), names.fold(typed_name)
        account = self._accounts.by_name(name) if names.is_name(name) else None
        known = self._known(known_browser, account, at)
        key, wait = self._charges.password(name, account, known, at=at)
        if wait is not None and known:  # a known browser that guesses counts as an unknown one
            known, (key, wait) = None, self._charges.password(name, account, None, at=at)
        if wait is not None:
            return Denied(Refusal.THROTTLED, retry_after=wait)
        password_ok = self._password_is_right(account, typed_password, key, at)
        event = self._first_factor_event(account, origin, at, passed=password_ok)
        if known and not password_ok:
            self._events.add(replace(event, detail=KNOWN_BROWSER))
            return Denied(Refusal.DENIED)
        pending = PendingLogin(
            digest=b"",
            account_id=account.id if account else None,
            password_ok=password_ok,
            epoch=account.epoch if account else 0,
            known_browser=known is not None,
            expires_at=at + self._policy.pending_lifetime,
            tries_left=self._policy.pending_tries,
            throttle_key=key,
            charges=self._slips(begun_before, key, account),
        )
        return self._pend(pending, event)

    def _password_is_right(self, account: Account | None, typed: str, key: bytes, at: int) -> bool:
        """Hash first, whoever it is; then whether the account may log in at all."""
        try:
            right = self._passwords.is_right(account, typed)
        except CannotHash:  # nothing was evaluated: a server without memory must not shut its owner out
            self._throttles.refund(key, 1, at=at)
            raise
        return right and account is not None and account.usable(at=at)

    def _slips(self, begun_before: str | None, key: bytes, account: Account | None) -> tuple[int, ...]:
        """When wrong codes were charged to the login that this browser had begun for the same name (R14).

        Taken, not copied: nothing is given back twice. By the counter's key, so that an unknown name costs
        the same.
        """
        digest = bearer.digest(Kind.PENDING, begun_before) if begun_before else None
        if digest is None:
            return ()
        taken = self._logins.give_up(digest, throttle_key=key, epoch=account.epoch if account else 0)
        return taken[-_MOST_SLIPS:]

    def _pend(self, pending: PendingLogin, event: Event) -> Issued[PendingLogin]:
        fresh = bearer.issue(Kind.PENDING)
        pending = replace(pending, digest=fresh.digest)
        self._logins.add_pending(pending, event)
        return Issued(pending, fresh.text)

    def _known(self, text: str | None, account: Account | None, at: int) -> KnownBrowserRow | None:
        digest = bearer.digest(Kind.KNOWN_BROWSER, text) if text else None
        row = self._logins.known_browser(digest, at=at) if digest else None
        if row is None or account is None:
            return None
        return row if (row.account_id, row.epoch) == (account.id, account.epoch) else None

    def _first_factor_event(self, account: Account | None, origin: Origin, at: int, *, passed: bool) -> Event:
        kind = EventKind.FIRST_FACTOR_PASSED if passed else EventKind.FIRST_FACTOR_DENIED
        return Event(
            kind,
            at,
            account_id=account.id if account else None,
            account=account.username if account else None,
            client=origin.client,
            detail="" if account else "unknown name",
        )

    # -- second factor -----------------------------------------------------------------------------

    def is_pending(self, pending_bearer: str | None) -> bool:
        """Whether a code can still be given for this pending login (the code page asks before it shows)."""
        digest = bearer.digest(Kind.PENDING, pending_bearer) if pending_bearer else None
        return digest is not None and self._logins.pending(digest, at=self._clock()) is not None

    def second_factor(
        self, *, pending_bearer: str | None, typed_code: str, origin: Origin, stays: bool = False
    ) -> Outcome[NewLogin]:
        """Check the code and open the login; with ``stays`` it outlives the browser's window.

        Denied EXPIRED: there is no pending login (any more), begin again. Denied DENIED: wrong, whichever
        factor it was. Denied CLOCK, and THROTTLED, are only said to a known browser. Denied SERVER_CLOCK:
        nothing was evaluated or counted, since this server does not know the time; a recovery code works.
        """
        at = self._clock()
        digest = bearer.digest(Kind.PENDING, pending_bearer) if pending_bearer else None
        if digest is not None and recovery.read(typed_code) is None and self._clock_is_off(at):
            self._events.add(Event(EventKind.CLOCK_REFUSED, at, client=origin.client))
            return Denied(Refusal.SERVER_CLOCK)
        pending = self._logins.spend_try(digest, at=at) if digest else None
        if pending is None:
            return Denied(Refusal.EXPIRED)

        account = self._accounts.by_id(pending.account_id) if pending.account_id else None
        key, wait = self._charges.code(pending, at=at)
        match = self._codes.match(account if pending.password_ok else None, typed_code, at=at)
        allowed = pending.password_ok and account is not None and wait is None
        if account is not None and allowed and match.claim is not None:
            granted = self._grant(account, pending, match.claim, key, origin, at, stays=stays)
            if granted is not None:
                return granted
            # A lost step was a right code. A recovery code that is not there, or no more, is a guess (R14).
            match = Match(replayed=match.claim.step is not None)
        elif recovery.read(typed_code) is not None:
            # The look for a recovery code takes its time, which must not say that the password was right.
            self._logins.grant_nothing(at=at)
        return self._deny(account, pending, match, key, wait, origin, at)

    def _clock_is_off(self, at: int) -> bool:
        """Whether the clock shows less than it must (R11): the codes of a time that has been are no proof.

        Measured by the newest login, or ``unlock``: what a stranger makes the log keep does not count, and
        a login with a recovery code says that the time is right.
        """
        return at < max(self._policy.earliest, self._events.last_sure_time() - self._policy.clock_tolerance)

    def _grant(
        self,
        account: Account,
        pending: PendingLogin,
        claim: Claim,
        key: bytes,
        origin: Origin,
        at: int,
        *,
        stays: bool,
    ) -> Issued[NewLogin] | None:
        fresh, session = new_session(account, origin, self._policy, at, stays=stays)
        known = None if pending.known_browser else new_known_browser(account, self._policy, at)
        refunds = self._charges.refunds(pending, key, at=at)
        events = [login_event(account, session, origin, at)]
        if claim.recovery_digest is not None:
            events.append(
                Event(
                    EventKind.RECOVERY_CODE_USED,
                    at,
                    account.id,
                    account.username,
                    account.username,
                    origin.client,
                    session.id,
                )
            )
        new = known[1] if known else None
        reopens = self._charges.reopens(account) if pending.known_browser else []
        won = self._logins.grant(pending, claim, session, new, refunds, events, reopens=reopens)
        if not won:
            return None
        return Issued(NewLogin(session, account, known[0].text if known else None), fresh.text)

    def _deny(
        self,
        account: Account | None,
        pending: PendingLogin,
        match: Match,
        key: bytes,
        wait: int | None,
        origin: Origin,
        at: int,
    ) -> Denied:
        kind = EventKind.CODE_REPLAYED if match.replayed else EventKind.SECOND_FACTOR_DENIED
        detail = "closed" if wait is not None else "" if pending.password_ok else BEHIND_A_WRONG_PASSWORD
        event = Event(
            kind,
            at,
            account_id=account.id if account else None,
            account=account.username if account else None,
            client=origin.client,
            detail=detail,
        )
        is_guess = wait is None and not match.replayed
        self._logins.deny(pending, event, charged=is_guess and pending.password_ok)
        if match.replayed and wait is None:  # a right code, only spent: no guess
            self._throttles.refund(key, 1, at=at)
        if pending.known_browser and pending.password_ok:
            if wait is not None:
                return Denied(Refusal.THROTTLED, retry_after=wait)
            if match.drift is not None:
                return Denied(Refusal.CLOCK, drift=match.drift)
            return Denied(Refusal.DENIED, text=CODE_USED if match.replayed else CODE_WRONG)
        return Denied(Refusal.DENIED)

    def _report_broken(self, account: Account | None, broken: SealBroken) -> None:
        self._events.add(
            Event(
                EventKind.SEAL_BROKEN,
                self._clock(),
                account_id=account.id if account else None,
                account=account.username if account else None,
                detail=str(broken),
            )
        )
