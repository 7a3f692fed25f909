"""Goal 6: how soon an end reaches requests and sockets, here and in another process, on each database.

python -m benchmarks.end_reaches [--full]

Two servers share a store. A login is ended at the first, by another login of the same person; what its
browser asks for, and its open WebSocket, are watched at the first and at the second. Beside that: what the
look at the store four times a second costs a server that nobody uses, in processor time. And how it goes on
with more sockets of one login, on SQLite.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import requests

from benchmarks.contenders import STOCK, cpu_of, stock
from benchmarks.measure import Sample, Study, in_turn, is_full
from tests.attacks.places import DATABASES
from tests.attacks.stage import Stage, open_stage
from tests.harness.client import Client, close_all
from tests.harness.server import JupyterServer
from tests.services.mariadb import running_mariadb
from tests.services.postgresql import running_postgresql

ROUNDS, MORE_ROUNDS = 7, 30
IDLE_SECONDS = 8
HERE, THERE = "same process", "other process"
REQUEST, SOCKET = "until a request is refused, ms", "until a socket is closed, ms"
SERVED = "requests served after the end"
IDLE = "processor while nobody asks, %"
SOCKETS = (1, 10, 100)
LAST = "until the last socket is closed, ms"
_CLOSED_WITHIN = 10
_MS = 1000


def main(*, full: bool = False) -> None:
    """Each database in turn."""
    rounds = MORE_ROUNDS if full else ROUNDS
    study = Study("end_reaches", "Goal 6 · how soon an end reaches everybody")
    for database in DATABASES:
        with tempfile.TemporaryDirectory() as home, database_url(database) as url:
            measure(study, database, Path(home), url, rounds)
        close_all()
    for database in DATABASES:
        here, there = f"{database}, {HERE}", f"{database}, {THERE}"
        study.judge(f"{here}: {SERVED}", study.median(SERVED, here), at_most=0)
        study.judge(f"{there}: {REQUEST}", study.median(REQUEST, there), at_most=300)
        study.judge(f"{here}: {SOCKET}", study.median(SOCKET, here), at_most=50)
        study.judge(f"{there}: {SOCKET}", max(study.figures[SOCKET][there]), at_most=1000)
    study.notes.append("A socket in another process is judged by its slowest round, the rest by the median.")
    study.report()


def draw(study: Study, stage: Stage, rounds: int) -> None:
    """Until all of them are closed, by how many there are."""
    chart = study.points[f"{LAST}, by sockets of one login"] = {HERE: {}, THERE: {}}
    for number in SOCKETS:
        measures = {place: partial(one_end, stage, server, number) for place, server in places(stage).items()}
        study.add(in_turn(measures, rounds=rounds), prefix=f"{number} at once: ")
        for place in measures:
            chart[place][number] = study.median(f"{number} at once: {SOCKET}", place)


@contextmanager
def database_url(database: str) -> Iterator[str]:
    """An empty one of this kind; empty text for SQLite, whose file the servers make."""
    if database == "sqlite":
        yield ""
        return
    running = running_postgresql if database == "postgresql" else running_mariadb
    with running() as server, server.database() as url:
        yield url


def measure(study: Study, database: str, home: Path, url: str, rounds: int) -> None:
    """One database's figures."""
    with ExitStack() as stack:
        stage = stack.enter_context(open_stage(home / "ours", processes=2, database_url=url))
        beside = stack.enter_context(stock(home / "stock"))
        stage.person("ada")
        for place, server in places(stage).items():
            measures = {f"{database}, {place}": partial(one_end, stage, server)}
            study.add(in_turn(measures, rounds=rounds))
        if not url:
            draw(study, stage, rounds)
        pids = {f"{database}": pid_of(stage.servers[0]), STOCK: beside.pid}
        study.add(in_turn({name: partial(idle, pid) for name, pid in pids.items()}, rounds=2))


def places(stage: Stage) -> dict[str, JupyterServer]:
    """Where an end is watched that the first server makes."""
    return {HERE: stage.servers[0], THERE: stage.servers[1]}


def one_end(stage: Stage, server: JupyterServer, number: int = 1) -> Sample:
    """End a login at the first server, and watch it at ``server``, with so many sockets of it."""
    admin = stage.signed_in("ada", url=stage.servers[0].url)
    browser = stage.signed_in("ada", url=server.url)
    sockets = [browser.socket("api/events/subscribe", timeout=_CLOSED_WITHIN) for _ in range(number)]
    mine = next(login["id"] for login in browser.get("api/totp/logins").json()["logins"] if login["current"])
    assert admin.request("DELETE", f"api/totp/logins/{mine}").status_code == requests.codes.no_content
    begun, served = time.perf_counter(), 0
    while is_served(browser):
        served += 1
    refused = time.perf_counter()
    for socket in sockets:
        while socket.connected and socket.recv():
            pass
    closed = time.perf_counter()
    admin.log_out()
    return {REQUEST: (refused - begun) * _MS, SOCKET: (closed - begun) * _MS, SERVED: served}


def is_served(browser: Client) -> bool:
    """Whether a request of Jupyter's own still is."""
    return browser.get("api/kernelspecs").status_code == requests.codes.ok


def idle(pid: int) -> Sample:
    """What a server uses while nobody asks for anything."""
    before = cpu_of(pid)
    time.sleep(IDLE_SECONDS)
    return {IDLE: (cpu_of(pid) - before) / IDLE_SECONDS * 100}


def pid_of(server: JupyterServer) -> int:
    """Of a server that runs."""
    assert server.process is not None
    return server.process.pid


if __name__ == "__main__":
    main(full=is_full())
