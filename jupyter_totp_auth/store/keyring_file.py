"""The keyring file: where it lies, and under which conditions it is read (R40, R41)."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ..core.sealing import BadKeyring, Keyring
from .errors import StoreRefused

CREDENTIAL = "jupyter-totp-keyring"
"""The name under which systemd hands the keyring over (LoadCredential=)."""


def locate(configured: Path | None, default: Path) -> Path:
    """The keyring's place: systemd's credential, else the configured path, else the default."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory and (Path(directory) / CREDENTIAL).exists():
        return Path(directory) / CREDENTIAL
    return configured or default


def read(path: Path) -> Keyring | None:
    """The keyring, or None where there is no file. Raises StoreRefused for one that others could reach."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreRefused(f"The keyring {path} is a symbolic link; put the file itself there.") from None
        raise StoreRefused(f"The keyring {path} cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        _insist_on_privacy(path, os.fstat(file.fileno()))
        text = file.read()
    try:
        return Keyring.parse(text)
    except BadKeyring as bad:
        raise StoreRefused(f"The keyring {path} cannot be used: {bad}. Restore it from a backup.") from None


def create(path: Path) -> Keyring:
    """A new keyring, 0600 in a 0700 directory, on disk before this returns. Never replaces a file."""
    keyring = Keyring.generate()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(keyring.text())
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)
    return keyring


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
    if os.fspath(path).startswith(os.environ.get("CREDENTIALS_DIRECTORY") or "\0"):
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
