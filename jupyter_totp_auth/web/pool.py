"""Threads for what must not stop the event loop: few for hashing, some for the store, both bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Busy(Exception):
    """The queue is full, or what was asked does not get done in time: 503 with Retry-After."""


def _with_threads(name: str, threads: int, *, niceness: int = 0) -> ThreadPoolExecutor:
    """All threads from the beginning: where memory is short later, none can be started (N17)."""
    give_way = partial(_give_way, niceness)
    executor = ThreadPoolExecutor(threads, thread_name_prefix=f"totp-{name}", initializer=give_way)
    together = threading.Barrier(threads + 1)
    for _ in range(threads):
        executor.submit(together.wait)
    together.wait()
    return executor


def _give_way(niceness: int) -> None:
    """This thread's turn comes after the event loop's; the threads that argon2 makes inherit it.

    On Linux alone: elsewhere a thread has no niceness of its own, and the whole server would give way.
    """
    if niceness and sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)


class NiceThread:
    """One thread that gives way to everything else here, for what needs no Python: argon2 (decision 0020).

    For nothing that does: what gives way while it holds the interpreter's lock makes the event loop wait.
    """

    def __init__(self, name: str, niceness: int) -> None:
        self._executor = _with_threads(name, 1, niceness=niceness)

    def __call__(self, call: Callable[[], object]) -> object:
        """Its result, or what it raises. Calls take turns; to be made off the event loop."""
        return self._executor.submit(call).result()


class BoundedPool:
    """At most ``threads`` calls at once and ``queue`` waiting; more are refused at once (ASVS 15.2.2).

    Whatever has no result after ``patience`` seconds is given up: Busy. What had not begun by then never
    does: it would be done long after somebody was told that it was not.
    """

    def __init__(self, name: str, *, threads: int, queue: int, patience: float) -> None:
        self._executor = _with_threads(name, threads)
        self._limit = threads + queue
        self._patience = patience
        self._inside = 0

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``call(...)`` in one of the threads. Raises Busy. To be awaited on the event loop's thread."""
        if self._inside >= self._limit:
            raise Busy
        self._inside += 1
        work = self._executor.submit(call, *args, **kwargs)
        work.add_done_callback(partial(self._tell, asyncio.get_running_loop()))
        result = asyncio.wrap_future(work)
        try:
            done, _ = await asyncio.wait([result], timeout=self._patience)
        finally:  # nobody waits any more: never begun, or it ends unheard
            work.cancel()
            with contextlib.suppress(RuntimeError):  # the loop was closed under it: nobody is told
                result.cancel()
        if not done:
            raise Busy
        return result.result()

    def _tell(self, loop: asyncio.AbstractEventLoop, _work: Future[Any]) -> None:
        """In the thread: only now is its place free, however long ago whoever asked has gone."""
        with contextlib.suppress(RuntimeError):  # the loop was closed: there is nobody left to tell
            loop.call_soon_threadsafe(self._ended)

    def _ended(self) -> None:
        self._inside -= 1

    def stop(self) -> None:
        """Let the threads end when their work is done."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class HashPool:
    """A bounded pool whose queue lets those go first who have been in before, and keeps them places (R15).

    Of ``queue`` places strangers can fill all but ``reserved``; whoever is ``first`` may take any, and stands
    before all strangers. Whatever has no result after ``patience`` seconds is given up: Busy. All bookkeeping
    is done on the event loop's thread, so it needs no lock.
    """

    def __init__(self, name: str, *, threads: int, queue: int, reserved: int, patience: float) -> None:
        self._executor = _with_threads(name, threads)
        self._threads = self._idle = threads
        self.refused = 0
        """How often it raised Busy."""
        self._queue, self._reserved, self._patience = queue, reserved, patience
        self._first: deque[_Job] = deque()
        self._strangers: deque[_Job] = deque()
        self._hung: set[asyncio.Future[Any]] = set()

    @property
    def hangs(self) -> bool:
        """Whether a thread is still at something that was given up (N23)."""
        return bool(self._hung)

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return len(self._first) + len(self._strangers)

    @property
    def running(self) -> int:
        """How many threads are at work."""
        return self._threads - self._idle

    async def run(self, first: bool, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:  # noqa: FBT001
        """``call(...)`` in one of the threads. Raises Busy. To be awaited on the event loop's thread."""
        full = self.waiting >= self._queue
        if not first:
            full = full or len(self._strangers) >= self._queue - self._reserved
        if full and not self._idle:
            raise self._busy()
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = (partial(call, *args, **kwargs), result)
        line = self._first if first else self._strangers
        line.append(job)
        self._start()
        try:
            done, _ = await asyncio.wait([result], timeout=self._patience)
        finally:  # nobody waits any more: out of the queue, or it ends unheard
            begun = job not in line
            if not begun:
                line.remove(job)
        if not done:
            if begun:
                self._hung.add(result)
            raise self._busy()
        return result.result()

    def _busy(self) -> Busy:
        self.refused += 1
        return Busy()

    def _start(self) -> None:
        while self._idle and (self._first or self._strangers):
            call, result = (self._first or self._strangers).popleft()
            self._idle -= 1
            work = self._executor.submit(call)
            work.add_done_callback(partial(self._tell, result))

    def _tell(self, result: asyncio.Future[Any], work: Future[Any]) -> None:
        """In the thread: only now is it free, however long ago whoever asked has gone."""
        with contextlib.suppress(RuntimeError):  # the loop was closed: there is nobody left to tell
            result.get_loop().call_soon_threadsafe(self._ended, result, work)

    def _ended(self, result: asyncio.Future[Any], work: Future[Any]) -> None:
        self._idle += 1
        self._hung.discard(result)
        error = None if work.cancelled() else work.exception()
        if error is not None:
            result.set_exception(error)
            result.exception()  # where it was given up, nobody looks: that is no error of its own
        elif not work.cancelled():
            result.set_result(work.result())
        self._start()

    def stop(self) -> None:
        """Let the threads end when their work is done."""
        self._executor.shutdown(wait=False, cancel_futures=True)


_Job = tuple[Callable[[], Any], asyncio.Future[Any]]
