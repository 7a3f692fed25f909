"""Run the checks and the tests in groups, all of them, and say how it went: run_tests.py [--soak] GROUP…

Quick groups first. A failure does not stop the rest. The output of each group stays in .test-logs/.
At the end, what the tests left on the disk is looked through for their secrets (tools/canary.py).
Without names, every group runs. Each folder of tests is a group; a new folder needs no word here.
--soak runs what takes hours instead: the tests marked so, and SOAK_CHECKS.
Runs with .venv's Python, and needs only the standard library itself.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".test-logs"
sys.path.insert(0, str(ROOT))

from tests.services import must_be_complete  # noqa: E402 - needs the path above

PYTHON = sys.executable
COVERAGE = LOGS / "core.measured"

# A group that does not end has failed; the next ones still get their turn.
SECONDS_PER_GROUP = 1800
SECONDS_PER_SOAK = 6 * 3600
SECONDS_TO_TIDY_UP = 15

NOTHING_COLLECTED = 5  # pytest's exit status
CLOSING = re.compile(r"\d+ (passed|failed|skipped|errors?|deselected|xfailed)\b.* in [\d.]+s")
COLOR = re.compile(r"\x1b\[[\d;]*m")

# Checks are commands: each counts as one test. Coverage is measured by the group "core".
CHECKS: dict[str, list[list[str]]] = {
    "lint": [
        [PYTHON, "-m", "ruff", "check"],
        [PYTHON, "-m", "ruff", "format", "--check"],
    ],
    "types": [[PYTHON, "-m", "mypy"]],
    "floors": [["lint-imports", "--no-logo"]],
    "labextension": [
        ["npm", "--prefix", "labextension", "run", "--silent", "check"],
        ["npm", "--prefix", "labextension", "run", "--silent", "test"],
    ],
    "coverage": [
        [
            *(PYTHON, "-m", "coverage", "report", f"--data-file={COVERAGE}"),
            *("--include=jupyter_totp_auth/core/*", "--fail-under=100"),
        ],
    ],
}

# After all groups, where one of these was among them: it handles secrets, so some must have been noted.
CANARY = "canary"
HANDLE_SECRETS = {
    *("store", "web", "cli", "doctor", "host", "hosting", "rights", "guides", "attacks", "browser"),
    "together",
}

# Only by --soak.
SOAK_CHECKS: dict[str, list[list[str]]] = {
    "fuzz": [[PYTHON, "-m", "tests.fuzz", "300"]],
    "sentinels": [[PYTHON, "-m", "tests.mutants.runner"]],
    "mutmut": [[PYTHON, "-m", "tests.mutants.shares"]],
}

# In this order; "house" is the files that lie in tests/ itself. Folders not named here (of later
# parts) run between the first and the last, which take long.
FIRST = ["core", "house", "factors", "services", "store", "web", "cli", "host"]
LAST = ["hosting", "attacks", "browser"]
# Without these there is no project: their absence is an accident, not a choice.
NEEDED = {"core", "house", "store", "web", "cli", "host", "attacks", "browser"}
QUICK = ["lint", "types", "floors", "labextension", "unit", "house", "factors", "web"]
# Three workers on two cores, a file's tests in one of them, in the order of tests/conftest.py: much of their
# time is waiting.
WORKERS = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
SIDE_BY_SIDE = {
    *("store", "web", "cli", "host", "hosting", "packaging", "rights", "guides", "attacks", "browser"),
    "together",
}
# Short names for several groups.
NAMES = {"unit": ["core", "coverage"], "quick": QUICK}


@dataclass
class Result:
    """How a group went."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    closing: str = ""
    not_run: Counter[str] = field(default_factory=Counter)
    """Why something did not run, and how many tests: of all, where the group did not run."""
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many tests there are."""
        return self.passed + self.failed + self.skipped


def main(arguments: Sequence[str]) -> int:
    """Run these groups and report; the exit status is 0 only if nothing failed."""
    os.chdir(ROOT)
    LOGS.mkdir(exist_ok=True)
    # In the background, or by nohup, they are ignored, and so they would be by all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    soak = "--soak" in arguments
    names = [name for name in arguments if name != "--soak"]
    results = []
    folder = new_folder()
    try:
        for name in soak_order(names) if soak else in_order(names):
            print(f"\n━━ {name}", flush=True)
            check = (SOAK_CHECKS if soak else CHECKS).get(name)
            results.append(run_check(name, check, soak=soak) if check else run_tests(name, folder, soak=soak))
        if HANDLE_SECRETS & {result.name for result in results}:
            print(f"\n━━ {CANARY}", flush=True)
            results.append(run_canary(folder, results))
    except KeyboardInterrupt:
        stopped = Result("stopped by Ctrl-C", failed=1, closing="the groups after this did not run")
        results.append(stopped)
    finally:
        if not any(result.failed for result in results if result.name == CANARY):  # else: to be looked at
            shutil.rmtree(folder, ignore_errors=True)
    return report(results)


def new_folder() -> Path:
    """Return the folder of this run, for the tests' own folders and for what they note.

    Short, since a Unix socket's path may have no more than 107 bytes; to be passed through by the
    services' accounts.
    """
    folder = Path(tempfile.mkdtemp(prefix="totp-run-"))
    folder.chmod(0o711)
    for name, mode in {"tests": 0o700, "kept": 0o700, "tmp": 0o1777}.items():
        (folder / name).mkdir()
        (folder / name).chmod(mode)
    return folder


def run_canary(folder: Path, groups: Sequence[Result]) -> Result:
    """Look for the tests' secrets, in their logs as well: but where one failed, pytest shows values."""
    # Not pytest's reports: the names of parametrised tests are what the tests themselves wrote.
    clean = [LOGS / f"{group.name}.log" for group in groups if not group.failed]
    paths = [str(path) for path in (folder, *clean) if path.exists()]
    return run_check(CANARY, [[PYTHON, str(ROOT / "tools" / "canary.py"), *paths]])


