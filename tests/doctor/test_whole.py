"""The whole of it: a right set-up, a set-up in ruins, what is printed, and that every check is told of."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.cli import main
from jupyter_totp_auth.doctor.finding import Check, Severity, Verdict
from jupyter_totp_auth.doctor.run import CHECKS, examine
from jupyter_totp_auth.doctor.subject import Subject
from tests.cli.desk import Desk
from tests.doctor.looking import findings, not_root

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "reference" / "doctor.md"


def test_a_right_set_up_has_nothing_red_and_little_yellow(users_desk: Desk) -> None:
    right = users_desk
    right.configure(right.do("config", "jupyter", "--domain", "jupyter.example.org").out)
    for name in ("ada", "eve"):
        right.add(name, "--admin")
    right.do("backup", str(right.home / "backup"))
    with not_root(right):
        found, told = findings(right), right.do("doctor").out
    assert [name for name in found if found[name]["severity"] == "red"] == []
    yellow = {name for name in found if found[name]["severity"] == "yellow"}
    # The code is its own user's where the tests do not run as root; Python may be an old one.
    assert yellow - {"code-writable", "python-version"} == {"kernels-share-key"}
    assert told.endswith(f"green: {len(CHECKS) - len(yellow)}.\n")


def test_in_ruins_everything_is_still_looked_at_and_no_secret_is_told(desk: Desk) -> None:
    desk.add("ada", "--admin")
    desk.configure("c.ServerApp.token = 'canary-1'\ncanary_2\n")
    desk.configure("c.ServerApp.password = 'canary-3'", "jupyter_config.py")
    mad = {"TotpAuth": {"login_lifetime": "canary-4"}, "ServerApp": {"sock": "y", "sock_mode": "canary-5"}}
    desk.configure(json.dumps(mad), "jupyter_server_config.json")
    desk.keyring.write_text('{"keys": "canary-6"}')
    desk.database.write_bytes(b"canary-7" * 1000)
    words = ("doctor", "--TotpAuth.notice=canary-8")
    told, document = desk.run(*words), desk.run(*words, "--json")
    assert told.status == document.status == 1
    assert [found["id"] for found in document.document["findings"]] == [check.id for check in CHECKS]
    assert "jupyter_server_config.py (NameError, line 2)" in document.out
    assert "canary" not in told.out + told.err + document.out + document.err


@pytest.mark.parametrize(
    "error", [ValueError("canary"), OSError(5, "Input/output error", "/x"), KeyError("canary")]
)
def test_a_check_that_fails_is_a_finding(error: Exception) -> None:
    def look(subject: Subject) -> Verdict:
        raise error

    (found,) = examine(Subject(0), [Check("x", "about", "why", look)])
    assert (found.severity, found.id) == (Severity.YELLOW, "x")
    assert found.what.startswith("Not looked at")
    assert "canary" not in found.what


def test_the_document(desk: Desk) -> None:
    result = desk.run("doctor", "--json")
    document = result.document
    assert list(document) == ["red", "yellow", "green", "findings"]
    for finding in document["findings"]:
        assert list(finding) == ["id", "severity", "what", "why", "line"]
        assert (finding["line"] == "") == (finding["severity"] == "green")
    for severity in Severity:
        of_it = [f for f in document["findings"] if f["severity"] == severity.value]
        assert document[severity.value] == len(of_it)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(desk: Desk, stream: Any) -> str:
    with redirect_stdout(stream), redirect_stderr(io.StringIO()):
        main(["doctor"], clock=desk.clock)
    return str(stream.getvalue())


def test_color_on_a_terminal_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.configure("c.ServerApp.disable_check_xsrf = True")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31mred\x1b[0m  xsrf-off" in printed(desk, Terminal())
    assert "\x1b" not in printed(desk, io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    plain = printed(desk, Terminal())
    assert "\x1b" not in plain
    assert plain.index("red  xsrf-off") < plain.index("yellow  ")


def test_what_a_machine_says_moves_no_cursor(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.configure("c.ServerApp.identity_provider_class = 'x\\x1b[2Jy'")
    assert "x\\x1b[2Jy" in printed(desk, Terminal()).replace("\n    ", " ")
    assert "\x1b[2J" not in printed(desk, Terminal())
    assert json.loads(desk.run("doctor", "--json").out)


def test_names_are_slugs_and_stand_once() -> None:
    names = [check.id for check in CHECKS]
    assert len(set(names)) == len(names) >= 25
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


def test_every_check_is_in_the_table_as_it_is() -> None:
    text = TABLE.read_text(encoding="utf-8")
    rows = {row[1]: row for row in re.findall(r"(?m)^(\| `([a-z-]+)` \| .* \|)$", text)}
    assert sorted(name for name in rows if not name.startswith("outside-")) == sorted(c.id for c in CHECKS)
    for check in CHECKS:
        cells = [cell.strip() for cell in rows[check.id][0].strip("|").split(" | ")]
        assert cells[1:3] == [check.about, check.why], check.id
        assert cells[3], check.id


def test_every_check_has_a_test_that_makes_its_fault() -> None:
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py") if path.name != "test_whole.py")
    assert [check.id for check in CHECKS if f'"{check.id}"' not in tests] == []
