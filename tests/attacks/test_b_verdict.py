"""B17 and R7: to a browser that is not known here, every refusal is the same one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from jupyter_totp_auth.core.passwords import PROFILE
from tests.attacks.stage import WRONG_PASSWORD, Stage, open_stage, same, store_of
from tests.attacks.timing import insist_on_one_timing_class, milliseconds, turned
from tests.harness.client import PASSWORD, Client, Person
from tests.harness.volley import Answer, Wire, form

NO_RECOVERY_CODE = "0123-4567-89AB-CDEF-GHJK-MNPQ"
P1_ROUNDS = 9
P2_ROUNDS = 8
TRIES = 5


@dataclass
class Kind:
    """One way of being wrong: a name, a password, and a code where both are asked."""

    name: str
    password: str
    code: str


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("b17")) as found:
        yield found


@pytest.fixture(scope="module")
def people(stage: Stage) -> dict[str, Person]:
    """One enrolled person for each kind that needs one, made once: their codes are only ever refused."""
    found = {
        kind: stage.person()
        for kind in ("wrong code", "wrong password", "disabled", "expired", "replayed", "recovery")
    }
    accounts = stage.services.accounts
    accounts.set_disabled(found["disabled"].username, disabled=True, actor="operator")
    yesterday = stage.clock.now() - 24 * 3600
    account = stage.account_id(found["expired"])
    stage.rows(f"UPDATE account SET expires_at = {yesterday} WHERE id = '{account}' RETURNING id")
    stage.log_in(found["replayed"])
    return found


@pytest.fixture(scope="module")
def unenrolled(stage: Stage) -> str:
    return stage.invite(password=PASSWORD)[0]


@pytest.fixture
def kinds(stage: Stage, people: dict[str, Person], unenrolled: str) -> dict[str, Kind]:
    """All ways of being wrong, at this moment. No counter is left from before."""
    right = {kind: person.phone.code() for kind, person in people.items()}
    wrong = stage.wrong_code(people["wrong code"])
    found = {
        "wrong code": Kind(people["wrong code"].username, PASSWORD, wrong),
        "wrong password": Kind(people["wrong password"].username, WRONG_PASSWORD, right["wrong password"]),
        "unknown": Kind(f"nobody-{stage.name()}", PASSWORD, wrong),
        "no name at all": Kind("Nobody, really!", PASSWORD, wrong),
        "disabled": Kind(people["disabled"].username, PASSWORD, right["disabled"]),
        "expired": Kind(people["expired"].username, PASSWORD, right["expired"]),
        "unenrolled": Kind(unenrolled, PASSWORD, wrong),
        "replayed": Kind(
            people["replayed"].username,
            PASSWORD,
            people["replayed"].phone.code_of(people["replayed"].phone.last_step),
        ),
        "recovery code": Kind(people["recovery"].username, PASSWORD, NO_RECOVERY_CODE),
        "recovery code, wrong password": Kind(people["recovery"].username, WRONG_PASSWORD, NO_RECOVERY_CODE),
    }
    for person in people.values():
        stage.unlock(person)
    stage.unlock(unenrolled)
    return found


# -- by what is answered ----------------------------------------------------------------------------------------


def test_B17_the_answer_to_the_password_is_the_same_whatever_it_was(
    stage: Stage, kinds: dict[str, Kind], people: dict[str, Person]
) -> None:
    firsts, pages = {}, {}
    kinds["right"] = Kind(people["wrong code"].username, PASSWORD, "")
    for what, kind in kinds.items():
        client = stage.client()
        answer = client.first_factor(kind.name, kind.password, next_url="/lab/tree/x.ipynb")
        firsts[what] = same(answer)
        pages[what] = same(client.follow(answer))
    expected = firsts["right"]
    assert expected[0] == 303
    assert ("Location", "/login/code?next=%2Flab%2Ftree%2Fx.ipynb") in expected[1]
    assert "jupyter-totp-pending-" in str(expected[1])
    assert pages["right"][0] == 200
    assert 'name="code"' in pages["right"][2]
    for what in kinds:
        assert firsts[what] == expected, what
        assert pages[what] == pages["right"], what


def test_B17_the_verdict_after_the_code_is_the_same_whichever_factor_was_wrong(
    stage: Stage, kinds: dict[str, Kind]
) -> None:
    series = {}
    for what, kind in kinds.items():
        client = stage.half_in(kind.name, kind.password)
        page = client.get("login/code")
        # Five tries, and the sixth to a pending login that is gone.
        answers = [client.post_form(page, {"code": kind.code}) for _ in range(TRIES + 1)]
        assert client.login_cookie is None, what
        series[what] = [same(answer) for answer in answers]
    expected = series["wrong code"]
    assert [status for status, _, _ in expected] == [401] * (TRIES + 1)
    assert expected[0] == expected[TRIES - 1]
    assert expected[TRIES] != expected[0]
    for what, answers in series.items():
        assert answers == expected, what


def test_B17_a_closed_second_factor_says_nothing_else(
    stage: Stage, people: dict[str, Person], kinds: dict[str, Kind]
) -> None:
    person = people["wrong code"]
    client = stage.half_in(person.username)
    usual = same(client.second_factor(kinds["wrong code"].code))
    account = stage.account_id(person)
    closed = stage.rows(
        f"UPDATE throttle SET failures = 20 WHERE account_id = '{account}' RETURNING failures"
    )
    assert len(closed) == 2
    answer = client.second_factor(stage.code(person))
    assert same(answer) == usual, "the right code, and it is not even looked at"
    assert client.login_cookie is None
    stage.unlock(person)
    assert client.second_factor(stage.code(person)).status_code == 303, "after an unlock it is"


def test_B17_the_api_gives_one_verdict_too(stage: Stage, kinds: dict[str, Kind]) -> None:
    answers = {}
    for what, kind in kinds.items():
        client = stage.client()
        client.get("login")
        document = {"username": kind.name, "password": kind.password, "code": kind.code}
        answers[what] = same(client.request("POST", "api/totp/login", json=document))
        assert client.login_cookie is None, what
    status, _, text = answers["wrong code"]
    assert status == 401
    assert '"reason": "denied"' in text
    for what, answer in answers.items():
        assert answer == answers["wrong code"], what


# -- by the time it takes ---------------------------------------------------------------------------------------------


def unlock_all(stage: Stage, kinds: dict[str, Kind]) -> None:
    for kind in kinds.values():
        if stage.services.store.accounts.by_name(kind.name) is not None:
            stage.unlock(kind.name)


def strangers(stage: Stage, kinds: dict[str, Kind]) -> None:
    """New names: a counter that is there already takes another time than one that is made."""
    kinds["unknown"].name = f"nobody-{stage.name()}"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_B17_the_password_takes_the_same_time_whatever_it_was(
    stage: Stage, kinds: dict[str, Kind], people: dict[str, Person]
) -> None:
    asked = {
        "right": Kind(people["wrong code"].username, PASSWORD, ""),
        **{what: kinds[what] for what in ("wrong password", "unknown", "disabled", "unenrolled")},
    }
    operator = store_of(stage.server, stage.clock, profile=PROFILE)
    for what in set(asked) - {"unknown"}:  # hashes as the server makes them, or the verdict is in the price
        operator.accounts.set_password(asked[what].name, PASSWORD, actor="operator")
    operator.close()
    client = stage.client()
    client.get("login")

    def one_round(number: int) -> dict[str, list[float]]:
        unlock_all(stage, asked)
        strangers(stage, kinds)
        with Wire(stage.server.url) as wire:
            return {
                what: [milliseconds(partial(ask, wire, p1(client, asked[what]), 303))]
                for what in turned(list(asked), number)
            }

    insist_on_one_timing_class(one_round, rounds=P1_ROUNDS)


def p1(client: Client, kind: Kind) -> bytes:
    values = {"_xsrf": client.xsrf, "username": kind.name, "password": kind.password}
    return form(client.url, "/login", values, {"_xsrf": client.xsrf})


def ask(wire: Wire, sent: bytes, status: int) -> Answer:
    answer = wire.ask(sent)
    assert answer.status == status, answer.text
    return answer


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_B17_the_verdict_takes_the_same_time_whichever_factor_was_wrong(
    stage: Stage, kinds: dict[str, Kind]
) -> None:
    for what in ("no name at all", "expired"):  # as "unknown" and "disabled"
        del kinds[what]

    def one_round(number: int) -> dict[str, list[float]]:
        unlock_all(stage, kinds)
        strangers(stage, kinds)
        halves = {what: stage.half(stage.pending(k.name, k.password)) for what, k in kinds.items()}
        figures: dict[str, list[float]] = {what: [] for what in kinds}
        with Wire(stage.server.url) as wire:
            for nth in range(TRIES):
                for what in turned(list(kinds), number + nth):
                    sent = halves[what].code(kinds[what].code)
                    figures[what].append(milliseconds(partial(ask, wire, sent, 401)))
        return figures

    insist_on_one_timing_class(one_round, rounds=P2_ROUNDS)
