"""A guard against getting slower: ours beside Jupyter's own password login, in one run, with a wide margin.

What is measured exactly is in ``benchmarks/request_check.py``; here is only what must never be lost by a
change that nobody measured: that two factors cost less than Jupyter's one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median

import pytest

from benchmarks.contenders import OURS, STOCK, Contender, ours, stock
from benchmarks.measure import Sample, in_turn
from benchmarks.request_check import CPU, inside, loaded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROUNDS = 7


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Contender]]:
    with ours(tmp_path_factory.mktemp("ours")) as mine, stock(tmp_path_factory.mktemp("stock")) as theirs:
        yield [mine, theirs]


def ratio(samples: dict[str, dict[str, list[float]]], figure: str) -> float:
    return median(samples[figure][OURS]) / median(samples[figure][STOCK])


def test_the_check_costs_a_fraction_of_stocks(pair: list[Contender]) -> None:
    measured = in_turn({one.name: partial(inside, one) for one in pair}, rounds=ROUNDS)
    assert ratio(measured, "get_user, µs") < 0.35  # the goal is 0.10


def test_a_request_costs_no_more_than_stocks(pair: list[Contender]) -> None:
    def measure(one: Contender) -> Sample:
        return loaded(one, "api/status", 8)  # which asks the authorizer, too

    measured = in_turn({one.name: partial(measure, one) for one in pair}, rounds=ROUNDS)
    assert ratio(measured, CPU) < 1.1  # of processor time, so others on the machine matter little; it is 0.9
