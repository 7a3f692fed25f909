"""Servers that start fast, with test extensions, and servers that are expected not to start at all."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import requests

from tests.harness.backstage import wait_until
from tests.harness.server import START_SECONDS, JupyterServer
from tests.harness.wire import ask, assert_denied
from tests.services.ports import accepts

LEAN = [f"--ServerApp.jpserver_extensions={name}=False" for name in ("jupyterlab", "notebook", "jupyter_lsp")]
"""A server without the big front ends starts in half the time."""

CHEAP_HASHES = """
from argon2 import profiles

profiles.RFC_9106_LOW_MEMORY = profiles.CHEAPEST
"""
"""Run before a server's own code: hashes for a hundredth, where it matters what is decided, not when."""

OURS = "c.ServerApp.identity_provider_class = 'jupyter_totp_auth.TotpIdentityProvider'\n"
"""The line that names our login."""

STANDS_DOWN = "jupyter_totp_auth stands down: ServerApp.identity_provider_class is set to"
"""What is logged where another login is named."""

EXTENSIONS = Path(__file__).parent / "extensions"
QUICK = Path(__file__).parent / "quick"


def doors_environment(home: Path, *first: str) -> dict[str, str]:
    """What the test extensions need: to be found, behind the folders ``first``, and a place to write to."""
    folders = [*first, str(QUICK), str(EXTENSIONS), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
        "DOORS_JOURNAL": str(home / "journal"),
        "DOORS_ROUTES": str(home / "routes"),
    }


def enabling(*extensions: str) -> list[str]:
    """The arguments that enable extensions."""
    return [f"--ServerApp.jpserver_extensions={name}=True" for name in extensions]


def lean(home: Path, *, extensions: list[str] | None = None, **options: Any) -> JupyterServer:
    """A server without front ends, not started."""
    server = JupyterServer(home, **options)
    server.arguments = [*server.arguments, *LEAN, *enabling(*(extensions or []))]
    own = server.environment.get("PYTHONPATH", "")
    server.environment = {**server.environment, **doors_environment(home, own)}
    return server


def assert_refuses(server: JupyterServer, *sentences: str) -> None:
    """The start ends by itself: status not 0, the port never open, and one critical line that says why."""
    server.launch()
    process = server.process
    assert process is not None
    deadline = time.monotonic() + START_SECONDS
    try:
        while process.poll() is None:
            assert not accepts(server.port), f"the port was opened:\n{server.log}"
            assert time.monotonic() < deadline, f"it neither ended nor listened:\n{server.log}"
            time.sleep(0.02)
    finally:
        server.stop()
    assert process.returncode != 0, server.log
    critical = [line for line in server.log.splitlines() if line.startswith("[C ")]
    assert len(critical) == 1, "\n".join(critical) or server.log
    for sentence in sentences:
        assert sentence in critical[0], critical[0]


def assert_ours(server: JupyterServer) -> None:
    """Our login stands."""
    assert 'name="_xsrf"' in requests.get(f"{server.url}login", timeout=20).text
    assert_denied(ask(server, "GET", "api/contents"), "api/contents")


def start_stock(server: JupyterServer) -> str:
    """Start a server that has another login than ours; what its login page says."""
    server.launch()
    try:
        wait_until(lambda: "is running at" in server.log, START_SECONDS, "the start")
        # The line is printed before the port is bound.
        wait_until(lambda: accepts(server.port), START_SECONDS, "the port")
        return requests.get(f"{server.url}login", timeout=20).text
    finally:
        server.stop()
