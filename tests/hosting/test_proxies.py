"""nginx, Apache, HAProxy and Caddy with the files that the package makes, in front of a real server."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from http.cookiejar import Cookie

import requests

from tests.harness.backstage import wait_until
from tests.harness.client import Client, is_closed
from tests.hosting.outside import CLIENT, DOMAIN, HOME, Site

TWO_YEARS = "max-age=63072000"
FORGED = {
    "X-Forwarded-For": "203.0.113.66",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "81",
    "X-Real-IP": "203.0.113.66",
    "X_Forwarded_For": "203.0.113.66",
    "Forwarded": "for=203.0.113.66;proto=http;host=evil.example",
    "True-Client-IP": "203.0.113.66",
    "CF-Connecting-IP": "203.0.113.66",
    "X-Original-URL": "/api/contents",
    "X-SSL-Client-Verify": "SUCCESS",
    "X-SSL-Client-S-DN": "CN=admin",
}


def cookies(client: Client) -> dict[str, Cookie]:
    """What the browser holds, by the word in the name."""
    return {word: c for c in client.session.cookies for word in ("login", "known", "_xsrf") if word in c.name}


def told_of(client: Client) -> str:
    """The address that the server has for this login."""
    logins = client.get("api/totp/logins").json()["logins"]
    return next(login["client"] for login in logins if login["current"])


def test_j01_a_person_logs_in_and_the_cookies_are_those_of_https(site: Site) -> None:
    visitor = site.visitor()
    refused = visitor.get("")
    assert refused.status_code == 302
    assert site.has(refused)
    entered = visitor.log_in(site.house.somebody())
    assert site.has(entered)
    prefix = "__Secure-" if site.deployment.prefix else "__Host-"
    held = cookies(visitor)
    for word in ("login", "known"):
        cookie = held[word]
        assert cookie.name.startswith(prefix)
        assert (cookie.secure, cookie.path) == (True, site.deployment.base_url)
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "Lax"
    # Said once, also where Jupyter says it itself.
    for path in ("login", "api/contents", "api/totp/health"):
        assert visitor.get(path).headers["Strict-Transport-Security"] == TWO_YEARS
    assert told_of(visitor) == CLIENT


def test_j01_plain_http_leads_to_https_on_the_same_name(site: Site) -> None:
    plain = f"http://{DOMAIN}:{site.deployment.http_port}{site.deployment.base_url}lab?a=b"
    visitor = site.visitor()
    answer = visitor.get(plain)
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == f"{site.url}lab?a=b"
    elsewhere = visitor.get(plain, headers={"Host": "evil.example"})
    assert "evil.example" not in elsewhere.headers.get("Location", "")
    assert not site.visitor().session.cookies


def test_j02_j14_what_a_client_says_of_itself_does_not_come_through(site: Site) -> None:
    visitor = site.visitor(**FORGED)
    entered = visitor.log_in(site.house.somebody())
    assert site.has(entered)
    assert told_of(visitor) == CLIENT
    assert cookies(visitor)["login"].secure
    events = visitor.get("api/totp/events").json()["events"]
    # The enrollment was from this machine, and the account was made by nobody's browser.
    assert {event["client"] for event in events} == {CLIENT, HOME, ""}


def test_j07_a_header_that_is_named_in_connection_is_not_lost(site: Site) -> None:
    person = site.house.somebody()
    visitor = site.visitor(**FORGED, Connection="close, X-Forwarded-For, X-Forwarded-Proto, X_Forwarded_For")
    visitor.get("login")
    body = {"username": person.username, "password": person.password, "code": person.phone.fresh_code()}
    answer = visitor.request("POST", "api/totp/login", json=body)
    assert answer.status_code == 200, answer.text
    assert cookies(visitor)["login"].secure
    assert told_of(visitor) == CLIENT


def test_j08_sockets_work_and_end_with_the_login(site: Site) -> None:
    visitor = site.signed_in()
    kernel = visitor.kernel_socket(site.house.kernel_of(visitor))
    assert visitor.execute(kernel, "print(6 * 7)") == "42\n"
    terminal = visitor.socket(f"terminals/websocket/{visitor.start_terminal()}")
    terminal.send(json.dumps(["stdin", "echo $((6 * 7))-done\r"]))
    said, deadline = "", time.monotonic() + 10
    while "42-done" not in said and time.monotonic() < deadline:
        said += "".join(map(str, json.loads(terminal.recv())[1:]))
    assert "42-done" in said
    visitor.log_out()
    assert (is_closed(kernel, 5), is_closed(terminal, 5)) == (1001, 1001)
    assert not visitor.is_signed_in()
    # An access token can stand in the query of a socket: no log has one. (The line is written at the end.)
    kernel.shutdown()
    wait_until(lambda: "/channels" in site.proxy.log(), 5, "the line in the log")
    assert "session_id" not in site.proxy.log()


def test_j10_the_path_without_its_slash_leads_there_and_the_rest_of_the_host_is_not_jupyters(
    site: Site,
) -> None:
    visitor = site.visitor()
    root = f"{site.deployment.origin}/"
    bare = visitor.get(site.url.rstrip("/"))
    assert bare.status_code == 302
    assert site.has(bare)
    if site.deployment.prefix:
        assert visitor.get(f"{root}login").status_code == 404
        assert visitor.get(f"{root}jupyterlabs/login").status_code == 404
    page = visitor.get("login")
    style = re.search(r'<link rel="stylesheet"[^>]* href="([^"]+)"', page.text)
    assert style is not None, page.text
    assert visitor.get(style.group(1)).headers["Content-Type"].startswith("text/css")


def test_ten_megabytes_go_up_and_come_down_as_they_were(site: Site) -> None:
    visitor = site.signed_in()
    sent = secrets.token_bytes(10_000_000)
    model = {"type": "file", "format": "base64", "content": base64.b64encode(sent).decode()}
    assert visitor.request("PUT", "api/contents/big.bin", json=model).status_code in (200, 201)
    # Jupyter looks whether one of its own pages asks for a file.
    assert visitor.get("files/big.bin", headers={"Referer": site.url}).content == sent


def test_a_stranger_sends_nothing_large(site: Site) -> None:
    visitor = site.visitor()
    try:
        status = visitor.request("PUT", "api/contents/big.bin", data=b"x" * 5_000_000).status_code
    except requests.ConnectionError:  # closed before all of it was sent
        return
    assert status in (403, 413)
