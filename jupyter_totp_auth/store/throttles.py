"""Failure counters, shared by all processes: a compare-and-set, so that no try outruns the count."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..core.events import Event
from ..core.policy import DAY, Throttle
from .database import Database, again_after_deadlock
from .rows import drop_all, write_event
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

    def reopen(self, key: bytes, rule: Throttle, *, at: int) -> None:
        """Open a closed counter again, at ``rule.reopened`` failures and the longest delay from now."""
        with self._database.write() as connection:
            reopen(connection, key, rule, at)

    def bound(self, most: int) -> None:
        """Keep so many of the counters that can be forgotten: those with the most failures, the newest.

        Of all names alike, so that a flood of made-up ones does not show which of the others exist; and by
        failures, so that it does not take back what an account was charged.
        """
        kept = throttle.c.forget_at.is_not(None)
        order = throttle.c.failures.desc(), throttle.c.forget_at.desc()
        last_place = select(throttle.c.failures, throttle.c.forget_at).where(kept).order_by(*order)
        with self._database.read() as connection:
            if connection.execute(select(func.count()).where(kept)).scalar_one() <= most:
                return
            last = connection.execute(last_place.offset(most).limit(1)).one_or_none()
        if last is not None:
            as_few = and_(throttle.c.failures == last.failures, throttle.c.forget_at <= last.forget_at)
            drop_all(
                self._database, throttle.c.digest, kept, or_(throttle.c.failures < last.failures, as_few)
            )

    def try_writing(self) -> None:
        """Write something, take it back, and wait until that is durable. Raises StoreUnavailable.

        Not an update that changes nothing: SQLite does not write that, and a full disk would look well.
        """
        nobodys = throttle.c.digest == _NOBODYS
        with self._database.write() as connection:
            connection.execute(delete(throttle).where(nobodys))
            connection.execute(
                insert(throttle).values(digest=_NOBODYS, failures=0, next_try_at=0, forget_at=0)
            )
            connection.execute(delete(throttle).where(nobodys))


_NOBODYS = bytes(32)
"""No HMAC gives this."""

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
                forget_at=rule.forget_at(1, at=at),
            )
        )
        return 0
    wait = _wait(row, rule, at)
    if wait > 0:
        if row.next_try_at - at > rule.cap:  # of a clock that was ahead: what is owed is owed from now on
            mine = same.where(throttle.c.next_try_at == row.next_try_at)
            connection.execute(mine.values(next_try_at=at + wait))
        elif rule.silent:  # a write that changes nothing, so that the time tells nothing
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
            forget_at=rule.forget_at(failures, at=at),
            account_id=account_id,
        )
    )
    return 0 if counted.rowcount == 1 else _LOST


def _wait(row: Row[Any], rule: Throttle, at: int) -> int:
    if row.failures >= rule.limit:
        return rule.cap
    wait = max(0, int(row.next_try_at) - at)
    # A clock that was ahead must not shut anybody out until its time comes.
    return wait if wait <= rule.cap else rule.delay(row.failures)


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


def reopen(connection: Connection, key: bytes, rule: Throttle, at: int) -> None:
    """Open a closed counter, and only such a one: no other delay is forgiven (R13)."""
    connection.execute(
        update(throttle)
        .where(throttle.c.digest == key, throttle.c.failures >= rule.limit)
        .values(
            failures=rule.reopened, next_try_at=at + rule.cap, forget_at=rule.forget_at(rule.reopened, at=at)
        )
    )


def is_stale(at: int) -> ColumnElement[bool]:
    """Which counters have been kept for long enough, of known and unknown names alike."""
    return throttle.c.forget_at <= at
