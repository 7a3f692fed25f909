"""The JSON API: types, statuses and shapes of the contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.client import PASSWORD, Client, Person
from tests.web.small_server import SmallServer

pytestmark = pytest.mark.usefixtures("ada")


@pytest.fixture(autouse=True)
def _patience(server: SmallServer, ada: Person) -> None:
    server.clock.offset += 60
    server.services.accounts.unlock("ada", actor="test")


def test_health_says_one_word(client: Client) -> None:
    answer = client.get("api/totp/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_both_factors_in_one_call(client: Client, ada: Person) -> None:
    client.get("login")
    body = {"username": "ada", "password": PASSWORD, "code": ada.phone.fresh_code()}
    answer = client.request("POST", "api/totp/login", json=body)
    assert answer.status_code == 200
    assert answer.json()["username"] == "ada"
    assert client.get("private").status_code == 200


def test_wrong_is_401_whatever_was_wrong(client: Client, ada: Person) -> None:
    client.get("login")
    for name, password in (("ada", "wrong"), ("nobody", PASSWORD)):
        body = {"username": name, "password": password, "code": ada.phone.fresh_code()}
        answer = client.request("POST", "api/totp/login", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (401, "denied")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        {"username": "ada", "password": PASSWORD},
        {"username": "ada", "password": PASSWORD, "code": 123456},
        {"username": "ada", "password": PASSWORD, "code": 123456.0},
        {"username": "ada", "password": PASSWORD, "code": None},
        {"username": "ada", "password": PASSWORD, "code": True},
        {"username": "ada", "password": PASSWORD, "code": ["123456"]},
        {"username": "ada", "password": PASSWORD, "code": "12345"},
        {"username": "ada", "password": PASSWORD, "code": "\uff11\uff12\uff13\uff14\uff15\uff16"},
        {"username": "ada", "password": PASSWORD, "code": "1e5"},
        {"username": "ada", "password": {"$ne": ""}, "code": "123456"},
        {"username": ["ada"], "password": PASSWORD, "code": "123456"},
        {"username": "ada", "password": "\ud800", "code": "123456"},
        {"username": "ada", "password": PASSWORD, "code": "123456", "more": "x"},
    ],
)
def test_malformed_is_400_and_is_not_charged(client: Client, server: SmallServer, body: Any) -> None:
    client.get("login")
    before = len(server.services.store.events.list())
    answer = client.request("POST", "api/totp/login", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "malformed")
    assert len(server.services.store.events.list()) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{",
        "\ufeff{}",
        '{"username": NaN}',
        '{"username": "a", "password": "b", "code": 1e999}',
        '{"username": "a", "password": "b", "code": -1e999}',
        "[" * 5000,
        '{"username":"a","username":"b","password":"c","code":"1"}',
        "{} x",
    ],
)
def test_what_is_no_json_object_is_400(client: Client, text: str) -> None:
    client.get("login")
    answer = client.request(
        "POST", "api/totp/login", data=text.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400


def test_other_media_types_are_415(client: Client) -> None:
    client.get("login")
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
    ):
        body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
        answer = client.request("POST", "api/totp/login", data=body, headers={"Content-Type": kind})
        assert answer.status_code == 415, kind


def test_without_its_token_the_login_is_refused(client: Client, ada: Person) -> None:
    body = {"username": "ada", "password": PASSWORD, "code": ada.phone.fresh_code()}
    answer = client.request("POST", "api/totp/login", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (403, "xsrf")
    assert client.login_cookie is None


def test_me_has_the_fields_of_the_contract(signed_in: Client) -> None:
    me = signed_in.get("api/totp/me").json()
    assert set(me) == {
        "username",
        "display_name",
        "initials",
        "color",
        "role",
        "terminals",
        "authenticators",
        "recovery_codes_left",
        "locked",
        "notices",
        "stops_at",
        "login",
        "last_login",
        "failed_since_last_login",
    }
    assert set(me["login"]) == {"id", "expires_at", "ending", "idle_at", "fresh_until"}
    assert (me["username"], me["role"], me["authenticators"], me["locked"]) == ("ada", "admin", 1, False)
    assert me["login"]["expires_at"].endswith("Z")


def test_logins_can_be_listed_and_ended(signed_in: Client, server: SmallServer, ada: Person) -> None:
    server.clock.offset += 60
    other = Client(server.url)
    page = other.follow(other.first_factor("ada"))
    other.post_form(page, {"code": ada.phone.fresh_code()})
    logins = other.get("api/totp/logins").json()["logins"]
    assert {"id", "current", "client", "user_agent", "created_at", "last_seen_at", "expires_at"} == set(
        logins[0]
    )
    assert [login["current"] for login in logins].count(True) == 1
    mine = signed_in.get("api/totp/me").json()["login"]["id"]
    assert other.request("DELETE", f"api/totp/logins/{mine}").status_code == 204
    assert signed_in.get("private").status_code == 302
    assert other.request("DELETE", f"api/totp/logins/{mine}").status_code == 404
    assert other.request("DELETE", "api/totp/logins").status_code == 204
    assert len(other.get("api/totp/logins").json()["logins"]) == 1
    assert other.get("private").status_code == 200


def test_the_api_is_for_people_with_a_login(client: Client) -> None:
    for method, path in (("GET", "me"), ("GET", "logins"), ("DELETE", "logins"), ("GET", "anything")):
        answer = client.request(method, f"api/totp/{path}")
        assert (answer.status_code, answer.json()["reason"]) == (403, "signed-out")
