"""How nice should be what hashes, how many may wait for it, and should a processor be left to the others?

For docs/decisions/0020-hash-threads.md.

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
from dataclasses import dataclass
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
from jupyter_totp_auth.web import assembly


@dataclass(frozen=True)
class Pool:
    """How the server's differs from the product's."""

    niceness: int = assembly.HASH_NICENESS
    places: int = assembly.HASH_QUEUE
    """Of the queue, the reserved ones included."""
    is_sparing: bool = False

    @property
    def config(self) -> str:
        """Lines of the server's configuration."""
        chosen = f"assembly.HASH_NICENESS, assembly.HASH_QUEUE = {self.niceness}, {self.places}\n"
        return f"{_IMPORTS}{chosen}{_SPARING if self.is_sparing else ''}"


_IMPORTS = "from jupyter_totp_auth.web import assembly, pool\n"
_SPARING = """\
import os

def spared(call):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(os.getpid()))[1:])
    return call()

pool.NiceThread.__call__ = lambda self, call: self._executor.submit(spared, call).result()
"""
AS_IT_IS = "as it is: nice 5, 32 strangers wait"
POOLS = {
    AS_IT_IS: Pool(),
    "nice 0": Pool(niceness=0),
    "nice 10": Pool(niceness=10),
    "12 strangers wait": Pool(places=16),
    "one processor left free": Pool(is_sparing=True),
}
COMPUTING = 2 * (os.cpu_count() or 1)
KNOWN, ALONE, PRESSED = "a known browser's login, ms", "a login alone, ms", "a hash while all compute, ms"
_MS = 1000


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("hash_threads", "How logins share the processors with those who work")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        places = {
            name: stack.enter_context(our_place(Path(home, str(number)), config=pool.config))
            for number, (name, pool) in enumerate(POOLS.items())
        }
        measures = {name: partial(measure, place, POOLS[name].niceness) for name, place in places.items()}
        measures[IDLE] = partial(idle, next(iter(places.values())))
        study.add(in_turn(measures, rounds=8 if full else 2))
    for name in POOLS:
        study.ratio(P99, name, IDLE)
    line = study.points.setdefault(f"{P99}, by niceness", {}).setdefault("one hash at a time", {})
    for name in (AS_IT_IS, "nice 0", "nice 10"):
        line[POOLS[name].niceness] = study.median(P99, name)
    for figure in (RATE, MEMORY, KNOWN, ALONE, PRESSED):
        for name in list(POOLS)[1:]:
            study.ratio(figure, name, AS_IT_IS)
    study.report()


def measure(place: OurWorkplace, niceness: int) -> Sample:
    """All of one pool."""
    alone = median(asyncio.run(at_once(place.people.log_in, 1))[0] for _ in range(3))
    pressed = hashes_alone(threads=1, niceness=niceness, seconds=1, computing=COMPUTING)
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
