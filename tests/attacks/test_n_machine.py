"""Group N, the machine: no memory, no descriptors, no randomness, hung threads, signals (N16, N17, N19, N20, N23)."""

from __future__ import annotations

import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.attacks.faults import (
    Watch,
    answers_health,
    assert_quiet,
    assert_recovers,
    assert_unavailable,
    callers,
    code_page,
    failing,
    frozen,
    hung,
    limited,
    meanwhile,
    pid_of,
    traced,
)
from tests.attacks.stage import Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import Client, Person
from tests.harness.volley import Wire, message

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("n")) as found:
        found.log_in(found.person())  # whatever is made at the first login is there
        yield found
        assert_quiet(found.server)


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


def api_login(stage: Stage, client: Client, person: Person, code: str) -> requests.Response:
    del stage
    document = {"username": person.username, "password": person.password, "code": code}
    return client.request("POST", "api/totp/login", json=document)


# -- N16: randomness -----------------------------------------------------------------------------------


def test_N16_without_randomness_nothing_is_granted(stage: Stage, ada: Person, tmp_path: Path) -> None:
    member = stage.log_in(stage.person())
    half, first, by_api = stage.half_in(ada.username), stage.client(), stage.client()
    give, page = code_page(half), first.get("login")
    by_api.get("login")
    code = stage.code(ada)
    before = stage.rows("SELECT digest FROM login")
    with failing(stage.server, "getrandom", "error=EIO", log=tmp_path / "trace"):
        assert_unavailable(give(code))
        assert_unavailable(first.post_form(page, {"username": ada.username, "password": ada.password}))
        assert_unavailable(api_login(stage, by_api, ada, code))
        assert_unavailable(stage.client().get("login"))
        assert member.get("api/contents").status_code == 200
        assert by_api.login_cookie is None
        assert half.login_cookie is None
    assert "getrandom" in (tmp_path / "trace").read_text()
    assert stage.rows("SELECT digest FROM login") == before
    assert_recovers(stage.server)
    stage.unlock(ada)
    assert code_page(half)(code).status_code == 303
    assert half.is_signed_in()


# -- N17: memory ---------------------------------------------------------------------------------------


def size_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def test_N17_without_memory_for_a_hash_nobody_is_judged(stage: Stage, ada: Person) -> None:
    member, client = stage.log_in(stage.person()), stage.client()
    page = client.get("login")
    form = {"username": ada.username, "password": ada.password}
    with (
        Watch(stage.server),
        limited(stage.server, resource.RLIMIT_AS, size_of(pid_of(stage.server)) + 24 * MIB),
    ):
        for _ in range(8):  # more than the free tries: what was not evaluated is not counted
            assert_unavailable(client.post_form(page, form))
        assert member.get("api/contents").status_code == 200
    assert_recovers(stage.server)
    stage.log_in(ada, client)


def test_N17_without_a_thread_for_a_hash_nobody_is_judged(stage: Stage, ada: Person, tmp_path: Path) -> None:
    client = stage.client()
    page = client.get("login")
    form = {"username": ada.username, "password": ada.password}
    with failing(stage.server, "clone,clone3", "error=EAGAIN", log=tmp_path / "trace"):
        assert_unavailable(client.post_form(page, form))
    assert "EAGAIN" in (tmp_path / "trace").read_text()
    assert_recovers(stage.server)
    stage.log_in(ada, client)


# -- N23: hung hashes ----------------------------------------------------------------------------------


def hash_thread(stage: Stage, person: Person, trace: Path) -> set[int]:
    """The one that makes argon2's lanes."""
    client, main = stage.client(), pid_of(stage.server)
    page, form = client.get("login"), {"username": person.username, "password": person.password}
    with traced(stage.server, "-e", "trace=clone,clone3", log=trace):
        for _ in range(3):
            client.post_form(page, form)
    found = callers(trace, main)
    assert len(found) == 1, found
    return found


