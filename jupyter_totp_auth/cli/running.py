"""The Jupyter servers of this user that run now, by the files that they leave in the runtime directory.

Not by jupyter_server's own function: it costs two seconds to import, deletes files, and takes any process
for the server that has its number by now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_WILDCARDS = ("0.0.0.0", "::", "*", "")  # noqa: S104 - recognised, not listened on
_LISTENING = "0A"
_TCP = ("/proc/net/tcp", "/proc/net/tcp6")
_UNIX = "/proc/net/unix"


@dataclass(frozen=True)
class RunningServer:
    """A server that was found."""

    pid: int
    port: int
    sock: str
    url: str | None
    """Where a browser on this machine reaches it, with base_url; None on a Unix socket."""

    @property
    def name(self) -> str:
        """What ``stop`` calls it by."""
        return self.sock or str(self.port)

    def is_alive(self) -> bool:
        """Whether its process is there, and not only waiting to be collected by its parent."""
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return not Path("/proc/self/stat").exists()
        return state.rpartition(")")[2].split()[0] not in "ZX"


def running_servers() -> list[RunningServer]:
    """Those of this user, the newest first."""
    from jupyter_core.paths import jupyter_runtime_dir

    files: list[tuple[float, Path]] = []
    for path in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        with suppress(OSError):
            status = path.stat()
            if status.st_uid == os.geteuid():
                files.append((status.st_mtime, path))
    found = (_read(path) for _, path in sorted(files, reverse=True))
    return [server for server in found if server and server.is_alive() and _listens(server)]


def _read(path: Path) -> RunningServer | None:
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        sock = str(info.get("sock") or "")
        url = None if sock else _reachable(str(info["url"]), str(info["hostname"]))
        return RunningServer(int(info["pid"]), int(info["port"]), sock, url)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # being written just now, or not what it looks like


def _reachable(url: str, address: str) -> str:
    """A server that listens everywhere writes its machine's name, which need not be known to anybody."""
    parts = urlsplit(url)
    if address in _WILDCARDS:
        parts = parts._replace(netloc=f"localhost:{parts.port}" if parts.port else "localhost")
    return f"{urlunsplit(parts._replace(query='', fragment='')).rstrip('/')}/"


def _listens(server: RunningServer) -> bool:
    """Whether this very process holds the server's socket.

    A server that was killed leaves its file behind, and its number may be another process's by now. Known
    on Linux only; elsewhere the file is believed.
    """
    if not Path(_TCP[0]).exists():
        return True
    mine = set(_sockets_of(server.pid))
    return any(inode in mine for inode in _listening(server))


def _sockets_of(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    yield target[len("socket:[") : -1]


def _listening(server: RunningServer) -> Iterator[str]:
    """The inodes of all sockets that listen on the server's port or path."""
    for table in (_UNIX,) if server.sock else _TCP:
        with suppress(OSError):
            for line in Path(table).read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
                fields = line.split()
                if server.sock:
                    if fields[-1] == server.sock:
                        yield fields[6]
                elif fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == server.port:
                    yield fields[9]
