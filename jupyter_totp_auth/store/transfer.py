"""Everything in a store as one file, and from there into another database (JSON, one value a line).

Sealed values stay as they are: the keyring goes by itself, as with a backup. What is alive only for a while
(logins, access tokens, links, half-done things) is not in it, since an import ends it anyway.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Column, Connection, LargeBinary, RowMapping, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..core.events import Event, EventKind
from ..core.sealing import Seals
from . import keyring_file, schema
from .database import Database
from .errors import StoreRefused
from .files import sync_directory
from .opening import Places, open_database, open_own, open_store
from .revision import raise_revision, read_revision
from .rows import write_event
from .tables import Digest, account, event, instance, recovery_code, throttle, totp_authenticator
from .voiding import Past, void_the_past

_FORMAT = "jupyter-totp-auth export"
_VERSION = 1
_BATCH = 500
_LONGEST_LINE = 1 << 20
_TABLES = (account, totp_authenticator, recovery_code, throttle, event)
"""In the order in which a row's references are there before it."""

Row = dict[str, Any]


def export(database: Database, target: Path) -> int:
    """Write the store into a new file, 0600, on disk before this returns; how many accounts.

    Raises StoreRefused where ``target`` exists or cannot be written.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(target, flags, 0o600)
    except FileExistsError:
        raise StoreRefused(f"{target} exists already.") from None
    except OSError as error:
        raise StoreRefused(f"{target} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
            os.fchmod(file.fileno(), 0o600)
            with database.snapshot() as connection:
                _write(connection, file)
                count = connection.execute(select(func.count()).select_from(account)).scalar_one()
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    sync_directory(target.parent)
    return int(count)


def _write(connection: Connection, file: IO[str]) -> None:
    """A head, the rows, and an end by which a file that was cut off or altered is known."""
    digest = hashlib.sha256()

    def put(document: object) -> None:
        line = json.dumps(document, ensure_ascii=True) + "\n"
        digest.update(line.encode("ascii"))
        file.write(line)

    own = _as_json(instance, connection.execute(select(instance)).mappings().one())
    put({"format": _FORMAT, "version": _VERSION, "schema": schema.HEAD, "instance": own})
    for table in _TABLES:
        query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_BATCH)
        for row in connection.execute(query).mappings():
            put({"table": table.name, "row": _as_json(table, row)})
    file.write(json.dumps({"sha256": digest.hexdigest()}) + "\n")


def _as_json(table: Table, row: RowMapping) -> Row:
    return {column.name: _from_store(column, row[column]) for column in table.columns}


def _from_store(column: Column[Any], value: Any) -> object:
    if not isinstance(value, bytes):
        return value
    return value.hex() if isinstance(column.type, Digest) else base64.b64encode(value).decode("ascii")


def import_(places: Places, source: Path, *, at: int, actor: str) -> int:
    """Put what was exported into a store without accounts, or into none yet; how many accounts.

    All or nothing, in one transaction. It acts as a restore does: what was open ends, codes of the past are
    spent. Raises StoreRefused; the store is then as it was.
    """
    own = _checked(source)
    keyring = keyring_file.read(places.keyring)
    if keyring is None:
        raise StoreRefused(
            f"The keyring {places.keyring} is missing. Put the one there that belongs to the export, then "
            "import again."
        )
    open_own(Seals(lambda: keyring, own["instance_id"]), own["key_check"], own["mac_key"])
    store = open_store(places, at=at, new=_is_new(places))
    try:
        with store.database.write() as connection:
            _insist_on_no_accounts(connection)
            past = Past(revision=read_revision(connection, of=None))
            connection.execute(update(instance).values(own))
            for table, batch in _batches(source):
                connection.execute(insert(table), batch)
            void_the_past(connection, past, at)
            write_event(connection, Event(EventKind.STORE_IMPORTED, at, actor=actor))
            return int(connection.execute(select(func.count()).select_from(account)).scalar_one())
    except IntegrityError:
        raise StoreRefused(f"{source} contradicts itself: it is no export. Nothing was imported.") from None
    finally:
        store.close()


def _is_new(places: Places) -> bool:
    with closing(open_database(places)) as database:
        is_missing = database.path is not None and not database.path.exists()
        return is_missing or schema.version(database) is None


def _insist_on_no_accounts(connection: Connection) -> None:
    # For its lock: a first set-up that is being confirmed comes before, or not at all.
    raise_revision(connection, None)
    if connection.execute(select(account.c.id).limit(1)).first() is not None:
        raise StoreRefused(
            "This store has accounts already. Import into a new one: set TotpAuth.database_url to an empty "
            "database."
        )


def _checked(source: Path) -> Row:
    """The installation in an export that is whole, of our schema, and can be read. Raises StoreRefused."""
    try:
        head = _head(source)
        if head["schema"] != schema.HEAD:
            raise StoreRefused(
                f"The export's schema is {head['schema']!a}, this jupyter-totp-auth's {schema.HEAD}: export "
                "and import with the same version."
            )
        if _is_whole(source):
            return _to_store(instance, head["instance"])
    except OSError as error:
        raise StoreRefused(f"{source} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise StoreRefused(f"{source} is damaged, or no export of jupyter-totp-auth.")


def _head(source: Path) -> Row:
    """The first line. Raises ValueError, KeyError, TypeError for what is none of ours."""
    with source.open(encoding="ascii") as file:
        head: Row = json.loads(file.readline(_LONGEST_LINE))
    if head["format"] != _FORMAT or head["version"] != _VERSION:
        raise ValueError
    return head


def _is_whole(source: Path) -> bool:
    digest, last = hashlib.sha256(), ""
    with source.open(encoding="ascii", newline="") as file:
        for line in file:
            digest.update(last.encode("ascii"))
            last = line
    for _ in _batches(source):  # each can be read
        pass
    return bool(json.loads(last) == {"sha256": digest.hexdigest()})


def _batches(source: Path) -> Iterator[tuple[Table, list[Row]]]:
    """The rows, so many of one table at a time."""
    tables = {table.name: table for table in _TABLES}
    with source.open(encoding="ascii") as file:
        documents = (json.loads(line) for line in islice(file, 1, None))
        rows = (document for document in documents if "sha256" not in document)
        for name, group in groupby(rows, key=itemgetter("table")):
            table = tables[name]
            while batch := [_to_store(table, document["row"]) for document in islice(group, _BATCH)]:
                yield table, batch


def _to_store(table: Table, row: Row) -> Row:
    """The row as an insert takes it. Raises ValueError, KeyError, TypeError."""
    if set(row) != set(table.columns.keys()):
        raise ValueError
    kept = [column for column in table.columns if column is not event.c.id]  # the database counts by itself
    return {column.name: _value(column, row[column.name]) for column in kept}


def _value(column: Column[Any], value: Any) -> Any:
    if value is None and column.nullable:
        return None
    if isinstance(column.type, Digest):
        return bytes.fromhex(value)
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value, validate=True)
    if type(value) is not column.type.python_type:
        raise ValueError
    return value
