"""Fuzz the readers of strangers' text with atheris: python -m tests.fuzz [SECONDS [READER…]]

Each reader for so long (default 300), one after the other, in a process of its own. What made one fail is
printed, and stands in .test-logs/fuzz/: make it a seed in targets.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CRASHES = Path(__file__).resolve().parents[2] / ".test-logs" / "fuzz"
LONGEST = 4096


def main(seconds: str = "300", *names: str) -> int:
    """Every reader, or those named; the exit status is 0 only where none failed."""
    from tests.fuzz.targets import READERS

    failed = []
    for name in names or [reader.name for reader in READERS]:
        print(f"\n── {name}, {seconds} s", flush=True)
        command = [sys.executable, "-m", "tests.fuzz", "--one", name, seconds]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    print(f"\nfailed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def one(name: str, seconds: str) -> None:
    """One reader, in this process. libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["jupyter_totp_auth", "tests.fuzz.targets"]):
        from tests.fuzz.targets import READERS
    (reader,) = (reader for reader in READERS if reader.name == name)
    corpus = CRASHES / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(reader.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-print_final_stats=1"]
    atheris.Setup([name, *options, f"-artifact_prefix={corpus.parent}/", str(corpus)], reader.check)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4])
    sys.exit(main(*sys.argv[1:]))
