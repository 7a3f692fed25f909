"""How many threads should hash, and how nice should they be? For docs/decisions/0020-hash-threads.md.

python -m benchmarks.hash_threads [--quick | --full]

Thirty-two strangers log in all the time, and now and then somebody whose browser is known, while a kernel
works; the same server each time, but for its pool. And one login alone, once while nothing else runs and once
while both processors compute, as people's kernels do: what gives way must still get on.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.login_load import People, at_once, for_a_while
from benchmarks.logins_beside_kernel import (
    AT_ONCE,
    IDLE,
    MEMORY,
    P99,
    RATE,
    SECONDS,
    OurWorkplace,
    idle,
    our_place,
    told,
)
from benchmarks.measure import Sample, Study, in_turn

POOLS = {
    f"{threads} for strangers{kept}, nice {niceness}": (threads + bool(kept), int(bool(kept)), niceness)
    for threads, kept in ((1, ""), (1, " + 1"), (2, ""))
    for niceness in (0, 10)
}
"""Threads, how many of them are kept for known browsers, niceness."""
KNOWN, ALONE, COMPUTING = "a known browser's login, ms", "a login alone, ms", "a login while all computes, ms"
_MS = 1000
_CONFIG = """\
from jupyter_totp_auth.web import assembly, pool
assembly._HASH_THREADS, pool._KEPT, assembly._HASH_NICENESS = {}, {}, {}
"""


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("hash_threads", "How many threads hash, and how nice they are")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        places = {
            name: stack.enter_context(our_place(Path(home, str(number)), config=_CONFIG.format(*pool)))
            for number, (name, pool) in enumerate(POOLS.items())
        }
        measures = {name: partial(measure, place) for name, place in places.items()}
        measures[IDLE] = partial(idle, next(iter(places.values())))
        study.add(in_turn(measures, rounds=8 if full else 2))
    for name in POOLS:
        study.ratio(P99, name, IDLE, at_most=2)
    now = "1 for strangers + 1, nice 0"
    for figure in (RATE, MEMORY, KNOWN, ALONE, COMPUTING):
        for name in POOLS:
            study.ratio(figure, name, now)
    study.report()


def measure(place: OurWorkplace) -> Sample:
    """All of one pool."""
    alone = one_login(place.people)
    with computing():
        computes = one_login(place.people)
    return {**crowded(place), ALONE: alone, COMPUTING: computes}


def crowded(place: OurWorkplace) -> Sample:
    """Strangers, and those who are known."""

    async def both() -> tuple[int, list[float]]:
        strangers = asyncio.ensure_future(for_a_while(place.people.log_in, AT_ONCE, SECONDS))
        known = [(await at_once(place.people.log_in_known, 1))[0] for _ in range(4)]
        return await strangers, known

    asyncio.run(place.people.make_known(4))
    place.server.forget_peak()
    with place.kernel.listening() as noticed:
        inside, known = asyncio.run(both())
    grown = place.server.peak() - place.rest
    return {**told(noticed), RATE: inside / SECONDS, MEMORY: grown, KNOWN: median(known) * _MS}


def one_login(people: People) -> float:
    """The middle one of three, in ms."""
    return median(asyncio.run(at_once(people.log_in, 1))[0] for _ in range(3)) * _MS


@contextmanager
def computing() -> Iterator[None]:
    """As many processes as processors, each in a session of its own, as kernels are."""
    busy = [sys.executable, "-c", "while True: pass"]
    workers = [subprocess.Popen(busy, start_new_session=True) for _ in range(os.cpu_count() or 1)]
    try:
        time.sleep(0.2)
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


if __name__ == "__main__":
    main(full="--full" in sys.argv[1:])
