"""The store of a running server, held open by another process: what an operator, or a sister server, does.

No door: it needs the database and the keyring, and goes through the same flows as the command line.
"""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from argon2 import profiles

from jupyter_totp_auth.core import bearer, totp
from jupyter_totp_auth.core.bearer import Bearer, Kind
from jupyter_totp_auth.core.model import Issued, LoginSession, Origin, Role
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.store.logins import insert_login
from jupyter_totp_auth.store.tables import metadata
from jupyter_totp_auth.web.cookies import Cookie, Cookies
from jupyter_totp_auth.wiring import Services, build
from tests.harness.client import PASSWORD, Client, Person, Phone
from tests.harness.server import JupyterServer

HERE = Origin("127.0.0.1", "backstage")


class Backstage:
    """What can be done on a server's store from outside."""

    def __init__(self, server: JupyterServer, services: Services) -> None:
        self.server = server
        self.services = services

    @property
    def url(self) -> str:
        """Where browsers go."""
        return self.server.url

    @property
    def log(self) -> str:
        """What the server printed so far."""
        return self.server.log

    # -- accounts ----------------------------------------------------------------------------------

    def enrolled(self, username: str, *, role: Role = Role.MEMBER, password: str = PASSWORD) -> Person:
        """A new person with a phone and recovery codes, through the flow, without a page."""
        flow = self.services.enrollment
        code = self.services.accounts.add(username, role, actor="operator").code
        begun = flow.start(code, HERE)
        assert isinstance(begun, Issued), begun
        stage = flow.choose(begun.bearer, typed_name=username, typed_password=password)
        phone = Phone(totp.to_base32(stage.secret))
        done = flow.confirm(begun.bearer, typed_code=phone.fresh_code(), origin=HERE)
        assert isinstance(done, Issued), done
        return Person(username, password, phone, list(done.value.recovery_codes))

    # -- logins ------------------------------------------------------------------------------------

    def open_login(self, username: str, *, lifetime: int = 24 * 3600) -> Bearer:
        """A login row as both factors would have made it; for tests of what comes after the login."""
        at = self.services.clock()
        fresh = bearer.issue(Kind.LOGIN)
        session = LoginSession(
            digest=fresh.digest,
            id=secrets.token_hex(8),
            account_id=self.services.accounts.named(username).id,
            created_at=at,
            last_seen_at=at,
            expires_at=at + lifetime,
            client="127.0.0.1",
            user_agent="backstage",
            fresh_at=at,
            active_at=at,
        )
        with self.services.store.database.write() as connection:
            insert_login(connection, session)
        return fresh

    def signed_in(self, username: str, *, url: str = "", **login: int) -> Client:
        """A client with a login of ``username`` and its CSRF pair."""
        client = Client(url or self.url)
        if self.server.certificate is not None:
            client.session.verify = str(self.server.certificate)
        put_login(client, self.open_login(username, **login).text)
        assert client.get("logout").status_code == 200  # the page with the button puts the pair
        assert client.xsrf
        return client

    def end_logins(self, username: str) -> int:
        """End all logins of an account, as ``jupyter totp logins NAME --end-all`` does."""
        return self.services.accounts.end_logins(username, actor="operator")

    def expire(self, login: str, *, at: float) -> None:
        """Move a login's absolute end; the revision tells the server to look."""
        digest = bearer.digest(Kind.LOGIN, login)
        assert digest is not None
        with self.sql() as connection:
            changed = connection.execute(
                "UPDATE login SET expires_at = ? WHERE digest = ?", (int(at), digest.hex())
            )
            assert changed.rowcount == 1
            connection.execute("UPDATE instance SET revision = revision + 1")

    # -- rows --------------------------------------------------------------------------------------

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """The file of an SQLite store itself; committed at the end."""
        path = self.services.store.database.path
        assert path is not None, "not on SQLite"
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            yield connection

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What a query gives, in any of the three databases."""
        with self.services.store.database.engine.begin() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def counted(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """All counters, and all events: equal before and after where nothing was evaluated.

        But for the idle limit, which is reached by itself where a test moves the clock.
        """
        throttles = self.rows("SELECT digest, failures, next_try_at FROM throttle ORDER BY digest")
        return throttles, self.rows("SELECT id, event FROM event WHERE event <> 'login-locked' ORDER BY id")

    def bytes_at_rest(self) -> bytes:
        """An SQLite file with its log and index; of another database, all that its tables hold."""
        path = self.services.store.database.path
        if path is None:
            rows = [
                row for table in metadata.sorted_tables for row in self.rows(f"SELECT * FROM {table.name}")
            ]
            values = [value for row in rows for value in row]
            return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)
        parts = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
        # By another process: to close a file gives up all the locks that this one holds on it, SQLite's too
        # (sqlite.org/howtocorrupt.html, 2.2), and a server that starts anew then takes the store for its own.
        there = [str(part) for part in parts if part.exists()]
        return subprocess.run(["cat", *there], capture_output=True, check=True).stdout


@contextmanager
def backstage(server: JupyterServer, *, hasher: Hasher | None = None) -> Iterator[Backstage]:
    """Open the store beside its running server; passwords are hashed cheaply unless told how."""
    data = server.home / "data"
    settings = TotpAuth(
        database_url=f"sqlite:///{server.database}", key_file=str(data / "totp-key" / "keyring")
    )
    services = build(settings, hasher=hasher or Hasher(profiles.CHEAPEST))
    try:
        yield Backstage(server, services)
    finally:
        services.close()


def cookie_name(url: str, cookie: Cookie = Cookie.LOGIN) -> str:
    """The cookie's name for the server at this URL, as the contract derives it from port and base_url."""
    parts = urlsplit(url)
    names = Cookies(parts.path, port=lambda: str(parts.port))
    return names.name(cookie, secure=parts.scheme == "https")


def put_login(client: Client, value: str) -> None:
    """Put a login cookie into a client's jar."""
    parts = urlsplit(client.url)
    client.session.cookies.set(cookie_name(client.url), value, domain=parts.hostname or "", path=parts.path)


def wait_until(condition: object, seconds: float, what: str = "it") -> float:
    """Wait for ``condition()``; the seconds it took. Fails where it does not come."""
    assert callable(condition)
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - begun
