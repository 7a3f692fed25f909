"""What each part of a request's way costs: for docs/decisions/0022-what-a-request-costs.md.

python -m benchmarks.request_parts [--full]

One server of ours, asked by 32 clients of wrk all the time. In it one part after the other is left out, for
sixty milliseconds each and in an order of chance (``inside/in_parts.py``), and the processor time of its
event loop is shared among the requests of that moment: what other programs do to the machine is everybody's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.contenders import ours
from benchmarks.inside.in_parts import AS_IT_IS
from benchmarks.measure import Study, is_full
from benchmarks.request_check import CLIENTS, CPU, PATHS, asked_by_wrk
from tests.harness.lean import enabling

SECONDS, MORE_SECONDS = 20, 60


def main(*, full: bool = False) -> None:
    """Everything, in a temporary directory."""
    study = Study("request_parts", "What the parts of a request cost")
    arguments = enabling("in_parts")
    with tempfile.TemporaryDirectory() as home, ours(Path(home), arguments=arguments) as server:
        for path in PATHS:
            server.get("from-inside/parts")
            asked_by_wrk(server, path, CLIENTS[-1], seconds=MORE_SECONDS if full else SECONDS)
            found = server.get("from-inside/parts").json()
            study.add({CPU: found}, prefix=f"{path}: ")
            for name in [name for name in found if name != AS_IT_IS]:
                less = study.median(f"{path}: {CPU}", name) - study.median(f"{path}: {CPU}", AS_IT_IS)
                study.judge(f"{path}: {name} - {AS_IT_IS}, µs", less)
    study.report()


if __name__ == "__main__":
    main(full=is_full())
