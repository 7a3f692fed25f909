"""M10, M13 and M14: what a failing request leaves in the log, what other processes can see, and where a store may lie."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.attacks.conftest import Scene
from tests.harness.backstage import Backstage, cookie_name, wait_until
from tests.harness.client import Client
from tests.harness.lean import lean
from tests.harness.wire import FORM, ask

CANARY = "c4n4ry7261"

# -- M10: a forced 500 -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scene(start_scene: Callable[..., Scene]) -> Scene:
    return start_scene(lean=True, extensions=["doors"], arguments=["--debug"])


@contextmanager
def broken(behind: Backstage) -> Iterator[None]:
    """A store whose tables have gone: what an update by hand, or a half-restored copy, comes to."""
    with behind.sql() as connection:
        names = [
            str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        lost = [
            name
            for name in names
            if not name.startswith("sqlite_") and name not in ("instance", "alembic_version")
        ]
        for name in lost:
            connection.execute(f"ALTER TABLE {name} RENAME TO lost_{name}")
    try:
        yield
    finally:
        with behind.sql() as connection:
            for name in lost:
                connection.execute(f"ALTER TABLE lost_{name} RENAME TO {name}")


def secrets_sent(scene: Scene, member: Client, who: str) -> dict[str, str]:
    """A secret in each header that may carry one."""
    names = [cookie_name(scene.server.url), "_xsrf", "other"]
    values = [str(member.login_cookie), member.xsrf, CANARY] if who == "member" else [CANARY] * 3
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in zip(names, values, strict=True)),
        "Authorization": f"Basic {CANARY}",
        "Referer": f"{scene.server.url}lab?token={CANARY}&x={CANARY}",
        "X-XSRFToken": member.xsrf if who == "member" else CANARY,
        "Origin": scene.client().origin,
    }


FORM_FIELDS = "&".join(
    f"{name}={CANARY}"
    for name in ("_xsrf", "username", "password", "code", "enrollment_code", "password_again")
)
ENDPOINTS = [
    *(
        ("POST", path, FORM)
        for path in ("login", "login/code", "enroll", "enroll/account", "enroll/phone", "logout")
    ),
    *(
        ("GET", path, "")
        for path in ("login", "login/code", "logout", "enroll", "enroll/account", "enroll/phone")
    ),
    *(
        ("GET", f"api/totp/{path}", "")
        for path in ("me", "logins", "authenticators", "access-tokens", "events", "accounts")
    ),
    *(
        ("POST", f"api/totp/{path}", "application/json")
        for path in (
            "login",
            "step-up",
            "unlock",
            "password",
            "authenticators",
            "access-tokens",
            "accounts",
            "lock",
        )
    ),
    ("POST", "api/totp/recovery-codes", "application/json"),
    ("PATCH", "api/totp/me", "application/json"),
    ("PATCH", "api/me", "application/json"),
    ("GET", "raw/fails", ""),
    ("POST", "raw/fails", FORM),
    ("GET", "raw/fails-api", ""),
    ("POST", "raw/fails-api", "application/json"),
]
BODIES = {
    "api/totp/login": {"username": CANARY, "password": CANARY, "code": "123456"},
    "api/totp/step-up": {"password": CANARY, "code": "123456"},
    "api/totp/unlock": {"password": CANARY},
    "api/totp/password": {"new_password": f"{CANARY} and more of it"},
    "api/totp/authenticators": {"name": CANARY},
    "api/totp/access-tokens": {"name": CANARY},
    "api/totp/accounts": {"username": CANARY},
    "api/totp/me": {"display_name": CANARY},
    "api/me": {"display_name": CANARY},
}


def test_M10_a_failing_handler_logs_nothing_that_was_sent(scene: Scene) -> None:
    member = scene.signed_in()
    ours = (str(member.login_cookie), member.xsrf, CANARY)
    begun, statuses = len(scene.server.log), set()
    with broken(scene.backstage):
        for who in ("member", "stranger"):
            headers = secrets_sent(scene, member, who)
            for method, path, kind in ENDPOINTS:
                body = FORM_FIELDS if kind == FORM else json.dumps(BODIES.get(path, {"x": CANARY}))
                given = {**headers, "Content-Type": kind} if kind else headers
                if who == "member" and kind == FORM:
                    body = body.replace(f"_xsrf={CANARY}", f"_xsrf={member.xsrf}")
                reply = ask(
                    scene.server,
                    method,
                    path,
                    given,
                    body.encode() if kind else None,
                )
                statuses.add(reply.status)
                assert CANARY.encode() not in reply.body or path in ("login", "raw/fails"), (method, path)
    assert 500 in statuses or 503 in statuses
    ask(scene.server, "GET", "the-last-line")
    wait_until(lambda: "the-last-line" in scene.server.log, 20, "the log line")
    log = scene.server.log[begun:]
    assert "Traceback" in log, "the failure itself is logged"
    told = [line for line in log.splitlines() for secret in ours if secret in line]
    assert not told, "\n".join(dict.fromkeys(told[:10]))


# -- M13: what other processes can see ---------------------------------------------------------------------------


def test_M13_no_process_shows_a_secret_and_no_kernel_knows_where_they_are(tmp_path: Path) -> None:
    server = lean(tmp_path)
    data = server.home / "data"
    server.environment.update(
        JUPYTER_TOTP_DATABASE_URL=f"sqlite:///{server.database}",
        JUPYTER_TOTP_KEY_FILE=str(data / "totp-key" / "keyring"),
    )
    with server:
        client = Client(server.url)
        person = client.enroll(server.setup_code(), username="ada")
        kernel = client.kernel_socket(client.start_kernel())
        client.start_terminal()
        told = client.execute(kernel, "import os; print(os.getpid(), sorted(os.environ))")
        own_names = {"JUPYTER_TOTP_DISPLAY_NAME", "JUPYTER_TOTP_USERNAME"}
        assert set(re.findall(r"JUPYTER_TOTP\w*", told)) == own_names
        adding = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "totp", "adduser", "bob", "--here", "--password-stdin"],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            secrets = [person.password, person.phone.secret, *person.recovery_codes, str(client.login_cookie)]
            keys = re.findall(r"[\w+/-]{40,}", (data / "totp-key" / "keyring").read_text())
            assert keys
            secrets += keys
            seen = processes(server.home)
            assert int(told.split()[0]) in seen, "the kernel is among them"
            assert len(seen) >= 3, seen.keys()
            for text in seen.values():
                assert not [secret for secret in secrets if secret.encode() in text]
        finally:
            adding.kill()
            adding.communicate()


def processes(home: Path) -> dict[int, bytes]:
    """Command line and environment of each process that has this folder in one of them."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + b"\0" + (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in text:
            found[int(folder.name)] = text
    return found


