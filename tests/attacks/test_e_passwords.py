"""Group E: passwords of every length and script, and what is left of them in the store (R19-R21).

E14 and E16, the change of a password, are in test_k_factors.py; E19, the form in a browser, in tests/browser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
import requests
from argon2 import extract_parameters, profiles

from jupyter_totp_auth.core.passwords import is_argon2id
from jupyter_totp_auth.core.sealing import Purpose
from tests.attacks.stage import Stage, open_stage
from tests.harness.client import Client, Person
from tests.harness.volley import Answer, Wire, message

MIB = 1024 * 1024
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("e")) as found:
        yield found


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


@pytest.fixture
def browser(stage: Stage, ada: Person) -> Client:
    return stage.log_in(ada)


def choose(browser: Client, password: str) -> requests.Response:
    """A new password, by the person."""
    return browser.request("POST", "api/totp/password", json={"new_password": password})


def opens(stage: Stage, person: Person, password: str) -> bool:
    """Whether both factors let a browser in that was never here; told only at the end."""
    stage.unlock(person)
    client = stage.half_in(person.username, password)
    answer = client.second_factor(stage.code(person))
    assert answer.status_code in {303, 401}
    return answer.status_code == 303


def rss(stage: Stage) -> int:
    """The server's memory in bytes."""
    status = Path(f"/proc/{stage.server.process.pid}/status").read_text()  # type: ignore[union-attr]
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


# -- E01: huge ones -------------------------------------------------------------------------------------------


