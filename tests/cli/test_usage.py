"""Help, exit codes, and the options of the server."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_totp_auth._version import __version__
from jupyter_totp_auth.cli.parser import VERBS, parse
from tests.cli.desk import Desk

NAMES = [verb.name for verb in VERBS]


def test_these_are_the_verbs() -> None:
    accounts = ["adduser", "list", "passwd", "role", "reset", "disable", "enable", "deluser", "unlock"]
    others = ["logins", "tokens", "notice", "log", "init", "migrate", "backup", "restore"]
    others += ["export", "import", "rekey", "config", "doctor", "routes", "stop"]
    assert sorted(NAMES) == sorted(accounts + others)


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_has_a_help_with_a_sentence_and_an_example(desk: Desk, name: str) -> None:
    result = desk.do(name, "--help")
    assert f"usage: jupyter totp {name}" in result.out
    assert f"example:\n  jupyter totp {name}" in result.out
    about = result.out.partition("\n\n")[2]
    assert about[0].isupper()
    assert ". " in about or ".\n" in about
    assert max(map(len, result.out.splitlines())) <= 100


def test_the_help_lists_every_verb(desk: Desk) -> None:
    out = desk.do("--help").out
    assert all(f"\n    {name} " in out for name in NAMES)


def test_the_example_of_every_verb_is_right_usage() -> None:
    for verb in VERBS:
        words = shlex.split(verb.example)
        assert words[:2] == ["jupyter", "totp"]
        assert parse(words[2:]).verb.name == verb.name


def test_a_help_makes_and_needs_no_store(desk: Desk) -> None:
    desk.configure("this is no python")
    desk.do("list", "--help")
    assert not desk.database.exists()


def test_the_version(desk: Desk) -> None:
    assert desk.do("--version").out.strip() == __version__


@pytest.mark.parametrize(
    "words", [(), ("nope",), ("list", "--nope"), ("role", "ada"), ("routes",), ("init", "x")]
)
def test_wrong_usage_exits_2(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.run(*words)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("usage: jupyter totp")


def test_the_help_is_quick() -> None:
    # What takes long to import must not be imported before it is known that a verb runs.
    slow = ("sqlalchemy", "alembic", "tornado", "jupyter_server", "jupyter_core", "traitlets", "argon2")
    code = (
        "import sys; from jupyter_totp_auth.cli import main; main(['adduser', '--help']); "
        f"print([name for name in {slow} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jupyter_server_config.py", "c.TotpAuth.database_url = 'sqlite:///{}'"),
        ("jupyter_config.py", "c.TotpAuth.database_url = 'sqlite:///{}'"),
        ("jupyter_server_config.json", '{{"TotpAuth": {{"database_url": "sqlite:///{}"}}}}'),
        ("jupyter_config.json", '{{"TotpAuth": {{"database_url": "sqlite:///{}"}}}}'),
    ],
)
def test_the_options_are_those_of_the_servers_files(desk: Desk, name: str, text: str) -> None:
    other = desk.home / "other" / "accounts.sqlite3"
    desk.configure(text.format(other), name)
    desk.do("adduser", "ada")
    assert other.exists()
    assert not desk.database.exists()


def test_the_command_line_stands_above_the_files(desk: Desk) -> None:
    other = desk.home / "other.sqlite3"
    desk.configure("c.TotpAuth.database_url = 'sqlite:////nowhere/x.sqlite3'")
    for words in (
        ("list", f"--TotpAuth.database_url=sqlite:///{other}"),
        (f"--TotpAuth.database_url=sqlite:///{other}", "list"),
    ):
        desk.do(*words)
    assert other.exists()


def test_the_environment_stands_above_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_TOTP_DATABASE_URL", f"sqlite:///{desk.home}/env.sqlite3")
    monkeypatch.setenv("JUPYTER_TOTP_KEY_FILE", f"{desk.home}/env-key/keyring")
    desk.do("list", "--TotpAuth.database_url=sqlite:////nowhere/x.sqlite3")
    assert (desk.home / "env.sqlite3").exists()
    assert (desk.home / "env-key" / "keyring").exists()


@pytest.mark.parametrize("before", [True, False], ids=["before the verb", "behind it"])
@pytest.mark.parametrize("end", ["py", "json"])
def test_config_names_another_file(desk: Desk, before: bool, end: str) -> None:
    desk.configure("c.TotpAuth.public_url = 'https://no.example/'")
    path = desk.home / f"mine.{end}"
    if end == "py":
        path.write_text("c.TotpAuth.public_url = 'https://mine.example/'")
    else:
        path.write_text('{"TotpAuth": {"public_url": "https://mine.example/"}}')
    words = ["adduser", "ada", "--json"]
    words = ["--config", str(path), *words] if before else [*words, f"--config={path}"]
    assert desk.do(*words).document["url"].startswith("https://mine.example/enroll#")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jupyter_server_config.py", "c.TotpAuth.issuer = ("),
        ("jupyter_server_config.py", "raise SystemExit(0)"),
        ("jupyter_config.py", "import no_such_module"),
        ("jupyter_server_config.json", "{"),
        ("jupyter_server_config.json", "\udcff"),
    ],
)
def test_a_configuration_file_with_an_error_ends_the_command_and_is_named(
    desk: Desk, name: str, text: str
) -> None:
    path = desk.home / "config" / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    result = desk.run("list")
    assert (result.status, result.out) == (1, "")
    assert str(path) in result.err
    assert len(result.err.splitlines()) == 1
    assert not desk.database.exists()


def test_a_named_configuration_file_that_is_not_there_ends_the_command(desk: Desk) -> None:
    (desk.home / "notes.txt").write_text("")
    for name in ("none.py", "notes.txt"):
        result = desk.run("list", "--config", str(desk.home / name))
        assert result.status == 1
        assert name in result.err


def test_what_a_configuration_file_prints_does_not_spoil_a_document(desk: Desk) -> None:
    desk.configure("print('hello')")
    result = desk.run("list", "--json")
    assert result.document == []
    assert result.err == "hello\n"


def test_an_option_of_a_wrong_value_or_name_is_not_passed_over(desk: Desk) -> None:
    assert desk.run("list", "--TotpAuth.login_lifetime=1").status == 1
    assert desk.run("list", "--TotpAuth.login_lifetime=long").status == 1
    assert desk.run("list", "--TotpAuth.databse_url=sqlite:///x").status == 2
    assert desk.run("list", "--TotpAuth.issuer").status == 2
    for line in ("c.TotpAuth.public_routes = ['(']", "c.TotpAuth.databse_url = 'sqlite:///x'"):
        desk.configure(line)
        result = desk.run("list")
        assert (result.status, len(result.err.splitlines())) == (1, 1)
    assert not desk.database.exists()


@pytest.mark.parametrize(
    "url",
    ["nonsense", "oracle://x", "sqlite://", "sqlite:////nowhere/at/all.sqlite3", "mariadb://127.0.0.1:1/x"],
)
def test_a_store_that_cannot_be_opened_is_one_sentence(desk: Desk, url: str) -> None:
    if os.geteuid() == 0 and "nowhere" in url:
        url = "sqlite:////proc/nowhere/at/all.sqlite3"  # root may write everywhere else
    result = desk.run("list", f"--TotpAuth.database_url={url}")
    assert (result.status, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1


def test_the_console_script_is_jupyters_subcommand(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "totp", "list", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
