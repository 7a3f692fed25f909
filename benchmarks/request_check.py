"""Goal 1: the check on every request costs less than Jupyter's own.

python -m benchmarks.request_check [--full]

``get_user`` alone, timed inside the server; and whole requests by wrk, at 1 and 32 clients, with 1 and with
100,000 live logins: for ``api/me``, which takes a login, and for ``api/status``, which asks the authorizer
too. By the server's processor time as well: on a busy machine that says more than requests a second. In full
beside a person's server of JupyterHub, behind its proxy, and beside the two ways that people put Django
before Jupyter today (``peers/``), which have no goal.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.contenders import CROWDED, FLOOR, OURS, STARTS, STOCK, Contender, crowded
from benchmarks.crowd import MANY
from benchmarks.measure import Sample, Study, in_turn, is_full
from benchmarks.peers.django import FRONT, PROVIDER, front, provider
from benchmarks.peers.hub import SINGLE_USER, SingleUser, single_user
from tests.services import parts

ROUNDS, MORE_ROUNDS = 5, 25
SECONDS = 1
CLIENTS = (1, 32)
PATHS = ("api/me", "api/status")
PEERS = {PROVIDER: provider, FRONT: front, SINGLE_USER: single_user}
TIMES, SLOW_TIMES = 3000, 100
"""How often ``get_user`` is asked; the second of one that asks a database."""
RATE, CPU = "requests/s", "processor, µs/request"


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    rounds = MORE_ROUNDS if full else ROUNDS
    study = Study("request_check", "Goal 1 · the check on every request")
    starts = {**STARTS, CROWDED: crowded, **(PEERS if full else {})}
    with tempfile.TemporaryDirectory() as home, ExitStack() as servers:
        there = [servers.enter_context(start(Path(home, name))) for name, start in starts.items()]
        asked = {
            one.name: partial(inside, one, SLOW_TIMES if one.name == PROVIDER else TIMES)
            for one in there
            if one.name not in (FRONT, SINGLE_USER)  # what is behind them would be measured
        }
        study.add(in_turn(asked, rounds=rounds))
        for path, clients in product(PATHS, CLIENTS):
            measures = {one.name: partial(loaded, one, path, clients) for one in there}
            study.add(in_turn(measures, rounds=rounds), prefix=f"{path}, {clients} at once: ")
    for who in (OURS, CROWDED):
        study.ratio("get_user, µs", who, STOCK, at_most=0.10)
    for path, clients, who in product(PATHS, CLIENTS, (OURS, CROWDED)):
        at = f"{path}, {clients} at once: "
        study.ratio(at + RATE, who, STOCK, at_least=1.20)
        study.ratio(at + RATE, who, FLOOR, at_least=0.98)
        study.ratio(at + CPU, who, STOCK)
        study.ratio(at + CPU, who, FLOOR)
    if full:
        compare_peers(study)
    draw(study)
    study.report()


def compare_peers(study: Study) -> None:
    """What has no goal."""
    study.ratio("get_user, µs", PROVIDER, STOCK)
    for path, clients, peer in product(PATHS, CLIENTS, PEERS):
        at = f"{path}, {clients} at once: "
        study.ratio(at + RATE, peer, STOCK)
        study.ratio(at + RATE, OURS, peer)


def draw(study: Study) -> None:
    """How it goes on as more people are signed in."""
    at = f"{PATHS[0]}, {CLIENTS[-1]} at once: "
    few, many = study.median(at + CPU, OURS), study.median(at + CPU, CROWDED)
    lines = {OURS: {1.0: few, float(MANY): many}}
    for other in (STOCK, FLOOR):
        lines[other] = {1.0: study.median(at + CPU, other)}
    study.points[f"{CPU}, by live logins"] = lines


def inside(one: Contender, times: int = TIMES) -> Sample:
    """Microseconds of the check alone."""
    told = one.get(f"from-inside/check?times={times}").json()
    return {"get_user, µs": told["get_user"], "look-up of the handler, µs": told["find_handler"]}


def loaded(one: Contender | SingleUser, path: str, clients: int) -> Sample:
    """Requests a second, and the processor time of one."""
    before = one.cpu()
    said = asked_by_wrk(one, path, clients, seconds=SECONDS)
    rate, total = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    assert rate is not None, said
    assert total is not None, said
    return {
        RATE: float(rate[1]),
        CPU: (one.cpu() - before) / int(total[1]) * 1e6,
    }


def asked_by_wrk(one: Contender | SingleUser, path: str, clients: int, *, seconds: int) -> str:
    """What wrk says of it."""
    headers = [part for name, value in one.headers.items() for part in ("-H", f"{name}: {value}")]
    command = [parts.find("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", *headers, f"{one.url}{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    return said


if __name__ == "__main__":
    main(full=is_full())
