"""A throw-away nginx in front of a test server: the given text between `http {` and `}`.

That is what people put into a file of /etc/nginx/conf.d, so what the package generates can be run
as it is. The text names its own ports: `free_port()`, on 127.0.0.1.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.services import parts
from tests.services.ports import accepts
from tests.services.process import Process, folder, plain_environment, run_to_end, running

_FRAME = """\
{user}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 4096; }}
http {{
    # The packaged defaults are folders of the system; these are beside this file.
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    access_log access.log combined;
{http}
}}
"""


class Nginx:
    """A running nginx. `home` is its folder: paths in its text are relative to it."""

    def __init__(self, process: Process, home: Path) -> None:
        self.process = process
        self.home = home

    def access_log(self, containing: str = "") -> str:
        """Every request it has answered, in nginx's combined format (query strings included).

        nginx writes the line after the answer: name a piece of the last line you expect, and this
        waits up to two seconds for it.
        """
        end = time.monotonic() + 2
        while True:
            text = (self.home / "access.log").read_text(encoding="utf-8", errors="replace")
            if containing in text or time.monotonic() > end:
                return text
            time.sleep(0.02)

    def error_log(self) -> str:
        """What it had to say."""
        return (self.home / "error.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def running_nginx(http: str, *, port: int, files: Mapping[str, bytes] | None = None) -> Iterator[Nginx]:
    """Run nginx with this `http` text until the end of the block; parts.Missing without nginx.

    `port` is one that the text listens on: it is waited for. `files` are put beside the
    configuration (a certificate, a page). A mistake in the text raises DidNotStart with the words
    of nginx.
    """
    program = parts.find("nginx")
    with folder("totp-nginx-") as home:
        (home / "tmp").mkdir()
        for name, content in (files or {}).items():
            (home / name).write_bytes(content)
        # The master runs as ourselves. As root its workers must too: our folders are 0700.
        user = "user root root;" if os.geteuid() == 0 else ""
        (home / "nginx.conf").write_text(_FRAME.format(user=user, http=http), encoding="utf-8")
        # -e: without it, nginx opens the packaged error log before it reads a word of ours.
        argv: list[str | Path] = [program, "-p", f"{home}/", "-c", "nginx.conf", "-e", "error.log"]
        run_to_end([*argv, "-t"], home=home)
        with running(
            argv,
            log=home / "output.log",
            cwd=home,
            env=plain_environment(home),
            stop=signal.SIGTERM,  # fast; SIGQUIT would wait for open WebSockets
        ) as process:
            process.wait_until(lambda: accepts(port), seconds=10)
            yield Nginx(process, home)
