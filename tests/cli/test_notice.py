"""notice, and logins --grace: what the operator tells everybody, and ends a little later."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.cli.times import _LONGEST_GRACE
from jupyter_totp_auth.core.endings import LONGEST_GRACE
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import EndedLogin, EndReason
from tests.cli.desk import START, Desk, Person

TEXT = "The server stops at 18:00."


def test_everybody_is_told_until_it_is_over(desk: Desk) -> None:
    said = desk.do("notice", TEXT, "--valid-for", "1h").out
    assert "2027-01-15 09:00 UTC" in said
    (notice,) = desk.do("notice", "--list", "--json").document
    assert said.rstrip().endswith(f"--withdraw {notice['id']}")
    assert notice == {
        "id": notice["id"],
        "message": TEXT,
        "sender": None,
        "sent_at": "2027-01-15T08:00:00Z",
        "expires_at": "2027-01-15T09:00:00Z",
    }
    with desk.services() as services:
        services.sync()
        assert [one.message for one in services.notices.live()] == [TEXT]
    desk.now += 3600
    assert desk.do("notice", "--json").document == []


def test_what_was_sent_is_printed_for_programs(desk: Desk) -> None:
    sent = desk.do("notice", "x", "--json").document
    assert desk.do("notice", "--json").document == [sent]
    assert sent["expires_at"] == "2027-01-16T08:00:00Z"


def test_notices_are_listed_for_people(desk: Desk) -> None:
    desk.do("notice", TEXT)
    head, row = desk.do("notice").out.splitlines()
    assert head.split() == ["ID", "BY", "SINCE", "UNTIL", "NOTICE"]
    assert "operator" in row
    assert row.endswith(TEXT)


def test_one_is_taken_back_and_then_all(desk: Desk) -> None:
    first = desk.do("notice", "a", "--json").document
    desk.do("notice", "b")
    desk.do("notice", "c")
    assert desk.do("notice", "--withdraw", first["id"]).out == "Took 1 notice back.\n"
    left = {one["message"] for one in desk.do("notice", "--json").document}
    assert left == {"b", "c"}
    assert desk.do("notice", "--clear", "--json").document == {"withdrawn": 2}
    assert desk.do("notice", "--clear").out == "Took 0 notices back.\n"
    told = [event for event in desk.do("log", "--json").document if event["event"].startswith("notice-")]
    assert [event["event"] for event in told] == ["notice-sent"] * 3 + ["notice-withdrawn"] * 2
    assert {(event["actor"], event["account"]) for event in told} == {("operator", None)}


@pytest.mark.parametrize(
    "words", [("--withdraw", "0123456789abcdef"), ("",), ("x" * 501,), ("x", "--valid-for", "31d")]
)
def test_what_cannot_be_done_exits_one(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.run("notice", *words)
    assert (result.status, result.out) == (1, "")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("x", "--list"),
        ("x", "--clear"),
        ("--clear", "--list"),
        ("--valid-for", "1h"),
        ("--list", "--valid-for", "1h"),
        ("x", "--valid-for", "soon"),
        ("x", "y"),
    ],
)
def test_what_does_not_go_together_exits_two(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run("notice", *words).status == 2
    assert desk.do("notice", "--json").document == []


# -- logins --grace ------------------------------------------------------------------------------------


@pytest.fixture
def ada(desk: Desk) -> Person:
    return desk.add("ada")


def over(desk: Desk, person: Person) -> EndedLogin | None:
    with desk.services() as services:
        found = services.logins.load_or_why(person.bearer)
        return found if isinstance(found, EndedLogin) else None


def test_logins_end_after_a_grace_also_where_no_server_runs(desk: Desk, ada: Person) -> None:
    said = desk.do("logins", "ada", "--end-all", "--grace", "60").out
    assert said == "1 login of ada will have ended in 60 seconds.\n"
    desk.now += 59
    assert over(desk, ada) is None
    desk.now += 1
    assert over(desk, ada) == EndedLogin(START + 60, EndReason.ENDED_BY_ADMIN)


def test_one_login_ends_after_a_grace(desk: Desk, ada: Person) -> None:
    (login,) = desk.do("logins", "ada", "--json").document
    assert desk.do("logins", "ada", "--end", login["id"], "--grace", "30", "--json").document == {"ending": 1}
    assert desk.do("logins", "ada", "--json").document == [login | {"expires_at": "2027-01-15T08:00:30Z"}]
    told = desk.do("log", "--account", "ada", "--json").document[-1]
    assert (told["event"], told["actor"], told["login"]) == (
        EventKind.LOGIN_ENDING.value,
        "operator",
        login["id"],
    )


def test_a_grace_of_nothing_is_an_end_at_once(desk: Desk, ada: Person) -> None:
    assert desk.do("logins", "ada", "--end-all", "--grace", "0").out == "Ended 1 login of ada.\n"
    assert over(desk, ada) == EndedLogin(START, EndReason.ENDED_BY_ADMIN)


@pytest.mark.parametrize("grace", ["-1", "3601", "1m", "", "99999999999", "\u0661"])
def test_a_grace_is_seconds_up_to_an_hour(desk: Desk, ada: Person, grace: str) -> None:
    assert desk.run("logins", "ada", "--end-all", f"--grace={grace}").status == 2
    assert over(desk, ada) is None


def test_a_grace_is_for_an_end(desk: Desk, ada: Person) -> None:
    assert ada.username == "ada"
    assert desk.run("logins", "ada", "--grace", "60").status == 2


def test_the_longest_grace_is_the_same_everywhere() -> None:
    assert _LONGEST_GRACE == LONGEST_GRACE