def in_order(names: Sequence[str]) -> list[str]:
    """Expand short names, keep the order and drop what comes twice."""
    wanted = list(names) or [
        "lint",
        "types",
        "floors",
        "labextension",
        "core",
        "coverage",
        *test_groups()[1:],
    ]
    while short := [name for name in wanted if name in NAMES]:
        at = wanted.index(short[0])
        wanted[at : at + 1] = NAMES[short[0]]
    known = {*CHECKS, *test_groups()}
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"no such group: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return list(dict.fromkeys(wanted))


def soak_order(names: Sequence[str]) -> list[str]:
    """The checks that take hours, then the groups with a test that does."""
    marked = {
        path.relative_to("tests").parts[0]
        for path in Path("tests").glob("*/**/test_*.py")
        if "mark.soak" in path.read_text(encoding="utf-8")
    }
    known = [*SOAK_CHECKS, *(name for name in test_groups() if name in marked)]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"nothing of {', '.join(unknown)} takes hours; there are {', '.join(known)}")
    return list(names) or known


def test_groups() -> list[str]:
    """Return all groups of tests, those of folders that nobody named included."""
    folders = {path.relative_to("tests").parts[0] for path in Path("tests").glob("*/**/test_*.py")}
    others = sorted(folders - {*FIRST, *LAST})
    return [name for name in [*FIRST, *others, *LAST] if name in folders | NEEDED]


def run_check(name: str, commands: list[list[str]], *, soak: bool = False) -> Result:
    """Run the commands of a check; it passes when all of them do."""
    result = Result(name)
    began = time.monotonic()
    log = new_log(name)
    bad = [command for command in commands if run_logged(command, log, soak=soak) != 0]
    result.seconds = time.monotonic() - began
    result.passed, result.failed = (0, 1) if bad else (1, 0)
    result.closing = "failed" if bad else "ok"
    if bad:
        result.failures = [f"{name}: see .test-logs/{name}.log"]
    return result


def run_tests(name: str, folder: Path, *, soak: bool = False) -> Result:
    """Run pytest on a group, and count from its report."""
    result = Result(name)
    core = name == "core" and not soak
    if core:  # measured anew: an old measure must not pass for this run's
        COVERAGE.unlink(missing_ok=True)
    paths = sorted(Path("tests").glob("test_*.py")) if name == "house" else [Path("tests", name)]
    if not any(path.exists() for path in paths):
        return none_there(result)
    xml = LOGS / f"{name}.xml"
    xml.unlink(missing_ok=True)
    measured = ["-m", "coverage", "run", f"--data-file={COVERAGE}"] if core else []
    workers = WORKERS if name in SIDE_BY_SIDE and not soak else []
    marked = ["-m", "soak"] if soak else []
    color = "yes" if sys.stdout.isatty() else "no"
    command = [PYTHON, *measured, "-m", "pytest", f"--junitxml={xml}", f"--color={color}"]
    # Kept for the scan at the end; but the core's tests write nothing, and make secrets by the thousand.
    kept = None if name == "core" else folder
    placed = [f"--basetemp={folder / 'tests' / name}"] if kept else []
    began = time.monotonic()
    words = [*command, *workers, *marked, *placed, *map(str, paths)]
    status = run_logged(words, new_log(name), soak=soak, folder=kept)
    result.seconds = time.monotonic() - began
    if status == NOTHING_COLLECTED:
        return none_there(result)
    if xml.exists():
        count(result, ET.parse(xml).getroot())  # noqa: S314 - pytest has just written it
    if status != 0 and result.failed == 0:
        result.failed = 1
        result.failures = [f"{name}: pytest ended with {status}; see .test-logs/{name}.log"]
    result.closing = closing_line(name)
    return result


