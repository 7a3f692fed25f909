"""What the server tells systemd (sd_notify): a test stands where systemd would, and hears it."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_totp_auth.web.notify import Notifier, taken_from
from tests.harness.backstage import backstage
from tests.harness.lean import lean
from tests.harness.manager import Manager

SERVED = ["READY=1", "STATUS=Logins are served."]
LOOK = "import os; print([name for name in os.environ if name[:6] in ('NOTIFY', 'WATCHD')])"


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name leaves room: a socket's path has at most 107 letters."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_ready_comes_once_logins_are_served_and_stopping_at_the_end(tmp_path: Path, short: Path) -> None:
    with Manager(short) as manager:
        server = lean(tmp_path, environment={"NOTIFY_SOCKET": manager.address})
        served: list[bool] = []
        server.launch()
        try:
            ready = manager.wait_for("READY=1", 60, meanwhile=lambda: served.append(server.is_ready()))
            assert ready == SERVED
            assert manager.heard == [SERVED]  # nothing before it
            assert served[0] is False
            assert server.is_ready()
            with backstage(server) as stage:
                stage.enrolled("ada")
                ada = stage.signed_in("ada")
                kernel = ada.kernel_socket(ada.start_kernel())
                assert ada.execute(kernel, LOOK, 60) == "[]\n"
        finally:
            server.stop()
        assert manager.listen(0.2) == [["STOPPING=1", "STATUS=Stopping."]]


def test_a_loop_that_hangs_is_not_fed_and_one_that_turns_is(tmp_path: Path) -> None:
    with Manager() as manager:
        told = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000000"}
        with lean(tmp_path, environment=told) as server:
            assert manager.address.startswith("@")
            manager.wait_for("READY=1")
            assert manager.listen(2.2).count(["WATCHDOG=1"]) >= 3
            # Read again by the loop itself, at SIGHUP; the process's other threads go on.
            config = server.home / "config" / "jupyter_server_config.py"
            config.write_text("import time\ntime.sleep(3)\n")
            assert server.process is not None
            os.kill(server.process.pid, signal.SIGHUP)
            told = manager.wait_for("RELOADING=1", 5)
            assert told[1].startswith("MONOTONIC_USEC=")
            assert manager.listen(2) == []
            manager.wait_for("READY=1", 5)
            manager.wait_for("WATCHDOG=1", 5)


@pytest.mark.soak
def test_a_store_that_is_gone_is_said_and_that_it_is_back(tmp_path: Path, short: Path) -> None:
    with Manager(short) as manager:
        told = {"NOTIFY_SOCKET": manager.address}
        with lean(tmp_path, environment=told) as server:
            manager.wait_for("READY=1")
            away = server.database.with_suffix(".away")
            server.database.rename(away)
            server.database.write_text("not a database at all, for a while")
            manager.wait_for("STATUS=Logins cannot be served at the moment.")
            server.database.unlink()
            away.rename(server.database)
            manager.wait_for("STATUS=Logins are served.")


@pytest.mark.soak
def test_a_manager_that_does_not_listen_is_no_error(tmp_path: Path) -> None:
    with lean(tmp_path, environment={"NOTIFY_SOCKET": str(tmp_path / "nobody")}) as server:
        assert server.is_ready()
    assert "Traceback" not in server.log


def test_the_variables_are_gone_from_the_environment() -> None:
    environment = {
        "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "3000000",
        "WATCHDOG_PID": "7",
        "PATH": "/bin",
    }
    assert taken_from(environment, pid=7).watchdog == 3
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "3000000"},
        {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "3000000"},
        {"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "3000000"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"},
    ],
)
def test_only_a_watchdog_that_means_this_process_is_fed(environment: dict[str, str]) -> None:
    assert taken_from(environment, pid=7).watchdog is None
    assert environment == {}


def test_a_queue_that_is_full_does_not_stop_the_server(short: Path) -> None:
    with Manager(short) as manager:
        notifier = Notifier(manager.address)
        sent = [notifier.status("so it goes") for _ in range(2000)]
        assert sent[0]
        assert not sent[-1]
