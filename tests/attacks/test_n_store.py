"""Group N on SQLite: a store that is locked, lost, full, read-only, slow, and a clock that jumps.

N04, a damaged file, is in test_m_secrets.py; N14, a network filesystem, in tests/store/test_opening.py.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.attacks.faults import (
    Watch,
    answers_health,
    assert_quiet,
    assert_recovers,
    assert_unavailable,
    code_page,
    failing,
    limited,
    meanwhile,
)
from tests.attacks.fleet import fleet
from tests.attacks.stage import Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import Client, Person, is_closed

IDLE = 3600
HOUR = 3600


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("n"), arguments=[f"--TotpAuth.idle_timeout={IDLE}"]) as found:
        yield found
        assert_quiet(found.server)


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


def code_of(stage: Stage, person: Person) -> str:
    """An unused code, that stays valid for as long as a fault takes."""
    person.phone.last_step = stage.clock.start_of_step(max(1, person.phone.last_step + 1 - stage.clock.step))
    return person.phone.code_of(person.phone.last_step)


def assert_spent_nothing(stage: Stage, person: Person, half: Client, code: str) -> None:
    """The fault is over: the same code opens one login, and not another."""
    assert stage.logins_of(person) == 0
    assert code_page(half)(code).status_code == 303
    assert half.is_signed_in()
    assert stage.logins_of(person) == 1


# -- N01: locked ---------------------------------------------------------------------------------------


def test_N01_while_the_store_is_locked_logins_are_refused_and_everything_else_goes_on(
    stage: Stage, ada: Person
) -> None:
    member = stage.log_in(stage.person())
    kernel = member.kernel_socket(member.start_kernel())
    assert member.execute(kernel, "print('warm')") == "warm\n"
    half, first = stage.half_in(ada.username), stage.client()
    give = code_page(half)
    page, code = first.get("login"), code_of(stage, ada)
    form = {"username": ada.username, "password": ada.password}
    with Watch(stage.server), stage.sql() as holder:
        holder.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        with meanwhile(lambda: give(code)) as second:
            with meanwhile(lambda: first.post_form(page, form)) as answers:
                for number in range(5):
                    assert member.get("api/contents").status_code == 200
                    assert member.execute(kernel, f"print({number})") == f"{number}\n"
            assert time.monotonic() - begun < 10 + 2, "10 s, and what the machine does besides"
        assert_unavailable(answers[0])  # type: ignore[arg-type]
        assert_unavailable(second[0])  # type: ignore[arg-type]
        assert not answers_health(stage.server)
        assert_unavailable(stage.client().get("api/totp/health"))
        assert member.get("api/contents").status_code == 200
        holder.rollback()
    assert_recovers(stage.server)
    assert_spent_nothing(stage, ada, half, code)
    assert "database is locked" not in stage.server.log


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_N01_thirty_seconds_of_a_locked_store_before_four_processes(tmp_path: Path) -> None:
    with fleet(tmp_path) as (stage, servers):
        ada, took = stage.person(), []
        members = [stage.log_in(stage.person(), stage.client(server.url)) for server in servers]
        database = Path(servers[0].environment["JUPYTER_TOTP_DATABASE_URL"].removeprefix("sqlite:///"))
        with closing(sqlite3.connect(database)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            begun = time.monotonic()
            while time.monotonic() - begun < 30:
                for server, member in zip(servers, members, strict=True):
                    client = stage.client(server.url)
                    asked = time.monotonic()
                    assert_unavailable(client.first_factor(ada.username))
                    took.append(time.monotonic() - asked)
                    assert member.get("api/contents").status_code == 200
            holder.rollback()
        assert max(took) < 12, took
        print(f"N01: {len(took)} logins refused in 30 s, the slowest after {max(took):.1f} s")
        for server in servers:
            assert_recovers(server)
            stage.log_in(ada, stage.client(server.url))
            assert_quiet(server)


# -- N02: lost -----------------------------------------------------------------------------------------


@contextmanager
def tells_once(stage: Stage) -> Iterator[None]:
    """One line when the silence begins, not four a second."""
    before = stage.server.log.count("The account store does not answer (")
    yield
    assert stage.server.log.count("The account store does not answer (") == before + 1


def test_N02_without_its_store_memory_serves_fifteen_seconds_and_not_more(stage: Stage, ada: Person) -> None:
    member = stage.log_in(stage.person())
    kernel = member.kernel_socket(member.start_kernel())
    assert member.execute(kernel, "print(1)") == "1\n"
    half, code = stage.half_in(ada.username), code_of(stage, ada)
    give = code_page(half)
    aside = stage.server.database.with_name("aside")
    with Watch(stage.server), tells_once(stage):
        begun = time.monotonic()
        stage.server.database.rename(aside)
        try:
            assert_unavailable(give(code))
            assert time.monotonic() - begun < 5
            while time.monotonic() - begun < 10:
                assert member.get("api/contents").status_code == 200
                time.sleep(0.2)
            assert member.execute(kernel, "print(2)") == "2\n"
            assert not answers_health(stage.server)
            wait_until(lambda: member.get("api/contents").status_code == 503, 10, "the end of trust")
            assert time.monotonic() - begun > 13, "15 s after the last look"
            assert_unavailable(member.get("api/contents"))
            assert is_closed(kernel) == 1001
            assert stage.client().get("login").status_code == 200, "the page needs no store"
            assert_unavailable(give(code))
            assert not stage.server.database.exists(), "never made anew"
        finally:
            aside.rename(stage.server.database)
    assert_recovers(stage.server)
    assert member.get("api/contents").status_code == 200, "its login is there again"
    assert_spent_nothing(stage, ada, half, code)


# -- N05, N07: full and read-only ----------------------------------------------------------------------


def test_N05_on_a_full_disk_a_code_is_not_taken_since_its_use_could_not_be_kept(
    stage: Stage, ada: Person
) -> None:
    member = stage.log_in(stage.person())
    half, code = stage.half_in(ada.username), code_of(stage, ada)
    give = code_page(half)
    # Nothing may grow or be written at all: the log lies on the same disk.
    with Watch(stage.server), limited(stage.server, resource.RLIMIT_FSIZE, 0):
        for _ in range(2):
            assert_unavailable(give(code))
        assert_unavailable(stage.client().first_factor(ada.username))
        assert member.get("api/contents").status_code == 200
        assert not answers_health(stage.server)
    assert_recovers(stage.server)
    assert_spent_nothing(stage, ada, half, code)


@pytest.mark.soak
def test_N05_a_filesystem_without_a_byte_left_refuses_and_loses_nothing(tmp_path: Path) -> None:
    place = tmp_path / "full"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here; the limit on file sizes says the same")
    try:
        with open_stage(tmp_path / "home", database_url=f"sqlite:///{place}/totp/totp.sqlite3") as stage:
            ada = stage.person()
            half, code = stage.half_in(ada.username), code_of(stage, ada)
            give = code_page(half)
            with stage.services.store.database.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            fill(place / "fill")
            for _ in range(2):
                assert_unavailable(give(code))
            assert not answers_health(stage.server)
            (place / "fill").unlink()
            assert_recovers(stage.server)
            assert give(code).status_code == 303
            assert half.is_signed_in()
            with stage.services.store.database.read() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert_quiet(stage.server)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4096):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


@pytest.mark.parametrize(
    "error", ["EROFS", *(pytest.param(e, marks=pytest.mark.soak) for e in ("ENOSPC", "EIO"))]
)
def test_N07_a_disk_that_takes_no_write_grants_nothing(
    stage: Stage, ada: Person, tmp_path: Path, error: str
) -> None:
    member = stage.log_in(stage.person())
    half, code = stage.half_in(ada.username), code_of(stage, ada)
    give = code_page(half)
    with failing(stage.server, "pwrite64", f"error={error}", log=tmp_path / "trace"):
        assert_unavailable(give(code))
        assert_unavailable(stage.client().first_factor(ada.username))
        assert not answers_health(stage.server)
        assert member.get("api/contents").status_code == 200
    assert error in (tmp_path / "trace").read_text()
    assert_recovers(stage.server)
    assert_spent_nothing(stage, ada, half, code)


@pytest.mark.soak
def test_N07_a_disk_that_cannot_say_that_it_has_written_grants_nothing(
    stage: Stage, ada: Person, tmp_path: Path
) -> None:
    half, code = stage.half_in(ada.username), code_of(stage, ada)
    give = code_page(half)
    with failing(stage.server, "fdatasync,fsync", "error=EIO", log=tmp_path / "trace"):
        assert_unavailable(give(code))
    assert_recovers(stage.server)
    assert_spent_nothing(stage, ada, half, code)


@pytest.mark.soak
def test_N18_a_slow_disk_makes_logins_slow_and_nothing_else(
    stage: Stage, ada: Person, tmp_path: Path
) -> None:
    member = stage.log_in(stage.person())
    with failing(stage.server, "fdatasync,fsync", "delay_enter=400000", log=tmp_path / "trace"):
        half = stage.half_in(ada.username)
        give = code_page(half)
        with meanwhile(lambda: give(code_of(stage, ada))) as answers:
            for _ in range(5):
                assert member.get("api/contents").status_code == 200
    assert isinstance(answers[0], requests.Response), answers
    assert answers[0].status_code == 303
    assert half.is_signed_in()


# -- N21, N22: clocks ----------------------------------------------------------------------------------


def test_N22_a_machine_that_slept_for_eight_hours_serves_no_idle_login(stage: Stage) -> None:
    member = stage.log_in(stage.person())
    terminal = member.socket(f"terminals/websocket/{member.start_terminal()}")
    stage.clock.move(8 * HOUR)
    answer = member.get("api/contents")
    assert (answer.status_code, answer.json()["reason"]) == (403, "locked")
    assert is_closed(terminal) == 1001


def test_N22_nor_does_it_before_its_store_is_back(stage: Stage) -> None:
    """The network is not up yet after a sleep, and memory knows how long nobody did anything."""
    member = stage.log_in(stage.person())
    aside = stage.server.database.with_name("aside")
    stage.server.database.rename(aside)
    try:
        assert member.get("api/contents").status_code == 200
        stage.clock.move(8 * HOUR)
        assert_unavailable(member.get("api/contents"))
    finally:
        aside.rename(stage.server.database)
    assert_recovers(stage.server)
    assert member.get("api/contents").json()["reason"] == "locked"


def test_N22_after_a_day_both_factors_are_asked(stage: Stage) -> None:
    member = stage.log_in(stage.person())
    stage.clock.move(25 * HOUR)
    answer = member.get("api/contents")
    assert (answer.status_code, answer.json()["reason"]) == (403, "signed-out")


def refused_by_the_clock(half: Client, code: str) -> requests.Response:
    answer = half.second_factor(code)
    assert answer.status_code == 503
    assert "clock is wrong" in answer.text
    assert half.login_cookie is None
    return answer


def test_N21_a_clock_that_is_set_back_shuts_nobody_out_and_its_store_is_still_looked_at(
    stage: Stage, ada: Person
) -> None:
    member, other = stage.log_in(stage.person()), stage.log_in(ada)
    half = stage.half_in(ada.username)
    stage.clock.move(-HOUR)
    refused_by_the_clock(half, ada.phone.code())
    half.second_factor(ada.recovery_codes[0])
    assert half.is_signed_in(), "a recovery code does not hang on the time"
    stage.services.accounts.end_logins(ada.username, actor="operator")
    wait_until(lambda: not other.is_signed_in(), 2, "an end made elsewhere, which the poll has to find")
    assert member.get("api/contents").status_code == 200
    stage.clock.move(HOUR)
    assert member.get("api/contents").status_code == 200
    stage.log_in(ada)
