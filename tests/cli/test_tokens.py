"""tokens; and what else at the desk ends one."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.access_tokens import NewToken
from jupyter_totp_auth.core.events import EventKind
from tests.cli.desk import Desk, Person


def make(desk: Desk, person: Person, name: str = "VS Code") -> NewToken:
    with desk.services() as services:
        login = services.logins.load(person.bearer)
        assert login is not None
        made = services.access_tokens.create(login, name=name, days=None, client="192.0.2.1")
    assert isinstance(made, NewToken)
    return made


def lives(desk: Desk, made: NewToken) -> bool:
    with desk.services() as services:
        return services.access_tokens.load(made.token.digest) is not None


def test_tokens_are_listed_without_their_strings(desk: Desk) -> None:
    made = make(desk, desk.add("ada"))
    result = desk.do("tokens", "ada", "--json")
    assert result.document == [
        {
            "id": made.token.id,
            "name": "VS Code",
            "scopes": ["all"],
            "path_prefix": None,
            "created_at": "2027-01-15T08:00:00Z",
            "expires_at": "2027-04-15T08:00:00Z",
            "last_used_at": None,
            "last_used_from": None,
        }
    ]
    table = desk.do("tokens", "ada").out
    assert [line.split()[0] for line in table.splitlines()] == ["ID", made.token.id]
    assert made.text not in result.out + table


def test_a_token_is_revoked_by_its_id(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.add("bob")
    first, second = make(desk, ada), make(desk, ada)
    assert desk.run("tokens", "bob", "--revoke", first.token.id).status == 1
    assert lives(desk, first)
    assert first.token.id in desk.do("tokens", "ada", "--revoke", first.token.id).out
    assert (lives(desk, first), lives(desk, second)) == (False, True)
    assert desk.run("tokens", "ada", "--revoke", first.token.id).status == 1
    document = desk.do("tokens", "ada", "--revoke", second.token.id, "--json").document
    assert document == {"revoked": second.token.id}
    last = desk.events()[-1]
    assert (last.kind, last.actor, last.detail) == (EventKind.TOKEN_REVOKED, "operator", second.token.id)


def test_who_is_not_there_has_no_tokens(desk: Desk) -> None:
    desk.add("ada")
    assert desk.run("tokens", "nobody").status == 1
    assert desk.run("tokens", "ada", "--revoke", "\x1b[31m").status == 1
    assert desk.run("tokens").status == 2


@pytest.mark.parametrize("words", [("reset", "ada"), ("disable", "ada")])
def test_after_a_theft_the_operator_ends_them_all(desk: Desk, words: tuple[str, ...]) -> None:
    made = make(desk, desk.add("ada"))
    desk.do(*words)
    desk.do("enable", "ada")
    assert not lives(desk, made)


def test_a_restored_store_has_none(desk: Desk) -> None:
    made, backup = make(desk, desk.add("ada")), str(desk.home / "backup.sqlite3")
    desk.do("backup", backup)
    desk.do("restore", backup, "--yes")
    assert not lives(desk, made)
    assert desk.do("tokens", "ada", "--json").document == []
