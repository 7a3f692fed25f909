"""Write docs/reference/attacks.md: the tests of each row of the attack list, or why it has none.

What a row is, in a few words, stands in tests/attacks/rows.txt; which tests there are, and when and on which
databases they run, pytest is asked. `--print` writes nothing.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "tests" / "attacks" / "rows.txt"
PAGE = ROOT / "docs" / "reference" / "attacks.md"

NAMED = re.compile(r"(?i)test_((?:[a-q]\d\d_)+)")
PLACE = re.compile(r"(?<![a-z.])(sqlite|postgresql|mariadb)(?![a-z0-9.])(?:-(\d))?")
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}

MOST_NAMES = 6
"""More of one file, and what matched them is told."""

HEAD = """\
<!-- Written by `make attacks-table`, from tests/attacks/rows.txt and the names of the tests. -->
# The attack list, row by row

Which test tries which row, or why none does. A row marked **+** is ours.

- A test that is named after a row is found by its name; the others are named here by hand.
- *every run* is `make test`; *nightly* is [`make soak`](../how-to/nightly-soak.md). Without a database's
  name a test runs on SQLite, or needs no store; **×4** stands for four processes on one store.
- *No test* is said with its reason.
"""


@dataclass
class Row:
    """A line of rows.txt."""

    id: str
    what: str
    ours: bool = False
    elsewhere: list[str] = field(default_factory=list)
    """FILE::TEST of tests with other names; wildcards in TEST."""
    reason: str = ""
    """Why there is no test."""
    remark: str = ""
    """What is always said."""


@dataclass
class Found:
    """When and where a test runs."""

    every_run: set[str] = field(default_factory=set)
    nightly: set[str] = field(default_factory=set)


Tests = dict[str, dict[tuple[str, str], Found]]
"""By row: by file and name."""


def read_rows() -> list[Row | str]:
    """The rows, and the headings between them, in order."""
    read: list[Row | str] = []
    for line in ROWS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            read.append(line)
        elif line and not line.startswith("#"):
            name, what, *more = (part.strip() for part in line.split(" | "))
            row = Row(name.lstrip("+"), what, ours=name.startswith("+"))
            for part in more:
                if part.startswith("in "):
                    row.elsewhere += part[3:].split(", ")
                elif part.startswith("="):
                    row.remark = part[1:]
                else:
                    row.reason = part
            read.append(row)
    return read


def rows_of(name: str) -> list[str]:
    """The rows in a test's name."""
    match = NAMED.match(name)
    return match[1].upper().strip("_").split("_") if match else []


class Collector:
    """A plugin of pytest that keeps what was collected."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the tests that are named after a row."""
        self.items = [item for item in session.items if rows_of(item.name)]


def collect() -> Tests:
    """Ask pytest for the tests that are named after rows: it knows the parameters, and the marks."""
    files = [path for path in sorted((ROOT / "tests").glob("*/**/test_*.py")) if may_have_rows(path)]
    collector, said = Collector(), io.StringIO()
    arguments = [
        "--collect-only",
        "-q",
        "-m",
        "soak or not soak",
        f"--rootdir={ROOT}",
        "-p",
        "no:cacheprovider",
    ]
    with contextlib.redirect_stdout(said):
        status = pytest.main([*arguments, *map(str, files)], plugins=[collector])
    if status != 0:
        sys.exit(said.getvalue())
    tests: Tests = defaultdict(lambda: defaultdict(Found))
    for item in collector.items:
        function = item.function  # type: ignore[attr-defined]
        where = function.__module__.replace(".", "/").removeprefix("tests/") + ".py"
        for row in rows_of(item.name):
            found = tests[row][where, function.__name__]
            nightly = item.get_closest_marker("soak") is not None
            (found.nightly if nightly else found.every_run).add(place_of(item))
    return tests


def may_have_rows(path: Path) -> bool:
    """Whether a file has tests of rows: by their names, or made from those of other files."""
    return path.parent.name == "attacks" or (
        "def test_" in path.read_text()
        and bool(re.search(r"(?i)def test_[a-q]\d\d_", path.read_text(encoding="utf-8")))
    )


def place_of(item: pytest.Item) -> str:
    """The database and the number of processes that a test's name and parameters tell of."""
    match = PLACE.search(item.name)
    if match is None:
        return ""
    many = match[2] == "4" or "four_processes" in item.name
    return DATABASES[match[1]] + (" ×4" if many else "")


def page(rows: list[Row | str], tests: Tests) -> str:
    """The whole page."""
    lines = [HEAD]
    for row in rows:
        if isinstance(row, str):
            lines += ["", row, "", "| row | what is tried | tests | when |", "|---|---|---|---|"]
        else:
            lines.append(line_of(row, tests.get(row.id, {})))
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def line_of(row: Row, found: dict[tuple[str, str], Found]) -> str:
    """A row of the table."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for where, name in sorted(found):
        by_file[where].append(name)
    for entry in row.elsewhere:
        path, _, pattern = entry.partition("::")
        by_file[path.removeprefix("tests/")] += matching(path, pattern)
    cells = [f"`{where}`: " + ", ".join(f"`{name}`" for name in names) for where, names in by_file.items()]
    when = when_of(list(found.values()), elsewhere=bool(row.elsewhere))
    if not cells:
        cells = [f"*No test:* {row.reason or 'not yet.'}" if not row.remark else row.remark]
        when = "" if not row.remark else "every run"
    elif row.remark:
        cells.append(row.remark)
    return f"| {'**+** ' if row.ours else ''}{row.id} | {row.what} | {'<br>'.join(cells)} | {when} |"


@cache
def names_in(path: str) -> tuple[str, ...]:
    """The tests of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return tuple(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def matching(path: str, pattern: str) -> list[str]:
    """The tests of a file with such names; a list of many is told by its pattern."""
    names = [name for name in names_in(path) if name.startswith("test_") and fnmatchcase(name, pattern)]
    if not names:
        sys.exit(f"{ROWS.name} names {path}::{pattern}, which is not there")
    return names if len(names) <= MOST_NAMES else [f"{pattern} ({len(names)} tests)"]


def when_of(found: list[Found], *, elsewhere: bool) -> str:
    """When a row's tests run, and on which databases."""
    every = set().union(*(one.every_run for one in found), {""} if elsewhere else set())
    nightly = set().union(*(one.nightly for one in found)) - every
    parts = [
        f"{word}{told(places)}" for word, places in (("every run", every), ("nightly", nightly)) if places
    ]
    return "; ".join(parts)


def told(places: set[str]) -> str:
    """Places in a fixed order; the plain one goes without saying where it is alone."""
    order = [f"{name}{more}" for name in DATABASES.values() for more in ("", " ×4")]
    named = {place or "SQLite" for place in places}
    return "" if places == {""} else ": " + ", ".join(place for place in order if place in named)


def main(arguments: list[str]) -> int:
    """Write the page, or print it. Ends with the rows that nobody described."""
    rows, tests = read_rows(), collect()
    known = {row.id for row in rows if isinstance(row, Row)}
    if strangers := sorted(set(tests) - known):
        sys.exit(f"{ROWS.name} has no line for {', '.join(strangers)}")
    text = page(rows, tests)
    if "--print" in arguments:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
        bare = [
            row.id
            for row in rows
            if isinstance(row, Row)
            and not bool(tests.get(row.id) or row.elsewhere or row.reason or row.remark)
        ]
        print(f"no test and no reason yet: {', '.join(bare) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
