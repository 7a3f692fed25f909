"""Goal 7: a million accounts and a million live logins.

python -m benchmarks.million [--full]

The same work on a store of ten and on one of 100,000, on SQLite; in full, of 1,000,000, and on each database:
look-ups by name and by bearer, a whole login but for its hash, one end and the sync that hears of it, opening
the store, and the housekeeping. And what a live login takes in a process's memory.
"""

from __future__ import annotations

import gc
import os
import secrets
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from argon2 import profiles

from benchmarks.contenders import rss_of
from benchmarks.crowd import MANY, fill
from benchmarks.end_reaches import database_url
from benchmarks.measure import Sample, Study, in_turn, is_full
from jupyter_totp_auth.core import bearer, totp
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.core.model import Issued, Origin, Role
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.core.policy import DAY
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.wiring import Services, build, system_clock
from tests.attacks.places import DATABASES
from tests.harness.client import PASSWORD

FEW, MORE = 10, 1_000_000
IN_MEMORY = 100_000
ROUNDS = 15
HERE = Origin("127.0.0.1", "benchmark")
_TIMES = 50

LOOK_UPS = {"look-up by bearer, µs", "look-up by name, µs", "a login without its hash, ms", "an end, ms"}


@dataclass
class Crowd:
    """A store with so many people, one of whom logs in."""

    services: Services
    settings: TotpAuth
    clock: Clock
    bearers: list[str]
    """Of the logins that are open."""
    secret: bytes


class Clock:
    """Seconds that go on by themselves, and by a step for each code."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return system_clock() + self.ahead


def main(*, full: bool = False) -> None:
    """Each database in turn."""
    many, databases = (MORE, DATABASES) if full else (MANY, DATABASES[:1])
    study = Study("million", f"Goal 7 · {many:,} accounts and as many live logins, beside ten")
    for database in databases:
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            crowds = {}
            for size in (FEW, many):
                url = stack.enter_context(database_url(database))
                crowds[f"{size:,}"] = crowd(home / str(size), url, size)
                stack.callback(crowds[f"{size:,}"].services.close)
            compare(study, crowds, prefix=f"{database}: ")
            if database == "sqlite":
                memory(study, crowds[f"{many:,}"])
    study.report()


def compare(study: Study, crowds: dict[str, Crowd], *, prefix: str) -> None:
    """The same work on both."""
    names = list(crowds)
    study.add(
        in_turn({name: partial(work, one) for name, one in crowds.items()}, rounds=ROUNDS), prefix=prefix
    )
    for figure in sorted(study.figures):
        if figure.startswith(prefix):
            is_goal = figure.removeprefix(prefix) in LOOK_UPS
            study.ratio(figure, names[1], names[0], at_most=1.5 if is_goal else None)
            line = {float(name.replace(",", "")): study.median(figure, name) for name in names}
            study.points.setdefault(f"{figure.removeprefix(prefix)}, by accounts and logins", {})[
                prefix.rstrip(": ")
            ] = line


def work(one: Crowd) -> Sample:
    """Everything once."""
    services = one.services
    some = [bearer.digest(Kind.LOGIN, text) or b"" for text in secrets.SystemRandom().sample(one.bearers, 5)]
    at = services.clock()
    found: dict[str, float] = {}
    with _Timed(found, "look-up by bearer, µs", 1e6 / _TIMES / len(some)):
        for _ in range(_TIMES):
            for digest in some:
                assert services.store.logins.find(digest, at=at) is not None
    with _Timed(found, "look-up by name, µs", 1e6 / _TIMES):
        for _ in range(_TIMES):
            assert services.store.accounts.by_name("ada") is not None
    with _Timed(found, "a login without its hash, ms", 1e3):
        text = log_in(one)
    services.logins.load(text)
    services.logins.sync()
    with _Timed(found, "an end, ms", 1e3):
        services.accounts.end_logins("ada", actor="benchmark")
        services.logins.sync()
    assert services.logins.load(text) is None
    with _Timed(found, "housekeeping, ms", 1e3):
        services.store.logins.purge(at=at, ended_before=at - DAY)
    with _Timed(found, "opening the store, ms", 1e3):
        build(one.settings, hasher=Hasher(profiles.CHEAPEST)).close()
    return found


class _Timed:
    """Note how long the block took, times ``scale``."""

    def __init__(self, found: dict[str, float], name: str, scale: float) -> None:
        self._found, self._name, self._scale = found, name, scale

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *exc: object) -> None:
        self._found[self._name] = (time.perf_counter() - self._begun) * self._scale


def log_in(one: Crowd) -> str:
    """Both factors, with the cheapest hash; the login's bearer."""
    services = one.services
    one.clock.ahead += 30
    first = services.login.first_factor(typed_name="ada", typed_password=PASSWORD, origin=HERE)
    assert isinstance(first, Issued), first
    code = totp.code(one.secret, totp.step_at(one.clock()))
    second = services.login.second_factor(pending_bearer=first.bearer, typed_code=code, origin=HERE)
    assert isinstance(second, Issued), second
    return second.bearer


# -- the crowd -------------------------------------------------------------------------------------


def crowd(home: Path, url: str, size: int, *, keyring: Path | None = None) -> Crowd:
    """A store with so many accounts, each with a login, and Ada."""
    settings = TotpAuth(
        database_url=url or f"sqlite:///{home / 'store' / 'totp.sqlite3'}",
        key_file=str(keyring or home / "key" / "keyring"),
    )
    clock = Clock()
    services = build(settings, clock=clock, hasher=Hasher(profiles.CHEAPEST))
    bearers = fill(services, size)
    return Crowd(services, settings, clock, bearers, enroll(services))


def enroll(services: Services) -> bytes:
    """Ada, through the flow; her phone's secret."""
    code = services.accounts.add("ada", Role.ADMIN, actor="benchmark").code
    begun = services.enrollment.start(code, HERE)
    assert isinstance(begun, Issued), begun
    chosen = services.enrollment.choose(begun.bearer, typed_name="ada", typed_password=PASSWORD)
    first = totp.code(chosen.secret, totp.step_at(services.clock()))
    assert isinstance(services.enrollment.confirm(begun.bearer, typed_code=first, origin=HERE), Issued)
    return chosen.secret


def memory(study: Study, one: Crowd) -> None:
    """What a process takes for each login that it remembers, and what a sync then costs."""
    logins = one.services.logins
    gc.collect()
    before = rss_of(os.getpid())
    for text in one.bearers[:IN_MEMORY]:
        assert logins.load(text) is not None
    gc.collect()
    each = (rss_of(os.getpid()) - before) * 1024 / min(IN_MEMORY, len(one.bearers))
    study.add({"memory of a live login, KiB": {f"{len(logins):,}": [each]}})


if __name__ == "__main__":
    main(full=is_full())
