"""Group L: access tokens, and the rows of other groups that a token has a part in (R38, A23, F10, H19)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from jupyter_totp_auth.core import access_tokens
from jupyter_totp_auth.core.logins import LiveLogin
from tests.attacks.conftest import Scene
from tests.harness.backstage import Backstage, backstage
from tests.harness.client import Client, is_closed
from tests.harness.lean import lean
from tests.harness.wire import READS, SOCKETS, WEBSOCKET, WRITES, Reply, ask, assert_all_denied

API = "api/totp/access-tokens"
GOING_AWAY = 1001


@pytest.fixture(scope="module")
def scene(start_scene: Callable[..., Scene]) -> Scene:
    """A server with kernels, terminals and an extension's own sockets; ada and bob are enrolled."""
    scene = start_scene(lean=True, extensions=["doors"])
    scene.backstage.enrolled("bob")
    return scene


def make(client: Client, **fields: Any) -> dict[str, Any]:
    answer = client.request("POST", API, json={"name": "VS Code", **fields})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def bearing(scene: Scene, token: str, scheme: str = "token") -> Client:
    return Client(scene.server.url, Authorization=f"{scheme} {token}")


def header(token: str, scheme: str = "token") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


# ── L01: the string ──────────────────────────────────────────────────────────────────────────────


def test_l01_a_token_has_githubs_format_is_shown_once_and_only_its_digest_is_kept(scene: Scene) -> None:
    client = scene.signed_in()
    made = make(client)
    token = made["token"]
    assert re.fullmatch(r"jta_[0-9A-Za-z]{46}", token)
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for character in token[-6:]:
        number = number * 62 + digits.index(character)
    assert number == zlib.crc32(token[:-6].encode())
    assert token not in client.get(API).text
    rows = scene.backstage.rows(f"SELECT digest FROM access_token WHERE id = '{made['id']}'")
    assert rows == [(hashlib.sha256(token.encode()).hexdigest(),)]
    assert token.encode() not in scene.backstage.bytes_at_rest()


# ── L02: places ──────────────────────────────────────────────────────────────────────────────────


def test_l02_a_token_in_the_wrong_place_is_refused_and_in_no_log(scene: Scene) -> None:
    token = make(scene.signed_in())["token"]
    server = scene.server
    basic = base64.b64encode(f"ada:{token}".encode()).decode()
    for headers in (
        {"Authorization": f"Basic {basic}"},
        {"Authorization": token},
        {"X-Token": token},
        {"Cookie": f"token={token}; _xsrf={token}"},
        {"Cookie": f"{scene.signed_in().cookie_name('-login-')}={token}"},
    ):
        assert_all_denied(server, headers)
    for query in (f"?token={token}", f"?access_token={token}", f"?next=%2Flab%3Ftoken%3D{token}"):
        for path in READS:
            reply = ask(server, "GET", path + query)
            assert reply.status in (302, 403), path
            assert token not in str(reply.headers)
            assert reply.cookies == []
        for path in WRITES:
            reply = ask(server, "POST", path + query, {"Cookie": "_xsrf=x", "X-XSRFToken": "x"}, b"{}")
            assert reply.status == 403, path
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask(server, "POST", "api/kernels", form, f"token={token}".encode()).status == 403
    page = ask(server, "GET", f"files/{token}.txt")
    assert page.status == 302
    assert token not in page.headers["Location"]
    assert ask(server, "GET", f"files/{token}.txt", header(token)).status == 404
    said = ask(server, "GET", f"api/contents?token={token}").json()
    assert "Authorization" in said["message"]
    assert token not in server.log


def test_l02_a_websocket_header_does_not_open_an_ordinary_url(scene: Scene) -> None:
    token = make(scene.signed_in())["token"]
    for path in READS:
        reply = ask(scene.server, "GET", f"{path}?token={token}", WEBSOCKET)
        assert reply.status == 403, path


