"""Four servers on one store and one keyring, as four processes of one service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

from tests.attacks.stage import Stage, store_of
from tests.harness.backstage import wait_until
from tests.harness.clock import Clock
from tests.harness.lean import lean
from tests.harness.server import START_SECONDS, JupyterServer
from tests.services import missing_is_skip

Fleet: TypeAlias = tuple[Stage, list[JupyterServer]]

PROCESSES = 4


@contextmanager
def fleet(home: Path, database_url: str = "") -> Iterator[Fleet]:
    """Four servers; the stage is the first one's."""
    with ExitStack() as stack:
        with missing_is_skip():
            clock = Clock(home / "clock")
        store = home / "store"
        store.mkdir(mode=0o700)
        places = {
            "JUPYTER_TOTP_DATABASE_URL": database_url or f"sqlite:///{store / 'totp.sqlite3'}",
            "JUPYTER_TOTP_KEY_FILE": str(store / "keyring"),
        }
        servers = [
            lean(home / f"server-{number}", environment={**clock.environment, **places})
            for number in range(PROCESSES)
        ]
        for server in servers:
            stack.callback(server.stop)
        servers[0].start()  # it makes the store
        for server in servers[1:]:
            server.launch()
        for server in servers[1:]:
            wait_until(server._is_ready, START_SECONDS, "the start")
        services = store_of(servers[0], clock)
        stack.callback(services.close)
        yield Stage(servers[0], services, clock), servers