def new_log(name: str) -> Path:
    """Return the empty log of a group."""
    log = LOGS / f"{name}.log"
    log.write_text("")
    return log


def none_there(result: Result) -> Result:
    """Note that a group has no tests at all: under CI a failure."""
    where = "tests/test_*.py" if result.name == "house" else f"tests/{result.name}/"
    result.closing = f"no tests in {where}"
    print(result.closing)
    if must_be_complete():
        result.failed = 1
        result.failures = [f"{result.name}: {result.closing}"]
    result.not_run[result.closing] = result.total
    return result


def count(result: Result, report: ET.Element) -> None:
    """Read pytest's JUnit report, whose numbers are those of its closing line."""
    for suite in report.iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        result.failed += bad
        result.skipped += skipped
        result.passed += int(suite.get("tests", 0)) - bad - skipped
    for case in report.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            result.failures.append(f"{result.name}: {case.get('classname')}.{case.get('name')}")
        skip = case.find("skipped")
        reason = "" if skip is None else skip.get("message", "")
        if reason.startswith("missing: "):
            result.not_run[reason] += 1


def closing_line(name: str) -> str:
    """Return pytest's own last word."""
    for line in reversed((LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines()):
        if CLOSING.search(line):
            return line.strip("= ")
    return "pytest did not come to an end"


def run_logged(command: list[str], log: Path, *, soak: bool = False, folder: Path | None = None) -> int:
    """Run a command; what it says goes to the terminal and, without colours, to the log."""
    with (
        log.open("a", encoding="utf-8") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment(folder),
            # A group of its own: when the time is over, it ends with everything it started.
            start_new_session=True,
        ) as child,
    ):
        try:
            with time_limit(child, SECONDS_PER_SOAK if soak else SECONDS_PER_GROUP):
                for line in child.stdout or ():
                    print(line, end="", flush=True)
                    output.write(COLOR.sub("", line))
                return child.wait()
        finally:
            if child.poll() is None:  # Ctrl-C: let pytest put things away
                end_group(child.pid, signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    child.wait(SECONDS_TO_TIDY_UP)
            end_group(child.pid, signal.SIGKILL)


@contextmanager
def time_limit(child: subprocess.Popen[str], seconds: int) -> Iterator[None]:
    """End the child's group when the time is over: first so that pytest says where it was."""
    asked: list[signal.Signals] = []

    def overdue(*_: object) -> None:
        print(f"not done after {seconds} s", flush=True)
        asked.append(signal.SIGKILL if asked else signal.SIGINT)
        end_group(child.pid, asked[-1])
        signal.alarm(SECONDS_TO_TIDY_UP)

    signal.signal(signal.SIGALRM, overdue)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def end_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to what is left of a process group that we started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def environment(folder: Path | None) -> dict[str, str]:
    """Return the environment with .venv's programs first: tests call `jupyter`, and so do we.

    With a folder, temporary files of the tests and of all that they start are left there.
    """
    path = os.pathsep.join((str(Path(PYTHON).parent), os.environ.get("PATH", os.defpath)))
    ours = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
    if folder is not None:
        ours.update({"TOTP_TEST_CANARIES": str(folder), "TMPDIR": str(folder / "tmp")})
        # Servers are started by the hundred: where no bytecode is kept, each would compile us anew.
        ours.pop("PYTHONDONTWRITEBYTECODE", None)
    return ours


def report(results: list[Result]) -> int:
    """Print the table, what failed and what did not run; last, one line alone."""
    print("\n━━ in short")
    for result in results:
        print(f"{result.name:10} {result.seconds:6.1f} s  {result.closing}")
    if failures := [line for result in results for line in result.failures]:
        print("\nFailed:")
        for line in failures:
            print(f"  {line}")
    print_not_run(results)
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def print_not_run(results: list[Result]) -> None:
    """Name the groups that did not run, and the tests that were left out of the others."""
    lines = []
    for result in results:
        for reason, tests in result.not_run.items():
            what = "did not run" if tests == result.total else f"left out {tests} of {result.total}"
            lines.append(f"  {result.name}: {what}; {reason}")
    if lines:
        print("\nNot run:")
        print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
