"""JupyterHub with NativeAuthenticator, its second factor, and its proxy; and a person's server behind it.

Installed once, into an environment of its own and never beside us; the versions are those that work together
(on JupyterHub 6 every login of this NativeAuthenticator is a 500).
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyotp
import requests

from benchmarks.contenders import cookies_of, cpu_of
from benchmarks.login_load import Browser, token_in
from tests.harness.client import PASSWORD, STEP, Phone
from tests.services.ports import free_port

SINGLE_USER = "JupyterHub's single-user server"

FOLDER = Path(__file__).parents[2] / ".bench" / "hub"
_HUB = ("jupyterhub==5.5.4", "jupyterhub-nativeauthenticator==1.3.0", "jupyterlab==4.6.6")
_PROXY = "configurable-http-proxy@5.3.0"
_READY_WITHIN = 60
_SPAWNED_WITHIN = 60
_FOUND = 302
_NAME = "ada"

_CONFIG = """\
import nativeauthenticator
c.JupyterHub.authenticator_class = "native"
c.JupyterHub.template_paths = [nativeauthenticator.__path__[0] + "/templates/"]
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.db_url = "sqlite:///{home}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{home}/cookie-secret"
c.ConfigurableHTTPProxy.pid_file = "{home}/proxy.pid"
c.NativeAuthenticator.open_signup = True
c.NativeAuthenticator.allow_2fa = True
c.Authenticator.allow_all = True
c.Spawner.args = ["--allow-root"]
"""


@dataclass
class Hub:
    """A hub that runs, and somebody's account there."""

    url: str
    phone: Phone
    process: subprocess.Popen[bytes]

    async def log_in(self) -> None:
        """Its one page takes password and code together."""
        browser = Browser(self.url)
        form = {"_xsrf": token_in(await browser.get("hub/login")), "username": _NAME, "password": PASSWORD}
        answer = await browser.post("hub/login", {**form, "2fa": self.phone.code()})
        assert answer.code == _FOUND, (answer.code, answer.body)

    def cpu(self) -> float:
        """Seconds of processor so far, of the hub and of its proxy."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return sum(cpu_of(one) for one in (pid, *map(int, children)))

    def wait_for_time(self, seconds: float) -> None:
        """Until a code will be good for so long: it takes none of a step ago, even if it let one wait."""
        left = STEP - self.phone.clock() % STEP
        if left < seconds:
            time.sleep(left)


@dataclass
class SingleUser:
    """Somebody's server behind the hub's proxy, and what a request of theirs carries."""

    hub: Hub
    headers: dict[str, str]
    name: str = SINGLE_USER

    @property
    def url(self) -> str:
        """With its base_url, ending in a slash."""
        return f"{self.hub.url}user/{_NAME}/"

    def cpu(self) -> float:
        """Seconds of processor so far, of everything that a request goes through: it is the hub's child."""
        return self.hub.cpu()


@contextmanager
def single_user(home: Path) -> Iterator[SingleUser]:
    """A hub, and its one person's server, signed in to by the hub's pages."""
    with hub(home) as running, requests.Session() as session:
        page = session.get(f"{running.url}hub/login", timeout=30)
        form = {"_xsrf": token_in(page.text), "username": _NAME, "password": PASSWORD}
        form["2fa"] = running.phone.code()
        session.post(f"{running.url}hub/login", data=form, timeout=30).raise_for_status()
        session.get(f"{running.url}hub/spawn/{_NAME}", timeout=30).raise_for_status()
        deadline, lab = time.monotonic() + _SPAWNED_WITHIN, f"{running.url}user/{_NAME}/lab"
        while session.get(lab, timeout=30).url != lab:  # until then its pages lead to the one that waits
            assert time.monotonic() < deadline, (home / "hub.log").read_text(encoding="utf-8")
            time.sleep(0.2)
        yield SingleUser(running, {"Cookie": cookies_of(session)})


def install() -> None:
    """Once; a mark says that it was done to the end."""
    mark = FOLDER / "installed"
    wanted = "\n".join((*_HUB, _PROXY, ""))
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return
    print("Installing JupyterHub into .bench/hub, once", file=sys.stderr)
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER / "venv")], check=True)
    pip = [
        str(FOLDER / "venv" / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    subprocess.run([*pip, *_HUB], check=True)
    npm = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(FOLDER), _PROXY]
    subprocess.run(npm, check=True)
    mark.write_text(wanted, encoding="utf-8")


@contextmanager
def hub(home: Path) -> Iterator[Hub]:
    """Started, with an account that has both factors; ended with its proxy."""
    install()
    home.mkdir(parents=True, exist_ok=True)
    port, hub_port, proxy_port = free_port(), free_port(), free_port()
    config = home / "jupyterhub_config.py"
    text = _CONFIG.format(port=port, hub_port=hub_port, proxy_port=proxy_port, home=home)
    config.write_text(text, encoding="utf-8")
    url = f"http://127.0.0.1:{port}/"
    programs = (FOLDER / "venv" / "bin", FOLDER / "node_modules" / ".bin")
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTHON"))}
    with (home / "hub.log").open("ab") as output:
        process = subprocess.Popen(
            [FOLDER / "venv" / "bin" / "jupyterhub", "-f", config],
            cwd=home,
            env={**kept, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_ready(f"{url}hub/health", process, home)
        yield Hub(url, _sign_up(url, home), process)
    finally:
        process.terminate()  # it ends its proxy itself
        process.wait(30)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise AssertionError((home / "hub.log").read_text(encoding="utf-8"))


def _sign_up(url: str, home: Path) -> Phone:
    """By its own page; the phone."""
    with requests.Session() as session:
        page = session.get(f"{url}hub/signup", timeout=30)
        form = {
            "_xsrf": token_in(page.text),
            "username": _NAME,
            "signup_password": PASSWORD,
            "signup_password_confirmation": PASSWORD,
            "2fa": "on",
        }
        session.post(f"{url}hub/signup", data=form, timeout=30).raise_for_status()
    secret = pyotp.random_base32()
    with closing(sqlite3.connect(home / "hub.sqlite")) as store, store:
        row = store.execute("SELECT is_authorized, has_2fa, password FROM users_info").fetchone()
        # Its own have 80 bits, and pyotp refuses to make codes of so few.
        store.execute("UPDATE users_info SET otp_secret = ?", (secret,))
    assert row is not None, "the account was not made"
    assert row[:2] == (1, 1), row
    assert re.match(rb"\$2b\$12\$", row[2]), "bcrypt, 12"
    return Phone(secret)
