"""routes and stop; and what a running server learns of a command."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyter_totp_auth.cli.running import running_servers
from tests.cli.desk import Desk
from tests.harness.client import Client, Person
from tests.harness.server import JupyterServer

EFFECTIVE_S = 2.0
GOLDEN = Path(__file__).with_name("public_routes.txt")


def within(seconds: float, fact: Callable[[], bool]) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# -- routes ----------------------------------------------------------------------------------------


def test_the_public_routes_are_these_and_no_others(desk: Desk) -> None:
    assert desk.do("routes", "--public").out == GOLDEN.read_text(encoding="utf-8")
    assert not desk.database.exists()


def test_what_the_configuration_adds_stands_at_the_end(desk: Desk) -> None:
    desk.configure("c.TotpAuth.public_routes = ['docs/.*']")
    assert desk.do("routes", "--public").out == GOLDEN.read_text(encoding="utf-8") + "docs/.*\n"


def test_the_printed_routes_are_the_ones_that_the_gate_opens(desk: Desk) -> None:
    from jupyter_totp_auth.web.routes import public_routes

    printed = desk.do("routes", "--public").out.splitlines()
    assert [route.pattern for route in public_routes()] == printed
    assert all(route.handler is not None for route in public_routes())


# -- stop ------------------------------------------------------------------------------------------

_LISTENER = """
import json, os, signal, socket, sys
runtime, stubborn = sys.argv[1], sys.argv[2] == "stubborn"
if stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
info = {"pid": os.getpid(), "port": port, "sock": "", "hostname": "0.0.0.0", "base_url": "/lab/",
        "url": f"http://somewhere:{port}/lab/"}
with open(f"{runtime}/jpserver-{os.getpid()}.json", "w") as file:
    json.dump(info, file)
