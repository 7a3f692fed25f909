"""D25, R17, D19: two hundred bogus logins a second, what those who work here notice, and what it leaves.

In every run a short one, with margins for a machine that has other things to do; `make soak` holds a whole
minute against the goals, and a million names against memory and table. The figures themselves:
python -m benchmarks.flood.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.flood import TRUSTED, Watch, flood, flooded, quantile
from tests.harness.backstage import backstage
from tests.harness.lean import lean

RATE = 200
MEMORY = 128
"""MiB: one hash at once is 64, two would be 128."""


def assert_held(watch: Watch) -> None:
    """Whoever is known gets in, strangers are told to wait, and no more than one hash is in memory."""
    assert set(watch.answers) <= {303, 429, 503}, watch.answers
    assert watch.answers[503] > watch.answers[303], "the queue is bounded"
    assert watch.growth < MEMORY


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_D25_a_short_flood_keeps_nobody_out_and_takes_no_memory(tmp_path: Path) -> None:
    watch = flooded(tmp_path, seconds=8, rate=RATE, people=3, quiet_seconds=0.5)
    watch.report()
    assert_held(watch)
    assert watch.logins, "a known browser got in meanwhile"
    assert len(watch.echoes) >= 3, "the kernel went on"


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_D25_a_minute_of_two_hundred_bogus_logins_a_second_meets_the_goals(tmp_path: Path) -> None:
    watch = flooded(tmp_path, seconds=60, rate=RATE, people=20, quiet_seconds=10)
    watch.report()
    assert_held(watch)
    assert len(watch.logins) == 19, "the twentieth works in the kernel"
    assert quantile(watch.echoes, 0.99) < 0.25
    assert quantile(watch.logins, 0.95) < 3


@pytest.mark.soak
@pytest.mark.timeout(3 * 3600)
def test_D19_a_million_names_from_a_million_addresses_leave_nothing_that_grows(tmp_path: Path) -> None:
    server = lean(tmp_path, arguments=[TRUSTED])
    with server, backstage(server) as behind:
        assert server.process is not None
        status = Path(f"/proc/{server.process.pid}/status")

        def rss() -> int:
            return int(status.read_text().partition("VmRSS:")[2].split()[0]) // 1024

        with flood(server.url, 30, RATE) as warm:
            time.sleep(30)
        before = rss()
        with flood(server.url, 5_000, RATE) as answers:
            time.sleep(5_000)
        time.sleep(5)
        assert answers.total() == 1_000_000
        assert set(answers + warm) <= {303, 429, 503}, answers
        assert rss() - before < 64
        ((rows,),) = behind.rows("SELECT count(*) FROM throttle")
        assert int(str(rows)) < 250_000, "bounded every ten minutes, and by what can be hashed between"
        assert server.database.stat().st_size < 200 << 20