# ── L04: no security ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["token", "Bearer", "bEaReR"])
def test_l04_tokens_cannot_manage_security(scene: Scene, scheme: str) -> None:
    headers = header(make(scene.signed_in())["token"], scheme)
    before = scene.backstage.rows("SELECT id FROM event")
    for path in (
        *(f"api/totp/{name}" for name in ("me", "logins", "access-tokens", "authenticators", "events")),
        *(f"api/totp/{name}" for name in ("login", "password", "recovery-codes", "step-up", "accounts")),
        *("login", "login/code", "logout", "enroll", "enroll/account", "enroll/phone"),
    ):
        for method in ("GET", "POST", "PATCH", "DELETE"):
            reply = ask(scene.server, method, path, headers, b"{}")
            assert reply.status == 403, (method, path)
            assert reply.json()["reason"] == "token", (method, path)
            assert reply.cookies == []
    json_headers = {**headers, "Content-Type": "application/json"}
    reply = ask(scene.server, "PATCH", "api/me", json_headers, b'{"display_name": "Eve"}')
    assert (reply.status, reply.json()["reason"]) == (403, "token")
    assert ask(scene.server, "GET", "api/me", headers).json()["identity"]["display_name"] == "ada"
    assert scene.backstage.rows("SELECT id FROM event") == before


# ── L05: scopes ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "scopes",
    [["contents:execute"], ["all", "root"], ["ALL"], ["*"], [], [""], "all", None, {"all": True}],
)
def test_l05_a_scope_that_there_is_not_is_refused_and_not_made_as_one_that_may_do_all(
    scene: Scene, scopes: object
) -> None:
    client = scene.signed_in()
    before = client.get(API).json()
    answer = client.request("POST", API, json={"name": "VS Code", "scopes": scopes})
    assert (answer.status_code, answer.json()["reason"]) in {(400, "scopes"), (400, "malformed")}
    assert "token" not in answer.json()
    assert client.get(API).json() == before


CHANGES = [
    ("PUT", "api/contents/x.txt"),
    ("PATCH", "api/contents/x.txt"),
    ("DELETE", "api/contents/x.txt"),
    ("POST", "api/contents"),
    ("POST", "api/kernels"),
    ("POST", "api/sessions"),
    ("POST", "api/terminals"),
    ("POST", "api/shutdown"),
    ("POST", "nbconvert/html"),
    ("GET", "nbconvert/pdf/x.ipynb"),
]


@pytest.mark.parametrize("scheme", ["token", "Bearer", "Token", "bEARER", "Basic", "basic", "Digest"])
def test_l05_a_token_that_may_read_changes_and_runs_nothing_in_any_scheme(scene: Scene, scheme: str) -> None:
    answer = scene.signed_in().request("POST", API, json={"name": "reader", "scopes": ["contents:read"]})
    program = bearing(scene, answer.json()["token"], scheme)
    for method, path in CHANGES:
        refused = program.request(method, path, json={})
        assert refused.status_code in (302, 403), (method, path)
    reads = program.get("api/contents").status_code
    assert reads == (200 if scheme.lower() in {"token", "bearer"} else 403)


@pytest.mark.parametrize("scheme", ["Basic", "Token", "TOKEN", "bearer", "BeArEr", "Digest"])
def test_l05_the_scheme_changes_nothing_of_what_a_token_may_do(scene: Scene, scheme: str) -> None:
    token = make(scene.signed_in())["token"]
    statuses = {
        name: bearing(scene, token, name).get("api/contents").status_code for name in (scheme, "token")
    }
    assert statuses["token"] == 200
    assert statuses[scheme] == (200 if scheme.lower() in {"token", "bearer"} else 403)
    for method, path in (("POST", "access-tokens"), ("POST", "step-up"), ("DELETE", "logins")):
        answer = bearing(scene, token, scheme).request(method, f"api/totp/{path}", json={})
        assert answer.status_code == 403, path


# ── L07: sockets end with their token ────────────────────────────────────────────────────────────


