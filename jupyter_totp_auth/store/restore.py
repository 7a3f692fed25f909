"""A backup put in the place of a SQLite store, also under running servers (R45).

Everything is made ready in a copy aside: logins ended, codes spent, the revision raised. Only then is it
written over the store, in one transaction of SQLite's backup API and into the same file. So no process
ever sees the old logins alive again, and none goes on with a file that has been unlinked.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, func, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from ..core.events import Event, EventKind
from ..core.sealing import Keyring
from . import keyring_file, schema
from .backup import copy, stamp
from .database import Database
from .errors import StoreRefused, StoreUnavailable
from .files import insist_on_local_disk, make_private_directory, make_private_file, sync_directory
from .opening import Places, open_root
from .rows import write_event
from .tables import enrollment_code, event, instance, recovery_code, totp_authenticator
from .voiding import Past, void_the_past

_PATIENCE_S = 10.0
_BUSY_TIMEOUT_S = 5.0
_LOCKED = (5, 6)
"""SQLITE_BUSY and SQLITE_LOCKED, which sqlite3 names only since Python 3.11."""


def restore(places: Places, backup: Path, *, at: int, actor: str) -> Path | None:
    """Put ``backup`` in the store's place; where the old one is kept, or None where there was none.

    Raises StoreRefused for what is no sound backup, is newer than we are, or does not fit the keyring; the
    store is then as it was.
    """
    database = Database(places.database_url)
    live = database.path
    if live is None:
        raise StoreRefused("This store is a database server's: restore it with pg_restore or mariadb.")
    insist_on_local_disk(live)
    _insist_on_file(backup, live)
    make_private_directory(live.parent)
    with _staged(backup, live) as path, schema.locked(database):
        with closing(Database(URL.create("sqlite", database=str(path)))) as staged:
            keyring, instance_id = _insist_on_ours(staged, backup, places)
            schema.bring_up_to_date(staged, backup_first=False)
            open_root(staged, lambda: keyring, instance_id)
            with staged.write() as connection:
                void_the_past(connection, _past(database), at)
                _carry_events_over(database, connection)
                detail = ascii(str(backup.absolute()))
                write_event(connection, Event(EventKind.STORE_RESTORED, at, actor=actor, detail=detail))
        database.close()
        return _replace(live, path)


def _replace(live: Path, staged: Path) -> Path | None:
    """The old store aside, ``staged`` in its place; or, where that fails, everything as it was."""
    aside = _put_aside(live)
    is_copy = live.exists()
    try:
        _overwrite(staged, live)
    except BaseException:
        if aside is not None and is_copy:
            aside.unlink()
        raise
    return aside


def _insist_on_file(backup: Path, live: Path) -> None:
    if not backup.is_file():
        raise StoreRefused(f"There is no file {backup}.")
    if live.exists() and backup.samefile(live):
        raise StoreRefused(f"{backup} is the store itself.")


@contextmanager
def _staged(backup: Path, live: Path) -> Iterator[Path]:
    """A sound copy of the backup, beside the store, for as long as it takes; the backup is only read."""
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=live.parent) as folder:
        path = Path(folder) / "store.sqlite3"
        shutil.copyfile(backup, path)
        log = backup.with_name(f"{backup.name}-wal")
        if log.exists():  # not one of ours, but a store's files copied by hand
            shutil.copyfile(log, path.with_name(f"{path.name}-wal"))
        _insist_on_soundness(path, backup)
        yield path


def _insist_on_soundness(path: Path, backup: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError:
        verdict = "not a database"
    if verdict != "ok":
        raise StoreRefused(f"{backup} is damaged, or no backup of jupyter-totp-auth.")


def _insist_on_ours(staged: Database, backup: Path, places: Places) -> tuple[Keyring, str]:
    """Its schema must be ours and not newer; the keyring that must open it, and its instance."""
    with staged.read() as connection:
        names = set(inspect(connection).get_table_names())
        row = None
        if {"alembic_version", "account", "instance"} <= names:
            row = connection.execute(select(instance.c.instance_id, instance.c.key_check)).one_or_none()
    if row is None or row.key_check is None:
        raise StoreRefused(f"{backup} is no backup of jupyter-totp-auth.")
    found = schema.version(staged)
    if found is None or found > schema.HEAD:
        raise StoreRefused(
            f"The backup's schema ({found}) is newer than this jupyter-totp-auth ({schema.HEAD}). "
            "Install the newer version first."
        )
    keyring = keyring_file.read(places.keyring)
    if keyring is None:
        raise StoreRefused(
            f"The keyring {places.keyring} is missing. Put the one back that belongs to this backup, then "
            "restore again."
        )
    return keyring, row.instance_id


def _past(database: Database) -> Past:
    """What the old store can still tell; nothing, where it is lost or damaged."""
    if not _is_there(database):
        return Past()
    try:
        with database.read() as connection:
            authenticators = connection.execute(
                select(totp_authenticator.c.id, totp_authenticator.c.last_step)
            ).all()
            good = select(recovery_code.c.digest).where(recovery_code.c.used_at.is_(None))
            return Past(
                revision=connection.execute(select(instance.c.revision)).scalar_one(),
                steps={row.id: row.last_step for row in authenticators},
                good_recovery=frozenset(connection.execute(good).scalars()),
                open_codes=tuple(connection.execute(select(enrollment_code.c.digest)).scalars()),
            )
    except (StoreUnavailable, SQLAlchemyError, sqlite3.Error, ValueError):
        return Past()


def _is_there(database: Database) -> bool:
    path = database.path
    return path is not None and path.exists() and path.stat().st_size > 0


def _carry_events_over(database: Database, restored: Connection) -> None:
    """What happened since the backup stays in the audit log: a restore must not be a way to clean it.

    By number: every backup of a store holds the beginning of its log. Nothing, where the old one is lost.
    """
    if not _is_there(database):
        return
    last = restored.execute(select(func.max(event.c.id))).scalar() or 0
    try:
        with database.read() as connection:
            since = connection.execute(select(event).where(event.c.id > last).order_by(event.c.id))
            rows = [dict(row) for row in since.mappings()]
    except (StoreUnavailable, SQLAlchemyError, sqlite3.Error, ValueError):
        return
    if rows:
        restored.execute(insert(event), rows)


def _put_aside(live: Path) -> Path | None:
    """Keep the old store under another name. One that cannot even be read is moved there as it is."""
    if not live.exists() or live.stat().st_size == 0:
        return None
    aside = live.with_name(f"{live.name}.before-restore-{stamp()}")
    try:
        copy(live, aside)
    except sqlite3.OperationalError as error:
        raise StoreRefused(f"The old store could not be kept as {aside}: {error}.") from None
    except sqlite3.DatabaseError:
        live.rename(aside)
        # With their database, or SQLite would replay them into the new one.
        for end in ("-wal", "-shm"):
            beside = live.with_name(live.name + end)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + end))
    return aside


def _overwrite(staged: Path, live: Path) -> None:
    """Write the pages of ``staged`` over ``live``: one transaction, all or nothing, same file."""
    if not live.exists():
        make_private_file(live)
    live.chmod(0o600)
    _take_page_size(staged, live)
    with closing(sqlite3.connect(staged)) as source:
        source.execute("PRAGMA journal_mode=DELETE")
        with closing(sqlite3.connect(live, timeout=_BUSY_TIMEOUT_S)) as target:
            target.execute("PRAGMA synchronous=FULL")
            try:
                source.backup(target, progress=_patience())
            except sqlite3.Error as error:
                raise StoreRefused(f"The store could not be written: {error}. It is as it was.") from None
    sync_directory(live.parent)


def _take_page_size(staged: Path, live: Path) -> None:
    """SQLite's backup cannot change the page size of a database that is in use."""
    if live.stat().st_size == 0:
        return
    with closing(sqlite3.connect(live)) as target, closing(sqlite3.connect(staged)) as source:
        size = target.execute("PRAGMA page_size").fetchone()[0]
        if source.execute("PRAGMA page_size").fetchone()[0] != size:
            source.execute("PRAGMA journal_mode=DELETE")
            source.execute(f"PRAGMA page_size={int(size)}")
            source.execute("VACUUM")


def _patience() -> Callable[[int, int, int], None]:
    """sqlite3 tries for ever while the store is locked; this ends it."""
    deadline = time.monotonic() + _PATIENCE_S

    def check(status: int, _remaining: int, _total: int) -> None:
        if status in _LOCKED and time.monotonic() > deadline:
            raise StoreRefused("Another process does not let go of the store. It is as it was.")

    return check
