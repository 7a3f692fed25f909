"""The keyring file: where it lies, and under which conditions it is read (R40, R41)."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from ..core.sealing import BadKeyring, Keyring
from .errors import StoreRefused

CREDENTIAL = "jupyter-totp-keyring"
"""The name under which systemd hands the keyring over (LoadCredential=)."""

_LONGEST = 1 << 20


def locate(configured: Path | None, default: Path) -> Path:
    """The keyring's place: systemd's credential, else the configured path, else the default."""
    credential = _credential()
    if credential is not None and credential.exists():
        return credential
    return configured or default


def _credential() -> Path | None:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(directory) / CREDENTIAL if directory else None


def read(path: Path) -> Keyring | None:
    """The keyring, or None where there is no file. Raises StoreRefused for one that others could reach."""
    try:
        # O_NONBLOCK: a named pipe would hold the start until somebody writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreRefused(f"The keyring {path} is a symbolic link; put the file itself there.") from None
        raise StoreRefused(f"The keyring {path} cannot be read: {error.strerror}.") from None
    try:
        _insist_on_privacy(path, os.fstat(descriptor))
        text = os.read(descriptor, _LONGEST).decode("ascii", "replace")
    finally:
        os.close(descriptor)
    try:
        return Keyring.parse(text)
    except BadKeyring as bad:
        raise StoreRefused(f"The keyring {path} cannot be used: {bad}. Restore it from a backup.") from None


def create(path: Path) -> Keyring:
    """A new keyring, 0600 in a 0700 directory, on disk before this returns. Raises FileExistsError.

    Written aside, then linked: a process that starts at the same time, or after this one was killed, finds
    a whole keyring or none.
    """
    keyring = Keyring.generate()
    make_private_directory(path.parent)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(aside, flags, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(keyring.text())
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(aside)
    finally:
        aside.unlink()
    sync_directory(path.parent)
    return keyring


def make_private_directory(path: Path) -> None:
    """The directory, with those above it that are missing, each 0700 whatever the umask."""
    for missing in reversed([place for place in (path, *path.parents) if not place.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Make a new directory entry durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _insist_on_privacy(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StoreRefused(f"The keyring {path} is not a regular file.")
    if path == _credential():
        return  # systemd's own: it sees to owner and mode
    if status.st_uid not in (os.geteuid(), 0):
        raise StoreRefused(f"The keyring {path} belongs to another user. chown it to yourself.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise StoreRefused(f"The keyring {path} can be read by other users. Run: chmod 600 {path}")
    directory = path.parent.stat()
    if directory.st_mode & stat.S_IWOTH and not directory.st_mode & stat.S_ISVTX:
        raise StoreRefused(f"Everybody may write in {path.parent}. Run: chmod 700 {path.parent}")
    if directory.st_uid not in (os.geteuid(), 0):
        raise StoreRefused(f"The directory {path.parent} belongs to another user.")
