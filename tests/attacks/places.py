"""Where rows of the attack list are run: on which database, and by how many processes that share it.

Several processes stand behind a load balancer that gives each request to the next of them: one browser, and
one pending login, are answered by all. Each listens on a loopback address of its own, all on one port, so
that they name their cookies alike (a cookie's name carries the port) without an option for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.backstage import wait_until
from tests.harness.lean import lean
from tests.harness.server import START_SECONDS, JupyterServer
from tests.services import missing_is_skip
from tests.services.nginx import running_nginx
from tests.services.ports import free_port

DATABASES = ("sqlite", "postgresql", "mariadb")


@dataclass(frozen=True)
class Place:
    """A kind of database, and a number of processes."""

    database: str = "sqlite"
    processes: int = 1

    def __str__(self) -> str:
        return f"{self.database}-{self.processes}"


HOME = Place()
"""Where everything runs."""

SINGLES = [Place(database, 1) for database in DATABASES if database != HOME.database]
FLEETS = [Place(database, 4) for database in DATABASES]

# "round robin" is what nginx does where nothing else is said. Headers and bodies pass as they came: the
# processes see the client's own X-Forwarded-For, from 127.0.0.1. A request is never sent a second time.
_BALANCER = """
upstream fleet {{ {processes} }}
map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
server {{
    listen 127.0.0.1:{port} backlog=1024;
    client_max_body_size 0;
    location / {{
        proxy_pass http://fleet;
        proxy_http_version 1.1;
        proxy_next_upstream off;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }}
}}
"""


@contextmanager
def fleet(
    home: Path, number: int, *, environment: dict[str, str], arguments: Sequence[str], url: str = ""
) -> Iterator[tuple[list[JupyterServer], str]]:
    """So many servers on one store and one keyring; and the address that is answered by them in turn."""
    store = home / "store"
    store.mkdir(mode=0o700)
    shared = {
        "JUPYTER_TOTP_DATABASE_URL": url or f"sqlite:///{store / 'totp.sqlite3'}",
        "JUPYTER_TOTP_KEY_FILE": str(store / "keyring"),
    }
    options: dict[str, Any] = {"environment": {**environment, **shared}, "arguments": list(arguments)}
    port = free_port()
    with ExitStack() as stack:
        servers = [
            lean(home / f"server-{turn}", ip=f"127.0.0.{turn}", port=port, **options)
            for turn in range(2, 2 + number)
        ]
        for server in servers:
            stack.callback(server.stop)
        servers[0].start()  # it makes the store
        for server in servers[1:]:
            server.launch()
        for server in servers[1:]:
            wait_until(server.is_ready, START_SECONDS, "the start")
        processes = " ".join(f"server {server.ip}:{port};" for server in servers)
        with missing_is_skip():
            stack.enter_context(running_nginx(_BALANCER.format(processes=processes, port=port), port=port))
        yield servers, f"http://127.0.0.1:{port}/"
