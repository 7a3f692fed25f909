"""One-time probes: whoever can write to the store may ask, from outside, how a request arrives here."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from .database import Database, again_after_deadlock
from .tables import probe


class SqlProbes:
    """Probes by their digests. No part of ``core``: a probe opens nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_after_deadlock
    def add(self, digest: bytes, *, at: int, expires_at: int) -> None:
        """Keep a new one, and drop those that are over: nobody else purges them."""
        with self._database.write() as connection:
            connection.execute(delete(probe).where(probe.c.expires_at <= at))
            connection.execute(insert(probe).values(digest=digest, expires_at=expires_at))

    @again_after_deadlock
    def claim(self, digest: bytes, *, at: int) -> bool:
        """Use one up: true for exactly one of all who ask, in all processes, until it is over.

        Looked for first: what strangers make up must not take the database's write lock.
        """
        same = probe.c.digest == digest, probe.c.expires_at > at
        with self._database.read() as connection:
            if connection.execute(select(probe.c.digest).where(*same)).first() is None:
                return False
        with self._database.write() as connection:
            return connection.execute(delete(probe).where(*same)).rowcount == 1
