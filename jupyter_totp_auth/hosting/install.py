"""Puts a file where it belongs: what would change is shown first, what was there is kept."""

from __future__ import annotations

import difflib
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MODE = 0o644
"""For a file that is new: none of them holds a secret, and a proxy's user may have to read it."""


@dataclass(frozen=True)
class Installation:
    """A text and the file that shall hold it."""

    path: Path
    text: str

    @property
    def target(self) -> Path:
        """The file itself: a link, as in sites-enabled/, stays one."""
        return self.path.resolve()

    def before(self) -> str | None:
        """What stands there now; None: no such file. Raises OSError."""
        try:
            return self.target.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return None

    def diff(self) -> str:
        """What would change, as a unified diff; empty where nothing would. Raises OSError."""
        before = self.before()
        name = str(self.path)
        old = "/dev/null" if before is None else name
        lines = difflib.unified_diff(
            (before or "").splitlines(keepends=True), self.text.splitlines(keepends=True), old, name
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> Path | None:
        """Write it, all or nothing; where the file that was there is kept, if one was. Raises OSError."""
        target = self.target
        try:
            status = target.stat()
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, self.text.encode(), mode=_MODE, owner=None)
            return None
        backup = _free_name(target)
        mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
        _replace(backup, target.read_bytes(), mode=mode, owner=owner)
        _replace(target, self.text.encode(), mode=mode, owner=owner)
        return backup


def _free_name(path: Path) -> Path:
    """A name for the copy: with a number, since a name by the clock can be there already.

    Hidden names and other ends: no proxy reads ``*.conf.~1~`` beside ``*.conf``.
    """
    number = 1
    while (backup := path.with_name(f"{path.name}.~{number}~")).exists():
        number += 1
    return backup


def _replace(path: Path, content: bytes, *, mode: int, owner: tuple[int, int] | None) -> None:
    """The whole file or the old one, also where the power fails in between."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), *owner)
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
