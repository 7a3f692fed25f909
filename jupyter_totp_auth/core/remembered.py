"""A part of the store kept in memory, and kept true to it by the store's revision (R26).

``get`` is one dictionary look-up, for every request; everything else reads the store and runs off the
event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .ports import Revisions

T = TypeVar("T")

_BATCH = 500
_ROUNDS = 32


class Remembered(Generic[T]):
    """Rows by digest: at most ``most`` of them, the oldest is forgotten (and looked up again if asked for).

    ``find_many`` gives those of the digests that are alive now; ``revisions`` rises whenever one of them
    may have changed; ``account_of`` says whose a row is.
    """

    def __init__(
        self,
        *,
        revisions: Revisions,
        find_many: Callable[[Sequence[bytes]], dict[bytes, T]],
        account_of: Callable[[T], str],
        most: int,
    ) -> None:
        self._revisions = revisions
        self._account_of = account_of
        self._find_many = find_many
        self._most = most
        self._rows: dict[bytes, T] = {}
        self._synced = -1
        self._lock = threading.Lock()
        self._syncing = threading.Lock()

    def get(self, digest: bytes) -> T | None:
        """From memory; the caller looks whether its time is over."""
        return self._rows.get(digest)

    def load(self, digest: bytes) -> T | None:
        """Look one up in the store, and remember it."""
        for _ in range(_ROUNDS):
            # The counter before the row: an end between the two is then seen by the next sync.
            revision = self._revisions.revision()
            found = self._find_many([digest]).get(digest)
            with self._lock:
                if self._synced > revision:  # a sync passed meanwhile and did not look at this row
                    continue
                if found is None:
                    self._rows.pop(digest, None)
                    return None
                if len(self._rows) >= self._most:
                    self._rows.pop(next(iter(self._rows)))
                self._rows[digest] = found
                return found
        return None  # the store changes faster than it can be read: nobody, for now

    def sync(self) -> None:
        """Compare memory with the store if anything changed there."""
        # One at a time: the slower of two would put back what the faster one dropped.
        with self._syncing:
            revision = self._revisions.revision()
            with self._lock:
                if revision == self._synced:
                    return
                since, self._synced = self._synced, revision
            try:
                known = self._concerned(self._revisions.changed_accounts(since, revision))
                for start in range(0, len(known), _BATCH):
                    self._compare(known[start : start + _BATCH])
            except BaseException:
                self._synced = -1  # not "done": what was not compared is compared by the next sync
                raise

    def _concerned(self, accounts: frozenset[str] | None) -> list[bytes]:
        with self._lock:
            if accounts is None:
                return list(self._rows)
            return [digest for digest, row in self._rows.items() if self._account_of(row) in accounts]

    def _compare(self, batch: list[bytes]) -> None:
        found = self._find_many(batch)
        with self._lock:
            for digest in batch:
                if digest not in self._rows:  # dropped meanwhile: it must not come back
                    continue
                if digest in found:
                    self._rows[digest] = found[digest]
                else:
                    del self._rows[digest]

    def forget(self, is_over: Callable[[T], bool]) -> None:
        """Drop what is over by itself."""
        with self._lock:
            for digest in [digest for digest, row in self._rows.items() if is_over(row)]:
                del self._rows[digest]
