"""What stands on disk."""

from __future__ import annotations

import stat
from pathlib import Path


def mode_of(path: Path) -> int:
    """The permission bits of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def permissions_of(folder: Path) -> dict[str, int]:
    """The permission bits of everything in a folder, by relative path."""
    return {str(path.relative_to(folder)): mode_of(path) for path in sorted(folder.rglob("*"))}
