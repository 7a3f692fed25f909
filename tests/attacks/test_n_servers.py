"""Group N on PostgreSQL and MariaDB: connections cut, servers that stop, die, or are read-only, and lost packets.

A database server is reached through a relay, which can fall silent as a network does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.attacks.faults import (
    Relay,
    Watch,
    answers_health,
    assert_quiet,
    assert_recovers,
    assert_unavailable,
    code_page,
    frozen,
    meanwhile,
    relayed,
)
from tests.attacks.stage import Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import Client, Person, is_closed
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

KINDS = ["postgresql", pytest.param("mariadb", marks=pytest.mark.soak)]
PATIENCE = 5 + 1.5
"""5 s, and what a busy machine does besides."""


@dataclass
class Scene:
    """A Jupyter server on a database server, with a relay between them."""

    stage: Stage
    relay: Relay
    database: PostgreSQL | MariaDB
    member: Client

    @property
    def process(self) -> int:
        return self.database.process.pid

    def logins_of(self, person: Person) -> int:
        store = self.stage.services.store.logins
        return len(store.of_account(self.stage.account_id(person), at=self.stage.clock.now()))

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.database._admin(statement)


@contextmanager
def scene_of(home: Path, database: PostgreSQL | MariaDB) -> Iterator[Scene]:
    with (
        database.database() as url,
        relayed(url) as (through, relay),
        open_stage(home, database_url=through) as stage,
    ):
        yield Scene(stage, relay, database, stage.log_in(stage.person()))
        assert_quiet(stage.server)


@pytest.fixture(scope="module", params=KINDS)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    database = request.getfixturevalue(request.param)
    with scene_of(tmp_path_factory.mktemp(request.param), database) as found:
        yield found


@dataclass
class Half:
    """Somebody between the factors: the code, and what sends it."""

    person: Person
    code: str
    give: Callable[[str], object]
    client: Client


def half_in(scene: Scene) -> Half:
    stage = scene.stage
    person = stage.person()
    client = stage.half_in(person.username)
    give = code_page(client)
    person.phone.last_step = stage.clock.start_of_step(1)
    return Half(person, person.phone.code_of(person.phone.last_step), give, client)


def assert_refused_in_time(scene: Scene, half: Half) -> None:
    """Both factors 503, whoever is in goes on, and health says so."""
    stage = scene.stage
    first = stage.client()
    page = first.get("login")
    form = {"username": half.person.username, "password": half.person.password}
    begun = time.monotonic()
    with (
        meanwhile(lambda: half.give(half.code)) as second,
        meanwhile(lambda: first.post_form(page, form)) as answers,
    ):
        assert scene.member.get("api/contents").status_code == 200
    assert time.monotonic() - begun < PATIENCE
    assert_unavailable(second[0])  # type: ignore[arg-type]
    assert_unavailable(answers[0])  # type: ignore[arg-type]
    assert not answers_health(stage.server)


def assert_goes_on(scene: Scene, half: Half) -> None:
    """By itself; and the code opened one login at most, whatever came of the answer that was lost."""
    stage = scene.stage
    assert_recovers(stage.server)
    assert scene.member.get("api/contents").status_code == 200
    stage.unlock(half.person)
    again = stage.half_in(half.person.username)
    again.second_factor(half.code)
    assert scene.logins_of(half.person) <= 1, "one code, one login"
    stage.log_in(half.person)
    assert scene.logins_of(half.person) <= 2


def test_N08_where_packets_are_lost_a_login_is_refused_in_five_seconds(scene: Scene) -> None:
    half = half_in(scene)
    with Watch(scene.stage.server):
        with scene.relay.silent():
            assert_refused_in_time(scene, half)
        assert_goes_on(scene, half)


@pytest.mark.soak
def test_N08_connections_that_are_cut_between_the_factors_are_made_anew(scene: Scene) -> None:
    half = half_in(scene)
    scene.relay.cut()
    assert half.give(half.code).status_code in {303, 503}  # type: ignore[attr-defined]
    assert_goes_on(scene, half)


def cut_by_the_server(scene: Scene) -> None:
    """As its administrator does."""
    if isinstance(scene.database, PostgreSQL):
        scene.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'totp'")
    else:
        scene.run("KILL USER totp@'127.0.0.1'")


def test_N08_connections_that_the_server_kills_are_made_anew(scene: Scene) -> None:
    half = half_in(scene)
    cut_by_the_server(scene)
    assert half.give(half.code).status_code in {303, 503}  # type: ignore[attr-defined]
    assert_goes_on(scene, half)


def test_N07_a_server_that_is_read_only_grants_nothing(scene: Scene) -> None:
    half = half_in(scene)
    if isinstance(scene.database, PostgreSQL):
        on = ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        off = ("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
    else:
        on, off = ("SET GLOBAL read_only = 1",), ("SET GLOBAL read_only = 0",)
    scene.run(*on)
    try:
        time.sleep(0.3)  # PostgreSQL's processes hear of it at their next statement
        assert_refused_in_time(scene, half)
        assert scene.logins_of(half.person) == 0
    finally:
        scene.run(*off)
    assert_goes_on(scene, half)


@pytest.mark.soak
def test_N08_a_server_that_stands_still_for_twenty_seconds(scene: Scene) -> None:
    """Its kernel still acknowledges every packet: nothing but our own patience ends the wait."""
    half = half_in(scene)
    kernel = scene.member.kernel_socket(scene.member.start_kernel())
    with Watch(scene.stage.server):
        with frozen(scene.process):
            begun = time.monotonic()
            assert_refused_in_time(scene, half)
            while time.monotonic() - begun < 10:
                assert scene.member.get("api/contents").status_code == 200
                time.sleep(0.2)
            contents = lambda: scene.member.get("api/contents").status_code  # noqa: E731
            wait_until(lambda: contents() == 503, 15, "the end of trust")
            assert is_closed(kernel) == 1001
            print(f"N08: memory was trusted for {time.monotonic() - begun:.1f} s")
            time.sleep(3)
        assert_goes_on(scene, half)
