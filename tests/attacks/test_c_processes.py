"""Group C where servers of their own are needed: C05, many processes; C19 and C20, other times and zones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.fleet import PROCESSES, Fleet, fleet
from tests.attacks.stage import Stage, open_stage
from tests.harness.server import JupyterServer
from tests.harness.volley import volley

PARALLEL = 64


# -- C05: four processes on one store -----------------------------------------------------------------------


def insist_on_one_login(stage: Stage, servers: list[JupyterServer]) -> None:
    """One code, 64 pending logins, four processes: one login, one cookie, no 5xx."""
    ada = stage.person()
    halves = []
    for number in range(PARALLEL):
        stage.unlock(ada)
        pending = stage.pending(ada.username)
        halves.append(stage.half(pending, url=servers[number % PROCESSES].url))
    stage.unlock(ada)
    code = stage.code(ada)
    answers = volley([(half.url, half.code(code)) for half in halves])
    assert Counter(answer.status for answer in answers) == {303: 1, 401: PARALLEL - 1}
    assert sum("-login-" in cookie for answer in answers for cookie in answer.all("Set-Cookie")) == 1
    logins = stage.services.store.logins.of_account(stage.account_id(ada), at=stage.clock.now())
    assert len(logins) == 1
    assert stage.events_of(ada).count("login") == 1
    # Every process served some of them: this was a race.
    assert all("POST /login/code" in server.log for server in servers)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as found:
        yield found


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_C05_one_code_opens_one_login_over_four_processes_on_sqlite(on_sqlite: Fleet) -> None:
    insist_on_one_login(*on_sqlite)


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_C05_one_code_opens_one_login_over_four_processes_on_postgresql(
    tmp_path: Path, postgresql_url: str
) -> None:
    with fleet(tmp_path, postgresql_url) as found:
        insist_on_one_login(*found)


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_C05_one_code_opens_one_login_over_four_processes_on_mariadb(
    tmp_path: Path, mariadb_url: str
) -> None:
    with fleet(tmp_path, mariadb_url) as found:
        insist_on_one_login(*found)


def test_C22_a_phone_replaced_at_one_process_is_refused_by_the_others(on_sqlite: Fleet) -> None:
    stage, servers = on_sqlite
    ada = stage.person()
    for server in servers:
        stage.client(server.url).log_in(ada, code=stage.code(ada))
    code = stage.services.accounts.reset(ada.username, actor="operator").code
    stage.clock.start_of_step(1)
    renewed = stage.client().enroll(code, username=ada.username, clock=stage.clock.time)
    for server in servers:
        step = stage.clock.start_of_step(1)
        stage.unlock(ada)
        for phone, status in ((ada.phone, 401), (renewed.phone, 303)):
            client = stage.client(server.url)
            client.first_factor(ada.username)
            assert client.second_factor(phone.code_of(step)).status_code == status, server.url


# -- C19: the repeated hour of autumn ---------------------------------------------------------------------------

FOLDS = {
    "Europe/Berlin": (datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30)),  # noqa: DTZ001 - UTC, below
    "America/New_York": (datetime(2026, 11, 1, 5, 30), datetime(2026, 11, 1, 6, 30)),  # noqa: DTZ001
}


@pytest.mark.parametrize("zone", FOLDS)
def test_C19_codes_are_accepted_in_both_passes_of_the_repeated_hour(tmp_path: Path, zone: str) -> None:
    with open_stage(tmp_path, zone=zone) as stage:
        first, second = (moment.replace(tzinfo=timezone.utc).timestamp() for moment in FOLDS[zone])
        stage.clock.set(first - 600)
        ada = stage.person()
        for moment in (first, second):
            stage.clock.set(moment)
            stage.log_in(ada)
            assert abs(stage.clock.time() - moment) < 60
        assert "02:3" in stage.server.log or "01:3" in stage.server.log, "the log is in local time"
        assert stage.logins_of(ada) == 2


# -- C20: times that break counters -------------------------------------------------------------------------------


def at(*moment: Any) -> float:
    return datetime(*moment, tzinfo=timezone.utc).timestamp()


def test_C20_logins_work_beyond_2038_and_2106_and_in_1970_nothing_breaks(tmp_path: Path) -> None:
    with open_stage(tmp_path) as stage:
        early = stage.person()
        stage.log_in(early)
        for moment in (at(2038, 1, 19, 3, 13, 30), at(2106, 2, 7, 6, 27, 30)):  # before 2**31 and 2**32 s
            stage.clock.set(moment)
            ada = stage.person()
            client = stage.log_in(ada)
            stage.clock.set(moment + 90)
            assert client.is_signed_in(), "over the edge"
            stage.log_in(ada)
        for moment in (at(1970, 1, 1, 0, 0, 5), at(1970, 1, 1, 1, 0, 0)):
            stage.clock.set(moment)
            stage.unlock(early)
            half = stage.half_in(early.username)
            answer = half.second_factor(early.phone.code())
            assert answer.status_code in {401, 503}, "the steps that were used lie ahead"
            assert not half.is_signed_in()
        assert stage.events_of(early).count("login") == 1
        assert "Traceback" not in stage.server.log
        assert stage.client().get("api/totp/health").status_code in {200, 503}
