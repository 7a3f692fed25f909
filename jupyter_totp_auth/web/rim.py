"""What the handlers of this rim share: the services, and the server's own parts around them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.addresses import AddressBuckets
from ..core.policy import Policy
from ..store import StoreUnavailable
from ..wiring import Services
from . import metrics
from .appearance import Pages
from .cookies import Cookies
from .flood_log import FloodLog
from .heartbeat import Heartbeat
from .hints import tell_everybody, tell_login
from .pool import BoundedPool, Busy, HashPool
from .rights import Rights
from .sockets import Sockets
from .xsrf import Xsrf

_POLL_EVERY = 0.25
_STALE_AFTER = 15.0
"""Seconds for which logins are answered from memory while the store is silent; then 503."""

_FLUSH_EVERY = 60.0
_PURGE_EVERY = 600.0


@dataclass(frozen=True)
class Now:
    """What a reload can change, as one: a request takes it at its beginning, and keeps it to its end."""

    services: Services
    issuer: str
    pages: Pages
    public_url: str
    """The address that people type, as configured; empty: not configured."""


@dataclass(eq=False)
class Rim:
    """Shared by all handlers of one server."""

    now: Now
    base_url: str
    cookies: Cookies
    xsrf: Xsrf
    rights: Rights
    sockets: Sockets
    hash_pool: HashPool
    store_pool: BoundedPool
    """For what strangers can cause: look-ups of cookies and codes."""

    member_pool: BoundedPool
    """For what keeps logins true, so that no flood of strangers stands before an end."""

    log: Any
    stops_at: int | None = None
    """When the server ends, where that has begun: it takes no new logins (``drain``)."""

    awaiting_setup: bool = False
    """Nobody is enrolled yet, so nobody can log in; the login page says so."""

    login_addresses: AddressBuckets = field(init=False)
    enroll_addresses: AddressBuckets = field(init=False)
    flood_log: FloodLog = field(init=False)
    _heard_at: float = field(default_factory=time.monotonic)
    _flushed_at: float = field(default_factory=time.monotonic)
    _purged_at: float = 0.0
    _is_silent: bool = False
    _is_doubted: bool = False
    _timers: list[Heartbeat] = field(default_factory=list)

    def __post_init__(self) -> None:
        burst = self.services.policy.address_burst
        self.login_addresses, self.enroll_addresses = AddressBuckets(burst), AddressBuckets(burst)
        self.flood_log = FloodLog(self.log)
        metrics.watch(self)

    @property
    def services(self) -> Services:
        """Those of now: for the rim's own work. A handler has them from its request's beginning."""
        return self.now.services

    def follow(self, now: Now, policy: Policy) -> None:
        """Go on with this: what was asked before is answered by what was before."""
        if policy != now.services.policy:
            now = replace(now, services=now.services.under(policy))
        self.now = now
        for buckets in (self.login_addresses, self.enroll_addresses):
            buckets.burst = policy.address_burst

    def is_stale(self) -> bool:
        """Whether the store has been silent for so long that memory cannot be trusted any more."""
        return time.monotonic() - self._heard_at > _STALE_AFTER  # for every request: no call of ours in it

    def silence(self) -> float:
        """Seconds since the store answered last; it is asked four times a second."""
        return time.monotonic() - self._heard_at

    def can_log_in(self) -> bool:
        """Whether a login would be served now, as far as can be told without trying. From memory."""
        if self.stops_at is not None:
            return False
        return not (self.is_stale() or self._is_doubted or self.hash_pool.hangs)

    def seconds_left(self) -> int | None:
        """Until the server ends; None: it goes on."""
        return None if self.stops_at is None else max(self.stops_at - self.services.clock(), 0)

    def doubt(self) -> None:
        """The store has refused somebody: until it takes a write again, this server is not healthy."""
        self._is_doubted = True

    def start(self) -> None:
        """Keep memory and sockets true from now on. To be called on the running event loop."""
        self._heard_at = time.monotonic()
        # Each on its own: whatever the store does, even nothing, a login ends at its time, and a write
        # that has to wait must not keep the ends that others made from being heard of.
        work = (self._tick, self._housekeeping, self.sockets.sweep)
        self._timers = [Heartbeat(each, _POLL_EVERY, self.log) for each in work]
        for timer in self._timers:
            timer.start()

    def stop(self) -> None:
        """Stop looking."""
        for timer in self._timers:
            timer.stop()

    async def sync(self) -> None:
        """Learn of what ended, here or in another process, and close its sockets."""
        news = await self.member_pool.run(self.services.sync)
        self._heard_at = time.monotonic()
        self.sockets.sweep()
        if news.notices:
            tell_everybody(self.sockets)
        for login_id in news.ending:
            tell_login(self.sockets, login_id)

    async def _tick(self) -> None:
        try:
            await self.sync()
            await self._look_for_setup()
        except (StoreUnavailable, Busy, MemoryError) as error:
            metrics.count_unavailable(error)
            self._not_heard(type(error).__name__ if isinstance(error, MemoryError) else str(error))
        except Exception as error:
            self.log.exception("jupyter_totp_auth: the look at the account store failed")
            self._not_heard(type(error).__name__)
        else:
            if self._is_silent:
                self._is_silent = False
                self.log.warning("The account store answers again.")

    def _not_heard(self, why: str) -> None:
        """One line a silence, not four a second."""
        self.doubt()
        if not self._is_silent:
            self._is_silent = True
            self.log.error(
                "The account store does not answer (%s). Open logins are served from memory for %d seconds.",
                why or "no answer in time",
                _STALE_AFTER,
            )

    async def _look_for_setup(self) -> None:
        if self.awaiting_setup:
            enrolled = await self.member_pool.run(self.services.store.accounts.any_enrolled)
            self.awaiting_setup = not enrolled

    async def _housekeeping(self) -> None:
        """What is written now and then; and after a refusal, whether the store takes a write again."""
        try:
            if self._is_doubted:
                await self.store_pool.run(self.services.store.throttles.try_writing)
                self._is_doubted = False
            await self._tidy()
        except (StoreUnavailable, MemoryError):
            self.doubt()
        except Busy:
            pass  # as it was: in doubt, or only slow at tidying up

    async def _tidy(self) -> None:
        now, services = time.monotonic(), self.services
        if now - self._flushed_at > _FLUSH_EVERY:
            self._flushed_at = now
            services.forget_expired()
            await self.member_pool.run(services.flush)
        if now - self._purged_at > _PURGE_EVERY:
            self._purged_at = now
            await self.store_pool.run(self._purge, services.clock())

    def _purge(self, at: int) -> None:
        """Drop what is over, and what strangers can make the store keep without end (R18)."""
        store, policy = self.services.store, self.services.policy
        store.logins.purge(at=at, ended_before=at - policy.ended_login_memory)
        store.throttles.bound(policy.most_counters)
        store.events.purge(
            before=at - policy.event_memory,
            strangers_before=at - policy.strangers_event_memory,
            most_of_strangers=policy.most_strangers_events,
        )
