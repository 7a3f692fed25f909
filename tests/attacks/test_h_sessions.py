"""Group H: login sessions, their cookies, and the sockets that end with them (R23, R24, R26, R29)."""

from __future__ import annotations

import base64
import hashlib
import http.cookies
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind
from tests.attacks.conftest import Scene
from tests.harness.backstage import cookie_name, put_login, wait_until
from tests.harness.client import Client, Person, is_closed
from tests.harness.clock import Clock
from tests.harness.extensions.doors import HANDSHAKE_SECONDS
from tests.harness.lean import LEAN
from tests.harness.server import JupyterServer
from tests.harness.tls import self_signed
from tests.harness.wire import WEBSOCKET, ask, assert_all_denied, own_origin
from tests.services import missing_is_skip

GOING_AWAY = 1001


@pytest.fixture(scope="module")
def scene(start_scene: Callable[..., Scene]) -> Scene:
    """A server with kernels, terminals, events and an extension's own sockets; ada and bob are enrolled."""
    scene = start_scene(lean=True, extensions=["doors"])
    scene.backstage.enrolled("bob")
    return scene


def bearer_only(client: Client) -> dict[str, str]:
    """A copy of the login cookie, as a thief has it."""
    return {"Cookie": f"{client.cookie_name('-login-')}={client.login_cookie}"}


def set_cookies(answer: requests.Response) -> dict[str, http.cookies.Morsel[str]]:
    """What an answer puts into the browser, by what it is for."""
    raw: Any = answer.raw.headers
    found: dict[str, http.cookies.Morsel[str]] = {}
    for line in raw.getlist("Set-Cookie"):
        jar: http.cookies.SimpleCookie = http.cookies.SimpleCookie(line)
        ((name, morsel),) = jar.items()
        words = [word for word in ("login", "pending", "known", "enroll") if f"-{word}-" in name]
        found[words[0] if words else name] = morsel
    return found


# ── H01: flags ───────────────────────────────────────────────────────────────────────────────────


def log_in_and_collect(client: Client, person: Person) -> dict[str, http.cookies.Morsel[str]]:
    """Both factors by the pages; every cookie that was put on the way."""
    first = client.first_factor(person.username, person.password)
    assert first.status_code == 303, first.text
    page = client.follow(first)
    second = client.post_form(page, {"code": person.recovery_codes.pop()})
    assert second.status_code == 303, second.text
    return {**set_cookies(first), **set_cookies(second)}


