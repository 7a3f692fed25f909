"""The store and its keyring: whether both halves are there, sound, of this version, and backed up."""

from __future__ import annotations

import os

from ..core.policy import DAY
from ..store import StoreRefused
from ..store.files import insist_on_local_disk
from ..store.inspection import fits
from ..store.opening import open_database
from ..store.schema import HEAD
from .finding import CannotLook, NothingThere, Verdict, check, green, red, yellow
from .subject import Subject

_BACKUP_AGE = 30 * DAY


@check(
    "store-halves",
    about="the store without its keyring, or the keyring without its store",
    why="Neither half opens anything alone. Of one that has no other half, the server makes none anew.",
)
def _halves(subject: Subject) -> Verdict:
    keyring, database = subject.places.keyring, subject.database
    there = subject.has_store
    place = database or "the database server"
    if there and not keyring.exists():
        return red(f"The store is there ({place}), its keyring {keyring} is not.", f"cp BACKUP {keyring}")
    if keyring.exists() and not there:
        return red(
            f"The keyring {keyring} is there, its store ({place}) is not.", "jupyter totp restore BACKUP"
        )
    if not there:
        return yellow("There is no store yet.", "jupyter totp init")
    return green("Store and keyring are there.")


@check(
    "store-network",
    about="SQLite on a network file system",
    why="SQLite's locks do not hold there: two processes write over each other, and logins are lost.",
)
def _network(subject: Subject) -> Verdict:
    if subject.database is None:
        return green("The store is a database server's.")
    try:
        insist_on_local_disk(subject.database)
    except StoreRefused as refused:
        return red(str(refused), 'c.TotpAuth.database_url = "sqlite:////var/lib/jupyter/totp/totp.sqlite3"')
    return green("The store lies on a local disk.")


@check(
    "store-readable",
    about="the store cannot be reached or read",
    why="Nobody can log in.",
)
def _readable(subject: Subject) -> Verdict:
    try:
        _ = subject.store
    except NothingThere:
        raise
    except CannotLook as unseen:
        return red(str(unseen), "jupyter totp init  (says more)")
    return green("The store can be read.")


@check(
    "store-writable",
    about="the store's file or folder is read-only for this user",
    why="A code that is used has to be written down: nobody can log in.",
)
def _writable(subject: Subject) -> Verdict:
    path = subject.database
    if path is None or not path.exists():
        return green("There is no file.")
    ours = os.access in os.supports_effective_ids
    file = os.access(path, os.W_OK, effective_ids=ours)
    # SQLite makes its -wal beside it.
    if not (file and os.access(path.parent, os.W_OK | os.X_OK, effective_ids=ours)):
        return red(f"This user cannot write {path}, or its folder.", f"chown -R $USER {path.parent}")
    return green("The store can be written.")


@check(
    "store-damaged",
    about="the store is damaged",
    why="SQLite's own check says so; the server refuses to start, or says it soon after (a file over 8 MiB).",
)
def _damaged(subject: Subject) -> Verdict:
    if subject.store.damaged:
        return red(f"The store {subject.database} is damaged.", "jupyter totp restore BACKUP")
    return green("The store is sound.")


@check(
    "store-schema",
    about="the store's schema is behind (yellow) or ahead of this version (red)",
    why="An older one is migrated at the next start; a newer one is refused.",
)
def _schema(subject: Subject) -> Verdict:
    found = subject.sound_store.schema
    if found == HEAD:
        return green(f"The schema is that of this version ({HEAD}).")
    if found is not None and found > HEAD:
        return red(f"The schema ({found}) is newer than this version's ({HEAD}).", _UPGRADE)
    return yellow(f"The schema ({found}) is behind this version's ({HEAD}).", "jupyter totp migrate")


_UPGRADE = "pip install --upgrade jupyter-totp-auth"


@check(
    "keyring-fits",
    about="the keyring cannot be used, or is not this store's",
    why="No password and no code can be checked with it; the server refuses to start.",
)
def _keyring_fits(subject: Subject) -> Verdict:
    try:
        keyring = subject.keyring
    except StoreRefused as refused:
        return red(str(refused), f"cp BACKUP {subject.places.keyring}")
    if keyring is None:
        return green("There is no keyring yet.")
    if not fits(keyring, subject.current_store):
        line = f"cp BACKUP {subject.places.keyring}"
        return red(f"The keyring {subject.places.keyring} is not this store's.", line)
    return green("The keyring opens the store.")


@check(
    "old-keys",
    about="old keys in the keyring",
    why="They still open what is under them, and one of them may be known to others: why else a new one?",
)
def _old_keys(subject: Subject) -> Verdict:
    keyring = subject.keyring
    old = 0 if keyring is None else len(keyring.keys) - 1
    if old:
        return yellow(f"Old keys in the keyring: {old}.", "jupyter totp rekey --drop-old")
    return green("The keyring has no old keys.")


@check(
    "no-backup",
    about="no backup of the store for 30 days",
    why="Without one, a lost disk means that everybody enrolls again; the keyring needs a copy of its own.",
)
def _backup(subject: Subject) -> Verdict:
    if subject.database is None:
        return green("A database server is backed up by its own means.")
    seen = subject.current_store
    line = "jupyter totp backup PATH  (and a copy of the keyring, elsewhere)"
    if seen.backed_up_at is None:
        return yellow("The store was never backed up.", line)
    days = (subject.at - seen.backed_up_at) // DAY
    if days * DAY >= _BACKUP_AGE:
        return yellow(f"The last backup of the store is {days} days old.", line)
    return green(f"The last backup of the store is {days} days old.")


@check(
    "keyring-changed",
    about="the keyring has changed since the last backup of the store",
    why="After a rekey an older copy of the keyring opens no newer backup.",
)
def _keyring_changed(subject: Subject) -> Verdict:
    seen, keyring = subject.current_store, subject.places.keyring
    if seen.backed_up_at is not None and keyring.exists() and keyring.stat().st_mtime > seen.backed_up_at:
        return yellow(f"The keyring {keyring} is newer than the last backup.", f"cp {keyring} …  (elsewhere)")
    return green("The keyring has not changed since the last backup, or there is none.")


@check(
    "clock",
    about="this machine's clock is behind",
    why="Codes are computed from the time. A clock behind the newest login refuses every code.",
)
def _clock(subject: Subject) -> Verdict:
    policy = subject.settings.policy()
    if subject.at < policy.earliest:
        return red("The clock shows a time before this program was written.", _SET_CLOCK)
    newest = subject.store.newest if subject.has_store else None
    if newest is not None and newest > subject.at + policy.clock_tolerance:
        return red(f"The clock is {newest - subject.at} s behind the newest login in the store.", _SET_CLOCK)
    return green("The clock is not behind the store.")


_SET_CLOCK = "timedatectl set-ntp true"


@check(
    "database-tls",
    about="a database on another machine without TLS that checks its name",
    why="What goes there and back can be read and changed on the network.",
)
def _database_tls(subject: Subject) -> Verdict:
    if subject.database is not None:
        return green("The store is a file.")
    strict = type(subject.places)(subject.places.database_url, subject.places.keyring)
    try:
        open_database(strict).close()
    except StoreRefused as refused:
        return red(str(refused), 'c.TotpAuth.database_url = "postgresql://…?sslmode=verify-full"')
    return green("The database is on this machine, or reached by TLS that checks its name.")


CHECKS = (
    _halves,
    _network,
    _readable,
    _writable,
    _damaged,
    _schema,
    _keyring_fits,
    _old_keys,
    _backup,
    _keyring_changed,
    _clock,
    _database_tls,
)
