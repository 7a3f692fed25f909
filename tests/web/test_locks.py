"""Lock, unlock, step-up and activity, through HTTP: what is served when, and what happens to sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import requests

from tests.harness.backstage import wait_until
from tests.harness.client import PASSWORD, Client, Person, is_closed
from tests.web.small_server import SmallServer

IDLE = 900


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallServer]:
    with SmallServer(tmp_path_factory.mktemp("idle"), idle_timeout=IDLE) as running:
        yield running


def post(client: Client, path: str, **body: str) -> requests.Response:
    return client.request("POST", f"api/totp/{path}", **({"json": body} if body else {}))


def reason(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


def wrong(person: Person) -> str:
    """Six digits that no step near now has."""
    near = {person.phone.code(shift=shift) for shift in range(-12, 13)}
    return next(text for text in ("000000", "111111", "222222") if text not in near)


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# -- locked ------------------------------------------------------------------------------------------


def test_a_locked_login_is_served_nothing_and_its_sockets_are_closed(signed_in: Client) -> None:
    live = signed_in.socket("socket")
    assert post(signed_in, "lock").status_code == 204
    assert is_closed(live) == 1001
    for path in ("private", "api/totp/me", "api/totp/logins", "api/x", "no/such/thing"):
        assert reason(signed_in.get(path, headers={"Sec-Fetch-Mode": "cors"})) == (403, "locked"), path
    for path in ("step-up", "activity", "lock"):
        assert reason(post(signed_in, path, password=PASSWORD, code="123456")) == (403, "locked"), path
    with pytest.raises(Exception, match="403"):
        signed_in.socket("socket")
    assert signed_in.get("api/totp/health").status_code == 200


def test_whoever_has_the_cookie_of_a_login_is_told_what_became_of_it(
    server: SmallServer, signed_in: Client
) -> None:
    def told() -> str:
        answer = signed_in.get("api/totp/me", headers={"Sec-Fetch-Mode": "cors"})
        assert answer.status_code == 403
        return str(answer.json()["message"])

    post(signed_in, "lock")
    assert told() == "This login was locked. Please unlock."
    server.services.accounts.end_logins("ada", actor="operator")
    assert told() == "An administrator has ended this login. Please sign in."
    assert Client(server.url).get("api/totp/me").json()["message"] == "Please sign in."


def test_a_login_that_nobody_used_says_so(server: SmallServer, signed_in: Client) -> None:
    server.clock.offset += IDLE
    answer = signed_in.get("api/totp/me", headers={"Sec-Fetch-Mode": "cors"})
    assert reason(answer) == (403, "locked")
    assert "Nobody has typed or clicked for 15 minutes" in answer.json()["message"]


def test_pages_of_a_locked_login_go_to_the_unlock_page_and_back(signed_in: Client, ada: Person) -> None:
    post(signed_in, "lock")
    sent = signed_in.get("private?x=1", headers={"Sec-Fetch-Mode": "navigate"})
    assert (sent.status_code, sent.headers["Location"]) == (302, "/login/unlock?next=%2Fprivate%3Fx%3D1")
    assert signed_in.get("login?next=/private").headers["Location"] == "/login/unlock?next=%2Fprivate"
    page = signed_in.get(sent.headers["Location"])
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "script-src 'nonce-" in page.headers["Content-Security-Policy"]
    answer = signed_in.post_form(page, {"code": ada.phone.fresh_code()})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/private?x=1")
    assert signed_in.get("private").status_code == 200
    # There is nothing to unlock now.
    assert signed_in.get("login/unlock?next=/private").headers["Location"] == "/private"


def test_the_page_takes_the_password_too_and_keeps_the_form(signed_in: Client, ada: Person) -> None:
    post(signed_in, "lock")
    page = signed_in.get("login/unlock")
    for values, status, text in (
        ({"code": wrong(ada)}, 401, "That code is wrong"),
        ({"code": "12"}, 400, "six digits"),
        ({"password": "no such password"}, 401, "That password is wrong"),
        ({}, 400, "Please give a code, or your password"),
        ({"code": "123456", "password": PASSWORD}, 400, "Please give a code, or your password"),
        ({"password": PASSWORD, "_xsrf": "x"}, 403, "try again"),
    ):
        page = signed_in.post_form(page, {"code": "", "password": "", **values})
        assert (page.status_code, text in page.text) == (status, True), values
        assert 'name="code"' in page.text
        assert signed_in.get("private").status_code == 302
    assert signed_in.post_form(page, {"code": "", "password": PASSWORD}).status_code == 303
    assert signed_in.get("private").status_code == 200


@pytest.mark.parametrize("factor", ["code", "password", "recovery"])
def test_one_factor_unlocks_and_makes_nothing_fresh(
    signed_in: Client, server: SmallServer, ada: Person, factor: str
) -> None:
    before = signed_in.get("api/totp/me").json()["login"]
    post(signed_in, "lock")
    server.clock.offset += 30
    body = {
        "code": {"code": ada.phone.fresh_code()},
        "password": {"password": PASSWORD},
        "recovery": {"code": ada.recovery_codes.pop()},
    }[factor]
    assert post(signed_in, "unlock", **body).status_code == 204
    after = signed_in.get("api/totp/me").json()
    assert after["locked"] is False
    assert (after["login"]["id"], after["login"]["fresh_until"]) == (before["id"], before["fresh_until"])
    assert moment(after["login"]["idle_at"]) > moment(before["idle_at"])
    assert signed_in.socket("socket").connected


def test_wrong_ways_to_unlock(signed_in: Client, ada: Person) -> None:
    post(signed_in, "lock")
    for body in ({}, {"code": "1"}, {"code": "123456", "password": PASSWORD}, {"name": "x"}):
        answer = signed_in.request("POST", "api/totp/unlock", json=body)
        assert reason(answer) == (400, "malformed"), body
    assert signed_in.request("POST", "api/totp/unlock", json={"code": 123456}).status_code == 400
    foreign = {"headers": {"Origin": "https://evil.example"}, "json": {"password": PASSWORD}}
    assert reason(signed_in.request("POST", "api/totp/unlock", **foreign)) == (403, "xsrf")
    for _ in range(5):
        assert reason(post(signed_in, "unlock", code=wrong(ada))) == (401, "denied")
    throttled = post(signed_in, "unlock", code=ada.phone.fresh_code())
    assert reason(throttled) == (429, "throttled")
    assert throttled.headers["Retry-After"] == "30"
    assert post(signed_in, "unlock", password=PASSWORD).status_code == 204


def test_a_stranger_can_neither_lock_nor_unlock(client: Client) -> None:
    client.get("login")
    for path in ("lock", "unlock", "step-up", "activity"):
        assert reason(post(client, path, code="123456")) == (403, "signed-out")
    assert client.get("login/unlock").headers["Location"].startswith("/login?")


def test_a_locked_login_can_be_ended(signed_in: Client) -> None:
    post(signed_in, "lock")
    answer = signed_in.post_form(signed_in.get("logout"), {})
    assert "You are logged out" in answer.text
    assert reason(signed_in.get("api/x")) == (403, "signed-out")


# -- idle --------------------------------------------------------------------------------------------


def test_polls_do_not_keep_a_login_open_and_input_does(
    signed_in: Client, server: SmallServer, ada: Person
) -> None:
    live = signed_in.socket("socket")
    for _ in range(4):
        server.clock.offset += IDLE // 2
        assert post(signed_in, "activity").status_code == 204
        assert signed_in.get("private").status_code == 200
    server.clock.offset += IDLE // 2
    assert signed_in.get("private").status_code == 200
    live.send("a poll")
    assert live.recv() == "echo a poll"
    server.clock.offset += IDLE // 2
    assert is_closed(live) == 1001
    wait_until(lambda: signed_in.get("private").status_code == 302, 5, "the lock")
    assert reason(post(signed_in, "activity")) == (403, "locked")
    assert post(signed_in, "unlock", code=ada.phone.fresh_code()).status_code == 204
    assert signed_in.get("private").status_code == 200


def test_a_form_that_is_sent_is_input_and_a_page_that_is_looked_at_is_not(
    signed_in: Client, server: SmallServer
) -> None:
    def idle_at() -> float:
        return moment(signed_in.get("api/totp/me").json()["login"]["idle_at"])

    before = idle_at()
    server.clock.offset += IDLE // 2
    for path in ("logout", "login", "login/unlock", "login/notice"):
        signed_in.get(path)
    own = {"data": {"_xsrf": signed_in.xsrf}}
    foreign = {"headers": {"Origin": "https://evil.example"}}
    for form in ({**own, **foreign}, {"data": {"_xsrf": "not its token"}}):
        signed_in.request("POST", "login/unlock", **form)
        assert idle_at() == before, "another site's form is no input of this person"
    assert signed_in.request("POST", "login/unlock", **own).status_code == 303
    assert idle_at() == before + IDLE // 2


# -- step-up -----------------------------------------------------------------------------------------


def test_a_step_up_makes_fresh_under_another_cookie_and_cuts_nothing(
    signed_in: Client, server: SmallServer, ada: Person
) -> None:
    live = signed_in.socket("socket")
    old, before = str(signed_in.login_cookie), signed_in.get("api/totp/me").json()["login"]
    server.clock.offset += 600
    answer = post(signed_in, "step-up", password=PASSWORD, code=ada.phone.fresh_code())
    assert answer.status_code == 200
    after = signed_in.get("api/totp/me").json()["login"]
    assert answer.json() == {"fresh_until": after["fresh_until"]}
    assert moment(after["fresh_until"]) > moment(before["fresh_until"])
    assert (after["id"], after["expires_at"]) == (before["id"], before["expires_at"])
    assert signed_in.login_cookie != old
    live.send("still here")
    assert live.recv() == "echo still here"
    copied = Client(server.url)
    name = signed_in.cookie_name("-login-")
    assert copied.get("api/x", headers={"Cookie": f"{name}={old}"}).status_code == 403
    # The pair of before still holds: another tab's form is not made stale.
    assert post(signed_in, "activity").status_code == 204


def test_a_login_that_stays_keeps_staying(server: SmallServer, ada: Person) -> None:
    server.clock.offset += 60
    browser = Client(server.url)
    page = browser.follow(browser.first_factor("ada"))
    browser.post_form(page, {"code": ada.phone.fresh_code(), "stay": "1"})
    server.clock.offset += 60
    answer = post(browser, "step-up", password=PASSWORD, code=ada.phone.fresh_code())
    cookie = next(c for c in answer.headers["Set-Cookie"].split(", ") if "-login-" in c)
    assert f"Max-Age={24 * 3600 - 60}" in cookie


@pytest.mark.parametrize("wrong_one", ["password", "code"])
def test_both_factors_have_to_be_right(
    signed_in: Client, server: SmallServer, ada: Person, wrong_one: str
) -> None:
    server.clock.offset += 600
    body = {"password": PASSWORD, "code": ada.phone.fresh_code()}
    body[wrong_one] = wrong(ada) if wrong_one == "code" else "no such password"
    assert reason(post(signed_in, "step-up", **body)) == (401, "denied")
    me = signed_in.get("api/totp/me").json()["login"]
    assert moment(me["fresh_until"]) < server.clock()


def test_a_malformed_code_is_not_charged(signed_in: Client) -> None:
    for _ in range(30):
        assert reason(post(signed_in, "step-up", password=PASSWORD, code="12345")) == (400, "malformed")
