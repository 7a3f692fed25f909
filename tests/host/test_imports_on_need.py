"""What a start imports: nothing that only a first start, another database or another program needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.lean import LEAN
from tests.harness.server import JupyterServer

ON_NEED = [
    "PIL",  # qrcode takes it along
    "alembic",
    "jupyter_totp_auth.cli",
    "jupyter_totp_auth.doctor",
    "jupyter_totp_auth.factors.blocklist",
    "jupyter_totp_auth.hosting",
    "jupyter_totp_auth.store.inspection",
    "jupyter_totp_auth.store.migrations",
    "jupyter_totp_auth.store.rekey",
    "jupyter_totp_auth.store.restore",
    "jupyter_totp_auth.store.transfer",
    "mako",
    "psycopg",
    "pymysql",
    "qrcode",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.oracle",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
]

_START = """\
import gc, json, sys
from jupyter_server.serverapp import ServerApp
app = ServerApp.instance()
app.initialize(sys.argv[1:], new_httpserver=False)
assert type(app.identity_provider).__name__ == "TotpIdentityProvider"
print(json.dumps({"modules": sorted(sys.modules), "gc": gc.isenabled(), "frozen": gc.get_freeze_count()}))
"""


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What two starts one after the other found, all extensions loaded: the first makes the store."""
    server = JupyterServer(tmp_path_factory.mktemp("starts"))
    return [start(server.root, server.env) for _ in range(2)]


def start(root: Path, environment: dict[str, str]) -> dict[str, object]:
    """A server application in a process of its own, up to where it would listen."""
    arguments = [f"--ServerApp.root_dir={root}", "--no-browser", "--allow-root", *LEAN]
    command = [sys.executable, "-c", _START, *arguments]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def modules(start: dict[str, object]) -> set[str]:
    found = start["modules"]
    assert isinstance(found, list)
    return set(found)


def test_a_first_start_imports_what_makes_the_store(starts: list[dict[str, object]]) -> None:
    assert {"alembic", "jupyter_totp_auth.store.migrations.env"} & modules(starts[0])


@pytest.mark.parametrize("name", ON_NEED)
def test_a_later_start_does_not_import(starts: list[dict[str, object]], name: str) -> None:
    assert name not in modules(starts[1])


def test_what_guards_the_door_is_imported_before_it_opens(starts: list[dict[str, object]]) -> None:
    # Each page and endpoint of ours: an error at import ends the start, not somebody's request.
    pages = Path(__file__).parents[2] / "jupyter_totp_auth" / "web"
    ours = {f"jupyter_totp_auth.web.{path.stem}" for path in pages.glob("*.py") if path.stem != "__init__"}
    assert ours - modules(starts[1]) == set()


def test_the_garbage_collector_goes_on_but_not_through_the_modules(starts: list[dict[str, object]]) -> None:
    assert starts[1]["gc"] is True
    frozen = starts[1]["frozen"]
    assert isinstance(frozen, int)
    assert frozen > 10_000
