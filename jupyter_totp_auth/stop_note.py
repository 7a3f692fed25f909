"""How long a server waits for its people, as ``jupyter totp stop`` says it: a file beside Jupyter's own.

For the rims: one writes the note and sends SIGTERM, the other takes it. A signal carries no number.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

LONGEST = 3600
"""Seconds."""


def write(pid: int, seconds: int) -> None:
    """For the process ``pid``, at its next SIGTERM. Raises OSError."""
    from jupyter_core.paths import secure_write  # noqa: PLC0415 - slow, and the help of the verb needs none of it

    with secure_write(str(_place(pid))) as note:
        note.write(str(seconds))


def take(pid: int) -> int | None:
    """What was written for it, once; None: nothing that could be meant."""
    try:
        text = _place(pid).read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    finally:
        drop(pid)
    counts = text.isascii() and text.isdigit() and int(text) <= LONGEST
    return int(text) if counts else None


def drop(pid: int) -> None:
    """Take it away, if it is still there."""
    with suppress(OSError):
        _place(pid).unlink()


def _place(pid: int) -> Path:
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415 - as above

    return Path(jupyter_runtime_dir()) / f"totp-stop-{pid}"
