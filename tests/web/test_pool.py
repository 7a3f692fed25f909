"""The queue for hashes: strangers never in all places, known browsers first, no leaks; and its niceness."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jupyter_totp_auth.web.pool import BoundedPool, Busy, HashPool, NiceThread


class Bench:
    """A pool whose calls last until they are let go, and what began in which order."""

    def __init__(self, *, threads: int = 2, queue: int = 16, reserved: int = 4, patience: float = 30) -> None:
        self.pool = HashPool("test", threads=threads, queue=queue, reserved=reserved, patience=patience)
        self.begun: list[str] = []
        self.at_once = self.most = 0
        self._turns = threading.Semaphore(0)
        self._lock = threading.Lock()

    def work(self, name: str) -> str:
        with self._lock:
            self.begun.append(name)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        assert self._turns.acquire(timeout=20)
        with self._lock:
            self.at_once -= 1
        return name

    def ask(self, name: str, *, first: bool = False) -> asyncio.Task[str]:
        return asyncio.ensure_future(self.pool.run(first, self.work, name))

    def let_go(self, count: int = 1) -> None:
        self._turns.release(count)

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)


def on_a_loop(test: Callable[[Bench], Coroutine[Any, Any, None]], **options: Any) -> None:
    bench = Bench(**options)
    try:
        asyncio.run(asyncio.wait_for(test(bench), 30))
    finally:
        bench.let_go(100)
        bench.pool.stop()


async def busy(task: asyncio.Task[str]) -> bool:
    await asyncio.sleep(0.01)
    return task.done() and isinstance(task.exception(), Busy)


def test_strangers_have_twelve_of_sixteen_places_and_known_browsers_go_first() -> None:
    async def test(bench: Bench) -> None:
        taken = [bench.ask(f"s{number}") for number in range(14)]
        await bench.until(lambda: len(bench.begun) == 2)
        assert not any(task.done() for task in taken)
        assert await busy(bench.ask("one too many"))
        known = [bench.ask(f"k{number}", first=True) for number in range(4)]
        assert await busy(bench.ask("known, but all is full", first=True))
        assert set(bench.begun) == {"s0", "s1"}, "no more at once than there are threads"
        bench.let_go(18)
        assert len(await asyncio.gather(*taken, *known)) == 18
        assert set(bench.begun[2:6]) == {f"k{number}" for number in range(4)}, "before all strangers"
        assert bench.most == 2

    on_a_loop(test)


def test_known_browsers_can_take_all_places() -> None:
    async def test(bench: Bench) -> None:
        known = [bench.ask(f"k{number}", first=True) for number in range(18)]
        await bench.until(lambda: len(bench.begun) == 2)
        assert await busy(bench.ask("stranger"))
        assert await busy(bench.ask("known", first=True))
        bench.let_go(18)
        assert await asyncio.gather(*known) == [f"k{number}" for number in range(18)]

    on_a_loop(test)


def test_what_hangs_is_given_up_and_its_thread_is_not_given_away_before_it_is_free() -> None:
    async def test(bench: Bench) -> None:
        hung = [bench.ask(f"h{number}", first=number > 0) for number in range(2)]
        queued = [bench.ask(f"q{number}") for number in range(12)]
        for task in (*hung, *queued):
            with pytest.raises(Busy):
                await task
        late = bench.ask("late", first=True)
        await asyncio.sleep(0.1)
        assert bench.begun == ["h0", "h1"], "both threads are still taken, and nobody else is let in"
        bench.let_go(1)
        await bench.until(lambda: len(bench.begun) == 3)
        bench.let_go(2)
        assert await late == "late"
        await bench.until(lambda: bench.pool._idle == 2)
        again = [bench.ask(f"a{number}") for number in range(14)]
        bench.let_go(14)
        assert len(await asyncio.gather(*again)) == 14, "all places are there again"
        assert bench.most == 2

    on_a_loop(test, patience=3)


def test_whoever_goes_away_leaves_the_queue() -> None:
    async def test(bench: Bench) -> None:
        tasks = [bench.ask(f"s{number}") for number in range(13)]
        await bench.until(lambda: len(bench.begun) == 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        bench.let_go(2)
        assert await bench.ask("next") == "next"
        assert bench.begun == ["s0", "next"]

    on_a_loop(test, threads=1)


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has no niceness of its own")
def test_what_hashes_gives_way_and_the_threads_that_it_makes_too_and_nobody_else() -> None:
    def nicenesses() -> list[int]:
        found: list[int] = []
        lane = threading.Thread(target=lambda: found.append(os.nice(0)))
        lane.start()
        lane.join()
        return [os.nice(0), *found]

    ours = os.nice(0)
    assert NiceThread("test", 3)(nicenesses) == [ours + 3, ours + 3]
    assert os.nice(0) == ours


def test_what_hashes_does_one_at_a_time_and_an_error_of_it_comes_out() -> None:
    at_once: list[int] = []
    most = 0

    def work() -> str:
        nonlocal most
        at_once.append(1)
        most = max(most, len(at_once))
        time.sleep(0.005)
        at_once.pop()
        return "done"

    def broken() -> None:
        raise ValueError("mine")

    thread = NiceThread("test", 0)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: thread(work), range(24))) == ["done"] * 24
    assert most == 1
    with pytest.raises(ValueError, match="mine"):
        thread(broken)


def test_an_error_comes_out_and_frees_its_thread() -> None:
    def broken() -> None:
        raise ValueError("mine")

    async def test(bench: Bench) -> None:
        for _ in range(5):
            with pytest.raises(ValueError, match="mine"):
                await bench.pool.run(False, broken)
        bench.let_go()
        assert await bench.ask("next") == "next"

    on_a_loop(test)


def test_the_store_is_not_waited_for_for_ever_and_what_had_not_begun_is_never_done() -> None:
    pool, door, done = BoundedPool("test", threads=1, queue=2, patience=1.5), threading.Event(), []

    def work(name: str) -> str:
        assert door.wait(20)
        done.append(name)
        return name

    async def test() -> None:
        asked = [asyncio.ensure_future(pool.run(work, name)) for name in ("begun", "queued", "third")]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await pool.run(work, "one too many")
        for task in asked:
            with pytest.raises(Busy):
                await task
        await asyncio.sleep(0.1)
        door.set()
        assert await pool.run(work, "after") == "after"
        assert done == ["begun", "after"]

    try:
        asyncio.run(asyncio.wait_for(test(), 30))
    finally:
        door.set()
        pool.stop()


def test_a_pool_whose_thread_is_still_at_what_was_given_up_says_so() -> None:
    async def test(bench: Bench) -> None:
        assert not bench.pool.hangs
        with pytest.raises(Busy):
            await bench.ask("hung")
        assert bench.pool.hangs
        bench.let_go()
        await bench.until(lambda: not bench.pool.hangs)

    on_a_loop(test, patience=0.2)


def test_a_loop_that_is_closed_under_a_call_is_no_error_of_ours(recwarn: pytest.WarningsRecorder) -> None:
    """As in a program that starts one server after the other: what waits there is dropped without a word."""
    pool, go_on = BoundedPool("test", threads=1, queue=1, patience=60), threading.Event()
    loop = asyncio.new_event_loop()
    call = pool.run(go_on.wait)

    async def begin() -> None:
        call.send(None)

    loop.run_until_complete(begin())
    loop.close()
    call.close()
    go_on.set()
    pool.stop()
