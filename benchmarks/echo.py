"""What somebody who works in a kernel notices: a line of code and a small request, again and again.

In a process of its own, so that what else the measuring program does is not measured. The socket acknowledges
at once: Nagle's algorithm, which Jupyter leaves on, would otherwise hide all else behind 40 ms.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import requests
import websocket

from benchmarks.contenders import Contender
from tests.harness.client import execute_request

PAUSE = 0.01
"""Between two echoes: the kernel and its server shall work, not be the load that is measured."""
_READY_WITHIN = 60
_STAY_AWAKE = 5
"""Who does not read answers no ping, and Jupyter hangs up after half a minute."""


@dataclass
class Noticed:
    """Seconds of each, in order."""

    echoes: list[float] = field(default_factory=list)
    pings: list[float] = field(default_factory=list)


class Echo:
    """A kernel of a contender's, and the process that works in it."""

    def __init__(self, there: Connection) -> None:
        self._there = there

    @contextmanager
    def listening(self) -> Iterator[Noticed]:
        """What was noticed is complete when the block is left."""
        noticed = Noticed()
        self._there.send("begin")
        yield noticed
        self._there.send("end")
        assert self._there.poll(_READY_WITHIN), "the echo did not come back"
        told: Noticed = self._there.recv()
        noticed.echoes, noticed.pings = told.echoes, told.pings


@contextmanager
def echo(one: Contender) -> Iterator[Echo]:
    """Start a kernel at a contender's server, and the process beside."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    worker = spawn.Process(target=_work, args=(one.url, one.headers["Cookie"], there), daemon=True)
    worker.start()
    there.close()  # if it fails, its end is told at once
    try:
        assert here.poll(_READY_WITHIN), "the kernel did not start"
        here.recv()
        yield Echo(here)
    finally:
        worker.terminate()
        worker.join(10)


def _work(url: str, cookie: str, orders: Connection) -> None:
    kernel, parts = _kernel(url, cookie), urlsplit(url)
    run_once(kernel)
    orders.send("ready")
    while True:
        while not orders.poll(_STAY_AWAKE):
            run_once(kernel)
        orders.recv()
        noticed = Noticed()
        # A new one each time: what nobody asks by is closed.
        http_socket = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        while not orders.poll(PAUSE):
            noticed.echoes.append(run_once(kernel))
            noticed.pings.append(_ping(http_socket, parts.path))
        http_socket.close()
        orders.recv()
        orders.send(noticed)


def _kernel(url: str, cookie: str) -> websocket.WebSocket:
    """The channels of a new kernel."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    token = SimpleCookie(cookie)["_xsrf"].value
    headers = {"Cookie": cookie, "Origin": origin, "X-XSRFToken": token}
    started = requests.post(f"{url}api/kernels", json={}, headers=headers, timeout=60)
    started.raise_for_status()
    where = f"{url}api/kernels/{started.json()['id']}/channels?session_id=echo".replace("http", "ws", 1)
    return websocket.create_connection(where, cookie=cookie, origin=origin, timeout=60)


def run_once(kernel: websocket.WebSocket) -> float:
    """Seconds from a line of code until the kernel is idle again."""
    begun = time.perf_counter()
    kernel.send(json.dumps(execute_request("1+1")))
    assert kernel.sock is not None
    while True:
        # Linux takes it back by itself after some packets.
        kernel.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        told = json.loads(kernel.recv())
        is_ours = told["parent_header"].get("msg_id") == "run"
        if is_ours and told["content"].get("execution_state") == "idle":
            return time.perf_counter() - begun


def _ping(connection: http.client.HTTPConnection, path: str) -> float:
    """Seconds of a request that asks for nothing, and needs no login."""
    begun = time.perf_counter()
    connection.request("GET", f"{path}api")
    connection.getresponse().read()
    return time.perf_counter() - begun
