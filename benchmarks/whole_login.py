"""Goal 3: a whole login, both factors, beside JupyterHub's with NativeAuthenticator, and Jupyter's own.

python -m benchmarks.whole_login [--quick | --full]

From the first page until somebody is in, each by a browser that nobody knows: ours with name and password on
one page and the code on the next (argon2id, 64 MiB); the hub behind its proxy with all three on one page
(bcrypt, 12); Jupyter's own with a password alone (argon2id, 10 MiB). One at a time, and many at once, where
whoever finds our queue full comes again after Retry-After.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.contenders import OURS, STOCK, ours, stock
from benchmarks.login_load import TRUSTED, LogIn, at_once, enroll, stock_log_in
from benchmarks.measure import Sample, Study, in_turn
from benchmarks.peers.hub import hub

HUB = "hub"
ONE_BY_ONE = 5
CROWDS = (8, 32)
_MS = 1000

Wait = Callable[[float], None]
"""Until there are so many seconds without an end of a code's time."""


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("whole_login", "Goal 3 · a whole login")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        mine = stack.enter_context(ours(Path(home, OURS), arguments=[TRUSTED]))
        theirs = stack.enter_context(stock(Path(home, STOCK)))
        peer = stack.enter_context(hub(Path(home, HUB)))
        log_ins: dict[str, LogIn] = {
            OURS: enroll(mine.server).log_in,
            HUB: peer.log_in,
            STOCK: partial(stock_log_in, theirs.url),
        }
        for warm in log_ins.values():
            asyncio.run(at_once(warm, 1))
        waits = {HUB: peer.wait_for_time}
        singly = {name: partial(one_by_one, log_in, waits.get(name)) for name, log_in in log_ins.items()}
        study.add(in_turn(singly, rounds=15 if full else 4))
        for number in CROWDS:
            together = {
                name: partial(crowd, log_in, number, waits.get(name)) for name, log_in in log_ins.items()
            }
            rounds = (15 if full else 3) if number <= CROWDS[0] else (5 if full else 2)
            study.add(in_turn(together, rounds=rounds), prefix=f"{number} at once: ")
    judge(study, list(log_ins))
    study.report()


def judge(study: Study, names: list[str]) -> None:
    """The goals, and the chart."""
    study.ratio("one login, ms", OURS, HUB, at_most=0.6)
    study.ratio("one login, ms", OURS, STOCK)
    for number in CROWDS:
        study.ratio(f"{number} at once: logins/s", OURS, HUB, at_least=2)
        study.ratio(f"{number} at once: logins/s", OURS, STOCK)
    for name in names:
        alone = _MS / study.median("one login, ms", name)
        many = {float(number): study.median(f"{number} at once: logins/s", name) for number in CROWDS}
        study.points.setdefault("logins/s, by logins at once", {})[name] = {1.0: alone, **many}


def one_by_one(log_in: LogIn, wait: Wait | None) -> Sample:
    """The middle one of some."""
    if wait:
        wait(ONE_BY_ONE)
    return {"one login, ms": median(asyncio.run(at_once(log_in, 1))[0] for _ in range(ONE_BY_ONE)) * _MS}


def crowd(log_in: LogIn, number: int, wait: Wait | None) -> Sample:
    """So many at the same moment."""
    if wait:
        wait(number * 0.75)
    begun = time.perf_counter()
    each = asyncio.run(at_once(log_in, number))
    return {
        "logins/s": number / (time.perf_counter() - begun),
        "a login, median, ms": median(each) * _MS,
    }


if __name__ == "__main__":
    main(full="--full" in sys.argv[1:])
