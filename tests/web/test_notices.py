"""Notices to everybody, and logins that end after a grace: by the JSON API and by the account page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.wiring import iso
from tests.harness.client import Client, Person
from tests.web.small_server import SmallServer
from tests.web.test_account_page import press
from tests.web.test_factors_api import log_in, post, word

TEXT = "The server stops at 18:00."


@pytest.fixture(autouse=True)
def _nothing_left(server: SmallServer) -> Iterator[None]:
    yield
    server.services.notices.withdraw_all(by=None, actor="test")


def live(browser: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser.get("api/totp/notices").json()["notices"]
    return found


def me(browser: Client) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("api/totp/me").json()
    return found


def is_in(browser: Client) -> bool:
    return browser.get("api/totp/me").status_code == 200


def id_of(server: SmallServer, person: Person) -> str:
    return server.services.accounts.named(person.username).id


def sent(browser: Client, message: str = TEXT, **more: Any) -> dict[str, Any]:
    answer = post(browser, "notices", {"message": message, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_everybody_is_told_by_whom_and_until_when(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    theirs = log_in(server, bob)
    notice = sent(signed_in, valid_for=600)
    assert (notice["message"], notice["sender"]) == (TEXT, "ada")
    assert notice["expires_at"] == iso(server.clock() + 600)
    assert live(theirs) == [notice]
    assert me(theirs)["notices"] == [notice]
    server.clock.offset += 600
    assert live(theirs) == []


def test_a_notice_is_text_and_steers_nothing(signed_in: Client) -> None:
    notice = sent(signed_in, "<img src=x onerror=alert(1)>\u202e\x1b[2J\n now")
    assert notice["message"] == "<img src=x onerror=alert(1)>[2J now"
    page = signed_in.get("account").text
    assert "&lt;img src=x onerror=alert(1)&gt;[2J now" in page
    assert "<img src=x" not in page


def test_a_notice_is_withdrawn_without_a_step_up(server: SmallServer, signed_in: Client) -> None:
    notice = sent(signed_in)
    server.clock.offset += 400
    assert post(signed_in, f"notices/{notice['id']}", method="DELETE").status_code == 204
    assert live(signed_in) == []
    assert word(post(signed_in, f"notices/{notice['id']}", method="DELETE")) == (404, "not-found")


def test_to_tell_everybody_both_factors_are_given_once_more(server: SmallServer, signed_in: Client) -> None:
    server.clock.offset += 400
    answer = post(signed_in, "notices", {"message": TEXT})
    assert (answer.status_code, answer.json().get("reason")) == (403, "step-up")
    assert live(signed_in) == []


def test_a_member_tells_nobody_anything_and_takes_nothing_back(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    theirs, notice = log_in(server, bob), sent(signed_in)
    assert word(post(theirs, "notices", {"message": TEXT})) == (403, "admin")
    assert word(post(theirs, f"notices/{notice['id']}", method="DELETE")) == (403, "admin")
    assert live(theirs) == [notice]


def test_nothing_is_told_to_strangers_and_access_tokens(client: Client, signed_in: Client) -> None:
    sent(signed_in)
    assert client.get("api/totp/notices").status_code == 403
    assert TEXT not in client.get("login").text
    token = post(signed_in, "access-tokens", {"name": "x", "scopes": ["all"]}).json()["token"]
    bearing = {"Authorization": f"token {token}"}
    answer = requests.post(
        f"{client.url}api/totp/notices", json={"message": "x"}, headers=bearing, timeout=10
    )
    assert word(answer) == (403, "token")


def test_a_locked_login_is_told_nothing(signed_in: Client) -> None:
    sent(signed_in)
    post(signed_in, "lock")
    assert word(signed_in.get("api/totp/notices")) == (403, "locked")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "malformed"),
        ({"message": ""}, "malformed"),
        ({"message": "x" * 501}, "malformed"),
        ({"message": 1}, "malformed"),
        ({"message": "x", "valid_for": "1"}, "malformed"),
        ({"message": "x", "valid_for": True}, "malformed"),
        ({"message": "x", "valid_for": 60.5}, "malformed"),
        ({"message": "x", "valid_for": None}, "malformed"),
        ({"message": "x", "valid_for": 59}, "bad-lifetime"),
        ({"message": "x", "html": True}, "malformed"),
    ],
)
def test_what_cannot_be_a_notice_is_refused(signed_in: Client, body: dict[str, Any], reason: str) -> None:
    assert word(post(signed_in, "notices", body)) == (400, reason)
    assert live(signed_in) == []


def test_no_other_site_tells_anybody_anything(signed_in: Client) -> None:
    answer = signed_in.session.post(f"{signed_in.url}api/totp/notices", json={"message": "x"}, timeout=10)
    assert word(answer) == (403, "xsrf")


def test_the_audit_log_says_who_told_what(server: SmallServer, signed_in: Client) -> None:
    notice = sent(signed_in)
    post(signed_in, f"notices/{notice['id']}", method="DELETE")
    told = [event for _, event in server.services.store.events.list(username="ada")][-2:]
    assert [event.kind for event in told] == [EventKind.NOTICE_SENT, EventKind.NOTICE_WITHDRAWN]
    assert {(event.actor, event.client) for event in told} == {("ada", "127.0.0.1")}
    assert told[0].detail == f"{notice['id']}: {TEXT}"


# -- an end with a grace -------------------------------------------------------------------------------


def test_an_administrator_ends_somebodys_logins_after_a_grace(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    theirs = log_in(server, bob)
    before = me(theirs)["login"]
    assert before["ending"] is None
    server.clock.offset += 400  # no step-up is asked: it only takes away
    assert (
        post(signed_in, f"accounts/{id_of(server, bob)}/logins?grace=60", method="DELETE").status_code == 204
    )
    ends = server.clock() + 60
    assert me(theirs)["login"] | {"expires_at": iso(ends), "ending": "ended-by-admin"} == me(theirs)["login"]
    assert me(signed_in)["login"]["ending"] is None
    server.clock.offset += 59
    assert is_in(theirs)
    server.clock.offset += 1
    answer = theirs.get("api/totp/me")
    assert word(answer) == (403, "signed-out")
    assert answer.json()["message"].startswith("An administrator has ended this login.")


def test_one_gives_an_own_login_a_grace_and_this_one_too(server: SmallServer, bob: Person) -> None:
    mine, other = log_in(server, bob), log_in(server, bob)
    assert post(mine, f"logins/{me(other)['login']['id']}?grace=10", method="DELETE").status_code == 204
    assert me(other)["login"]["ending"] == "ended-elsewhere"
    own = me(mine)["login"]["id"]
    assert post(mine, f"logins/{own}?grace=10", method="DELETE").status_code == 204
    assert mine.login_cookie
    assert is_in(mine)
    server.clock.offset += 10
    assert not is_in(mine)
    assert not is_in(other)


@pytest.mark.parametrize("grace", ["-1", "3601", "1e3", "x", "", "60&grace=1", "99999999999", "\u0661"])
def test_a_grace_is_a_number_of_seconds_up_to_an_hour(
    server: SmallServer, signed_in: Client, bob: Person, grace: str
) -> None:
    theirs = log_in(server, bob)
    for path in (f"accounts/{id_of(server, bob)}/logins", f"logins/{'0' * 16}"):
        answer = post(signed_in, f"{path}?grace={grace}", method="DELETE")
        assert word(answer) == (400, "malformed")
    assert me(theirs)["login"]["ending"] is None


def test_no_grace_and_a_grace_of_nothing_end_at_once(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    for path in ("logins", "logins?grace=0"):
        theirs = log_in(server, bob)
        post(signed_in, f"accounts/{id_of(server, bob)}/{path}", method="DELETE")
        assert not is_in(theirs)


@pytest.fixture
def shown_out(server: SmallServer, signed_in: Client, bob: Person) -> Client:
    theirs = log_in(server, bob)
    post(signed_in, f"accounts/{id_of(server, bob)}/logins?grace=60", method="DELETE")
    return theirs


HOLDING_ON: list[tuple[str, str, Any]] = [
    ("POST", "authenticators", {"name": "mine"}),
    ("POST", "recovery-codes", None),
    ("POST", "password", {"new_password": "kiosk anvil heron 9"}),
    ("POST", "step-up", {"password": "orbit velvet tundra", "code": "123456"}),
    ("DELETE", "authenticators/00", None),
]


@pytest.mark.parametrize(("method", "path", "body"), HOLDING_ON)
def test_in_its_grace_a_login_changes_nothing(shown_out: Client, method: str, path: str, body: Any) -> None:
    assert word(post(shown_out, path, body, method)) == (403, "ending")


def test_in_its_grace_a_login_makes_no_token(shown_out: Client) -> None:
    assert word(post(shown_out, "access-tokens", {"name": "x", "scopes": ["all"]})) == (403, "step-up")
    assert shown_out.get("api/totp/access-tokens").json() == {"access_tokens": []}


def test_neither_input_nor_unlocking_nor_another_grace_puts_the_end_off(
    server: SmallServer, shown_out: Client, bob: Person
) -> None:
    ends = me(shown_out)["login"]["expires_at"]
    server.clock.offset += 30
    assert post(shown_out, "activity").status_code == 204
    post(shown_out, "lock")
    assert post(shown_out, "unlock", {"code": bob.phone.fresh_code()}).status_code == 204
    assert (
        post(shown_out, f"logins/{me(shown_out)['login']['id']}?grace=3600", method="DELETE").status_code
        == 204
    )
    assert me(shown_out)["login"]["expires_at"] == ends
    server.clock.offset += 30
    assert not is_in(shown_out)


# -- the account page ----------------------------------------------------------------------------------


def test_an_administrator_tells_everybody_by_a_form_and_takes_it_back(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    assert press(signed_in, "send-notice", message=TEXT, lasts="hour").status_code == 303
    (notice,) = live(signed_in)
    assert notice["expires_at"] == iso(server.clock() + 3600)
    assert TEXT in log_in(server, bob).get("account").text
    assert press(signed_in, "withdraw-notice", id=notice["id"]).status_code == 303
    assert live(signed_in) == []


@pytest.mark.parametrize("fields", [{"message": " ", "lasts": "day"}, {"message": "x", "lasts": "for ever"}])
def test_a_form_that_cannot_be_a_notice_comes_back(signed_in: Client, fields: dict[str, str]) -> None:
    assert press(signed_in, "send-notice", **fields).status_code == 400
    assert live(signed_in) == []


def test_an_administrator_ends_logins_in_a_minute_by_a_form(
    server: SmallServer, signed_in: Client, bob: Person
) -> None:
    theirs = log_in(server, bob)
    assert press(signed_in, "end-their-logins", id=id_of(server, bob), when="soon").status_code == 303
    assert me(theirs)["login"]["ending"] == "ended-by-admin"
    assert press(signed_in, "end-their-logins", id=id_of(server, bob), when="now").status_code == 303
    assert not is_in(theirs)
