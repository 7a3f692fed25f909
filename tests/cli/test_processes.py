"""Several commands at once, other users, and what others can see of a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from jupyter_totp_auth.core.sealing import Purpose
from tests.cli.desk import COMMAND, PASSWORD, Desk

PROCESSES = 8
MANY = 50


@pytest.mark.race
@pytest.mark.timeout(600)
@pytest.mark.parametrize("processes", [PROCESSES, pytest.param(MANY, marks=pytest.mark.soak)])
def test_o02_of_parallel_adduser_exactly_one_wins(desk: Desk, processes: int) -> None:
    # Also the first commands on this machine: they make one store and one keyring together.
    running = [desk.spawn("adduser", "ada", "--json") for _ in range(processes)]
    ended = [(process.communicate(timeout=500), process.returncode) for process in running]
    assert Counter(status for _, status in ended) == {0: 1, 1: processes - 1}
    for (out, err), status in ended:
        if status == 0:
            assert (json.loads(out)["username"], err) == ("ada", "")
        else:
            assert (out, err) == ("", "jupyter totp: There is an account named ada already.\n")
    assert len(desk.do("list", "--json").document) == 1


@pytest.mark.race
def test_of_parallel_adduser_of_different_names_all_succeed(desk: Desk) -> None:
    running = [desk.spawn("adduser", f"p{number}") for number in range(PROCESSES)]
    for process in running:
        _, err = process.communicate(timeout=100)
        assert (process.returncode, err) == (0, "")
    assert len(desk.do("list", "--json").document) == PROCESSES


@pytest.mark.race
def test_backups_and_restores_beside_writers_leave_a_sound_store(desk: Desk) -> None:
    desk.add("ada")
    backup = desk.home / "backup.sqlite3"
    desk.do("backup", str(backup))
    running = [desk.spawn("restore", str(backup), "--yes") for _ in range(2)]
    running += [desk.spawn("adduser", f"p{number}") for number in range(4)]
    for process in running:
        _, err = process.communicate(timeout=100)
        assert (process.returncode, err) == (0, "")
    assert desk.do("list", "--json").document[0]["username"] == "ada"
    assert "sound" in desk.do("init").out


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_o01_a_piped_password_is_seen_in_no_argument_list_and_no_environment(desk: Desk) -> None:
    desk.do("adduser", "ada")
    with desk.spawn("passwd", "ada", "--password-stdin", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(PASSWORD[:10])
        process.stdin.flush()
        time.sleep(0.5)
        for name in ("cmdline", "environ"):
            assert PASSWORD[:10].encode() not in Path(f"/proc/{process.pid}/{name}").read_bytes()
        _, err = process.communicate(PASSWORD[10:], timeout=30)
        assert (process.returncode, err) == (0, "")


def test_o01_without_any_standard_input_nothing_hangs_and_nothing_breaks(desk: Desk) -> None:
    desk.do("adduser", "ada")
    closed = " ".join(f"'{word}'" for word in COMMAND)
    for words, status in (
        ("list", 0),
        ("passwd ada", 2),
        ("passwd ada --password-stdin", 1),
        ("deluser ada", 2),
        ("adduser bob --here", 2),
    ):
        done = subprocess.run(
            ["sh", "-c", f"exec {closed} {words} <&-"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (status, False), done


# Everything is imported before the user is changed: this Python may lie where the other one cannot read.
_AS_NOBODY = """
import contextlib, io, os, sys
import jupyter_totp_auth.store.backup
from jupyter_totp_auth.cli import main

with contextlib.redirect_stdout(io.StringIO()):
    assert main(["adduser", "ada"]) == 0
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("words", [("list",), ("adduser", "eve"), ("backup", "/tmp/eve.sqlite3"), ("init",)])
def test_o04_another_user_gets_one_sentence_and_nothing_else(words: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:  # not tmp_path: others must come as far as the store itself
        home = Path(name)
        folders = {kind: home / kind.lower() for kind in ("DATA", "CONFIG", "RUNTIME")}
        for folder in (home, *folders.values()):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        env = {**os.environ, **{f"JUPYTER_{kind}_DIR": str(folder) for kind, folder in folders.items()}}
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, *words],
            env=env,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "Permission denied" in done.stderr


# In one process, since starting one takes a second; but a real one, whose streams are of its locale.
_VERBS = """
import contextlib, io, sys
from jupyter_totp_auth.cli import main

password = sys.stdin.buffer.read()
for words in list(sys.argv[1:]):
    given = sys.__stdin__
    sys.stdin = io.TextIOWrapper(io.BytesIO(password), encoding=given.encoding, errors=given.errors)
    sys.argv = ["jupyter-totp", *words.split(" ")]
    print("verb", main(), flush=True)
"""

_OLD_WAYS = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("more", [{}, _OLD_WAYS], ids=["as Python does it", "in ASCII"])
def test_o13_every_verb_works_where_the_locale_has_only_ascii(desk: Desk, more: dict[str, str]) -> None:
    password = "schöne Grüße vom Fluß €"
    verbs = {
        "init": 0,
        "adduser ada --display-name Ådå --json": 0,
        "adduser bob --admin": 0,
        "adduser Ådå": 1,
        "list": 0,
        "list --json": 0,
        "passwd ada --password-stdin": 0,
        "role ada admin": 0,
        "disable ada": 0,
        "enable ada": 0,
        "reset ada": 0,
        "unlock ada": 0,
        "logins ada": 0,
        "tokens ada": 0,
        "log": 0,
        "log --json": 0,
        "migrate": 0,
        "rekey": 0,
        f"backup {desk.home / 'backup'}": 0,
        f"export {desk.home / 'export'}": 0,
        f"restore {desk.home / 'backup'} --yes": 0,
        "routes --public": 0,
        "stop": 1,
        "deluser bob --yes": 0,
        "nonsense": 2,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    done = subprocess.run(
        [sys.executable, "-c", _VERBS, *verbs],
        input=password.encode(),
        env={**kept, **desk.env, "LANG": "C", "LC_ALL": "C", **more},
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    said = [line.split() for line in done.stdout.decode("utf-8", "replace").splitlines()]
    assert [int(words[-1]) for words in said if words[:1] == ["verb"]] == list(verbs.values()), done
    with desk.services() as services:
        account = services.accounts.named("ada")
        assert account.display_name == "Ådå"
        account_id, sealer = account.id, services.store.sealer
        phc = sealer.open(
            account.sealed_password or b"", Purpose.PASSWORD_HASH, account=account_id, item=account_id
        )
    assert PasswordHasher().verify(phc.decode(), password)


def test_what_cannot_be_shown_in_this_locale_is_escaped(desk: Desk) -> None:
    desk.do("adduser", "ada", "--display-name", "Ådå")
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([*COMMAND, "list"], env=env, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\xc5d\\xe5" in done.stdout
