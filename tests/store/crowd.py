"""Several hands at one store that do something at the same moment: threads of this process, or processes.

Each process opens the database for itself, as servers and commands do.
"""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any, Protocol

from jupyter_totp_auth.store import Store
from jupyter_totp_auth.store.accounts import SqlAccounts
from jupyter_totp_auth.store.database import Database
from jupyter_totp_auth.store.enrollments import SqlEnrollments
from jupyter_totp_auth.store.events import SqlEvents
from jupyter_totp_auth.store.factors import SqlFactors
from jupyter_totp_auth.store.logins import SqlLogins
from jupyter_totp_auth.store.probes import SqlProbes
from jupyter_totp_auth.store.throttles import SqlThrottles

Act = Callable[..., Any]
"""A function of a module, since it has to reach other processes; its first argument is the store."""

Job = tuple[Act, tuple[Any, ...]]

_PATIENCE = 60


class Failed(Exception):
    """A hand raised instead of answering; the message says what."""


class Hands:
    """The parts of a store in another process: no keyring, since no part needs one."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.accounts = SqlAccounts(self.database)
        self.logins = SqlLogins(self.database)
        self.enrollments = SqlEnrollments(self.database)
        self.factors = SqlFactors(self.database)
        self.throttles = SqlThrottles(self.database)
        self.events = SqlEvents(self.database)
        self.probes = SqlProbes(self.database)


class Crowd(Protocol):
    """What a race needs: hands, and a start signal."""

    size: int

    def at_once(self, jobs: Sequence[Job]) -> list[Any]:
        """Run one job a hand at the same moment; their results. Raises Failed where one raised."""


class Threads:
    """Threads on one store, with its one pool of connections."""

    def __init__(self, store: Any, size: int) -> None:
        self.size = size
        self._store = store
        self._pool = ThreadPoolExecutor(size)

    def at_once(self, jobs: Sequence[Job]) -> list[Any]:
        barrier = threading.Barrier(len(jobs))

        def run(job: Job) -> tuple[str, Any]:
            barrier.wait(_PATIENCE)
            return _answer(self._store, job)

        return _unpacked(list(self._pool.map(run, jobs)))

    def close(self) -> None:
        self._pool.shutdown()


class Processes:
    """Processes that stay, since starting one takes a second."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._url = ""
        context = multiprocessing.get_context("spawn")
        self._barrier = context.Barrier(size)  # kept: what spawned children open by name must still be there
        self._pipes: list[Connection] = []
        self._children = []
        for _ in range(size):
            ours, theirs = context.Pipe()
            child = context.Process(target=_serve, args=(theirs, self._barrier), daemon=True)
            child.start()
            theirs.close()
            self._pipes.append(ours)
            self._children.append(child)

    def at(self, store: Store | None) -> Processes:
        """The same processes, at this store's database from now on; at None each act is given None."""
        self._url = "" if store is None else store.database.url.render_as_string(hide_password=False)
        return self

    def at_once(self, jobs: Sequence[Job]) -> list[Any]:
        assert len(jobs) == self.size
        for pipe, job in zip(self._pipes, jobs, strict=True):
            pipe.send((self._url, job))
        for pipe in self._pipes:
            assert pipe.poll(_PATIENCE), "a process does not answer"
        return _unpacked([pipe.recv() for pipe in self._pipes])

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for child, pipe in zip(self._children, self._pipes, strict=True):
            child.join(_PATIENCE)
            child.close()
            pipe.close()


def _serve(pipe: Connection, barrier: Barrier) -> None:
    warnings.simplefilter("error")
    hands, at = None, ""
    while (message := pipe.recv()) is not None:
        url, job = message
        if url != at:
            hands, at = _moved(hands, url), url
        barrier.wait(_PATIENCE)
        pipe.send(_answer(hands, job))
    _moved(hands, "")


def _moved(hands: Hands | None, url: str) -> Hands | None:
    """Hands at another database; the first connection is made at once, not in the race."""
    if hands is not None:
        hands.database.close()
    if not url:
        return None
    fresh = Hands(url)
    fresh.logins.revision()
    return fresh


def _answer(store: Any, job: Job) -> tuple[str, Any]:
    act, arguments = job
    try:
        return "value", act(store, *arguments)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test wants to see it
        return "error", f"{type(error).__name__}: {error}"


def _unpacked(answers: Sequence[tuple[str, Any]]) -> list[Any]:
    if errors := sorted({str(value) for kind, value in answers if kind == "error"}):
        raise Failed("\n".join(errors))
    return [value for _, value in answers]
