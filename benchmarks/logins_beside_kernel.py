"""Goal 2: thirty-two people log in at once, and a kernel goes on working.

python -m benchmarks.logins_beside_kernel [--quick | --full]

Thirty-two logins all the time, both factors, each from a browser that nobody knows; whoever finds the queue
full comes again after Retry-After. Beside them somebody runs a line of code in a kernel, again and again. The
same with nobody logging in (idle), with Jupyter's own password login (stock), and with a process that does
nothing but hash as our pool does: the same parameters, the same threads.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.contenders import OURS, STOCK, Contender, ours, stock
from benchmarks.echo import Echo, Noticed, echo
from benchmarks.hashes_alone import hashes_alone
from benchmarks.login_load import TRUSTED, LogIn, People, enroll, for_a_while, stock_log_in
from benchmarks.measure import Sample, Study, in_turn, is_full, quantile
from jupyter_totp_auth.web.assembly import HASH_NICENESS, HASH_THREADS

IDLE, ALONE = "idle", "hashes alone"
AT_ONCE = 32
FEWER = (1, 4, 12)
SECONDS = 4.0
ROUNDS, MANY_ROUNDS = 3, 12
P50, P99, PING = "kernel echo p50, ms", "kernel echo p99, ms", "HTTP ping p99, ms"
RATE, HASHES, MEMORY = "logins/s", "hashes/s", "peak memory above rest, MiB"
_MS = 1000


@dataclass
class Workplace:
    """A server that many log in to, and somebody's kernel there."""

    server: Contender
    kernel: Echo
    log_in: LogIn
    rest: float
    """MiB, with a kernel that runs and before anybody logs in."""


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("logins_beside_kernel", "Goal 2 · thirty-two log in at once while a kernel works")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        mine = stack.enter_context(our_place(Path(home, OURS)))
        theirs = stack.enter_context(stock_place(Path(home, STOCK)))
        places = {OURS: mine, STOCK: theirs}
        measures = {
            IDLE: partial(idle, mine),
            OURS: partial(our_load, mine),
            STOCK: partial(loaded, theirs, AT_ONCE),
            ALONE: partial(alone, mine),
        }
        study.add(in_turn(measures, rounds=MANY_ROUNDS if full else ROUNDS))
        draw(study, places, rounds=3 if full else 1)
    study.ratio(P99, OURS, IDLE, at_most=2)
    study.ratio(P99, STOCK, IDLE)
    study.ratio(P99, ALONE, IDLE)
    study.ratio(HASHES, OURS, ALONE, at_least=0.9)
    study.ratio(RATE, OURS, STOCK)
    study.judge(f"{MEMORY}: {OURS}", study.median(MEMORY, OURS), at_most=140)
    study.report()


def draw(study: Study, places: dict[str, Workplace], *, rounds: int) -> None:
    """The same with fewer at once, for the chart."""
    idle_echo = study.median(P99, IDLE)
    taken = {AT_ONCE: {name: study.median(P99, name) for name in places}}
    for number in FEWER:
        measures = {name: partial(loaded, place, number) for name, place in places.items()}
        found = Study("", "")
        found.add(in_turn(measures, rounds=rounds))
        taken[number] = {name: found.median(P99, name) for name in places}
    study.points["kernel echo p99, ms, by logins at once"] = {
        name: {0: idle_echo, **{number: taken[number][name] for number in sorted(taken)}} for name in places
    }


@dataclass
class OurWorkplace(Workplace):
    """With those who have phones."""

    people: People


@contextmanager
def our_place(home: Path, *, config: str = "") -> Iterator[OurWorkplace]:
    """Our login; with ``config``, another than we have."""
    with ours(home, arguments=[TRUSTED], config=config) as server, echo(server) as kernel:
        people = enroll(server.server)
        yield OurWorkplace(server, kernel, people.log_in, server.rss(), people)


@contextmanager
def stock_place(home: Path) -> Iterator[Workplace]:
    """Jupyter's own password login."""
    with stock(home) as server, echo(server) as kernel:
        yield Workplace(server, kernel, partial(stock_log_in, server.url), server.rss())


def idle(place: Workplace) -> Sample:
    """Nobody logs in."""
    with place.kernel.listening() as noticed:
        time.sleep(SECONDS)
    return told(noticed)


def loaded(place: Workplace, number: int) -> Sample:
    """So many log in."""
    place.server.forget_peak()
    with place.kernel.listening() as noticed:
        inside = asyncio.run(for_a_while(place.log_in, number, SECONDS))
    grown = place.server.peak() - place.rest
    return {**told(noticed), RATE: inside / SECONDS, MEMORY: grown}


def our_load(place: OurWorkplace) -> Sample:
    """Thirty-two log in; and the hashes a second from the first to the last: there was always one to do."""
    place.people.hashed.clear()
    found = loaded(place, AT_ONCE)
    each = place.people.hashed
    return {**found, HASHES: (len(each) - 1) / (each[-1] - each[0])}


def alone(place: Workplace) -> Sample:
    """Nobody logs in, and a process beside hashes."""
    with place.kernel.listening() as noticed:
        rate = hashes_alone(threads=HASH_THREADS, niceness=HASH_NICENESS, seconds=SECONDS)
    return {**told(noticed), HASHES: rate}


def told(noticed: Noticed) -> Sample:
    """What somebody who worked noticed."""
    return {
        P50: quantile(noticed.echoes, 0.5) * _MS,
        P99: quantile(noticed.echoes, 0.99) * _MS,
        PING: quantile(noticed.pings, 0.99) * _MS,
    }


if __name__ == "__main__":
    main(full=is_full())
