"""Groups C, D and K where they may differ: three databases, with one process and with four on one store.

The tests are those of the groups' own files, where they run on SQLite with one process. Here:

- in every run, RACES, over four processes;
- by `make soak`, all rows of these files at all places, but for AT_HOME.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.attacks import (
    test_c_processes,
    test_c_totp,
    test_d_floods,
    test_d_simple,
    test_h_locks,
    test_k_factors,
    test_q_races,
)
from tests.attacks.places import FLEETS, SINGLES, Place
from tests.attacks.stage import Opener, Stage
from tests.attacks.test_k_factors import ada, browser
from tests.harness.backstage import wait_until
from tests.harness.volley import volley

__all__ = ["ada", "browser"]  # fixtures

FILES = (
    test_c_processes,
    test_c_totp,
    test_d_simple,
    test_d_floods,
    test_k_factors,
    test_h_locks,
    test_q_races,
)

RACES = (
    "C05",
    "C22_a_phone_replaced",
    "D02",
    "D04",
    "D23_one",
    "H13_what_one",
    "k01",
    "k05",
    "k13",
    "k17",
    "Q02",
)
"""Answered by what the processes share: in every run over four processes, on each database."""

OF_ONE_PROCESS = ("D08_a_forged", "D13", "D22", "D26", "D28")
"""An address's bucket is a hint (R16), and each process has its own."""

OF_FLEETS = ("C05", "C22_a_phone_replaced", "H13_what_one")

AT_HOME = {
    "C01": "a table of numbers",
    "C25": "how random secrets are, before any store",
    "C23": "whether digits tell themselves by time is a property of one function",
    "C26": "backup is SQLite's; the others have their own",
    "D11": "what headers say, before any store",
    "D19": "fills the table by SQLite's own hand; tests/store bounds it on each database",
    "k20": "how long one function takes",
    "D20": "locks an SQLite file; group N does it to the others",
    "G": "not of these groups",
    "H": "not of these groups",
}
"""What runs in its own file only, and why."""


NIGHTLY = [pytest.mark.soak, pytest.mark.timeout(900)]


def _row(name: str, rows: Iterable[str]) -> bool:
    return name.removeprefix("test_").startswith(tuple(rows))


for _file in FILES:
    _tests = {name: test for name, test in vars(_file).items() if name.startswith("test_")}
    globals().update({name: test for name, test in _tests.items() if not _row(name, AT_HOME)})


def _places(name: str) -> list[Any]:
    """Where a test runs, and where of it only by `make soak`."""
    found = [] if _row(name, OF_FLEETS) else [*SINGLES]
    found += [] if _row(name, OF_ONE_PROCESS) else FLEETS
    often = FLEETS if _row(name, RACES) else []
    return [pytest.param(place, id=str(place), marks=[] if place in often else NIGHTLY) for place in found]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test at each of its places."""
    metafunc.parametrize("place", _places(metafunc.definition.name), indirect=True)


@pytest.fixture(scope="module")
def stage(
    place: Place, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, open_here: Opener
) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp(str(place))
    by_day = request.config.getoption("markexpr") != "soak"
    with open_here(home, cheap=by_day, arguments=[test_d_floods.OWN_PROXY]) as found:
        yield found


# -- C05, C22, H13: what only several processes can get wrong ----------------------------------------------------


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_C05_one_code_opens_one_login_over_four_processes(stage: Stage) -> None:
    ada = stage.person()
    halves = []
    for number in range(64):
        stage.unlock(ada)
        server = stage.servers[number % len(stage.servers)]
        halves.append(stage.half(stage.pending(ada.username), url=server.url))
    stage.unlock(ada)
    code = stage.code(ada)
    with stage.clock.standing():
        answers = volley([(half.url, half.code(code)) for half in halves])
    assert Counter(answer.status for answer in answers) == {303: 1, 401: 63}
    assert test_c_totp.login_cookies(answers) == 1
    logins = stage.services.store.logins.of_account(stage.account_id(ada), at=stage.clock.now())
    assert len(logins) == 1
    assert stage.events_of(ada).count("login") == 1
    # Every process served some of them: this was a race.
    assert all("POST /login/code" in server.log for server in stage.servers)


def test_C22_a_phone_replaced_at_one_process_is_refused_by_the_others(stage: Stage) -> None:
    ada = stage.person()
    for server in stage.servers:
        stage.client(server.url).log_in(ada, code=stage.code(ada))
    code = stage.services.accounts.reset(ada.username, actor="operator").code
    stage.clock.start_of_step(1)
    renewed = stage.client().enroll(code, username=ada.username, clock=stage.clock.time)
    for server in stage.servers:
        step = stage.clock.start_of_step(1)
        stage.unlock(ada)
        for phone, status in ((ada.phone, 401), (renewed.phone, 303)):
            client = stage.client(server.url)
            client.first_factor(ada.username)
            assert client.second_factor(phone.code_of(step)).status_code == status, server.url


def test_H13_what_one_process_unlocks_is_unlocked_at_all_of_them(stage: Stage) -> None:
    ada = stage.person()
    client = stage.log_in(ada)

    def answers() -> set[int]:
        return {client.get("api/contents").status_code for _ in stage.servers}

    assert client.request("POST", "api/totp/lock").status_code == 204
    wait_until(lambda: answers() == {403}, 2, "the lock")
    for _ in range(3):
        unlocked = client.request("POST", "api/totp/unlock", json={"password": ada.password})
        assert unlocked.status_code == 204
        assert answers() == {200}, "each at its next request"
        # The next process does not know of the lock yet, and still asks for the factor.
        assert client.request("POST", "api/totp/lock").status_code == 204
        wrong = client.request("POST", "api/totp/unlock", json={"password": "not hers at all"})
        assert (wrong.status_code, wrong.json()["reason"]) == (401, "denied")
