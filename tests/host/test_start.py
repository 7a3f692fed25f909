"""The start: in place with no configuration, and no start at all where something of ours is not right."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.wiring import build
from tests.harness.backstage import backstage, wait_until
from tests.harness.client import Client
from tests.harness.lean import OURS, STANDS_DOWN, assert_ours, assert_refuses, lean, start_stock
from tests.harness.server import JupyterServer
from tests.harness.tls import self_signed
from tests.harness.wire import ask
from tests.services.ports import free_port

# ── the store ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def stored(tmp_path: Path) -> JupyterServer:
    """A server that has run before: database and keyring are there. Not started."""
    server = lean(tmp_path)
    settings = TotpAuth(database_url=f"sqlite:///{server.database}", key_file=str(keyring(server)))
    services = build(settings)
    services.close()
    assert keyring(server).exists()
    return server


def keyring(server: JupyterServer) -> Path:
    return server.home / "data" / "totp-key" / "keyring"


def test_a_lost_keyring_ends_the_start_and_none_is_made_anew(stored: JupyterServer) -> None:
    keyring(stored).unlink()
    assert_refuses(stored, f"The keyring {keyring(stored)} is missing", "Restore it from a backup")
    assert not keyring(stored).exists()


def test_a_keyring_without_its_database_ends_the_start_and_none_is_made_anew(stored: JupyterServer) -> None:
    stored.database.unlink()
    assert_refuses(stored, "the store is lost", "jupyter totp init --new-store")
    assert not stored.database.exists()


def test_a_keyring_of_another_store_ends_the_start(stored: JupyterServer, tmp_path: Path) -> None:
    other = tmp_path / "other"
    services = build(TotpAuth(database_url=f"sqlite:///{other}/x.sqlite3", key_file=f"{other}/key/ring"))
    services.close()
    shutil.copy(other / "key" / "ring", keyring(stored))
    assert_refuses(stored, "The keyring does not fit this account store.")


@pytest.mark.parametrize("mode", [0o644, 0o620])
def test_a_keyring_that_others_can_reach_ends_the_start(stored: JupyterServer, mode: int) -> None:
    keyring(stored).chmod(mode)
    assert_refuses(stored, f"Run: chmod 600 {keyring(stored)}")


def test_a_damaged_keyring_ends_the_start(stored: JupyterServer) -> None:
    keyring(stored).write_text("{}")
    assert_refuses(stored, f"The keyring {keyring(stored)} cannot be used")


def test_a_keyring_that_is_a_link_ends_the_start(stored: JupyterServer) -> None:
    moved = keyring(stored).rename(keyring(stored).with_name("moved"))
    keyring(stored).symlink_to(moved)
    assert_refuses(stored, "is a symbolic link")


def test_a_database_that_others_can_read_ends_the_start(stored: JupyterServer) -> None:
    stored.database.chmod(0o644)
    assert_refuses(stored, f"Run: chmod 600 {stored.database}")


def test_a_damaged_database_ends_the_start(stored: JupyterServer) -> None:
    stored.database.write_bytes(b"not a database at all" * 1000)
    assert_refuses(stored, f"The account store {stored.database} is damaged.", "jupyter totp restore")


def test_a_folder_in_the_databases_place_ends_the_start(stored: JupyterServer) -> None:
    stored.database.unlink()
    stored.database.mkdir(mode=0o700)
    assert_refuses(stored, str(stored.database))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_database_ends_the_start(stored: JupyterServer) -> None:
    stored.database.chmod(0o000)
    assert_refuses(stored, "cannot be read and written by this user")


def test_a_newer_schema_ends_the_start(stored: JupyterServer) -> None:
    with backstage(stored) as behind, behind.sql() as connection:
        changed = connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert changed.rowcount == 1
    assert_refuses(stored, "newer")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://nobody:sekret7261@127.0.0.1:{port}/none", "The account store cannot be opened"),
        ("mariadb://nobody:sekret7261@127.0.0.1:{port}/none", "The account store cannot be opened"),
        ("oracle://nobody:sekret7261@127.0.0.1/none", "database_url"),
        ("sekret7261", "database_url"),
        ("sqlite://", "database_url"),
        ("sqlite:////proc/nowhere/totp.sqlite3", "/proc/nowhere"),
    ],
)
def test_a_database_that_cannot_be_opened_ends_the_start_and_its_password_is_not_shown(
    tmp_path: Path, url: str, named: str
) -> None:
    environment = {"JUPYTER_TOTP_DATABASE_URL": url.replace("{port}", str(free_port()))}
    server = lean(tmp_path, environment=environment)
    assert_refuses(server, named)
    assert "sekret7261" not in server.log


# ── listening beyond this machine ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("address", ["0.0.0.0", "*", "::"])
def test_plain_http_beyond_this_machine_ends_the_start(tmp_path: Path, address: str) -> None:
    assert_refuses(
        lean(tmp_path, arguments=[f"--ServerApp.ip={address}"]),
        "listens beyond this machine without TLS",
        "TotpAuth.trusted_proxies",
    )


@pytest.mark.parametrize(
    "allowed", ["--TotpAuth.allow_plain_http=True", "--TotpAuth.trusted_proxies=10.0.0.0/8", "certificate"]
)
def test_beyond_this_machine_it_takes_tls_a_named_proxy_or_a_decision(tmp_path: Path, allowed: str) -> None:
    arguments = ["--ServerApp.ip=0.0.0.0"]
    certificate = None
    if allowed == "certificate":
        certificate, key = self_signed(tmp_path)
        arguments += [f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}"]
    else:
        arguments.append(allowed)
    with lean(tmp_path, arguments=arguments, certificate=certificate) as server:
        answer = requests.get(f"{server.url}api/contents", verify=str(certificate or True), timeout=20)
        assert answer.status_code == 403


def test_remote_access_without_host_names_ends_the_start(tmp_path: Path) -> None:
    assert_refuses(
        lean(tmp_path, arguments=["--ServerApp.allow_remote_access=True"]),
        "ServerApp.allow_remote_access takes the host check away",
        "c.TotpAuth.allowed_hosts",
    )


def test_the_server_answers_under_its_own_names_only(tmp_path: Path) -> None:
    arguments = [
        "--ServerApp.allow_remote_access=True",
        "--TotpAuth.allowed_hosts=jupyter.example",
        "--TotpAuth.allowed_hosts=*.lab.example",
        "--TotpAuth.allowed_hosts=exact.example:8443",
    ]
    with lean(tmp_path, arguments=arguments) as server:
        port = server.port

        def status(host: str) -> int:
            return ask(server, "GET", "login", {"Host": host}).status

        for host in (
            "jupyter.example",
            f"jupyter.example:{port}",
            "JUPYTER.example",
            "jupyter.example.",
            "a.lab.example",
            "a.b.lab.example:443",
            "exact.example:8443",
            "localhost",
            f"127.0.0.1:{port}",
            f"[::1]:{port}",
        ):
            assert status(host) == 200, host
        for host in (
            "evil.example",
            "lab.example",
            "evillab.example",
            "jupyter.example.evil.example",
            "evil-jupyter.example",
            "exact.example",
            "exact.example:8444",
            "10.0.0.1",
            "0.0.0.0",
            "localhost.evil.example",
            "jupyter.example@evil.example",
            "jupyter.example:80:80",
            "jupyter.example, evil.example",
        ):
            reply = ask(server, "GET", "login", {"Host": host})
            assert reply.status in (400, 403), host
            assert b"<form" not in reply.body, host


# ── first start, and the three programs ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(("app", "front"), [("lab", "/lab"), ("server", "/"), ("notebook", "/tree")])
def test_each_program_starts_with_the_login_in_place_and_no_configuration(
    tmp_path: Path, app: str, front: str
) -> None:
    with JupyterServer(tmp_path, app=app) as server:
        assert_ours(server)
        stranger = requests.get(f"{server.url}{front.lstrip('/')}", timeout=20, allow_redirects=False)
        assert stranger.status_code == 302
        client = Client(server.url)
        person = client.enroll(server.setup_code())
        me = client.get("api/me").json()["identity"]
        assert (me["username"], client.get("api/totp/me").json()["role"]) == (person.username, "admin")
        page = client.get("")
        while page.is_redirect:
            page = client.get(page.headers["Location"])
        assert page.status_code == 200
        if app != "server":
            assert page.url.split("?")[0].rstrip("/").endswith(front)
            assert client.get(front.lstrip("/")).status_code == 200
        assert "Traceback" not in server.log


def test_the_login_page_says_that_nobody_can_sign_in_yet_until_somebody_can(tmp_path: Path) -> None:
    hint = "Nobody can sign in here yet"
    with lean(tmp_path) as server:
        assert hint in Client(server.url).get("login").text
        Client(server.url).enroll(server.setup_code())
        wait_until(lambda: hint not in Client(server.url).get("login").text, 5, "the hint to go")


def test_a_profile_cannot_be_written_while_the_store_is_locked_and_nothing_else_waits(tmp_path: Path) -> None:
    with lean(tmp_path) as server:
        client = Client(server.url)
        client.enroll(server.setup_code())
        assert client.request("PATCH", "api/me", json={"color": "#336699"}).status_code == 200
        other = sqlite3.connect(server.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with closing(other), ThreadPoolExecutor(1) as pool:
            stuck = pool.submit(client.request, "PATCH", "api/me", json={"color": "#112233"})
            while not stuck.done():
                began = time.monotonic()
                ask(server, "GET", "api/totp/health")  # "unavailable" once somebody has waited in vain
                assert time.monotonic() - began < 2
                time.sleep(0.2)
        assert stuck.result().status_code == 503
        wait_until(lambda: ask(server, "GET", "api/totp/health").status == 200, 10, "a healthy server")
        assert client.get("api/me").json()["identity"]["color"] == "#336699"


def links(server: JupyterServer) -> list[str]:
    """The set-up codes of everything printed so far, in order, once each."""
    return list(dict.fromkeys(re.findall(r"enroll#([A-Za-z0-9_-]{43})", server.log)))


def test_each_start_prints_a_new_setup_link_and_voids_the_older_until_somebody_is_enrolled(
    tmp_path: Path,
) -> None:
    codes: list[str] = []
    for turn in range(2):
        with lean(tmp_path) as server:
            codes = [server.setup_code(), *codes] if not turn else [*codes, server.setup_code()]
            assert len(links(server)) == turn + 1
    old, new = codes
    assert old != new
    with lean(tmp_path) as server:
        newest = server.setup_code()
        assert len({old, new, newest}) == 3
        client = Client(server.url)
        for void in (old, new):
            answer = client.post_form(client.get("enroll"), {"enrollment_code": void})
            assert answer.status_code == 401
        client.enroll(newest)
        again = Client(server.url)
        assert again.post_form(again.get("enroll"), {"enrollment_code": newest}).status_code == 401
    with lean(tmp_path) as server:
        assert_ours(server)
        assert len(links(server)) == 3  # none more
        assert "No account is set up yet" not in server.log[server.log.rindex("is running at") :]


def test_the_setup_link_carries_base_url_and_is_a_fragment(tmp_path: Path) -> None:
    with lean(tmp_path, base_url="/team/x/") as server:
        code = server.setup_code()
        assert f"/team/x/enroll#{code}" in server.log
        # A fragment is not sent: no request, so no access log, has it.
        assert not [line for line in server.log.splitlines() if " GET " in line and code in line]


def test_a_second_server_on_the_same_empty_store_starts_too(tmp_path: Path) -> None:
    with lean(tmp_path / "a") as first:
        environment = {
            "JUPYTER_TOTP_DATABASE_URL": f"sqlite:///{first.database}",
            "JUPYTER_TOTP_KEY_FILE": str(keyring(first)),
        }
        with lean(tmp_path / "b", environment=environment) as second:
            client = Client(first.url)
            client.enroll(second.setup_code())
            assert Client(second.url).get("login").status_code == 200


def test_the_store_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with lean(tmp_path) as server:
            Client(server.url).enroll(server.setup_code())
            found = {path: path.stat().st_mode & 0o777 for path in (server.home / "data").rglob("totp*/**/*")}
            files = {path.name: mode for path, mode in found.items() if path.is_file()}
            assert {"totp.sqlite3", "keyring"} <= set(files)
            assert set(files.values()) == {0o600}, files
            for folder in (server.database.parent, keyring(server).parent):
                assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(old)


# ── beside others ────────────────────────────────────────────────────────────────────────────────


def test_below_jupyterhub_it_stands_down_with_an_info_line(tmp_path: Path) -> None:
    server = lean(tmp_path, environment={"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1/user/ada/"})
    page = start_stock(server)
    assert "Token authentication is enabled" in page
    lines = [line for line in server.log.splitlines() if "JupyterHub logs people in here" in line]
    assert len(lines) == 1
    assert lines[0].startswith("[I ")
    assert not server.database.exists()


def test_hubs_variable_changes_nothing_where_our_login_is_named_and_in_force(tmp_path: Path) -> None:
    hub = {"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1/user/ada/", "JUPYTER_TOTP_REQUIRED": "1"}
    with lean(tmp_path, config=OURS, environment=hub) as server:
        assert_ours(server)
        assert "NO SECOND FACTOR" not in server.log


def test_jupyter_lists_the_extension_as_valid(tmp_path: Path) -> None:
    server = JupyterServer(tmp_path)
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "server", "extension", "list"],
        env=server.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    text = re.sub(r"\x1b\[[0-9;]*m", "", listed.stdout + listed.stderr)
    assert re.search(r"jupyter_totp_auth enabled", text)
    assert re.search(r"jupyter_totp_auth \S+ OK", text)


def test_the_example_line_for_configuration_files_is_resolved(tmp_path: Path) -> None:
    with lean(tmp_path, config=OURS) as server:
        assert_ours(server)
        assert STANDS_DOWN not in server.log


def test_the_runtime_files_hold_no_token_and_are_the_owners_alone(tmp_path: Path) -> None:
    with lean(tmp_path) as server:
        server.setup_code()
        for path in (tmp_path / "runtime").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
        (info,) = (tmp_path / "runtime").glob("jpserver-*.json")
        assert json.loads(info.read_text())["token"] == ""
