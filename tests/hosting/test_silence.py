"""A socket over which nobody says a word: it is the generated line that keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import websocket

from jupyter_totp_auth.hosting.model import IDLE_SECONDS
from tests.harness.client import is_closed
from tests.hosting import outside
from tests.hosting.outside import BRANDS, Brand, House, Paper, Visitor, house
from tests.services import missing_is_skip

# Jupyter itself pings every thirty seconds, which would keep a socket awake in most proxies.
SILENT = "c.ServerApp.tornado_settings = {'ws_ping_interval': 0}\n"

Opened = list[tuple[Brand, Visitor, websocket.WebSocket]]


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that does not ping."""
    with house(tmp_path_factory.mktemp("silent"), base_url="/", unix=False, more=SILENT) as found:
        yield found


@contextmanager
def sockets(
    brands: list[Brand], silent: House, paper: Paper, change: Callable[[Brand, str], str]
) -> Iterator[Opened]:
    """One socket through each proxy, which have spoken and are silent from now on."""
    with ExitStack() as stack:
        opened: Opened = []
        for brand in brands:
            deployment = outside.facing(silent, paper)
            text = change(brand, brand.text(deployment))
            with missing_is_skip():
                stack.enter_context(brand.running(text, port=deployment.port))
            visitor = Visitor(deployment.public_url, paper)
            visitor.log_in(silent.somebody())
            # A terminal, not a kernel: what a kernel says goes to all of its sockets.
            name = visitor.start_terminal()
            opened.append((brand, visitor, visitor.socket(f"terminals/websocket/{name}")))
        for _, _, socket in opened:
            hears(socket)
        yield opened


def hears(socket: websocket.WebSocket) -> bool:
    """Whether a shell is at the other end."""
    try:
        socket.send('["stdin", "echo $((6 * 7))-heard\\r"]')
        while "42-heard" not in socket.recv():
            pass
    except (websocket.WebSocketException, OSError):
        return False
    return True


def with_a_day_of_one_second(_: Brand, text: str) -> str:
    """Every generated line about silence says one second."""
    return text.replace(str(IDLE_SECONDS), "1") + ("Timeout 1\n" if "<VirtualHost" in text else "")


def in_an_impatient_proxy(brand: Brand, text: str) -> str:
    """The generated lines as they are; what would hold without them is one second."""
    match brand.name:
        case "nginx":
            return f"proxy_read_timeout 1s;\nproxy_send_timeout 1s;\n{text}"
        case "apache":
            return f"Timeout 1\n{text}"
        case "haproxy":
            return text.replace("timeout client          300s", "timeout client 1s").replace(
                "timeout server          300s", "timeout server 1s"
            )
        case _:
            return text


def test_a_silent_socket_lives_where_the_proxys_own_patience_is_a_second(silent: House, paper: Paper) -> None:
    with sockets(list(BRANDS), silent, paper, in_an_impatient_proxy) as opened:
        time.sleep(4)
        assert [str(brand) for brand, _, socket in opened if not hears(socket)] == []


def test_it_is_the_generated_line_that_keeps_it(silent: House, paper: Paper) -> None:
    """Caddy and mod_proxy_wstunnel cut none by themselves."""
    brands = [brand for brand in BRANDS if str(brand) in {"nginx", "apache", "haproxy"}]
    with sockets(brands, silent, paper, with_a_day_of_one_second) as opened:
        assert [str(brand) for brand, _, socket in opened if is_closed(socket, 8) is None] == []


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_socket_lives_through_five_minutes_of_silence(silent: House, paper: Paper) -> None:
    """Longer than the defaults: 60 s of nginx and Apache, and what HAProxy's file gives to requests."""
    with sockets(list(BRANDS), silent, paper, lambda _, text: text) as opened:
        time.sleep(310)
        assert [str(brand) for brand, _, socket in opened if not hears(socket)] == []
