"""SIGHUP: what can change changes, under whoever is signed in; what is bad leaves all as it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.harness.backstage import Backstage, backstage, wait_until
from tests.harness.client import Client, is_closed
from tests.harness.lean import lean
from tests.harness.manager import Manager
from tests.harness.server import JupyterServer
from tests.harness.tls import self_signed

CONFIG = """
c.TotpAuth.site_name = "Before"
c.TotpAuth.idle_timeout = 3600
c.ServerApp.max_body_size = 1000000
"""


@dataclass
class Reloaded:
    """A server, and what its operator does to its configuration file."""

    server: JupyterServer

    @property
    def file(self) -> Path:
        return self.server.home / "config" / "jupyter_server_config.py"

    def reload(self, text: str | None = None) -> list[str]:
        """Write the file, send the signal, and give the lines that the server then logs about it."""
        if text is not None:
            self.file.write_text(text)
        begun = len(self.server.log)
        self.signal()
        wait_until(lambda: "reloaded" in self.server.log[begun:], 10, "the reload")
        time.sleep(0.05)
        return [line for line in self.server.log[begun:].splitlines() if "audit" not in line]

    def signal(self) -> None:
        assert self.server.process is not None
        os.kill(self.server.process.pid, signal.SIGHUP)

    def page(self, **headers: str) -> requests.Response:
        return requests.get(f"{self.server.url}login", headers=headers, timeout=10)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    with lean(tmp_path_factory.mktemp("reload"), config=CONFIG) as server, backstage(server) as found:
        found.enrolled("ada")
        yield found


@pytest.fixture
def operator(stage: Backstage) -> Iterator[Reloaded]:
    made = Reloaded(stage.server)
    yield made
    made.reload(CONFIG)


def said(lines: list[str], *, level: str) -> list[str]:
    return [line.partition("] ")[2] for line in lines if line.startswith(f"[{level} ")]


def test_what_can_change_changes_under_whoever_is_signed_in(stage: Backstage, operator: Reloaded) -> None:
    ada = stage.signed_in("ada")
    sock = ada.socket("api/events/subscribe")
    assert operator.page(Host="lab.example").status_code == 403
    assert ada.get("api/totp/me").json()["login"]["idle_at"] is not None
    forged = {"X-Forwarded-For": "203.0.113.7"}

    def client() -> str:
        begun = len(stage.log)
        requests.get(f"{stage.url}api/contents", headers=forged, timeout=10)
        return stage.log[begun:]

    assert "(127.0.0.1) no login" in client()
    lines = operator.reload(
        CONFIG
        + "c.TotpAuth.allowed_hosts = ['lab.example']\nc.TotpAuth.trusted_proxies = ['127.0.0.1']\n"
        + "c.TotpAuth.site_name = 'After'\nc.TotpAuth.idle_timeout = 0\nc.TotpAuth.login_lifetime = 120\n"
    )
    changed = "allowed_hosts, idle_timeout, login_lifetime, site_name, trusted_proxies"
    assert said(lines, level="I") == [f"jupyter_totp_auth: reloaded: {changed}."]
    page = operator.page(Host="lab.example")
    assert page.status_code == 200
    assert "After" in page.text
    assert "Before" not in page.text
    assert "(203.0.113.7) no login" in client()
    assert ada.get("api/totp/me").json()["login"]["idle_at"] is None
    assert not is_closed(sock)
    sock.close()


def test_a_new_login_goes_by_the_new_numbers(stage: Backstage, operator: Reloaded) -> None:
    bob = stage.enrolled("bob")
    operator.reload(CONFIG + "c.TotpAuth.login_lifetime = 120\n")
    client = Client(stage.url)
    client.log_in(bob)
    (login,) = (each for each in client.get("api/totp/logins").json()["logins"] if each["current"])
    made, ends = (time.strptime(login[name], "%Y-%m-%dT%H:%M:%SZ") for name in ("created_at", "expires_at"))
    assert time.mktime(ends) - time.mktime(made) == 120


def test_what_a_start_alone_can_follow_is_named_and_stays(stage: Backstage, operator: Reloaded) -> None:
    ada = stage.signed_in("ada")
    lines = operator.reload(
        "c.TotpAuth.cookie_name = 'other'\nc.TotpAuth.log_format = 'json'\nc.TotpAuth.site_name = 'Before'\n"
        "c.ServerApp.max_body_size = 2000000\nc.TotpAuth.idle_timeout = 3600\n"
    )
    restart = "has changed in the configuration: it needs a restart."
    assert said(lines, level="W") == [
        f"TotpAuth.cookie_name {restart}",
        f"TotpAuth.log_format {restart}",
        f"ServerApp.max_body_size {restart}",
    ]
    assert said(lines, level="I") == ["jupyter_totp_auth: reloaded: nothing has changed."]
    assert ada.get("api/totp/me").status_code == 200


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("c.TotpAuth.site_name = 'After'\nnot python at all", "has an error (SyntaxError: "),
        ("c.TotpAuth.site_name = 'After'\nraise SystemExit", "has an error (SystemExit)."),
        ("c.TotpAuth.site_name = 'After'\nc.TotpAuth.idle_timeout = 1", "idle_timeout: 0 (off), or between"),
        ("c.TotpAuth.site_name = 'After'\nc.TotpAuth.trusted_proxies = ['x']", "'x' is neither a network"),
        ("c.TotpAuth.site_name = 'After'\nc.TotpAuth.alowed_hosts = []", "TotpAuth.alowed_hosts is not an"),
        ("c.TotpAuth.site_name = 'After'\nc.TotpAuth.logo_file = '/none.png'", "/none.png cannot be read"),
    ],
)
def test_a_file_or_value_that_cannot_be_used_is_one_line_and_all_stays(
    operator: Reloaded, text: str, why: str
) -> None:
    lines = operator.reload(text)
    (line,) = lines
    assert line.startswith("[E ")
    assert "jupyter_totp_auth: not reloaded, the options stay as they were." in line
    assert why in line
    assert "Before" in operator.page().text
    assert operator.server.is_ready()


def test_a_file_that_is_gone_does_not_mean_the_defaults(operator: Reloaded) -> None:
    away = operator.file.rename(operator.file.with_suffix(".away"))
    (line,) = operator.reload()
    away.rename(operator.file)
    assert "jupyter_server_config.py is not there any more." in line
    assert "Before" in operator.page().text


def test_who_ran_what_is_recorded_from_a_reload_on(stage: Backstage, operator: Reloaded) -> None:
    ada = stage.signed_in("ada")
    kernel = ada.kernel_socket(ada.start_kernel())
    ada.execute(kernel, "1 + 1", 60)
    operator.reload(CONFIG + "c.TotpAuth.audit_cells = 'full'\n")
    ada.execute(kernel, "20 + 22", 60)
    operator.reload(CONFIG)
    ada.execute(kernel, "3 + 3", 60)
    runs = [line for line in stage.log.splitlines() if '"cell-run"' in line]
    assert len(runs) == 1
    assert "20 + 22" in runs[0]


def test_kernels_are_their_owners_from_a_reload_on_and_others_terminals_close(
    stage: Backstage, operator: Reloaded
) -> None:
    stage.enrolled("grace")
    ada, grace = stage.signed_in("ada"), stage.signed_in("grace")
    kernel, name = ada.start_kernel(), ada.start_terminal()
    hers, theirs = (one.socket(f"terminals/websocket/{name}") for one in (ada, grace))
    live = grace.kernel_socket(kernel)
    assert grace.execute(live, "print(1)", 60) == "1\n"
    operator.reload(CONFIG + "c.TotpAuth.own_kernels = True\n")
    assert is_closed(theirs, 5) == 1001
    assert not is_closed(hers, 1)
    assert grace.request("DELETE", f"api/kernels/{kernel}").json()["reason"] == "owner"
    assert grace.execute(live, "print(2)", 60) == ""
    operator.reload(CONFIG)
    assert grace.execute(live, "print(3)", 60) == "3\n"
    assert grace.request("DELETE", f"api/kernels/{kernel}").status_code == 204


@pytest.mark.soak
def test_the_service_manager_is_told(tmp_path: Path) -> None:
    with Manager() as manager:
        server = lean(tmp_path, config=CONFIG, environment={"NOTIFY_SOCKET": manager.address})
        with server:
            manager.wait_for("READY=1")
            for text in (CONFIG, "not python at all"):
                Reloaded(server).reload(text)
                told = manager.listen(0.2)
                assert told[0][0] == "RELOADING=1"
                sent = int(told[0][1].removeprefix("MONOTONIC_USEC="))
                assert 0 <= time.monotonic_ns() // 1000 - sent < 10_000_000
                assert told[1:] == [["READY=1", "STATUS=Logins are served."]]


def test_closing_the_terminal_of_a_server_ends_it(tmp_path: Path) -> None:
    """There SIGHUP means what it always did."""
    server = lean(tmp_path)
    with server.log_path.open("wb") as output:
        terminal = subprocess.Popen(
            [sys.executable, "-c", _IN_A_TERMINAL, *server.command],
            env=server.env,
            cwd=server.root,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(server.is_ready, 60, "the start")
        assert terminal.stdin is not None
        terminal.stdin.close()  # at which it hangs up
        terminal.wait(15)
        wait_until(lambda: not server.is_ready(), 10, "the end")
    finally:
        terminal.kill()
        terminal.wait(15)
    assert "reloaded" not in server.log


_IN_A_TERMINAL = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
sys.stdin.read()
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


# -- the certificate --------------------------------------------------------------------------------------


def shown(server: JupyterServer) -> str:
    """The certificate that a new connection gets, or why it gets none."""
    try:
        return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=10)
    except OSError as error:
        return f"none: {error}"


@contextmanager
def with_certificate(home: Path, certificate: Path, key: Path) -> Iterator[Reloaded]:
    arguments = [f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}"]
    server = lean(home, config=CONFIG, arguments=arguments, certificate=certificate)
    with server:
        yield Reloaded(server)


def made_in(folder: Path) -> tuple[Path, Path]:
    folder.mkdir()
    return self_signed(folder)


def test_a_renewed_certificate_is_shown_and_open_connections_live(tmp_path: Path) -> None:
    """As certbot does it: the files are symbolic links, and are made to lead elsewhere."""
    first, second = made_in(tmp_path / "1"), made_in(tmp_path / "2")
    live = (tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    for link, file in zip(live, first, strict=True):
        link.symlink_to(file)
    with with_certificate(tmp_path, *live) as operator, backstage(operator.server) as stage:
        server = operator.server
        stage.enrolled("ada")
        ada = stage.signed_in("ada")
        kernel = ada.kernel_socket(ada.start_kernel(), sslopt={"ca_certs": str(first[0])})
        assert ada.execute(kernel, "print(6 * 7)", 60) == "42\n"
        before = shown(server)
        assert before == first[0].read_text()
        for link, file in zip(live, second, strict=True):
            link.unlink()
            link.symlink_to(file)
        assert shown(server) == before  # nothing half-done is shown
        assert said(operator.reload(), level="I") == ["jupyter_totp_auth: reloaded: the certificate."]
        assert shown(server) == second[0].read_text()
        assert ada.execute(kernel, "print(7 * 7)", 60) == "49\n"
        kernel.close()


def test_a_certificate_that_cannot_be_used_leaves_the_one_before(tmp_path: Path) -> None:
    """And one that is written in place is shown then, while somebody dawdles at the handshake."""
    certificate, key = made_in(tmp_path / "1")
    other, other_key = made_in(tmp_path / "2")
    with (
        with_certificate(tmp_path, certificate, key) as operator,
        socket.create_connection(("127.0.0.1", operator.server.port)),
    ):
        before = shown(operator.server)
        spoils: list[Callable[[], object]] = [
            lambda: certificate.write_text(""),
            lambda: shutil.copy(other, certificate),  # of another key
            certificate.unlink,
        ]
        for spoil in spoils:
            spoil()
            begun = len(operator.server.log)
            operator.signal()
            wait_until(lambda at=begun: "is shown on." in operator.server.log[at:], 10, "the line")
            (line,) = operator.server.log[begun:].splitlines()
            assert line.startswith("[E ")
            assert f"The certificate cannot be used ({certificate} and {key})" in line
            assert shown(operator.server) == before
        shutil.copy(other, certificate)
        shutil.copy(other_key, key)
        operator.reload()
        assert shown(operator.server) == other.read_text()


@pytest.mark.soak
def test_a_certificate_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    certificate, key = made_in(tmp_path / "1")
    certificate.write_text("nothing")
    arguments = [f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}"]
    server = lean(tmp_path, arguments=arguments)
    assert server.run_to_the_end() == 1
    assert "not starting. The certificate cannot be used" in server.log
