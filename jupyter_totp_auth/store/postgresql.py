"""PostgreSQL's driver, made to give up: on its own it waits for an answer without end (N08).

A server that is stopped, or a proxy that has lost its other side, still acknowledges every packet. So
neither keepalives nor the server's own statement timeout help. PyMySQL has a timeout for this; psycopg not.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

from sqlalchemy import Engine, event

T = TypeVar("T")


def give_up_after(engine: Engine, seconds: float) -> None:
    """Have each of the engine's connections closed, and its work fail, where an answer takes longer."""
    import psycopg  # noqa: PLC0415 - an extra

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
            try:
                return super().wait(_in_time(gen, seconds), *args, **kwargs)
            except _TooLate:
                # Closed, not used again: the answer to this may still come, as that to another question.
                self.pgconn.finish()
                raise psycopg.OperationalError("no answer in time") from None

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, cargs: Any, cparams: Any) -> Any:
        return Impatient.connect(*cargs, **cparams)


class _TooLate(Exception):
    pass


def _in_time(gen: Generator[Any, Any, T], seconds: float) -> Generator[Any, Any, T]:
    """The driver's own wait, which is asked every 0.1 s whether it goes on ("ready" is then 0)."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                raise _TooLate
            wanted = gen.send(ready)
    except StopIteration as done:
        result: T = done.value
        return result
