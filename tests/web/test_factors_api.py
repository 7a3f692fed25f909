"""The JSON API of one's own person: phones, recovery codes, password, history, profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from jupyter_totp_auth.core.model import Role
from tests.harness.client import Client, Person, Phone
from tests.web.small_server import SmallServer

OTHER_PASSWORD = "kiosk anvil heron 7"


@pytest.fixture
def bob(server: SmallServer) -> Iterator[Person]:
    """Somebody of this test's own."""
    code = server.services.accounts.add("bob", Role.MEMBER, actor="test").code
    yield Client(server.url).enroll(code, username="bob", clock=server.clock)
    server.services.accounts.delete("bob", actor="test")


@pytest.fixture
def browser(server: SmallServer, bob: Person) -> Client:
    return log_in(server, bob)


def log_in(server: SmallServer, person: Person) -> Client:
    """A login of its own, just made; no test waits for a code."""
    server.clock.offset += 60
    server.services.accounts.unlock(person.username, actor="test")
    browser = Client(server.url)
    page = browser.follow(browser.first_factor(person.username, person.password))
    assert browser.post_form(page, {"code": person.phone.fresh_code()}).status_code == 303
    return browser


def post(browser: Client, path: str, body: Any = None, method: str = "POST") -> requests.Response:
    more = {} if body is None else {"json": body}
    return browser.request(method, f"api/totp/{path}", **more)