def insist_on_refused(stage: Stage, path: str, kind: str, size: int, *, chunked: bool) -> None:
    """A body of ``size``, sent as long as somebody reads it."""
    start = b'{"username":"ada","code":"123456","password":"' if kind == JSON else b"username=ada&password="
    head = message(stage.url, "POST", path, headers={"Content-Type": kind})
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    piece = b"a" * 16_384
    with Wire(stage.url) as wire:
        wire.send(head.replace(b"Content-Length: 0", length))
        try:
            for number in range(size // len(piece)):
                part = piece if number else start + piece[len(start) :]
                wire.send(b"4000\r\n" + part + b"\r\n" if chunked else part)
        except OSError:
            pass  # it is not read to the end
        answer = first_answer(wire)
    assert answer is None or answer.status == (400 if chunked else 413), (path, size, answer)


def first_answer(wire: Wire) -> Answer | None:
    """None where our own sending got a reset before we read."""
    try:
        return wire.answer()
    except (OSError, ValueError):
        return None


@pytest.mark.parametrize("size", [MIB, 10 * MIB, 200 * MIB])
def test_E01_a_huge_password_is_not_read_let_alone_hashed(stage: Stage, size: int) -> None:
    before, at_rest = rss(stage), stage.counted()
    for chunked in (False, True):
        insist_on_refused(stage, "/login", FORM, size, chunked=chunked)
        insist_on_refused(stage, "/api/totp/login", JSON, size, chunked=chunked)
    client = stage.client()
    client.get("login")
    assert (
        client.post_form(client.get("login"), {"username": "ada", "password": "a" * MIB}).status_code == 413
    )
    assert stage.counted() == at_rest, "nothing was evaluated"
    assert rss(stage) - before < 16 * MIB


# -- E02, E13, E20: lengths and words --------------------------------------------------------------------------


@pytest.mark.parametrize("length", [64, 128, 1024])
def test_E02_long_passwords_are_set_and_used_whole(
    stage: Stage, ada: Person, browser: Client, length: int
) -> None:
    password = "orbit velvet ".ljust(length, "t")
    assert choose(browser, password).status_code == 204
    assert opens(stage, ada, password)
    assert not opens(stage, ada, password[:-1]), "the last character counts"
    assert not opens(stage, ada, f"{password}t")


def test_E02_one_beyond_the_longest_is_refused_with_the_reason(
    stage: Stage, ada: Person, browser: Client
) -> None:
    answer = choose(browser, "a" * 1025)
    assert (answer.status_code, answer.json()["reason"]) == (400, "weak-password")
    assert "1024" in answer.json()["message"]
    assert not opens(stage, ada, "a" * 1025), "at the login it is as wrong as any"
    assert opens(stage, ada, ada.password)


@pytest.mark.parametrize(
    "password",
    ["orbit velvet tundra kiosk", "alllowercaseletters", "904817365522", "🦊🐙🦉🦊🐙🦉🦊🐙🦉🐝🐝🐝"],
)
def test_E13_no_rule_of_composition_stands_in_the_way(
    stage: Stage, ada: Person, browser: Client, password: str
) -> None:
    assert choose(browser, password).status_code == 204
    assert opens(stage, ada, password)


@pytest.mark.parametrize("password", ["🦊🐙🦉🐝", "🦊🐙🦉🐝" * 2 + "🦊🐙🦉"])
def test_E20_the_shortest_password_is_counted_in_characters_not_in_bytes(
    browser: Client, password: str
) -> None:
    assert len(password.encode()) >= 12
    answer = choose(browser, password)
    assert (answer.status_code, answer.json()["reason"]) == (400, "weak-password")
    assert "too short" in answer.json()["message"]


# -- E04, E05, E07, E08: characters ----------------------------------------------------------------------------


def test_E04_nothing_ends_at_a_nul(stage: Stage, ada: Person, browser: Client) -> None:
    answer = choose(browser, "orbit velvet\0 tundra")
    assert (answer.status_code, answer.json()["reason"]) == (400, "weak-password")
    for typed in (f"{ada.password}\0", f"{ada.password}\0tail", f"\0{ada.password}"):
        assert not opens(stage, ada, typed), ascii(typed)
    assert opens(stage, ada, ada.password)


def test_E05_composed_and_decomposed_are_one_and_compatibility_forms_are_not(
    stage: Stage, ada: Person, browser: Client
) -> None:
    assert choose(browser, "caf\u00e9 orbit fi velvet").status_code == 204
    assert opens(stage, ada, "cafe\u0301 orbit fi velvet")
    assert opens(stage, ada, "caf\u00e9 orbit fi velvet")
    for other in ("caf\u00e9 orbit \ufb01 velvet", "cafe orbit fi velvet", "caf\u00e9 orbit fi\u00a0velvet"):
        assert not opens(stage, ada, other), ascii(other)


def test_E07_what_is_no_text_is_400_and_costs_nothing(stage: Stage, browser: Client) -> None:
    client = stage.client()
    client.get("login")
    before = stage.counted()
    right = '{"username": "ada", "code": "123456", "password": "%s"}'
    bodies = [(right % text).encode() for text in (r"\ud800", r"abc\udfffdef", r"\udc00\ud800")]
    bodies += [
        right.encode().replace(b"%s", raw) for raw in (b"\xc0\xaf", b"\xed\xa0\x80", b"\xff", b"\xf8\x88")
    ]
    for body in bodies:
        answer = client.request("POST", "api/totp/login", data=body, headers={"Content-Type": JSON})
        assert (answer.status_code, answer.json()["reason"]) == (400, "malformed"), body
    for raw in ("%C0%AF", "%ED%A0%80", "%FF", "%F8%88%80%80%80"):
        body = f"_xsrf={client.xsrf}&username=ada&password={raw}"
        answer = client.request("POST", "login", data=body, headers={"Content-Type": FORM})
        assert answer.status_code == 400, raw
    assert stage.counted() == before
    lone = json.dumps({"new_password": "orbit velvet \ud800 tundra"})
    answer = browser.request("POST", "api/totp/password", data=lone, headers={"Content-Type": JSON})
    assert answer.status_code == 400
    assert "Traceback" not in stage.log


SCRIPTS = {
    "emoji": ("🦊🐙🦉🐝🐢🐬" * 171)[:1024],
    "right to left": "\u202e\u05d0\u05d1\u05d2 \u0627\u0644\u0628\u064a\u062a 12345",
    "joined emoji": "👩‍👩‍👧‍👦 orbit 👩‍👩‍👧‍👦 velvet",
    "combining marks": "orbit ve" + "\u0301\u0316" * 40 + "lvet \u0301",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_E08_every_script_works(stage: Stage, ada: Person, browser: Client, script: str) -> None:
    password = SCRIPTS[script]
    assert choose(browser, password).status_code == 204
    assert opens(stage, ada, password)
    assert not opens(stage, ada, password[:-1])


def test_E08_ten_thousand_combining_marks_are_too_long(stage: Stage, ada: Person, browser: Client) -> None:
    endless = "a" + "\u0301" * 10_000
    body = json.dumps({"new_password": endless}, ensure_ascii=False).encode()
    answer = browser.request("POST", "api/totp/password", data=body, headers={"Content-Type": JSON})
    assert (answer.status_code, answer.json()["reason"]) == (400, "weak-password")
    half = stage.client()
    assert half.first_factor(ada.username, endless).status_code == 413, "60 kB as a form"
    assert opens(stage, ada, ada.password)


# -- E10, E11, E17: the hash -----------------------------------------------------------------------------------


def stored(stage: Stage, person: Person) -> tuple[bytes, str]:
    """The hash as it stands in the store, and what the keyring makes of it."""
    account = stage.services.accounts.named(person.username)
    sealed = account.sealed_password or b""
    opened = stage.services.store.sealer.open(
        sealed, Purpose.PASSWORD_HASH, account=account.id, item=account.id
    )
    return sealed, opened.decode()


def test_E10_the_hash_is_argon2id_of_rfc_9106_and_sealed(stage: Stage, ada: Person, browser: Client) -> None:
    assert choose(browser, "orbit velvet tundra kiosk").status_code == 204
    sealed, phc = stored(stage, ada)
    assert phc.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    found = extract_parameters(phc)
    assert (found.salt_len, found.hash_len) == (16, 32)
    assert phc.encode() not in stage.bytes_at_rest()
    assert b"argon2" not in sealed


def test_E11_a_weaker_hash_is_made_anew_once_and_two_logins_at_once_lose_nothing(stage: Stage) -> None:
    ada = stage.person()  # hashed by the cheapest profile: the server's is the raised one
    before, weak = stored(stage, ada)
    assert extract_parameters(weak) == profiles.CHEAPEST
    together, answers = Barrier(2), []

    def first() -> None:
        client = stage.client()
        page = client.get("login")
        together.wait()
        answers.append(client.post_form(page, {"username": ada.username, "password": ada.password}))

    threads = [Thread(target=first) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [303, 303]
    strong, phc = stored(stage, ada)
    assert strong != before
    assert extract_parameters(phc) == profiles.RFC_9106_LOW_MEMORY
    assert opens(stage, ada, ada.password)
    assert stored(stage, ada)[0] == strong, "once"


REPLACED: dict[str, bytes | None] = {
    "sha1": b"sha1:$abc$40bd001563085fc35165329ea1ff5c5ecbdbbeef",
    "argon2i": b"$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$dGFn",
    "garbage": b"\x00\xff" * 40,
    "empty": b"",
    "NULL": None,
}


@pytest.mark.parametrize("what", REPLACED)
def test_E17_a_hash_that_was_replaced_in_the_database_opens_nothing(
    stage: Stage, ada: Person, what: str
) -> None:
    begun = len(stage.log)
    with stage.sql() as connection:
        connection.execute(
            "UPDATE account SET password = ? WHERE username = ?", (REPLACED[what], ada.username)
        )
    for typed in (ada.password, "sha1"):
        assert not opens(stage, ada, typed)
    assert stage.logins_of(ada) == 0
    reported = [line for line in stage.log[begun:].splitlines() if "seal-broken" in line]
    assert len(reported) == (0 if what == "NULL" else 2), "one line a try"
    assert stage.log_in(stage.person()).is_signed_in(), "others get in"
    assert "Traceback" not in stage.log[begun:]
    assert is_argon2id(stored(stage, stage.person())[1])
