"""Django, in the two ways that people use it for a login: asked by Jupyter, and in front of it.

Asked: an identity provider that loads the Django session and its user on every request, in a thread. In
front: gunicorn with 2 processes of 8 threads, which forwards every request with an HTTP library. Both read
sessions and users from the site's database, by Django's own means. Neither has a second factor here, which
would make them no cheaper.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import WITHOUT_OURS, Contender, StockServer, cpu_of, prepared
from benchmarks.peers.kept import installed
from tests.services.ports import accepts, free_port
from tests.services.process import running

PROVIDER, FRONT = "Django asked", "Django in front"

_PACKAGES = ("Django>=5.2,<6", "gunicorn>=23")
_SITE = Path(__file__).parent / "django_site"
_CONFIG = """\
from bench_identity import DjangoIdentity
c.ServerApp.identity_provider_class = DjangoIdentity
"""


@contextmanager
def provider(home: Path) -> Iterator[Contender]:
    """Jupyter with the identity provider that asks Django."""
    site = _environment(home)
    server = prepared(StockServer(home, config=_CONFIG, arguments=[WITHOUT_OURS]))
    server.environment = _joined(server.environment, site)
    session = _session(site)
    with server:
        yield Contender(PROVIDER, server, {"Cookie": f"sessionid={session}"})


@dataclass
class Fronted(Contender):
    """Jupyter and the site before it, which is the one that is asked."""

    front: str = ""
    front_pid: int = 0

    @property
    def url(self) -> str:
        """The site's."""
        return self.front

    def cpu(self) -> float:
        """Of everything that a request goes through."""
        workers = Path(f"/proc/{self.front_pid}/task/{self.front_pid}/children").read_text().split()
        return sum(cpu_of(pid) for pid in (self.pid, self.front_pid, *map(int, workers)))


@contextmanager
def front(home: Path) -> Iterator[Contender]:
    """Jupyter with a token, and a Django site that knows it."""
    site, token, port = _environment(home), secrets.token_hex(24), free_port()
    server = prepared(StockServer(home, arguments=[WITHOUT_OURS]))
    server.environment = {**server.environment, "JUPYTER_TOKEN": token}
    session = _session(site)
    environment = {**os.environ, **site, "BENCH_JUPYTER": server.url, "BENCH_JUPYTER_TOKEN": token}
    options = ["--workers", "2", "--threads", "8", "--bind", f"127.0.0.1:{port}", "--chdir", str(_SITE)]
    command = [sys.executable, "-m", "gunicorn", *options, "bench_front:application"]
    with server, running(command, log=home / "gunicorn.log", env=environment) as process:
        process.wait_until(lambda: accepts(port), seconds=30)
        headers = {"Cookie": f"sessionid={session}"}
        yield Fronted(FRONT, server, headers, front=f"http://127.0.0.1:{port}/", front_pid=process.pid)


def _environment(home: Path) -> dict[str, str]:
    """What the site needs: Django, its own modules, and a place for its database."""
    home.mkdir(parents=True, exist_ok=True)
    found = installed("django", *_PACKAGES)
    return {
        "PYTHONPATH": os.pathsep.join((str(_SITE), found)),
        "BENCH_DJANGO_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "bench_settings",
    }


def _joined(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """Both, with both paths."""
    return {**one, **other, "PYTHONPATH": os.pathsep.join((one["PYTHONPATH"], other["PYTHONPATH"]))}


def _session(site: dict[str, str]) -> str:
    """The key of somebody's session."""
    command = [sys.executable, str(_SITE / "bench_person.py")]
    done = subprocess.run(command, env={**os.environ, **site}, capture_output=True, text=True, check=True)
    return done.stdout.strip()
