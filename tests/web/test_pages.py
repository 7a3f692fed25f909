"""The pages: one verdict, the form kept, strict headers, and the double-submit token."""

from __future__ import annotations

import re

import pytest

from jupyter_totp_auth.core.model import Role
from tests.harness.client import PASSWORD, Client, Person, parse_form
from tests.web.small_server import SmallServer

pytestmark = pytest.mark.usefixtures("ada")


@pytest.fixture(autouse=True)
def _patience(server: SmallServer, ada: Person) -> None:
    """A new step, and no delay left over from the test before."""
    server.clock.offset += 60
    server.services.accounts.unlock("ada", actor="test")


def visible(text: str) -> str:
    """The page without its nonce and token."""
    text = re.sub(r'nonce="[^"]+"', "", text)
    return re.sub(r'name="_xsrf" value="[^"]+"', "", text)


@pytest.mark.parametrize("path", ["login", "enroll", "logout", "enroll/nothing", "login/code"])
def test_every_page_has_the_strict_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Tornado" not in answer.headers.get("Server", "")


def test_the_nonce_is_fresh_and_stands_in_the_page(client: Client) -> None:
    nonces = []
    for _ in range(2):
        answer = client.get("login")
        found = re.search(r"script-src 'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
        assert found
        assert f'nonce="{found.group(1)}"' in answer.text
        nonces.append(found.group(1))
    assert nonces[0] != nonces[1]


def test_a_stranger_learns_nothing_at_the_password(server: SmallServer) -> None:
    answers = []
    for name, password in (("ada", PASSWORD), ("ada", "wrong"), ("nobody", "wrong"), ("not a name!", "x")):
        browser = Client(server.url)
        answer = browser.first_factor(name, password)
        page = browser.follow(answer)
        answers.append((answer.status_code, answer.headers["Location"], page.status_code, visible(page.text)))
    assert len(set(answers)) == 1


def test_wrong_name_password_and_code_give_one_verdict(server: SmallServer, ada: Person) -> None:
    answers = []
    for name, password in (("ada", PASSWORD), ("ada", "wrong"), ("nobody", "wrong")):
        browser = Client(server.url)
        page = browser.follow(browser.first_factor(name, password))
        answer = browser.post_form(page, {"code": "000000" if ada.phone.code() != "000000" else "000001"})
        answers.append((answer.status_code, visible(answer.text)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 401


def test_a_browser_known_here_is_told_at_once(signed_in: Client, server: SmallServer) -> None:
    signed_in.log_out()
    answer = signed_in.first_factor("ada", "wrong")
    assert answer.status_code == 401
    assert "That password is wrong" in answer.text
    assert parse_form(answer).fields["username"] == "ada"


def test_a_known_browser_is_told_when_a_clock_is_off(signed_in: Client, ada: Person) -> None:
    signed_in.log_out()
    page = signed_in.follow(signed_in.first_factor("ada"))
    answer = signed_in.post_form(page, {"code": ada.phone.code(shift=4)})
    assert "clock is off by about 2 minutes" in answer.text


def test_a_stranger_is_not_told_of_clocks(client: Client, ada: Person) -> None:
    page = client.follow(client.first_factor("ada"))
    assert "clock" not in client.post_form(page, {"code": ada.phone.code(shift=4)}).text


def test_a_recovery_code_opens_once_and_then_never(server: SmallServer, ada: Person) -> None:
    code = ada.recovery_codes.pop()
    for typed, status in ((code.lower().replace("-", " "), 303), (code, 401)):
        browser = Client(server.url)
        page = browser.follow(browser.first_factor("ada"))
        assert browser.post_form(page, {"code": typed}).status_code == status


def test_next_survives_the_whole_flow(client: Client, ada: Person) -> None:
    denied = client.get("private?x=1")
    page = client.follow(denied)
    page = client.follow(client.post_form(page, {"username": "ada", "password": PASSWORD}))
    answer = client.post_form(page, {"code": ada.phone.fresh_code()})
    assert answer.headers["Location"] == "/private?x=1"


def test_staying_signed_in_is_a_choice(server: SmallServer, ada: Person) -> None:
    for values, lasting in (({}, False), ({"stay": "1"}, True)):
        server.clock.offset += 60
        browser = Client(server.url)
        page = browser.follow(browser.first_factor("ada"))
        answer = browser.post_form(page, {"code": ada.phone.fresh_code(), **values})
        cookie = next(c for c in answer.headers["Set-Cookie"].split(", ") if "-login-" in c)
        assert ("Max-Age=86400" in cookie) is lasting
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_a_stale_token_gives_the_form_back_with_a_fresh_one(client: Client) -> None:
    page = client.get("login")
    client.session.cookies.clear()
    answer = client.post_form(page, {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 403
    assert "open for too long" in answer.text
    assert parse_form(answer).fields["username"] == "ada"
    assert client.post_form(answer, {"password": PASSWORD}).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_another_site_cannot_sign_a_person_in(client: Client, origin: str) -> None:
    answer = client.post_form(
        client.get("login"), {"username": "ada", "password": PASSWORD}, headers={"Origin": origin}
    )
    assert answer.status_code == 403
    assert client.cookie("-pending-") is None


def test_a_made_up_pair_is_no_pair(client: Client) -> None:
    page = client.get("login")
    made_up = "2|00000000|" + "ab" * 16 + "|0"
    for cookie in list(client.session.cookies):
        client.session.cookies.clear(cookie.domain, cookie.path, cookie.name)
    client.session.headers["Cookie"] = f"_xsrf={made_up}"
    answer = client.post_form(page, {"_xsrf": made_up, "username": "ada", "password": PASSWORD})
    assert answer.status_code == 403


def test_the_pair_from_before_the_login_is_no_pair_after_it(client: Client, ada: Person) -> None:
    before = parse_form(client.get("login")).fields["_xsrf"]
    page = client.follow(client.first_factor("ada"))
    client.post_form(page, {"code": ada.phone.fresh_code()})
    answer = client.request(
        "DELETE",
        "api/totp/logins",
        headers={
            "X-XSRFToken": before,
            "Cookie": f"_xsrf={before}; {client.cookie_name('-login-')}={client.login_cookie}",
        },
    )
    assert (answer.status_code, answer.json()["reason"]) == (403, "xsrf")
    assert client.request("DELETE", "api/totp/logins").status_code == 204


def test_fields_have_one_value_and_come_from_the_body(client: Client) -> None:
    page = client.get("login")
    form = parse_form(page)
    twice = f"_xsrf={form.fields['_xsrf']}&username=ada&username=bob&password=x"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": client.origin}
    assert client.session.post(form.action, data=twice, headers=headers).status_code == 400
    assert (
        client.session.post(
            form.action, json={"username": "ada"}, headers={"Origin": client.origin}
        ).status_code
        == 415
    )
    bad = client.session.post(form.action, data=b"username=%ff&password=x", headers=headers)
    assert bad.status_code == 400


def test_what_was_typed_is_shown_as_text(client: Client) -> None:
    page = client.get("login")
    client.session.cookies.clear()
    answer = client.post_form(page, {"username": "<b>{{7*7}}</b>", "password": "x"})
    assert "<b>" not in answer.text
    assert "&lt;b&gt;{{7*7}}&lt;/b&gt;" in answer.text


def test_the_last_step_sent_again_says_that_the_person_is_in(server: SmallServer) -> None:
    client = Client(server.url)
    invited = server.services.accounts.add("eve", Role.MEMBER, actor="operator")
    client.enroll(invited.code, username="eve", clock=server.clock)
    sent_again = client.session.post(
        f"{server.url}enroll/phone", data={"code": "123456", "_xsrf": ""}, headers={"Origin": client.origin}
    )
    assert "You are signed in" in sent_again.text
    assert "recovery-code" not in sent_again.text
    assert 'href="/"' in sent_again.text
    client.log_out()
    as_nobody = client.session.post(
        f"{server.url}enroll/phone", data={"code": "123456", "_xsrf": ""}, headers={"Origin": client.origin}
    )
    assert "You are signed in" not in as_nobody.text


def test_a_known_browser_is_told_which_factor_was_wrong(signed_in: Client, ada: Person) -> None:
    code = ada.phone.code()
    signed_in.log_out()
    signed_in.first_factor("ada")
    answer = signed_in.second_factor("000000" if code != "000000" else "000001")
    assert (answer.status_code, "That code is wrong." in answer.text) == (401, True)
    assert "user name, the password" not in answer.text


def test_log_out_by_get_ends_only_for_a_person_in_our_own_page(signed_in: Client) -> None:
    for fetch in (
        {},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ):
        assert "Log out of" in signed_in.get("logout", headers=fetch).text
        assert signed_in.get("private").status_code == 200
    menu = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = signed_in.get("logout", headers=menu)
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert signed_in.get("private").status_code == 302


def test_after_five_wrong_passwords_everybody_waits_and_is_told_how_long(server: SmallServer) -> None:
    for name in ("ada", "nobody-at-all"):
        browser = Client(server.url)
        for _ in range(5):
            assert browser.first_factor(name, "wrong").status_code == 303
        answer = browser.first_factor(name, PASSWORD)
        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "1"
        assert "Please wait 1 second" in answer.text


def test_a_page_that_does_not_exist_is_our_own_404_or_the_login(client: Client, signed_in: Client) -> None:
    assert client.get("enroll/nothing").status_code == 302
    assert signed_in.get("api/totp/nothing").json()["reason"] == "not-found"
    assert signed_in.request("PUT", "login").status_code == 405


def test_another_site_cannot_clear_this_ones_storage(client: Client) -> None:
    headers = {"Origin": "https://evil.example", "Content-Type": "application/x-www-form-urlencoded"}
    answer = client.session.post(client.url + "logout", data="", headers=headers)
    assert "Clear-Site-Data" not in answer.headers
    assert "_xsrf" not in answer.headers.get("Set-Cookie", "") or client.xsrf


@pytest.mark.parametrize("wanted", ["/logout", "/login", "/enroll", "/logout?x=1", "/login/code"])
def test_next_does_not_lead_back_to_our_own_pages(client: Client, ada: Person, wanted: str) -> None:
    page = client.follow(client.first_factor("ada", next_url=wanted))
    answer = client.post_form(page, {"code": ada.phone.fresh_code()})
    assert answer.headers["Location"] == "/"
