"""The JSON API of people: what an administrator may do, and what not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.wiring import iso
from tests.harness.client import Client, Person
from tests.web.small_server import SmallServer
from tests.web.test_factors_api import log_in, post, word


@pytest.fixture
def bobs_id(server: SmallServer, bob: Person) -> str:
    return server.services.accounts.named(bob.username).id


def adas_id(server: SmallServer) -> str:
    return server.services.accounts.named("ada").id


def people(browser: Client) -> dict[str, dict[str, Any]]:
    return {one["username"]: one for one in browser.get("api/totp/accounts").json()["accounts"]}


ACTS = [
    ("POST", "accounts", {"username": "eve", "role": "member"}),
    ("PATCH", "accounts/{id}", {"disabled": True}),
    ("DELETE", "accounts/{id}", None),
    ("POST", "accounts/{id}/reset", None),
    ("DELETE", "accounts/{id}/logins", None),
]


def test_an_administrator_sees_everybody_and_no_secret(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    server.services.accounts.add("eve", Role.MEMBER, actor="test")
    listed = people(signed_in)
    assert list(listed) == ["ada", "bob", "eve"]
    assert set(listed["bob"]) == {
        "id",
        "username",
        "display_name",
        "role",
        "terminals",
        "disabled",
        "enrolled",
        "created_at",
        "expires_at",
        "last_login_at",
    }
    assert (listed["ada"]["role"], listed["bob"]["enrolled"], listed["eve"]["enrolled"]) == (
        "admin",
        True,
        False,
    )
    assert listed["bob"]["last_login_at"].endswith("Z")
    assert listed["eve"]["last_login_at"] is None
    assert bob.phone.secret not in signed_in.get("api/totp/accounts").text


def test_somebody_is_added_with_a_code_that_enrolls_them(server: SmallServer, signed_in: Client) -> None:
    until = iso(server.clock() + 3600)
    body = {"username": "eve", "role": "admin", "display_name": "Eve E.", "expires_at": until}
    answer = post(signed_in, "accounts", body)
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"id", "username", "enrollment_code", "url", "qr_svg", "expires_at"}
    assert made["url"] == f"{server.url}enroll#{made['enrollment_code']}"
    eve = people(signed_in)["eve"]
    assert (eve["id"], eve["role"], eve["display_name"], eve["expires_at"]) == (
        made["id"],
        "admin",
        "Eve E.",
        until,
    )
    Client(server.url).enroll(made["enrollment_code"], username="eve", clock=server.clock)
    assert people(signed_in)["eve"]["enrolled"]
    told = [event for _, event in server.services.store.events.list(account_id=made["id"])]
    assert {(event.actor, event.client) for event in told[:2]} == {("ada", "127.0.0.1")}
    assert word(post(signed_in, "accounts", {"username": "eve"})) == (409, "name-taken")
    server.services.accounts.delete("eve", actor="test")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "malformed"),
        ({"role": "member"}, "malformed"),
        ({"username": "eve", "role": "king"}, "malformed"),
        ({"username": "eve", "role": "Admin"}, "malformed"),
        ({"username": "eve", "role": None}, "malformed"),
        ({"username": "eve", "password": "x"}, "malformed"),
        ({"username": "eve", "terminals": True}, "malformed"),
        ({"username": "eve", "expires_at": 1}, "malformed"),
        ({"username": "eve", "expires_at": "2030-01-01"}, "malformed"),
        ({"username": "eve", "expires_at": "2030-1-1T00:00:00Z"}, "malformed"),
        ({"username": "eve", "expires_at": "2001-01-01T00:00:00Z"}, "malformed"),
        ({"username": "Eve"}, "bad-name"),
        ({"username": 1}, "malformed"),
    ],
)
def test_what_is_no_account_is_400(signed_in: Client, body: Any, reason: str) -> None:
    assert word(post(signed_in, "accounts", body)) == (400, reason)


def test_somebody_is_changed(server: SmallServer, signed_in: Client, bob: Person, bobs_id: str) -> None:
    theirs = log_in(server, bob)
    assert theirs.get("api/totp/me").json()["role"] == "member"
    until = iso(server.clock() + 7200)
    answer = post(signed_in, f"accounts/{bobs_id}", {"role": "admin", "expires_at": until}, "PATCH")
    assert answer.status_code == 200
    assert (answer.json()["role"], answer.json()["expires_at"]) == ("admin", until)
    assert theirs.get("api/totp/accounts").status_code == 200
    answer = post(signed_in, f"accounts/{bobs_id}", {"disabled": True, "expires_at": None}, "PATCH")
    assert (answer.json()["disabled"], answer.json()["expires_at"]) == (True, None)
    assert theirs.get("private").status_code == 302
    assert word(post(signed_in, f"accounts/{bobs_id}/reset")) == (409, "disabled")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"role": "king"},
        {"terminals": "maybe"},
        {"terminals": False},
        {"disabled": 1},
        {"disabled": None},
        {"disabled": "true"},
        {"expires_at": "soon"},
        {"username": "x"},
        {"password": "x"},
        {"disabled": True, "more": 1},
    ],
)
def test_what_is_no_change_is_400(signed_in: Client, bobs_id: str, body: Any) -> None:
    assert word(post(signed_in, f"accounts/{bobs_id}", body, "PATCH")) == (400, "malformed")
    assert not people(signed_in)["bob"]["disabled"]


def test_the_last_administrator_stays(server: SmallServer, signed_in: Client) -> None:
    me = adas_id(server)
    tomorrow = iso(server.clock() + 86_400)
    changes = ({"disabled": True}, {"role": "member"}, {"expires_at": tomorrow})
    for method, body in (*(("PATCH", change) for change in changes), ("DELETE", None)):
        assert word(post(signed_in, f"accounts/{me}", body, method)) == (409, "last-admin")
    assert signed_in.get("api/totp/accounts").status_code == 200


def test_a_reset_hands_out_a_code_and_leaves_the_factors_on(
    server: SmallServer, signed_in: Client, bob: Person, bobs_id: str
) -> None:
    theirs = log_in(server, bob)
    answer = post(signed_in, f"accounts/{bobs_id}/reset")
    assert answer.status_code == 201
    assert (answer.json()["id"], answer.json()["username"]) == (bobs_id, "bob")
    assert theirs.get("private").status_code == 302
    assert log_in(server, bob).get("private").status_code == 200
    new = Client(server.url).enroll(answer.json()["enrollment_code"], username="bob", clock=server.clock)
    assert new.phone.secret != bob.phone.secret


def test_somebodys_logins_are_ended_without_a_step_up(
    server: SmallServer, signed_in: Client, bob: Person, bobs_id: str
) -> None:
    theirs = log_in(server, bob)
    server.clock.offset += 301
    assert post(signed_in, f"accounts/{bobs_id}/logins", method="DELETE").status_code == 204
    assert theirs.get("private").status_code == 302


def test_somebody_is_deleted(signed_in: Client, bobs_id: str) -> None:
    assert post(signed_in, f"accounts/{bobs_id}", method="DELETE").status_code == 204
    assert "bob" not in people(signed_in)
    for method, path, body in ACTS[1:]:
        answer = post(signed_in, path.format(id=bobs_id), body, method)
        assert word(answer) == (404, "not-found")


@pytest.mark.parametrize(("method", "path", "body"), [("GET", "accounts", None), *ACTS])
def test_it_is_for_administrators(
    server: SmallServer, bob: Person, bobs_id: str, method: str, path: str, body: Any
) -> None:
    theirs = log_in(server, bob)
    for account_id in (bobs_id, adas_id(server), "0" * 32):
        assert word(post(theirs, path.format(id=account_id), body, method)) == (403, "admin")


@pytest.mark.parametrize(("method", "path", "body"), ACTS[:4])
def test_it_needs_a_fresh_login(
    server: SmallServer, signed_in: Client, bobs_id: str, method: str, path: str, body: Any
) -> None:
    server.clock.offset += 301
    assert word(post(signed_in, path.format(id=bobs_id), body, method)) == (403, "step-up")


@pytest.mark.parametrize(("method", "path", "body"), ACTS)
def test_no_other_site_does_it(signed_in: Client, bobs_id: str, method: str, path: str, body: Any) -> None:
    answer = signed_in.request(
        method,
        f"api/totp/{path.format(id=bobs_id)}",
        headers={"X-XSRFToken": "x"},
        **({} if body is None else {"json": body}),
    )
    assert word(answer) == (403, "xsrf")


def test_a_configured_address_is_in_the_link(server: SmallServer, signed_in: Client) -> None:
    server.rim.now = replace(server.rim.now, public_url="https://jupyter.example/lab")
    try:
        made = post(signed_in, "accounts", {"username": "eve"}).json()
    finally:
        server.rim.now = replace(server.rim.now, public_url="")
        server.services.accounts.delete("eve", actor="test")
    assert made["url"].startswith("https://jupyter.example/lab/enroll#")
