"""The page ``account``: every act by its form, every refusal, and nothing secret a second time."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
import requests

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Role, Terminals
from jupyter_totp_auth.core.rights import SCOPES
from jupyter_totp_auth.web import words
from jupyter_totp_auth.web.account_acts import ACTS, DONE
from tests.harness.client import PASSWORD, Client, Person, Phone, parse_form
from tests.web.small_server import SmallServer
from tests.web.test_factors_api import OTHER_PASSWORD, log_in

FIVE_MINUTES = 301
SECRET_KEY = re.compile(r'id="totp-secret">([A-Z2-7]{32})<')
TOKEN = re.compile(r"jta_[0-9A-Za-z]{46}")
RECOVERY_CODE = re.compile(r'<li class="recovery-code">([^<]+)<')
LINK = re.compile(r'id="link">([^<]+)<')


@pytest.fixture
def browser(server: SmallServer, bob: Person) -> Client:
    return log_in(server, bob)


def press(browser: Client, what: str, **fields: str) -> requests.Response:
    """Send one of the page's forms."""
    token = parse_form(browser.get("account")).fields["_xsrf"]
    return send(browser, what, _xsrf=token, **fields)


def send(browser: Client, what: str, **fields: str) -> requests.Response:
    return browser.session.post(
        f"{browser.url}account/{what}",
        data=fields,
        headers={"Origin": browser.origin},
        timeout=30,
        allow_redirects=False,
    )


def told(browser: Client, answer: requests.Response) -> str:
    """The sentence that stands on the page after the redirect; it is not there for ever."""
    assert answer.status_code == 303, (answer.status_code, message(answer))
    page = browser.get(answer.headers["Location"])
    assert message(browser.get("account")) == ""
    return message(page)


def message(page: requests.Response) -> str:
    found = re.search(r'id="message"[^>]*>([^<]*)<', page.text)
    return unescape(found.group(1)) if found else ""


def ids(browser: Client, what: str) -> list[str]:
    """The ids in the hidden fields of the forms of one kind."""
    page = browser.get("account").text
    forms = re.findall(rf'action="/account/{what}#.*?</form>', page, re.DOTALL)
    return [found for form in forms for found in re.findall(r'name="id" value="([^"]+)"', form)]


def shown(pattern: re.Pattern[str], answer: requests.Response) -> str:
    found = pattern.search(answer.text)
    assert found, (answer.status_code, message(answer))
    return found.group(found.lastindex or 0)


def add_phone(server: SmallServer, browser: Client, **fields: str) -> Phone:
    page = press(browser, "add-phone", **fields)
    phone = Phone(shown(SECRET_KEY, page), clock=server.clock)
    begun = parse_form(page)
    assert begun.action == f"{server.url}account/confirm-phone#phones"
    done = send(browser, "confirm-phone", **{**begun.fields, "code": phone.fresh_code()})
    assert done.status_code == 303, message(done)
    return phone


# -- the page ----------------------------------------------------------------------------------------


def test_the_page_says_all_that_there_is(server: SmallServer, browser: Client) -> None:
    made = shown(TOKEN, press(browser, "create-token", name="VS Code"))
    page = browser.get("account")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    for words_of_it in (
        "10 recovery codes left",
        "Your only one stays",
        "this one",
        "VS Code",
        "The account was set up with a phone",
        "An access token was made",
    ):
        assert words_of_it in page.text
    assert made not in page.text
    assert "People" not in page.text
    assert "add-account" not in page.text


def test_few_recovery_codes_are_warned_of(server: SmallServer, bob: Person, browser: Client) -> None:
    for code in bob.recovery_codes[:7]:
        log_in(server, Person("bob", PASSWORD, bob.phone))
        other = Client(server.url)
        page = other.follow(other.first_factor("bob"))
        assert other.post_form(page, {"code": code}).status_code == 303
    assert "3 recovery codes left. Make new ones before they run out." in browser.get("account").text


