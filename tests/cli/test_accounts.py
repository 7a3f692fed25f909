"""The verbs that list accounts, change them and take them away."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Role
from tests.cli.desk import HERE, PASSWORD, START, Desk

NEW_PASSWORD = "kiosk anvil heron"
DAY = 86400

NAMING = [
    ("passwd", "nobody", "--password-stdin"),
    ("role", "nobody", "admin"),
    ("reset", "nobody"),
    ("disable", "nobody"),
    ("enable", "nobody"),
    ("deluser", "nobody", "--yes"),
    ("unlock", "nobody"),
    ("logins", "nobody"),
    ("logins", "nobody", "--end", "abc"),
    ("logins", "nobody", "--end-all"),
    ("log", "--account", "nobody"),
]


@pytest.mark.parametrize("words", NAMING, ids=" ".join)
def test_an_unknown_name_exits_1_with_one_sentence(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.run(*words, stdin=PASSWORD.encode())
    assert (result.status, result.out) == (1, "")
    assert "There is no account named 'nobody'" in result.err
    assert len(result.err.splitlines()) == 1


def test_list_shows_who_can_log_in_and_why_not(desk: Desk) -> None:
    desk.add("ada", "--admin", "--display-name", "Ada Lovelace")
    desk.do("adduser", "bob")
    desk.add("cleo")
    desk.do("disable", "cleo")
    desk.do("adduser", "dan", "--expires", "2027-01-15")
    desk.now += DAY
    assert [(one["username"], one["state"]) for one in desk.do("list", "--json").document] == [
        ("ada", "active"),
        ("bob", "not enrolled"),
        ("cleo", "disabled"),
        ("dan", "expired"),
    ]
    lines = desk.do("list").out.splitlines()
    assert lines[1].split()[:5] == ["ada", "Ada", "Lovelace", "admin", "active"]
    assert "2027-01-15 23:59 UTC" in lines[4]


def test_list_as_json_has_these_keys_and_times_in_utc(desk: Desk) -> None:
    desk.add("ada", "--admin")
    desk.do("adduser", "bob", "--expires", "2027-02-01T12:00:00+02:00", "--display-name", "Bob")
    assert desk.do("list", "--json").document == [
        {
            "username": "ada",
            "display_name": "ada",
            "role": "admin",
            "state": "active",
            "created_at": "2027-01-15T08:00:00Z",
            "expires_at": None,
            "enrolled": True,
        },
        {
            "username": "bob",
            "display_name": "Bob",
            "role": "member",
            "state": "not enrolled",
            "created_at": "2027-01-15T08:00:00Z",
            "expires_at": "2027-02-01T10:00:00Z",
            "enrolled": False,
        },
    ]


def test_list_of_an_empty_store_is_an_empty_list(desk: Desk) -> None:
    assert desk.do("list", "--json").document == []


def test_passwd_sets_the_password_and_ends_the_logins(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.do("passwd", "ada", "--password-stdin", stdin=NEW_PASSWORD.encode())
    assert not desk.lives(ada.bearer)
    desk.now += 30
    assert desk.log_in(ada) is None
    desk.now += 30
    assert desk.log_in(ada, password=NEW_PASSWORD)


def test_a_weak_password_is_refused_in_a_sentence_and_changes_nothing(desk: Desk) -> None:
    ada = desk.add("ada")
    for weak in (b"short", b"password1234", b"adaada123456", b"x" * 5000, b"\xff\xfe" * 10):
        result = desk.run("passwd", "ada", "--password-stdin", stdin=weak)
        assert (result.status, result.out) == (1, "")
        assert result.err.startswith("jupyter totp: ")
        assert len(result.err.splitlines()) == 1
    assert desk.lives(ada.bearer)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_password_stdin_strips_one_line_end(desk: Desk, end: bytes) -> None:
    ada = desk.add("ada")
    desk.do("passwd", "ada", "--password-stdin", stdin=NEW_PASSWORD.encode() + end)
    desk.now += 30
    assert desk.log_in(ada, password=NEW_PASSWORD)


def test_password_stdin_strips_nothing_else(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.do("passwd", "ada", "--password-stdin", stdin=f"  {NEW_PASSWORD} \n\n".encode())
    desk.now += 30
    assert desk.log_in(ada, password=f"  {NEW_PASSWORD} \n")


def test_without_a_terminal_a_password_is_not_asked_for(desk: Desk) -> None:
    desk.do("adduser", "ada")
    result = desk.run("passwd", "ada", stdin=PASSWORD.encode())
    assert result.status == 2
    assert "--password-stdin" in result.err


def test_a_role_changes(desk: Desk) -> None:
    desk.do("adduser", "ada")
    desk.do("role", "ada", "admin")
    with desk.services() as services:
        assert services.accounts.named("ada").role is Role.ADMIN
    desk.do("role", "ada", "reader")
    with desk.services() as services:
        assert services.accounts.named("ada").role is Role.READER
    assert desk.run("role", "ada", "king").status == 2


def test_disable_ends_the_logins_and_enable_opens_the_account_again(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.do("disable", "ada")
    assert not desk.lives(ada.bearer)
    desk.now += 30
    assert desk.log_in(ada) is None
    desk.do("enable", "ada")
    desk.now += 30
    assert desk.log_in(ada)


def test_deluser_needs_a_yes_where_there_is_no_terminal(desk: Desk) -> None:
    ada = desk.add("ada")
    assert desk.run("deluser", "ada").status == 2
    assert desk.lives(ada.bearer)
    desk.do("deluser", "ada", "--yes")
    assert desk.do("list", "--json").document == []
    assert not desk.lives(ada.bearer)


def test_nothing_of_a_deleted_account_opens_the_next_one_of_its_name(desk: Desk) -> None:
    before = desk.add("ada")
    desk.do("deluser", "ada", "--yes")
    desk.now += 30
    desk.add("ada")
    desk.now += 30
    assert not desk.lives(before.bearer)
    assert desk.log_in(before) is None
    assert desk.log_in(before, code=before.recovery_codes[0]) is None


def test_unlock_forgets_the_failed_tries(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.now += 30
    with desk.services() as services:
        for _ in range(8):
            services.login.first_factor(typed_name="ada", typed_password="wrong", origin=HERE)
        denied = services.login.first_factor(typed_name="ada", typed_password=PASSWORD, origin=HERE)
        assert getattr(denied, "retry_after", 0)
    desk.do("unlock", "ada")
    assert desk.log_in(ada)


def test_every_act_is_in_the_log_with_the_operator_as_actor(desk: Desk) -> None:
    desk.do("adduser", "ada")
    desk.do("passwd", "ada", "--password-stdin", stdin=PASSWORD.encode())
    desk.do("role", "ada", "admin")
    desk.do("reset", "ada")
    desk.do("unlock", "ada")
    desk.do("disable", "ada")
    desk.do("enable", "ada")
    desk.do("logins", "ada", "--end-all")
    desk.do("deluser", "ada", "--yes")
    events = desk.events()
    assert [event.kind for event in events] == [
        EventKind.ACCOUNT_ADDED,
        EventKind.ENROLLMENT_CODE,
        EventKind.PASSWORD_SET,
        EventKind.ROLE_CHANGED,
        EventKind.FACTOR_RESET,
        EventKind.ENROLLMENT_CODE,
        EventKind.UNLOCKED,
        EventKind.ACCOUNT_DISABLED,
        EventKind.ACCOUNT_ENABLED,
        EventKind.LOGINS_ENDED,
        EventKind.ACCOUNT_DELETED,
    ]
    assert {(event.actor, event.account, event.at) for event in events} == {("operator", "ada", START)}


def test_a_process_that_has_the_store_open_learns_of_it_by_its_next_look(desk: Desk) -> None:
    ada = desk.add("ada")
    with desk.services() as server:
        login = server.logins.load(ada.bearer)
        assert login is not None
        assert server.logins.sync() == frozenset()
        desk.do("disable", "ada")
        assert server.logins.sync() == {login.session.id}
        assert server.logins.live(login.session.digest) is None
