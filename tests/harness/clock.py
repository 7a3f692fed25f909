"""The wall clock of servers and commands, moved from outside while they run: libfaketime and a file.

Nothing of the product knows of it. Only the wall clock is moved: event loops, timeouts and the
modification times of files stay true.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from tests.services import parts
from tests.services.parts import Missing

STEP = 30

# libfaketime 0.9.10 answers clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME), which is Python's time.sleep
# since 3.11, with EINVAL when the monotonic clock is not faked. select is left alone.
_SLEEP = """\
import select
import time


def sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


time.sleep = sleep
"""

_LOOK = "import time; time.sleep(0); print(time.time())"


class Clock:
    """A wall clock of one's own. Give ``environment`` to the processes that are to live by it.

    Raises parts.Missing where there is no libfaketime.
    """

    def __init__(self, folder: Path, *, first: str = "") -> None:
        """``first``: what the processes that live by it run before anything else."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "offset"
        self._offset = 0
        self._frozen: int | None = None
        (folder / "sitecustomize.py").write_text(_SLEEP + first)
        self.environment = {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Its "fix" breaks the timed waits of Python's GIL: threads took turns every 0.3 s.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
            "TZ": "UTC",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", "")))),
        }
        self._write(7 * 24 * 3600)
        self._check()
        self._write(0)

    def time(self) -> float:
        """What it shows, in seconds since the epoch."""
        return time.time() + self._offset if self._frozen is None else self._frozen

    def now(self) -> int:
        """What it shows, in whole seconds."""
        return int(self.time())

    @property
    def step(self) -> int:
        """The time step (RFC 6238) of now."""
        return self.now() // STEP

    def set(self, at: float) -> None:
        """Show ``at``, or less than a second more; a clock that runs runs on, one that stands stands."""
        if self._frozen is None:
            self._write(ceil(at - time.time()))
        else:
            self._stand(ceil(at))

    def move(self, seconds: int) -> None:
        """Jump ahead, or back; a clock that stands goes on standing."""
        if self._frozen is None:
            self._write(self._offset + seconds)
        else:
            self._stand(self._frozen + seconds)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Stand still, as far as it is not moved, and run on afterwards."""
        self._stand(self.now())
        try:
            yield
        finally:
            self._write(ceil(self.time() - time.time()))

    def start_of_step(self, ahead: int = 0) -> int:
        """Jump to the first second of this time step (``ahead`` of it); the step.

        What then takes less than 29 seconds happens in one and the same step.
        """
        step = self.step + ahead
        self.set(step * STEP + 1)
        return step

    def _write(self, offset: int) -> None:
        self._offset, self._frozen = offset, None
        self._put(f"{offset:+d}")

    def _stand(self, at: int) -> None:
        self._frozen = at
        # libfaketime reads this in the process's time zone, hence the TZ in the environment.
        self._put(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)))

    def _put(self, text: str) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{text}\n")
        fresh.replace(self._file)  # whole at any time: it is read at each look at the clock

    def _check(self) -> None:
        """A library that is not loaded is only a warning of the linker; here it is an error."""
        shown = subprocess.run(
            [sys.executable, "-c", _LOOK],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert abs(float(shown.stdout) - self.time()) < 60, f"the clock does not move: {shown}"


def _library() -> str:
    """The variant for programs with threads.

    Looked for, not asked of `faketime`: that fails where an older process of its id left a file in /dev/shm.
    """
    parts.find("faketime")
    for library in sorted(Path("/usr").glob("lib*/**/faketime/libfaketimeMT.so.1")):
        return str(library)
    raise Missing("faketime", "apt package faketime: its library is not there")
