"""Threads for what must not stop the event loop: few for hashing, some for the store, both bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Busy(Exception):
    """The queue is full: 503 with Retry-After, nothing was evaluated."""


class BoundedPool:
    """At most ``threads`` calls at once and ``queue`` waiting; more are refused at once (ASVS 15.2.2)."""

    def __init__(self, name: str, *, threads: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"totp-{name}")
        self._limit = threads + queue
        self._inside = 0

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``call(...)`` in one of the threads. Raises Busy. To be awaited on the event loop's thread."""
        if self._inside >= self._limit:
            raise Busy
        self._inside += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: call(*args, **kwargs))
        finally:
            self._inside -= 1

    def stop(self) -> None:
        """Let the threads end when their work is done."""
        self._executor.shutdown(wait=False, cancel_futures=True)
