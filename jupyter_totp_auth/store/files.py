"""Files that only their owner may reach: how they are made, and what is refused (R41, M02, N14)."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from .errors import StoreRefused

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"nfs4?|cifs|smb[23]?|smbfs|ncpfs|afs|ceph|lustre|glusterfs|davfs|vboxsf|"
    r"fuse\.(sshfs|glusterfs|ceph|davfs2?|rclone|s3fs|smbnetfs|curlftpfs)"
)
"""Not 9p: some container runtimes give the whole of a local disk as 9p, and its locks work there."""


def make_private_directory(path: Path) -> None:
    """The directory, with those above it that are missing, each 0700 whatever the umask."""
    for missing in reversed([place for place in (path, *path.parents) if not place.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def make_private_file(path: Path) -> None:
    """An empty file for SQLite, 0600 whatever the umask, in a 0700 directory (R41).

    SQLite gives its -wal and -shm files the mode of the database.
    """
    make_private_directory(path.parent)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)


def sync_directory(path: Path) -> None:
    """Make a new directory entry durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def insist_on_privacy(what: str, path: Path, status: os.stat_result) -> None:
    """Refuse a file that others own, can reach, or can put another one in the place of.

    ``what`` is what a person calls it. Root's will do: whoever is root needs no file.
    """
    if status.st_uid not in (os.geteuid(), 0):
        raise StoreRefused(f"The {what} {path} belongs to another user: do this as that user, or chown it.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise StoreRefused(f"The {what} {path} can be read by other users. Run: chmod 600 {path}")
    directory = path.parent.stat()
    if directory.st_mode & stat.S_IWOTH and not directory.st_mode & stat.S_ISVTX:
        raise StoreRefused(f"Everybody may write in {path.parent}. Run: chmod 700 {path.parent}")
    if directory.st_uid not in (os.geteuid(), 0):
        raise StoreRefused(f"The directory {path.parent} belongs to another user.")


def insist_on_local_disk(path: Path) -> None:
    """Refuse SQLite on a network filesystem: its locks, and the memory of its WAL, do not hold there."""
    kind = _filesystem(path)
    if _NETWORK.fullmatch(kind):
        raise StoreRefused(
            f"The account store {path} would lie on a network filesystem ({kind}), where SQLite loses data. "
            "Set TotpAuth.database_url to a file on a local disk, or to PostgreSQL or MariaDB."
        )


def _filesystem(path: Path) -> str:
    """The type of the filesystem that ``path`` is on, or would be; empty where nobody can tell."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    real, found = path.resolve(), (Path(), "")
    for line in lines:  # of mounts over each other the last one counts
        before, _, after = line.partition(" - ")
        place = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4]))
        if real.is_relative_to(place) and len(place.parts) >= len(found[0].parts):
            found = (place, after.split(" ")[0])
    return found[1]