def test_strangers_are_sent_to_the_login_and_the_locked_to_unlock(client: Client, browser: Client) -> None:
    assert client.get("account").headers["Location"] == "/login?next=%2Faccount"
    assert client.request("POST", "account/add-phone").status_code == 403
    assert browser.request("POST", "api/totp/lock").status_code == 204
    assert browser.get("account").headers["Location"] == "/login/unlock?next=%2Faccount"
    assert browser.request("POST", "account/end-other-logins").json()["reason"] == "locked"


def test_access_tokens_do_not_reach_it(server: SmallServer, browser: Client) -> None:
    made = shown(TOKEN, press(browser, "create-token", name="script"))
    program = Client(server.url, Authorization=f"token {made}")
    assert program.get("private").status_code == 200
    for path in ("account", "account/step-up", "account/add-phone"):
        assert program.get(path).json()["reason"] == "token"
        assert program.request("POST", path, data={}).json()["reason"] == "token"


@pytest.mark.parametrize("what", [*ACTS, "step-up"])
def test_no_form_works_for_another_site_or_without_its_token(browser: Client, what: str) -> None:
    token = parse_form(browser.get("account")).fields["_xsrf"]
    before = ids(browser, "rename-phone"), browser.get("api/totp/events").json()
    assert send(browser, what, _xsrf="").status_code == 403
    assert send(browser, what, _xsrf="made up").status_code == 403
    for origin in ("https://evil.example", "null"):
        answer = browser.session.post(
            f"{browser.url}account/{what}", data={"_xsrf": token}, headers={"Origin": origin}, timeout=30
        )
        assert answer.status_code == 403
        assert "open for too long" in message(answer)
    assert (ids(browser, "rename-phone"), browser.get("api/totp/events").json()) == before


def test_an_act_is_a_form_by_post_and_nothing_else(browser: Client) -> None:
    token = parse_form(browser.get("account")).fields["_xsrf"]
    assert browser.get("account/add-phone").headers["Location"] == "/account"
    assert send(browser, "no-such-act", _xsrf=token).status_code == 404
    assert browser.request("POST", "account/add-phone", json={"name": "x"}).status_code == 415
    assert browser.request("POST", "account", data={"_xsrf": token}).status_code == 405
    assert browser.get("account?before=x").status_code == 400


def test_a_link_of_another_site_does_not_say_that_something_was_done(browser: Client) -> None:
    for word, (_, sentence) in DONE.items():
        assert sentence in browser.get(f"account?done={word}").text or word.startswith(("account", "their"))
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert message(browser.get(f"account?done={word}", headers=headers)) == ""
    assert message(browser.get("account?done=<b>")) == ""


# -- phones and recovery codes -----------------------------------------------------------------------


def test_a_phone_is_added_renamed_and_removed(server: SmallServer, bob: Person, browser: Client) -> None:
    tablet = add_phone(server, browser, name="Tablet")
    page = browser.get("account").text
    assert "Tablet" in page
    assert tablet.secret not in page
    elsewhere = log_in(server, Person("bob", PASSWORD, tablet))
    assert elsewhere.is_signed_in() or elsewhere.get("private").status_code == 200

    first, second = ids(browser, "rename-phone")
    assert "new name" in told(browser, press(browser, "rename-phone", id=second, name="Slate"))
    assert "Slate" in browser.get("account").text
    refused = press(browser, "rename-phone", id=second, name="\x07")
    assert (refused.status_code, message(refused)) == (400, "A name has 1 to 64 visible characters.")
    assert "removed" in told(browser, press(browser, "remove-phone", id=first))
    assert elsewhere.get("private").status_code == 302
    last = press(browser, "remove-phone", id=second)
    assert (last.status_code, message(last)) == (
        409,
        "This is your only authenticator. Add another one first.",
    )
    assert press(browser, "remove-phone", id="00").status_code == 404


