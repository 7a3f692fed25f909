"""Goal 1: the check on every request costs less than Jupyter's own.

python -m benchmarks.request_check [ROUNDS] [--full]

``get_user`` alone, timed inside the server; and whole requests for ``api/me`` by wrk, at 1 and at 32 clients,
gate included, with 1 and with 100,000 live logins. By the server's processor time as well: on a busy machine
that says more than requests a second. With ``--full`` beside the two ways that people put Django before
Jupyter today (``peers/django.py``), which have no goal.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.contenders import FLOOR, OURS, STARTS, STOCK, Contender
from benchmarks.measure import Sample, Study, in_turn
from benchmarks.peers.django import FRONT, PROVIDER, front, provider
from tests.services import parts

ROUNDS = 15
SECONDS = 1
CLIENTS = (1, 32)
PEERS = {PROVIDER: provider, FRONT: front}
TIMES = 3000
SLOW_TIMES = 100
"""Of a check that asks a database."""


def main(rounds: int = ROUNDS, *, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("request_check", "Goal 1 · the check on every request")
    starts = {**STARTS, **(PEERS if full else {})}
    with tempfile.TemporaryDirectory() as home, ExitStack() as servers:
        there = [servers.enter_context(start(Path(home, name))) for name, start in starts.items()]
        asked = {
            one.name: partial(inside, one, SLOW_TIMES if one.name == PROVIDER else TIMES)
            for one in there
            if one.name != FRONT  # it would be measured behind the site
        }
        study.add(in_turn(asked, rounds=rounds))
        for clients in CLIENTS:
            measures = {one.name: partial(loaded, one, clients) for one in there}
            study.add(in_turn(measures, rounds=rounds), prefix=f"{clients} clients: ")
    study.ratio("get_user, µs", OURS, STOCK, at_most=0.10)
    for clients in CLIENTS:
        study.ratio(f"{clients} clients: requests/s", OURS, STOCK, at_least=1.20)
        study.ratio(f"{clients} clients: requests/s", OURS, FLOOR, at_least=0.98)
        study.ratio(f"{clients} clients: processor, µs/request", OURS, STOCK)
        study.ratio(f"{clients} clients: processor, µs/request", OURS, FLOOR)
    if full:
        peers(study)
    study.report()


def peers(study: Study) -> None:
    """What has no goal."""
    study.ratio("get_user, µs", PROVIDER, STOCK)
    for clients in CLIENTS:
        for peer in PEERS:
            study.ratio(f"{clients} clients: requests/s", peer, STOCK)
            study.ratio(f"{clients} clients: requests/s", OURS, peer)


def inside(one: Contender, times: int) -> Sample:
    """Microseconds of the check alone."""
    told = one.get(f"from-inside/check?times={times}").json()
    return {"get_user, µs": told["get_user"], "look-up of the handler, µs": told["find_handler"]}


def loaded(one: Contender, clients: int) -> Sample:
    """Requests a second, and the processor time of one."""
    before = one.cpu()
    headers = [part for name, value in one.headers.items() for part in ("-H", f"{name}: {value}")]
    command = [parts.find("wrk"), "-t1", f"-c{clients}", f"-d{SECONDS}s", *headers, f"{one.url}api/me"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    rate, total = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"(\d+) requests in", said)
    assert rate is not None, said
    assert total is not None, said
    return {
        "requests/s": float(rate[1]),
        "processor, µs/request": (one.cpu() - before) / int(total[1]) * 1e6,
    }


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--full"]
    main(*map(int, given), full="--full" in sys.argv)
