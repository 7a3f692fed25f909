"""A server that is told to stop waits for its people's pages, and not for longer than it was told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from websocket import WebSocket

from jupyter_totp_auth.web.sockets import HINT
from tests.harness.backstage import Backstage, backstage, wait_until
from tests.harness.client import PASSWORD, Client, execute_request
from tests.harness.lean import lean
from tests.harness.manager import Manager
from tests.harness.server import JupyterServer

LONG = 60


@contextmanager
def draining(home: Path, seconds: int = LONG, **environment: str) -> Iterator[Backstage]:
    arguments = [f"--TotpAuth.drain_seconds={seconds}"]
    with lean(home, arguments=arguments, environment=environment) as server, backstage(server) as stage:
        stage.enrolled("ada")
        yield stage


def tell(server: JupyterServer, number: signal.Signals = signal.SIGTERM) -> float:
    assert server.process is not None
    os.kill(server.process.pid, number)
    return time.monotonic()


def has_ended(server: JupyterServer) -> bool:
    return server.process is not None and server.process.poll() is not None


def wait_for_the_end(server: JupyterServer, begun: float, *, within: float) -> float:
    wait_until(lambda: has_ended(server), within, "the end")
    assert server.process is not None
    assert server.process.returncode == 0, server.log
    return time.monotonic() - begun


def hint_on(events: WebSocket) -> dict[str, str]:
    """Passing over what Jupyter tells of kernels."""
    while "jupyter-totp-auth" not in (told := json.loads(events.recv()))["schema_id"]:
        pass
    return dict(told)


def assert_takes_nobody(server: JupyterServer, pending: Client) -> None:
    """Neither a stranger nor who is between the two factors, and a load balancer is told."""
    health = requests.get(f"{server.url}api/totp/health", timeout=10)
    assert (health.status_code, health.json()["reason"]) == (503, "unavailable")
    page = requests.get(f"{server.url}login", timeout=10)
    assert page.status_code == 503
    assert "This server is being stopped and takes no new logins." in page.text
    assert 10 < int(page.headers["Retry-After"]) <= LONG + 10
    assert pending.get("login/code").status_code == 503
    body = {"username": "ada", "password": PASSWORD, "code": "123456"}
    answer = pending.request("POST", "api/totp/login", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (503, "stopping")
    assert int(answer.headers["Retry-After"]) > 10


def test_nobody_new_gets_in_and_whoever_is_in_goes_on_until_they_leave(tmp_path: Path) -> None:
    with Manager() as manager, draining(tmp_path, NOTIFY_SOCKET=manager.address) as stage:
        manager.wait_for("READY=1")
        ada, server = stage.signed_in("ada"), stage.server
        assert ada.get("api/totp/me").json()["stops_at"] is None
        pending = Client(server.url)
        assert pending.first_factor("ada").status_code == 303
        events = ada.socket("api/events/subscribe")
        kernel = ada.kernel_socket(ada.start_kernel())
        forged = {**json.loads(HINT), "version": "1", "data": {}}
        assert ada.request("POST", "api/events", json=forged).status_code >= 400
        begun = tell(server)
        assert hint_on(events) == json.loads(HINT)
        said = f"Stopping in {LONG} s at the latest; people's documents are being saved."
        assert manager.wait_for("STOPPING=1") == ["STOPPING=1", f"STATUS={said}"]
        assert said in server.log

        assert ada.get("api/totp/me").json()["stops_at"] is not None
        assert ada.execute(kernel, "print(6 * 7)", LONG) == "42\n"
        written = {"type": "file", "format": "text", "content": "kept"}
        assert ada.request("PUT", "api/contents/kept.txt", json=written).status_code == 201

        assert_takes_nobody(server, pending)
        events.close()
        time.sleep(1.5)
        assert not has_ended(server), "somebody is there"
        kernel.close()
        assert wait_for_the_end(server, begun, within=LONG / 2) < LONG / 2
        assert (server.root / "kept.txt").read_text() == "kept"
        assert manager.listen(0.2)[-1] == ["STOPPING=1", "STATUS=Stopping."]


def test_stop_says_how_long_and_it_ends_then_although_somebody_is_there(tmp_path: Path) -> None:
    with draining(tmp_path, 0) as stage:
        events = stage.signed_in("ada").socket("api/events/subscribe")
        begun = time.monotonic()
        done = stage.server.totp("stop", str(stage.server.port), "--drain", "2")
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - begun >= 2
        assert "Waiting up to 2 seconds" in done.stderr
        assert hint_on(events) == json.loads(HINT)
        assert not list((tmp_path / "runtime").glob("totp-stop-*"))
        assert has_ended(stage.server)


def test_now_ends_a_server_that_waits(tmp_path: Path) -> None:
    with draining(tmp_path) as stage:
        events = stage.signed_in("ada").socket("api/events/subscribe")
        begun = tell(stage.server)
        hint_on(events)
        assert stage.server.totp("stop", "--now").returncode == 0
        assert wait_for_the_end(stage.server, begun, within=LONG / 2) < LONG / 2


@pytest.mark.soak
def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    for number, second in enumerate((signal.SIGTERM, signal.SIGINT)):
        with draining(tmp_path / str(number)) as stage:
            events = stage.signed_in("ada").socket("api/events/subscribe")
            begun = tell(stage.server)
            hint_on(events)
            tell(stage.server, second)
            assert wait_for_the_end(stage.server, begun, within=LONG / 2) < LONG / 2


@pytest.mark.soak
def test_where_nobody_is_there_it_ends_at_once(tmp_path: Path) -> None:
    with draining(tmp_path) as stage:
        assert wait_for_the_end(stage.server, tell(stage.server), within=LONG / 2) < LONG / 2


@pytest.mark.soak
def test_a_cell_that_runs_is_not_waited_for(tmp_path: Path) -> None:
    with draining(tmp_path, 3) as stage:
        ada = stage.signed_in("ada")
        kernel = ada.kernel_socket(ada.start_kernel())
        ada.execute(kernel, "1", LONG)
        kernel.send(json.dumps(execute_request("import time; time.sleep(600)")))
        assert wait_for_the_end(stage.server, tell(stage.server), within=30) >= 3
