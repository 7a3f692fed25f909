"""Login sessions: answered from memory, ended in the store, and the memory kept true (R23, R25, R26).

``live`` is the check that runs on every request: one dictionary look-up, no I/O. Everything else talks
to the store and runs off the event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from . import bearer, endings
from .bearer import Kind
from .events import Event, EventKind
from .login_memory import LiveLogin as LiveLogin  # noqa: PLC0414 - where everybody else knows it from
from .login_memory import LoginMemory
from .model import Account, EndedLogin, EndReason, LoginSession
from .policy import Policy
from .ports import LoginStore

_MOST_IN_MEMORY = 200_000
_BATCH = 500
_ROUNDS = 32


class Logins:
    """The live logins of one process. ``clock`` gives whole seconds, read once per public method."""

    def __init__(self, store: LoginStore, policy: Policy, clock: Callable[[], int]) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._memory = LoginMemory(_MOST_IN_MEMORY)
        self._seen: dict[bytes, int] = {}
        self._ending: set[str] = set()
        self._synced = -1
        self._lock = threading.Lock()
        self._syncing = threading.Lock()

    def __len__(self) -> int:
        return len(self._memory)

    def __iter__(self) -> Iterator[LiveLogin]:
        return iter(list(self._memory))

    def follow(self, policy: Policy) -> None:
        """Go on under other numbers; logins that are open keep their absolute end."""
        self._policy = policy

    # -- from memory -------------------------------------------------------------------------------

    def live(self, digest: bytes) -> LiveLogin | None:
        """The login of this digest, if this process knows it to be alive."""
        login = self._memory.get(digest)
        if login is None or login.session.expires_at <= self._clock():
            return None
        return login

    def is_current(self, login: LiveLogin) -> bool:
        """Whether this is what the login is now, not what it was: alive, not locked, not idle."""
        session, at = login.session, self._clock()
        if self._memory.get(session.digest) is not login or session.locked_at is not None:
            return False
        timeout = self._policy.idle_timeout
        return session.expires_at > at and not (timeout and at - session.active_at >= timeout)

    def is_open(self, login_id: str) -> bool:
        """Whether the login of this id lives and is not locked: what its sockets ask at each message."""
        return self.open_login(login_id) is not None

    def open_login(self, login_id: str) -> LiveLogin | None:
        """The login of this id as it is now, if it lives and is not locked."""
        digest = self._memory.digest_of(login_id)
        login = self.live(digest) if digest is not None else None
        return None if login is None or login.locked else login

    def seen(self, digest: bytes) -> None:
        """Note that a login was used; written later, in a batch."""
        self._seen[digest] = self._clock()

    # -- with the store ----------------------------------------------------------------------------

    def load(self, login_bearer: str) -> LiveLogin | None:
        """Look a bearer up in the store, and remember it: after a restart, or from another process."""
        digest = bearer.digest(Kind.LOGIN, login_bearer)
        return None if digest is None else self._load(digest)

    def _load(self, digest: bytes) -> LiveLogin | None:
        for _ in range(_ROUNDS):
            # The counter before the row: an end between the two is then seen by the next sync.
            revision = self._store.revision()
            found = self._store.find(digest, at=self._clock())
            with self._lock:
                if self._synced > revision:  # a sync passed meanwhile and did not look at this row
                    continue
                if found is None:
                    self._drop(digest)
                    return None
                if not self.is_idle(found[0]):
                    return self._keep(LiveLogin(*found))
            self._lock_idle(LiveLogin(*found))  # no process looked at it in time; then read it anew
        return None  # the store changes faster than it can be read: nobody, for now

    def _keep(self, login: LiveLogin) -> LiveLogin:
        session = login.session
        known = self._memory.get(session.digest)
        if session.ending and (known is None or known.session.expires_at > session.expires_at):
            self._ending.add(session.id)
        dropped = self._memory.put(login)
        if dropped is not None:
            self._seen.pop(dropped.session.digest, None)
        return login

    def _drop(self, digest: bytes) -> None:
        self._memory.drop(digest)
        self._seen.pop(digest, None)

    def sync(self) -> frozenset[str]:
        """Compare memory with the store if anything changed there; the ids that are served no more.

        Called every 0.25 s, and after each end made here.
        """
        # One at a time: the slower of two would put back what the faster one dropped.
        with self._syncing:
            self._lock_the_idle()
            revision = self._store.revision()
            with self._lock:
                if revision == self._synced:
                    return frozenset()
                since, self._synced = self._synced, revision
            try:
                accounts = self._store.changed_accounts(since, revision)
                with self._lock:
                    concerned = self._memory.of_accounts(accounts)
                return self._compare(concerned)
            except BaseException:
                self._synced = -1  # not "done": what was not compared is compared by the next sync
                raise

    def _compare(self, known: list[bytes]) -> frozenset[str]:
        over: set[str] = set()
        for start in range(0, len(known), _BATCH):
            with self._lock:
                batch = [
                    login.session
                    for login in map(self._memory.get, known[start : start + _BATCH])
                    if login is not None
                ]
            found = self._store.find_many([session.id for session in batch], at=self._clock())
            with self._lock:
                for session in batch:
                    if session.digest not in self._memory:  # dropped meanwhile: it must not come back
                        continue
                    now = found.get(session.id)
                    if now is None or now[0].digest != session.digest:
                        self._drop(session.digest)
                    if now is not None:
                        self._keep(LiveLogin(*now))
                    if now is None or now[0].locked_at is not None:
                        over.add(session.id)
        return frozenset(over)

    @property
    def revision(self) -> int:
        """The store's revision that memory is of; -1 where that is not known."""
        return self._synced

    def take_ending(self) -> frozenset[str]:
        """The logins whose end was brought forward, as seen since this was asked last: for their pages."""
        with self._lock:
            ending, self._ending = frozenset(self._ending), set()
        return ending

    # -- idle --------------------------------------------------------------------------------------

    def active(self, login: LiveLogin) -> bool:
        """A person did something. False where the login is locked or over."""
        at = self._clock()
        if at - login.session.active_at < self._policy.activity_step:
            return self.is_open(login.session.id)
        if not self._store.set_active(login.session.id, at=at):
            return False
        with self._lock:
            here = self._memory.get(login.session.digest)
            if here is not None:
                self._keep(replace(here, session=replace(here.session, active_at=at)))
        return True

    def is_idle(self, session: LoginSession) -> bool:
        """Whether it has to be locked, as far as this process knows; only the store can say for sure."""
        timeout = self._policy.idle_timeout
        return bool(timeout) and session.locked_at is None and self._clock() - session.active_at >= timeout

    def _lock_the_idle(self) -> None:
        if not self._policy.idle_timeout:
            return
        with self._lock:
            idle = self._memory.take_idle(self._clock() - self._policy.idle_timeout)
        if not idle:
            return
        try:
            # Another process may have seen the person since.
            found = self._store.find_many([login.session.id for login in idle], at=self._clock())
            for login in idle:
                self._lock_or_keep(login, found.get(login.session.id))
        finally:  # whatever came of it: what is open still is looked at again
            with self._lock:
                for login in idle:
                    self._memory.watch(login)

    def _lock_or_keep(self, login: LiveLogin, now: tuple[LoginSession, Account] | None) -> None:
        if now is None:
            return
        if self.is_idle(now[0]):
            self._lock_idle(LiveLogin(*now))
            return
        with self._lock:
            if login.session.digest in self._memory and now[0].digest == login.session.digest:
                self._keep(LiveLogin(*now))

    def _lock_idle(self, login: LiveLogin) -> None:
        event = self._event(EventKind.LOGIN_LOCKED, login, "", login.session.id, "idle")
        self._store.lock(login.session.id, event, idle_since=event.at - self._policy.idle_timeout)

    def lock(self, login: LiveLogin, client: str) -> bool:
        """Lock this very login, because its person says so."""
        event = self._event(EventKind.LOGIN_LOCKED, login, client, login.session.id, "")
        return self._store.lock(login.session.id, event)

    def flush(self) -> None:
        """Write when logins were last seen."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if seen:
            self._store.touch(seen)

    def forget_expired(self) -> None:
        """Drop from memory what has reached its absolute end."""
        at = self._clock()
        with self._lock:
            over = [login.session.digest for login in self._memory if login.session.expires_at <= at]
            for digest in over:
                self._drop(digest)

    def why_ended(self, login_bearer: str) -> EndedLogin | None:
        """What the store remembers of a login that is over."""
        digest = bearer.digest(Kind.LOGIN, login_bearer)
        return None if digest is None else self._store.ended(digest)

    def load_or_why(self, login_bearer: str) -> LiveLogin | EndedLogin | None:
        """The login of a bearer, or how it ended; None for one that the store does not know (any more)."""
        return self.load(login_bearer) or self.why_ended(login_bearer)

    def idle_for(self, session: LoginSession) -> int | None:
        """Seconds without input for which a locked login was locked; None where its person did it."""
        timeout, idle = self._policy.idle_timeout, (session.locked_at or 0) - session.active_at
        return timeout if timeout and idle >= timeout else None

    def of_account(self, account_id: str) -> list[LoginSession]:
        """An account's live logins, newest first."""
        return self._store.of_account(account_id, at=self._clock())

    def log_out(self, login: LiveLogin, client: str) -> None:
        """End this very login."""
        self.end(login, login.session.id, client, EndReason.LOGGED_OUT)

    def end(
        self,
        by: LiveLogin,
        login_id: str,
        client: str,
        reason: EndReason = EndReason.ENDED_ELSEWHERE,
        *,
        grace: int = 0,
    ) -> bool:
        """End one of the person's own logins; False where there is none of that id."""
        event = self._event(EventKind.LOGIN_ENDED, by, client, login_id, reason.value)
        mine = by.account.id
        return bool(endings.end(self._store, reason, event, account_id=mine, only=login_id, grace=grace))

    def end_others(self, by: LiveLogin, client: str) -> int:
        """End all of the person's logins but the one that asks; how many."""
        event = self._event(EventKind.LOGINS_ENDED, by, client, None, "others")
        reason = EndReason.ENDED_ELSEWHERE
        return self._store.end_all(by.account.id, reason, event, but=by.session.id)

    def _event(self, kind: EventKind, by: LiveLogin, client: str, login_id: str | None, detail: str) -> Event:
        who = by.account
        return Event(kind, self._clock(), who.id, who.username, who.username, client, login_id, detail)