print(port, flush=True)
signal.pause()
"""


class Listeners:
    """Processes that look like servers: they listen, and have left a file that says so."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, kind: str = "obliging") -> str:
        """Start one; its port."""
        process = subprocess.Popen(
            [sys.executable, "-c", _LISTENER, str(self._runtime), kind], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        process.stdout.close()
        self.processes[port] = process
        return port


@pytest.fixture
def listeners(desk: Desk) -> Iterator[Listeners]:
    made = Listeners(desk.home / "runtime")
    yield made
    for process in made.processes.values():
        process.kill()
        process.wait(10)


def test_stop_ends_the_only_server(desk: Desk, listeners: Listeners) -> None:
    port = listeners.start()
    assert desk.do("stop").out == f"The server on {port} has stopped.\n"
    assert listeners.processes[port].wait(5) == -15


def test_of_several_servers_one_must_be_named(desk: Desk, listeners: Listeners) -> None:
    first, second = listeners.start(), listeners.start()
    result = desk.run("stop")
    assert result.status == 1
    assert first in result.err
    assert second in result.err
    desk.do("stop", second)
    assert listeners.processes[first].poll() is None
    assert desk.run("stop", second).status == 1
    desk.do("stop", first)


def test_where_no_server_runs_stop_exits_1(desk: Desk) -> None:
    for words in (("stop",), ("stop", "8888")):
        result = desk.run(*words)
        assert (result.status, result.out) == (1, "")


def test_a_server_that_does_not_stop_is_told(
    desk: Desk, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_totp_auth.cli import servers

    monkeypatch.setattr(servers, "_PATIENCE_S", 0.3)
    port = listeners.start("stubborn")
    result = desk.run("stop", port)
    assert result.status == 1
    assert "still runs" in result.err
    assert listeners.processes[port].poll() is None


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells whose a socket is")
def test_a_process_that_only_has_a_dead_servers_number_is_left_alone(desk: Desk) -> None:
    # A server that was killed leaves its file behind; after a restart of the machine, numbers come again.
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as bystander:
        with socket.create_server(("127.0.0.1", 0)) as other:
            info = {
                "pid": bystander.pid,
                "port": other.getsockname()[1],
                "hostname": "",
                "url": "http://x:1/",
            }
            (desk.home / "runtime" / "jpserver-1.json").write_text(json.dumps(info))
            assert desk.run("stop").status == 1
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_not_believed(desk: Desk, listeners: Listeners) -> None:
    port = listeners.start()
    for path in (desk.home / "runtime").iterdir():
        os.chown(path, 65534, 65534)
    assert desk.run("stop", port).status == 1
    assert listeners.processes[port].poll() is None


def test_a_link_leads_to_the_server_that_runs_by_a_name_that_leads_there(
    desk: Desk, listeners: Listeners
) -> None:
    port = listeners.start()
    url = desk.do("adduser", "ada", "--json").document["url"]
    assert url.startswith(f"http://localhost:{port}/lab/enroll#")


def test_a_server_on_a_unix_socket_has_no_address_for_a_link(desk: Desk) -> None:
    path = str(desk.home / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        info = {
            "pid": os.getpid(),
            "port": 8888,
            "sock": path,
            "hostname": "localhost",
            "url": "http+unix://x/",
        }
        (desk.home / "runtime" / "jpserver-1.json").write_text(json.dumps(info))
        assert [(server.name, server.url) for server in running_servers()] == [(path, None)]
        assert desk.do("adduser", "ada", "--json").document["url"].startswith("http://localhost:8888/enroll#")


# -- a real server ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_running_server_learns_of_every_command_within_two_seconds(desk: Desk) -> None:
    with JupyterServer(desk.home, base_url="/lab/") as server:
        document = json.loads(server.totp("adduser", "ada", "--admin", "--json").stdout)
        front = f"http://localhost:{server.port}/lab/"
        assert document["url"] == f"{front}enroll#{document['enrollment_code']}"
        browser = Client(server.url)
        ada = browser.enroll(document["enrollment_code"], username="ada")
        assert browser.is_signed_in()

        def signed_out() -> bool:
            return not browser.is_signed_in()

        def again(recovery_code: int) -> None:
            assert within(EFFECTIVE_S, lambda: _can_log_in(browser, ada, ada.recovery_codes[recovery_code]))

        server.totp("disable", "ada")
        assert within(EFFECTIVE_S, signed_out)
        server.totp("enable", "ada")
        again(0)
        server.totp("logins", "ada", "--end-all")
        assert within(EFFECTIVE_S, signed_out)
        again(1)
        backup = desk.home / "backup.sqlite3"
        assert server.totp("backup", str(backup)).returncode == 0
        server.totp("adduser", "bob")
        assert server.totp("restore", str(backup), "--yes").returncode == 0
        assert within(EFFECTIVE_S, signed_out)
        again(2)
        assert [one["username"] for one in json.loads(server.totp("list", "--json").stdout)] == ["ada"]
        stopped = server.totp("stop", str(server.port))
        assert (stopped.returncode, stopped.stderr) == (0, "")
        assert server.process is not None
        assert server.process.wait(10) == 0


def _can_log_in(browser: Client, person: Person, code: str) -> bool:
    try:
        browser.log_in(person, code=code)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("typed", ["soon", "-1", "3601", "1.5", "٣"])
def test_a_time_to_wait_that_cannot_be_is_wrong_usage(desk: Desk, typed: str) -> None:
    assert desk.run("stop", f"--drain={typed}").status == 2
    assert desk.run("stop", "--drain=3", "--now").status == 2


def test_a_server_that_knows_nothing_of_waiting_stops_and_no_note_is_left(
    desk: Desk, listeners: Listeners
) -> None:
    port = listeners.start()
    desk.run("stop", port, "--drain", "60")
    assert listeners.processes[port].wait(5) == -15
    assert not list((desk.home / "runtime").glob("totp-stop-*"))


def test_a_broken_configuration_keeps_no_server_from_being_stopped(desk: Desk, listeners: Listeners) -> None:
    port = listeners.start()
    desk.configure("not python at all")
    assert desk.run("stop", port).status == 0
    assert listeners.processes[port].wait(5) == -15
