"""The verbs about the store as a whole."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .terminal import insist_on_consent, note, say
from .verb import ACTOR, NotDone, Verb, takes_yes

if TYPE_CHECKING:
    from ..core.events import EventKind
    from ..wiring import Services
    from .context import Context


def _record(services: Services, kind: EventKind, detail: str = "") -> None:
    from ..core.events import Event

    services.store.events.add(Event(kind, services.clock(), actor=ACTOR, detail=detail))


class Init(Verb):
    """``jupyter totp init``."""

    name = "init"
    summary = "make the store and its keyring"
    about = (
        "Make the account store and its keyring where there are none yet, and say where they are. The first "
        "start of a server does the same. Where a keyring is left but its store is lost, and there is no "
        "backup, --new-store begins anew; it never touches a store that is there."
    )
    example = "jupyter totp init"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new-store", action="store_true", help="make a store although there is a keyring"
        )

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..core.events import EventKind

        services = context.open(new_store=arguments.new_store)
        is_new = services.store.found_schema is None
        if is_new:
            _record(services, EventKind.STORE_MADE)
        say("The account store is made." if is_new else "There is an account store already; it is sound.")
        say(f"  store:   {services.store.database.place}")
        say(f"  keyring: {context.settings.places().keyring}")


class Migrate(Verb):
    """``jupyter totp migrate``."""

    name = "migrate"
    summary = "bring the store's schema up to date"
    about = (
        "Bring the store's schema up to date after an update of this package, with a backup first (SQLite). "
        "A server does the same at its start. A store of a newer version is refused."
    )
    example = "jupyter totp migrate"

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..store.schema import HEAD

        del arguments
        found = context.services.store.found_schema
        if found in (None, HEAD):
            say(f"The schema is up to date ({HEAD}).")
        else:
            say(f"The schema was {found}, and is up to date now ({HEAD}).")


class Backup(Verb):
    """``jupyter totp backup PATH``."""

    name = "backup"
    summary = "copy the store to a file, while it is in use"
    about = (
        "Copy a SQLite store to a new file, while servers run on it. The keyring is not in the copy: keep it "
        "elsewhere. Neither opens anything without the other. (For PostgreSQL and MariaDB use pg_dump or "
        "mariadb-dump.)"
    )
    example = "jupyter totp backup /media/stick/totp-2027-01-31.sqlite3"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", metavar="PATH", type=Path, help="a file that is not there yet")

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..core.events import EventKind
        from ..store.backup import backup

        services = context.services
        backup(services.store.database, arguments.path)
        _record(services, EventKind.STORE_BACKED_UP, ascii(str(arguments.path)))
        say(f"The account store is backed up to {arguments.path}.")
        say("The keyring is not in it, and without its keyring a backup opens nothing. Keep a copy of it,")
        say(f"in another place than the backup: {context.settings.places().keyring}")


class Restore(Verb):
    """``jupyter totp restore PATH``."""

    name = "restore"
    summary = "put a backup in the store's place"
    about = (
        "Put a backup in the place of a SQLite store, also while servers run on it. Everybody has to log in "
        "again; codes that were used stay used. Accounts, passwords and phones are as they were then: "
        "disable again whom you disabled since, and reset whose phone was lost since. The old store is kept "
        "beside the new one."
    )
    example = "jupyter totp restore /media/stick/totp-2027-01-31.sqlite3"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", metavar="PATH", type=Path, help="a file that jupyter totp backup made")
        takes_yes(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..store.restore import restore

        if not arguments.path.is_file():
            raise NotDone(f"There is no file {arguments.path}.")
        insist_on_consent(
            f"Put {arguments.path} in the place of the account store, and end all logins?", yes=arguments.yes
        )
        places = context.settings.places()
        aside = restore(places, arguments.path, at=context.clock(), actor=ACTOR)
        count = len(context.services.accounts.all())
        say(f"The account store is restored from {arguments.path}; accounts: {count}. All logins have ended.")
        if aside is not None:
            say(f"The old store is kept as {aside}.")


class Rekey(Verb):
    """``jupyter totp rekey``."""

    name = "rekey"
    summary = "put a new key into the keyring, and everything sealed under it"
    about = (
        "Add a new key to the keyring and seal everything in the store anew under it, while servers run. "
        "Nobody has to log in again, and recovery codes stay. Run it again if it was cut short: it goes on "
        "where it was. The old keys stay in the keyring, for older backups, and open only; --drop-old takes "
        "them out."
    )
    example = "jupyter totp rekey"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--drop-old",
            action="store_true",
            help="add no key; take the old ones out, if nothing in the store is under them any more",
        )

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..store import rekey

        database = context.services.store.database
        path, at = context.settings.places().keyring, context.clock()
        if arguments.drop_old:
            count = rekey.drop_old(database, path, at=at, actor=ACTOR)
            say(f"Old keys taken out of {path}: {count}. Backups from before the last rekey need a copy of")
            say("the keyring from then.")
            return
        done = rekey.rekey(database, path, at=at, actor=ACTOR)
        say(f"Everything is sealed under the {'' if done.resumed else 'new '}key {done.key} now.")
        if done.broken:
            note(f"Values that do not open and stay as they are: {done.broken} (seal-broken in the log).")
        say(f"Keep a copy of {path}: from now on a backup needs the new one.")


class Export(Verb):
    """``jupyter totp export PATH``."""

    name = "export"
    summary = "write the store to a file, for another database"
    about = (
        "Write accounts, passwords, phones, recovery codes and the audit log to a new file, to import them "
        "into another database: from SQLite to PostgreSQL or MariaDB, or back. Everything sealed stays "
        "sealed; the keyring is not in the file. Logins, access tokens and links are left out, since an "
        "import ends them. Stop the servers first: what happens after the export is not in it."
    )
    example = "jupyter totp export /media/stick/totp-2027-01-31.jsonl"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", metavar="PATH", type=Path, help="a file that is not there yet")

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..core.events import EventKind
        from ..store.transfer import export

        services = context.services
        count = export(services.store.database, arguments.path)
        _record(services, EventKind.STORE_EXPORTED, ascii(str(arguments.path)))
        say(f"The account store is exported to {arguments.path}; accounts: {count}.")
        say(f"It opens nothing without the keyring: {context.settings.places().keyring}")


class Import(Verb):
    """``jupyter totp import PATH``."""

    name = "import"
    summary = "read an exported store into an empty database"
    about = (
        "Read what jupyter totp export wrote into a database that holds no accounts yet; one that is empty "
        "is made ready first. The keyring of the exported store has to be in its place. As after a restore "
        "everybody has to log in again, codes that were used stay used, and access tokens and links are "
        "void. All of it is imported, or nothing."
    )
    example = "jupyter totp import /media/stick/totp-2027-01-31.jsonl"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", metavar="PATH", type=Path, help="a file that jupyter totp export made")

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..store.transfer import import_

        places = context.settings.places()
        count = import_(places, arguments.path, at=context.clock(), actor=ACTOR)
        say(
            f"The account store is imported from {arguments.path}; accounts: {count}. Start the servers anew."
        )


VERBS: tuple[type[Verb], ...] = (Init, Migrate, Backup, Restore, Export, Import, Rekey)
