"""How many threads should take logins, of which one hashes at a time, and how nice should they be?

For docs/decisions/0020-hash-threads.md, whose table is older than the turns that hashes take.

python -m benchmarks.hash_threads [--full]

Thirty-two strangers log in all the time, and now and then somebody whose browser is known, while a kernel
works; the same server each time, but for its pool. And what gives way must still get on: one login alone, and
one hash while two processes a core compute, in a session that they share, as kernels do in a container.
(In sessions of their own Linux shares the processors by session, and niceness counts within each.)
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.hashes_alone import hashes_alone
from benchmarks.login_load import at_once, for_a_while
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
from benchmarks.measure import Sample, Study, in_turn, is_full

POOLS = {
    f"{threads} threads, nice {niceness}": (threads, niceness)
    for threads, niceness in ((1, 0), (1, 5), (2, 0), (2, 5), (2, 10))
}
COMPUTING = 2 * (os.cpu_count() or 1)
KNOWN, ALONE, PRESSED = "a known browser's login, ms", "a login alone, ms", "a hash while all compute, ms"
_MS = 1000
_CONFIG = """\
from jupyter_totp_auth.web import assembly
assembly.HASH_THREADS, assembly.HASH_NICENESS = {}, {}
"""


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("hash_threads", "How many threads hash, and how nice they are")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        places = {
            name: stack.enter_context(our_place(Path(home, str(number)), config=_CONFIG.format(*pool)))
            for number, (name, pool) in enumerate(POOLS.items())
        }
        measures = {name: partial(measure, place, *POOLS[name]) for name, place in places.items()}
        measures[IDLE] = partial(idle, next(iter(places.values())))
        study.add(in_turn(measures, rounds=8 if full else 2))
    for name in POOLS:
        study.ratio(P99, name, IDLE, at_most=2)
    for name, (threads, niceness) in POOLS.items():
        line = study.points.setdefault(f"{P99}, by niceness", {}).setdefault(f"{threads} at once", {})
        line[niceness] = study.median(P99, name)
    before = next(name for name, pool in POOLS.items() if pool == (1, 0))
    for figure in (RATE, MEMORY, KNOWN, ALONE, PRESSED):
        for name in POOLS:
            study.ratio(figure, name, before)
    study.report()


def measure(place: OurWorkplace, threads: int, niceness: int) -> Sample:
    """All of one pool."""
    alone = median(asyncio.run(at_once(place.people.log_in, 1))[0] for _ in range(3))
    pressed = hashes_alone(threads=threads, niceness=niceness, seconds=1, computing=COMPUTING)
    return {**crowded(place), ALONE: alone * _MS, PRESSED: _MS / pressed}


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


if __name__ == "__main__":
    main(full=is_full())