def test_a_phone_is_replaced_once_the_new_one_has_shown_a_code(server: SmallServer, browser: Client) -> None:
    (old,) = ids(browser, "rename-phone")
    page = press(browser, "add-phone", name="Phone", replaces=old)
    assert ids(browser, "rename-phone") == [old]
    phone = Phone(shown(SECRET_KEY, page), clock=server.clock)
    done = send(browser, "confirm-phone", **{**parse_form(page).fields, "code": phone.fresh_code()})
    assert "old one removed" in told(browser, done)
    (new,) = ids(browser, "rename-phone")
    assert new != old


def test_a_wrong_code_asks_again_and_does_not_show_the_secret_again(
    server: SmallServer, browser: Client
) -> None:
    page = press(browser, "add-phone", name="Tablet")
    phone = Phone(shown(SECRET_KEY, page), clock=server.clock)
    for typed, status in (("abc", 400), ("000000", 401)):
        again = send(browser, "confirm-phone", **{**parse_form(page).fields, "code": typed})
        assert again.status_code == status
        assert message(again)
        assert phone.secret not in again.text
        assert "<svg" not in again.text.partition("<main")[2]
        page = again
    done = send(browser, "confirm-phone", **{**parse_form(page).fields, "code": phone.fresh_code()})
    assert "added" in told(browser, done)
    over = send(browser, "confirm-phone", **{**parse_form(page).fields, "code": phone.fresh_code()})
    assert over.status_code == 404
    assert "begin again" in message(over)


def test_new_recovery_codes_are_shown_once_and_open_a_login(
    server: SmallServer, bob: Person, browser: Client
) -> None:
    page = press(browser, "new-recovery-codes")
    codes = RECOVERY_CODE.findall(page.text)
    assert len(codes) == 10
    assert page.headers["Cache-Control"] == "no-store"
    assert not any(code in browser.get("account").text for code in codes)
    for code, status in ((bob.recovery_codes[0], 401), (codes[0], 303)):
        other = Client(server.url)
        answer = other.post_form(other.follow(other.first_factor("bob")), {"code": code})
        assert answer.status_code == status


# -- logins, tokens, password ------------------------------------------------------------------------


def test_logins_are_ended_one_and_all_without_a_step_up(
    server: SmallServer, bob: Person, browser: Client
) -> None:
    others = [log_in(server, bob) for _ in range(3)]
    server.clock.offset += FIVE_MINUTES
    theirs = ids(others[0], "end-login")
    assert "ended" in told(browser, press(browser, "end-login", id=ids(browser, "end-login")[0]))
    assert others[2].get("private").status_code == 302
    assert len(theirs) == 4
    assert "other logins are ended" in told(browser, press(browser, "end-other-logins"))
    assert [one.get("private").status_code for one in others] == [302] * 3
    assert ids(browser, "end-login") == []
    assert press(browser, "end-login", id="00").status_code == 404


def test_a_token_is_made_shown_once_used_and_revoked(server: SmallServer, browser: Client) -> None:
    page = press(browser, "create-token", name="script", days="30")
    made = shown(TOKEN, page)
    assert "curl" in page.text
    program = Client(server.url, Authorization=f"token {made}")
    assert program.get("private").status_code == 200
    assert made not in browser.get("account").text
    server.clock.offset += FIVE_MINUTES
    (token_id,) = ids(browser, "revoke-token")
    assert "revoked" in told(browser, press(browser, "revoke-token", id=token_id))
    assert program.get("private").status_code != 200
    assert press(browser, "revoke-token", id=token_id).status_code == 404


