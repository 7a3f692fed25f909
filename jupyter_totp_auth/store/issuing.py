"""Probes for a store that need not be opened: no keyring is read, and no schema brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ..core import bearer
from ..core.bearer import Kind
from . import schema
from .database import file_of
from .errors import StoreRefused
from .opening import Places, open_database
from .probes import SqlProbes

LIFETIME = 60
"""Seconds between the making of a probe and the request that carries it."""


@contextmanager
def probes(places: Places) -> Iterator[Callable[[int], str]]:
    """A maker of probes: from the time, a bearer. Raises StoreRefused and StoreUnavailable."""
    path = file_of(places.database_url)
    if path is not None and not path.is_file():  # SQLite would make an empty one
        raise StoreRefused(f"there is no file {path}")
    with closing(open_database(places)) as database:
        found = schema.version(database)
        if found != schema.HEAD:
            raise StoreRefused(f"its schema ({found}) is not that of this version ({schema.HEAD})")
        kept = SqlProbes(database)

        def issue(at: int) -> str:
            fresh = bearer.issue(Kind.PROBE)
            kept.add(fresh.digest, at=at, expires_at=at + LIFETIME)
            return fresh.text

        yield issue
