"""The scan at the end of each run finds what it looks for, and says where and never what."""

from __future__ import annotations

import base64
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tools.canary import CHUNK, SHORTEST, Needle, Search, needles_of

ROOT = Path(__file__).parents[1]

BEARER = secrets.token_urlsafe(32)
TOTP = secrets.token_bytes(20)
KEY = secrets.token_bytes(32)
PASSWORD = "blue & grün: 7 harbours"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that met four secrets."""
    noted = {"login": BEARER.encode(), "totp": TOTP, "password": PASSWORD.encode(), "key": KEY}
    (tmp_path / "canaries-1").write_text("".join(f"{kind} {one.hex()}\n" for kind, one in noted.items()))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "server.log").write_text("nothing of interest\n")
    return tmp_path


def scan(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "canary.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_where_nothing_is_the_scan_passes_and_counts(run: Path) -> None:
    status, said = scan(run)
    assert status == 0, said
    assert "looked for 1 key, 1 login, 1 password, 1 totp" in said
    assert "in 1 files" in said


@pytest.mark.parametrize(
    "leaked",
    [
        BEARER.encode(),
        base64.urlsafe_b64decode(BEARER + "="),
        TOTP,
        TOTP.hex().encode(),
        base64.b32encode(TOTP),
        base64.b32encode(TOTP).lower(),
        base64.b64encode(TOTP),
        KEY,
        base64.b64encode(KEY),
        PASSWORD.encode(),
        b"blue%20%26%20gr%C3%BCn%3A%207%20harbours",
        b"blue+%26+gr%C3%BCn%3A+7+harbours",
        b"blue & gr\\u00fcn: 7 harbours",
        base64.b64encode(PASSWORD.encode()),
    ],
)
def test_a_secret_in_any_of_its_forms_is_found_and_not_repeated(run: Path, leaked: bytes) -> None:
    (run / "tests" / "totp.sqlite3-wal").write_bytes(secrets.token_bytes(5000) + leaked + b"\0" * 77)
    status, said = scan(run)
    assert status == 1, said
    assert "FOUND" in said
    assert "totp.sqlite3-wal" in said
    assert leaked.decode("latin-1") not in said


def test_wherever_a_secret_begins_it_is_found(tmp_path: Path) -> None:
    needle = Needle(b"abcdefghijklmno", "login", "text")
    assert len(needle.text) == SHORTEST
    search = Search([needle])
    for start in [*range(20), *range(CHUNK - 20, CHUNK + 9)]:
        (tmp_path / "file").write_bytes(b"\n" * start + needle.text + b"\n")
        assert [hit.needle for hit in search.look(tmp_path / "file")] == [needle], start


def test_a_set_up_link_may_stand_in_the_servers_log_and_nowhere_else(run: Path) -> None:
    code = secrets.token_urlsafe(32)
    with (run / "canaries-1").open("a") as notes:
        notes.write(f"enrollment-code {code.encode().hex()}\n")
    (run / "tests" / "server.log").write_text(f"To set up: http://127.0.0.1:8888/enroll#{code}\n")
    assert scan(run)[0] == 0
    (run / "tests" / "server.log").write_text(f"GET /enroll?code={code}\n")
    assert scan(run)[0] == 1


def test_a_key_may_stand_in_a_keyring_and_nowhere_else(run: Path) -> None:
    text = f'{{"version": 1, "primary": "00", "keys": {{"00": "{base64.b64encode(KEY).decode()}"}}}}'
    (run / "tests" / "keyring").write_text(text)
    assert scan(run)[0] == 0
    (run / "tests" / "keyring").write_text(text + "\n}")
    assert scan(run)[0] == 1


def test_what_an_sdist_carries_is_no_trace_of_the_run(run: Path) -> None:
    """The tests' own data have a key in them, and a packaging test unpacks them."""
    data = Path("tests", "store", "old_store.json")
    unpacked = run / "tests" / "jupyter_totp_auth-0.1.0"
    for folder in (unpacked, run / "tmp"):
        (folder / data).parent.mkdir(parents=True)
        (folder / data).write_bytes(base64.b64encode(KEY))
    (unpacked / "PKG-INFO").write_text("Name: jupyter-totp-auth\n")
    status, said = scan(run)
    assert status == 1, said
    assert f"{run / 'tmp' / data}: key" in said
    assert "1 secrets where none may be" in said


def test_a_scan_that_knows_no_secret_fails(run: Path) -> None:
    (run / "canaries-1").unlink()
    status, said = scan(run)
    assert status == 1
    assert "nothing was noted" in said


def test_what_is_too_short_to_be_told_from_chance_is_left_out() -> None:
    assert list(needles_of("password", b"short")) == []
