"""A throw-away PostgreSQL server: its own folder, its own port, its own passwords.

Nothing is flushed to disk: what is tested is what the database promises between connections, not
what survives a power cut.
"""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import parts
from tests.services.keeping import keep_rows
from tests.services.ports import free_port
from tests.services.process import (
    Account,
    DidNotStart,
    Process,
    folder,
    plain_environment,
    run_to_end,
    running,
    unprivileged,
)

_SETTINGS = {
    "autovacuum": "off",
    "full_page_writes": "off",
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",
    # Only TCP: the folder's path may be too long for a socket, and the URL says TCP anyway.
    "unix_socket_directories": "",
}


class PostgreSQL:
    """A running server. Its databases belong to a plain role, as they should in real life."""

    def __init__(self, process: Process, *, port: int, password: str) -> None:
        self.process = process
        self.port = port
        self._password = password
        self._made = 0

    def create_database(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        self._made += 1
        name = f"totp_{self._made}"
        self._admin(f"CREATE DATABASE {name} OWNER totp TEMPLATE template0 ENCODING 'UTF8'")
        return f"postgresql+psycopg://totp:{self._password}@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Remove a database, cutting the connections that are left."""
        keep_rows(url)
        self._admin(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of an empty database that is gone after the block."""
        url = self.create_database()
        try:
            yield url
        finally:
            self.drop_database(url)

    def answers(self) -> bool:
        """Say whether the server takes our administrator's connection."""
        import psycopg  # only here: an extra, that parts.py must not need

        try:
            self._admin("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _admin(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="admin",
            password=self._password,
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,  # CREATE DATABASE refuses to run in a transaction
        ) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server until the end of the block; parts.Missing where there is none."""
    program = parts.find("postgresql")
    parts.need_module("psycopg", "python extra [postgresql]")
    account = unprivileged("postgres")
    password = secrets.token_urlsafe(12)
    with folder("totp-pg-", account) as home:
        data = _make_cluster(program.parent / "initdb", home, account, password)
        for attempts_left in (2, 1, 0):
            port = free_port()
            settings = {**_SETTINGS, "port": str(port)}
            options = [f"--{key}={value}" for key, value in settings.items()]
            argv: list[str | Path] = [program, "-D", data, *options]
            with running(
                argv,
                log=home / "postgresql.log",
                cwd=home,
                env=plain_environment(home),
                account=account,
                stop=signal.SIGINT,  # "fast": SIGTERM would wait for clients to leave
            ) as process:
                server = PostgreSQL(process, port=port, password=password)
                try:
                    process.wait_until(server.answers, seconds=30)
                except DidNotStart:
                    if "already in use" in process.output() and attempts_left:
                        continue
                    raise
                server._admin(f"CREATE ROLE totp LOGIN PASSWORD '{password}'")
                yield server
                return


def _make_cluster(initdb: Path, home: Path, account: Account, password: str) -> Path:
    data = home / "data"
    password_file = home / "password"
    password_file.write_text(password)
    account.own(password_file)
    command: list[str | Path] = [
        initdb,
        f"--pgdata={data}",
        "--username=admin",
        f"--pwfile={password_file}",
        # Not "trust": a superuser without a password could be used by anyone on this machine.
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    run_to_end(command, home=home, account=account)
    return data