def revoke(scene: Scene, client: Client, made: dict[str, Any]) -> None:
    assert client.request("DELETE", f"{API}/{made['id']}").status_code == 204


def revoke_by_operator(scene: Scene, client: Client, made: dict[str, Any]) -> None:
    services = scene.backstage.services
    assert services.access_tokens.revoke(services.accounts.named("ada"), made["id"], actor="operator")


def expire(scene: Scene, client: Client, made: dict[str, Any]) -> None:
    with scene.backstage.sql() as connection:
        connection.execute(
            "UPDATE access_token SET expires_at = ? WHERE id = ?", (int(time.time()) + 1, made["id"])
        )
        connection.execute("UPDATE instance SET revision = revision + 1")


def disable(scene: Scene, client: Client, made: dict[str, Any]) -> None:
    accounts = scene.backstage.services.accounts
    accounts.set_disabled("ada", disabled=True, actor="operator")
    accounts.set_disabled("ada", disabled=False, actor="operator")


def reset(scene: Scene, client: Client, made: dict[str, Any]) -> None:
    scene.backstage.services.accounts.reset("ada", actor="operator")


@pytest.mark.parametrize(
    ("end", "seconds"), [(revoke, 1), (revoke_by_operator, 2), (expire, 3), (disable, 2), (reset, 2)]
)
def test_l07_a_socket_opened_with_a_token_ends_with_it(
    scene: Scene, end: Callable[[Scene, Client, dict[str, Any]], None], seconds: float
) -> None:
    client = scene.signed_in()
    made, other = make(client), make(client)
    query, program = f"token={made['token']}", bearing(scene, made["token"])
    kernel, terminal = program.start_kernel(), program.start_terminal()
    stranger = scene.client()
    sockets = {
        "kernel": stranger.kernel_socket(f"{kernel}", origin=None, header=header(made["token"])),
        "kernel by query": stranger.socket(
            f"api/kernels/{kernel}/channels?session_id=a&{query}", origin=None
        ),
        "terminal": stranger.socket(f"terminals/websocket/{terminal}?{query}", origin=None),
        "events": stranger.socket(f"api/events/subscribe?{query}", origin=None),
        "raw": stranger.socket(f"raw/socket?{query}", origin=None),
    }
    assert Client.execute(sockets["kernel by query"], "print(6 * 7)") == "42\n"
    bystander = stranger.socket(f"raw/socket?token={other['token']}", origin=None)
    assert [sockets["raw"].recv(), bystander.recv()] == ["hello", "hello"]
    end(scene, client, made)
    deadline = time.monotonic() + seconds
    closed = {name: is_closed(opened, deadline - time.monotonic()) for name, opened in sockets.items()}
    assert closed == dict.fromkeys(sockets, GOING_AWAY)
    assert_all_denied(scene.server, header(made["token"]))
    if end in (revoke, revoke_by_operator, expire):
        bystander.send("still here")
        assert bystander.recv() == "still here"
        assert bearing(scene, other["token"]).is_signed_in()


def test_l07_a_foreign_page_opens_no_socket_with_a_token(scene: Scene) -> None:
    token = make(scene.signed_in())["token"]
    for path in SOCKETS[:3]:
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            scene.client().socket(f"{path}?token={token}", origin="https://evil.example")


# ── L08: nothing but this request ────────────────────────────────────────────────────────────────


def test_l08_a_token_sets_no_cookie_and_opens_no_cors(scene: Scene) -> None:
    token = make(scene.signed_in())["token"]

    def check(reply: Reply, what: str) -> None:
        assert not reply.cookies, what
        assert reply.headers["Access-Control-Allow-Origin"] is None, what
        assert reply.headers["Access-Control-Allow-Credentials"] is None, what

    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        # "no/such/page" is a page of Jupyter's, which makes an _xsrf pair for a browser that has none.
        for path in ("api/contents", "api/kernels", "api/me", "files/x", "api/totp/health", "no/such/page"):
            check(ask(scene.server, "GET", path, {**header(token), **origin}), path)
            check(ask(scene.server, "OPTIONS", path, {**header(token), **origin}), path)
        reply = ask(scene.server, "POST", "api/contents", {**header(token), **origin}, b'{"type": "file"}')
        check(reply, "POST")
        assert reply.status in ((403, 404) if origin else (201,))