def test_h01_over_https_the_cookies_are_bound_to_host_and_tls(
    start_scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory
) -> None:
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    arguments = [f"--ServerApp.certfile={certificate}", f"--ServerApp.keyfile={key}"]
    scene = start_scene(lean=True, certificate=certificate, arguments=arguments)
    client = scene.client()
    client.session.verify = str(certificate)
    cookies = log_in_and_collect(client, scene.ada)
    digest = hashlib.sha256(b"/").hexdigest()[:8]
    for what in ("login", "pending", "known"):
        morsel = cookies[what]
        assert morsel.key == f"__Host-jupyter-totp-{what}-{scene.server.port}-{digest}"
        flags = (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"], morsel["domain"])
        assert flags == (True, True, "Lax", "/", ""), what
    assert (cookies["login"]["expires"], cookies["login"]["max-age"]) == ("", "")
    assert (cookies["_xsrf"]["secure"], cookies["_xsrf"]["samesite"]) == (True, "Lax")
    assert client.is_signed_in()
    # A cookie of the bare name may have been planted over plain http: it is not read.
    bare = f"jupyter-totp-login-{scene.server.port}-{digest}"
    answer = requests.get(
        f"{scene.server.url}api/contents",
        headers={"Cookie": f"{bare}={client.login_cookie}"},
        verify=str(certificate),
        timeout=20,
    )
    assert answer.status_code == 403
    assert client.get("login").headers["Strict-Transport-Security"] == "max-age=31536000"
    kernel = client.start_kernel()
    opened = client.kernel_socket(kernel, sslopt={"ca_certs": str(certificate)})
    client.log_out()
    assert is_closed(opened, 1) == GOING_AWAY


@pytest.fixture(scope="module")
def proxied(start_scene: Callable[..., Scene]) -> Scene:
    """Under a prefix, behind something that says X-Forwarded-Proto."""
    return start_scene(lean=True, base_url="/p/q/", arguments=["--TotpAuth.trusted_proxies=127.0.0.0/8"])


def test_h01_below_a_prefix_the_cookies_are_secure_and_have_its_path(proxied: Scene) -> None:
    client = BehindTls(proxied.server.url, **{"X-Forwarded-Proto": "https"})
    cookies = log_in_and_collect(client, proxied.ada)
    for what in ("login", "pending", "known"):
        morsel = cookies[what]
        assert morsel.key.startswith(f"__Secure-jupyter-totp-{what}-")
        flags = (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"], morsel["domain"])
        assert flags == (True, True, "Lax", "/p/q/", ""), what
    assert cookies["_xsrf"]["path"] == "/p/q/"


class BehindTls(Client):
    """Its proxy speaks https with it, so it sends what is Secure; the proxy passes it on over plain http."""

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self._unsealed(super().get(path, **kwargs))

    def post_form(self, page: requests.Response, values: dict[str, str], **kwargs: Any) -> requests.Response:
        return self._unsealed(super().post_form(page, values, **kwargs))

    def _unsealed(self, answer: requests.Response) -> requests.Response:
        for cookie in self.session.cookies:
            cookie.secure = False
        return answer


def test_h01_on_plain_http_the_cookies_claim_nothing(scene: Scene) -> None:
    cookies = log_in_and_collect(scene.client(), scene.ada)
    for what in ("login", "pending", "known"):
        assert cookies[what].key.startswith("jupyter-totp-")
        assert (cookies[what]["secure"], cookies[what]["httponly"]) == ("", True)


def test_h01_jupyters_own_pair_is_that_of_the_login_and_ends_with_the_browser(scene: Scene) -> None:
    """As after a browser's restart: the login cookie was kept, the pair was not, and two requests come at once."""
    login = scene.backstage.open_login("ada").text
    client, at_once = scene.client(), scene.client()
    for one in (client, at_once):
        put_login(one, login)
        made = one.get("no/such/page").headers["Set-Cookie"]
        assert made.startswith("_xsrf=")
        assert "samesite=lax" in made.lower()
        assert "expires" not in made.lower()
    # Whichever cookie was there last: both are of this login, for Jupyter's own handlers and for ours.
    for path, status in (("api/totp/activity", 204), ("api/terminals", 200)):
        answer = client.request("POST", path, headers={"X-XSRFToken": at_once.xsrf})
        assert answer.status_code == status, path
    # And who acts has to bring it, however genuine the header.
    for path in ("api/totp/activity", "api/terminals"):
        answer = client.request("POST", path, headers={**bearer_only(client), "X-XSRFToken": at_once.xsrf})
        assert answer.status_code == 403, path


def test_h01_staying_signed_in_lasts_until_the_absolute_end(scene: Scene) -> None:
    client = scene.client()
    page = client.follow(client.first_factor("ada"))
    answer = client.post_form(page, {"code": scene.ada.recovery_codes.pop(), "stay": "1"})
    assert set_cookies(answer)["login"]["max-age"] == str(24 * 3600)


def test_h01_the_proxys_word_on_https_counts_from_named_proxies_only(scene: Scene) -> None:
    answer = scene.client().get("login", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in answer.headers
    assert set_cookies(answer)["_xsrf"]["secure"] == ""


# ── H02, H04, H05: bearers ───────────────────────────────────────────────────────────────────────


def test_h02_bearers_have_256_random_bits() -> None:
    issued = [bearer.issue(Kind.LOGIN) for _ in range(1000)]
    raw = [base64.urlsafe_b64decode(one.text + "=") for one in issued]
    assert {len(value) for value in raw} == {32}
    assert len(set(raw)) == len({one.digest for one in issued}) == 1000
    ones = sum(value.bit_count() for text in raw for value in text)
    assert abs(ones - 128_000) < 6 * 253  # six standard deviations of 256,000 fair coins


def test_h02_the_store_holds_no_bearer_only_its_digest(scene: Scene) -> None:
    kept: list[str] = []
    carol = scene.backstage.enrolled("carol")
    for _ in range(6):
        client = scene.client()
        log_in_and_collect(client, carol)
        kept += [str(cookie.value) for cookie in client.session.cookies if "jupyter-totp" in cookie.name]
        assert client.login_cookie in kept
    half = scene.client()
    half.follow(half.first_factor("carol"))
    kept += [str(half.cookie("-pending-"))]
    assert len(set(kept)) == len(kept) >= 13
    at_rest = scene.backstage.bytes_at_rest()
    for text in kept:
        assert text.encode() not in at_rest
        assert base64.urlsafe_b64decode(text + "=") not in at_rest
    digest = bearer.digest(Kind.LOGIN, str(client.login_cookie))
    assert digest is not None
    assert digest.hex().encode() in at_rest  # so it was looked for in the right place


def test_h04_the_bearer_is_new_after_each_step(scene: Scene) -> None:
    client = scene.client()
    planted = bearer.issue(Kind.LOGIN).text
    put_login(client, planted)
    client.follow(client.first_factor("ada"))
    pending = client.cookie("-pending-")
    answer = client.second_factor(scene.ada.recovery_codes.pop())
    assert answer.status_code == 303
    first = client.login_cookie
    assert len({planted, pending, first}) == 3
    assert client.cookie("-pending-") is None
    name = client.cookie_name("-login-")
    for old in (planted, pending):
        assert ask(scene.server, "GET", "api/me", {"Cookie": f"{name}={old}"}).status == 403
    # Signing in again in the same browser: a new one, and the old one is over.
    body = {"username": "ada", "password": scene.ada.password, "code": scene.ada.recovery_codes.pop()}
    assert client.request("POST", "api/totp/login", json=body).status_code == 200
    assert client.login_cookie != first
    assert client.is_signed_in()
    assert ask(scene.server, "GET", "api/me", {"Cookie": f"{name}={first}"}).status == 403


def test_h05_a_copied_cookie_is_dead_after_the_log_out(scene: Scene) -> None:
    client = scene.signed_in()
    copied = bearer_only(client)
    assert ask(scene.server, "GET", "api/contents", copied).status == 200
    assert client.log_out().status_code == 200
    assert client.login_cookie is None
    assert_all_denied(scene.server, copied)


def test_h05_log_out_from_the_menu_ends_the_login_and_an_image_does_not(scene: Scene) -> None:
    client = scene.signed_in()
    menu = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    harmless: list[dict[str, str]] = [
        {},
        {**menu, "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
        {**menu, "Sec-Fetch-Dest": "iframe"},
        {**menu, "Sec-Fetch-Site": "cross-site"},
        {**menu, "Sec-Fetch-Site": "same-site"},
        {**menu, "Sec-Fetch-Site": "none"},
        {**menu, "Sec-Fetch-Mode": "cors"},
    ]
    for headers in harmless:
        assert "<form" in client.get("logout", headers=headers).text
        assert client.is_signed_in(), headers
    copied = bearer_only(client)
    assert client.get("logout", headers=menu).status_code == 200
    assert ask(scene.server, "GET", "api/me", copied).status == 403


# ── H07, H08: sockets ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def kernel(scene: Scene) -> str:
    """A kernel that outlives the logins."""
    return scene.signed_in("bob").start_kernel()


def open_sockets(client: Client, kernel: str) -> dict[str, websocket.WebSocket]:
    """One of each kind, alive."""
    sockets = {
        "kernel": client.kernel_socket(kernel),
        "terminal": client.socket(f"terminals/websocket/{client.start_terminal()}"),
        "events": client.socket("api/events/subscribe"),
        "lsp": client.socket("raw/lsp/ws/x"),
        "raw": client.socket("raw/socket"),
    }
    for name in ("lsp", "raw"):
        assert sockets[name].recv() == "hello"
    return sockets


def log_out(scene: Scene, client: Client) -> None:
    assert client.log_out().status_code == 200


def end_own(scene: Scene, client: Client) -> None:
    mine = client.get("api/totp/me").json()["login"]["id"]
    assert client.request("DELETE", f"api/totp/logins/{mine}").status_code == 204


def end_from_another_browser(scene: Scene, client: Client) -> None:
    assert scene.signed_in().request("DELETE", "api/totp/logins").status_code == 204


def end_by_operator(scene: Scene, client: Client) -> None:
    assert scene.backstage.end_logins("ada") >= 1


def change_password(scene: Scene, client: Client) -> None:
    scene.backstage.services.accounts.set_password("ada", scene.ada.password, actor="operator")


def disable(scene: Scene, client: Client) -> None:
    accounts = scene.backstage.services.accounts
    accounts.set_disabled("ada", disabled=True, actor="operator")
    accounts.set_disabled("ada", disabled=False, actor="operator")


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        (log_out, 1),
        (end_own, 1),
        (end_from_another_browser, 1),
        (end_by_operator, 2),
        (change_password, 2),
        (disable, 2),
    ],
)
def test_h08_every_socket_of_a_login_closes_with_1001_when_it_ends(
    scene: Scene, kernel: str, end: Callable[[Scene, Client], None], seconds: float
) -> None:
    client, bystander = scene.signed_in(), scene.signed_in("bob")
    sockets, other = open_sockets(client, kernel), bystander.socket("raw/socket")
    assert other.recv() == "hello"
    end(scene, client)
    deadline = time.monotonic() + seconds
    closed = {name: is_closed(opened, deadline - time.monotonic()) for name, opened in sockets.items()}
    assert closed == dict.fromkeys(sockets, GOING_AWAY)
    assert is_closed(other, 0.2) is None  # somebody else's goes on
    other.send("still here")
    assert other.recv() == "still here"


def test_h07_nothing_runs_in_a_terminal_after_the_log_out(scene: Scene) -> None:
    client = scene.signed_in()
    terminal = client.socket(f"terminals/websocket/{client.start_terminal()}")
    before, after = scene.server.root / "before-42", scene.server.root / "after-42"

    def run(name: str) -> None:
        terminal.send(json.dumps(["stdin", f"touch {scene.server.root}/{name}-$((40+2))\r"]))

    run("before")
    wait_until(before.exists, 10, "the first command")
    client.log_out()
    with suppress(OSError, websocket.WebSocketException):  # closed already
        run("after")
    assert is_closed(terminal, 1) in (GOING_AWAY, 1006)
    time.sleep(1)
    assert not after.exists()


@pytest.mark.parametrize("path", ["raw/socket", "raw/lsp/ws/x"])
def test_h08_no_message_is_heard_after_the_login_has_ended(scene: Scene, path: str) -> None:
    client = scene.signed_in()
    opened = client.socket(path)
    opened.recv()
    opened.send("before")
    assert opened.recv() == "before"
    client.log_out()
    mark = f"after-{time.monotonic_ns()}"
    with suppress(OSError, websocket.WebSocketException):
        for _ in range(20):
            opened.send(mark)
    assert is_closed(opened, 1) in (GOING_AWAY, 1006)
    assert any("before" in line for line in scene.ran)
    assert not any(mark in line for line in scene.ran)


def test_h08_kernels_run_on_and_are_there_after_the_next_login(scene: Scene) -> None:
    client = scene.signed_in()
    kernel = client.start_kernel()
    opened = client.kernel_socket(kernel)
    assert client.execute(opened, "x = 40 + 2; print(x)") == "42\n"
    client.log_out()
    assert is_closed(opened, 1) == GOING_AWAY
    again = scene.signed_in()
    opened = again.kernel_socket(kernel)
    assert again.execute(opened, "print(x)") == "42\n"
    assert again.request("DELETE", f"api/kernels/{kernel}").status_code == 204


@contextmanager
def in_background(call: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Run ``call`` in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(call)


@pytest.mark.parametrize("end", [log_out, end_by_operator])
@pytest.mark.parametrize("path", ["raw/slow-get", "raw/slow-prepare"])
def test_h08_a_socket_in_its_handshake_never_opens_when_its_login_ends_meanwhile(
    scene: Scene, path: str, end: Callable[[Scene, Client], None]
) -> None:
    client, name = scene.signed_in(), path.removeprefix("raw/")
    copy = scene.client()
    put_login(copy, str(client.login_cookie))
    before = len(scene.ran)

    def connect() -> int | None:
        try:
            opened = copy.socket(path)
        except websocket.WebSocketBadStatusException as refused:
            return refused.status_code
        with suppress(OSError, websocket.WebSocketException):
            opened.send("do something")
        return is_closed(opened, 1)

    with in_background(connect) as outcome:
        time.sleep(HANDSHAKE_SECONDS / 4)
        end(scene, client)
        assert outcome.result(20) in (GOING_AWAY, 1006, 403)
    time.sleep(0.3)
    assert [line for line in scene.ran[before:] if line.startswith(name)] == []
    # With a login that lives, the same socket does open: it was not the wrong door.
    opened = scene.signed_in().socket(path)
    assert opened.recv() == "hello"
    assert f"{name} open" in scene.ran[before:]


def test_h08_a_socket_inside_its_own_open_hears_nothing_more(scene: Scene) -> None:
    client = scene.signed_in()
    opened = client.socket("raw/slow-open")
    wait_until(lambda: "slow-open open" in scene.ran, 5, "open")
    opened.send("do something")
    client.log_out()
    assert is_closed(opened, 1) == GOING_AWAY
    time.sleep(HANDSHAKE_SECONDS)
    assert not any(line.startswith("slow-open message") for line in scene.ran)


# ── slow bodies ──────────────────────────────────────────────────────────────────────────────────


@contextmanager
def half_sent(client: Client, method: str, path: str, body: bytes) -> Iterator[Callable[[], bytes]]:
    """A request whose body has come in by half; the call sends the rest and gives the answer."""
    parts = urlsplit(client.url)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)
    head = [
        f"{method} {parts.path}{path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Cookie: {cookies}",
        f"Origin: {client.origin}",
        f"X-XSRFToken: {client.xsrf}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    half = len(body) // 2
    with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=20) as wire:
        wire.sendall("\r\n".join([*head, "", ""]).encode() + body[:half])

        def rest() -> bytes:
            wire.sendall(body[half:])
            return wire.recv(65536)

        yield rest


@pytest.mark.parametrize("end", [log_out, end_by_operator, None])
@pytest.mark.parametrize("path", ["raw/body", "api/contents/slow.txt"])
def test_h05_a_body_that_arrives_after_the_end_of_its_login_changes_nothing(
    scene: Scene, path: str, end: Callable[[Scene, Client], None] | None
) -> None:
    client, mark = scene.signed_in(), f"slow-{time.monotonic_ns()}"
    copy = scene.client()
    copy.session.cookies.update(client.session.cookies)
    body = json.dumps({"type": "file", "format": "text", "content": mark}).encode()
    target = scene.server.root / "slow.txt"
    method = "POST" if path == "raw/body" else "PUT"
    with half_sent(copy, method, path, body) as send_the_rest:
        time.sleep(0.3)
        if end is not None:
            end(scene, client)
            time.sleep(0.5)  # an end in another process is known here by then
        answer = send_the_rest()
    done = any(mark in line for line in scene.ran) or (target.exists() and mark in target.read_text())
    if end is None:  # the very same request, by a login that lives
        assert answer.split()[1] in (b"200", b"201")
        assert done
    else:
        assert answer.split()[1] == b"403"
        assert not done


# ── H14, H23: the absolute end ───────────────────────────────────────────────────────────────────


def test_h14_an_expired_login_is_not_revived_by_its_cookie(scene: Scene) -> None:
    client = scene.signed_in()
    assert client.is_signed_in()
    scene.backstage.expire(str(client.login_cookie), at=time.time() - 1)
    wait_until(lambda: not client.is_signed_in(), 2, "the end")
    assert_all_denied(scene.server, bearer_only(client))
    # A cookie that says it lasts for years is a cookie all the same.
    forged = {"Cookie": f"{bearer_only(client)['Cookie']}; Max-Age=999999999; Path=/"}
    assert ask(scene.server, "GET", "api/contents", forged).status == 403


def test_h23_sockets_close_at_the_absolute_end(scene: Scene, kernel: str) -> None:
    client = scene.signed_in(lifetime=4)
    sockets = open_sockets(client, kernel)
    opened_until = time.monotonic() + 4
    closed = {
        name: is_closed(opened, max(opened_until - time.monotonic(), 0) + 2)
        for name, opened in sockets.items()
    }
    assert closed == dict.fromkeys(sockets, GOING_AWAY)
    assert not client.is_signed_in()


def test_h23_the_configured_lifetime_is_the_absolute_end(tmp_path: Path) -> None:
    with missing_is_skip():
        clock = Clock(tmp_path / "clock")
    arguments = ["--TotpAuth.login_lifetime=60", *LEAN]
    with JupyterServer(tmp_path, arguments=arguments, environment=clock.environment) as server:
        client = Client(server.url)
        client.enroll(server.setup_code())
        opened = client.socket("api/events/subscribe")
        expires_at = client.get("api/totp/me").json()["login"]["expires_at"]
        clock.move(55)
        assert client.is_signed_in()  # used a moment before the end: that does not move it
        assert client.get("api/totp/me").json()["login"]["expires_at"] == expires_at
        clock.move(6)
        assert not client.is_signed_in()
        assert is_closed(opened, 2) == GOING_AWAY


# ── H16: others' logins ──────────────────────────────────────────────────────────────────────────


def test_h16_somebody_elses_login_is_not_there(scene: Scene) -> None:
    ada, bob = scene.signed_in(), scene.signed_in("bob")
    bobs = bob.get("api/totp/me").json()["login"]["id"]
    listed = [login["id"] for login in ada.get("api/totp/logins").json()["logins"]]
    assert ada.get("api/totp/me").json()["login"]["id"] in listed
    assert bobs not in listed
    foreign = ada.request("DELETE", f"api/totp/logins/{bobs}")
    made_up = ada.request("DELETE", f"api/totp/logins/{'0' * 16}")
    assert (foreign.status_code, foreign.json()) == (404, made_up.json())
    ada.request("DELETE", "api/totp/logins")  # all others of hers
    assert bob.is_signed_in()
    assert bob.request("DELETE", f"api/totp/logins/{bobs}").status_code == 204
    assert not bob.is_signed_in()


def test_h16_of_two_login_cookies_neither_counts(scene: Scene) -> None:
    """A neighbouring host can plant a second one, without a prefix; which comes first says nothing."""
    mine, theirs = scene.signed_in("ada"), scene.signed_in("bob")
    name = cookie_name(scene.server.url)
    one, other = (next(c.value for c in who.session.cookies if c.name == name) for who in (mine, theirs))
    for pair in ((one, other), (other, one), (one, one)):
        header = "; ".join(f"{name}={value}" for value in pair)
        reply = ask(scene.server, "GET", "api/me", {"Cookie": header, "Sec-Fetch-Mode": "cors"})
        assert reply.status == 403, pair
    # Another cookie whose name only ends like it is another cookie.
    header = f"__Secure-{name}={other}; {name}={one}"
    assert ask(scene.server, "GET", "api/me", {"Cookie": header}).json()["identity"]["username"] == "ada"


# ── H17: many logins ─────────────────────────────────────────────────────────────────────────────


def test_h17_a_further_login_ends_none_of_the_others_and_each_is_listed(scene: Scene) -> None:
    scene.backstage.enrolled("many")
    clients = [scene.signed_in("many") for _ in range(12)]
    assert all(client.is_signed_in() for client in clients)
    listed = clients[0].get("api/totp/logins").json()["logins"]
    own = [client.get("api/totp/me").json()["login"]["id"] for client in clients]
    assert {login["id"] for login in listed} >= set(own)
    assert clients[0].request("DELETE", f"api/totp/logins/{own[1]}").status_code == 204
    assert [client.is_signed_in() for client in clients] == [True, False, *[True] * 10]
    assert clients[0].request("DELETE", "api/totp/logins").status_code == 204
    assert [client.is_signed_in() for client in clients] == [True, *[False] * 11]


# ── H19: two servers on one host ─────────────────────────────────────────────────────────────────


def test_h19_a_login_of_another_store_is_worth_nothing_here(scene: Scene, proxied: Scene) -> None:
    here = scene.signed_in()
    value = str(here.login_cookie)
    there = proxied.client()
    put_login(there, value)
    assert not there.is_signed_in()
    assert_all_denied(proxied.server, bearer_only(here))
    assert_all_denied(proxied.server, {"Cookie": f"{cookie_name(proxied.server.url)}={value}"})


def test_h19_servers_on_one_store_share_logins_each_under_its_own_cookie(
    scene: Scene, tmp_path: Path
) -> None:
    data = scene.server.home / "data"
    environment = {
        "JUPYTER_TOTP_DATABASE_URL": f"sqlite:///{scene.server.database}",
        "JUPYTER_TOTP_KEY_FILE": str(data / "totp-key" / "keyring"),
    }
    with JupyterServer(tmp_path, arguments=[*LEAN], environment=environment) as sister:
        here, there = scene.signed_in(), Client(sister.url)
        there.log_in(scene.ada, code=scene.ada.recovery_codes.pop())
        assert here.cookie_name("-login-") != there.cookie_name("-login-")
        assert here.is_signed_in()
        assert there.is_signed_in()
        # One browser: the cookies of a host know no ports, and do not disturb each other.
        both = {"Cookie": f"{bearer_only(here)['Cookie']}; {bearer_only(there)['Cookie']}"}
        assert ask(scene.server, "GET", "api/me", both).status == 200
        assert ask(sister, "GET", "api/me", both).status == 200
        assert ask(sister, "GET", "api/me", bearer_only(here)).status == 403
        # The login itself is the store's.
        moved = Client(sister.url)
        put_login(moved, str(here.login_cookie))
        assert moved.is_signed_in()
        opened = moved.socket("api/events/subscribe")
        here.log_out()
        assert is_closed(opened, 2) == GOING_AWAY
        assert not moved.is_signed_in()
        assert there.is_signed_in()


# ── H20, H22: origins of sockets ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:{port}.evil.example"},
        {"Origin": "http://127.0.0.1:{port}@evil.example"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "file://"},
        {"Sec-WebSocket-Origin": "http://127.0.0.1:{port}"},
        {"Sec-WebSocket-Origin": "http://127.0.0.1:{port}", "Origin": "https://evil.example"},
        {"Referer": "http://127.0.0.1:{port}/lab"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["kernel", "api/events/subscribe", "raw/socket"])
def test_h20_h22_a_cookie_opens_no_socket_without_our_own_origin(
    scene: Scene, kernel: str, path: str, headers: dict[str, str]
) -> None:
    path = path.replace("kernel", f"api/kernels/{kernel}/channels")
    sent = {name: value.replace("{port}", str(scene.server.port)) for name, value in headers.items()}
    given = {**WEBSOCKET, **bearer_only(scene.signed_in()), "Host": f"127.0.0.1:{scene.server.port}"}
    reply = ask(scene.server, "GET", path, {**given, **sent})
    assert reply.status == 403
    assert reply.json()["reason"] == "origin"
    assert ask(scene.server, "GET", path, {**given, "Origin": own_origin(scene.server.url)}).status == 101


def test_h20_two_origins_open_no_socket(scene: Scene) -> None:
    own = own_origin(scene.server.url)
    with socket.create_connection(("127.0.0.1", scene.server.port), timeout=20) as wire:
        lines = [
            "GET /raw/socket HTTP/1.1",
            f"Host: 127.0.0.1:{scene.server.port}",
            f"Cookie: {bearer_only(scene.signed_in())['Cookie']}",
            *(f"{name}: {value}" for name, value in WEBSOCKET.items()),
            f"Origin: {own}",
            "Origin: https://evil.example",
        ]
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 403")


# ── H25 ──────────────────────────────────────────────────────────────────────────────────────────


def test_h25_the_log_out_clears_what_the_browser_kept(scene: Scene, proxied: Scene) -> None:
    answer = scene.signed_in().log_out()
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Cache-Control"] == "no-store"
    # Below a prefix the rest of the site is somebody else's.
    below = proxied.signed_in().log_out()
    assert below.status_code == 200
    assert "Clear-Site-Data" not in below.headers
    assert below.headers["Cache-Control"] == "no-store"


def test_h25_the_log_out_takes_the_cookie_and_renews_the_pair(scene: Scene) -> None:
    client = scene.signed_in()
    before = client.xsrf
    cookies = set_cookies(client.log_out())
    assert cookies["login"].value == ""
    assert cookies["_xsrf"].value not in ("", before)


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


def test_no_row_above_left_the_server_with_an_error(scene: Scene, proxied: Scene) -> None:
    for server in (scene.server, proxied.server):
        errors = [text for text in log_entries(server.log) if "Traceback" in text or text.startswith("[E ")]
        # Jupyter's own, of a client that leaves while a kernel's answer is on its way to it.
        errors = [text for text in errors if not text.endswith("tornado.websocket.WebSocketClosedError")]
        assert errors == [], errors[0]


def log_entries(log: str) -> list[str]:
    """The log cut before each line that begins an entry: traces stay with what they belong to."""
    return [text.rstrip() for text in re.split(r"^(?=\[[A-Z] )", log, flags=re.MULTILINE)]