def test_a_token_is_made_for_what_is_ticked_and_for_one_folder(browser: Client) -> None:
    ticked = {"extent": "some", "contents:read": "yes", "contents:write": "yes", "path_prefix": " data/ "}
    assert shown(TOKEN, press(browser, "create-token", name="sync", **ticked))
    (made,) = browser.get("api/totp/access-tokens").json()["access_tokens"]
    assert (made["scopes"], made["path_prefix"]) == (["contents:read", "contents:write"], "data")
    page = unescape(browser.get("account").text)
    assert "Read files and notebooks <code>contents:read</code>" in page
    assert "only in the folder data" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"extent": "some"}, "Tick what the token may do."),
        (
            {"extent": "all", "contents:read": "yes"},
            "Either everything, or what is ticked: please choose one.",
        ),
        ({"extent": "all", "path_prefix": "data"}, "A path limits contents:read and contents:write alone"),
        ({"extent": "some", "contents:read": "yes", "path_prefix": "../x"}, "A path prefix is a folder"),
    ],
)
def test_a_token_that_cannot_be_keeps_what_was_ticked(
    browser: Client, fields: dict[str, str], sentence: str
) -> None:
    answer = press(browser, "create-token", name="sync", **fields)
    assert answer.status_code == 400
    assert sentence in message(answer)
    checked = re.findall(r'name="([^"]+)" value="([^"]+)" checked', answer.text)
    assert dict(checked) == {name: value for name, value in fields.items() if name != "path_prefix"}
    assert f'name="path_prefix" value="{fields.get("path_prefix", "")}"' in answer.text
    assert browser.get("api/totp/access-tokens").json()["access_tokens"] == []


def test_scopes_outlive_a_step_up(server: SmallServer, bob: Person, browser: Client) -> None:
    server.clock.offset += FIVE_MINUTES
    ticked = {"extent": "some", "contents:read": "yes", "path_prefix": "data"}
    page = press(browser, "create-token", name="sync", **ticked)
    right = {**parse_form(page).fields, "password": PASSWORD, "code": bob.phone.fresh_code()}
    assert shown(TOKEN, send(browser, "step-up", **right))
    (made,) = browser.get("api/totp/access-tokens").json()["access_tokens"]
    assert (made["scopes"], made["path_prefix"]) == (["contents:read"], "data")


@pytest.mark.parametrize("days", ["0", "366", "1e2", "-1", "90 days", "٣", "9999"])
def test_a_lifetime_that_cannot_be_keeps_the_name(browser: Client, days: str) -> None:
    answer = press(browser, "create-token", name="my <script>", days=days)
    assert answer.status_code == 400
    assert "1 to 365" in message(answer)
    assert 'value="my &lt;script&gt;"' in answer.text
    assert "<script>" not in answer.text.partition("<main")[2]


def test_the_password_is_changed_and_other_logins_end(
    server: SmallServer, bob: Person, browser: Client
) -> None:
    other = log_in(server, bob)
    for first, second, words_of_it in (
        ("tiny anvil", "tiny anvil", "12"),
        (OTHER_PASSWORD, PASSWORD, "not the same"),
    ):
        answer = press(browser, "change-password", password=first, password_again=second)
        assert answer.status_code == 400
        assert words_of_it in message(answer)
        assert first not in answer.text
    answer = press(browser, "change-password", password=OTHER_PASSWORD, password_again=OTHER_PASSWORD)
    assert "counts from now on" in told(browser, answer)
    assert other.get("private").status_code == 302
    assert log_in(server, Person("bob", OTHER_PASSWORD, bob.phone)).get("private").status_code == 200


# -- step-up -----------------------------------------------------------------------------------------

BEHIND_A_STEP_UP = {
    "add-phone": {"name": "Tablet"},
    "confirm-phone": {"id": "00", "code": "123456"},
    "rename-phone": {"id": "00", "name": "x"},
    "remove-phone": {"id": "00"},
    "new-recovery-codes": {},
    "create-token": {"name": "script"},
    "change-password": {"password": OTHER_PASSWORD, "password_again": OTHER_PASSWORD},
}
WITHOUT = {"end-login", "end-other-logins", "revoke-token", "change-name"}
PEOPLE = {
    "add-account": {"username": "eve"},
    "change-account": {"id": "00", "role": "admin"},
    "disable-account": {"id": "00"},
    "enable-account": {"id": "00"},
    "reset-account": {"id": "00"},
    "delete-account": {"id": "00"},
    "send-notice": {"message": "x", "lasts": "day"},
}
FOR_ADMINS = {**PEOPLE, "end-their-logins": {"id": "00"}, "withdraw-notice": {"id": "00"}}