# ── L10: writes ──────────────────────────────────────────────────────────────────────────────────


def test_l10_a_thousand_requests_write_nothing_in_their_minute(scene: Scene) -> None:
    made = make(scene.signed_in())
    program = bearing(scene, made["token"])
    for _ in range(1000):
        assert program.get("api/status").status_code == requests.codes.ok
    written = f"SELECT last_used_at FROM access_token WHERE id = '{made['id']}'"  # at most once in it
    first = scene.backstage.rows(written)
    for _ in range(50):
        program.get("api/status")
    assert len({*first, *scene.backstage.rows(written)} - {(None,)}) <= 1


# ── L11: names ───────────────────────────────────────────────────────────────────────────────────


def test_l11_a_name_is_limited_and_comes_back_as_data(scene: Scene) -> None:
    client = scene.signed_in("bob")
    for name in ("x" * 10_240, "a\nb", "a\r\nSet-Cookie: x=y", "\x1b[31m", "\u202egnp.exe", ""):
        assert client.request("POST", API, json={"name": name}).status_code == 400, name[:20]
    evil = '"><script>alert(1)</script>'
    make(client, name=evil)
    answer = client.get(API)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert [token["name"] for token in answer.json()["access_tokens"]] == [evil]
    assert evil not in json.dumps([str(row) for row in scene.backstage.rows("SELECT detail FROM event")])


# ── A23, F10, H19: the account behind it ─────────────────────────────────────────────────────────


def test_a23_a_disabled_accounts_token_is_denied_at_once(scene: Scene) -> None:
    scene.backstage.enrolled("carol")
    token = make(scene.signed_in("carol"))["token"]
    program = bearing(scene, token)
    assert program.is_signed_in()
    scene.backstage.services.accounts.set_disabled("carol", disabled=True, actor="operator")
    deadline = time.monotonic() + 2
    while program.is_signed_in() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert_all_denied(scene.server, header(token))


def test_f10_a_new_account_of_the_same_name_has_none_of_the_old_ones_tokens(scene: Scene) -> None:
    scene.backstage.enrolled("dave")
    token = make(scene.signed_in("dave"))["token"]
    assert bearing(scene, token).is_signed_in()
    scene.backstage.services.accounts.delete("dave", actor="operator")
    scene.backstage.enrolled("dave")
    time.sleep(1)
    assert_all_denied(scene.server, header(token))
    assert scene.signed_in("dave").get(API).json() == {"access_tokens": []}


def made_behind(behind: Backstage, username: str) -> str:
    """A token made by the flow, in the store."""
    login = behind.services.logins.load(behind.open_login(username).text)
    assert isinstance(login, LiveLogin)
    made = behind.services.access_tokens.create(login, name="x", days=None, client="")
    assert isinstance(made, access_tokens.NewToken)
    return made.text


def test_h19_a_token_belongs_to_its_store(scene: Scene, tmp_path: Path) -> None:
    token = make(scene.signed_in())["token"]
    with lean(tmp_path) as other, backstage(other) as behind:
        behind.enrolled("ada")
        assert_all_denied(other, header(token))
        theirs = made_behind(behind, "ada")
        assert ask(other, "GET", "api/contents", header(theirs)).status == 200
        assert_all_denied(scene.server, header(theirs))
    sister = lean(tmp_path / "sister")
    keyring = scene.server.home / "data" / "totp-key" / "keyring"
    sister.environment["JUPYTER_TOTP_DATABASE_URL"] = f"sqlite:///{scene.server.database}"
    sister.environment["JUPYTER_TOTP_KEY_FILE"] = str(keyring)
    with sister:
        assert ask(sister, "GET", "api/contents", header(token)).status == 200
