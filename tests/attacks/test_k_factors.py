"""Group K: enrollment, recovery codes, changes of factors, over a real server (R27, R35-R37)."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from statistics import median

import pytest
import requests

from jupyter_totp_auth.core.model import Role
from tests.attacks.stage import Opener, Stage, is_denied
from tests.attacks.timing import measure, milliseconds, turned
from tests.harness.backstage import wait_until
from tests.harness.client import PASSWORD, Client, Person, Phone, parse_form
from tests.harness.volley import Wire, volley

TEN_MINUTES = 600


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, open_here: Opener) -> Iterator[Stage]:
    with open_here(tmp_path_factory.mktemp("factors"), cheap=True) as stage:
        yield stage


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


@pytest.fixture
def browser(stage: Stage, ada: Person) -> Client:
    return stage.log_in(ada)


def offer(browser: Client) -> dict[str, str]:
    answer = browser.request("POST", "api/totp/authenticators", json={"name": "Tablet"})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def confirm(browser: Client, new: str, code: str) -> int:
    path = f"api/totp/authenticators/{new}/confirm"
    return browser.request("POST", path, json={"code": code}).status_code


def try_to_log_in(stage: Stage, person: Person, code: str, password: str = "") -> bool:
    client = stage.half_in(person.username, password or person.password)
    answer = client.second_factor(code)
    return answer.status_code == 303 and client.is_signed_in()


# -- K01, K02: who may enroll --------------------------------------------------------------------------------


def begin(stage: Stage, code: str) -> Client | None:
    """A browser that has entered an enrollment code, or None where it was refused."""
    client = stage.client()
    answer = client.post_form(client.get("enroll"), {"enrollment_code": code})
    assert answer.status_code in {303, 401}
    return client if answer.status_code == 303 else None


def test_k01_an_enrollment_code_is_used_once_in_its_time_for_its_own_account(stage: Stage) -> None:
    (ada, hers), (bob, his) = stage.invite(), stage.invite()
    stage.clock.start_of_step(1)
    stage.client().enroll(hers, username=ada, clock=stage.clock.time)
    assert begin(stage, hers) is None, "used"
    # His code is for his account, whatever name is typed.
    client = begin(stage, his)
    assert client is not None
    asked = parse_form(client.get("enroll/account")).fields
    assert "username" not in asked
    names = {"username": ada, "password": PASSWORD, "password_again": PASSWORD}
    assert client.post_form(client.get("enroll/account"), names).status_code == 303
    page = client.get("enroll/phone").text
    assert bob in page
    assert ada not in page
    stage.clock.move(24 * 3600 + 1)
    assert client.get("enroll/phone").status_code == 303, "what it began is over as well"
    assert begin(stage, his) is None, "too late"
    assert stage.services.store.accounts.authenticators(stage.account_id(bob)) == []


@pytest.mark.race
def test_k01_of_twenty_at_once_one_enrolls(stage: Stage) -> None:
    name, code = stage.invite()
    stage.clock.start_of_step(1)
    browsers = [client for _ in range(20) if (client := begin(stage, code))]
    assert len(browsers) == 20, "entering it again begins anew"

    def go_on(client: Client) -> bool:
        fields = {"password": PASSWORD, "password_again": PASSWORD}
        page = client.follow(client.post_form(client.follow(client.get("enroll/account")), fields))
        secret = re.search(r'<code id="totp-secret">([A-Z2-7]+)</code>', page.text)
        if secret is None:
            return False
        phone = Phone(secret.group(1), clock=stage.clock.time)
        done = client.post_form(page, {"code": phone.code()})
        return "recovery-code" in done.text and client.is_signed_in()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(go_on, browsers)) == 1
    assert begin(stage, code) is None
    assert len(stage.services.store.accounts.authenticators(stage.account_id(name))) == 1
    assert (stage.recovery_codes_left(name), stage.logins_of(name)) == (10, 1)


def test_k02_who_knows_only_the_password_of_an_unenrolled_account_gets_nowhere(stage: Stage) -> None:
    name, _ = stage.invite(password=PASSWORD)
    thief = stage.client()
    assert try_to_log_in(stage, Person(name, PASSWORD, Phone("A" * 32)), "123456") is False
    for page in ("enroll/account", "enroll/phone", "enroll/recovery-codes"):
        values = {"username": name, "password": PASSWORD, "password_again": PASSWORD, "code": "123456"}
        thief.get("login")
        for answer in (thief.get(page), thief.request("POST", page, data={**values, "_xsrf": thief.xsrf})):
            shown = thief.follow(answer)
            assert "totp-secret" not in shown.text, page
            assert "recovery-code" not in shown.text, page
    for guess in ("", PASSWORD, "A" * 43, name):
        answer = thief.post_form(thief.get("enroll"), {"enrollment_code": guess})
        assert answer.status_code == 401, guess
    paths = ("authenticators", "authenticators/00/confirm", "recovery-codes", "step-up", "password")
    for path in paths:
        assert is_denied(thief.request("POST", f"api/totp/{path}", json={"password": PASSWORD})), path
    assert stage.services.store.accounts.authenticators(stage.account_id(name)) == []
    assert stage.logins_of(name) == 0


# -- K04 to K11: phones --------------------------------------------------------------------------------------


def test_k04_the_old_phone_goes_on_until_the_new_one_is_confirmed(
    stage: Stage, ada: Person, browser: Client
) -> None:
    new = offer(browser)
    phone = Phone(new["secret"], clock=stage.clock.time)
    assert not try_to_log_in(stage, ada, phone.code())
    assert try_to_log_in(stage, ada, stage.code(ada))
    stage.clock.set(stage.clock.now() + TEN_MINUTES + 1)
    later = stage.log_in(ada)
    assert confirm(later, new["id"], phone.fresh_code()) == 404


def test_k05_five_wrong_codes_end_it(stage: Stage, ada: Person, browser: Client) -> None:
    new = offer(browser)
    phone = Phone(new["secret"], clock=stage.clock.time)
    wrong = stage.wrong_code(Person(ada.username, ada.password, phone))
    assert [confirm(browser, new["id"], wrong) for _ in range(5)] == [401] * 5
    assert confirm(browser, new["id"], phone.fresh_code()) == 404


def test_k07_a_secret_is_shown_once(stage: Stage, ada: Person, browser: Client) -> None:
    new = offer(browser)
    secrets = (new["secret"], ada.phone.secret)
    for path in ("me", "authenticators", "events", "logins", f"authenticators/{new['id']}"):
        answer = browser.get(f"api/totp/{path}")
        assert not any(secret in answer.text for secret in secrets), path
    for page in ("enroll", "enroll/phone", "login"):
        assert not any(secret in browser.follow(browser.get(page)).text for secret in secrets), page
    at_rest = stage.bytes_at_rest()
    assert not any(secret.encode() in at_rest for secret in secrets)
    assert not any(secret in stage.log for secret in secrets)


def test_k07_the_account_page_shows_a_secret_in_one_answer(stage: Stage, browser: Client) -> None:
    shown = []
    for what, pattern in (
        ("add-phone", r'id="totp-secret">([A-Z2-7]{32})<'),
        ("new-recovery-codes", r'<li class="recovery-code">([^<]+)<'),
        ("create-token", r"jta_[0-9A-Za-z]{46}"),
    ):
        page = browser.get("account")
        fields = {"_xsrf": parse_form(page).fields["_xsrf"], "name": "Tablet"}
        headers = {"Origin": browser.origin}
        answer = browser.session.post(
            f"{browser.url}account/{what}", data=fields, headers=headers, timeout=30
        )
        assert answer.headers["Cache-Control"] == "no-store"
        shown += re.findall(pattern, answer.text)
    assert len(shown) == 12
    forms = ("add-phone", "confirm-phone", "new-recovery-codes", "create-token", "step-up")
    for path in ("account", *(f"account/{what}" for what in forms)):
        answer = browser.follow(browser.get(path))
        assert not any(secret in answer.text for secret in shown), path
    assert not any(secret in stage.log for secret in shown)


def test_k08_nobody_keeps_the_answer_with_the_qr(browser: Client) -> None:
    answer = browser.request("POST", "api/totp/authenticators", json={"name": "Tablet"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    svg = answer.json()["qr_svg"]
    assert not any(word in svg for word in ("href", "url(", "<image", answer.json()["secret"]))


def test_k10_the_only_factor_stays(browser: Client) -> None:
    (phone,) = browser.get("api/totp/authenticators").json()["authenticators"]
    answer = browser.request("DELETE", f"api/totp/authenticators/{phone['id']}")
    assert (answer.status_code, answer.json()["reason"]) == (409, "last-authenticator")


def test_k11_a_replaced_factor_ends_other_logins_and_forgets_browsers(stage: Stage, ada: Person) -> None:
    other = stage.log_in(ada)
    browser = stage.log_in(ada)
    (old,) = browser.get("api/totp/authenticators").json()["authenticators"]
    new = offer(browser)
    phone = Phone(new["secret"], clock=stage.clock.time)
    assert confirm(browser, new["id"], phone.fresh_code()) == 200
    assert browser.request("DELETE", f"api/totp/authenticators/{old['id']}").status_code == 204
    assert browser.is_signed_in()
    wait_until(lambda: not other.is_signed_in(), 2, "the end at every process")
    account = stage.account_id(ada)
    assert stage.rows(f"SELECT digest FROM known_browser WHERE account_id = '{account}'") == []
    assert stage.events_of(ada)[-1] == "authenticator-removed"
    assert not try_to_log_in(stage, ada, stage.code(ada))


def test_k13_a_recovery_code_opens_one_login(stage: Stage, ada: Person) -> None:
    halves = [stage.half_in(ada.username) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda half: half.second_factor(ada.recovery_codes[0]), halves))
    assert sum(half.is_signed_in() for half in halves) == 1, [answer.status_code for answer in answers]


@pytest.mark.race
def test_k13_of_a_hundred_with_one_recovery_code_one_gets_in(stage: Stage, ada: Person) -> None:
    halves = []
    for _ in range(100):
        stage.unlock(ada)
        halves.append(stage.half(stage.pending(ada.username)))
    stage.unlock(ada)
    code = ada.recovery_codes[0]
    answers = volley([(half.url, half.code(code)) for half in halves])
    assert Counter(answer.status for answer in answers) == {303: 1, 401: 99}
    assert (stage.logins_of(ada), stage.recovery_codes_left(ada)) == (1, 9)
    stage.unlock(ada)
    assert not try_to_log_in(stage, ada, code), "and afterwards never"


def test_k14_somebody_elses_recovery_code_opens_nothing(stage: Stage, ada: Person) -> None:
    bob = stage.person()
    assert not try_to_log_in(stage, ada, bob.recovery_codes[0])
    assert try_to_log_in(stage, bob, bob.recovery_codes[0])


def test_k16_a_right_code_behind_a_wrong_password_is_not_burnt(stage: Stage, ada: Person) -> None:
    code = ada.recovery_codes[0]
    client = stage.half_in(ada.username, "not the password of anybody")
    assert is_denied(client.second_factor(code))
    assert not client.is_signed_in()
    assert try_to_log_in(stage, ada, code)


def codes_at_rest(stage: Stage, person: Person) -> set[object]:
    account = stage.account_id(person)
    query = f"SELECT digest FROM recovery_code WHERE account_id = '{account}' AND used_at IS NULL"
    return {row[0] for row in stage.rows(query)}


@pytest.mark.race
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.soak)])
def test_k17_a_kill_while_codes_are_made_anew_leaves_all_old_or_all_new(stage: Stage, kills: int) -> None:
    server = stage.servers[0]
    ada = stage.person()
    browser = stage.log_in(ada, stage.client(server.url))

    def renew() -> list[str]:
        with suppress(requests.RequestException):
            answer = browser.request("POST", "api/totp/recovery-codes")
            assert answer.status_code == 201, answer.text
            return list(answer.json()["recovery_codes"])
        return []  # it was killed before it could say

    begun = time.monotonic()
    known = renew()
    took = time.monotonic() - begun
    with ThreadPoolExecutor(1) as pool:
        for _ in range(kills):
            stage.clock.move(1)
            before = codes_at_rest(stage, ada)
            asked = pool.submit(renew)
            time.sleep(random.uniform(0, 1.5 * took))  # noqa: S311 - a moment, no secret
            server.kill()
            shown = asked.result()
            server.start()
            after = codes_at_rest(stage, ada)
            assert len(after) == 10
            assert after == before or not after & before
            assert not shown or after != before, "what was acknowledged is there"
            known = shown or (known if after == before else [])
            browser = stage.log_in(ada, stage.client(server.url))
    if known:
        assert try_to_log_in(stage, ada, known[0])


@pytest.mark.slow
def test_k20_a_wrong_recovery_code_costs_one_look_and_no_hash(stage: Stage, ada: Person) -> None:
    kinds = {"digits": stage.wrong_code(ada), "recovery code": "0123-4567-89AB-CDEF-GHJK-MNPQ"}

    def one_round(number: int) -> dict[str, list[float]]:
        stage.unlock(ada)
        half = stage.half(stage.pending(ada.username))
        with Wire(stage.url) as wire:
            return {
                kind: [milliseconds(lambda kind=kind: wire.ask(half.code(kinds[kind]))) for _ in range(2)]
                for kind in turned(list(kinds), number)
            }

    figures = measure(one_round, rounds=8)
    # One argon2 alone is 100 ms and more; ten would be a second.
    assert median(figures["recovery code"]) < median(figures["digits"]) + 60, figures


@pytest.mark.parametrize("size", [17 * 1024, 10_000_000])
def test_k19_an_endless_recovery_code_is_refused(stage: Stage, ada: Person, size: int) -> None:
    answer = stage.half_in(ada.username).second_factor("A" * size)
    assert answer.status_code in {400, 413}


def test_k22_an_operators_new_password_leaves_the_second_factor_on(
    stage: Stage, ada: Person, browser: Client
) -> None:
    stage.services.accounts.set_password(ada.username, f"{PASSWORD} anew", actor="operator")
    wait_until(lambda: not browser.is_signed_in(), 2, "the end of the login")
    assert not try_to_log_in(stage, ada, "000000", f"{PASSWORD} anew")
    assert try_to_log_in(stage, ada, stage.code(ada), f"{PASSWORD} anew")


def test_k23_an_administrators_reset_shows_no_secret_and_sets_no_password(stage: Stage, ada: Person) -> None:
    root = stage.person()
    stage.services.accounts.set_role(root.username, Role.ADMIN, actor="operator")
    browser = stage.log_in(root)
    answer = browser.request("POST", f"api/totp/accounts/{stage.account_id(ada)}/reset")
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "username", "enrollment_code", "url", "qr_svg", "expires_at"}
    assert ada.phone.secret not in answer.text
    # With the code alone nobody enrolls: her password is asked.
    thief = stage.client()
    page = thief.follow(
        thief.post_form(thief.get("enroll"), {"enrollment_code": answer.json()["enrollment_code"]})
    )
    denied = thief.post_form(page, {"password": "not her password at all"})
    assert "totp-secret" not in thief.follow(denied).text
    assert try_to_log_in(stage, ada, stage.code(ada))


def stale(stage: Stage, person: Person) -> Client:
    """A login whose five minutes are over: what a script in a trusted notebook holds."""
    browser = stage.log_in(person)
    stage.clock.set(stage.clock.now() + 301)
    return browser


ADDING: list[tuple[str, str, dict[str, object] | None]] = [
    ("POST", "authenticators", {"name": "Mine"}),
    ("POST", "authenticators/00/confirm", {"code": "123456"}),
    ("PATCH", "authenticators/00", {"name": "Mine"}),
    ("DELETE", "authenticators/00", None),
    ("POST", "recovery-codes", None),
    ("POST", "password", {"new_password": "velvet orbit 77 tundra"}),
    ("POST", "access-tokens", {"name": "Mine"}),
    ("POST", "accounts", {"username": "mine"}),
    ("PATCH", "accounts/00", {"role": "member"}),
    ("DELETE", "accounts/00", None),
    ("POST", "accounts/00/reset", None),
]


def test_i13_a_notebooks_script_adds_and_changes_nothing(stage: Stage) -> None:
    root = stage.person()
    stage.services.accounts.set_role(root.username, Role.ADMIN, actor="operator")
    browser = stale(stage, root)
    before = len(stage.services.accounts.all())
    for method, path, body in ADDING:
        more = {} if body is None else {"json": body}
        answer = browser.request(method, f"api/totp/{path}", **more)
        assert answer.status_code == 403, path
        assert answer.json()["reason"] == "step-up", path
    for path in ("me", "authenticators", "logins", "events", "access-tokens", "accounts"):
        text = browser.get(f"api/totp/{path}").text
        assert not any(word in text for word in (root.phone.secret, "otpauth", "jta_", *root.recovery_codes))
    assert len(stage.services.accounts.all()) == before


def test_e14_a_password_is_not_changed_without_a_step_up(stage: Stage, ada: Person) -> None:
    browser = stale(stage, ada)
    new = {"new_password": "velvet orbit 77 tundra"}

    def change() -> int:
        return browser.request("POST", "api/totp/password", json=new).status_code

    def step_up(password: str, code: str) -> int:
        body = {"password": password, "code": code}
        return browser.request("POST", "api/totp/step-up", json=body).status_code

    spent = ada.phone.code_of(ada.phone.last_step)
    tries: list[Callable[[], int]] = [
        lambda: step_up("wrong password here", stage.code(ada)),
        lambda: step_up(ada.password, stage.wrong_code(ada)),
        lambda: step_up(ada.password, spent),
    ]
    for attempt in tries:
        assert attempt() == 401
        assert change() == 403
    codes = [step_up("wrong password here", stage.wrong_code(ada)) for _ in range(8)]
    assert codes[-1] == 429
    assert change() == 403


def test_e16_a_password_is_not_changed_by_get(browser: Client) -> None:
    answer = browser.get("api/totp/password?new_password=velvet+orbit+77+tundra")
    assert answer.status_code == 405


# -- K25: what happened meanwhile ------------------------------------------------------------------------------


def test_k25_the_next_login_tells_of_the_last_one_and_of_what_failed_since(stage: Stage, ada: Person) -> None:
    stage.log_in(ada)
    first = stage.clock.now()
    stage.clock.move(3600)
    for _ in range(2):
        assert stage.client().first_factor(ada.username, "not the password of anybody").status_code == 303
    assert not try_to_log_in(stage, ada, stage.wrong_code(ada))
    stage.clock.move(60)
    me = stage.log_in(ada).get("api/totp/me").json()
    told = datetime.fromisoformat(me["last_login"]["at"].replace("Z", "+00:00")).timestamp()
    assert abs(told - first) < 30
    assert me["last_login"]["client"] == "127.0.0.1"
    assert me["failed_since_last_login"] == {"count": 3, "clients": ["127.0.0.1"]}
