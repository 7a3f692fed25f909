"""jupyter_server's own tests, run with our login and a signed-in client: they end as they do with its own.

Its sdist carries them; it is fetched once and kept in the user's cache folder.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.services import missing_is_skip
from tests.services.parts import Missing

ROOT = Path(__file__).parents[2]
PLUGIN = Path(__file__).parent / "plugin"

_KERNELS = "tests/services/kernels"
_SLOW = [f"{_KERNELS}/test_api.py", f"{_KERNELS}/test_cull.py"]

WAITING = [
    *([file] for file in _SLOW),
    [_KERNELS, "tests/services/sessions", *(f"--ignore={file}" for file in _SLOW)],
]
"""Run side by side: most of their time is waiting for kernels to come and go."""

_CONTENTS = "tests/services/contents"
_ASKS, _DEFAULT = f"{_CONTENTS}/test_api.py", "AsyncFileContentsManager"
_ALIKE = "ordering or Directory or foo-a or foo-b"

QUICK = [
    ["tests/test_terminal.py", "tests/services/kernelspecs", "tests/services/config", "tests/test_files.py"],
    [_ASKS, "-k", f"{_DEFAULT} and not ({_ALIKE})"],
]
AT_NIGHT = [[_CONTENTS, f"--ignore={_ASKS}"], [_ASKS, "-k", f"not {_DEFAULT} or ({_ALIKE})"]]
"""Of managers that no request goes to, of another than Jupyter takes by itself, and of more such names."""

DIFFERENT: dict[str, str] = {}
"""Tests that end otherwise with our login, each with the reason why that is right. So far there is none."""

# Deprecated by tornado after this jupyter_server was released, and an error in its own configuration.
_TORNADO = "ignore:The method, uri, and version arguments to HTTPServerRequest:DeprecationWarning"
_TURNS = 2


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """jupyter_server's source folder, of the installed version."""
    version = importlib.metadata.version("jupyter_server")
    with missing_is_skip():
        archive = _fetched(version)
    folder = tmp_path_factory.mktemp("sources")
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
        tar.extractall(folder)  # noqa: S202 - from the registry that we install from, and filtered
    return folder / f"jupyter_server-{version}"


def _fetched(version: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter-totp-auth"
    archive = cache / f"jupyter_server-{version}.tar.gz"
    if archive.exists():
        return archive
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    done = subprocess.run(
        [*command, "--dest", str(cache), f"jupyter_server=={version}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0 or not archive.exists():
        last = (done.stderr.strip().splitlines() or ["no word why"])[-1]
        raise Missing(f"the tests of jupyter_server {version}", f"pip download: {last}")
    return archive


def run(sources: Path, home: Path, what: list[str], *, ours: bool) -> dict[str, str]:
    """Run these tests in a process of their own; what became of each."""
    home.mkdir(parents=True)
    report = home / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "signed_in",
        "-p",
        "no:asyncio",
        "-p",
        "no:cacheprovider",
    ]
    options = ["addopts=", "log_cli=false", "timeout_method=signal", "timeout=100"]
    command += [word for option in options for word in ("-o", option)]
    command += ["-W", _TORNADO, f"--junitxml={report}", f"--basetemp={home / 'tmp'}", *what]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST"))}
    environment = {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(PLUGIN), str(ROOT)]),
        "SIGNED_IN": "yes" if ours else "no",
    }
    done = subprocess.run(
        command, cwd=sources, env=environment, capture_output=True, text=True, timeout=800, check=False
    )
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    return outcomes(report)


def outcomes(report: Path) -> dict[str, str]:
    """Passed, failed or skipped, by test."""
    found: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        name = f"{(case.get('classname') or '').replace('.', '/')}.py::{case.get('name')}"
        words = {child.tag for child in case} & {"failure", "error", "skipped"}
        found[name] = "failed" if words & {"failure", "error"} else "skipped" if words else "passed"
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("shards", "fewest"),
    [
        pytest.param(QUICK, 90, id="quick"),
        pytest.param([*WAITING, *QUICK, *AT_NIGHT], 600, id="all", marks=pytest.mark.soak),
    ],
)
def test_jupyter_servers_own_tests_end_the_same_with_our_login(
    sources: Path, tmp_path: Path, shards: list[list[str]], fewest: int
) -> None:
    def with_ours(numbered: tuple[int, list[str]]) -> dict[str, str]:
        number, shard = numbered
        return run(sources, tmp_path / str(number), shard, ours=True)

    with ThreadPoolExecutor(len(shards)) as pool:
        found = pool.map(with_ours, enumerate(shards))
        mine = {test: outcome for shard in found for test, outcome in shard.items()}
    assert sum(outcome == "passed" for outcome in mine.values()) > fewest
    # What passes is as it should be. Of the others, those that pass with Jupyter's login are our fault;
    # twice, since some of them fail now and then on a busy machine.
    suspects = [test for test, outcome in mine.items() if outcome != "passed"]
    for turn in range(_TURNS):
        if suspects:
            with ThreadPoolExecutor(2) as pool:
                again = partial(run, sources, what=suspects)
                theirs = pool.submit(again, tmp_path / f"stock-{turn}", ours=False)
                stock, ours = again(tmp_path / f"ours-{turn}", ours=True), theirs.result()
            suspects = [test for test in suspects if stock[test] != ours[test]]
    assert set(suspects) == set(DIFFERENT), suspects


def test_the_client_of_these_tests_is_let_in_by_its_login_alone(sources: Path, tmp_path: Path) -> None:
    """Without the cookie nothing of it works: the tests above do go through our login."""
    check = tmp_path / "test_signed_in.py"
    check.write_text(_CHECK)
    result = run(
        sources,
        tmp_path / "check",
        ["-p", "pytest_jupyter.jupyter_server", "--rootdir", str(tmp_path), str(check)],
        ours=True,
    )
    assert list(result.values()) == ["passed"] * 3, result


_CHECK = """
import pytest
from jupyter_totp_auth import TotpIdentityProvider
from tornado.httpclient import HTTPClientError


async def test_the_provider_is_ours(jp_serverapp, jp_fetch):
    assert type(jp_serverapp.identity_provider) is TotpIdentityProvider
    assert b'"username": "ada"' in (await jp_fetch("api", "me")).body


async def test_a_request_without_the_cookie_is_refused(jp_fetch):
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("api", "contents", headers={"Cookie": "_xsrf=x"})
    assert refused.value.code == 403


async def test_a_socket_without_the_cookie_is_refused(jp_ws_fetch):
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("api", "events", "subscribe", headers={"Cookie": "_xsrf=x"})
    assert refused.value.code == 403
"""
