"""All goals, one after the other: python -m benchmarks [--full] [NAME ...]

Each script runs in a process of its own, with a time limit; one that fails does not stop the rest. At the end
stands one table with every goal, and ``results/`` holds what each printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.measure import RESULTS, Ratio

GOALS = (
    "request_check",
    "logins_beside_kernel",
    "whole_login",
    "cell_round_trip",
    "start_and_memory",
    "end_reaches",
    "million",
    "page_load",
)
"""The scripts, in the order of the goals that they measure."""
MORE = ("request_parts", "hash_threads", "flood")
"""Those of a decision or of a requirement; run in full only."""

_MINUTE = 60
LONGEST = {False: 5 * _MINUTE, True: 60 * _MINUTE}
"""Seconds for each script, by whether it is run in full."""


def main() -> int:
    """0 where every script ran to its end: a goal that is missed stands in the table, and is no failure."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--full", action="store_true")
    options.add_argument("names", nargs="*", metavar="NAME", help="some of them only")
    asked = options.parse_args()
    names = asked.names or [*GOALS, *(MORE if asked.full else ())]
    begun = time.monotonic()
    broken = [name for name in names if not ran(name, full=asked.full)]
    summary([name for name in names if name not in broken])
    print(f"\n{len(names)} scripts in {(time.monotonic() - begun) / _MINUTE:.1f} min")
    if broken:
        print(f"did not end well: {', '.join(broken)}")
    return 1 if broken else 0


def ran(name: str, *, full: bool) -> bool:
    """Run one script; whether it ended well and in time."""
    print(f"\n━━ {name}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *(["--full"] if full else [])]
    try:
        return subprocess.run(command, timeout=LONGEST[full], check=False).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LONGEST[full] / _MINUTE:g} min", flush=True)
        return False


def summary(names: Sequence[str]) -> None:
    """Every goal in a line."""
    print("\n━━ the goals")
    for name in names:
        path = RESULTS / f"{name}.json"
        if not path.exists():  # a script that has none to compare
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        print(found["title"])
        for ratio in (Ratio(**one) for one in found["ratios"]):
            if ratio.met is not None:
                print(ratio.line)


if __name__ == "__main__":
    sys.exit(main())
