"""Breaks the product in the ways of ``sentinels.py`` and insists that the tests against real servers notice (Q04).

``python -m tests.mutants.runner`` runs all of them (half an hour), after a control: nothing broken, everything
passes. Words choose some: ``python -m tests.mutants.runner "a step" socket``. Each runs in a copy of its own of
the checkout, which stands first on the path of the tests and of the servers that they start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.sentinels import SENTINELS, Sentinel

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "jupyter_totp_auth"
COPIED = (PACKAGE, "config", "tests", "docs", "tools", "pyproject.toml")
SECONDS = 900

_BY_ASSERTION = ("AssertionError", "assert ", "Failed: DID NOT RAISE")
"""How pytest's report of a failed expectation begins. Anything else broke before it could be noticed."""


@dataclass(frozen=True)
class Verdict:
    """How the tests took it."""

    killed: bool
    why: str
    seconds: float = 0


def broken(text: str, sentinel: Sentinel, file: str) -> str:
    """The text of a file, with the sentinel's edits in it. Raises ValueError where one does not fit."""
    for edit in sentinel.edits:
        if edit.file != file:
            continue
        if (found := text.count(edit.old)) != 1:
            raise ValueError(f"{sentinel.name}: the old text stands {found} times in {file}")
        text = text.replace(edit.old, edit.new)
    return text


def files(sentinel: Sentinel) -> list[str]:
    """The files that a sentinel changes."""
    return sorted({edit.file for edit in sentinel.edits})


@contextmanager
def copy_of_the_checkout() -> Iterator[Path]:
    """A throw-away copy. The tests too: pytest puts the folder that they are in first on its path."""
    leave = shutil.ignore_patterns("__pycache__", "*.sqlite3*")
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder, name)
            if source.is_dir():
                shutil.copytree(source, target, ignore=leave)
            else:
                shutil.copy2(source, target)
        yield Path(folder)


def run(sentinel: Sentinel) -> Verdict:
    """Break a copy of the product and run its killers there."""
    begun = time.monotonic()
    with copy_of_the_checkout() as copy:
        for file in files(sentinel):
            path = copy / PACKAGE / file
            path.write_text(broken(path.read_text(encoding="utf-8"), sentinel, file), encoding="utf-8")
        if trouble := _does_not_import(copy, files(sentinel)):
            return Verdict(killed=False, why=f"does not import: {trouble}")
        killed, why = _noticed(copy, sentinel.killers)
    return Verdict(killed, why, time.monotonic() - begun)


def control(sentinels: Iterable[Sentinel]) -> Verdict:
    """Nothing broken: all killers pass, in a copy as the others."""
    begun = time.monotonic()
    killers = sorted({killer for sentinel in sentinels for killer in sentinel.killers})
    with copy_of_the_checkout() as copy:
        status, report = _pytest(copy, killers)
        bad = [name for name, _ in _failures(report)]
    return Verdict(status == 0, ", ".join(bad) or f"pytest: {status}", time.monotonic() - begun)


def _environment(copy: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(copy), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def _does_not_import(copy: Path, changed: Sequence[str]) -> str:
    """What the import says, where it fails or finds another copy; empty where all is well."""
    sources = [file.removesuffix(".py") for file in changed if file.endswith(".py")]
    modules = [f"{PACKAGE}.{file.replace('/', '.')}" for file in sources]
    script = "import importlib, sys\nfor name in sys.argv[1:]: print(importlib.import_module(name).__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script, *modules],
        env=_environment(copy),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        return done.stderr.strip().rpartition("\n")[2]
    elsewhere = [line for line in done.stdout.split() if not line.startswith(str(copy))]
    return ", ".join(elsewhere)


def _pytest(copy: Path, killers: Sequence[str], *options: str) -> tuple[int, Path]:
    report = copy / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    # What is broken may be slow before it is wrong, and a timeout is no notice.
    command += ["-o", "timeout=600"]
    done = subprocess.run(
        [*command, *options, *killers],
        env=_environment(copy),
        cwd=copy,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS * (1 if options else 4),
        check=False,
    )
    if not report.exists():
        raise RuntimeError(f"pytest wrote no report:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode, report


def _noticed(copy: Path, killers: Sequence[str]) -> tuple[bool, str]:
    _, report = _pytest(copy, killers, "-x")
    failures = _failures(report)
    for name, message in failures:
        if message.startswith(_BY_ASSERTION):
            return True, name
    return False, "; ".join(f"{name}: {message[:120]}" for name, message in failures) or "nobody noticed"


def _failures(report: Path) -> list[tuple[str, str]]:
    """Names and messages of what failed. Errors of fixtures count as no assertion."""
    found = []
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest has just written it
        for kind in ("failure", "error"):
            element = case.find(kind)
            if element is not None:
                message = element.get("message", "")
                found.append((case.get("name", ""), message if kind == "failure" else f"error: {message}"))
    return found


def main(words: Sequence[str]) -> int:
    """Run those whose name holds one of the words, or all after a control; 1 where one was not noticed."""
    chosen = [one for one in SENTINELS if not words or any(word in one.name for word in words)]
    if not chosen:
        sys.exit("no sentinel has such a name")
    alive = []
    if not words:
        verdict = control(chosen)
        print(f"control: {'passes' if verdict.killed else verdict.why}  {verdict.seconds:.0f} s", flush=True)
        if not verdict.killed:
            return 1
    for sentinel in chosen:
        verdict = run(sentinel)
        word = "killed" if verdict.killed else "ALIVE"
        print(f"{word:7} {verdict.seconds:4.0f} s  {sentinel.name}  ({verdict.why})", flush=True)
        if not verdict.killed:
            alive.append(sentinel.name)
    print(f"{len(chosen) - len(alive)} of {len(chosen)} killed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
