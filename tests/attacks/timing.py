"""Whether two kinds of refusal can be told apart by the time they take.

Kinds are measured in turn, round after round, so that a busy machine slows all of them alike. What differs
once is measured again: noise goes, a systematic difference stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import combinations
from statistics import median

SHARE = 0.15
MILLISECONDS = 5.0
MEASUREMENTS = 3

FEWEST_ROUNDS = 3
SECONDS = 15

Round = Callable[[int], Mapping[str, list[float]]]
"""One round by its number: of each kind, the milliseconds of one or more requests."""


def milliseconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def turned(kinds: list[str], turn: int) -> list[str]:
    """Each round begins with another kind."""
    start = turn % len(kinds)
    return kinds[start:] + kinds[:start]


def far_apart(figures: Mapping[str, list[float]]) -> set[tuple[str, str]]:
    """Pairs (quicker, slower) whose medians differ by more than 5 ms and more than 15 %."""
    medians = {kind: median(values) for kind, values in figures.items()}
    pairs = [sorted(pair, key=medians.__getitem__) for pair in combinations(medians, 2)]
    return {
        (quick, slow)
        for quick, slow in pairs
        if medians[slow] - medians[quick] > max(MILLISECONDS, SHARE * medians[quick])
    }


def measure(one_round: Round, rounds: int) -> dict[str, list[float]]:
    """The figures of some rounds: of fewer, where the machine has other things to do."""
    figures: dict[str, list[float]] = {}
    end = time.monotonic() + SECONDS
    for number in range(rounds):
        if number >= FEWEST_ROUNDS and time.monotonic() > end:
            break
        for kind, values in one_round(number).items():
            figures.setdefault(kind, []).extend(values)
    return figures


def insist_on_one_timing_class(one_round: Round, *, rounds: int) -> None:
    """Fail where a pair lies apart, in the same order, in each of three measurements."""
    apart: set[tuple[str, str]] | None = None
    for _ in range(MEASUREMENTS):
        figures = measure(one_round, rounds)
        print({kind: round(median(values), 1) for kind, values in figures.items()})
        found = far_apart(figures)
        apart = found if apart is None else apart & found
        if not apart:
            return
    raise AssertionError(f"told apart by time (quicker, slower): {sorted(apart or ())}")
