"""A store in memory that keeps the promises of ``core.ports``: one lock makes each method atomic."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_totp_auth.core.events import (
    BEHIND_A_WRONG_PASSWORD,
    FAILED,
    MOST_CLIENTS,
    STRANGERS,
    Event,
    EventKind,
    Notice,
)
from jupyter_totp_auth.core.model import (
    AccessToken,
    Account,
    AccountChange,
    Claim,
    EndedLogin,
    EndReason,
    Enrollment,
    EnrollmentCode,
    KnownBrowserRow,
    LoginSession,
    NewAuthenticator,
    PendingLogin,
    Refusal,
    Role,
    TotpAuthenticator,
)
from jupyter_totp_auth.core.notices import AdminNotice
from jupyter_totp_auth.core.policy import DAY, SLIP_MEMORY, Throttle


def is_admin(account: Account, at: int) -> bool:
    return account.role is Role.ADMIN and account.usable(at=at)


@dataclass
class RecoveryCode:
    account_id: str
    used_at: int | None = None


@dataclass
class Login:
    session: LoginSession
    ended: EndedLogin | None = None

    def lives(self, at: int) -> bool:
        return self.ended is None and self.session.expires_at > at


@dataclass
class Counter:
    account_id: str | None
    failures: int
    next_try_at: int
    forget_at: int | None


@dataclass
class Rows:
    """What the tables hold. Tests may look; only the parts below write."""

    accounts: dict[str, Account] = field(default_factory=dict)
    authenticators: dict[str, TotpAuthenticator] = field(default_factory=dict)
    new_authenticators: dict[str, NewAuthenticator] = field(default_factory=dict)
    recovery_codes: dict[bytes, RecoveryCode] = field(default_factory=dict)
    codes: dict[bytes, EnrollmentCode] = field(default_factory=dict)
    enrollments: dict[bytes, Enrollment] = field(default_factory=dict)
    pending: dict[bytes, PendingLogin] = field(default_factory=dict)
    logins: dict[bytes, Login] = field(default_factory=dict)
    access_tokens: dict[bytes, AccessToken] = field(default_factory=dict)
    known_browsers: dict[bytes, KnownBrowserRow] = field(default_factory=dict)
    counters: dict[bytes, Counter] = field(default_factory=dict)
    notices: list[AdminNotice] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    steps: list[str | None] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def step(self, account_id: str | None) -> None:
        """Raise the revision."""
        self.steps.append(account_id)

    def named(self, username: str) -> Account | None:
        return next((a for a in self.accounts.values() if a.username == username), None)

    def serves(self, login_id: str | None, at: int) -> bool:
        """Whether a login is open, not locked and not in its grace, and its account may log in."""
        rows = [row for row in self.logins.values() if row.session.id == login_id and row.lives(at)]
        return any(
            row.session.locked_at is None
            and row.session.ending is None
            and self.accounts[row.session.account_id].usable(at=at)
            for row in rows
        )

    def phones(self, account_id: str) -> list[TotpAuthenticator]:
        mine = [row for row in self.authenticators.values() if row.account_id == account_id]
        return sorted(mine, key=lambda phone: (phone.created_at, phone.id))

    def keeps_admin(self, at: int, account_id: str, changed: Account | None) -> bool:
        """Whether there still is an administrator who can log in: one without an end, if there was one."""
        before = list(self.accounts.values())
        after = [account for account in before if account.id != account_id] + ([changed] if changed else [])
        lasting = any(is_admin(account, at) and account.expires_at is None for account in before)
        return any(is_admin(account, at) and (account.expires_at is None or not lasting) for account in after)

    def end_logins(self, account_id: str, reason: EndReason, at: int, *, but: str | None = None) -> int:
        """End the live logins of an account but one, and void its half-done ones; how many were live."""
        mine = [row for row in self.logins.values() if row.session.account_id == account_id]
        live = [row for row in mine if row.lives(at) and row.session.id != but]
        for row in live:
            row.ended = EndedLogin(at, reason)
        self.void_half_done(account_id)
        self.step(account_id)
        return len(live)

    def void_half_done(self, account_id: str) -> None:
        drop(self.new_authenticators, lambda new: new.account_id == account_id)
        drop(self.pending, lambda pending: pending.account_id == account_id)
        drop(self.enrollments, lambda enrollment: enrollment.account_id == account_id)

    def end_tokens(self, account_id: str) -> None:
        drop(self.access_tokens, lambda token: token.account_id == account_id)

    def forget_browsers(self, account_id: str) -> None:
        drop(self.known_browsers, lambda known: known.account_id == account_id)

    def put_code(self, code: EnrollmentCode) -> None:
        self.drop_codes(code.account_id)
        self.codes[code.digest] = code

    def drop_codes(self, account_id: str | None) -> None:
        """Drop the codes of an account (None: of the set-up), and the tries begun with them."""
        drop(self.codes, lambda code: code.account_id == account_id)
        drop(self.enrollments, lambda enrollment: enrollment.code_digest not in self.codes)

    def refund(self, key: bytes, count: int, at: int) -> None:
        counter = self.counters.get(key)
        if counter is not None:
            counter.failures = max(counter.failures - count, 0)
            if counter.failures == 0:
                counter.next_try_at, counter.forget_at = 0, at + DAY

    def reopen(self, key: bytes, rule: Throttle, at: int) -> None:
        counter = self.counters.get(key)
        if counter is not None and counter.failures >= rule.limit:
            counter.failures, counter.next_try_at = rule.reopened, at + rule.cap
            counter.forget_at = rule.forget_at(rule.reopened, at=at)


def drop(rows: dict[Any, Any], condition: Callable[[Any], bool]) -> None:
    for key in [key for key, row in rows.items() if condition(row)]:
        del rows[key]


class MemoryAccounts:
    """Implements ``core.ports.AccountStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def by_name(self, username: str) -> Account | None:
        with self._rows.lock:
            return self._rows.named(username)

    def by_id(self, account_id: str) -> Account | None:
        with self._rows.lock:
            return self._rows.accounts.get(account_id)

    def all(self) -> list[Account]:
        with self._rows.lock:
            return sorted(self._rows.accounts.values(), key=lambda account: account.username)

    def any_enrolled(self) -> bool:
        with self._rows.lock:
            return any(account.enrolled for account in self._rows.accounts.values())

    def authenticators(self, account_id: str) -> list[TotpAuthenticator]:
        with self._rows.lock:
            return self._rows.phones(account_id)

    def recovery_codes_left(self, account_id: str) -> int:
        with self._rows.lock:
            rows = self._rows.recovery_codes.values()
            return sum(row.account_id == account_id and row.used_at is None for row in rows)

    def last_logins(self) -> dict[str, int]:
        with self._rows.lock:
            sessions = [row.session for row in self._rows.logins.values()]
            ids = {session.account_id for session in sessions}
            return {me: max(one.created_at for one in sessions if one.account_id == me) for me in ids}

    def add(self, account: Account, code: EnrollmentCode, events: Sequence[Event]) -> bool:
        with self._rows.lock:
            rows = self._rows
            if rows.named(account.username) is not None or account.id in rows.accounts:
                return False
            rows.accounts[account.id] = account
            rows.put_code(code)
            rows.events.extend(events)
            return True

    def set_password(
        self,
        account_id: str,
        sealed: bytes,
        event: Event,
        *,
        reason: EndReason,
        but: str | None = None,
        keep_tokens: bool = False,
    ) -> bool:
        with self._rows.lock:
            account = self._rows.accounts.get(account_id)
            if account is None or not (but is None or self._rows.serves(but, event.at)):
                return False
            self._put(replace(account, sealed_password=sealed, epoch=account.epoch + 1), event)
            self._rows.end_logins(account_id, reason, event.at, but=but)
            self._rows.forget_browsers(account_id)
            if not keep_tokens:
                self._rows.end_tokens(account_id)
            return True

    def replace_hash(self, account_id: str, *, old: bytes, new: bytes) -> bool:
        with self._rows.lock:
            account = self._rows.accounts.get(account_id)
            if account is None or account.sealed_password != old:
                return False
            self._rows.accounts[account_id] = replace(account, sealed_password=new)
            return True

    def set_role(self, account_id: str, role: Role, event: Event) -> bool:
        with self._rows.lock:
            account = self._rows.accounts.get(account_id)
            if account is None:
                return False
            self._put(replace(account, role=role), event)
            return True

    def set_disabled(self, account_id: str, event: Event, *, disabled: bool) -> bool:
        with self._rows.lock:
            account = self._rows.accounts.get(account_id)
            if account is None:
                return False
            self._put(replace(account, disabled=disabled), event)
            if disabled:
                self._rows.end_logins(account_id, EndReason.DISABLED, event.at)
                self._rows.end_tokens(account_id)
            return True

    def set_profile(
        self, account_id: str, *, display_name: str, initials: str, color: str, event: Event
    ) -> bool:
        with self._rows.lock:
            account = self._rows.accounts.get(account_id)
            if account is None:
                return False
            changed = replace(account, display_name=display_name, initials=initials, color=color)
            self._put(changed, event)
            return True

    def amend(self, account_id: str, change: AccountChange, events: Sequence[Event]) -> bool:
        at = events[0].at
        with self._rows.lock:
            rows, account = self._rows, self._rows.accounts.get(account_id)
            if account is None:
                return False
            changed = replace(
                account,
                role=change.role or account.role,
                terminals=change.terminals or account.terminals,
                disabled=account.disabled if change.disabled is None else change.disabled,
                expires_at=None if change.endless else change.expires_at or account.expires_at,
            )
            if not rows.keeps_admin(at, account_id, changed):
                return False
            rows.accounts[account_id] = changed
            rows.step(account_id)
            if change.disabled:
                rows.end_logins(account_id, EndReason.DISABLED, at)
                rows.end_tokens(account_id)
            for row in rows.logins.values() if change.expires_at is not None else ():
                if row.session.account_id == account_id:
                    end = min(row.session.expires_at, change.expires_at or 0)
                    row.session = replace(row.session, expires_at=end)
            rows.events.extend(events)
            return True

    def delete(self, account_id: str, event: Event, *, keep_admin: bool = False) -> bool:
        with self._rows.lock:
            rows = self._rows
            if keep_admin and not rows.keeps_admin(event.at, account_id, None):
                return False
            if rows.accounts.pop(account_id, None) is None:
                return False
            for table in (
                rows.authenticators,
                rows.new_authenticators,
                rows.recovery_codes,
                rows.enrollments,
                rows.pending,
                rows.known_browsers,
                rows.access_tokens,
                rows.counters,
            ):
                drop(table, lambda row: row.account_id == account_id)
            drop(rows.logins, lambda row: row.session.account_id == account_id)
            rows.drop_codes(account_id)
            rows.step(account_id)
            rows.events.append(event)
            return True

    def reset(self, account_id: str, code: EnrollmentCode, events: Sequence[Event]) -> bool:
        with self._rows.lock:
            account = self._rows.accounts.get(account_id)
            if account is None:
                return False
            self._rows.accounts[account_id] = replace(account, epoch=account.epoch + 1)
            self._rows.end_logins(account_id, EndReason.FACTOR_RESET, events[0].at)
            self._rows.end_tokens(account_id)
            self._rows.forget_browsers(account_id)
            self._rows.put_code(code)
            self._rows.events.extend(events)
            return True

    def _put(self, account: Account, event: Event) -> None:
        self._rows.accounts[account.id] = account
        self._rows.step(account.id)
        self._rows.events.append(event)


