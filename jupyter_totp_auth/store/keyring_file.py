"""The keyring file: where it lies, and under which conditions it is read (R40, R41)."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from ..core.sealing import BadKeyring, Keyring
from .errors import StoreRefused
from .files import insist_on_privacy, make_private_directory, sync_directory

CREDENTIAL = "jupyter-totp-keyring"
"""The name under which systemd hands the keyring over (LoadCredential=)."""

_LONGEST = 1 << 20
_ASIDE = re.compile(r"\.[0-9a-f]{16}")


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
        _insist_on_safety(path, os.fstat(descriptor))
        text = os.read(descriptor, _LONGEST).decode("ascii", "replace")
    finally:
        os.close(descriptor)
    try:
        return Keyring.parse(text)
    except BadKeyring as bad:
        raise StoreRefused(f"The keyring {path} cannot be used: {bad}. Restore it from a backup.") from None


class LiveKeyring:
    """The keyring as its file has it now: ``jupyter totp rekey`` reaches a running process so.

    A look at the file costs a microsecond. One that is gone or may not be read changes nothing here: the
    next start says so, and until then what is known goes on opening.
    """

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self._path = path
        self._known: tuple[tuple[int, ...] | None, Keyring] = (None, keyring)

    def __call__(self) -> Keyring:
        """The newest keyring."""
        seen, keyring = self._known
        now = _version(self._path)  # before reading: what changes in between is read the next time
        if now is not None and now != seen:
            with suppress(StoreRefused):
                keyring = read(self._path) or keyring
            self._known = (now, keyring)
        return keyring


def _version(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode


def create(path: Path) -> Keyring:
    """A new keyring, 0600 in a 0700 directory, on disk before this returns. Raises FileExistsError.

    Written aside, then linked: a process that starts at the same time, or after this one was killed, finds
    a whole keyring or none.
    """
    keyring = Keyring.generate()
    make_private_directory(path.parent)
    aside = _aside(path)
    try:
        _write_new(aside, keyring, 0o600)
        path.hardlink_to(aside)
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(path.parent)
    return keyring


def replace(path: Path, keyring: Keyring) -> None:
    """Put ``keyring`` in the file's place, with its owner and mode, on disk before this returns.

    One rename: whoever reads, or is killed, finds the old keyring or the new one. Raises StoreRefused where
    the file cannot be changed; it is then as it was.
    """
    if path == _credential():
        raise StoreRefused(
            f"The keyring {path} is a credential of systemd, which nobody can change in place. Stop the "
            "service, do this with TotpAuth.key_file set to the file that the credential is made of, and "
            "start the service."
        )
    aside = _aside(path)
    try:
        before = path.lstat()
        _write_new(aside, keyring, stat.S_IMODE(before.st_mode), (before.st_uid, before.st_gid))
        aside.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StoreRefused(
            f"The keyring {path} cannot be changed: {error.strerror}. Do this as its owner, and with its "
            "directory writable; where it is mounted read-only, change the file that it comes from."
        ) from None
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove what a :func:`create` or :func:`replace` left beside the keyring when it was killed."""
    for left in path.parent.glob(f".{path.name}.*"):
        if _ASIDE.fullmatch(left.name.removeprefix(f".{path.name}")):
            with suppress(OSError):
                left.unlink()


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _write_new(path: Path, keyring: Keyring, mode: int, owner: tuple[int, int] | None = None) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
        if owner is not None and owner != (os.geteuid(), os.getegid()):
            os.fchown(file.fileno(), *owner)
        os.fchmod(file.fileno(), mode)
        file.write(keyring.text())
        file.flush()
        os.fsync(file.fileno())


def _insist_on_safety(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StoreRefused(f"The keyring {path} is not a regular file.")
    if path == _credential():
        return  # systemd's own: it sees to owner and mode
    insist_on_privacy("keyring", path, status)
