"""Goal 3: a whole login, both factors, beside JupyterHub's with NativeAuthenticator, and Jupyter's own.

python -m benchmarks.whole_login [--quick | --full]

From the first page until somebody is in, each by a browser that nobody knows: ours with name and password on
one page and the code on the next (argon2id, 64 MiB); the hub behind its proxy with all three on one page
(bcrypt, 12); Jupyter's own with a password alone (argon2id, 10 MiB). One at a time, and many at once, where
whoever finds our queue full comes again after Retry-After.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.contenders import OURS, STOCK, ours, stock
from benchmarks.login_load import TRUSTED, LogIn, at_once, enroll, stock_log_in
from benchmarks.measure import Sample, Study, in_turn, is_full
from benchmarks.peers.hub import hub

HUB = "hub"
ONE_BY_ONE = 5
CROWDS = (8, 32)
LATENCY, RATE, WORK = "one login, ms", "logins/s", "processor, ms/login"
_MS = 1000


@dataclass
class Door:
    """Where one logs in."""

    log_in: LogIn
    cpu: Callable[[], float]
    """Seconds of processor, of all its processes."""
    wait: Callable[[float], None] = lambda _seconds: None
    """Until there will be so many seconds without an end of a code's time."""


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("whole_login", "Goal 3 · a whole login")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        mine = stack.enter_context(ours(Path(home, OURS), arguments=[TRUSTED]))
        peer = stack.enter_context(hub(Path(home, HUB)))
        theirs = stack.enter_context(stock(Path(home, STOCK)))
        doors = {
            OURS: Door(enroll(mine.server).log_in, mine.cpu),
            HUB: Door(peer.log_in, peer.cpu, peer.wait_for_time),
            STOCK: Door(partial(stock_log_in, theirs.url), theirs.cpu),
        }
        for door in doors.values():
            asyncio.run(at_once(door.log_in, 1))
        singly = {name: partial(one_by_one, door) for name, door in doors.items()}
        study.add(in_turn(singly, rounds=15 if full else 4))
        for number in CROWDS:
            together = {name: partial(crowd, door, number) for name, door in doors.items()}
            rounds = (15 if full else 3) if number <= CROWDS[0] else (5 if full else 2)
            study.add(in_turn(together, rounds=rounds), prefix=f"{number} at once: ")
    judge(study, list(doors))
    study.report()


def judge(study: Study, names: list[str]) -> None:
    """The goals, and the chart."""
    study.ratio(LATENCY, OURS, HUB, at_most=0.6)
    study.ratio(LATENCY, OURS, STOCK)
    study.ratio(WORK, OURS, HUB)
    study.ratio(WORK, OURS, STOCK)
    for number in CROWDS:
        study.ratio(f"{number} at once: {RATE}", OURS, HUB, at_least=2)
        study.ratio(f"{number} at once: {RATE}", OURS, STOCK)
    for name in names:
        alone = _MS / study.median(LATENCY, name)
        many = {float(number): study.median(f"{number} at once: {RATE}", name) for number in CROWDS}
        study.points.setdefault("logins/s, by logins at once", {})[name] = {1.0: alone, **many}


def one_by_one(door: Door) -> Sample:
    """The middle one of some."""
    door.wait(2 * ONE_BY_ONE)
    before = door.cpu()
    each = [asyncio.run(at_once(door.log_in, 1))[0] for _ in range(ONE_BY_ONE)]
    return {LATENCY: median(each) * _MS, WORK: (door.cpu() - before) / ONE_BY_ONE * _MS}


def crowd(door: Door, number: int) -> Sample:
    """So many at the same moment."""
    door.wait(number * 0.9)
    begun = time.perf_counter()
    each = asyncio.run(at_once(door.log_in, number))
    return {RATE: number / (time.perf_counter() - begun), "a login, median, ms": median(each) * _MS}


if __name__ == "__main__":
    main(full=is_full())
