"""The rows of who ran what that wait for the store: in order, bounded, and written when the server ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.store import StoreUnavailable
from jupyter_totp_auth.web import who_ran_what
from jupyter_totp_auth.web.pool import BoundedPool
from jupyter_totp_auth.web.who_ran_what import Rows
from tests.core.memory_store import MemoryEvents
from tests.core.memory_store import Rows as Tables

AT = 1_800_000_000


class Events(MemoryEvents):
    """A store that may be away, or choke on a batch."""

    error: Exception | None = None

    def add(self, *events: Event) -> None:
        if self.error is not None:
            raise self.error
        super().add(*events)

    @property
    def details(self) -> list[str]:
        return [event.detail for _, event in self.list()]


@pytest.fixture
def events() -> Events:
    return Events(Tables())


@pytest.fixture
def rows(events: Events, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(who_ran_what, "_EVERY", 0.01)
    monkeypatch.setattr(who_ran_what, "_AGAIN", 0.01)
    pool = BoundedPool("test", threads=1, queue=10, patience=30)
    return Rows(events, pool, logging.getLogger("test"), lambda: AT)


def run(number: int) -> Event:
    return Event(EventKind.CELL_RUN, AT, detail=str(number))


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def test_nothing_is_recorded_unless_the_operator_asks_for_it() -> None:
    settings = TotpAuth()
    assert (settings.audit_cells, settings.audit_terminals) == ("off", False)


def test_rows_are_written_in_order_and_wait_for_a_store_that_is_away(rows: Rows, events: Events) -> None:
    async def scene() -> None:
        events.error = StoreUnavailable("away")
        for number in range(500):
            rows.add(run(number))
        await asyncio.sleep(0.1)
        assert (len(rows), events.details) == (500, [])
        events.error = None
        await until(lambda: len(rows) == 0)
        rows.add(run(500))
        await until(lambda: len(rows) == 0)

    asyncio.run(scene())
    assert events.details == [str(number) for number in range(501)]


def test_what_is_too_much_is_counted_and_told_in_its_place(rows: Rows, events: Events) -> None:
    async def scene() -> None:
        events.error = StoreUnavailable("away")
        for number in range(2_007):
            rows.add(run(number))
        assert len(rows) == 2_000
        events.error = None
        await until(lambda: len(rows) == 0)
        rows.add(run(9_999))
        await until(lambda: len(rows) == 0)

    asyncio.run(scene())
    assert events.details == [*(str(number) for number in range(2_000)), "7", "9999"]
    lost = events.list()[-2][1]
    assert (lost.kind, lost.account) == (EventKind.RUNS_LOST, run(0).account)


def test_a_batch_that_cannot_be_written_does_not_stand_before_the_next(
    rows: Rows, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        events.error = ValueError("what is this")
        rows.add(run(1))
        await until(lambda: len(rows) == 0)
        events.error = None
        rows.add(run(2))
        await until(lambda: len(rows) == 0)

    asyncio.run(scene())
    assert events.details == ["2"]
    assert "1 rows of who ran what were not written" in caplog.text


def test_what_waits_is_written_when_the_server_ends(rows: Rows, events: Events) -> None:
    async def scene() -> None:
        rows.add(run(1))
        rows.add(run(2))

    asyncio.run(scene())
    rows.finish()
    assert events.details == ["1", "2"]
    rows.finish()
    assert events.details == ["1", "2"]


def test_a_store_that_is_away_at_the_end_is_told_of(
    rows: Rows, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        rows.add(run(1))

    asyncio.run(scene())
    events.error = StoreUnavailable("away")
    rows.finish()
    assert "1 rows of who ran what are only in this log" in caplog.text