class MemoryRevisions:
    """Implements ``core.ports.Revisions``."""

    _rows: Rows

    def revision(self) -> int:
        with self._rows.lock:
            return len(self._rows.steps)

    def changed_accounts(self, since: int, until: int) -> frozenset[str] | None:
        with self._rows.lock:
            steps = self._rows.steps[since:until] if 0 <= since < until else [None]
        return None if None in steps else frozenset(step for step in steps if step is not None)


class MemoryLogins(MemoryRevisions):
    """Implements ``core.ports.LoginStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add_pending(self, pending: PendingLogin, event: Event) -> None:
        with self._rows.lock:
            if pending.account_id not in self._rows.accounts:  # it went since it was looked up
                pending = replace(pending, account_id=None, password_ok=False)
            self._rows.pending[pending.digest] = pending
            self._rows.events.append(event)

    def spend_try(self, digest: bytes, *, at: int) -> PendingLogin | None:
        with self._rows.lock:
            row = self.pending(digest, at=at)
            if row is None:
                return None
            row = self._rows.pending[digest] = replace(row, tries_left=row.tries_left - 1)
            return row

    def give_up(self, digest: bytes, *, throttle_key: bytes, epoch: int) -> tuple[int, ...]:
        with self._rows.lock:
            row = self._rows.pending.get(digest)
            if row is None or (row.throttle_key, row.epoch) != (throttle_key, epoch):
                return ()
            return self._rows.pending.pop(digest).charges

    def pending(self, digest: bytes, *, at: int) -> PendingLogin | None:
        with self._rows.lock:
            row = self._rows.pending.get(digest)
            good = row is not None and row.expires_at > at and row.tries_left > 0
            return row if good else None

    def grant(
        self,
        pending: PendingLogin,
        claim: Claim,
        session: LoginSession,
        known: KnownBrowserRow | None,
        refunds: Sequence[tuple[bytes, int]],
        events: Sequence[Event],
        *,
        reopens: Sequence[tuple[bytes, Throttle]] = (),
    ) -> bool:
        at = session.created_at
        with self._rows.lock:
            rows = self._rows
            account = rows.accounts.get(pending.account_id or "")
            if account is None or account.epoch != pending.epoch or not account.usable(at=at):
                return False
            if pending.digest not in rows.pending or not self._claim(claim, account.id, at):
                return False
            del rows.pending[pending.digest]
            rows.logins[session.digest] = Login(session)
            if known is not None:
                rows.known_browsers[known.digest] = known
            for key, count in refunds:
                rows.refund(key, count, at)
            for key, rule in reopens:
                rows.reopen(key, rule, at)
            rows.events.extend(events)
            return True

    def _claim(self, claim: Claim, account_id: str, at: int) -> bool:
        """The last condition of a grant: nothing after it can fail, so the claim stands."""
        rows = self._rows
        if claim.step is not None:
            phone = rows.authenticators.get(claim.authenticator_id or "")
            if phone is None or phone.account_id != account_id or phone.last_step >= claim.step:
                return False
            rows.authenticators[phone.id] = replace(phone, last_step=claim.step, last_used_at=at)
            return True
        code = rows.recovery_codes.get(claim.recovery_digest or b"")
        if code is None or code.account_id != account_id or code.used_at is not None:
            return False
        code.used_at = at
        return True

    def grant_nothing(self, *, at: int) -> None:
        """Nothing: here nothing takes time."""

    def deny(self, pending: PendingLogin, event: Event, *, charged: bool) -> None:
        with self._rows.lock:
            row = self._rows.pending.get(pending.digest)
            if row is not None:
                self._rows.pending[row.digest] = replace(row, charges=row.charges + (event.at,) * charged)
            self._rows.events.append(event)

    def known_browser(self, digest: bytes, *, at: int) -> KnownBrowserRow | None:
        with self._rows.lock:
            row = self._rows.known_browsers.get(digest)
            return row if row is not None and row.expires_at > at else None

    def find(self, digest: bytes, *, at: int) -> tuple[LoginSession, Account] | None:
        with self._rows.lock:
            row = self._rows.logins.get(digest)
            if row is None or not row.lives(at):
                return None
            account = self._rows.accounts[row.session.account_id]
            return (row.session, account) if account.usable(at=at) else None

    def find_many(self, login_ids: Iterable[str], *, at: int) -> dict[str, tuple[LoginSession, Account]]:
        with self._rows.lock:
            wanted = set(login_ids)
            digests = [row.session.digest for row in self._rows.logins.values() if row.session.id in wanted]
            found = [self.find(digest, at=at) for digest in digests]
            return {pair[0].id: pair for pair in found if pair is not None}

    def _open(self, login_id: str, at: int) -> Login | None:
        rows = [row for row in self._rows.logins.values() if row.session.id == login_id and row.lives(at)]
        return rows[0] if rows else None

    def lock(self, login_id: str, event: Event, *, idle_since: int | None = None) -> bool:
        with self._rows.lock:
            row = self._open(login_id, event.at)
            if row is None or row.session.locked_at is not None:
                return False
            if idle_since is not None and row.session.active_at > idle_since:
                return False
            row.session = replace(row.session, locked_at=event.at)
            self._rows.step(event.account_id)
            self._rows.events.append(event)
            return True

    def unlock(
        self,
        login: LoginSession,
        claim: Claim | None,
        refunds: Sequence[tuple[bytes, int]],
        event: Event,
    ) -> bool:
        at = event.at
        with self._rows.lock:
            row = self._open(login.id, at)
            if row is None or row.session.locked_at is None:
                return False
            if not self._rows.accounts[login.account_id].usable(at=at):
                return False
            if claim is not None and not self._claim(claim, login.account_id, at):
                return False
            row.session = replace(row.session, locked_at=None, active_at=at)
            self._granted(refunds, [event], at)
            return True

    def renew(
        self,
        login: LoginSession,
        digest: bytes,
        epoch: int,
        claim: Claim,
        refunds: Sequence[tuple[bytes, int]],
        events: Sequence[Event],
    ) -> bool:
        at = events[0].at
        with self._rows.lock:
            account = self._rows.accounts.get(login.account_id)
            row = self._open(login.id, at)
            if account is None or account.epoch != epoch or not account.usable(at=at):
                return False
            if row is None or row.session.digest != login.digest or row.session.locked_at is not None:
                return False
            if row.session.ending is not None:
                return False
            if not self._claim(claim, account.id, at):
                return False
            del self._rows.logins[login.digest]
            row.session = replace(row.session, digest=digest, fresh_at=at, active_at=at)
            self._rows.logins[digest] = row
            self._granted(refunds, events, at)
            return True

    def _granted(self, refunds: Sequence[tuple[bytes, int]], events: Sequence[Event], at: int) -> None:
        for key, count in refunds:
            self._rows.refund(key, count, at)
        self._rows.events.extend(events)
        self._rows.step(events[0].account_id)

    def set_active(self, login_id: str, *, at: int) -> bool:
        with self._rows.lock:
            row = self._open(login_id, at)
            if row is None or row.session.locked_at is not None:
                return False
            row.session = replace(row.session, active_at=at)
            return True

    def ended(self, digest: bytes) -> EndedLogin | None:
        with self._rows.lock:
            row = self._rows.logins.get(digest)
            if row is None:
                return None
            return row.ended or EndedLogin(row.session.expires_at, row.session.ending or EndReason.EXPIRED)

    def of_account(self, account_id: str, *, at: int) -> list[LoginSession]:
        with self._rows.lock:
            rows = [row for row in self._rows.logins.values() if row.lives(at)]
        sessions = [row.session for row in rows if row.session.account_id == account_id]
        return sorted(sessions, key=lambda session: (-session.created_at, session.id))

    def end(self, account_id: str, login_id: str, reason: EndReason, event: Event) -> bool:
        with self._rows.lock:
            for row in self._rows.logins.values():
                session = row.session
                if (session.account_id, session.id) == (account_id, login_id) and row.lives(event.at):
                    row.ended = EndedLogin(event.at, reason)
                    self._rows.step(account_id)
                    self._rows.events.append(event)
                    return True
        return False

    def end_all(self, account_id: str, reason: EndReason, event: Event, *, but: str | None = None) -> int:
        with self._rows.lock:
            self._rows.events.append(event)
            if but is None:
                return self._rows.end_logins(account_id, reason, event.at)
            others = [session for session in self.of_account(account_id, at=event.at) if session.id != but]
            for session in others:
                self._rows.logins[session.digest].ended = EndedLogin(event.at, reason)
            self._rows.step(account_id)
            return len(others)

    def bring_forward(
        self, account_id: str, reason: EndReason, event: Event, *, ends_at: int, only: str | None = None
    ) -> int:
        with self._rows.lock:
            rows = [row for row in self._rows.logins.values() if row.lives(event.at)]
            mine = [row for row in rows if row.session.account_id == account_id]
            mine = [row for row in mine if only in (None, row.session.id)]
            if only is not None and not mine:
                return 0
            for row in mine:
                end = min(row.session.expires_at, ends_at)
                row.session = replace(row.session, expires_at=end, ending=reason)
            if only is None:
                self._rows.void_half_done(account_id)
            self._rows.step(account_id)
            self._rows.events.append(event)
            return len(mine)

    def touch(self, seen: dict[bytes, int]) -> None:
        with self._rows.lock:
            for digest, at in seen.items():
                row = self._rows.logins.get(digest)
                if row is not None:
                    row.session = replace(row.session, last_seen_at=at)

    def purge(self, *, at: int, ended_before: int) -> None:
        with self._rows.lock:
            rows = self._rows
            drop(rows.pending, lambda row: row.expires_at <= at - SLIP_MEMORY)
            tables = (
                rows.enrollments,
                rows.codes,
                rows.known_browsers,
                rows.new_authenticators,
                rows.access_tokens,
            )
            for table in tables:
                drop(table, lambda row: row.expires_at <= at)
            drop(rows.enrollments, lambda enrollment: enrollment.code_digest not in rows.codes)
            drop(
                rows.logins,
                lambda row: (
                    row.session.expires_at < ended_before
                    or (row.ended is not None and row.ended.ended_at < ended_before)
                ),
            )
            drop(rows.counters, lambda row: row.forget_at is not None and row.forget_at <= at)


class MemoryAccessTokens(MemoryRevisions):
    """Implements ``core.ports.AccessTokenStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(
        self, token: AccessToken, *, epoch: int, login_id: str, most: int, event: Event
    ) -> Refusal | None:
        at = token.created_at
        with self._rows.lock:
            account = self._rows.accounts.get(token.account_id)
            if account is None or account.epoch != epoch or not account.usable(at=at):
                return Refusal.UNKNOWN
            logins = [row for row in self._rows.logins.values() if row.lives(at) and not row.session.ending]
            if (login_id, account.id) not in [(row.session.id, row.session.account_id) for row in logins]:
                return Refusal.UNKNOWN
            if len(self.of_account(account.id, at=at)) >= most:
                return Refusal.TOO_MANY
            self._rows.access_tokens[token.digest] = token
            self._rows.events.append(event)
            return None

    def find_many(self, digests: Iterable[bytes], *, at: int) -> dict[bytes, tuple[AccessToken, Account]]:
        found = {}
        with self._rows.lock:
            for digest in digests:
                token = self._rows.access_tokens.get(digest)
                if token is None or token.expires_at <= at:
                    continue
                account = self._rows.accounts[token.account_id]
                if account.usable(at=at):
                    found[digest] = (token, account)
        return found

    def of_account(self, account_id: str, *, at: int) -> list[AccessToken]:
        with self._rows.lock:
            rows = self._rows.access_tokens.values()
            mine = [token for token in rows if token.account_id == account_id and token.expires_at > at]
        return sorted(mine, key=lambda token: (-token.created_at, token.id))

    def revoke(self, account_id: str, token_id: str, event: Event) -> bool:
        with self._rows.lock:
            for token in self.of_account(account_id, at=event.at):
                if token.id == token_id:
                    del self._rows.access_tokens[token.digest]
                    self._rows.step(account_id)
                    self._rows.events.append(event)
                    return True
        return False

    def touch(self, seen: dict[bytes, tuple[int, str]]) -> None:
        with self._rows.lock:
            for digest, (at, client) in seen.items():
                token = self._rows.access_tokens.get(digest)
                if token is not None:
                    self._rows.access_tokens[digest] = replace(token, last_used_at=at, last_used_from=client)


