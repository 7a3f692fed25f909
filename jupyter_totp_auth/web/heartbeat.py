"""Work that is done again and again on the event loop, whatever the wall clock does."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


class Heartbeat:
    """``work`` every so many seconds, counted from the end of the last time.

    Not tornado's PeriodicCallback: that one goes by the wall clock, and where it is set back by an hour, does
    nothing for an hour. Logins would not be looked at meanwhile.
    """

    def __init__(self, work: Callable[[], Any], seconds: float, log: Any) -> None:
        self._work, self._seconds, self._log = work, seconds, log
        self._next: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. To be called on the running event loop."""
        self._next = asyncio.get_running_loop().call_later(self._seconds, self._beat)

    def stop(self) -> None:
        """Not once more; what is being done is done to its end."""
        if self._next is not None:
            self._next.cancel()
        self._next = None

    def _beat(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._once())

    async def _once(self) -> None:
        try:
            result = self._work()
            if inspect.isawaitable(result):
                await result
        except Exception:  # noqa: BLE001 - whatever it was, the next time counts
            self._log.exception("jupyter_totp_auth: work that is done every %s s failed", self._seconds)
        if self._next is not None:
            self.start()
