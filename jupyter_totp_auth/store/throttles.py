"""Failure counters, shared by all processes: a compare-and-set, so that no try outruns the count."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Delete, Row, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..core.events import Event
from ..core.policy import DAY, Throttle
from .database import Database, again_after_deadlock
from .rows import write_event
from .tables import throttle

_ROUNDS = 16


class SqlThrottles:
    """Implements ``core.ports.ThrottleStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_after_deadlock
    def charge(self, key: bytes, rule: Throttle, *, at: int, account_id: str | None = None) -> int | None:
        """Count a failure in advance. None: go on; else the seconds to wait, and nothing was counted."""
        for _ in range(_ROUNDS):
            try:
                with self._database.write() as connection:
                    outcome = _charge(connection, key, rule, at, account_id)
            except IntegrityError:  # another process made the first count; look again
                continue
            if outcome != _LOST:
                return outcome or None
        return 1

    def refund(self, key: bytes, count: int, *, at: int) -> None:
        """Take back ``count`` of one's own failures."""
        with self._database.write() as connection:
            refund(connection, key, count, at)

    @again_after_deadlock
    def reset(self, account_id: str, event: Event) -> None:
        """Forget every counter of an account."""
        with self._database.write() as connection:
            connection.execute(delete(throttle).where(throttle.c.account_id == account_id))
            write_event(connection, event)


_LOST = -1


def _charge(connection: Connection, key: bytes, rule: Throttle, at: int, account_id: str | None) -> int:
    """0: charged; > 0: seconds to wait; _LOST: someone else counted between the look and the write."""
    row = connection.execute(select(throttle).where(throttle.c.digest == key)).one_or_none()
    same = update(throttle).where(throttle.c.digest == key)
    if row is None:
        connection.execute(
            insert(throttle).values(
                digest=key,
                account_id=account_id,
                failures=1,
                next_try_at=at + rule.delay(1),
                forget_at=_forget_at(rule, at, 1),
            )
        )
        return 0
    wait = _wait(row, rule, at)
    if wait > 0:
        if rule.silent:  # a write that changes nothing, so that the time tells nothing
            connection.execute(same.values(failures=throttle.c.failures))
        return wait
    failures = row.failures + 1
    counted = connection.execute(
        same.where(
            throttle.c.failures == row.failures,
            throttle.c.next_try_at == row.next_try_at,
        ).values(
            failures=failures,
            next_try_at=at + rule.delay(failures),
            forget_at=_forget_at(rule, at, failures),
            account_id=account_id,
        )
    )
    return 0 if counted.rowcount == 1 else _LOST


def _wait(row: Row[Any], rule: Throttle, at: int) -> int:
    if row.failures >= rule.limit:
        return rule.cap
    # A clock set back must not shut anybody out for longer than the longest delay.
    return max(0, min(int(row.next_try_at) - at, rule.cap))


def _forget_at(rule: Throttle, at: int, failures: int) -> int | None:
    """Never, once closed: what is closed stays closed until somebody opens it (R13)."""
    return None if rule.memory is None or failures >= rule.limit else at + rule.memory


def refund(connection: Connection, key: bytes, count: int, at: int) -> None:
    """Take back ``count`` failures. With none left there is nothing to wait for, and soon nothing to keep.

    Else the delay stays: it may be owed to somebody else's failures.
    """
    less = throttle.c.failures - count
    some_left = less > 0
    connection.execute(
        update(throttle)
        .where(throttle.c.digest == key)
        .values(
            failures=case((some_left, less), else_=0),
            next_try_at=case((some_left, throttle.c.next_try_at), else_=0),
            forget_at=case((some_left, throttle.c.forget_at), else_=at + DAY),
        )
    )


def stale_throttles(at: int) -> Delete:
    """Drops the counters that have been kept for long enough, of known and unknown names alike."""
    return delete(throttle).where(throttle.c.forget_at <= at)
