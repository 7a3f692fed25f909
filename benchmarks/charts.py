"""Charts of what a script measured as the work grew, as SVG that reads in light and in dark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_INK = "#767676"
"""Seen on white and on black."""
_COLORS = ("#1976d2", "#e07000", "#388e3c", "#8e24aa", "#c62828", "#00838f")
_MARKS = "osD^vP"
_SIZE = (7.2, 3.4)  # inches


def draw(one: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Path]]:
    """A chart for each thing that grew, written into ``folder``; its title and its file."""
    folder.mkdir(parents=True, exist_ok=True)
    for title, lines in one["points"].items():
        name = re.sub(r"[^a-z0-9]+", "-", f"{one['name']} {title}".lower()).strip("-")
        path = folder / f"{name}.svg"
        chart(title, lines).savefig(path, transparent=True, metadata={"Date": None})
        yield title, path


def chart(title: str, lines: Mapping[str, Mapping[str, float]]) -> Figure:
    """One line for each contender, told apart by mark as well as by colour."""
    mpl.rcParams.update(
        {
            **{f"{part}.color": _INK for part in ("text", "xtick", "ytick")},
            "axes.labelcolor": _INK,
            "axes.edgecolor": _INK,
            "svg.hashsalt": "benchmarks",
        }
    )
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    sizes = {float(size) for points in lines.values() for size in points}
    for number, (name, points) in enumerate(lines.items()):
        ordered = sorted((float(size), value) for size, value in points.items())
        style = {"color": _COLORS[number % len(_COLORS)], "marker": _MARKS[number % len(_MARKS)]}
        axes.plot(*zip(*ordered, strict=True), label=name, **style)
    what, _, growing = title.rpartition(", by ")
    axes.set_xlabel(growing)
    axes.set_ylabel(what)
    axes.set_ylim(bottom=0)
    if max(sizes) > 20 * max(min(sizes), 1):
        axes.set_xscale("log")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False)
    return figure
