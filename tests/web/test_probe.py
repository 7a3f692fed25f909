"""A one-time probe is told how it arrived, once, and opens nothing else."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import requests
import websocket

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.doctor.walk.address import Address
from jupyter_totp_auth.doctor.walk.wire import Wire
from jupyter_totp_auth.store.issuing import LIFETIME
from jupyter_totp_auth.web.probe import SCHEME
from tests.harness.client import Client
from tests.web.small_server import SmallServer

KERNEL = "api/kernels/00000000-0000-0000-0000-000000000000/channels"


@pytest.fixture
def issue(server: SmallServer) -> Callable[[], str]:
    def made() -> str:
        fresh = bearer.issue(Kind.PROBE)
        now = server.clock()
        server.services.store.probes.add(fresh.digest, at=now, expires_at=now + LIFETIME)
        return fresh.text

    return made


def bearing(probe: str) -> dict[str, str]:
    return {"Authorization": f"{SCHEME} {probe}"}


def asked(client: Client, path: str, probe: str, **options: Any) -> Any:
    return client.get(path, headers=bearing(probe), allow_redirects=False, **options)


def is_told(answer: Any) -> bool:
    return bool(answer.status_code == 200 and answer.json().get("peer"))


@pytest.mark.parametrize(
    "path", ["api/totp/health", "lab/static/x%2Fy.js", "no/such/path?a=%C3%A9", "login", "api/contents"]
)
def test_it_is_told_how_it_arrived_whatever_the_path(
    client: Client, issue: Callable[[], str], server: SmallServer, path: str
) -> None:
    answer = client.get(
        path, headers={**bearing(issue()), "X-Forwarded-For": "203.0.113.66", "Origin": "http://x"}
    )
    told = answer.json()
    assert told["target"] == f"/{path}"
    assert (told["peer"], told["client"], told["scheme"]) == ("127.0.0.1", "127.0.0.1", "http")
    assert (told["peer_is_trusted"], told["origin_is_own"]) == (False, False)
    assert ["X-Forwarded-For", "203.0.113.66"] in told["headers"]
    assert told["at"] == server.clock()
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_nothing_secret_comes_back(client: Client, issue: Callable[[], str]) -> None:
    probe = issue()
    secret = dict.fromkeys(("Proxy-Authorization", "X-XSRFToken", "X-Proxy-Secret"), "canary")
    answer = client.get("x", headers={**bearing(probe), "Cookie": "a=canary", **secret})
    assert is_told(answer)
    assert "canary" not in answer.text
    assert probe not in answer.text


def test_it_is_good_once(client: Client, issue: Callable[[], str]) -> None:
    probe = issue()
    assert is_told(asked(client, "api/contents", probe))
    assert asked(client, "api/contents", probe).status_code == 403


@pytest.mark.race
def test_of_many_at_once_one_is_told(server: SmallServer, issue: Callable[[], str]) -> None:
    def ask(probe: str) -> bool:
        return is_told(asked(Client(server.url), "api/contents", probe))

    with ThreadPoolExecutor(8) as crowd:
        for _ in range(5):
            assert sorted(crowd.map(ask, [issue()] * 8)) == [False] * 7 + [True]


def test_it_is_over_after_a_minute(client: Client, issue: Callable[[], str], server: SmallServer) -> None:
    probe = issue()
    server.clock.offset += LIFETIME
    assert asked(client, "api/contents", probe).status_code == 403


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PROBE])
def test_another_kind_of_bearer_is_no_probe(client: Client, server: SmallServer, kind: Kind) -> None:
    fresh, now = bearer.issue(kind), server.clock()
    server.services.store.probes.add(fresh.digest, at=now, expires_at=now + LIFETIME)
    assert asked(client, "api/contents", fresh.text).status_code == 403


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "A" * 44, "é" * 43, "' OR 1=1 --"])
@pytest.mark.parametrize("path", ["api/contents", "lab", "login", "api/totp/health", "no/such"])
def test_what_is_no_probe_changes_nothing(server: SmallServer, path: str, text: str) -> None:
    def seen(answer: Any) -> Any:
        kept = {k: v for k, v in answer.headers.items() if k not in ("Date", "Set-Cookie", "Etag")}
        return answer.status_code, re.sub(r"nonce-[\w-]+", "nonce", str(kept))

    bare = Client(server.url).get(path, allow_redirects=False)
    assert seen(asked(Client(server.url), path, text.encode("utf-8").decode("latin-1"))) == seen(bare)


def test_a_login_stays_what_it_is_with_a_probe_that_is_none(signed_in: Client) -> None:
    assert asked(signed_in, "api/totp/me", "A" * 43).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_a_get_carries_one_and_no_other_uses_it_up(
    client: Client, issue: Callable[[], str], method: str
) -> None:
    probe = issue()
    answer = client.session.request(method, f"{client.url}api/contents", headers=bearing(probe))
    assert answer.status_code in (403, 405)
    assert "peer" not in answer.text
    assert is_told(asked(client, "api/contents", probe))


def test_a_get_has_no_body(client: Client, issue: Callable[[], str]) -> None:
    assert asked(client, "api/contents", issue(), data=b"x").status_code == 403


def put(client: Client, probe: str, size: int) -> Any:
    url = f"{client.url}api/contents/x"
    return client.session.put(url, data=b"x" * size, headers=bearing(probe), timeout=30)


def test_a_put_takes_ten_megabytes_and_keeps_none(client: Client, issue: Callable[[], str]) -> None:
    answer = put(client, issue(), 10 << 20)
    assert is_told(answer)
    assert ["Content-Length", str(10 << 20)] in answer.json()["headers"]


def test_more_than_enough_is_refused(client: Client, issue: Callable[[], str]) -> None:
    told = False
    with suppress(requests.ConnectionError):  # it closes on who goes on sending
        told = is_told(put(client, issue(), 20 << 20))
    assert not told
    assert put(client, "A" * 43, 1 << 20).status_code == 403


def test_the_host_is_asked_first(client: Client, issue: Callable[[], str]) -> None:
    answer = client.get("x", headers={**bearing(issue()), "Host": "evil.example"})
    assert (answer.status_code, answer.json()["reason"]) == (403, "host")


def test_slowly_is_a_line_a_pause_and_the_rest(client: Client, issue: Callable[[], str]) -> None:
    answer = Wire(Address.parse(client.url), None).ask("/x?slowly", bearing(issue()))
    assert answer.body.startswith(b"\n")
    assert answer.document["http"] == "HTTP/1.1"
    assert answer.pause > 0.8


def opened(client: Client, path: str, probe: str, **options: Any) -> websocket.WebSocket:
    url = f"{client.url}{path}".replace("http", "ws", 1)
    return websocket.create_connection(url, header=bearing(probe), timeout=10, **options)


@pytest.mark.parametrize("path", [KERNEL, "terminals/websocket/1", "x"])
def test_its_socket_tells_and_echoes(client: Client, issue: Callable[[], str], path: str) -> None:
    wire = opened(client, path, issue(), origin="http://evil.example")
    told = json.loads(wire.recv())
    assert (told["target"], told["origin_is_own"]) == (f"/{path}", False)
    wire.send("still there?")
    assert wire.recv() == "still there?"
    wire.close()


def test_its_socket_is_small(client: Client, issue: Callable[[], str]) -> None:
    wire = opened(client, KERNEL, issue())
    wire.recv()
    wire.send("x" * 2000)
    opcode, reason = wire.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert reason[:2] == (1009).to_bytes(2, "big")
    wire.shutdown()


def test_a_socket_takes_one_probe_too(client: Client, issue: Callable[[], str]) -> None:
    probe = issue()
    opened(client, KERNEL, probe).close()
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        opened(client, KERNEL, probe)
    assert caught.value.status_code == 403


def test_two_probes_in_one_request_are_none(client: Client, issue: Callable[[], str]) -> None:
    """Which of them would count?"""
    host, port = client.url.split("/")[2].split(":")
    lines = "".join(f"Authorization: {SCHEME} {issue()}\r\n" for _ in range(2))
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(f"GET /api/contents HTTP/1.1\r\nHost: {host}:{port}\r\n{lines}\r\n".encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 403")
