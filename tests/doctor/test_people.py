"""People and their things as the doctor sees them, in a real store."""

from __future__ import annotations

from jupyter_totp_auth.core.access_tokens import NewToken
from jupyter_totp_auth.core.policy import DAY, HOUR
from tests.cli.desk import Desk, Person
from tests.doctor.looking import green, red, yellow


def test_nobody_is_enrolled_until_somebody_is(desk: Desk) -> None:
    desk.do("init")
    yellow(desk, "nobody-enrolled", "Nobody")
    desk.do("adduser", "bob")
    yellow(desk, "nobody-enrolled", "Nobody")
    desk.add("ada", "--admin")
    green(desk, "nobody-enrolled")


def test_administrators(desk: Desk) -> None:
    desk.add("ada", "--admin")
    green(desk, "administrators")
    desk.add("bob")
    yellow(desk, "administrators", "ada")
    desk.add("eve", "--admin")
    green(desk, "administrators")
    desk.do("disable", "eve")
    yellow(desk, "administrators", "ada")
    desk.do("role", "ada", "member")
    red(desk, "administrators", "no administrator")


def test_few_recovery_codes(desk: Desk) -> None:
    ada = desk.add("ada", "--admin")
    green(desk, "recovery-codes")
    for code in ada.recovery_codes[:8]:
        desk.now += HOUR
        assert desk.log_in(ada, code=code)
    yellow(desk, "recovery-codes", "ada (2)")


def test_people_who_sleep(desk: Desk) -> None:
    ada = desk.add("ada", "--admin")
    desk.add("bob")
    desk.now += 91 * DAY
    assert desk.log_in(ada)
    yellow(desk, "sleeping-accounts", "bob")
    desk.do("disable", "bob")
    green(desk, "sleeping-accounts")


def test_links_that_are_good_for_long(desk: Desk) -> None:
    desk.do("adduser", "bob")
    green(desk, "open-links")
    desk.do("adduser", "eve", "--valid-for", "30d")
    yellow(desk, "open-links", "1")


def test_access_tokens_that_last(desk: Desk) -> None:
    ada = desk.add("ada", "--admin")
    mint(desk, ada, days=90)
    green(desk, "access-tokens")
    mint(desk, ada, days=365)
    yellow(desk, "access-tokens", "ada")


def test_access_tokens_that_nobody_uses(desk: Desk) -> None:
    mint(desk, desk.add("ada", "--admin"), days=100)
    desk.now += 91 * DAY
    yellow(desk, "access-tokens", "ada")


def mint(desk: Desk, person: Person, *, days: int) -> None:
    with desk.services() as services:
        login = services.logins.load(person.bearer)
        assert login is not None
        made = services.access_tokens.create(login, name="script", days=days, client="192.0.2.1")
        assert isinstance(made, NewToken)
