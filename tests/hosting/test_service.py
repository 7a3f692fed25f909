"""The unit of systemd: accepted by its own judge, tight, and wide enough for kernels and terminals."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from jupyter_totp_auth.hosting import KINDS, Deployment, Upstream, render
from tests.harness.backstage import backstage
from tests.harness.lean import lean
from tests.harness.server import JupyterServer
from tests.services import missing_is_skip, parts

SITE = Deployment("jupyter.example.org")
SOCKET = replace(SITE, upstream=Upstream.parse("unix:/run/jupyter/jupyter.sock"))


@pytest.fixture
def verify(tmp_path: Path) -> Callable[[str], str]:
    """What systemd itself has to say about the text of a unit."""
    with missing_is_skip():
        program = parts.find("systemd-analyze")
    (tmp_path / "bin").mkdir()
    jupyter = tmp_path / "bin" / "jupyter"
    jupyter.write_text("#!/bin/sh\n")
    jupyter.chmod(0o755)

    def ask(text: str) -> str:
        unit = tmp_path / "jupyter.service"
        here = text.replace("/opt/jupyter/bin/", f"{tmp_path}/bin/")
        unit.write_text(here)
        done = subprocess.run(
            [program, "verify", "--man=no", unit], capture_output=True, text=True, timeout=60, check=False
        )
        said = "".join(line for line in done.stderr.splitlines(keepends=True) if "jupyter" in line)
        return said + ("" if done.returncode == 0 else f"status {done.returncode}: {done.stderr}")

    return ask


@pytest.mark.parametrize(
    "deployment",
    [
        SITE,
        SOCKET,
        replace(SITE, home="/home/ada"),
        replace(SITE, upstream=Upstream(socket="/srv/proxy/jupyter.sock")),
    ],
    ids=["tcp", "socket", "in /home", "socket elsewhere"],
)
def test_systemd_accepts_the_unit(verify: Callable[[str], str], deployment: Deployment) -> None:
    assert verify(render(KINDS["systemd"], deployment)) == ""


def test_systemd_is_a_judge_that_finds_something(verify: Callable[[str], str]) -> None:
    text = render(KINDS["systemd"], SITE)
    assert "ProtectSystm" in verify(text.replace("ProtectSystem", "ProtectSystm"))
    assert "not executable" in verify(text.replace("/opt/jupyter/bin/jupyter", "/opt/jupyter/bin/none"))


def test_systemd_finds_little_to_object_to(tmp_path: Path) -> None:
    """Of 10; what is left is the network, which kernels are for."""
    with missing_is_skip():
        program = parts.find("systemd-analyze")
    unit = tmp_path / "jupyter.service"
    unit.write_text(render(KINDS["systemd"], SITE))
    asked = [program, "security", "--offline=true", "--threshold=25", "--no-pager", unit]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Traced(JupyterServer):
    """A server whose system calls are written down, with those of all that it starts."""

    strace: Path = Path("strace")

    @property
    def command(self) -> list[str]:
        return [str(self.strace), "-f", "-qq", "-o", str(self.home / "trace"), *super().command]


@pytest.mark.soak
def test_what_kernels_and_terminals_ask_of_the_system_is_allowed(tmp_path: Path) -> None:
    with missing_is_skip():
        strace, program = parts.find("strace"), parts.find("systemd-analyze")
    plain = lean(tmp_path)
    server = Traced(tmp_path, arguments=plain.arguments, environment=plain.environment, strace=strace)
    with server, backstage(server) as stage:
        stage.enrolled("ada")
        ada = stage.signed_in("ada")
        kernel = ada.kernel_socket(ada.start_kernel())
        code = "import subprocess; print(subprocess.run(['true']).returncode)"
        assert ada.execute(kernel, code, 60) == "0\n"
        terminal = ada.socket(f"terminals/websocket/{ada.start_terminal()}")
        terminal.send('["stdin", "ls -l | wc -l; stty size; echo $((6 * 7))-done\\r"]')
        while "42-done" not in terminal.recv():
            pass
    trace = (tmp_path / "trace").read_text(errors="replace")
    used = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)\(", trace, re.MULTILINE))
    assert "execve" in used
    filters = re.search(r"^SystemCallFilter=(.*)$", render(KINDS["systemd"], SITE), re.MULTILINE)
    assert filters is not None
    allowed = set().union(*(calls_of(name, program) for name in filters.group(1).split()))
    assert used - allowed == set()


def calls_of(group: str, program: Path) -> set[str]:
    """The system calls of a group of systemd's, with those of the groups in it."""
    asked = [program, "syscall-filter", "--no-pager", group]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout
    names = [line.strip() for line in said.splitlines()[1:]]
    found = {name for name in names if name and name[0] not in "@#"}
    return found.union(*(calls_of(name, program) for name in names if name.startswith("@")))
