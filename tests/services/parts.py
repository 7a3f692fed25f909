"""Which programs the tests use, where they are found, and which Debian package brings them.

Standard library only: `make test` reads this list before there is an environment.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

# A person's PATH on Debian has no sbin, where servers live.
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class Missing(Exception):
    """A part that this machine does not have, and what would bring it."""

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__(f"{name} ({remedy})")
        self.name = name
        self.remedy = remedy


@dataclass(frozen=True)
class Part:
    """A program of the machine: any of `programs` will do, wherever they are found."""

    name: str
    packages: tuple[str, ...]
    """Debian packages, all of them needed: the smallest that work."""
    programs: tuple[str, ...]
    folders: tuple[str, ...] = ()
    """Patterns of folders outside PATH; of several matches the highest version counts."""

    def find(self) -> Path:
        """Return the program; raise Missing with the package that brings it."""
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SBIN, *self._more_folders()))
        for program in self.programs:
            found = shutil.which(program, path=path)
            if found:
                return Path(found)
        raise Missing(self.name, f"apt package {' '.join(self.packages)}")

    def _more_folders(self) -> list[str]:
        found = [path for pattern in self.folders for path in Path("/").glob(pattern.lstrip("/"))]
        return [str(path) for path in sorted(found, key=_version, reverse=True)]


def _version(folder: Path) -> list[int]:
    return [int(part) for part in folder.parts if part.isdigit()]


PARTS = (
    Part(
        name="chromium",
        packages=("chromium",),
        programs=("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
    ),
    Part(name="nginx", packages=("nginx",), programs=("nginx",)),
    # Not apache2: that one also starts a server of its own, and its programs are all in this one.
    Part(name="apache", packages=("apache2-bin",), programs=("apache2", "httpd")),
    # Its folders, as a guide's reader has them; tools/apt_install.sh sees to it that nothing is started.
    Part(name="a2enmod", packages=("apache2",), programs=("a2enmod",)),
    Part(name="haproxy", packages=("haproxy",), programs=("haproxy",)),
    Part(name="caddy", packages=("caddy",), programs=("caddy",)),
    # The judge of the unit.
    Part(name="systemd-analyze", packages=("systemd",), programs=("systemd-analyze",)),
    Part(name="curl", packages=("curl",), programs=("curl",)),
    # What the guides' commands begin with, and what makes a certificate for them.
    Part(name="sudo", packages=("sudo",), programs=("sudo",)),
    Part(name="openssl", packages=("openssl",), programs=("openssl",)),
    Part(
        name="postgresql",
        packages=("postgresql",),
        # Not psql or initdb from PATH: Debian has a folder of server programs for each version.
        programs=("postgres",),
        folders=("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"),
    ),
    Part(
        name="mariadb",
        # Not mariadb-server: that one also starts a server of its own, at every boot.
        packages=("mariadb-server-core", "mariadb-client-core"),
        programs=("mariadbd",),
    ),
    Part(
        name="mariadb-install-db",
        packages=("mariadb-server-core", "mariadb-client-core"),
        programs=("mariadb-install-db",),
    ),
    # Its library moves the clock of a running server; tests/harness/clock.py asks the program where it is.
    Part(name="faketime", packages=("faketime",), programs=("faketime",)),
    # Makes system calls of a running server fail, from outside.
    Part(name="strace", packages=("strace",), programs=("strace",)),
    # Its own judge of filters; the service is not started.
    # Asks for one page again and again, for the benchmarks.
    Part(name="wrk", packages=("wrk",), programs=("wrk",)),
    Part(name="fail2ban", packages=("fail2ban",), programs=("fail2ban-regex",)),
)


def part(name: str) -> Part:
    """Return the part of that name."""
    return next(part for part in PARTS if part.name == name)


def find(name: str) -> Path:
    """Return the program of a part, or raise Missing."""
    return part(name).find()


def need_module(name: str, remedy: str) -> None:
    """Raise Missing where this Python has no such module."""
    if importlib.util.find_spec(name) is None:
        raise Missing(name, remedy)