@pytest.mark.soak
def test_N23_hashes_that_hang_are_given_up_and_the_loop_goes_on(
    stage: Stage, ada: Person, tmp_path: Path
) -> None:
    threads = hash_thread(stage, stage.person(), tmp_path / "trace")
    member, client = stage.log_in(stage.person()), stage.client()
    page, form = client.get("login"), {"username": ada.username, "password": ada.password}
    with hung(threads), Watch(stage.server):
        begun = time.monotonic()
        with meanwhile(lambda: client.post_form(page, form)) as answers:
            assert member.get("api/contents").status_code == 200
        assert time.monotonic() - begun < 10 + 2, "10 s, and what the machine does besides"
        assert isinstance(answers[0], requests.Response), answers
        assert_unavailable(answers[0])
        assert not answers_health(stage.server)
    assert_recovers(stage.server)
    stage.unlock(ada)
    stage.log_in(ada, client)


# -- N20: descriptors ----------------------------------------------------------------------------------


def descriptors_of(pid: int) -> list[int]:
    return [int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()]


def test_N20_a_flood_that_takes_all_descriptors_is_survived(stage: Stage, ada: Person) -> None:
    member, url = stage.log_in(stage.person()), stage.server.url
    member.get("api/contents")
    lines = len(stage.server.log.splitlines())
    most = max(descriptors_of(pid_of(stage.server))) + 12
    flood: list[socket.socket] = []
    health = message(url, "GET", "/api/totp/health")
    with Watch(stage.server), Wire(url) as kept, limited(stage.server, resource.RLIMIT_NOFILE, most):
        assert kept.ask(health).status == 200
        for _ in range(60):
            one = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=5)
            one.sendall(b"POST /login HTTP/1.1\r\n")
            flood.append(one)
        time.sleep(1)
        assert kept.ask(health).status in {200, 503}, "who was there is served"
        time.sleep(1)
        for one in flood:
            one.close()
        wait_until(lambda: is_served(stage), 20, "the end of the flood")
    assert_recovers(stage.server)
    stage.log_in(ada)
    assert len(stage.server.log.splitlines()) - lines < 500, "no flood of lines"


def is_served(stage: Stage) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{stage.server.url}api/totp/health", timeout=2).status_code == 200
    return False


# -- N19: signals --------------------------------------------------------------------------------------


def test_N19_a_server_that_is_stopped_and_goes_on_finishes_the_login(stage: Stage, ada: Person) -> None:
    half, code = stage.half_in(ada.username), stage.code(ada)
    give = code_page(half)
    with meanwhile(lambda: give(code)) as answers, frozen(pid_of(stage.server)):
        time.sleep(1)
    assert isinstance(answers[0], requests.Response), answers
    assert answers[0].status_code == 303
    assert half.is_signed_in()
    assert stage.logins_of(ada) == 1


@pytest.mark.soak
def test_N19_a_server_that_stood_longer_than_memory_is_trusted_goes_on(stage: Stage, ada: Person) -> None:
    member = stage.log_in(ada)
    with frozen(pid_of(stage.server)):
        time.sleep(17)  # not 20: an idle connection is closed then
    assert member.get("api/contents").status_code in {200, 503}
    wait_until(lambda: member.get("api/contents").status_code == 200, 5, "trust in memory")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.soak)], ids=lambda n: n.name
)
def test_N19_a_server_that_is_told_to_end_during_a_login_ends_and_loses_nothing(
    stage: Stage, ada: Person, number: signal.Signals
) -> None:
    member, half, code = stage.log_in(stage.person()), stage.half_in(ada.username), stage.code(ada)
    give, process = code_page(half), stage.server.process
    assert process is not None
    with meanwhile(lambda: give(code)) as answers:
        process.send_signal(number)
        assert process.wait(20) in {0, -number}
    assert_quiet(stage.server)
    with stage.sql() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    stage.server.start()
    assert member.is_signed_in()
    opened = stage.logins_of(ada)
    if isinstance(answers[0], requests.Response) and answers[0].status_code == 303:
        assert opened == 1
        assert half.is_signed_in()
    stage.half_in(ada.username).second_factor(code)
    assert stage.logins_of(ada) <= 1, "one code, one login"
