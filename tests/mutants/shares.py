"""Every small change of core/ that mutmut can think of, and the share that the tests of core/ notice (Q05).

``python -m tests.mutants.shares`` takes about an hour of one processor, prints a table, and fails below
nine in ten. ``… --last`` prints the table of the last run. Nothing is taken out of the count: changes of a
sentence, or of what cannot be told apart from outside, count as not noticed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "mutants" / "jupyter_totp_auth" / "core"
LEAST = 0.9
CHILDREN = "2"

# mutmut's exit codes: pytest failed, or fell over; SIGXCPU where the change made it run for ever.
_KILLED = frozenset({1, 3})
_ENDLESS = frozenset({-24, 24, 36, 152, 255})
_NEVER_RUN = None


def outcome(code: int | None) -> str:
    """What became of one mutant. What nobody ran, or no test reaches, is not noticed either."""
    if code is _NEVER_RUN:
        return "not run"
    if code in _KILLED:
        return "killed"
    return "endless" if code in _ENDLESS else "alive"


def counts(results: Path = RESULTS) -> dict[str, Counter[str]]:
    """Per module, as mutmut wrote it beside its copies."""
    found = {}
    for path in sorted(results.glob("*.py.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"].values()
        if codes:
            found[path.name.removesuffix(".py.meta")] = Counter(map(outcome, codes))
    return found


def share(modules: dict[str, Counter[str]]) -> float:
    """How much of everything was noticed; an endless run is."""
    total = sum(modules.values(), Counter[str]())
    return (total["killed"] + total["endless"]) / total.total() if total else 0.0


def table(modules: dict[str, Counter[str]]) -> str:
    """For a person."""
    lines = [f"{'':18}{'mutants':>8}{'killed':>8}{'endless':>8}{'alive':>8}{'not run':>8}"]
    total = sum(modules.values(), Counter[str]())
    for name, count in [*modules.items(), ("all", total)]:
        cells = (count.total(), *(count[word] for word in ("killed", "endless", "alive", "not run")))
        lines.append(f"{name:18}" + "".join(f"{cell:8}" for cell in cells))
    return "\n".join([*lines, f"{share(modules):.1%} noticed; at least {LEAST:.0%} have to be"])


def main(arguments: Sequence[str]) -> int:
    """Run all of it anew, or with ``--last`` only look; 1 below nine in ten."""
    if "--last" not in arguments:
        # mutmut lets a verdict stand while the changed function is the same, whatever the tests are now.
        shutil.rmtree(ROOT / "mutants", ignore_errors=True)
        mutmut = str(Path(sys.executable).with_name("mutmut"))
        command = [mutmut, "run", "--max-children", CHILDREN]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    modules = counts()
    print(table(modules))
    return 0 if share(modules) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
