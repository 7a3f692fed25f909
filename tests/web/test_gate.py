"""Default deny: nothing of anybody's answers a stranger."""

from __future__ import annotations

import http.client
import json
import socket
import time

import pytest

from tests.harness.client import Client, Person, is_closed
from tests.web.small_server import EchoSocket, PrivateHandler, SmallServer

pytestmark = pytest.mark.usefixtures("ada")


def raw(server: SmallServer, text: bytes, seconds: float = 3) -> bytes:
    """Send bytes, read until the server is done."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall(text)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except TimeoutError:
            pass
        return received


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
)
def test_a_raw_handler_answers_no_stranger(server: SmallServer, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, "/private")
    answer = connection.getresponse()
    assert answer.status in (302, 403)
    assert b"private" not in answer.read()
    connection.close()


def test_with_a_login_it_does(signed_in: Client) -> None:
    assert signed_in.get("private").text == "private"


def test_what_is_behind_a_login_is_for_no_cache_and_no_other_origin(signed_in: Client) -> None:
    answer = signed_in.get("private")
    assert answer.headers["Cache-Control"] == "private"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_pages_go_to_the_login_and_everything_else_gets_json(client: Client) -> None:
    page = client.get("private?a=1&token=SECRET")
    assert (page.status_code, page.headers["Location"]) == (302, "/login?next=%2Fprivate%3Fa%3D1")
    api = client.get("api/contents")
    assert (api.status_code, api.json()["reason"]) == (403, "signed-out")
    script = client.get("private", headers={"Sec-Fetch-Mode": "cors"})
    assert script.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "login/../private",
        "login%2f..%2fprivate",
        "//private",
        "private/",
        "login/",
        "LOGIN",
        "login;x",
        "login/static/../page.css",
        "login/static/page.css/x",
        "api/totp/health/",
        "api/totp/healthx",
        "login/static/../../private",
    ],
)
def test_only_the_very_paths_of_the_list_are_public(server: SmallServer, path: str) -> None:
    answer = raw(server, f"GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"302", b"403"), answer[:200]


def test_an_absolute_form_target_gets_nowhere(server: SmallServer) -> None:
    answer = raw(
        server, b"GET http://localhost/private HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert b"200" not in answer.split(b"\r\n")[0]


def test_a_foreign_host_name_is_refused_even_with_a_login(signed_in: Client) -> None:
    answer = signed_in.get("private", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["reason"]) == (403, "host")


def test_a_made_up_bearer_is_a_stranger(client: Client, server: SmallServer) -> None:
    for value in ("A" * 43, "x", "", "A" * 5000, '"A"'):
        headers = {"Cookie": f"jupyter-totp-login-{server.port}-8a5edab2={value}"}
        assert client.get("private", headers=headers).status_code == 302


def test_authorization_headers_are_not_even_looked_at(client: Client) -> None:
    for value in ("token x", "Bearer x", "Basic YWRhOng="):
        assert client.get("api/x", headers={"Authorization": value}).status_code == 403


def test_a_large_body_of_a_stranger_is_answered_before_it_is_read(server: SmallServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", b"x" * 5_000_000, form)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["reason"]) == (413, "too-large")
    connection.close()


def test_a_chunked_body_that_outgrows_the_limit_is_400(server: SmallServer) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 400 " in raw(server, head + chunk * 3).split(b"\r\n")[0]


def test_16_kib_fit(client: Client) -> None:
    page = client.get("login")
    room = 16 * 1024 - 400
    answer = client.post_form(page, {"username": "nobody", "password": "x" * room})
    assert answer.status_code == 303


def test_a_body_still_arriving_when_the_login_ends_runs_nothing(
    signed_in: Client, server: SmallServer
) -> None:
    before = PrivateHandler.calls
    cookie = "; ".join(f"{c.name}={c.value}" for c in signed_in.session.cookies)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as slow:
        head = f"POST /private HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Length: 4\r\n\r\nab"
        slow.sendall(head.encode())
        time.sleep(0.2)
        signed_in.log_out()
        slow.sendall(b"cd")
        assert b" 403 " in slow.recv(65536).split(b"\r\n")[0]
    assert PrivateHandler.calls == before


def test_sockets_need_a_login_and_our_own_origin(signed_in: Client, client: Client) -> None:
    for browser, origin in (
        (client, ""),
        (signed_in, None),
        (signed_in, "https://evil.example"),
        (signed_in, "null"),
    ):
        with pytest.raises(Exception, match="403"):
            browser.socket("socket", origin=origin)
    with pytest.raises(Exception, match="403"):
        signed_in.socket("socket", origin=None, header=[f"Sec-WebSocket-Origin: {signed_in.origin}"])
    live = signed_in.socket("socket")
    live.send("x")
    assert live.recv() == "echo x"
    live.close()


def test_a_socket_is_closed_with_1001_when_its_login_ends(signed_in: Client) -> None:
    live = signed_in.socket("socket")
    signed_in.log_out()
    assert is_closed(live) == 1001


def test_a_message_after_the_end_is_not_heard(signed_in: Client, server: SmallServer, ada: Person) -> None:
    live = signed_in.socket("socket")
    live.send("before")
    assert live.recv() == "echo before"
    # The end is made where this server's poll has not seen it: what counts is the question at the message.
    server.call(server.forget_logins)
    live.send("after the end")
    assert is_closed(live) == 1001
    assert "after the end" not in EchoSocket.heard


def test_an_end_made_elsewhere_reaches_requests_and_sockets_within_two_seconds(
    signed_in: Client, server: SmallServer
) -> None:
    live = signed_in.socket("socket")
    server.services.accounts.end_logins("ada", actor="operator")
    assert is_closed(live) == 1001
    assert signed_in.get("private").status_code == 302


def test_a_login_is_found_again_after_a_restart(signed_in: Client, server: SmallServer) -> None:
    server.call(server.forget_logins)
    assert signed_in.get("private").text == "private"


def test_at_its_absolute_end_a_login_and_its_sockets_are_over(signed_in: Client, server: SmallServer) -> None:
    live = signed_in.socket("socket")
    server.clock.offset += 24 * 3600 + 1
    assert signed_in.get("private").status_code == 302
    assert is_closed(live) == 1001


def test_a_slow_body_to_our_own_endpoint_does_nothing_after_the_end(
    signed_in: Client, server: SmallServer, ada: Person
) -> None:
    """A thief whose login was ended must not end the owner's by a request begun before."""
    server.clock.offset += 60
    owner = Client(server.url)
    owner.post_form(owner.follow(owner.first_factor("ada")), {"code": ada.phone.fresh_code()})
    signed_in.get("login")
    cookie = "; ".join(f"{c.name}={c.value}" for c in signed_in.session.cookies)
    head = (
        f"DELETE /api/totp/logins HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
        f"X-XSRFToken: {signed_in.xsrf}\r\nContent-Length: 4\r\n\r\nab"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as slow:
        slow.sendall(head.encode())
        time.sleep(0.2)
        owner.request("DELETE", "api/totp/logins")
        slow.sendall(b"cd")
        assert b" 403 " in slow.recv(65536).split(b"\r\n")[0]
    assert owner.get("private").status_code == 200


def test_sockets_fail_closed_when_the_store_is_silent(signed_in: Client, server: SmallServer) -> None:
    live = signed_in.socket("socket")
    live.send("before")
    assert live.recv() == "echo before"
    heard_at = server.rim._heard_at
    try:
        # As if the last good look at the store had been long ago; the poll is stopped so that it stays so.
        server.call(server.rim.stop)
        server.rim._heard_at = heard_at - 60
        live.send("in the silence")
        assert is_closed(live) == 1001
        assert "in the silence" not in EchoSocket.heard
        assert signed_in.get("private").status_code == 503
        assert signed_in.get("api/totp/health").status_code == 503
    finally:
        server.call(server.rim.start)


@pytest.mark.parametrize("name", ["Origin", "Referer"])
def test_a_header_that_is_no_url_is_a_foreign_one(client: Client, name: str) -> None:
    answer = client.post_form(client.get("login"), {"username": "x"}, headers={name: "http://["})
    assert answer.status_code == (403 if name == "Origin" else 303)


def test_an_absurd_content_length_is_413(server: SmallServer) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"
    assert b" 413 " in raw(server, head).split(b"\r\n")[0]
