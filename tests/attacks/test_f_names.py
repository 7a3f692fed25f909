"""Group F of the attack list: names that look alike, names that are no names, and names that come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_totp_auth.core.accounts import Refused
from jupyter_totp_auth.core.model import Role
from tests.attacks.stage import WRONG_PASSWORD, Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import PASSWORD, Client, Person
from tests.harness.volley import Wire, message

FULLWIDTH = str.maketrans({letter: chr(ord(letter) + 0xFEE0) for letter in "abcdefghijklmnopqrstuvwxyz"})

LOOKALIKES = [
    "Alice",
    "ALICE",
    "alicE",
    "alice".translate(FULLWIDTH),
    "\u0430lice",  # Cyrillic a
    "al\u0456ce",  # Cyrillic i
    "\u03b1lice",  # Greek alpha
    "b\u03bfb",  # Greek omicron
    "alic\u00e9",
    "alice\u0301",
    "al\u0131ce",
    "alice ",
    " alice",
    "alice.",
    ".alice",
    "-alice",
    "_alice",
    "ali ce",
    "alice/",
    "alice%20",
    "../alice",
    "",
    "a" * 65,
]

UNPRINTABLE = {
    "bell": "\a",
    "escape": "\x1b[31m",
    "delete": "\x7f",
    "next line": "\x85",
    "right-to-left override": "\u202e",
    "zero width joiner": "\u200d",
    "line separator": "\u2028",
    "byte order mark": "\ufeff",
    "newline": "\n",
    "tab": "\t",
    "NUL": "\0",
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("f"), cheap=True) as found:
        yield found


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


def names(stage: Stage) -> list[str]:
    return [account.username for account in stage.services.accounts.all()]


def insist_on_denied(stage: Stage, typed: str, password: str, code: str) -> None:
    """Both ways in, with everything right but the name."""
    half = stage.half_in(typed, password)
    assert half.second_factor(code).status_code == 401, ascii(typed)
    assert half.login_cookie is None
    client = stage.client()
    client.get("login")
    document = {"username": typed, "password": password, "code": code}
    answer = client.request("POST", "api/totp/login", json=document)
    assert (answer.status_code, answer.json()["reason"]) == (401, "denied"), ascii(typed)
    assert client.login_cookie is None


# -- F01, F02, F05: what is no name ---------------------------------------------------------------------------


def test_F01_F02_no_account_is_made_whose_name_looks_like_another(stage: Stage) -> None:
    stage.invite("alice")
    before = names(stage)
    for name in [*LOOKALIKES, "alice"]:
        with pytest.raises(Refused):
            stage.services.accounts.add(name, Role.MEMBER, actor="operator")
    assert names(stage) == before


@pytest.mark.parametrize("name", ["Alice", "alice".translate(FULLWIDTH), "\u0430lice"])
def test_F01_F02_the_command_line_refuses_it_and_says_so_in_ascii(stage: Stage, name: str) -> None:
    before = names(stage)
    done = stage.server.totp("adduser", name)
    assert done.returncode == 1, done.stdout
    assert done.stderr.isascii()
    assert "cannot be a user name" in done.stderr
    assert names(stage) == before


def test_F01_F02_F05_the_first_set_up_takes_a_name_only_in_its_one_spelling(tmp_path: Path) -> None:
    with open_stage(tmp_path, cheap=True) as stage:
        stage.invite("alice")
        client = stage.client()
        code = stage.server.setup_code()
        page = client.follow(client.post_form(client.get("enroll"), {"enrollment_code": code}))
        folded = {"Alice", "ALICE", "alicE", "alice ", " alice"}  # taken, as alice
        shown = [f"al{text}ice" for text in UNPRINTABLE.values()]
        for name in [*LOOKALIKES, *shown]:
            values = {"username": name, "password": PASSWORD, "password_again": PASSWORD}
            answer = client.post_form(page, values)
            assert answer.status_code == 400, ascii(name)
            assert ("That name is taken" in answer.text) == (name in folded), ascii(name)
        assert names(stage) == ["alice"]
        values["username"] = " Ada\t"
        assert client.post_form(page, values).status_code == 303
        assert 'name="code"' in client.get("enroll/phone").text


@pytest.mark.parametrize("what", UNPRINTABLE)
def test_F05_what_cannot_be_printed_is_refused_and_never_reaches_the_log(
    stage: Stage, ada: Person, what: str
) -> None:
    text = UNPRINTABLE[what]
    name = f"{ada.username[:3]}{text}{ada.username[3:]} [I 1970-01-01] forged-{len(what)}"
    with pytest.raises(Refused) as refused:
        stage.services.accounts.add(name, Role.MEMBER, actor="operator")
    assert str(refused.value).isprintable()
    begun = len(stage.server.log)
    insist_on_denied(stage, name, PASSWORD, stage.code(ada))
    insist_on_denied(stage, f"{ada.username}{text}x", PASSWORD, stage.code(ada))
    log = stage.server.log[begun:]
    assert "POST /login" in log
    assert f"forged-{len(what)}" not in log, "what was typed is not logged at all"
    assert text in "\n\t" or text not in log


@pytest.mark.parametrize("what", ["escape", "right-to-left override", "newline"])
def test_F05_the_command_line_shows_them_escaped(stage: Stage, what: str) -> None:
    done = stage.server.totp("adduser", f"ada{UNPRINTABLE[what]}lovelace")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip().isprintable()
    assert "lovelace" in done.stderr


# -- F04: letters that fold into others ----------------------------------------------------------------------------

FOLDING = {
    "ss": ["\u00df", "\u1e9e", "\u017f\u017f", "s\u017f", "SS\u200b"],
    "i": ["\u0131", "\u0130", "i\u0307", "\u2170", "\uff49"],
    "k": ["\u212a", "\uff4b", "\U0001d424"],
    "s": ["\u017f", "\u24e2"],
}


@pytest.mark.parametrize("username", FOLDING)
def test_F04_letters_that_unicode_folds_reach_no_other_account(stage: Stage, username: str) -> None:
    person = stage.person(username)
    code = stage.code(person)
    for typed in FOLDING[username]:
        insist_on_denied(stage, typed, PASSWORD, code)
    assert stage.failures(person) == [], "not even its counters"
    assert stage.events_of(person)[-1] == "enrolled"
    stage.client().log_in(person, code=code)


@pytest.mark.parametrize("typed", ["{}", " {}", "{} ", "\t{}\r\n"])
@pytest.mark.parametrize("upper", [False, True])
def test_F04_ascii_case_and_outer_blanks_are_folded(
    stage: Stage, ada: Person, typed: str, upper: bool
) -> None:
    name = typed.format(ada.username.upper() if upper else ada.username)
    half = stage.half_in(name)
    assert half.second_factor(stage.code(ada)).status_code == 303
    assert half.get("api/totp/me").json()["username"] == ada.username


# -- F07: names that are too long ------------------------------------------------------------------------------------


def test_F07_a_name_of_ten_megabytes_is_refused_before_it_is_read(stage: Stage) -> None:
    client = stage.client()
    client.get("login")
    before = stage.counted()
    name = "a" * 10_000_000
    values = {"_xsrf": client.xsrf, "username": name, "password": PASSWORD}
    assert client.request("POST", "login", data=values).status_code == 413
    document = {"username": name, "password": PASSWORD, "code": "123456"}
    assert client.request("POST", "api/totp/login", json=document).status_code == 413
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Transfer-Encoding": "chunked"}
    chunk = b"4000\r\n" + b"username=" + b"a" * (0x4000 - 9) + b"\r\n"
    with Wire(stage.server.url) as wire:
        head = message(client.url, "POST", "/login", headers=kind).replace(b"Content-Length: 0\r\n", b"")
        wire.send(head + chunk + chunk)  # 32 KiB, and no end in sight
        assert wire.answer().status == 400
    assert stage.counted() == before


@pytest.mark.parametrize("length", [65, 256, 257, 4096])
def test_F07_a_name_that_is_too_long_is_as_wrong_as_any(stage: Stage, ada: Person, length: int) -> None:
    name = ada.username.ljust(length, "a")
    insist_on_denied(stage, name, PASSWORD, stage.code(ada))
    assert stage.failures(ada) == []


def test_F07_the_longest_name_works(stage: Stage) -> None:
    stage.log_in(stage.person("a" * 63 + "-"))


# F08, the collation of MariaDB, is the store's: tests/store/test_accounts.py.


# -- F10: an account that comes back ----------------------------------------------------------------------------------


def test_F10_nothing_of_a_deleted_account_works_for_its_namesake(stage: Stage) -> None:
    first = stage.person("phoenix")
    old = stage.log_in(first)
    known = old.cookie("-known-")
    half = stage.half_in("phoenix")
    page = half.get("login/code")
    stage.services.accounts.delete("phoenix", actor="operator")
    wait_until(lambda: not old.is_signed_in(), 5, "the end of the login")
    second = stage.person("phoenix")
    assert second.phone.secret != first.phone.secret
    stage.clock.start_of_step(2)
    assert not old.is_signed_in()
    assert half.post_form(page, {"code": second.phone.code()}).status_code == 401, "a pending login"
    # The known browser: it would be told at once that the password is wrong.
    assert old.cookie("-known-") == known
    assert old.first_factor("phoenix", WRONG_PASSWORD).status_code == 303
    for code in (first.phone.code(), first.recovery_codes[0]):
        stage.unlock(second)
        assert stage.half_in("phoenix").second_factor(code).status_code == 401
    stage.unlock(second)
    assert stage.logins_of(second) == 0
    assert stage.half_in("phoenix").second_factor(second.phone.code()).status_code == 303
    assert stage.half_in("phoenix").second_factor(second.recovery_codes[0]).status_code == 303


# -- F11: names of another type -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "value"), [("0", 0), ("1e3", 1e3), ("1000", 1000), ("true", True), ("null", None)]
)
def test_F11_a_name_is_a_string_and_nothing_else(stage: Stage, username: str, value: object) -> None:
    person = stage.person(username)
    code = stage.code(person)
    before = stage.counted()
    for wrong in (value, [username], {"username": username}, {"$ne": ""}):
        answer = ask(stage.client(), {"username": wrong, "password": PASSWORD, "code": code})
        assert (answer, stage.counted()) == (400, before), repr(wrong)
    assert ask(stage.client(), {"username": username, "password": PASSWORD, "code": code}) == 200


def ask(client: Client, document: object) -> int:
    client.get("login")
    return client.request("POST", "api/totp/login", json=document).status_code
