"""Access tokens at the gate and in the JSON API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from jupyter_totp_auth.core import access_tokens
from jupyter_totp_auth.core.policy import DAY
from jupyter_totp_auth.web.log_privacy import keep_secrets_out
from jupyter_totp_auth.web.next_url import safe_next, without_secrets
from tests.harness.client import Client, Person, is_closed
from tests.web.small_server import SmallServer

pytestmark = pytest.mark.usefixtures("ada")

API = "api/totp/access-tokens"


@pytest.fixture(autouse=True)
def _clean(server: SmallServer) -> Iterator[None]:
    yield
    services = server.services
    account = services.accounts.named("ada")
    for token in services.access_tokens.of_account(account.id):
        services.access_tokens.revoke(account, token.id, actor="test")


def make(client: Client, **fields: Any) -> requests.Response:
    return client.request("POST", API, json={"name": "VS Code", **fields})


@pytest.fixture
def token(signed_in: Client) -> str:
    answer = make(signed_in)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def bearing(server: SmallServer, token: str, scheme: str = "token") -> Client:
    return Client(server.url, Authorization=f"{scheme} {token}")


# -- the API ---------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_listed_without_its_string(signed_in: Client) -> None:
    made = make(signed_in, name=" <b>VS Code</b> ", scopes=["all"], expires_in_days=7)
    document = made.json()
    assert made.status_code == 201
    assert access_tokens.digest(document.pop("token")) is not None
    listed = signed_in.get(API)
    assert listed.json() == {"access_tokens": [document]}
    assert listed.headers["Content-Type"] == "application/json"
    assert listed.headers["X-Content-Type-Options"] == "nosniff"
    keys = {
        "id",
        "name",
        "scopes",
        "path_prefix",
        "created_at",
        "expires_at",
        "last_used_at",
        "last_used_from",
    }
    assert set(document) == keys
    assert (document["name"], document["scopes"]) == ("<b>VS Code</b>", ["all"])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ""}, "bad-name"),
        ({"name": "x" * 65}, "bad-name"),
        ({"name": "x" * 10_000}, "bad-name"),
        ({"name": "a\nb"}, "bad-name"),
        ({"name": 1}, "malformed"),
        ({"scopes": ["contents:execute"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["all", "root"]}, "scopes"),
        ({"scopes": "all"}, "malformed"),
        ({"scopes": [1]}, "malformed"),
        ({"path_prefix": "data/"}, "path-prefix"),
        ({"scopes": ["contents:read", "kernels:execute"], "path_prefix": "data"}, "path-prefix"),
        ({"scopes": ["contents:read"], "path_prefix": "../etc"}, "path-prefix"),
        ({"scopes": ["contents:read"], "path_prefix": "a//b"}, "path-prefix"),
        ({"scopes": ["contents:read"], "path_prefix": "a\\b"}, "path-prefix"),
        ({"scopes": ["contents:read"], "path_prefix": "a\nb"}, "path-prefix"),
        ({"scopes": ["contents:read"], "path_prefix": "x" * 256}, "path-prefix"),
        ({"scopes": ["contents:read"], "path_prefix": 1}, "malformed"),
        ({"expires_in_days": 0}, "bad-lifetime"),
        ({"expires_in_days": 366}, "bad-lifetime"),
        ({"expires_in_days": True}, "malformed"),
        ({"expires_in_days": "90"}, "malformed"),
        ({"expires_in_days": 1.5}, "malformed"),
        ({"expires_at": "2030-01-01"}, "malformed"),
    ],
)
def test_what_cannot_be_kept_is_refused(signed_in: Client, fields: dict[str, Any], reason: str) -> None:
    answer = make(signed_in, **fields)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)
    assert answer.json()["message"]
    assert signed_in.get(API).json() == {"access_tokens": []}


def test_a_login_older_than_five_minutes_steps_up_first_but_may_revoke(
    signed_in: Client, server: SmallServer
) -> None:
    made = make(signed_in).json()
    server.clock.offset += 301
    answer = make(signed_in)
    assert (answer.status_code, answer.json()["reason"]) == (403, "step-up")
    assert signed_in.request("DELETE", f"{API}/{made['id']}").status_code == 204
    assert signed_in.get(API).json() == {"access_tokens": []}
    assert signed_in.request("DELETE", f"{API}/{made['id']}").status_code == 404


def test_the_fifty_first_is_409(signed_in: Client) -> None:
    for _ in range(50):
        assert make(signed_in).status_code == 201
    answer = make(signed_in)
    assert (answer.status_code, answer.json()["reason"]) == (409, "too-many")


def test_a_token_needs_the_xsrf_pair_to_be_made_and_to_be_revoked(signed_in: Client) -> None:
    made = make(signed_in).json()
    for method, path in (("POST", API), ("DELETE", f"{API}/{made['id']}")):
        answer = signed_in.request(method, path, json={"name": "x"}, headers={"X-XSRFToken": "x"})
        assert (answer.status_code, answer.json()["reason"]) == (403, "xsrf")


# -- the gate --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["token", "Token", "bearer", "BEARER"])
def test_a_token_opens_what_its_account_may_do(server: SmallServer, token: str, scheme: str) -> None:
    program = bearing(server, token, scheme)
    assert program.get("private").text == "private"
    answer = program.session.post(f"{server.url}private", data=b"12345")
    assert (answer.text, answer.headers.get("Set-Cookie")) == ("5", None)


def test_a_token_is_found_again_after_a_restart(server: SmallServer, token: str) -> None:
    server.call(server.services.access_tokens._memory._rows.clear)
    assert bearing(server, token).get("private").text == "private"


@pytest.mark.parametrize("scheme", ["Basic", "Negotiate", "tokenx"])
def test_no_other_scheme_is_read(server: SmallServer, token: str, scheme: str) -> None:
    assert bearing(server, token, scheme).get("private").status_code == 302


def test_two_authorizations_are_none(server: SmallServer, token: str) -> None:
    assert bearing(server, f"{token}, token {token}").get("private").status_code == 302


def test_a_token_that_is_not_one_of_ours_leaves_the_cookie_its_say(signed_in: Client) -> None:
    for text in ("Bearer eyJhbGciOi.x.y", "Basic YTpi", "token x"):
        assert signed_in.get("private", headers={"Authorization": text}).text == "private"


def test_a_dead_token_does_not_fall_back_on_the_cookie(signed_in: Client, server: SmallServer) -> None:
    headers = {"Authorization": f"token {access_tokens.make()}"}
    assert signed_in.get("private", headers=headers).status_code == 302
    assert signed_in.get("api/totp/me", headers=headers).status_code == 403
    assert signed_in.get("private").text == "private"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "api/totp/me"),
        ("GET", API),
        ("POST", API),
        ("DELETE", f"{API}/0123456789abcdef"),
        ("GET", "api/totp/logins"),
        ("DELETE", "api/totp/logins"),
        ("POST", "api/totp/login"),
        ("GET", "api/totp/what-comes-later"),
        ("GET", "login"),
        ("POST", "login"),
        ("POST", "login/code"),
        ("GET", "logout"),
        ("POST", "logout"),
        ("GET", "enroll"),
    ],
)
def test_tokens_cannot_manage_security(server: SmallServer, token: str, method: str, path: str) -> None:
    program = bearing(server, token)
    answer = program.session.request(method, f"{server.url}{path}", json={}, allow_redirects=False)
    assert (answer.status_code, answer.json()["reason"]) == (403, "token")
    assert "Set-Cookie" not in answer.headers


def test_health_answers_to_a_token_too(server: SmallServer, token: str) -> None:
    assert bearing(server, token).get("api/totp/health").json() == {"status": "ok"}


def test_a_token_elsewhere_opens_nothing_and_is_in_no_location(server: SmallServer, token: str) -> None:
    stranger = Client(server.url)
    digests = [token, f"x{token}", f"token={token}"]
    for cookie in ("token", "_xsrf", Client(server.url).origin.replace(":", "").replace("/", "")):
        answer = stranger.get("private", headers={"Cookie": f"{cookie}={token}"})
        assert answer.status_code == 302
    for text in digests:
        for path in (f"private?token={token}", f"private?a={text}", f"private/{text}"):
            answer = stranger.get(path)
            assert answer.status_code == 302
            assert token not in answer.headers["Location"]
    answer = stranger.session.post(f"{server.url}private", data={"token": token})
    assert answer.status_code == 403
    answer = stranger.get(f"api/contents?token={token}")
    assert (answer.status_code, answer.json()["reason"]) == (403, "signed-out")
    assert "TotpAuth.token_in_url" in answer.json()["message"]


def test_a_plain_request_does_not_become_a_websocket_by_a_header(server: SmallServer, token: str) -> None:
    answer = Client(server.url).get(f"private?token={token}", headers={"Upgrade": "websocket"})
    assert (answer.status_code, answer.json()["reason"]) == (403, "socket")


def test_a_socket_opens_with_a_token_and_without_origin(server: SmallServer, token: str) -> None:
    program = Client(server.url)
    for path, header in ((f"socket?token={token}", []), ("socket", [f"Authorization: Bearer {token}"])):
        live = program.socket(path, origin=None, header=header)
        live.send("x")
        assert live.recv() == "echo x"
        live.close()
    own = program.socket(f"socket?token={token}")
    own.close()


def test_a_foreign_origin_opens_no_socket_whatever_it_brings(server: SmallServer, token: str) -> None:
    for origin in ("https://evil.example", "null"):
        with pytest.raises(Exception, match="403"):
            Client(server.url).socket(f"socket?token={token}", origin=origin)
    with pytest.raises(Exception, match="403"):
        Client(server.url).socket(f"socket?token={token}&token={token}", origin=None)


def test_a_socket_ends_with_its_token_and_not_with_the_login_that_made_it(
    signed_in: Client, server: SmallServer, token: str
) -> None:
    live = Client(server.url).socket(f"socket?token={token}", origin=None)
    (made,) = signed_in.get(API).json()["access_tokens"]
    server.services.accounts.end_logins("ada", actor="operator")
    assert is_closed(live, 0.8) is None
    account = server.services.accounts.named("ada")
    assert server.services.access_tokens.revoke(account, made["id"], actor="operator")
    assert is_closed(live) == 1001
    assert bearing(server, token).get("private").status_code == 302


def test_a_socket_ends_when_its_token_expires(server: SmallServer, token: str) -> None:
    live = Client(server.url).socket(f"socket?token={token}", origin=None)
    server.clock.offset += 90 * DAY
    assert is_closed(live) == 1001


def test_the_use_of_a_token_is_written(signed_in: Client, server: SmallServer, token: str) -> None:
    for _ in range(5):
        bearing(server, token).get("private")
    assert signed_in.get(API).json()["access_tokens"][0]["last_used_at"] is None
    server.services.flush()
    assert signed_in.get(API).json()["access_tokens"][0]["last_used_at"] is not None


@pytest.mark.parametrize(("in_url", "opens"), [("api", {"api", "ws"}), ("never", set())])
def test_where_a_token_may_stand_in_a_url(tmp_path: Path, in_url: str, opens: set[str]) -> None:
    with SmallServer(tmp_path, token_in_url=in_url) as other:
        code = other.services.enrollment.offer_setup()
        assert code is not None
        browser = Client(other.url)
        browser.enroll(code, clock=other.clock)
        token = make(browser).json()["token"]
        program = Client(other.url)
        assert program.get(f"private?token={token}").status_code == 302
        # 404: let through to where nothing stands
        assert program.get(f"api/x?token={token}").status_code == (404 if "api" in opens else 403)
        if "ws" in opens:
            program.socket(f"socket?token={token}", origin=None).close()
        else:
            with pytest.raises(Exception, match="never taken in a URL"):
                program.socket(f"socket?token={token}", origin=None)


# -- what is written down --------------------------------------------------------------------------


def test_next_carries_no_token_under_any_name() -> None:
    token = access_tokens.make()
    assert without_secrets("/lab", f"token={token}&a=1") == "/lab?a=1"
    for url in (f"/lab?next=%2Flab%3Ftoken%3D{token}", f"/lab?a={token}"):
        assert token not in without_secrets(*url.split("?"))
        assert token not in safe_next(url, "/")
    assert token not in without_secrets(f"/lab/{token}", "")


def test_no_log_line_carries_a_token(caplog: pytest.LogCaptureFixture) -> None:
    token, log = access_tokens.make(), logging.getLogger("tests.web.tokens")
    handler = logging.StreamHandler()
    log.addHandler(handler)
    keep_secrets_out({}, log)
    try:
        with caplog.at_level(logging.INFO):
            log.warning("GET /files/%s (%s)", token, "127.0.0.1")
            log.info("nothing to hide, 100%% of it%s", "")
        assert caplog.messages == [
            "GET /files/jta_[secret] (127.0.0.1)",
            "nothing to hide, 100% of it",
        ]
        record = logging.makeLogRecord({"msg": "from a child: %s", "args": (token,)})
        assert handler.filter(record)
        assert token not in record.getMessage()
    finally:
        log.removeHandler(handler)


def test_a_person_who_does_not_exist_any_more_has_no_token(
    server: SmallServer, token: str, ada: Person
) -> None:
    accounts = server.services.accounts
    accounts.set_disabled(ada.username, disabled=True, actor="operator")
    try:
        server.services.sync()
        assert bearing(server, token).get("private").status_code == 302
    finally:
        accounts.set_disabled(ada.username, disabled=False, actor="operator")
    assert bearing(server, token).get("private").status_code == 302