def test_every_act_is_known_to_these_tests() -> None:
    assert set(ACTS) == set(BEHIND_A_STEP_UP) | WITHOUT | set(FOR_ADMINS)


@pytest.mark.parametrize("what", [*BEHIND_A_STEP_UP, *PEOPLE])
def test_what_adds_or_changes_asks_for_password_and_code(
    server: SmallServer, signed_in: Client, what: str
) -> None:
    server.clock.offset += FIVE_MINUTES
    fields = {**BEHIND_A_STEP_UP, **PEOPLE}[what]
    answer = press(signed_in, what, **fields)
    assert answer.status_code == 403
    form = parse_form(answer)
    assert form.action.partition("#")[0] == f"{server.url}account/step-up"
    assert form.fields["act"] == what
    assert f"To {ACTS[what].purpose}, give your password and a code once more." in answer.text
    assert form.fields["password"] == form.fields["code"] == ""
    assert OTHER_PASSWORD not in answer.text
    assert "123456" not in answer.text


def test_after_the_step_up_what_was_pressed_is_done_at_once(
    server: SmallServer, bob: Person, browser: Client
) -> None:
    server.clock.offset += FIVE_MINUTES
    before = browser.login_cookie
    page = press(browser, "create-token", name="a script of mine", days="30")
    for typed, status in (({"password": "wrong"}, 401), ({"password": PASSWORD, "code": "12"}, 400)):
        page = send(browser, "step-up", **{**parse_form(page).fields, "code": "000000", **typed})
        assert page.status_code == status
        assert parse_form(page).fields["name"] == "a script of mine"
    right = {**parse_form(page).fields, "password": PASSWORD, "code": bob.phone.fresh_code()}
    done = send(browser, "step-up", **right)
    assert shown(TOKEN, done)
    assert "a script of mine" in done.text
    assert browser.login_cookie != before
    assert browser.get("private").status_code == 200
    assert told(browser, press(browser, "rename-phone", id=ids(browser, "rename-phone")[0], name="mine"))
    sent_again = send(browser, "step-up", **right)
    assert sent_again.status_code == 401
    assert TOKEN.search(sent_again.text) is None


def test_a_step_up_is_throttled_and_says_so(server: SmallServer, browser: Client) -> None:
    server.clock.offset += FIVE_MINUTES
    page = press(browser, "new-recovery-codes")
    for _ in range(6):
        page = send(browser, "step-up", **{**parse_form(page).fields, "password": "x", "code": "000000"})
    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) >= 1
    assert "Please wait" in message(page)


def test_a_new_password_is_typed_after_the_step_up_for_it_is_kept_nowhere(
    server: SmallServer, bob: Person, browser: Client
) -> None:
    server.clock.offset += FIVE_MINUTES
    page = press(browser, "change-password", password=OTHER_PASSWORD, password_again=OTHER_PASSWORD)
    right = {**parse_form(page).fields, "password": PASSWORD, "code": bob.phone.fresh_code()}
    assert "confirmed" in told(browser, send(browser, "step-up", **right))
    assert press(browser, "change-password", password="short", password_again="short").status_code == 400


def test_a_phone_that_was_begun_is_confirmed_after_a_step_up(
    server: SmallServer, bob: Person, browser: Client
) -> None:
    page = press(browser, "add-phone", name="Tablet")
    phone = Phone(shown(SECRET_KEY, page), clock=server.clock)
    server.clock.offset += FIVE_MINUTES
    page = send(browser, "confirm-phone", **{**parse_form(page).fields, "code": phone.fresh_code()})
    assert page.status_code == 403
    right = {**parse_form(page).fields, "password": PASSWORD, "code": bob.phone.fresh_code()}
    page = send(browser, "step-up", **right)
    assert (page.status_code, phone.secret in page.text) == (200, False)
    done = send(browser, "confirm-phone", **{**parse_form(page).fields, "code": phone.fresh_code()})
    assert "added" in told(browser, done)


