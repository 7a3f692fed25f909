"""The first process of a throw-away machine: makes its file tree, then only buries the dead.

Started as root by machine.py in namespaces of its own (mounts, processes, network, host name), with the
standard library alone: first.py SCRATCH PATH…
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_OURS = ("opt/jupyter", "srv/jupyter", "etc/jupyter", "usr/local/etc/jupyter", "var/lib/jupyter")
"""What a machine that already runs Jupyter may have: the guides begin without."""
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _UP = 0x8913, 0x8914, 1


def mount(*words: str | Path) -> None:
    """One mount; it has to succeed."""
    subprocess.run(["mount", *map(str, words)], check=True)


def make_tree(scratch: Path, shown: list[Path]) -> Path:
    """All of this machine's files, and whatever is changed goes to memory."""
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", scratch)
    root, changes, work = (scratch / name for name in ("root", "changes", "work"))
    for folder in (root, changes, work):
        folder.mkdir()
    mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={changes},workdir={work}", root)
    mount("-t", "proc", "proc", root / "proc")
    for name, mode in (("dev", "755"), ("run", "755"), ("tmp", "1777")):
        mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", root / name)
    for path in shown:  # after those: a checkout can lie in /tmp
        show(root, path)
    for name in _OURS:
        shutil.rmtree(root / name, ignore_errors=True)
    make_devices(root / "dev")
    return root


def show(root: Path, path: Path) -> None:
    """A folder of the tests' own, where it is, also for other users than the one who made it."""
    for parent in reversed(path.parents):
        here = root / parent.relative_to("/")
        here.mkdir(exist_ok=True)
        if not here.stat().st_mode & 0o001:
            here.chmod(here.stat().st_mode | 0o001)
    here = root / path.relative_to("/")
    here.mkdir(exist_ok=True)
    mount("--bind", path, here)
    mount("-o", "remount,bind,ro", here)


def make_devices(dev: Path) -> None:
    """No device of the machine's but those that cannot be told apart."""
    for name in _DEVICES:
        (dev / name).touch()
        mount("--bind", f"/dev/{name}", dev / name)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    (dev / "shm").chmod(0o1777)
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", dev / "pts")
    for name, target in _LINKS.items():
        (dev / name).symlink_to(target)


def raise_loopback() -> None:
    """127.0.0.1 answers; there is no other network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags = struct.unpack("16sh", fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _UP))


def main(scratch: str, *shown: str) -> None:
    """Make it, say so, and stay."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    root = make_tree(Path(scratch), [Path(path) for path in shown])
    raise_loopback()
    socket.sethostname("guide")
    os.chroot(root)
    os.chdir("/")
    print("ready", flush=True)
    while True:
        signal.sigwait({signal.SIGCHLD})
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
