"""Who may read and write a file besides its owner."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


def others_reach(path: Path) -> bool:
    """Whether a file of secrets is not this user's alone, as a start asks. False where it is not there."""
    status = _status(path)
    return status is not None and (bool(status.st_mode & 0o077) or _is_strangers(status))


def others_write(path: Path) -> bool:
    """Whether somebody who is neither its owner nor root may write there, or owns it.

    A group that holds its owner alone, as many Linux make one for each user, is nobody else.
    """
    status = _status(path)
    if status is None:
        return False
    by_group = bool(status.st_mode & stat.S_IWGRP) and not _is_own_group(status)
    return bool(status.st_mode & stat.S_IWOTH) or by_group or _is_strangers(status)


def others_read(path: Path) -> bool:
    """The same for reading."""
    status = _status(path)
    if status is None:
        return False
    by_group = bool(status.st_mode & stat.S_IRGRP) and not _is_own_group(status)
    return bool(status.st_mode & stat.S_IROTH) or by_group


def is_own(path: Path) -> bool:
    """Whether this user may change it, at least after a chmod. Root, who may change all, is not meant."""
    status = _status(path)
    return status is not None and status.st_uid == os.geteuid() != 0


def with_parents(path: Path) -> Iterator[Path]:
    """A path and the folders above it: who may write in one of those can put another in its place."""
    yield path
    yield from path.absolute().parents


def listed(paths: Iterable[Path]) -> str:
    """For a sentence."""
    return ", ".join(map(str, paths))


def spelled(paths: Iterable[Path]) -> str:
    """For a command line."""
    from shlex import quote  # noqa: PLC0415 - for a finding only

    return " ".join(quote(str(path)) for path in paths)


def _status(path: Path) -> os.stat_result | None:
    """None where nothing is there. Raises OSError where nobody can tell."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_strangers(status: os.stat_result) -> bool:
    return status.st_uid not in (os.geteuid(), 0)


def _is_own_group(status: os.stat_result) -> bool:
    if status.st_gid == 0:
        return True
    try:
        group, owner = grp.getgrgid(status.st_gid), pwd.getpwuid(status.st_uid)
    except KeyError:
        return False
    return group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}