def test_whoever_wants_to_be_fresh_beforehand_can(server: SmallServer, bob: Person, browser: Client) -> None:
    server.clock.offset += FIVE_MINUTES
    fields = parse_form(browser.get("account/step-up")).fields
    done = send(browser, "step-up", **{**fields, "password": PASSWORD, "code": bob.phone.fresh_code()})
    assert "confirmed" in told(browser, done)
    made_up = {**fields, "act": "no-such-act", "password": PASSWORD, "code": bob.recovery_codes[0]}
    assert "confirmed" in told(browser, send(browser, "step-up", **made_up))


# -- people ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FOR_ADMINS)
def test_a_member_manages_nobody(server: SmallServer, browser: Client, what: str) -> None:
    fields = {**FOR_ADMINS[what]}
    if "id" in fields:
        fields["id"] = server.services.accounts.named("ada").id
    answer = press(browser, what, **fields)
    assert (answer.status_code, message(answer)) == (403, "This is for administrators.")
    assert "eve" not in [one.username for one in server.services.accounts.all()]
    assert not server.services.accounts.named("ada").disabled


def test_an_administrator_adds_somebody_by_a_link(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    del bob  # who takes everybody but Ada away in the end
    day = "2099-01-31"
    page = press(signed_in, "add-account", username="eve", name="Eve E.", role="admin", ends=day)
    link = shown(LINK, page)
    assert link.startswith(f"{server.url}enroll#")
    assert "<svg" in page.text
    code = link.partition("#")[2]
    assert code not in signed_in.get("account").text
    assert "Eve E." in signed_in.get("account").text
    account = server.services.accounts.named("eve")
    assert (account.role, account.display_name) == (Role.ADMIN, "Eve E.")
    assert 'datetime="2099-01-31T23:59:59Z">31 January 2099, 23:59 UTC' in signed_in.get("account").text
    Client(server.url).enroll(code, username="eve", clock=server.clock)
    assert press(signed_in, "add-account", username="eve").status_code == 409


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"username": "No Name!"}, "cannot be a user name"),
        ({"username": "eve", "role": "king"}, "A role is one of: admin, member, reader."),
        ({"username": "eve", "ends": "tomorrow"}, "A day is written like 2027-01-31."),
        ({"username": "eve", "ends": "2001-01-01"}, "has passed already"),
    ],
)
def test_nobody_is_added_with_what_cannot_be(
    signed_in: Client, fields: dict[str, str], sentence: str
) -> None:
    answer = press(signed_in, "add-account", **fields)
    assert answer.status_code == 400
    assert sentence in message(answer)
    assert f'name="username" value="{fields["username"]}"' in answer.text


