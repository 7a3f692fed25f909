"""Goal 4: a cell comes back as fast behind a proxy as without one.

python -m benchmarks.cell_round_trip [--full]

``1+1`` until the kernel is idle again, over the kernel's WebSocket, by a plain client: a socket as the system
gives it, which acknowledges when the system finds time. Directly, and behind each proxy with the file that
``jupyter totp config`` makes for it (for stock the same file, but for HAProxy's health check, which asks a
route of ours). Floor is Jupyter without any check and without Nagle's algorithm on that socket.

Beside it, what has no goal: the quickest cell of each turn, which says more than the median where others use
the machine; a terminal's answer to a command, and the round trip where more and more sockets
listen to the same kernel.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

import requests
import websocket

from benchmarks.contenders import FLOOR, OURS, STOCK, Contender, floor, ours, stock, stock_cookie
from benchmarks.measure import Sample, Study, in_turn, is_full
from jupyter_totp_auth.hosting import KINDS, Deployment, Tls, Upstream, render
from tests.harness.client import execute_request
from tests.services.ports import free_port
from tests.services.proxies import PROXIES

DIRECT = "direct"
CELL, TERMINAL = "1+1 until idle, ms", "a terminal's answer, ms"
QUICKEST = "1+1 until idle, the quickest of a turn, ms"
WAITED = "of 1+1, ready to run and without a processor, ms"
LISTENERS = "1+1 until idle, ms, by sockets on the kernel"
CELLS, COMMANDS = 15, 7
_MS = 1000
_PATIENCE = 30
_NODELAY = """\
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from jupyter_server_terminals.handlers import TermSocket

def at_once(kind):
    stock_open = kind.open
    def open_(self, *args, **kwargs):
        self.set_nodelay(True)
        return stock_open(self, *args, **kwargs)
    kind.open = open_

at_once(KernelWebsocketHandler)
at_once(TermSocket)
"""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    listeners: tuple[int, ...]
    listener_rounds: int


QUICK = Size(rounds=7, listeners=(1, 10, 50), listener_rounds=2)
FULL = Size(rounds=31, listeners=(1, 3, 10, 30, 50, 100), listener_rounds=5)


def main(size: Size) -> None:
    """Everybody at once, each measured alone."""
    study = Study("cell_round_trip", "Goal 4 · a cell's round trip, directly and behind each proxy")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        there = [stack.enter_context(start(Path(home))) for start in (start_ours, start_stock, start_floor)]
        lines = [line for one in there for line in stack.enter_context(lines_of(one))]
        study.add(in_turn({str(line): partial(once, line) for line in lines}, rounds=size.rounds))
        crowd(study, [line for line in lines if line.way == DIRECT], size)
    for proxy in PROXIES:
        study.ratio(CELL, f"{OURS}, {proxy}", f"{OURS}, {DIRECT}", at_most=1.15)
        study.ratio(CELL, f"{OURS}, {proxy}", f"{STOCK}, {proxy}", at_most=0.25)
    study.ratio(CELL, f"{OURS}, {DIRECT}", f"{STOCK}, {DIRECT}")
    study.ratio(CELL, f"{OURS}, {DIRECT}", f"{FLOOR}, {DIRECT}")
    for proxy in PROXIES:
        study.ratio(QUICKEST, f"{OURS}, {proxy}", f"{STOCK}, {proxy}")
    for one in (OURS, FLOOR):
        for proxy in PROXIES:
            study.ratio(QUICKEST, f"{one}, {proxy}", f"{one}, {DIRECT}")
    for way in (DIRECT, *PROXIES):
        study.ratio(TERMINAL, f"{OURS}, {way}", f"{STOCK}, {way}")
    study.notes.append(
        "Where others use the machine, programs wait for processors: in ours that is most of the way; "
        "in stock's it falls into the 40 ms of silence. The quickest cell of a turn has least of it."
    )
    study.report()


# -- who, and by which way -------------------------------------------------------------------------


@contextmanager
def start_ours(home: Path) -> Iterator[Contender]:
    """With the file that ``jupyter totp config jupyter`` makes."""
    port = free_port()
    config = render(KINDS["jupyter"], deployment(port))
    with ours(home / OURS, port=port, config=config) as one:
        yield one


@contextmanager
def start_stock(home: Path) -> Iterator[Contender]:
    """As it is."""
    with stock(home / STOCK) as one:
        yield one


@contextmanager
def start_floor(home: Path) -> Iterator[Contender]:
    """Without a check, and with our one line about Nagle's algorithm."""
    with floor(home / FLOOR, more=_NODELAY) as one:
        yield one


def deployment(port: int) -> Deployment:
    """A Jupyter server behind a proxy of this machine, which speaks plain http."""
    here = {"listen": "127.0.0.1", "http_port": free_port()}
    return Deployment("localhost", upstream=Upstream(port=port), tls=Tls.NONE, **here)  # type: ignore[arg-type]


