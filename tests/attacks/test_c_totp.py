"""Group C of the attack list: codes that are right, replayed, foreign, malformed, or of another time."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest
import requests

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.model import Issued
from tests.attacks.stage import HERE, Opener, Stage, open_stage
from tests.attacks.timing import insist_on_one_timing_class, milliseconds, turned
from tests.harness.backstage import wait_until
from tests.harness.client import PASSWORD, Person, parse_form
from tests.harness.volley import Wire, volley

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, open_here: Opener) -> Iterator[Stage]:
    with open_here(tmp_path_factory.mktemp("c"), cheap=True) as found:
        yield found


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


def finish(stage: Stage, person: Person, code: str) -> requests.Response:
    """The code page's answer, on a browser that was never here. No counter stands in the way."""
    stage.unlock(person)
    return stage.half_in(person.username).second_factor(code)


def ask_api(
    stage: Stage, document: object = None, *, raw: str | None = None, **headers: str
) -> requests.Response:
    """POST api/totp/login, with JSON of any kind."""
    client = stage.client()
    client.get("login")
    body = json.dumps(document) if raw is None else raw
    return client.request(
        "POST", "api/totp/login", data=body, headers={"Content-Type": "application/json", **headers}
    )


# -- C01, C02: which codes are right --------------------------------------------------------------------------

RFC_6238 = {  # Appendix B: seconds, and the codes under SHA-1, SHA-256 and SHA-512
    59: ("94287082", "46119246", "90693936"),
    1111111109: ("07081804", "68084774", "25091201"),
    1111111111: ("14050471", "67062674", "99943326"),
    1234567890: ("89005924", "91819424", "93441116"),
    2000000000: ("69279037", "90698825", "38618901"),
    20000000000: ("65353130", "77737706", "47863826"),
}
SEED = "1234567890" * 7


@pytest.mark.parametrize(("at", "codes"), RFC_6238.items())
def test_C01_the_codes_are_those_of_rfc_6238(at: int, codes: tuple[str, str, str]) -> None:
    for digest, length, code in zip(("sha1", "sha256", "sha512"), (20, 32, 64), codes, strict=True):
        secret = totp.to_base32(SEED[:length].encode())
        assert pyotp.HOTP(secret, digits=8, digest=getattr(hashlib, digest)).at(totp.step_at(at)) == code
    assert totp.code(SEED[:20].encode(), totp.step_at(at)) == codes[0][-6:]


