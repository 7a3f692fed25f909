"""What every script here shares: rounds taken in turn, medians and spread, a table of ratios, and JSON.

The machine is shared and noisy: contenders take turns, so that a slow second is everybody's, and only ratios
of medians are quoted. No script here is a test; ``tests/speed`` holds the few ratios that must not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("jupyter_server", "jupyterlab", "tornado", "SQLAlchemy", "argon2-cffi")

Sample = Mapping[str, float]
"""Figures by their name, of one contender in one round."""


def is_full() -> bool:
    """Whether this script was asked for all: ``--full``, of which ``make bench`` has no time for."""
    options = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    options.add_argument("--full", action="store_true", help="more rounds and sizes, for `make bench-full`")
    return bool(options.parse_args().full)


def in_turn(
    measures: Mapping[str, Callable[[], Sample]], *, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Let everybody measure once a round, each round beginning with another; by figure, then contender."""
    names = list(measures)
    taken: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            for figure, value in measures[name]().items():
                taken.setdefault(figure, {}).setdefault(name, []).append(value)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return taken


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that so many are not above."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


@dataclass(frozen=True)
class Ratio:
    """One contender's median by another's, and what it has to be."""

    what: str
    value: float
    goal: str
    met: bool | None
    """None: no goal, for the reader only."""

    @property
    def line(self) -> str:
        """For a terminal."""
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        return f"  {self.what:<66} {self.value:>9.3f}  {self.goal:>8}  {verdict}"


@dataclass
class Study:
    """One goal's figures. ``name`` is the script's, and the file's in ``results/``."""

    name: str
    title: str
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    points: dict[str, dict[str, dict[float, float]]] = field(default_factory=dict)
    """For the chart: by what is drawn, then by line, how much at how many."""
    _begun: float = field(default_factory=time.monotonic)

    def add(self, taken: Mapping[str, Mapping[str, Sequence[float]]], *, prefix: str = "") -> None:
        """Take in what ``in_turn`` gave."""
        for figure, by in taken.items():
            here = self.figures.setdefault(prefix + figure, {})
            for name, values in by.items():
                here.setdefault(name, []).extend(values)

    def median(self, figure: str, name: str) -> float:
        """A contender's median."""
        return median(self.figures[figure][name])

    def ratio(
        self,
        figure: str,
        of: str,
        to: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> float:
        """Compare two contenders' medians, and say whether that is the goal."""
        value = self.median(figure, of) / self.median(figure, to)
        self.judge(f"{figure}: {of} / {to}", value, at_most=at_most, at_least=at_least)
        return value

    def judge(
        self, what: str, value: float, *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """Note a value and its goal."""
        goal, met = "", None
        if at_most is not None:
            goal, met = f"≤ {at_most:g}", value <= at_most
        elif at_least is not None:
            goal, met = f"≥ {at_least:g}", value >= at_least
        self.ratios.append(Ratio(what, value, goal, met))

    # -- out ---------------------------------------------------------------------------------------

    def report(self) -> None:
        """Print the table, and write ``results/<name>.json``."""
        print(f"\n{self.title}")
        for figure, by in self.figures.items():
            print(f"  {figure}")
            for name, values in by.items():
                low, high = quantile(values, 0.25), quantile(values, 0.75)
                print(f"    {name:<34} {short(median(values)):>10}   {short(low)} … {short(high)}")
        for ratio in self.ratios:
            print(ratio.line)
        for note in self.notes:
            print(f"  {note}")
        print(f"  took {time.monotonic() - self._begun:.0f} s", flush=True)
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(self.document(), indent=1, ensure_ascii=False)
        (RESULTS / f"{self.name}.json").write_text(text + "\n", encoding="utf-8")

    def document(self) -> dict[str, object]:
        """All of it, as JSON holds it."""
        return {
            "name": self.name,
            "title": self.title,
            "machine": machine(),
            "seconds": round(time.monotonic() - self._begun, 1),
            "figures": {
                figure: {name: _summary(values) for name, values in by.items()}
                for figure, by in self.figures.items()
            },
            "ratios": [asdict(ratio) for ratio in self.ratios],
            "points": self.points,
            "notes": self.notes,
        }


def machine() -> dict[str, object]:
    """What it was measured on, as far as it matters to a ratio."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": median(values),
        "low": quantile(values, 0.25),
        "high": quantile(values, 0.75),
        "rounds": len(values),
    }


def short(value: float) -> str:
    """For reading only."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004
