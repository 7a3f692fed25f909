"""Group M, as far as it is about the keyring and what is sealed: real files, a real server, real kills.

Also O08 and H26, the restore under load, and N04, a damaged database.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jupyter_totp_auth.core.sealing import Keyring
from jupyter_totp_auth.web.cookies import Cookie
from tests.attacks.stage import Stage, open_stage
from tests.harness.backstage import cookie_name, put_login, wait_until
from tests.harness.client import PASSWORD, Client, Person
from tests.harness.lean import assert_refuses, lean
from tests.harness.server import JupyterServer
from tests.harness.volley import Wire, message


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("m"), cheap=True) as found:
        yield found


def keyring_of(server: JupyterServer) -> Path:
    return server.home / "data" / "totp-key" / "keyring"


def is_let_in(stage: Stage, person: Person) -> bool:
    client = stage.client()
    for answer in (
        client.first_factor(person.username, person.password),
        client.second_factor(stage.code(person)),
    ):
        assert answer.status_code < 500, answer.text
    return client.is_signed_in()


# -- M02, M07, N04: what does not start ----------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that ran once."""
    home = tmp_path_factory.mktemp("made")
    with lean(home) as server:
        assert server.totp("adduser", "ada").returncode == 0
    return home / "data"


@pytest.fixture
def again(made: Path, tmp_path: Path) -> JupyterServer:
    """The same server, about to start once more."""
    shutil.copytree(made, tmp_path / "server" / "data")
    return lean(tmp_path / "server")


def linked(keyring: Path) -> None:
    keyring.rename(keyring.with_name("real"))
    keyring.symlink_to(keyring.with_name("real"))


UNSAFE: dict[str, tuple[Callable[[Path], object], str]] = {
    "readable by all": (lambda keyring: keyring.chmod(0o644), "can be read by other users"),
    "readable by the group": (lambda keyring: keyring.chmod(0o640), "can be read by other users"),
    "a link": (linked, "symbolic link"),
    "in a folder for all": (lambda keyring: keyring.parent.chmod(0o777), "Everybody may write"),
}
if os.geteuid() == 0:
    UNSAFE["another's"] = (lambda keyring: os.chown(keyring, 65534, 65534), "another user")
    UNSAFE["in another's folder"] = (lambda keyring: os.chown(keyring.parent, 65534, 65534), "another user")


@pytest.mark.parametrize("how", UNSAFE)
def test_M02_an_unsafe_keyring_refuses_with_the_reason(again: JupyterServer, how: str) -> None:
    spoil, reason = UNSAFE[how]
    spoil(keyring_of(again))
    assert_refuses(again, reason)


def test_M07_a_lost_keyring_refuses_and_none_is_made(again: JupyterServer) -> None:
    keyring_of(again).unlink()
    assert_refuses(again, "keyring", "is missing")
    assert not keyring_of(again).exists()
    assert again.totp("list").returncode == 1
    assert not keyring_of(again).exists()


def test_M17_a_database_elsewhere_without_tls_refuses_and_its_password_is_nowhere(
    again: JupyterServer,
) -> None:
    secret = "hunter2-of-the-database"
    again.environment["JUPYTER_TOTP_DATABASE_URL"] = f"postgresql://totp:{secret}@db.example.org/totp"
    assert_refuses(again, "TotpAuth.allow_plain_database")
    done = again.totp("list")
    assert done.returncode == 1
    assert secret not in again.log + done.stdout + done.stderr


def test_N04_a_damaged_database_refuses_and_says_what_to_do(again: JupyterServer) -> None:
    with again.database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096))
    assert_refuses(again, "damaged", "jupyter totp restore PATH")


# -- M04, M05: what is sealed --------------------------------------------------------------------------


def test_M04_secrets_swapped_between_two_people_let_neither_in(stage: Stage) -> None:
    ada, eve = stage.person(), stage.person()
    assert is_let_in(stage, ada)
    of = "(SELECT secret FROM totp_authenticator WHERE account_id = ?)"
    ids = stage.account_id(ada), stage.account_id(eve)
    with stage.sql() as connection:
        secrets = [connection.execute(f"SELECT {of}", (one,)).fetchone()[0] for one in ids]
        for one, secret in zip(ids, reversed(secrets), strict=True):
            connection.execute("UPDATE totp_authenticator SET secret = ? WHERE account_id = ?", (secret, one))
    for person in (ada, eve):
        assert not is_let_in(stage, person)
        assert "seal-broken" in stage.events_of(person)
    with stage.sql() as connection:
        for one, secret in zip(ids, secrets, strict=True):
            connection.execute("UPDATE totp_authenticator SET secret = ? WHERE account_id = ?", (secret, one))
    assert is_let_in(stage, ada)