def word(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


def begin(browser: Client, name: str = "Tablet") -> dict[str, Any]:
    answer = post(browser, "authenticators", {"name": name})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def add(server: SmallServer, browser: Client, name: str = "Tablet") -> tuple[str, Phone]:
    offer = begin(browser, name)
    phone = Phone(offer["secret"], clock=server.clock)
    answer = post(browser, f"authenticators/{offer['id']}/confirm", {"code": phone.fresh_code()})
    assert answer.status_code == 200, answer.text
    return offer["id"], phone


def phones(browser: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser.get("api/totp/authenticators").json()["authenticators"]
    return found


CHANGES = [
    ("POST", "authenticators", {"name": "x"}),
    ("POST", "authenticators/00/confirm", {"code": "123456"}),
    ("PATCH", "authenticators/00", {"name": "x"}),
    ("DELETE", "authenticators/00", None),
    ("POST", "recovery-codes", None),
    ("POST", "password", {"new_password": OTHER_PASSWORD}),
]


# -- phones ------------------------------------------------------------------------------------------


def test_a_further_phone_is_offered_once_and_works_after_its_first_code(
    server: SmallServer, browser: Client, bob: Person
) -> None:
    offer = begin(browser, " Tablet ")
    assert set(offer) == {"id", "secret", "uri", "qr_svg"}
    assert offer["uri"].startswith("otpauth://totp/")
    assert offer["secret"] in offer["uri"]
    assert "<svg" in offer["qr_svg"]
    assert [one["name"] for one in phones(browser)] == ["Phone"]
    new = Phone(offer["secret"], clock=server.clock)
    answer = post(browser, f"authenticators/{offer['id']}/confirm", {"code": new.fresh_code()})
    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "name", "created_at", "last_used_at"}
    assert [one["name"] for one in phones(browser)] == ["Phone", "Tablet"]
    for path in ("authenticators", "me", "events"):
        assert offer["secret"] not in browser.get(f"api/totp/{path}").text
    assert log_in(server, Person("bob", bob.password, new)).get("private").status_code == 200
    assert log_in(server, bob).get("api/totp/me").json()["authenticators"] == 2
    assert browser.get("private").status_code == 200


def test_an_answer_with_a_secret_is_kept_by_nobody(browser: Client) -> None:
    answer = post(browser, "authenticators", {"name": "x"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "http" not in answer.json()["qr_svg"].replace("http://www.w3.org/", "")


def test_wrong_codes_end_the_offer(server: SmallServer, browser: Client) -> None:
    offer = begin(browser)
    phone = Phone(offer["secret"], clock=server.clock)
    near = {phone.code(shift) for shift in range(-12, 13)}
    wrong = next(code for code in ("000000", "111111", "222222") if code not in near)
    path = f"authenticators/{offer['id']}/confirm"
    for code in ("12345", "ABCD-EFGH-JKMN-PQRS-TVWX-YZ23", ""):
        assert word(post(browser, path, {"code": code})) == (400, "malformed")
    assert word(post(browser, path, {"code": phone.code(5)})) == (401, "denied")
    assert "clock is off by 150 seconds" in post(browser, path, {"code": phone.code(5)}).json()["message"]
    for _ in range(3):
        assert word(post(browser, path, {"code": wrong})) == (401, "denied")
    assert word(post(browser, path, {"code": phone.fresh_code()})) == (404, "not-found")


def test_a_phone_is_renamed_and_removed(server: SmallServer, browser: Client, bob: Person) -> None:
    (first,) = phones(browser)
    assert word(post(browser, f"authenticators/{first['id']}", method="DELETE")) == (
        409,
        "last-authenticator",
    )
    other = log_in(server, bob)
    _, phone = add(server, browser)
    renamed = post(browser, f"authenticators/{first['id']}", {"name": "Old"}, "PATCH")
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Old")
    assert post(browser, f"authenticators/{first['id']}", method="DELETE").status_code == 204
    assert [one["name"] for one in phones(browser)] == ["Tablet"]
    assert browser.get("private").status_code == 200
    assert other.get("private").status_code == 302
    assert log_in(server, Person("bob", bob.password, phone)).get("private").status_code == 200


def test_ten_phones_are_enough(server: SmallServer, browser: Client) -> None:
    for number in range(9):
        add(server, browser, f"Phone {number}")
    assert word(post(browser, "authenticators", {"name": "x"})) == (409, "too-many")


def test_others_phones_are_not_there(server: SmallServer, browser: Client, signed_in: Client) -> None:
    (adas,) = phones(signed_in)
    for method, path, body in (
        ("PATCH", f"authenticators/{adas['id']}", {"name": "x"}),
        ("DELETE", f"authenticators/{adas['id']}", None),
        ("POST", f"authenticators/{adas['id']}/confirm", {"code": "123456"}),
    ):
        foreign = post(browser, path, body, method)
        made_up = post(browser, path.replace(adas["id"], "0" * 32), body, method)
        assert (foreign.status_code, foreign.json()) == (404, made_up.json())
    offer = begin(signed_in)
    phone = Phone(offer["secret"], clock=server.clock)
    path = f"authenticators/{offer['id']}/confirm"
    assert word(post(browser, path, {"code": phone.code()})) == (404, "not-found")


@pytest.mark.parametrize(
    "body", [{}, [], {"name": 1}, {"name": None}, {"name": ""}, {"name": "a\nb"}, {"name": "x", "more": 1}]
)
def test_a_name_is_a_name(browser: Client, body: Any) -> None:
    assert word(post(browser, "authenticators", body)) == (400, "malformed")


# -- recovery codes and the password --------------------------------------------------------------------


def test_new_recovery_codes_void_the_old_ones(server: SmallServer, browser: Client, bob: Person) -> None:
    other = log_in(server, bob)
    answer = post(browser, "recovery-codes")
    assert answer.status_code == 201
    codes = answer.json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert other.get("private").status_code == 200
    half = Client(server.url)
    page = half.follow(half.first_factor("bob"))
    assert half.post_form(page, {"code": bob.recovery_codes[0]}).status_code == 401
    half = Client(server.url)
    page = half.follow(half.first_factor("bob"))
    assert half.post_form(page, {"code": codes[0]}).status_code == 303


def test_a_new_password_ends_all_other_logins(server: SmallServer, browser: Client, bob: Person) -> None:
    other = log_in(server, bob)
    assert post(browser, "password", {"new_password": OTHER_PASSWORD}).status_code == 204
    assert browser.get("private").status_code == 200
    assert other.get("private").status_code == 302
    bob.password = OTHER_PASSWORD
    assert log_in(server, bob).get("private").status_code == 200


def test_a_weak_password_is_refused_with_its_reason(browser: Client) -> None:
    answer = post(browser, "password", {"new_password": "short"})
    assert word(answer) == (400, "weak-password")
    assert "too short" in answer.json()["message"]


def test_a_password_may_be_long_but_not_endless(browser: Client) -> None:
    headers = {"Content-Type": "application/json"}
    for length, status in ((32 * 1024 + 1, 413), (20 * 1024, 400)):
        body = b'{"new_password":"' + b"x" * (length - 19) + b'"}'
        answer = browser.request("POST", "api/totp/password", data=body, headers=headers)
        assert answer.status_code == status


# -- step-up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_what_adds_or_changes_needs_a_fresh_login(
    server: SmallServer, browser: Client, method: str, path: str, body: Any
) -> None:
    server.clock.offset += 301
    assert word(post(browser, path, body, method)) == (403, "step-up")


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_no_other_site_changes_anything(browser: Client, method: str, path: str, body: Any) -> None:
    more = {} if body is None else {"json": body}
    for headers in ({"X-XSRFToken": "x"}, {"Origin": "https://evil.example"}):
        answer = browser.request(method, f"api/totp/{path}", headers=headers, **more)
        assert word(answer) == (403, "xsrf")


def test_a_step_up_makes_it_possible_again(server: SmallServer, browser: Client, bob: Person) -> None:
    server.clock.offset += 301
    body = {"password": bob.password, "code": bob.phone.fresh_code()}
    assert post(browser, "step-up", body).status_code == 200
    assert post(browser, "recovery-codes").status_code == 201


# -- history and profile ---------------------------------------------------------------------------------


def test_my_history_is_mine_newest_first_and_can_be_paged(
    server: SmallServer, browser: Client, signed_in: Client
) -> None:
    listed = browser.get("api/totp/events").json()["events"]
    assert [event["event"] for event in listed][:2] == ["login", "first-factor-passed"]
    assert set(listed[0]) == {"id", "at", "event", "actor", "client", "login", "detail"}
    ids = [event["id"] for event in listed]
    assert ids == sorted(ids, reverse=True)
    older = browser.get(f"api/totp/events?before={ids[1]}").json()["events"]
    assert [event["id"] for event in older] == ids[2:]
    theirs = {event["id"] for event in signed_in.get("api/totp/events").json()["events"]}
    assert not theirs & set(ids)
    del server


@pytest.mark.parametrize(
    "query", ["before=x", "before=", "before=1&before=2", "before=-1", "before=" + "9" * 99]
)
def test_before_is_a_number(browser: Client, query: str) -> None:
    assert word(browser.get(f"api/totp/events?{query}")) == (400, "malformed")


def test_what_others_see_of_me_is_changed_field_by_field(browser: Client) -> None:
    me = post(browser, "me", {"display_name": "Bob B."}, "PATCH")
    assert (me.status_code, me.json()["display_name"], me.json()["initials"]) == (200, "Bob B.", "B")
    post(browser, "me", {"initials": "BB", "color": "#112233"}, "PATCH")
    now = browser.get("api/totp/me").json()
    assert (now["display_name"], now["initials"], now["color"]) == ("Bob B.", "BB", "#112233")


@pytest.mark.parametrize(
    "body", [{}, {"color": "url(//evil)"}, {"role": "admin"}, {"username": "x"}, {"display_name": None}]
)
def test_nothing_else_of_me_can_be_changed(browser: Client, body: Any) -> None:
    assert word(post(browser, "me", body, "PATCH")) == (400, "malformed")
    assert browser.get("api/totp/me").json()["role"] == "member"


def test_what_is_changed_has_no_get(browser: Client) -> None:
    for path in ("password", "recovery-codes", "authenticators/00", "authenticators/00/confirm"):
        assert word(browser.get(f"api/totp/{path}")) == (405, "method")
