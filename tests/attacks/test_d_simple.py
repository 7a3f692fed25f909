"""Group D of the attack list, as far as part 1 goes: the simple limits, and what a known browser is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from jupyter_totp_auth.web.cookies import Cookie
from tests.attacks.stage import WRONG_PASSWORD, Opener, Stage, is_denied, same
from tests.harness.backstage import cookie_name
from tests.harness.client import PASSWORD, Client, Person, parse_form
from tests.harness.volley import volley

FREE = 5
DELAYS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
KNOWN = "-known-"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, open_here: Opener) -> Iterator[Stage]:
    with open_here(tmp_path_factory.mktemp("d"), cheap=True) as found:
        yield found


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


def put(client: Client, cookie: Cookie, value: str) -> None:
    parts = urlsplit(client.url)
    name = cookie_name(client.url, cookie)
    client.session.cookies.set(name, value, domain=parts.hostname or "", path="/")


# -- D01, D16: passwords ----------------------------------------------------------------------------------------


def test_D01_after_five_failures_each_further_one_doubles_the_wait(stage: Stage, ada: Person) -> None:
    client = stage.client()
    with stage.clock.standing():
        for _ in range(FREE):
            assert client.first_factor(ada.username, WRONG_PASSWORD).status_code == 303
        for failures, delay in enumerate(DELAYS, start=FREE):
            before = stage.counted()
            # The right password is not looked at: neither evaluated nor counted.
            for password in (PASSWORD, WRONG_PASSWORD):
                answer = client.first_factor(ada.username, password)
                assert answer.status_code == 429
                assert answer.headers["Retry-After"] == str(delay)
                assert parse_form(answer).action.endswith("/login")
            assert stage.counted() == before
            assert stage.failures(ada)[0] == failures
            stage.clock.move(delay - 1)
            assert client.first_factor(ada.username, PASSWORD).headers["Retry-After"] == "1"
            stage.clock.move(1)
            assert client.first_factor(ada.username, WRONG_PASSWORD).status_code == 303
        stage.clock.move(900)
    stage.log_in(ada)


def test_D01_the_api_waits_by_the_same_counter(stage: Stage, ada: Person) -> None:
    client = stage.client()
    client.get("login")
    document = {"username": ada.username, "password": WRONG_PASSWORD, "code": "123456"}
    with stage.clock.standing():
        for _ in range(3):
            assert client.request("POST", "api/totp/login", json=document).status_code == 401
        for _ in range(2):
            assert client.first_factor(ada.username, WRONG_PASSWORD).status_code == 303
        document["password"] = PASSWORD
        answer = client.request("POST", "api/totp/login", json=document)
    assert answer.status_code == 429
    assert answer.json()["reason"] == "throttled"
    assert answer.headers["Retry-After"] == "1"


def test_D01_an_unlock_takes_the_wait_away(stage: Stage, ada: Person) -> None:
    client = stage.client()
    with stage.clock.standing():
        for _ in range(FREE):
            client.first_factor(ada.username, WRONG_PASSWORD)
        assert client.first_factor(ada.username).status_code == 429
        stage.unlock(ada)
        assert client.first_factor(ada.username).status_code == 303


def test_D16_an_unknown_name_waits_as_a_known_one_does(stage: Stage, ada: Person) -> None:
    def series(name: str) -> list[tuple[object, ...]]:
        client = stage.client()
        return [same(client.first_factor(name, WRONG_PASSWORD)) for _ in range(FREE + 2)]

    unknown = f"x{ada.username}"[: len(ada.username)]
    with stage.clock.standing():
        for delay in (0, 1, 2, 4, 8, 16):
            stage.clock.move(delay)
            known, nobody = series(ada.username), series(unknown)
            assert [status for status, *_ in known].count(429) >= 2
            # The form shows the name that was typed again; nothing else may differ.
            assert known == [
                tuple(part.replace(unknown, ada.username) if isinstance(part, str) else part for part in seen)
                for seen in nobody
            ]


# -- D02: codes --------------------------------------------------------------------------------------------------


@pytest.mark.race
def test_D02_of_twenty_wrong_codes_at_once_five_are_looked_at(stage: Stage, ada: Person) -> None:
    half = stage.half(stage.pending(ada.username))
    with stage.clock.standing():  # else a slow machine waits out the second that the sixth has to wait
        right, wrong = stage.code(ada), stage.wrong_code(ada)
        answers = volley([(half.url, half.code(wrong))] * 20)
    assert {answer.status for answer in answers} == {401}
    asked_again = Counter("one-time-code" in answer.text for answer in answers)
    assert asked_again == {True: FREE, False: 15}
    assert stage.events_of(ada).count("second-factor-denied") == FREE
    assert stage.failures(ada) == [FREE, 1]
    assert volley([(half.url, half.code(right))])[0].status == 401
    assert stage.logins_of(ada) == 0


@pytest.mark.race
def test_D02_over_many_pending_logins_ten_are_looked_at(stage: Stage, ada: Person) -> None:
    stage.clock.start_of_step(1)
    with stage.clock.standing():
        halves = []
        for _ in range(11):
            stage.unlock(ada)
            halves.append(stage.half(stage.pending(ada.username)))
        stage.unlock(ada)
        right, wrong = stage.code(ada), stage.wrong_code(ada)
        volley([(half.url, half.code(wrong)) for half in halves[:10] for _ in range(FREE)])
        last = volley([(halves[10].url, halves[10].code(right))])
    listed = stage.services.store.events.list(account_id=stage.account_id(ada))
    tried = Counter(event.detail for _, event in listed if event.kind.value == "second-factor-denied")
    assert tried == {"": 10, "closed": 41}
    assert last[0].status == 401
    assert stage.logins_of(ada) == 0


def test_D02_a_wrong_recovery_code_counts_as_a_wrong_code(stage: Stage, ada: Person) -> None:
    half = stage.half(stage.pending(ada.username))
    answers = volley([(half.url, half.code("0123-4567-89AB-CDEF-GHJK-MNPQ"))] * 3)
    assert {answer.status for answer in answers} == {401}
    assert stage.failures(ada) == [3, 1]
    assert stage.events_of(ada).count("second-factor-denied") == 3


# -- D08, D10: the known browser ------------------------------------------------------------------------------------


def is_known(client: Client, name: str) -> bool:
    """A known browser is told at once that the password is wrong; a stranger is sent on to the code."""
    answer: requests.Response = client.first_factor(name, WRONG_PASSWORD)
    assert answer.status_code in {303, 401}
    return answer.status_code == 401


def test_D08_only_the_genuine_cookie_of_this_account_counts(stage: Stage, ada: Person) -> None:
    bob = stage.person()
    genuine = stage.log_in(ada).cookie(KNOWN) or ""
    bobs = stage.log_in(bob).cookie(KNOWN) or ""
    last = "A" if genuine[20] != "A" else "B"
    others = {
        "bob's": bobs,
        "made up": "A" * 43,
        "one character changed": genuine[:20] + last + genuine[21:],
        "cut short": genuine[:-1],
        "longer": genuine + "A",
        "empty": "",
        "of another kind": stage.half_in(ada.username).cookie("-pending-") or "",
    }
    for what, value in others.items():
        stage.unlock(ada)
        client = stage.client()
        put(client, Cookie.KNOWN_BROWSER, value)
        assert not is_known(client, ada.username), what
    client = stage.client()
    put(client, Cookie.KNOWN_BROWSER, genuine)
    assert is_known(client, ada.username), "the genuine one"


@pytest.mark.parametrize("change", ["password", "reset", "age"])
def test_D08_it_ends_with_what_it_was_bound_to(stage: Stage, ada: Person, change: str) -> None:
    client = stage.log_in(ada)
    client.log_out()
    assert is_known(client, ada.username)
    accounts = stage.services.accounts
    if change == "password":
        accounts.set_password(ada.username, PASSWORD, actor="operator")
    elif change == "reset":
        accounts.reset(ada.username, actor="operator")
    else:
        stage.clock.move(90 * 24 * 3600 + 60)
    stage.unlock(ada)
    assert client.cookie(KNOWN), "the browser still has it"
    assert not is_known(client, ada.username)


def test_D10_a_known_browser_still_needs_both_factors(stage: Stage, ada: Person) -> None:
    known = stage.log_in(ada).cookie(KNOWN) or ""
    paths = ("api/contents", "api/me", "api/totp/me", "api/kernels", "tree")
    for cookie in (Cookie.KNOWN_BROWSER, Cookie.LOGIN, Cookie.PENDING):
        client = stage.client()
        put(client, cookie, known)
        for path in paths:
            assert is_denied(client.get(path)), f"{path} as {cookie.value}"
        assert is_denied(client.get("login/code")), "there is no pending login to finish"
    client = stage.client()
    put(client, Cookie.KNOWN_BROWSER, known)
    assert client.first_factor(ada.username).status_code == 303
    for path in paths:
        assert is_denied(client.get(path)), path
    assert client.second_factor(stage.wrong_code(ada)).status_code == 401
    assert client.login_cookie is None
    assert client.second_factor(stage.code(ada)).status_code == 303
    assert client.is_signed_in()