# -- M14: where a store may lie ------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "hidden"])
def test_M14_a_store_that_could_be_downloaded_ends_the_start_or_is_out_of_reach(
    tmp_path: Path, *, hidden: bool
) -> None:
    server = lean(tmp_path)
    place = server.root / (".totp" if hidden else "totp")
    place.mkdir(mode=0o700)
    server.environment["JUPYTER_TOTP_DATABASE_URL"] = f"sqlite:///{place / 'store.sqlite3'}"
    if not hidden:
        assert server.run_to_the_end() != 0
        assert "lies in the notebook folder" in server.log
        return
    with server:
        client = Client(server.url)
        client.enroll(server.setup_code(), username="ada")
        for prefix in ("files/", "view/", "api/contents/", "nbconvert/html/", "lab/tree/"):
            for name in (
                ".totp/store.sqlite3",
                ".totp%2fstore.sqlite3",
                "x/../.totp/store.sqlite3",
                ".totp/store.sqlite3-wal",
            ):
                answer = client.get(prefix + name)
                assert b"SQLite format" not in answer.content, prefix + name
                assert b"account" not in answer.content or answer.status_code >= 400, prefix + name
        listed = client.get("api/contents/?content=1").json()["content"]
        assert not [item for item in listed if "totp" in item["name"]]
    server.arguments.append("--ContentsManager.allow_hidden=True")
    server.log_path = tmp_path / "second.log"
    assert server.run_to_the_end() != 0
    assert "lies in the notebook folder" in server.log
