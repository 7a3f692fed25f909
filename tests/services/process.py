"""One child process: started in its own group, waited for, its output kept, and surely ended."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.services.keeping import keep_logs


class DidNotStart(Exception):
    """The process ended or stayed silent before it was ready; the message has its last words."""


@dataclass(frozen=True)
class Account:
    """The system account a service runs as; without a uid: as ourselves."""

    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    @property
    def groups(self) -> list[int] | None:
        """The further groups of a process of this account: none of root's."""
        return None if self.uid is None else []


MYSELF = Account()


def unprivileged(*names: str) -> Account:
    """Return the first of these system accounts where the tests run as root, else ourselves.

    PostgreSQL refuses to run as root, and no test server should have to.
    """
    if os.geteuid() != 0:
        return MYSELF
    for name in (*names, "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DidNotStart("root found no unprivileged account to run a service as, not even `nobody`")


@contextmanager
def folder(prefix: str, account: Account = MYSELF) -> Iterator[Path]:
    """Give a folder that belongs to `account` and is removed at the end.

    As root in /tmp, not below TMPDIR: another account must be able to reach it. The path is short,
    since a Unix socket's path may have no more than 107 bytes.
    """
    place = "/tmp" if os.geteuid() == 0 else None
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    try:
        account.own(path)
        yield path
    finally:
        keep_logs(path)
        shutil.rmtree(path, ignore_errors=True)


class Process:
    """A running child; use `running` to start one."""

    def __init__(self, child: subprocess.Popen[bytes], log: Path, stop: signal.Signals) -> None:
        self._child = child
        self._stop = stop
        self.log = log

    @property
    def pid(self) -> int:
        """The id of the child, which is also the id of its process group."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._child.poll()

    def output(self) -> str:
        """Everything it has written so far, standard error included."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def last_words(self, lines: int = 30) -> str:
        """The end of the output."""
        return "\n".join(self.output().splitlines()[-lines:])

    def wait(self, seconds: float) -> int:
        """Return the exit status; subprocess.TimeoutExpired if it still runs after `seconds`."""
        return self._child.wait(seconds)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Poll `ready`; raise DidNotStart when the child ends first, or when the time is over."""
        end = time.monotonic() + seconds
        while not ready():
            if self.returncode is not None:
                raise DidNotStart(f"ended with {self.returncode}:\n{self.last_words()}")
            if time.monotonic() > end:
                raise DidNotStart(f"not ready after {seconds:g} s:\n{self.last_words()}")
            time.sleep(0.03)

    def stop(self, *, grace: float = 8) -> None:
        """End the group: politely, then surely. Only ever by the id of the group we started."""
        if self.returncode is None:
            self._signal(self._stop)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(grace)
        # Also after a polite end: a grandchild may have stayed behind.
        self._signal(signal.SIGKILL)
        self._child.wait(grace)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    account: Account = MYSELF,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[Process]:
    """Run a program until the end of the block, in its own process group, its output in `log`.

    Start it from a thread that lives as long as the service (pytest's main thread does): the child
    is told to end with the thread that started it, so that a killed test run leaves nothing behind.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*_end_with_us(stop), *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=None if env is None else dict(env),
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
            start_new_session=True,
        )
    process = Process(child, log, stop)
    try:
        yield process
    finally:
        process.stop()


def run_to_end(argv: Sequence[str | Path], *, home: Path, account: Account = MYSELF) -> None:
    """Run a program that prepares something in `home`; DidNotStart with its words if it fails."""
    done = subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
        cwd=home,
        env=plain_environment(home),
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
    )
    if done.returncode != 0:
        raise DidNotStart(f"{argv[0]} ended with {done.returncode}:\n{done.stdout}")


def plain_environment(home: Path) -> dict[str, str]:
    """An environment that says the same on every machine; nothing of the developer's own."""
    return {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TMPDIR": str(home),
        "TZ": "UTC",
    }


def _end_with_us(number: signal.Signals) -> list[str]:
    """The prefix that has Linux end the child when we die without a word (SIGKILL)."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    return [setpriv, "--pdeathsig", number.name.removeprefix("SIG"), "--"]
