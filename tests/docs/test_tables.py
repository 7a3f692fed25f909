"""The tables that tell what is covered say what is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_totp_auth.core.rights import SCOPES, TABLE

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PACKAGE = ROOT / "jupyter_totp_auth"


@pytest.mark.timeout(300)
def test_the_table_of_the_attack_list_is_what_the_tests_names_say() -> None:
    """`make attacks-table` writes it anew."""
    written = subprocess.run(
        [sys.executable, "tools/attack_table.py", "--print"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert written.returncode == 0, written.stderr
    assert (REFERENCE / "attacks.md").read_text(encoding="utf-8") == written.stdout


def requirements() -> list[list[str]]:
    """The cells of the table."""
    lines = (REFERENCE / "requirements.md").read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| R\d", line)
    ]


def test_every_requirement_is_there_once() -> None:
    assert [row[0] for row in requirements()] == [f"R{number}" for number in range(1, 50)]


def test_what_a_requirement_names_exists() -> None:
    rows = set(re.findall(r"(?m)^\| (?:\*\*\+\*\* )?([A-Q]\d\d) ", (REFERENCE / "attacks.md").read_text()))
    for number, _, where, shown, _ in requirements():
        for path in re.findall(r"`([\w./]+)`", where):
            assert (PACKAGE / path).exists() or (ROOT / path).exists(), (number, path)
        for path in re.findall(r"\btests/[\w./]*\w", shown):
            assert (ROOT / path).exists(), (number, path)
        assert set(re.findall(r"\b[A-Q]\d\d\b", shown)) <= rows, number


def test_a_requirement_that_nothing_shows_says_what_is_open() -> None:
    assert [row[0] for row in requirements() if row[3] == "–" and not row[4]] == []


def test_the_table_of_rights_is_what_is_held() -> None:
    text = (REFERENCE / "rights.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([\w-]+)` \| .+ \| (\w+) \| (\w+) \| (\w+) \|$", text)
    held = [(name, *(role.value for role in roles)) for name, roles in TABLE.items()]
    assert rows == held
    for scope in SCOPES:
        assert f"| `{scope}` |" in text
