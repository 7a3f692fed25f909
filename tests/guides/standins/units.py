"""What a stand-in for systemd has to know of a unit's file, and how it starts a process by it.

Runs inside a throw-away machine; standard library only. What it leaves out: tests/guides/__init__.py.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import resource
import shlex
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

FOLDERS = ("/etc/systemd/system", "/lib/systemd/system")
STATE = Path("/run/units")
JOURNAL = Path("/var/log/units")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


class Unit:
    """The file of a service, and what is known of its process."""

    def __init__(self, name: str, settings: dict[str, list[str]], file: Path | None = None) -> None:
        self.name = name
        self.file = file
        self._settings = settings
        self.pid_note = STATE / f"{name}.pid"
        self.log = JOURNAL / f"{name}.log"

    def all(self, key: str) -> list[str]:
        """Every value of a setting; an empty one voids those before it."""
        found: list[str] = []
        for value in self._settings.get(key, []):
            found = [*found, self._specified(value)] if value else []
        return found

    def get(self, key: str, default: str = "") -> str:
        """The last value of a setting."""
        return (self.all(key) or [default])[-1]

    def _specified(self, text: str) -> str:
        instance = self.name.partition("@")[2]
        known = {"i": instance, "I": instance.replace("-", "/"), "n": f"{self.name}.service", "%": "%"}
        return re.sub(r"%(.)", lambda match: known[match[1]], text)

    @property
    def main_pid(self) -> int:
        """Its main process; 0: there is none."""
        for note in (Path(self.get("PIDFile")) if self.get("PIDFile") else self.pid_note, self.pid_note):
            try:
                pid = int(note.read_text().split()[0])
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    return pid
            except (OSError, ValueError, IndexError):
                continue
        return 0

    @property
    def seconds_to_start(self) -> float:
        """As the unit gives it."""
        return float(self.get("TimeoutStartSec", "90").removesuffix("s")) or 90


def load(name: str) -> Unit:
    """The unit of that name, from its own file or from its template's."""
    bare = name.removesuffix(".service")
    template = re.sub(r"@.+", "@", bare)
    for file_name in (bare, template):
        for folder in FOLDERS:
            file = Path(folder, f"{file_name}.service")
            if file.is_file():
                text = file.read_text()
                for more in sorted(Path("/etc/systemd/system", f"{bare}.service.d").glob("*.conf")):
                    text += "\n" + more.read_text()
                return Unit(bare, parse(text), file)
    sys.exit(f"Unit {bare}.service could not be found.")


def parse(text: str) -> dict[str, list[str]]:
    """The settings of all sections: no two of them have one of the same name that matters here."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip() and line[0] not in "#;[":
            key, equals, value = line.partition("=")
            if not equals:
                sys.exit(f"not a line of a unit: {line}")
            found[key.strip()].append(value.strip())
    return found


def environment(unit: Unit) -> dict[str, str]:
    """What its processes have in their environment."""
    found = {"PATH": PATH, "LANG": "C.UTF-8"}
    if unit.get("User"):
        account = pwd.getpwnam(unit.get("User"))
        found |= {"USER": account.pw_name, "LOGNAME": account.pw_name}
        found |= {"HOME": account.pw_dir, "SHELL": account.pw_shell}
    words = [word for value in unit.all("Environment") for word in shlex.split(value)]
    for file in unit.all("EnvironmentFile"):
        if Path(file.lstrip("-")).exists():
            words += shlex.split(Path(file.lstrip("-")).read_text(), comments=True)
        elif not file.startswith("-"):
            sys.exit(f"{unit.name}: no file {file}")
    found |= dict(word.split("=", 1) for word in words)
    if unit.all("LoadCredential"):
        found["CREDENTIALS_DIRECTORY"] = str(credentials(unit))
    return found


def credentials(unit: Unit) -> Path:
    """What LoadCredential= names, in a folder that the account can read and not change."""
    folder = Path("/run/credentials", f"{unit.name}.service")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    account = pwd.getpwnam(unit.get("User", "root"))
    for value in unit.all("LoadCredential"):
        name, _, source = value.partition(":")
        (folder / name).write_bytes(Path(source).read_bytes())
        (folder / name).chmod(0o400)
        os.chown(folder / name, account.pw_uid, account.pw_gid)
    os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o500)
    return folder


def prepare(unit: Unit) -> None:
    """The folders and mounts that a unit asks for."""
    account = pwd.getpwnam(unit.get("User", "root"))
    for name in unit.get("RuntimeDirectory").split():
        folder = Path("/run", name)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(int(unit.get("RuntimeDirectoryMode", "755"), 8))
        os.chown(folder, account.pw_uid, account.pw_gid)
    for pair in unit.all("BindReadOnlyPaths"):
        source, _, target = pair.partition(":")
        if Path(source).exists() and not Path(target).exists():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            Path(target).touch()
            subprocess.run(["mount", "--bind", source, target], check=True)


def words(line: str, variables: dict[str, str]) -> list[str]:
    """A command as execve takes it: a variable in braces stays one word, one without is split."""
    found = []
    for word in shlex.split(line.lstrip("-+!:@")):
        if re.fullmatch(r"\$\w+", word):
            found += variables.get(word[1:], "").split()
        else:
            found.append(re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], ""), word))
    return found


def run(unit: Unit, line: str, variables: dict[str, str]) -> int:
    """One command of a unit; its status."""
    status = begin(unit, line, variables).wait(unit.seconds_to_start)
    return 0 if line.startswith("-") else status


def begin(unit: Unit, line: str, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """One command of a unit, under way."""
    return subprocess.Popen(
        words(line, variables), env=variables, start_new_session=True, **logged(unit), **who(unit)
    )


def who(unit: Unit) -> dict[str, object]:
    """The account, folder and limits of a unit's processes, as Popen takes them."""
    given: dict[str, object] = {"cwd": unit.get("WorkingDirectory", "/").lstrip("-")}
    if unit.get("User"):
        account = pwd.getpwnam(unit.get("User"))
        groups = [group.gr_gid for group in grp.getgrall() if account.pw_name in group.gr_mem]
        given |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    given["umask"] = int(unit.get("UMask", "0022"), 8)
    if unit.get("LimitCORE"):
        given["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return given


def logged(unit: Unit) -> dict[str, object]:
    """Its words go to the journal."""
    JOURNAL.mkdir(parents=True, exist_ok=True)
    return {"stdin": subprocess.DEVNULL, "stdout": unit.log.open("ab"), "stderr": subprocess.STDOUT}


def listener(unit: Unit) -> socket.socket:
    """The socket that sd_notify speaks to."""
    path = STATE / f"{unit.name}.notify"
    path.unlink(missing_ok=True)
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(path))
    path.chmod(0o666)
    heard.settimeout(unit.seconds_to_start)
    return heard