@pytest.mark.parametrize(("shift", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_C02_the_code_of_now_and_its_neighbours_are_accepted(
    stage: Stage, ada: Person, shift: int, accepted: bool
) -> None:
    step = stage.clock.start_of_step(10)
    answer = finish(stage, ada, ada.phone.code_of(step + shift))
    assert answer.status_code == (303 if accepted else 401)
    assert stage.logins_of(ada) == int(accepted)


# -- C04, C05: one code, many at once ----------------------------------------------------------------------------


def login_cookies(answers: list[Any]) -> int:
    return sum("-login-" in cookie for answer in answers for cookie in answer.all("Set-Cookie"))


@pytest.mark.race
def test_C04_a_hundred_pending_logins_and_one_code_open_one_login(stage: Stage, ada: Person) -> None:
    halves = []
    for _ in range(100):
        stage.unlock(ada)
        halves.append(stage.half(stage.pending(ada.username)))
    stage.unlock(ada)
    code = stage.code(ada)
    answers = volley([(half.url, half.code(code)) for half in halves])
    assert Counter(answer.status for answer in answers) == {303: 1, 401: 99}
    assert login_cookies(answers) == 1
    assert stage.logins_of(ada) == 1
    assert stage.events_of(ada).count("login") == 1


# C05 is in test_matrix.py: it needs several processes.


# -- C07 to C11: used codes, and the same code in other clothes -----------------------------------------------------


def test_C07_after_the_next_step_this_one_is_refused(stage: Stage, ada: Person) -> None:
    step = stage.clock.start_of_step(10)
    assert finish(stage, ada, ada.phone.code_of(step + 1)).status_code == 303
    for used in (step + 1, step, step - 1):
        assert finish(stage, ada, ada.phone.code_of(used)).status_code == 401
    assert stage.logins_of(ada) == 1
    ada.phone.last_step = step + 1
    assert finish(stage, ada, stage.code(ada)).status_code == 303


def test_C08_the_code_that_confirmed_the_enrollment_opens_no_login(stage: Stage) -> None:
    username, enrollment_code = stage.invite()
    stage.clock.start_of_step(1)
    ada = stage.client().enroll(enrollment_code, username=username, clock=stage.clock.time)
    before = stage.logins_of(ada)
    assert ada.phone.last_step == stage.clock.step
    for shift in (0, -1):
        answer = finish(stage, ada, ada.phone.code_of(ada.phone.last_step + shift))
        assert answer.status_code == 401, shift
    assert stage.logins_of(ada) == before
    assert finish(stage, ada, ada.phone.code_of(ada.phone.last_step + 1)).status_code == 303


def test_C10_a_used_code_stays_used_however_it_is_written(stage: Stage, ada: Person) -> None:
    code = stage.code(ada)
    stage.client().log_in(ada, code=code)
    fullwidth = code.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    written = [
        code,
        f" {code}",
        f"{code} ",
        f"{code}\n",
        f"{code}\r\n",
        f"{code}\t",
        f"\v\f{code}",
        f"\u00a0{code}",
        f"{code}\u200b",
        f"\ufeff{code}",
        f"{code[:3]} {code[3:]}",
        f"{code[:3]}-{code[3:]}",
        f"{code}\0",
        fullwidth,
    ]
    for text in written:
        stage.unlock(ada)
        answer = stage.half_in(ada.username).second_factor(text)
        assert answer.status_code in {400, 401}, ascii(text)
        stage.unlock(ada)
        document = {"username": ada.username, "password": ada.password, "code": text}
        assert ask_api(stage, document).status_code in {400, 401}, ascii(text)
    assert stage.logins_of(ada) == 1


def test_C10_blanks_in_a_fresh_code_do_not_matter(stage: Stage, ada: Person) -> None:
    code = stage.code(ada)
    assert finish(stage, ada, f" {code[:3]} {code[3:]}\t").status_code == 303


DIGITS = {
    "arabic-indic": 0x0660,
    "extended arabic-indic": 0x06F0,
    "devanagari": 0x0966,
    "fullwidth": 0xFF10,
    "mathematical bold": 0x1D7CE,
}
SUPERSCRIPT = str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


def test_C11_digits_of_other_scripts_are_no_code(stage: Stage, ada: Person) -> None:
    code = stage.code(ada)
    written = {name: "".join(chr(zero + int(digit)) for digit in code) for name, zero in DIGITS.items()}
    written["superscript"] = code.translate(SUPERSCRIPT)
    written["one of them"] = code[:5] + chr(0x0660 + int(code[5]))
    for name, text in written.items():
        answer = finish(stage, ada, text)
        assert answer.status_code == 400, name
        assert parse_form(answer).action.endswith("/login/code"), "the form is kept"
        document = {"username": ada.username, "password": ada.password, "code": text}
        assert ask_api(stage, document).status_code == 400, name
    assert stage.logins_of(ada) == 0
    assert finish(stage, ada, code).status_code == 303, "the code itself was not used up"


# -- C13, C14, C16: what is no code at all ---------------------------------------------------------------------------

NO_STRINGS = [None, [], {}, ["123456"], {"code": "123456"}, True, False, 123456, 123456.0, -1, 0]
NO_CODES = [
    "",
    " ",
    "1e5",
    "1e5000",
    "+12345",
    "-12345",
    "+123456",
    "1_2345",
    "1_23456",
    "0x1e240",
    "123456.0",
    "12345",
    "1234567",
    "NaN",
    "Infinity",
    "null",
    "true",
    "123456\n123456",
    "%31%32%33%34%35%36",
]


def test_C13_what_is_no_string_of_six_digits_is_malformed_and_not_charged(stage: Stage, ada: Person) -> None:
    right = {"username": ada.username, "password": ada.password}
    before = stage.counted()
    for code in [*NO_STRINGS, *NO_CODES]:
        answer = ask_api(stage, {**right, "code": code})
        assert answer.status_code == 400, repr(code)
        assert answer.json()["reason"] == "malformed", repr(code)
    assert ask_api(stage, right).status_code == 400, "missing"
    for number in ("NaN", "Infinity", "-Infinity", "1e5", "1" * 5000):
        raw = json.dumps({**right, "code": "X"}).replace('"X"', number)
        assert ask_api(stage, raw=raw).status_code == 400, number[:20]
    assert stage.counted() == before
    assert ask_api(stage, {**right, "code": stage.code(ada)}).status_code == 200


def test_C13_on_the_page_the_form_is_kept_and_nothing_is_charged(stage: Stage, ada: Person) -> None:
    half = stage.half_in(ada.username)
    page = half.get("login/code")
    before = stage.counted()
    for code in NO_CODES:
        answer = half.post_form(page, {"code": code})
        assert answer.status_code == 400, repr(code)
        assert parse_form(answer).action.endswith("/login/code")
    token = parse_form(page).fields["_xsrf"]
    answer = half.request("POST", "login/code", data={"_xsrf": token})
    assert answer.status_code == 400, "missing"
    assert stage.counted() == before
    assert half.post_form(page, {"code": stage.code(ada)}).status_code == 303


def test_C14_a_code_with_leading_zeros_is_no_number(stage: Stage, ada: Person) -> None:
    step = stage.clock.step + 2
    while not ada.phone.code_of(step).startswith("00"):
        step += 1
    stage.clock.set(step * 30 + 1)
    code = ada.phone.code_of(step)
    right = {"username": ada.username, "password": ada.password}
    before = stage.counted()
    for wrong in (int(code), str(int(code)), f"{int(code):5d}", float(code)):
        assert ask_api(stage, {**right, "code": wrong}).status_code == 400, repr(wrong)
    assert stage.counted() == before
    assert ask_api(stage, {**right, "code": code}).status_code == 200


@pytest.mark.parametrize("order", [("bad", "good"), ("good", "bad"), ("good", "good")])
def test_C16_two_codes_in_a_form_are_one_too_many(stage: Stage, ada: Person, order: tuple[str, str]) -> None:
    half = stage.half_in(ada.username)
    codes = {"good": stage.code(ada), "bad": stage.wrong_code(ada)}
    token = parse_form(half.get("login/code")).fields["_xsrf"]
    before = stage.counted()
    body = urlencode([("_xsrf", token), *(("code", codes[which]) for which in order)])
    answer = half.request("POST", "login/code", data=body, headers=FORM)
    assert answer.status_code == 400
    assert half.login_cookie is None
    assert stage.counted() == before
    assert half.second_factor(codes["good"]).status_code == 303


def test_C16_a_code_counts_only_in_the_body(stage: Stage, ada: Person) -> None:
    half = stage.half_in(ada.username)
    good, bad = stage.code(ada), stage.wrong_code(ada)
    token = parse_form(half.get("login/code")).fields["_xsrf"]

    def post(query: str, **body: str) -> int:
        sent = {"_xsrf": token, **body}
        return half.request("POST", f"login/code?code={query}", data=sent).status_code

    assert post(good) == 400
    assert post(good, code=bad) == 401
    assert half.login_cookie is None
    assert stage.logins_of(ada) == 0
    assert post(bad, code=good) == 303
    assert good not in stage.log


def test_C16_json_and_forms_are_not_mixed(stage: Stage, ada: Person) -> None:
    good, bad = stage.code(ada), stage.wrong_code(ada)
    right = {"username": ada.username, "password": ada.password}
    before = stage.counted()
    twice = json.dumps({**right, "code": bad})[:-1] + f', "code": "{good}"}}'
    assert json.loads(twice)["code"] == good, "as Python would read it: the last one wins"
    assert ask_api(stage, raw=twice).status_code == 400
    assert ask_api(stage, {**right, "code": bad, "Code": good}).status_code == 400
    body = urlencode({**right, "code": good})
    assert ask_api(stage, raw=body).status_code == 400, "a form that says it is JSON"
    assert ask_api(stage, raw=body, **FORM).status_code == 415
    assert ask_api(stage, {**right, "code": good}, **{"Content-Type": "text/plain"}).status_code == 415
    half = stage.half_in(ada.username)
    document = {"_xsrf": half.xsrf, "code": good}
    assert half.request("POST", "login/code", json=document).status_code == 415
    answer = half.request("POST", "login/code", data=json.dumps(document), headers=FORM)
    assert answer.status_code in {400, 403}, "JSON that says it is a form"
    assert half.login_cookie is None
    counters, _ = stage.counted()
    assert len(counters) == len(before[0]) + 1, "only the password of the page was charged"
    assert half.second_factor(good).status_code == 303


# -- C17 to C20: the clock -----------------------------------------------------------------------------------------------


def test_C17_a_clock_set_back_opens_nothing_twice_and_a_recovery_code_works(
    stage: Stage, ada: Person
) -> None:
    now = stage.clock.start_of_step(10)
    ada.phone.last_step = now
    stage.client().log_in(ada, code=ada.phone.code_of(now))
    stage.clock.move(-600)
    try:
        back = stage.clock.step
        assert back == now - 20
        for shift in (-1, 0, 1):
            assert finish(stage, ada, ada.phone.code_of(back + shift)).status_code == 401
        assert finish(stage, ada, ada.phone.code_of(now)).status_code == 401
        assert stage.logins_of(ada) == 1
        assert stage.events_of(ada)[-1] == "second-factor-denied"
        assert "code-replayed" in stage.events_of(ada), "the operator can see what it was"
        assert finish(stage, ada, ada.recovery_codes[0]).status_code == 303
    finally:
        stage.clock.move(600)
    stage.clock.start_of_step(1)
    assert finish(stage, ada, ada.phone.code_of(stage.clock.step)).status_code == 303


def test_C22_a_phone_that_was_removed_is_refused_at_once(stage: Stage, ada: Person) -> None:
    stage.log_in(ada)
    page_of = stage.half_in(ada.username)
    code = stage.code(ada)
    account = stage.account_id(ada)
    removed = stage.rows(f"DELETE FROM totp_authenticator WHERE account_id = '{account}' RETURNING id")
    assert len(removed) == 1
    assert page_of.second_factor(code).status_code == 401
    assert finish(stage, ada, code).status_code == 401
    assert stage.logins_of(ada) == 1


def test_C22_after_a_reset_the_new_phone_counts_and_the_old_one_does_not(stage: Stage, ada: Person) -> None:
    old, code = ada.phone, stage.services.accounts.reset(ada.username, actor="operator").code
    stage.code(ada)
    finish(stage, ada, old.code())  # until the new phone is confirmed, the old one works
    assert stage.logins_of(ada) == 1
    client = stage.client()
    renewed = client.enroll(code, username=ada.username, clock=stage.clock.time)
    assert renewed.phone.secret != old.secret
    stage.clock.start_of_step(2)
    assert finish(stage, ada, old.code()).status_code == 401
    assert finish(stage, ada, renewed.phone.code()).status_code == 303


# -- C23: no digit tells itself by time --------------------------------------------------------------------------------------


def sharing(right: str, count: int, taken: set[str]) -> str:
    """A wrong code that begins like the right one, for ``count`` digits and no more."""
    other = str((int(right[count]) + 5) % 10)
    codes = (f"{right[:count]}{other}{tail:0{5 - count}d}"[:6] for tail in range(10 ** (5 - count)))
    return next(code for code in codes if code not in taken)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_C23_a_wrong_code_that_begins_right_takes_no_other_time(stage: Stage) -> None:
    people = {f"{count} digits": stage.person() for count in range(6)}
    stage.clock.start_of_step(10)

    def one_round(number: int) -> dict[str, list[float]]:
        sent = {}
        for count, (kind, person) in enumerate(people.items()):
            stage.unlock(person)
            window = {person.phone.code(shift) for shift in range(-12, 13)}
            code = sharing(person.phone.code(), count, window)
            sent[kind] = stage.half(stage.pending(person.username)).code(code)
        figures: dict[str, list[float]] = {kind: [] for kind in people}
        with Wire(stage.server.url) as wire:
            for nth in range(5):
                for kind in turned(list(people), number + nth):
                    figures[kind].append(milliseconds(lambda kind=kind: refused(wire, sent[kind])))
        return figures

    insist_on_one_timing_class(one_round, rounds=8)


def refused(wire: Wire, sent: bytes) -> None:
    assert wire.ask(sent).status == 401


def test_C23_the_function_itself_takes_one_time_for_2000_wrong_codes() -> None:
    secret, at = totp.new_secret(), 1_800_000_000
    window = {totp.code(secret, totp.step_at(at) + shift) for shift in (-1, 0, 1)}
    right = totp.code(secret, totp.step_at(at))
    codes = {f"{count} digits": sharing(right, count, window) for count in range(6)}

    def one_round(number: int) -> dict[str, list[float]]:
        # A hundred at a time: one alone is quicker than the clock is fine.
        return {
            kind: [milliseconds(lambda code=codes[kind]: hundred(secret, code, at))]
            for kind in turned(list(codes), number)
        }

    insist_on_one_timing_class(one_round, rounds=20)


def hundred(secret: bytes, code: str, at: int) -> None:
    for _ in range(100):
        assert totp.verify(secret, code, at=at, last_step=-1, window=1) is None


# -- C25: the secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("people", [5, pytest.param(25, marks=pytest.mark.soak)])
def test_C25_enrollments_show_secrets_of_160_random_bits_each(stage: Stage, people: int) -> None:
    """By night a thousand, of which each bit is looked at."""
    flow = stage.services.enrollment
    secrets: list[bytes] = []
    for _ in range(people):
        username, code = stage.invite(password=PASSWORD)
        for _ in range(40):  # entering the code again begins anew
            begun = flow.start(code, HERE)
            assert isinstance(begun, Issued)
            chosen = flow.choose(begun.bearer, typed_name=username, typed_password=PASSWORD)
            secrets.append(chosen.secret)  # type: ignore[union-attr, arg-type]
    many = len(secrets)
    assert {len(secret) for secret in secrets} == {20}
    assert len(set(secrets)) == many == people * 40
    stream = b"".join(secrets)
    bits = sum(byte.bit_count() for byte in stream)
    # Monobit: fair coins, ± 5 standard deviations. One run in 1.7 million fails by chance.
    assert abs(bits - 80 * many) < 5 * (160 * many) ** 0.5 / 2
    # Chi-square over bytes, 255 degrees of freedom: mean 255, deviation 22.6; 6 of them either way.
    expected = len(stream) / 256
    chi2 = sum((count - expected) ** 2 / expected for count in (stream.count(byte) for byte in range(256)))
    assert 120 < chi2 < 390
    for place in range(160):
        ones = sum(secret[place // 8] >> (place % 8) & 1 for secret in secrets)
        assert abs(ones - many / 2) < 6.3 * many**0.5 / 2, f"bit {place}"


def test_C25_the_pages_show_the_whole_secret(stage: Stage) -> None:
    username, code = stage.invite()
    person = stage.client().enroll(code, username=username, clock=stage.clock.time)
    assert len(person.phone.secret) == 32  # base32: 5 bits each
    (row,) = stage.services.store.accounts.authenticators(stage.account_id(username))
    assert row.sealed_secret not in {b"", person.phone.secret.encode()}


# -- C26: a backup ---------------------------------------------------------------------------------------------------------------


def test_C26_a_code_used_after_the_backup_is_refused_after_its_restore(tmp_path: Any) -> None:
    with open_stage(tmp_path / "server", cheap=True) as stage:
        ada = stage.person()
        step = stage.clock.start_of_step(10)
        copy = tmp_path / "copy.sqlite3"
        done = stage.server.totp("backup", str(copy))
        assert done.returncode == 0, done.stderr
        client = stage.client()
        client.log_in(ada, code=ada.phone.code_of(step))
        done = stage.server.totp("restore", str(copy), "--yes")
        assert done.returncode == 0, done.stderr
        # Another process did it: the running server learns of it within two seconds (R26).
        wait_until(lambda: not client.is_signed_in(), 2, "the end of the logins of before the restore")
        assert stage.logins_of(ada) == 0, "the store is the backup"
        for shift in (0, -1):
            assert finish(stage, ada, ada.phone.code_of(step + shift)).status_code == 401
        stage.clock.start_of_step(2)
        assert finish(stage, ada, ada.phone.code()).status_code == 303