def test_an_administrator_changes_disables_resets_and_deletes(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    theirs, accounts = log_in(server, bob), server.services.accounts
    bobs = accounts.named("bob").id
    answer = press(signed_in, "change-account", id=bobs, role="admin", ends="2099-01-31")
    assert "changed" in told(signed_in, answer)
    assert accounts.named("bob").role is Role.ADMIN
    reader = {"role": "reader", "terminals": "step-up"}
    assert "changed" in told(signed_in, press(signed_in, "change-account", id=bobs, **reader))
    assert (accounts.named("bob").role, accounts.named("bob").terminals) == (Role.READER, Terminals.STEP_UP)
    assert re.search(r'value="step-up" selected>after password and code<', signed_in.get("account").text)
    assert '<em class="tag">reader</em>' in signed_in.get("account").text
    assert "changed" in told(signed_in, press(signed_in, "change-account", id=bobs, role="member"))
    assert accounts.named("bob").terminals is Terminals.STEP_UP
    assert accounts.named("bob").expires_at is None
    assert "logins of that person" in told(signed_in, press(signed_in, "end-their-logins", id=bobs))
    assert theirs.get("private").status_code == 302
    assert "disabled" in told(signed_in, press(signed_in, "disable-account", id=bobs))
    assert press(signed_in, "reset-account", id=bobs).status_code == 409
    assert "enabled" in told(signed_in, press(signed_in, "enable-account", id=bobs))
    link = shown(LINK, press(signed_in, "reset-account", id=bobs))
    Client(server.url).enroll(link.partition("#")[2], username="bob", clock=server.clock)
    assert "deleted" in told(signed_in, press(signed_in, "delete-account", id=bobs))
    assert "bob" not in [one.username for one in accounts.all()]
    assert press(signed_in, "delete-account", id=bobs).status_code == 404


def test_the_last_administrator_stays(server: SmallServer, signed_in: Client) -> None:
    me = server.services.accounts.named("ada").id
    for what, fields in (
        ("disable-account", {}),
        ("delete-account", {}),
        ("change-account", {"role": "member"}),
    ):
        answer = press(signed_in, what, id=me, **fields)
        assert (answer.status_code, "last administrator" in message(answer)) == (409, True)


def test_people_are_looked_for_and_not_all_shown(server: SmallServer, signed_in: Client, bob: Person) -> None:
    del bob
    for number in range(55):
        server.services.accounts.add(f"guest{number}", Role.MEMBER, actor="test")
    assert "7 more: search for a name." in signed_in.get("account").text
    found = signed_in.get("account?search=GUEST54").text
    assert re.findall(r"Manage<span[^>]*> ([^<]+)<", found) == ["guest54"]
    assert "Nobody of that name." in signed_in.get("account?search=<b>").text


def test_the_history_is_paged(server: SmallServer, browser: Client) -> None:
    phone = ids(browser, "rename-phone")[0]
    for number in range(25):
        press(browser, "rename-phone", id=phone, name=f"name {number}")
    newest = browser.get("account").text
    assert newest.count("A phone got another name") == 20
    older = re.search(r'href="/(account\?before=\d+)#history"', newest)
    assert older
    page = browser.get(older.group(1)).text
    assert page.count("A phone got another name") == 5
    assert "Newest" in page


# -- words -------------------------------------------------------------------------------------------


def test_the_page_and_the_panel_call_things_alike() -> None:
    panel = Path(__file__).parents[2] / "labextension" / "src" / "words.ts"
    sentences = dict(
        re.findall(r"^    '([a-z-]+)': trans\.__\('([^']+)'\)", panel.read_text("utf-8"), re.MULTILINE)
    )
    assert len(sentences) > 30
    assert {word: words.event_of(EventKind(word)) for word in sentences} == sentences
    assert words.event_of(EventKind.SEAL_BROKEN) == "seal-broken"


def test_the_page_and_the_panel_call_rights_alike() -> None:
    panel = Path(__file__).parents[2] / "labextension" / "src" / "panel"
    texts = "".join((panel / name).read_text("utf-8") for name in ("scopes.tsx", "choices.tsx"))
    found = re.findall(r"(?:'([a-z:-]+)'|\[(ALL)\]|\b(yes|no)): trans\.__\('([^']+)'\)", texts)
    said = {(quoted or bare or constant.lower()): sentence for quoted, constant, bare, sentence in found}
    assert said == {**words.SCOPES, **words.TERMINALS}
    assert set(words.SCOPES) == set(SCOPES)
    assert set(words.TERMINALS) == {one.value for one in Terminals}


def test_a_name_is_changed_without_a_step_up_and_a_colour_is_nothing_else(
    server: SmallServer, browser: Client
) -> None:
    server.clock.offset += FIVE_MINUTES
    fields = {"display_name": "Bob\u202e Builder\x07", "initials": "", "color": "#112233"}
    assert told(browser, press(browser, "change-name", **fields)) == "This is how others see you from now on."
    account = server.services.accounts.named("bob")
    assert (account.display_name, account.initials, account.color) == ("Bob Builder", "BB", "#112233")
    refused = press(browser, "change-name", **{**fields, "color": "red;background:url(//evil)"})
    assert (refused.status_code, message(refused)[:18]) == (400, "A colour is #rrggb")
    assert server.services.accounts.named("bob").color == "#112233"
