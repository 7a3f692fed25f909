"""A throw-away machine: this one's programs and files, namespaces of its own, and nothing of it stays."""

from __future__ import annotations

import ctypes
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.services.keeping import keep_logs
from tests.services.parts import Missing
from tests.services.process import running

ROOT = Path(__file__).parents[2]
_STANDINS = Path(__file__).parent / "standins"
_NEW_NETWORK = 0x40000000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SAYS = "127.0.0.1"
_SECONDS = 120


@dataclass(frozen=True)
class Told:
    """What a block of commands has said, and how long it took."""

    block: str
    output: str
    seconds: float


@dataclass
class Machine:
    """A running one; `machine` starts it."""

    pid: int
    """Of its first process."""
    names: tuple[str, ...]
    """What is 127.0.0.1 for it, and for whoever visits it."""
    told: list[Told] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """Its files, seen from here."""
        return Path(f"/proc/{self.pid}/root")

    def file(self, path: str) -> Path:
        """One of its files, by the path that it has there."""
        return self.root / path.lstrip("/")

    def run(self, block: str, *, fails: bool = False, **environment: str) -> Told:
        """A block of commands, as root's shell runs it; it has to succeed, each line of it."""
        began = time.monotonic()
        done = subprocess.run(
            [*self._inside(**environment), "bash", "-eu", "-o", "pipefail", "-c", block],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            timeout=_SECONDS,
            check=False,
        )
        told = Told(block, done.stdout, time.monotonic() - began)
        self.told.append(told)
        assert (done.returncode != 0) == fails, f"status {done.returncode} of:\n{block}\n---\n{done.stdout}"
        return told

    def answer(self, block: str, *answers: str) -> str:
        """A block on a terminal, where whoever sits there answers what is asked; all that was shown."""
        command = [*self._inside(), "bash", "-eu", "-c", block]
        child, terminal = pty.fork()
        if child == 0:
            os.execvp(command[0], command)  # noqa: S606 - pty.fork() leaves nothing else
        shown, left = "", list(answers)
        with suppress(OSError):  # how a terminal ends
            while part := os.read(terminal, 65536).decode(errors="replace"):
                shown += part
                if left and shown.endswith(": "):
                    time.sleep(0.1)  # the question first, then the flush of what was typed too early
                    os.write(terminal, left.pop(0).encode() + b"\n")
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        assert status == 0, f"status {status} of:\n{block}\n---\n{shown}"
        return shown

    def _inside(self, **environment: str) -> list[str]:
        """What a command begins with that shall run on this machine, as root."""
        spaces = ("--mount", "--pid", "--net", "--uts")
        clean = ["env", "-i", "--chdir=/root", "HOME=/root", "USER=root", f"PATH={_PATH}", "LANG=C.UTF-8"]
        clean += [f"{name}={value}" for name, value in environment.items()]
        return ["nsenter", f"--target={self.pid}", *spaces, f"--root={self.root}", *clean]

    def said(self, words: str) -> str:
        """What the last block with these words in it has said."""
        return next(told.output for told in reversed(self.told) if words in told.block)

    def write(self, path: str, text: str) -> None:
        """A file that the guide lets a person make with an editor."""
        self.file(path).parent.mkdir(parents=True, exist_ok=True)
        self.file(path).write_text(text, encoding="utf-8")

    @contextmanager
    def visited(self) -> Iterator[None]:
        """Whoever connects from this thread does so on that machine's network, and knows its names."""
        ask = socket.getaddrinfo

        def answer(host: Any, *arguments: Any, **options: Any) -> Any:
            return ask(_SAYS if host in self.names else host, *arguments, **options)

        with ExitStack() as stack:
            home = stack.enter_context(Path("/proc/thread-self/ns/net").open("rb"))
            there = stack.enter_context(Path(f"/proc/{self.pid}/ns/net").open("rb"))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(socket, "getaddrinfo", answer)
            _enter(there.fileno())
            stack.callback(_enter, home.fileno())
            yield


def _enter(network: int) -> None:
    """This thread alone changes over."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(network, _NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def machine(folder: Path, *names: str) -> Iterator[Machine]:
    """Start one. Raises Missing where this system does not let us."""
    _insist_on_namespaces()
    scratch = folder / "scratch"
    scratch.mkdir()
    shown = dict.fromkeys((ROOT, Path(sys.prefix), Path(sys.base_prefix)))
    there = [str(path) for path in shown if not path.is_relative_to("/usr")]
    argv = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--"]
    argv += [sys.executable, "-I", str(Path(__file__).with_name("first.py")), str(scratch), *there]
    # Killed: unshare(1) turns a deaf ear to anything softer, and with it ends all that runs there.
    with running(argv, log=folder / "machine.log", stop=signal.SIGKILL) as first:
        first.wait_until(lambda: "ready" in first.output(), seconds=30)
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        found = Machine(int(children[0]), names)
        _furnish(found)
        try:
            yield found
        finally:
            for proxy in ("nginx", "apache2"):
                keep_logs(found.file(f"/var/log/{proxy}"))


def _insist_on_namespaces() -> None:
    remedy = "root, and a system that lets it have namespaces of its own"
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        raise Missing("a throw-away machine", remedy)
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "true"],
        capture_output=True,
        check=False,
    )
    if tried.returncode != 0:
        raise Missing("a throw-away machine", remedy)


def _furnish(new: Machine) -> None:
    """Its stand-ins, and the names that lead to it."""
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    packages = next(Path(sys.prefix).glob("lib/python3*/site-packages"))
    words = {"BASE": str(base), "TESTS_PACKAGES": str(packages), "TESTS": sys.prefix, "PYTHON": f"{base} -I"}
    new.write("/usr/local/lib/standins/units.py", (_STANDINS / "units.py").read_text())
    for standin in _STANDINS.iterdir():
        if standin.suffix or standin.is_dir():
            continue
        text = standin.read_text()
        for word in ("TESTS_PACKAGES", "TESTS", "BASE"):
            text = text.replace(word, words[word]) if standin.name == "python3" else text
        new.write(f"/usr/local/bin/{standin.name}", text.replace("#!PYTHON", f"#!{words['PYTHON']}"))
        new.file(f"/usr/local/bin/{standin.name}").chmod(0o755)
    shutil.copyfile(new.file("/usr/local/bin/apt"), new.file("/usr/local/bin/apt-get"))
    new.file("/usr/local/bin/apt-get").chmod(0o755)
    new.write("/etc/hosts", "127.0.0.1 localhost guide " + " ".join(new.names) + "\n")
    # Whatever this machine tells pip of mirrors: there is no network, and nothing is fetched.
    for folder in ("/root/.config/pip", "/root/.pip"):
        shutil.rmtree(new.file(folder), ignore_errors=True)
    new.write("/etc/pip.conf", "[global]\nno-index = true\ndisable-pip-version-check = true\n")
    new.write("/lib/systemd/system/syslogd.service", "[Service]\nExecStart=/usr/local/bin/syslogd\n")
    # systemd finds the main process by its control group.
    found = "[Service]\nPIDFile=/run/apache2/apache2.pid\n"
    new.write("/etc/systemd/system/apache2.service.d/found.conf", found)
    # What Debian's packages want below /run is made at each boot.
    new.run("mkdir -m 1777 /run/lock; systemd-tmpfiles --create --prefix=/run 2>&1 || true")
    new.run("systemctl start syslogd; until [ -S /dev/log ]; do sleep 0.05; done")
    new.run("if getent passwd jupyter; then userdel jupyter; fi")
