"""A real Jupyter server in a process of its own, in throw-away directories, on a free loopback port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests
from typing_extensions import Self

from tests.harness.canary import note, note_shown
from tests.services.ports import free_port

START_SECONDS = 60
_LINK = re.compile(r"enroll#([A-Za-z0-9_-]{43})")


@dataclass
class JupyterServer:
    """``with JupyterServer(tmp_path) as server:`` – started, ready, and stopped by its process id."""

    home: Path
    app: str = "server"
    base_url: str = "/"
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    config: str = ""
    """Text of jupyter_server_config.py."""
    ip: str = ""
    """The loopback address it listens on; default: Jupyter's own choice, and 127.0.0.1 is spoken to."""
    sock: Path | None = None
    port: int = 0
    python: str = sys.executable
    """The environment to run in."""
    certificate: Path | None = None
    """What the server shows, given to it by ``arguments``; its URL is then https."""
    browser: str = ""
    """A command line with ``%s``, opened at the start as a desktop's browser would be; default: none."""

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        self.log_path = self.home / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        for name in ("data", "config", "runtime", "root", "person"):
            (self.home / name).mkdir(parents=True, exist_ok=True)

    # -- places ------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """With base_url, ending in a slash."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{self.ip or '127.0.0.1'}:{self.port}{self.base_url}"

    @property
    def root(self) -> Path:
        """Where notebooks are."""
        return self.home / "root"

    @property
    def database(self) -> Path:
        """The default SQLite store."""
        return self.home / "data" / "totp" / "totp.sqlite3"

    @property
    def log(self) -> str:
        """Everything the server printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def env(self) -> dict[str, str]:
        """The environment for the server and for commands on its store."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
        return {
            **kept,
            # A terminal's shell would read the developer's profile, which can wait for anything.
            "HOME": str(self.home / "person"),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "JUPYTER_NO_CONFIG": "",
            "IPYTHONDIR": str(self.home / "ipython"),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    @property
    def command(self) -> list[str]:
        """What starts the server."""
        where = (
            [f"--ServerApp.sock={self.sock}"]
            if self.sock
            else [f"--port={self.port}", "--ServerApp.port_retries=0"]
        )
        return [
            self.python,
            "-m",
            "jupyter",
            self.app,
            f"--ServerApp.browser={self.browser}" if self.browser else "--no-browser",
            "--allow-root",
            f"--ServerApp.root_dir={self.root}",
            f"--ServerApp.base_url={self.base_url}",
            *where,
            *([f"--ServerApp.ip={self.ip}"] if self.ip else []),
            *self.arguments,
        ]

    # -- life --------------------------------------------------------------------------------------

    def launch(self) -> JupyterServer:
        """Start the process without waiting."""
        if self.config:
            (self.home / "config" / "jupyter_server_config.py").write_text(self.config)
        with self.log_path.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.root,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def start(self) -> JupyterServer:
        """Start, and wait until logins are served."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"the server ended by itself:\n{self.log}")
            if self.is_ready():
                return self
            time.sleep(0.1)
        self.stop()
        raise AssertionError(f"the server did not get ready:\n{self.log}")

    def is_ready(self) -> bool:
        """Whether logins are served."""
        if self.sock:
            return self.sock.exists()
        try:
            trusted = str(self.certificate) if self.certificate else True
            answer = requests.get(f"{self.url}api/totp/health", timeout=2, verify=trusted)
        except requests.RequestException:
            return False
        return answer.status_code == requests.codes.ok

    def run_to_the_end(self, seconds: float = START_SECONDS) -> int:
        """Start a server that is expected to refuse; its exit status. Fails where it goes on serving."""
        self.launch()
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.process.poll()
            if status is not None:
                return status
            if self._is_listening():
                self.stop()
                raise AssertionError(f"the server went on:\n{self.log}")
            time.sleep(0.1)
        self.stop()
        raise AssertionError(f"the server neither ended nor listened:\n{self.log}")

    def _is_listening(self) -> bool:
        return "is running at" in self.log

    def stop(self) -> None:
        """End the server and its kernels; nothing happens where it has ended already."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(15)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(15)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- first start -------------------------------------------------------------------------------

    def setup_code(self, seconds: float = 10) -> str:
        """The enrollment code of the newest set-up link that was printed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = _LINK.findall(self.log)
            if found:
                note("enrollment-code", *found)
                return found[-1]
            time.sleep(0.1)
        raise AssertionError(f"no set-up link was printed:\n{self.log}")

    def totp(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """``jupyter totp …`` on this server's store."""
        done = subprocess.run(
            [self.python, "-m", "jupyter", "totp", *arguments],
            env=self.env,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        note_shown(done.stdout)
        if "--password-stdin" in arguments:
            note("password", (stdin or "").rstrip("\n"))
        return done
