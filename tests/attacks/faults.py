"""Faults that come from outside: system calls that fail, a network that falls silent, threads that hang.

Nothing of the product knows of them.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from threading import Event, Thread
from urllib.parse import urlsplit

import requests
from typing_extensions import Self

from tests.harness.backstage import wait_until
from tests.harness.client import Client
from tests.harness.server import JupyterServer
from tests.harness.volley import Answer, Wire, message
from tests.services import missing_is_skip, parts


def pid_of(server: JupyterServer) -> int:
    assert server.process is not None
    return server.process.pid


def assert_unavailable(answer: requests.Response | Answer) -> None:
    """The one way to fail: 503, when to come again, in the contract's words, and no cookie of a login."""
    is_bytes = isinstance(answer, Answer)
    status = answer.status if is_bytes else answer.status_code
    headers = dict(answer.headers)
    assert status == 503, f"{status} {answer.text[:500]}"
    assert int(headers["Retry-After"]) > 0
    assert "-login-" not in headers.get("Set-Cookie", "")
    if headers["Content-Type"].startswith("application/json"):
        assert '"reason": "unavailable"' in answer.text
    else:
        assert "try again in a few seconds" in answer.text


def assert_quiet(server: JupyterServer) -> None:
    """No trace, and no 500."""
    log = server.log
    assert "Traceback" not in log, log[-6000:]
    assert re.search(r"\b500 [A-Z]+ /", log) is None, log[-6000:]


def answers_health(server: JupyterServer) -> bool:
    """Whether the server says that it can serve logins."""
    answer = requests.get(f"{server.url}api/totp/health", timeout=20)
    assert answer.status_code in {200, 503}
    return answer.status_code == 200


def assert_recovers(server: JupyterServer, seconds: float = 20) -> None:
    """By itself."""
    wait_until(lambda: answers_health(server), seconds, "the recovery")


def code_page(half: Client) -> Callable[[str], requests.Response]:
    """What sends a code from a code page that is open already: during a fault there may be no other."""
    page = half.get("login/code")
    return lambda code: half.post_form(page, {"code": code})


# -- the event loop ------------------------------------------------------------------------------------


class Watch:
    """Somebody who asks again and again, on one connection, while something else goes wrong."""

    def __init__(self, server: JupyterServer) -> None:
        self.took: list[float] = []
        self._data = message(server.url, "GET", f"{urlsplit(server.url).path}api/totp/health")
        self._wire = Wire(server.url)
        self._over = Event()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        while True:
            begun = time.monotonic()
            assert self._wire.ask(self._data).status in {200, 503}
            self.took.append(time.monotonic() - begun)
            if self._over.wait(0.05):
                return

    def __enter__(self) -> Self:
        self._wire.ask(self._data)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()
        self._wire.close()
        assert self.took
        # Not the longest: the machine is busy with other tests. A loop that waits for the fault waits seconds.
        assert median(self.took) < 0.1, sorted(self.took)[-5:]
        assert max(self.took) < 3, sorted(self.took)[-5:]


# -- system calls --------------------------------------------------------------------------------------


@contextmanager
def traced(server: JupyterServer, *options: str, log: Path) -> Iterator[None]:
    """All threads of the server under strace; it lets go at the end."""
    with missing_is_skip():
        strace = parts.find("strace")
    words = [str(strace), "-f", "-p", str(pid_of(server)), "-o", str(log), *options]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        try:
            line = tracer.stderr.readline()
            assert "attached" in line, line
            wait_until(lambda: _is_traced(pid_of(server)), 20, "the trace")
            yield
        finally:
            tracer.terminate()
            tracer.stderr.read()
            tracer.wait(30)


def _is_traced(pid: int) -> bool:
    """Every one of its threads."""
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if "TracerPid:\t0\n" in status.read_text():
                return False
    return True


@contextmanager
def failing(server: JupyterServer, calls: str, how: str, *, log: Path) -> Iterator[None]:
    """These system calls fail (``error=EIO``), or take long (``delay_enter=300000`` µs)."""
    with traced(server, "-e", f"trace={calls}", "-e", f"inject={calls}:{how}", log=log):
        yield


@contextmanager
def limited(server: JupyterServer, kind: int, value: int) -> Iterator[None]:
    """A resource limit of the running server, as ulimit would have set it; lifted at the end."""
    before = resource.prlimit(pid_of(server), kind)
    resource.prlimit(pid_of(server), kind, (value, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid_of(server), kind, before)


# -- threads -------------------------------------------------------------------------------------------

_SEIZE, _INTERRUPT, _DETACH, _ALL = 0x4206, 0x4207, 17, 0x40000000


def callers(trace: Path, but: int) -> set[int]:
    """The ids of the threads in a trace, without one."""
    return {int(line.split()[0]) for line in trace.read_text().splitlines() if "(" in line} - {but}


@contextmanager
def hung(threads: set[int]) -> Iterator[None]:
    """These threads stand still, and no others of their process, until the end of the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    for thread in threads:
        for request in (_SEIZE, _INTERRUPT):
            assert libc.ptrace(request, thread, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(thread, _ALL)
    try:
        yield
    finally:
        for thread in threads:
            libc.ptrace(_DETACH, thread, None, None)


# -- processes -----------------------------------------------------------------------------------------


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in children.read_text().split()]
    return found


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stopped with all its children, and told to go on at the end."""
    stopped = family(pid)
    for one in stopped:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in stopped:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGCONT)


# -- the network ---------------------------------------------------------------------------------------


class Relay:
    """A TCP proxy before a database: it can fall silent, as where packets are lost, and hang up."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._flows, self._over = Event(), Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._begin(self._serve)

    def _begin(self, work: Callable[..., None], *args: socket.socket) -> None:
        self._threads.append(Thread(target=work, args=args))
        self._threads[-1].start()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._flows.wait()
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            self._sockets += [near, far]
            for source, target in ((near, far), (far, near)):
                self._begin(self._pump, source, target)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._flows.wait()
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Every packet is taken, and none comes through; what was held back does afterwards."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def cut(self) -> None:
        """Hang up on everybody."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take nobody any more."""
        self._over.set()
        self._flows.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join(10)
        for each in (self._listener, *self._sockets):
            each.close()


@contextmanager
def relayed(url: str) -> Iterator[tuple[str, Relay]]:
    """The URL of a database through a relay, and the relay."""
    port = urlsplit(url).port
    assert port is not None
    relay = Relay(port)
    try:
        yield url.replace(f":{port}/", f":{relay.port}/"), relay
    finally:
        relay.close()


# -- at the same time ----------------------------------------------------------------------------------


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[list[object]]:
    """Do something beside the block; its result, or its exception, is in the list after it."""
    result: list[object] = []

    def run() -> None:
        try:
            result.append(act())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            result.append(error)

    thread = Thread(target=run)
    with ExitStack() as stack:
        thread.start()
        stack.callback(thread.join)
        yield result
