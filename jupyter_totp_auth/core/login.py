"""The two factors, in order: charge, verify, claim, grant. Nothing else in this project opens a login.

Both methods hash or write, so they run off the event loop. What a stranger can tell from them: nothing
but "wrong", at the end (R7). The same work is done for a name that does not exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from . import bearer, names, passwords, recovery, totp
from .bearer import Bearer, Kind
from .events import Event, EventKind
from .model import (
    Account,
    Denied,
    Issued,
    LoginSession,
    Origin,
    Outcome,
    PendingLogin,
    Refusal,
    TotpAuthenticator,
)
from .passwords import Hasher
from .policy import Policy
from .ports import AccountStore, Claim, EventStore, KnownBrowserRow, LoginStore, ThrottleStore
from .sealing import Purpose, SealBroken, Sealer

_DECOY_SECRET = bytes(totp.SECRET_BYTES)
_LONGEST_NAME_COUNTED = 256
_USER_AGENT_LENGTH = 256


@dataclass(frozen=True)
class NewLogin:
    """A login just opened, and the known-browser bearer for a browser that was not known yet."""

    session: LoginSession
    account: Account
    known_browser: str | None = field(repr=False)


@dataclass(frozen=True)
class Match:
    """What a typed code turned out to be: a claim to be made, or why there is none."""

    claim: Claim | None = None
    replayed: bool = False
    drift: int | None = None


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
        self._events = events
        self._hasher = hasher
        self._sealer = sealer
        self._policy = policy
        self._clock = clock

    # -- first factor ------------------------------------------------------------------------------

    def first_factor(
        self,
        *,
        typed_name: str,
        typed_password: str,
        origin: Origin,
        known_browser: str | None = None,
    ) -> Outcome[PendingLogin]:
        """Check the password and give a pending login, *whatever it was*: the verdict comes with the code.

        Only a browser that has logged in to this account before is told at once (Denied DENIED). Denied
        THROTTLED carries ``retry_after``; the try was then neither evaluated nor counted.
        """
        at = self._clock()
        name = names.fold(typed_name)
        account = self._accounts.by_name(name) if names.is_name(name) else None
        known = self._known(known_browser, account, at)
        key = self._password_key(name, known)
        rule = self._policy.password_known if known else self._policy.password_unknown
        account_id = account.id if account else None
        wait = self._throttles.charge(key, rule, at=at, account_id=account_id)
        if wait is not None and known:  # a known browser that guesses counts as an unknown one
            known, key = None, self._password_key(name, None)
            rule = self._policy.password_unknown
            wait = self._throttles.charge(key, rule, at=at, account_id=account_id)
        if wait is not None:
            return Denied(Refusal.THROTTLED, retry_after=wait)

        password_ok = self._password_is_right(account, typed_password, at)
        event = self._first_factor_event(account, origin, at, passed=password_ok)
        if known and not password_ok:
            self._events.add(event)
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
        )
        return self._pend(pending, event)

    def _pend(self, pending: PendingLogin, event: Event) -> Issued[PendingLogin]:
        fresh = bearer.issue(Kind.PENDING)
        pending = replace(pending, digest=fresh.digest)
        self._logins.add_pending(pending, event)
        return Issued(pending, fresh.text)

    def _password_is_right(self, account: Account | None, typed: str, at: int) -> bool:
        """One argon2 whatever happens, so that time tells nothing (E09)."""
        phc = self._stored_hash(account)
        password = passwords.normalise(typed, longest=self._policy.password_max)
        right = self._hasher.verify(phc, password or "")
        if account is None or phc is None or password is None or not right:
            return False
        if not account.usable(at=at):
            return False
        self._rehash(account, phc, password)
        return True

    def _stored_hash(self, account: Account | None) -> str | None:
        if account is None or account.sealed_password is None:
            return None
        try:
            opened = self._sealer.open(
                account.sealed_password, Purpose.PASSWORD_HASH, account=account.id, item=account.id
            ).decode("ascii", "replace")
        except SealBroken as broken:
            self._report_broken(account, broken)
            return None
        return opened if passwords.is_argon2id(opened) else None

    def _rehash(self, account: Account, phc: str, password: str) -> None:
        if account.sealed_password is None or not self._hasher.outdated(phc):
            return
        new = seal_hash(self._sealer, account.id, self._hasher.hash(password))
        self._accounts.replace_hash(account.id, old=account.sealed_password, new=new)

    def _known(self, text: str | None, account: Account | None, at: int) -> KnownBrowserRow | None:
        digest = bearer.digest(Kind.KNOWN_BROWSER, text) if text else None
        row = self._logins.known_browser(digest, at=at) if digest else None
        if row is None or account is None:
            return None
        return row if (row.account_id, row.epoch) == (account.id, account.epoch) else None

    def _password_key(self, name: str, known: KnownBrowserRow | None) -> bytes:
        if known is not None:
            return self._sealer.mac(Purpose.THROTTLE, "password-known", known.digest)
        return password_key(self._sealer, name)

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
        self, *, pending_bearer: str | None, typed_code: str, origin: Origin
    ) -> Outcome[NewLogin]:
        """Check the code and open the login.

        Denied EXPIRED: there is no pending login (any more), begin again. Denied DENIED: wrong, whichever
        factor it was. Denied CLOCK, and THROTTLED, are only said to a known browser.
        """
        at = self._clock()
        digest = bearer.digest(Kind.PENDING, pending_bearer) if pending_bearer else None
        pending = self._logins.spend_try(digest, at=at) if digest else None
        if pending is None:
            return Denied(Refusal.EXPIRED)

        account = self._accounts.by_id(pending.account_id) if pending.account_id else None
        key, wait = self._charge_code(pending, at)
        match = self._match(account if pending.password_ok else None, typed_code, at)
        allowed = pending.password_ok and account is not None and wait is None
        if account is not None and allowed and match.claim is not None:
            granted = self._grant(account, pending, match.claim, key, origin, at)
            if granted is not None:
                return granted
            match = Match(replayed=True)
        return self._deny(account, pending, match, key, wait, origin, at)

    def _charge_code(self, pending: PendingLogin, at: int) -> tuple[bytes, int | None]:
        """Charge the account's code budget, but only where the password was right (R14).

        Otherwise a decoy of the same cost is charged: strangers cannot spend the owner's budget, and
        the time taken does not say which of the two it was.
        """
        if not pending.password_ok or pending.account_id is None:
            key = self._sealer.mac(Purpose.THROTTLE, "code-decoy", pending.throttle_key)
        elif pending.known_browser:
            key = self._sealer.mac(Purpose.THROTTLE, "code-known", pending.throttle_key)
        else:
            key = code_key(self._sealer, pending.account_id, pending.epoch)
        rule = self._policy.code_known if pending.known_browser else self._policy.code_unknown
        return key, self._throttles.charge(key, rule, at=at, account_id=pending.account_id)

    def _match(self, account: Account | None, typed: str, at: int) -> Match:
        """What ``typed`` is. With no account the same is computed over a decoy, and comes to nothing."""
        code = recovery.read(typed)
        if code is not None:
            found = self._recovery_digests(account, code)
            return Match(Claim(recovery_digests=found)) if account else Match()
        digits = totp.read(typed) or ""
        best = Match()
        for authenticator, secret in self._secrets(account):
            matched = self._match_one(authenticator, secret, digits, at)
            if matched.claim is not None:
                return matched
            if matched.replayed or matched.drift is not None:
                best = matched
        return best

    def _match_one(
        self, authenticator: TotpAuthenticator | None, secret: bytes, digits: str, at: int
    ) -> Match:
        window, last = self._policy.totp_window, authenticator.last_step if authenticator else -1
        step = totp.verify(secret, digits, at=at, last_step=last, window=window)
        spent = totp.is_spent(secret, digits, at=at, last_step=last, window=window)
        drift = totp.find_drift(secret, digits, at=at, window=window, reach=self._policy.drift_reach)
        if authenticator is None:
            return Match()
        if step is not None:
            return Match(Claim(authenticator_id=authenticator.id, step=step))
        return Match(replayed=spent, drift=drift)

    def _secrets(self, account: Account | None) -> list[tuple[TotpAuthenticator | None, bytes]]:
        found: list[tuple[TotpAuthenticator | None, bytes]] = []
        for authenticator in self._accounts.authenticators(account.id if account else ""):
            try:
                secret = self._sealer.open(
                    authenticator.sealed_secret,
                    Purpose.TOTP_SECRET,
                    account=authenticator.account_id,
                    item=authenticator.id,
                )
            except SealBroken as broken:
                self._report_broken(account, broken)
            else:
                found.append((authenticator, secret))
        return found or [(None, _DECOY_SECRET)]

    def _recovery_digests(self, account: Account | None, code: str) -> tuple[bytes, ...]:
        return tuple(self._sealer.macs(Purpose.RECOVERY_CODE, account.id if account else "", code))

    def _grant(
        self,
        account: Account,
        pending: PendingLogin,
        claim: Claim,
        key: bytes,
        origin: Origin,
        at: int,
    ) -> Issued[NewLogin] | None:
        fresh, session = new_session(account, origin, self._policy, at)
        known = None if pending.known_browser else new_known_browser(account, self._policy, at)
        refunds = self._refunds(pending, key)
        events = [login_event(account, session, origin, at)]
        if claim.recovery_digests:
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
        won = self._logins.grant(pending, claim, session, known[1] if known else None, refunds, events)
        if not won:
            return None
        return Issued(NewLogin(session, account, known[0].text if known else None), fresh.text)

    def _refunds(self, pending: PendingLogin, code_key: bytes) -> list[tuple[bytes, int]]:
        """What a whole login gets back: its own charges, and no one else's.

        All that a known browser was charged is its own; of the shared counters, this try's password and
        the codes that this pending login spent.
        """
        if pending.known_browser:
            known, code = self._policy.password_known.limit, self._policy.code_known.limit
            return [(pending.throttle_key, known), (code_key, code)]
        return [
            (pending.throttle_key, 1),
            (code_key, self._policy.pending_tries - pending.tries_left),
        ]

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
        detail = "closed" if wait is not None else "" if pending.password_ok else "password"
        self._events.add(
            Event(
                kind,
                at,
                account_id=account.id if account else None,
                account=account.username if account else None,
                client=origin.client,
                detail=detail,
            )
        )
        if match.replayed and wait is None:  # a right code, only spent: no guess
            self._throttles.refund(key, 1, at=at)
        if pending.known_browser and pending.password_ok:
            if wait is not None:
                return Denied(Refusal.THROTTLED, retry_after=wait)
            if match.drift is not None:
                return Denied(Refusal.CLOCK, drift=match.drift)
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


# -- the pieces that enrollment and the command line share --------------------------------------------


def new_session(account: Account, origin: Origin, policy: Policy, at: int) -> tuple[Bearer, LoginSession]:
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
    )
    return fresh, session


def new_known_browser(account: Account, policy: Policy, at: int) -> tuple[Bearer, KnownBrowserRow]:
    """A fresh known-browser bearer, bound to the account as it is now."""
    fresh = bearer.issue(Kind.KNOWN_BROWSER)
    row = KnownBrowserRow(fresh.digest, account.id, account.epoch, at + policy.known_browser_lifetime)
    return fresh, row


def login_event(account: Account, session: LoginSession, origin: Origin, at: int) -> Event:
    """The audit event of a login that opens."""
    return Event(
        EventKind.LOGIN,
        at,
        account.id,
        account.username,
        account.username,
        origin.client,
        session.id,
    )


def seal_hash(sealer: Sealer, account_id: str, phc: str) -> bytes:
    """A password hash, sealed to its account."""
    return sealer.seal(phc.encode(), Purpose.PASSWORD_HASH, account=account_id, item=account_id)


def password_key(sealer: Sealer, name: str) -> bytes:
    """The password counter of a (folded) name, known or not; one for all addresses (R18)."""
    return sealer.mac(Purpose.THROTTLE, "password", name[:_LONGEST_NAME_COUNTED].encode("utf-8", "replace"))


def code_key(sealer: Sealer, account_id: str, epoch: int) -> bytes:
    """The code counter of an account in one credential epoch."""
    return sealer.mac(Purpose.THROTTLE, "code", account_id, str(epoch))
