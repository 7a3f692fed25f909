"""The verbs about servers: ``routes`` and ``stop``."""

from __future__ import annotations

import os
import signal
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from .running import RunningServer, running_servers
from .terminal import say
from .verb import NotDone, Verb

if TYPE_CHECKING:
    from .context import Context

_PATIENCE_S = 10.0
_LOOK_S = 0.1


class Routes(Verb):
    """``jupyter totp routes --public``."""

    name = "routes"
    summary = "list what answers without a login"
    about = (
        "List what answers without a login, one pattern a line: regular expressions of paths behind "
        "base_url. The last ones are those of TotpAuth.public_routes."
    )
    example = "jupyter totp routes --public"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--public", action="store_true", required=True, help="the public ones")

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..public_routes import patterns

        del arguments
        for pattern in patterns(context.settings.public_routes):
            say(pattern)


class Stop(Verb):
    """``jupyter totp stop``."""

    name = "stop"
    summary = "stop a running server"
    about = (
        "Stop a Jupyter server of this user, with its kernels. (jupyter server stop asks the server by HTTP, "
        "and is refused like everybody without a login.) Without PORT there must be only one."
    )
    example = "jupyter totp stop 8888"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("port", metavar="PORT", nargs="?", help="its port, or its Unix socket's path")

    def run(self, arguments: Namespace, context: Context) -> None:
        del context
        server = _the_one(arguments.port)
        os.kill(server.pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        while server.is_alive():
            if time.monotonic() > deadline:
                raise NotDone(
                    f"The server on {server.name} (process {server.pid}) was told to stop, but still runs."
                )
            time.sleep(_LOOK_S)
        say(f"The server on {server.name} has stopped.")


def _the_one(wanted: str | None) -> RunningServer:
    servers = [server for server in running_servers() if wanted in (None, server.name)]
    if not servers:
        where = "" if wanted is None else f" on {wanted}"
        raise NotDone(f"No server of yours is running{where}.")
    if len(servers) > 1:
        names = ", ".join(sorted(server.name for server in servers))
        raise NotDone(f"Several servers are running; name one: {names}.")
    return servers[0]
