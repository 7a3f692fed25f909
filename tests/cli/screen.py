"""A terminal with somebody at it: a command on a pty of its own, that is read and typed into."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from typing_extensions import Self

from tests.cli.desk import COMMAND
from tests.harness.canary import note, note_shown

# The pty becomes the controlling terminal, so that /dev/tty and Ctrl-C are what they are for a person.
_IN_FRONT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
CTRL_C = "\x03"
CTRL_D = "\x04"


class Screen:
    """``with Screen("passwd", "ada", env=…) as screen:``."""

    def __init__(self, *words: str, env: dict[str, str]) -> None:
        self.text = ""
        self._read_up_to = 0
        self._master, slave = pty.openpty()
        command = [sys.executable, "-c", _IN_FRONT, *COMMAND, *words]
        full: dict[str, Any] = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **env}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=full, start_new_session=True
        )
        os.close(slave)

    def wait_for(self, words: str, seconds: float = 30) -> str:
        """What was printed up to and with ``words``, since the last wait."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.text.find(words, self._read_up_to)
            if found >= 0:
                start, self._read_up_to = self._read_up_to, found + len(words)
                return self.text[start : self._read_up_to]
            assert self._read(deadline), f"{words!r} did not come:\n{self.text}"

    def type(self, text: str, end: str = "\n") -> None:
        """Type a line: most are passwords."""
        note("password", text)
        os.write(self._master, (text + end).encode())

    def press(self, key: str) -> None:
        """Press Ctrl-C or Ctrl-D until the command ends.

        Python prints a prompt, then begins to read: a Ctrl-C in the instant between is only noticed with the
        next key. A person is never so quick.
        """
        for _ in range(10):
            self.type(key, end="")
            with suppress(subprocess.TimeoutExpired):
                self._read(time.monotonic() + 1)
                self.process.wait(2)
                return

    def finish(self, seconds: float = 30) -> int:
        """The exit status, once all was printed."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        return self.process.wait(max(deadline - time.monotonic(), 1))

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return False
        try:
            got = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.text += got.decode("utf-8", "replace")
        return bool(got)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self._master)
        note_shown(self.text)
