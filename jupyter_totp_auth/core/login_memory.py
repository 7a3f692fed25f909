"""The logins that one process remembers: by digest, by id, by account, and by how long nobody has used them.

Only a structure: who keeps it true to the store, and takes its lock, is ``logins.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from .model import Account, LoginSession


@dataclass(frozen=True)
class LiveLogin:
    """A login as this process knows it, with the account as it is now."""

    session: LoginSession
    account: Account

    @property
    def locked(self) -> bool:
        """Whether one factor has to be given before it is served again."""
        return self.session.locked_at is not None


class LoginMemory:
    """At most ``most`` logins; the oldest is forgotten, and looked up again if it is asked for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._live: dict[bytes, LiveLogin] = {}
        self._digests: dict[str, bytes] = {}
        self._accounts: dict[str, set[bytes]] = {}
        # By when its person was last seen, as it was when it was put there: never after the truth.
        self._idle: list[tuple[int, bytes]] = []
        self._queued: set[bytes] = set()
        self.get = self._live.get
        """The login of a digest: for every request, so without a call of ours around it."""

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._live

    def __iter__(self) -> Iterator[LiveLogin]:
        return iter(self._live.values())

    def digest_of(self, login_id: str) -> bytes | None:
        """Where the login of this id stands."""
        return self._digests.get(login_id)

    def of_accounts(self, accounts: frozenset[str] | None) -> list[bytes]:
        """The digests of these accounts' logins; None: of all."""
        if accounts is None:
            return list(self._live)
        return [digest for account in accounts for digest in self._accounts.get(account, ())]

    def put(self, login: LiveLogin) -> LiveLogin | None:
        """Remember it as it is now; what had to go for it."""
        digest, dropped = login.session.digest, None
        if digest not in self._live and len(self._live) >= self._most:
            dropped = self.drop(next(iter(self._live)))
        self._live[digest] = login
        self._digests[login.session.id] = digest
        self._accounts.setdefault(login.account.id, set()).add(digest)
        self.watch(login)
        return dropped

    def drop(self, digest: bytes) -> LiveLogin | None:
        """Forget it."""
        dropped = self._live.pop(digest, None)
        if dropped is None:
            return None
        if self._digests.get(dropped.session.id) == digest:
            del self._digests[dropped.session.id]
        others = self._accounts[dropped.account.id]
        others.discard(digest)
        if not others:
            del self._accounts[dropped.account.id]
        return dropped

    def watch(self, login: LiveLogin) -> None:
        """Have ``take_idle`` look at it in its time."""
        if not login.locked and login.session.digest not in self._queued:
            self._queued.add(login.session.digest)
            heappush(self._idle, (login.session.active_at, login.session.digest))

    def take_idle(self, active_until: int) -> list[LiveLogin]:
        """Those that nobody has used since, not to be found here again until they are watched anew.

        Asked four times a second, so it does not look at all of them.
        """
        idle = []
        while self._idle and self._idle[0][0] <= active_until:
            _, digest = heappop(self._idle)
            self._queued.discard(digest)
            login = self._live.get(digest)
            if login is None or login.locked:
                continue
            if login.session.active_at <= active_until:
                idle.append(login)
            else:
                self.watch(login)
        return idle