def test_M05_each_byte_of_a_sealed_secret_counts(stage: Stage) -> None:
    ada = stage.person()
    account = stage.account_id(ada)
    (row,) = stage.rows(f"SELECT secret FROM totp_authenticator WHERE account_id = '{account}'")
    sealed = bytes(row[0])  # type: ignore[call-overload]
    put = "UPDATE totp_authenticator SET secret = ? WHERE account_id = ?"
    for place in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        with stage.sql() as connection:
            connection.execute(put, (bytes(flipped), account))
        stage.unlock(ada)
        client = stage.client()
        put_pending(stage, ada, client)
        answer = client.second_factor(stage.code(ada))
        assert answer.status_code < 500, place
        assert not client.is_signed_in(), place
        assert stage.events_of(ada)[-2:].count("seal-broken") == 1, place
    with stage.sql() as connection:
        connection.execute(put, (sealed, account))
    stage.unlock(ada)
    assert is_let_in(stage, ada)


def put_pending(stage: Stage, person: Person, client: Client) -> None:
    """Between the factors, without an argon2 for each byte."""
    name = cookie_name(stage.server.url, Cookie.PENDING)
    client.get("login")
    client.session.cookies.set(name, stage.pending(person.username), domain="127.0.0.1", path="/")


# -- M10: what is logged of a request ------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Cookie", "Authorization", "X-Whatever"])
def test_M10_a_header_that_cannot_be_read_is_not_quoted_in_the_log(stage: Stage, header: str) -> None:
    client = stage.log_in(stage.person())
    value = f"{client.cookie_name('-login-')}={client.login_cookie}; of-another-site=\x7f\x01"
    with Wire(client.url) as wire:
        answer = wire.ask(message(client.url, "GET", "/api/contents", headers={header: value}))
    assert answer.status == 400
    wait_until(lambda: "Malformed HTTP message from 127.0.0.1" in stage.server.log, 5, "the line in the log")
    assert str(client.login_cookie) not in stage.server.log


# -- M08: the rotation ---------------------------------------------------------------------------------


def seconds_of_a_rekey(stage: Stage) -> float:
    begun = time.monotonic()
    assert stage.server.totp("rekey").returncode == 0
    return time.monotonic() - begun


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.soak)])
def test_M08_people_log_in_throughout_the_kills_of_a_rekey(stage: Stage, kills: int) -> None:
    people = [stage.person() for _ in range(3)]
    keyring, before = keyring_of(stage.server), keyring_of(stage.server).read_text()
    draw, killed = random.Random(8), 0  # noqa: S311 - when to kill
    whole = seconds_of_a_rekey(stage)
    for number in range(kills):
        with subprocess.Popen(
            [stage.server.python, "-m", "jupyter", "totp", "rekey"],
            env=stage.server.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as rekey:
            timer = threading.Timer(draw.uniform(0.3, 0.9) * whole, rekey.kill)
            timer.start()
            assert is_let_in(stage, people[number % 3])
            killed += rekey.wait(30) != 0
            timer.cancel()
        Keyring.parse(keyring.read_text())
    assert killed > kills // 2
    done = stage.server.totp("rekey")
    assert done.returncode == 0, done.stderr
    assert [entry.name for entry in keyring.parent.iterdir()] == ["keyring"]
    assert is_let_in(stage, people[0])
    done = stage.server.totp("rekey", "--drop-old")
    assert done.returncode == 0, done.stderr
    ring = Keyring.parse(keyring.read_text())
    assert list(ring.keys) == [ring.primary]
    assert ring.primary not in Keyring.parse(before).keys
    for person in people:
        assert is_let_in(stage, person)
        client = stage.client()
        client.first_factor(person.username, PASSWORD)
        client.second_factor(person.recovery_codes[0])  # its digest does not hang on any key of the ring
        assert client.is_signed_in()
    stage.server.stop()
    stage.server.start()
    assert all(is_let_in(stage, person) for person in people)


# -- O08, H26: backup and restore under load -----------------------------------------------------------


def test_O08_H26_after_a_restore_under_load_no_login_and_no_known_browser_is_left(
    stage: Stage, tmp_path: Path
) -> None:
    ada, writing = stage.person(), threading.Event()
    copy = tmp_path / "copy.sqlite3"

    def load() -> None:
        while not writing.is_set():
            stage.services.accounts.named(stage.person().username)

    worker = threading.Thread(target=load)
    worker.start()
    try:
        done = stage.server.totp("backup", str(copy))
        assert done.returncode == 0, done.stderr
    finally:
        writing.set()
        worker.join()
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    client = stage.log_in(ada)
    known = client.cookie("known")
    assert client.is_signed_in()
    old = stage.client()
    put_login(old, client.login_cookie or "")
    done = stage.server.totp("restore", str(copy), "--yes")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: not client.is_signed_in(), 2, "the end of the login")
    assert not old.is_signed_in()
    assert known is not None
    assert stage.rows("SELECT * FROM known_browser") == []
    assert is_let_in(stage, ada)
