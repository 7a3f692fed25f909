"""Write docs/reference/performance.md and its charts from ``results/``: python -m benchmarks.page

So no figure stands in the documentation that a script here has not printed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.__main__ import GOALS, MORE
from benchmarks.charts import draw
from benchmarks.measure import RESULTS, short

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "reference" / "performance.md"
CHARTS = DOCS / "images" / "charts"

_INTRODUCTION = """\
# What it costs

Written by `make bench-page` from what `make bench` measured last, on {day}: no figure here is from
anywhere else. The machine: {machine}.
It was shared and noisy, so contenders took turns in one run, and what is compared is their medians; quote the
ratios, not the milliseconds.

**ours** is this extension, both factors, on SQLite; **stock** is Jupyter's own password login on the same
version; **floor** is the same server with no check at all. The other names are in each script's docstring.
"""


def main() -> int:
    """Write everything that there are results for; 1 where there are none."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in result_files()]
    if not found:
        print("No results: run `make bench` first.", file=sys.stderr)
        return 1
    machine = found[0]["machine"]
    parts = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "cores")
    day = time.strftime("%Y-%m-%d", time.gmtime(max(path.stat().st_mtime for path in result_files())))
    lines = [_INTRODUCTION.format(day=day, machine=f"{machine['cores']} cores, {parts}")]
    lines += ["## The goals", "", *goals([one for one in found if one["name"] in GOALS]), ""]
    for one in found:
        lines += section(one)
    PAGE.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")
    return 0


def result_files() -> list[Path]:
    """In the order of the goals."""
    return [path for name in (*GOALS, *MORE) if (path := RESULTS / f"{name}.json").exists()]


def goals(found: list[dict[str, Any]]) -> Iterator[str]:
    """Every goal in a line."""
    yield "| goal | measured | asked | |"
    yield "|---|---:|---:|---|"
    for one in found:
        for ratio in one["ratios"]:
            if ratio["met"] is not None:
                verdict = "met" if ratio["met"] else "**missed**"
                what = number(one) + cell(ratio["what"])
                yield f"| {what} | {ratio['value']:.3g} | {ratio['goal']} | {verdict} |"


def number(one: Mapping[str, Any]) -> str:
    """``1 · `` of ``Goal 1 · …``."""
    goal, dot, _ = str(one["title"]).partition(" · ")
    return f"{goal.removeprefix('Goal ')}{dot}" if goal.startswith("Goal ") else ""


def section(one: Mapping[str, Any]) -> list[str]:
    """One script's figures, its chart and its notes."""
    lines = [f"## {one['title']}", "", f"`python -m benchmarks.{one['name']}`", ""]
    for figure, by in one["figures"].items():
        lines += [f"| {cell(figure)} | median | middle half | rounds |", "|---|---:|---:|---:|"]
        for name, values in by.items():
            spread = f"{short(values['low'])} … {short(values['high'])}"
            lines.append(f"| {cell(name)} | {short(values['median'])} | {spread} | {values['rounds']} |")
        lines.append("")
    unjudged = [ratio for ratio in one["ratios"] if ratio["met"] is None]
    if unjudged:
        lines += ["| compared | ratio |", "|---|---:|"]
        lines += [f"| {cell(ratio['what'])} | {ratio['value']:.3g} |" for ratio in unjudged]
        lines.append("")
    for title, path in draw(one, CHARTS):
        lines += [f"![{title}](../images/charts/{path.name})", ""]
    return [*lines, *(f"{note}\n" for note in one["notes"])]


def cell(text: str) -> str:
    """A text that ends no cell of a table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