@dataclass
class Line:
    """One contender by one way, to a kernel and a terminal that all of its ways share."""

    one: Contender
    way: str
    url: str
    headers: dict[str, str]
    kernel_id: str
    terminal_name: str
    proxy_pid: int | None = None

    def __str__(self) -> str:
        return f"{self.one.name}, {self.way}"

    def waited(self) -> float:
        """Milliseconds that everybody on this way was ready to run and had no processor, so far."""
        roots = [os.getpid(), self.one.pid, *([self.proxy_pid] if self.proxy_pid else [])]
        pids = {pid for root in roots for pid in (root, *children_of(root))}
        stats = [stat for pid in pids for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        return sum(int(stat.read_text().split()[1]) for stat in stats) / 1e6

    @contextmanager
    def kernel(self) -> Iterator[websocket.WebSocket]:
        """The kernel's channels, as one more tab has them."""
        with self._socket(f"api/kernels/{self.kernel_id}/channels?session_id={uuid4()}") as kernel:
            yield kernel

    @contextmanager
    def terminal(self) -> Iterator[websocket.WebSocket]:
        """The terminal."""
        with self._socket(f"terminals/websocket/{self.terminal_name}") as terminal:
            yield terminal

    @contextmanager
    def _socket(self, path: str) -> Iterator[websocket.WebSocket]:
        """Open one, with the options that a socket has by itself.

        Not for longer than it is used: nobody would read what comes for the others, nor answer a ping.
        """
        parts = urlsplit(self.url)
        options = {"cookie": self.headers["Cookie"], "origin": f"{parts.scheme}://{parts.netloc}"}
        address = f"{self.url}{path}".replace("http", "ws", 1)
        opened = websocket.create_connection(address, timeout=_PATIENCE, **options)
        try:
            yield opened
        finally:
            opened.shutdown()


@contextmanager
def lines_of(one: Contender) -> Iterator[list[Line]]:
    """All ways to one server, with one kernel and one terminal behind them."""
    kernel_id = made(one, "api/kernels")["id"]
    shared = (kernel_id, made(one, "api/terminals")["name"])
    lines = [Line(one, DIRECT, one.url, one.headers, *shared)]
    with ExitStack() as stack:
        for proxy, start in PROXIES.items():
            described = deployment(one.server.port)
            text = render(KINDS[proxy], described)
            if one.name != OURS:
                text = re.sub(r" check inter .*", "", text)
            running = stack.enter_context(start(text, port=described.port))
            # Stock's cookie is named after the host and port that the browser sees.
            url = described.public_url
            headers = {"Cookie": stock_cookie(url)} if one.name == STOCK else one.headers
            lines.append(Line(one, proxy, url, headers, *shared, proxy_pid=running.process.pid))
        yield lines


def children_of(pid: int) -> list[int]:
    """The processes that one has started itself: kernels, a proxy's workers."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def made(one: Contender, path: str) -> dict[str, str]:
    """A new kernel, or a new terminal."""
    token = re.search(r"_xsrf=([^;]+)", one.headers["Cookie"])
    assert token is not None
    sent = {**one.headers, "X-XSRFToken": token[1]}
    answer = requests.post(one.url + path, json={}, headers=sent, timeout=_PATIENCE)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found


# -- what is measured ------------------------------------------------------------------------------


def once(line: Line) -> Sample:
    """The medians of a few cells and of a few commands."""
    with line.terminal() as terminal:
        answer(terminal, 0)
        commands = median(answer(terminal, number) for number in range(1, COMMANDS + 1))
    return {**cells(line), TERMINAL: commands}


def cells(line: Line) -> Sample:
    """A few cells on a new socket, but for the first, which wakes everybody up."""
    with line.kernel() as kernel:
        run(kernel)
        before = line.waited()
        took = [run(kernel) for _ in range(CELLS)]
        waited = (line.waited() - before) / CELLS
    return {CELL: median(took), QUICKEST: min(took), WAITED: waited}


def run(kernel: websocket.WebSocket) -> float:
    """Milliseconds from ``1+1`` to idle."""
    request = execute_request("1+1")
    begun = time.perf_counter()
    request["header"]["msg_id"] = mine = f"run{begun}"
    kernel.send(json.dumps(request))
    while True:
        message = json.loads(kernel.recv())
        is_mine = message["parent_header"].get("msg_id") == mine
        if is_mine and message["content"].get("execution_state") == "idle":
            return (time.perf_counter() - begun) * _MS


def answer(terminal: websocket.WebSocket, number: int) -> float:
    """Milliseconds from a command's last key to what it printed."""
    begun = time.perf_counter()
    expected = f"<{number}:{number * number}>"
    terminal.send(json.dumps(["stdin", f'echo "<{number}:$(({number}*{number}))>"\r']))
    said = ""
    while expected not in said:
        said += "".join(map(str, json.loads(terminal.recv())[1:]))
    return (time.perf_counter() - begun) * _MS


def crowd(study: Study, lines: Sequence[Line], size: Size) -> None:
    """The same cell where more tabs listen to the kernel, each of which hears all of it."""
    drawn = study.points.setdefault(LISTENERS, {})
    for count in size.listeners:
        with ExitStack() as stack:
            for line in lines:
                stack.enter_context(listening(line, count - 1))
            taken = in_turn(
                {line.one.name: partial(cells, line) for line in lines}, rounds=size.listener_rounds
            )
        for name, values in taken[CELL].items():
            drawn.setdefault(name, {})[count] = median(values)


@contextmanager
def listening(line: Line, count: int) -> Iterator[None]:
    """So many more sockets of the same kernel, read by a thread that throws away what comes."""
    done = threading.Event()
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(count):
            listener = stack.enter_context(line.kernel())
            selector.register(listener.sock, selectors.EVENT_READ)

        def drain() -> None:
            while not done.is_set():
                for key, _ in selector.select(0.1) if count else ():
                    key.fileobj.recv(1 << 16)  # type: ignore[union-attr]

        thread = threading.Thread(target=drain)
        if count:
            thread.start()
            stack.callback(thread.join)
        stack.callback(done.set)
        yield


if __name__ == "__main__":
    main(FULL if is_full() else QUICK)
