"""The verbs about servers: ``routes`` and ``stop``."""

from __future__ import annotations

import os
import signal
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from .. import stop_note
from .running import RunningServer, running_servers
from .terminal import note, say
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
        "and is refused like everybody without a login.) Without PORT there must be only one. While it waits "
        "for its people's pages to save (TotpAuth.drain_seconds), a second stop ends it at once."
    )
    example = "jupyter totp stop 8888 --drain 60"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("port", metavar="PORT", nargs="?", help="its port, or its Unix socket's path")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--drain",
            metavar="SECONDS",
            type=_seconds,
            help="wait so long for open pages to save; else as configured",
        )
        how.add_argument(
            "--now", dest="drain", action="store_const", const=0, help="end it at once, saved or not"
        )

    def run(self, arguments: Namespace, context: Context) -> None:
        server = _the_one(arguments.port)
        drain: int | None = arguments.drain
        patience = _configured(context) if drain is None else drain
        try:
            if drain is not None:
                stop_note.write(server.pid, drain)
            _end(server, patience)
        finally:
            stop_note.drop(server.pid)  # a server that knows nothing of it has left it there
        say(f"The server on {server.name} has stopped.")


def _end(server: RunningServer, patience: int) -> None:
    """Raises NotDone where it still runs after ``patience`` seconds, and those that an end takes."""
    if patience:
        note(f"Waiting up to {patience} seconds for the pages of its people to save.")
    os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience + _PATIENCE_S
    while server.is_alive():
        if time.monotonic() > deadline:
            raise NotDone(
                f"The server on {server.name} (process {server.pid}) was told to stop, but still runs."
            )
        time.sleep(_LOOK_S)


def _configured(context: Context) -> int:
    """What the server will wait, as far as its configuration can be read: it must be stoppable without."""
    try:
        return context.settings.drain_seconds
    except NotDone:
        return 0


def _seconds(text: str) -> int:
    """Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or int(text) > stop_note.LONGEST:
        raise ArgumentTypeError(f"{text!a} is no number of seconds up to {stop_note.LONGEST}")
    return int(text)


def _the_one(wanted: str | None) -> RunningServer:
    servers = [server for server in running_servers() if wanted in (None, server.name)]
    if not servers:
        where = "" if wanted is None else f" on {wanted}"
        raise NotDone(f"No server of yours is running{where}.")
    if len(servers) > 1:
        names = ", ".join(sorted(server.name for server in servers))
        raise NotDone(f"Several servers are running; name one: {names}.")
    return servers[0]