class MemoryEnrollments:
    """Implements ``core.ports.EnrollmentStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put_code(self, code: EnrollmentCode, event: Event) -> None:
        with self._rows.lock:
            self._rows.put_code(code)
            self._rows.events.append(event)

    def code(self, digest: bytes, *, at: int) -> EnrollmentCode | None:
        with self._rows.lock:
            row = self._rows.codes.get(digest)
            return row if row is not None and row.expires_at > at else None

    def start(self, enrollment: Enrollment, *, at: int) -> bool:
        with self._rows.lock:
            if self.code(enrollment.code_digest, at=at) is None:
                return False
            drop(self._rows.enrollments, lambda row: row.code_digest == enrollment.code_digest)
            self._rows.enrollments[enrollment.digest] = enrollment
            return True

    def find(self, digest: bytes, *, at: int) -> Enrollment | None:
        with self._rows.lock:
            row = self._rows.enrollments.get(digest)
            return row if row is not None and row.expires_at > at and row.tries_left > 0 else None

    def spend_try(self, digest: bytes, *, at: int) -> Enrollment | None:
        with self._rows.lock:
            row = self.find(digest, at=at)
            if row is None:
                return None
            row = self._rows.enrollments[digest] = replace(row, tries_left=row.tries_left - 1)
            return row

    def save(
        self,
        digest: bytes,
        *,
        username: str | None,
        sealed_password: bytes | None,
        sealed_secret: bytes,
        expires_at: int,
        at: int,
    ) -> bool:
        with self._rows.lock:
            row = self.find(digest, at=at)
            if row is None:
                return False
            self._rows.enrollments[digest] = replace(
                row,
                username=username,
                sealed_password=sealed_password,
                sealed_secret=sealed_secret,
                expires_at=expires_at,
            )
            return True

    def complete(
        self,
        enrollment: Enrollment,
        *,
        account: Account,
        authenticator: TotpAuthenticator,
        recovery_digests: Sequence[bytes],
        session: LoginSession | None,
        known: KnownBrowserRow | None,
        events: Sequence[Event],
        at: int,
    ) -> bool:
        with self._rows.lock:
            rows = self._rows
            allowed = (
                self.code(enrollment.code_digest, at=at) is not None
                and enrollment.digest in rows.enrollments
                and self._may_put(enrollment, account)
            )
            if not allowed:
                return False
            if enrollment.creates_account:
                rows.accounts[account.id] = account
            else:
                self._bind_anew(account, at)
            del rows.codes[enrollment.code_digest]
            # Somebody can log in now: there is no first set-up any more.
            rows.drop_codes(None)
            rows.step(account.id)
            rows.authenticators[authenticator.id] = authenticator
            for digest in recovery_digests:
                rows.recovery_codes[digest] = RecoveryCode(account.id)
            if session is not None:
                rows.logins[session.digest] = Login(session)
            if known is not None:
                rows.known_browsers[known.digest] = known
            rows.events.extend(events)
            return True

    def _may_put(self, enrollment: Enrollment, new: Account) -> bool:
        """Whether the account can be made (a first set-up, with a free name) or changed (same epoch)."""
        if enrollment.creates_account:
            anyone = any(account.enrolled for account in self._rows.accounts.values())
            return not anyone and self._rows.named(new.username) is None
        old = self._rows.accounts.get(new.id)
        return old is not None and old.epoch == new.epoch - 1 and not old.disabled

    def _bind_anew(self, new: Account, at: int) -> None:
        rows, old = self._rows, self._rows.accounts[new.id]
        rows.accounts[new.id] = replace(
            old, enrolled=True, epoch=new.epoch, sealed_password=new.sealed_password
        )
        rows.end_logins(new.id, EndReason.FACTOR_RESET, at)
        rows.end_tokens(new.id)
        rows.forget_browsers(new.id)
        drop(rows.authenticators, lambda row: row.account_id == new.id)
        drop(rows.recovery_codes, lambda row: row.account_id == new.id)


class MemoryFactors:
    """Implements ``core.authenticators.FactorStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def begin(self, new: NewAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        with self._rows.lock:
            rows = self._rows
            if not rows.serves(by.id, event.at) or len(rows.phones(new.account_id)) >= most:
                return False
            drop(rows.new_authenticators, lambda row: row.account_id == new.account_id)
            rows.new_authenticators[new.id] = new
            return self._done(event, by)

    def spend_try(self, account_id: str, new_id: str, *, at: int) -> NewAuthenticator | None:
        with self._rows.lock:
            row = self._rows.new_authenticators.get(new_id)
            if row is None or row.account_id != account_id:
                return None
            if row.tries_left == 0 or row.expires_at <= at:
                del self._rows.new_authenticators[new_id]
                return None
            row = self._rows.new_authenticators[new_id] = replace(row, tries_left=row.tries_left - 1)
            return row

    def confirm(self, phone: TotpAuthenticator, event: Event, *, by: LoginSession, most: int) -> bool:
        with self._rows.lock:
            rows, new = self._rows, self._rows.new_authenticators.get(phone.id)
            good = new is not None and new.account_id == by.account_id and new.expires_at > event.at
            if not good or not rows.serves(by.id, event.at) or len(rows.phones(by.account_id)) >= most:
                return False
            del rows.new_authenticators[phone.id]
            rows.authenticators[phone.id] = phone
            return self._done(event, by)

    def rename(self, phone_id: str, name: str, event: Event, *, by: LoginSession) -> bool:
        with self._rows.lock:
            phone = self._mine(phone_id, by, event.at)
            if phone is None:
                return False
            self._rows.authenticators[phone_id] = replace(phone, name=name)
            return self._done(event, by)

    def remove(self, phone_id: str, event: Event, *, by: LoginSession) -> bool:
        with self._rows.lock:
            rows, me = self._rows, by.account_id
            if self._mine(phone_id, by, event.at) is None or len(rows.phones(me)) == 1:
                return False
            del rows.authenticators[phone_id]
            rows.accounts[me] = replace(rows.accounts[me], epoch=rows.accounts[me].epoch + 1)
            rows.end_logins(me, EndReason.FACTOR_RESET, event.at, but=by.id)
            rows.forget_browsers(me)
            return self._done(event, by)

    def replace_recovery_codes(self, digests: Sequence[bytes], event: Event, *, by: LoginSession) -> bool:
        with self._rows.lock:
            rows, me = self._rows, by.account_id
            if not rows.serves(by.id, event.at):
                return False
            drop(rows.recovery_codes, lambda code: code.account_id == me)
            rows.recovery_codes.update({digest: RecoveryCode(me) for digest in digests})
            return self._done(event, by)

    def _mine(self, phone_id: str, by: LoginSession, at: int) -> TotpAuthenticator | None:
        phone = self._rows.authenticators.get(phone_id)
        mine = phone is not None and phone.account_id == by.account_id
        return phone if mine and self._rows.serves(by.id, at) else None

    def _done(self, event: Event, by: LoginSession) -> bool:
        self._rows.step(by.account_id)
        self._rows.events.append(event)
        return True


class MemoryThrottles:
    """Implements ``core.ports.ThrottleStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def charge(self, key: bytes, rule: Throttle, *, at: int, account_id: str | None = None) -> int | None:
        with self._rows.lock:
            counter = self._rows.counters.setdefault(key, Counter(account_id, 0, 0, None))
            if counter.failures >= rule.limit:
                return rule.cap
            wait = counter.next_try_at - at
            if wait > rule.cap:  # of a clock that was ahead
                wait = rule.delay(counter.failures)
                counter.next_try_at = at + wait
            if wait > 0:
                return wait
            counter.account_id = account_id
            counter.failures += 1
            counter.next_try_at = at + rule.delay(counter.failures)
            counter.forget_at = rule.forget_at(counter.failures, at=at)
            return None

    def refund(self, key: bytes, count: int, *, at: int) -> None:
        with self._rows.lock:
            self._rows.refund(key, count, at)

    def reset(self, account_id: str, event: Event) -> None:
        with self._rows.lock:
            drop(self._rows.counters, lambda counter: counter.account_id == account_id)
            self._rows.events.append(event)

    def reopen(self, key: bytes, rule: Throttle, *, at: int) -> None:
        with self._rows.lock:
            self._rows.reopen(key, rule, at)

    def bound(self, most: int) -> None:
        with self._rows.lock:
            rows = {key: row for key, row in self._rows.counters.items() if row.forget_at is not None}
            kept = sorted(rows.items(), key=lambda item: (-item[1].failures, -(item[1].forget_at or 0)))
            for key, _ in kept[most:]:
                del self._rows.counters[key]


class MemoryEvents:
    """Implements ``core.ports.EventStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, *events: Event) -> None:
        with self._rows.lock:
            self._rows.events.extend(events)

    def last_sure_time(self) -> int:
        with self._rows.lock:
            sure = (EventKind.LOGIN, EventKind.UNLOCKED)
            return next((event.at for event in reversed(self._rows.events) if event.kind in sure), 0)

    def notice(self, account_id: str, login_id: str) -> Notice:
        with self._rows.lock:
            mine = [event for event in self._rows.events if event.account_id == account_id]
        logins = [n for n, event in enumerate(mine) if event.kind is EventKind.LOGIN]
        before = [n for n in logins if all(event.login != login_id for event in mine[: n + 1])]
        opened = next((n for n, event in enumerate(mine) if event.login == login_id), len(mine))
        first = before[-1] + 1 if before else 0
        failed = [
            (n, e)
            for n, e in enumerate(mine[first:], first)
            if e.kind in FAILED and e.detail != BEHIND_A_WRONG_PASSWORD
        ]
        this = mine[opened] if opened < len(mine) else None
        own = [
            n
            for n, e in failed
            if this is not None and n < opened and e.client == this.client and e.at >= this.at - SLIP_MEMORY
        ]
        clients = [e.client for _, e in failed]
        often = sorted(set(clients), key=lambda client: (-clients.count(client), client))
        past = [n for n, e in failed if n not in own and e.kind is not EventKind.FIRST_FACTOR_DENIED]
        last = mine[before[-1]] if before else None
        shown = tuple(often[:MOST_CLIENTS])
        return Notice(last, len(failed), shown, len(often) > len(shown), len(own), len(past))

    def purge(self, *, before: int, strangers_before: int, most_of_strangers: int) -> None:
        with self._rows.lock:
            rows = self._rows
            strangers = [e for e in rows.events if e.account_id is None and e.kind in STRANGERS]
            kept = strangers[max(len(strangers) - most_of_strangers, 0) :]
            gone = [e for e in strangers if e.at < strangers_before or not any(e is k for k in kept)]
            rows.events[:] = [e for e in rows.events if e.at >= before and not any(e is g for g in gone)]

    def list(
        self,
        *,
        account_id: str | None = None,
        username: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[tuple[int, Event]]:
        with self._rows.lock:
            numbered = list(enumerate(self._rows.events, start=1))
        found = [
            (number, event)
            for number, event in numbered
            if number > after
            and (before is None or number < before)
            and account_id in (None, event.account_id)
            and username in (None, event.account)
        ]
        return found if limit is None else found[max(len(found) - limit, 0) :]


class MemoryNotices:
    """Implements ``core.notices.NoticeStore``."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, notice: AdminNotice, event: Event, *, most: int) -> None:
        with self._rows.lock:
            self._rows.notices = [notice, *self.live(at=event.at)][:most]
            self._rows.step("")
            self._rows.events.append(event)

    def live(self, *, at: int) -> list[AdminNotice]:
        with self._rows.lock:
            return [notice for notice in self._rows.notices if notice.expires_at > at]

    def withdraw(self, event: Event, *, only: str | None = None) -> int:
        with self._rows.lock:
            gone = [notice for notice in self.live(at=event.at) if only in (None, notice.id)]
            if gone:
                self._rows.notices = [notice for notice in self._rows.notices if notice not in gone]
                self._rows.step("")
                self._rows.events.append(event)
            return len(gone)


class MemoryStore:
    """The seven stores over one set of rows, under the names that ``store.Store`` gives them."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.accounts = MemoryAccounts(self.rows)
        self.logins = MemoryLogins(self.rows)
        self.access_tokens = MemoryAccessTokens(self.rows)
        self.enrollments = MemoryEnrollments(self.rows)
        self.factors = MemoryFactors(self.rows)
        self.throttles = MemoryThrottles(self.rows)
        self.events = MemoryEvents(self.rows)
        self.notices = MemoryNotices(self.rows)
