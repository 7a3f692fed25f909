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
    """Whether somebody who is neither this user nor root may write there, or owns it."""
    status = _status(path)
    if status is None:
        return False
    by_group = bool(status.st_mode & stat.S_IWGRP) and _has_strangers(status)
    return bool(status.st_mode & stat.S_IWOTH) or by_group or _is_strangers(status)


def others_read(path: Path) -> bool:
    """The same for reading."""
    status = _status(path)
    if status is None:
        return False
    by_group = bool(status.st_mode & stat.S_IRGRP) and _has_strangers(status)
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


def _has_strangers(status: os.stat_result) -> bool:
    """Whether anybody is in a file's group but its owner, root and this user.

    Many systems make a group for each user, and Debian gives /usr/local to one that is empty.
    """
    trusted, users = {0, status.st_uid, os.geteuid()}, pwd.getpwall()
    try:
        members = set(grp.getgrgid(status.st_gid).gr_mem)
    except KeyError:
        members = set()
    names = {user.pw_name for user in users if user.pw_uid in trusted}
    return bool(members - names) or any(
        user.pw_gid == status.st_gid and user.pw_uid not in trusted for user in users
    )
