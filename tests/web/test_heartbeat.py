"""What is done again and again goes on, whatever happens to the wall clock and to the work."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from jupyter_totp_auth.web.heartbeat import Heartbeat

LOG = logging.getLogger("tests.web")


def beats(work: object, seconds: float = 0.4) -> None:
    async def run() -> None:
        heart = Heartbeat(work, 0.02, LOG)  # type: ignore[arg-type]
        heart.start()
        await asyncio.sleep(seconds)
        heart.stop()

    asyncio.run(run())


def test_a_clock_that_is_set_back_by_an_hour_does_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[float] = []
    real = time.time

    def work() -> None:
        done.append(real())
        if len(done) == 2:
            monkeypatch.setattr(time, "time", lambda: real() - 3600)

    beats(work)
    assert len(done) > 4


def test_work_that_fails_is_told_of_and_done_again(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)
        raise ValueError("mine")

    beats(work)
    assert len(done) > 4
    assert "mine" in caplog.text


def test_it_never_runs_beside_itself_and_ends_when_it_is_stopped() -> None:
    inside, most, done = 0, 0, 0

    async def work() -> None:
        nonlocal inside, most, done
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.05)
        inside -= 1
        done += 1

    beats(work)
    assert most == 1
    assert 1 < done < 9
