"""The last seconds of a server, in which its people's pages save their documents.

Nobody new gets in, health says so to a load balancer, and every open JupyterLab is told. It is over when
nobody has a socket open any more, or at the end of the time; a cell that runs is not waited for beyond it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .heartbeat import Heartbeat
from .hints import tell_of_the_stop
from .rim import Rim

_LOOK_EVERY = 0.25
_LOOKS = 4
"""So often in a row nobody is there: a page may be opening its socket anew."""


class Drain:
    """Begun once. On the event loop's thread."""

    def __init__(self, rim: Rim, end: Callable[[], Any]) -> None:
        self._rim, self._end = rim, end
        self._over_at = 0.0
        self._empty = 0
        self._heart: Heartbeat | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it has begun."""
        return self._heart is not None

    def begin(self, seconds: int) -> None:
        """Take no new logins, tell the pages, and call ``end`` when it is time."""
        rim = self._rim
        rim.stops_at = rim.services.clock() + seconds
        self._over_at = time.monotonic() + seconds
        self._heart = Heartbeat(self._look, _LOOK_EVERY, rim.log)
        if len(rim.sockets) == 0:
            self._stop()
            return
        tell_of_the_stop(rim.sockets)
        self._heart.start()

    def _look(self) -> None:
        self._empty = self._empty + 1 if len(self._rim.sockets) == 0 else 0
        if self._empty >= _LOOKS or time.monotonic() >= self._over_at:
            self._stop()

    def _stop(self) -> None:
        if self._heart is not None:
            self._heart.stop()
        self._end()
