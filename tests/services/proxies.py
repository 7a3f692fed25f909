"""Throw-away proxies with the files that the package makes, on free ports and for nobody's root.

The text is run as it is, but for what a machine has only as a service: nginx's stands in an `http { }` that
gives it folders (tests/services/nginx.py), Apache's in a frame that loads modules as a2enmod would; logs of
/var/log are beside the file; HAProxy's `user`, `group` and `chroot` are left out, and its log goes to our
output. Ports, address and certificate are options of the package.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import parts
from tests.services.nginx import running_nginx
from tests.services.ports import accepts
from tests.services.process import Process, folder, plain_environment, run_to_end, running, unprivileged

_APACHE_MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules")
_LOADED = (
    *("mpm_event", "authz_core", "alias", "headers", "http2", "proxy", "proxy_http", "rewrite"),
    *("socache_shmcb", "ssl"),
)
_APACHE = """\
ServerRoot "{home}"
DefaultRuntimeDir "{home}"
ServerName localhost
PidFile httpd.pid
# No semaphores of the system: they would outlive a process that is killed.
Mutex fcntl:{home} default
ErrorLog error.log
LogLevel info
Define APACHE_LOG_DIR {home}
{user}
{modules}
{more}
{text}
"""


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    process: Process
    home: Path

    def log(self) -> str:
        """All that it has to say."""
        files = [self.process.log, *self.home.glob("*.log")]
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


@contextmanager
def nginx(text: str, *, port: int) -> Iterator[Proxy]:
    """nginx, with what stands in /etc/nginx/conf.d."""
    with running_nginx(text.replace("/var/log/nginx/", ""), port=port) as found:
        yield Proxy(found.process, found.home)


@contextmanager
def apache(text: str, *, port: int, wstunnel: bool = False) -> Iterator[Proxy]:
    """Apache, with a site. `wstunnel`: it does what an Apache before 2.4.47 does with WebSockets."""
    program = parts.find("apache")
    place = next(place for place in map(Path, _APACHE_MODULES) if place.exists())
    names = (*_LOADED, "proxy_wstunnel") if wstunnel else _LOADED
    # From 2.4.47 on, mod_proxy_wstunnel leaves the work to mod_proxy_http unless it is told not to.
    more = "ProxyWebsocketFallbackToProxyHttp Off" if wstunnel else ""
    account = unprivileged("www-data", "apache")
    user = f"User #{account.uid}\nGroup #{account.gid}" if account.uid is not None else ""
    with folder("totp-apache-") as home:
        frame = _APACHE.format(
            home=home,
            user=user,
            modules="\n".join(f"LoadModule {name}_module {place}/mod_{name}.so" for name in names),
            more=more,
            text=text,
        )
        (home / "httpd.conf").write_text(frame, encoding="utf-8")
        argv: list[str | Path] = [program, "-d", home, "-f", home / "httpd.conf"]
        run_to_end([*argv, "-t"], home=home)
        # Killed: it waits seconds for open WebSockets, politely asked.
        with _started([*argv, "-DFOREGROUND"], home, port, stop=signal.SIGKILL) as process:
            yield Proxy(process, home)


@contextmanager
def haproxy(text: str, *, port: int) -> Iterator[Proxy]:
    """HAProxy, with its whole file."""
    program = parts.find("haproxy")
    own = ("    user ", "    group ", "    chroot ")
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(own)]
    with folder("totp-haproxy-") as home:
        here = "".join(lines).replace("log /dev/log local0", "log stdout format raw local0")
        (home / "haproxy.cfg").write_text(here, encoding="utf-8")
        run_to_end([program, "-c", "-f", "haproxy.cfg"], home=home)
        with _started([program, "-db", "-f", "haproxy.cfg"], home, port) as process:
            yield Proxy(process, home)


@contextmanager
def caddy(text: str, *, port: int) -> Iterator[Proxy]:
    """Caddy, with its whole file."""
    program = parts.find("caddy")
    with folder("totp-caddy-") as home:
        (home / "Caddyfile").write_text(text, encoding="utf-8")
        argv: list[str | Path] = [program, "run", "--adapter", "caddyfile", "--config", "Caddyfile"]
        with _started(argv, home, port) as process:
            yield Proxy(process, home)


Start = Callable[..., AbstractContextManager[Proxy]]
PROXIES: dict[str, Start] = {"nginx": nginx, "apache": apache, "haproxy": haproxy, "caddy": caddy}


@contextmanager
def _started(
    argv: list[str | Path], home: Path, port: int, *, stop: signal.Signals = signal.SIGTERM
) -> Iterator[Process]:
    environment = plain_environment(home)
    with running(argv, log=home / "output.log", cwd=home, env=environment, stop=stop) as process:
        process.wait_until(lambda: accepts(port), seconds=10)
        yield process
