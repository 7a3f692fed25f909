"""A chat program's way in: jupyter-mcp-server, with an access token, beside jupyter-collaboration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.core.model import Role
from tests.harness.backstage import wait_until
from tests.harness.collaboration import SETTINGS
from tests.harness.server import JupyterServer
from tests.rights.people import Asker, House, open_house
from tests.together.test_people import NOTEBOOK

pytestmark = [pytest.mark.soak, pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
PACKAGE = "jupyter-mcp-server>=2.2.4,<3"
MAY_NOT = "Your account may read here, but not run anything."
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_files", {}),
    ("use_notebook", {"notebook_name": "book", "notebook_path": "book.ipynb", "mode": "connect"}),
    ("read_notebook", {"notebook_name": "book"}),
    ("insert_execute_code_cell", {"cell_index": -1, "cell_source": "print(6 * 7)"}),
    ("execute_code", {"code": "print(5 * 5)"}),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own with jupyter-mcp-server: it brings half a gigabyte."""
    folder = tmp_path_factory.mktemp("mcp")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    found = folder / "bin" / "python"
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([found, "-m", "pip", "install", *quiet, PACKAGE], check=True, timeout=500)
    return found


@pytest.fixture(scope="module")
def open_urls(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[House]:
    """A server that takes tokens in URLs of the API."""
    arguments = [*SETTINGS, "--TotpAuth.token_in_url=api"]
    home = tmp_path_factory.mktemp("mcp-house")
    with open_house(JupyterServer(home, arguments=arguments, environment=environment)) as found:
        yield found


def environment_of(program: Asker, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTHON"))}
    address = {"JUPYTER_URL": program.url.rstrip("/"), "JUPYTER_TOKEN": program.token}
    return {**kept, **address, "HOME": str(home)}


def called(python: Path, program: Asker, home: Path) -> dict[str, str]:
    done = subprocess.run(
        [python, HERE / "mcp_client.py"],
        env=environment_of(program, home),
        input=json.dumps(CALLS),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    return {tool: answer for (tool, _), answer in zip(CALLS, answers, strict=True)}


@pytest.fixture
def book(open_urls: House) -> Path:
    path = open_urls.stage.server.root / "book.ipynb"
    path.write_text(json.dumps(NOTEBOOK))
    return path


def test_it_reads_writes_and_runs_a_notebook(
    python: Path, open_urls: House, book: Path, tmp_path: Path
) -> None:
    program = open_urls.with_token(Role.MEMBER, "all")
    answers = called(python, program, tmp_path)
    assert "book.ipynb" in answers["list_files"]
    assert "x = 1" in answers["read_notebook"]
    assert answers["insert_execute_code_cell"].startswith("42")
    assert answers["execute_code"].strip() == "25"
    wait_until(lambda: "print(6 * 7)" in book.read_text(), 10, "the new cell in the file")
    assert program.token not in open_urls.stage.log


def test_without_the_scope_of_everything_it_runs_code_and_touches_no_notebook(
    python: Path, open_urls: House, book: Path, tmp_path: Path
) -> None:
    """Shared documents belong to no narrower scope."""
    before = book.read_text()
    program = open_urls.with_token(Role.MEMBER, "contents:read", "kernels:execute")
    answers = called(python, program, tmp_path)
    assert "book.ipynb" in answers["list_files"]
    assert "403" in answers["read_notebook"]
    assert "403" in answers["insert_execute_code_cell"]
    assert answers["execute_code"].strip() == "25"
    assert book.read_text() == before


def test_where_tokens_are_not_taken_in_urls_the_log_says_so(
    python: Path, house: House, tmp_path: Path
) -> None:
    """It asks again and again, and keeps the answer to itself."""
    program = house.with_token(Role.MEMBER, "all")
    with subprocess.Popen(
        [python, "-m", "jupyter_mcp_server"],
        env=environment_of(program, tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as asking:
        try:
            told = "GET /api/status (127.0.0.1) access token in the URL (TotpAuth.token_in_url)"
            wait_until(lambda: told in house.stage.log, 60, "the refusal in the log")
        finally:
            asking.kill()
    assert program.token not in house.stage.log
