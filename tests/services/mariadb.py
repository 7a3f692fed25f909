"""A throw-away MariaDB server: its own folder, its own port, its own passwords.

Character set and SQL mode are those of Debian's packaged server. As with PostgreSQL, nothing is
flushed to disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import parts
from tests.services.keeping import keep_rows
from tests.services.ports import free_port
from tests.services.process import (
    DidNotStart,
    Process,
    folder,
    plain_environment,
    run_to_end,
    running,
    unprivileged,
)

_SETTINGS = (
    "--bind-address=127.0.0.1",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--innodb-buffer-pool-size=32M",
    "--innodb-doublewrite=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-log-file-size=16M",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
)

# Only these two may log in, and only with the password: the server can be reached by anyone on
# this machine. `totp` is a plain user, as in real life.
_ACCOUNTS = """\
DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys';
FLUSH PRIVILEGES;
CREATE OR REPLACE USER admin@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION;
CREATE OR REPLACE USER totp@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON `totp\\_%`.* TO totp@'127.0.0.1';
"""


class MariaDB:
    """A running server."""

    def __init__(self, process: Process, *, port: int, password: str) -> None:
        self.process = process
        self.port = port
        self._password = password
        self._made = 0

    def create_database(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        self._made += 1
        name = f"totp_{self._made}"
        self._admin(f"CREATE DATABASE {name}")
        return f"mariadb+pymysql://totp:{self._password}@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Remove a database; fails after 5 s while a transaction still holds a table of it."""
        keep_rows(url)
        self._admin(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]}")

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
        import pymysql  # only here: an extra, that parts.py must not need

        try:
            self._admin("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    def _admin(self, statement: str) -> None:
        import pymysql

        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="admin",
            password=self._password,
            connect_timeout=5,
            init_command="SET SESSION lock_wait_timeout = 5",
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def running_mariadb() -> Iterator[MariaDB]:
    """Run a MariaDB server until the end of the block; parts.Missing where there is none."""
    program = parts.find("mariadb")
    install = parts.find("mariadb-install-db")
    parts.need_module("pymysql", "python extra [mariadb]")
    account = unprivileged("mysql")
    password = secrets.token_urlsafe(12)
    with folder("totp-my-", account) as home:
        data = home / "data"
        command: list[str | Path] = [
            install,
            "--no-defaults",  # not this machine's /etc/mysql
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-name-resolve",
            "--skip-test-db",
        ]
        run_to_end(command, home=home, account=account)
        accounts = home / "accounts.sql"
        accounts.write_text(_ACCOUNTS.format(password=password))
        account.own(accounts)
        for attempts_left in (2, 1, 0):
            port = free_port()
            argv: list[str | Path] = [
                program,
                "--no-defaults",
                f"--datadir={data}",
                f"--port={port}",
                f"--socket={home / 'socket'}",
                f"--pid-file={home / 'pid'}",
                f"--init-file={accounts}",
                *_SETTINGS,
            ]
            with running(
                argv,
                log=home / "mariadb.log",
                cwd=home,
                env=plain_environment(home),
                account=account,
            ) as process:
                server = MariaDB(process, port=port, password=password)
                try:
                    process.wait_until(server.answers, seconds=30)
                except DidNotStart:
                    if "already in use" in process.output() and attempts_left:
                        continue
                    raise
                yield server
                return
