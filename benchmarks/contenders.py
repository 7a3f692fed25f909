"""Who is measured beside whom: our login, Jupyter's own (stock), and no check at all (floor).

Each is a real server in a process of its own, with the same extensions and one person signed in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import requests
from jupyter_server.auth import passwd

from benchmarks.crowd import MANY, fill
from tests.harness.backstage import backstage, cookie_name
from tests.harness.client import PASSWORD
from tests.harness.lean import LEAN, enabling
from tests.harness.server import JupyterServer

OURS, STOCK, FLOOR = "ours", "stock", "floor"
CROWDED = "ours, 100,000 live logins"
WITHOUT_OURS = "--ServerApp.jpserver_extensions=jupyter_totp_auth=False"

_INSIDE = Path(__file__).parent / "inside"
FLOOR_CONFIG = """\
from jupyter_server.auth.identity import IdentityProvider, User

READY = User(username="ada", name="Ada", display_name="Ada", initials="A", color="")

class Floor(IdentityProvider):
    token = ""
    def get_user(self, handler):
        return READY

c.ServerApp.identity_provider_class = Floor
"""


@dataclass
class Contender:
    """A server that runs, and what a request of somebody who is signed in carries."""

    name: str
    server: JupyterServer
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """With base_url, ending in a slash."""
        return self.server.url

    @property
    def pid(self) -> int:
        """Of the server itself."""
        assert self.server.process is not None
        return self.server.process.pid

    def cpu(self) -> float:
        """Seconds of processor that its process has used so far, kernels not counted."""
        return cpu_of(self.pid)

    def rss(self) -> float:
        """Resident memory now, in MiB."""
        return rss_of(self.pid)

    def forget_peak(self) -> None:
        """Begin anew to watch for the peak of its memory."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak(self) -> float:
        """The most resident memory since then, in MiB."""
        return rss_of(self.pid, "VmHWM")

    def get(self, path: str) -> requests.Response:
        """As somebody who is signed in."""
        answer = requests.get(self.url + path, headers=self.headers, timeout=600)
        answer.raise_for_status()
        return answer


class StockServer(JupyterServer):
    """Ready when Jupyter's own public route answers."""

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}api", timeout=2).ok
        except requests.RequestException:
            return False


def prepared(server: JupyterServer, *, lean: bool = True) -> JupyterServer:
    """The same for all: lean unless asked, and with the extension that measures from inside."""
    server.arguments = [*server.arguments, *(LEAN if lean else []), *enabling("from_inside")]
    server.environment = {**server.environment, "PYTHONPATH": str(_INSIDE)}
    return server


@contextmanager
def ours(home: Path, *, lean: bool = True, **options: object) -> Iterator[Contender]:
    """Our login, with one person signed in by both factors."""
    with prepared(JupyterServer(home, **options), lean=lean) as server, backstage(server) as behind:  # type: ignore[arg-type]
        behind.enrolled("ada")
        yield Contender(OURS, server, {"Cookie": cookies_of(behind.signed_in("ada").session)})


@contextmanager
def crowded(home: Path) -> Iterator[Contender]:
    """Ours, in whose memory stand the logins of 100,000 others."""
    with prepared(JupyterServer(home)) as server, backstage(server) as behind:
        behind.enrolled("ada")
        bearers = home / "bearers"
        bearers.write_text("\n".join(fill(behind.services, MANY)), encoding="utf-8")
        ada = Contender(CROWDED, server, {"Cookie": cookies_of(behind.signed_in("ada").session)})
        told = ada.get(f"from-inside/remember?bearers={quote(str(bearers))}")
        assert told.json()["live"] > MANY
        yield ada


@contextmanager
def stock(home: Path, *, lean: bool = True, more: str = "") -> Iterator[Contender]:
    """Jupyter's password, with its own hash, and its cookie. ``more``: configuration."""
    config = f"c.PasswordIdentityProvider.hashed_password = {passwd(PASSWORD)!r}\n{more}"
    server = prepared(StockServer(home, config=config, arguments=[WITHOUT_OURS]), lean=lean)
    with server:
        yield Contender(STOCK, server, {"Cookie": stock_cookie(server.url)})


def stock_cookie(url: str) -> str:
    """Sign in by Jupyter's own page."""
    with requests.Session() as session:
        page = session.get(f"{url}login", timeout=20)
        token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert token is not None
        form = {"_xsrf": token[1], "password": PASSWORD}
        answer = session.post(f"{url}login", data=form, timeout=20, allow_redirects=False)
        assert answer.status_code == requests.codes.found, answer.status_code
        return cookies_of(session)


def cookies_of(session: requests.Session) -> str:
    """The header that a browser would send."""
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


@contextmanager
def floor(home: Path, *, lean: bool = True, more: str = "") -> Iterator[Contender]:
    """A ready person for whoever asks: what a request costs without any check. ``more``: configuration."""
    with prepared(
        StockServer(home, config=FLOOR_CONFIG + more, arguments=[WITHOUT_OURS]), lean=lean
    ) as server:
        yield Contender(FLOOR, server, {"Cookie": f"{cookie_name(server.url)}={'A' * 43}; _xsrf={'A' * 70}"})


Start = Callable[[Path], AbstractContextManager[Contender]]
STARTS: dict[str, Start] = {OURS: ours, STOCK: stock, FLOOR: floor}


def cpu_of(pid: int) -> float:
    """Seconds of processor that a process has used so far, its children not counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_of(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process, in MiB; its peak as ``VmHWM``."""
    return int(Path(f"/proc/{pid}/status").read_text().partition(f"{field}:")[2].split()[0]) / 1024
