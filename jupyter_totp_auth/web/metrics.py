"""What Prometheus may know: outcomes, times and queues. No name, no address and no id in any label (R46).

On Jupyter's own ``/metrics``. Nothing is counted here that a stranger was not told: where that page is
public, it must not say which password was right (R7). The collectors are the process's, whose registry takes
a name once; several servers in one process are summed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..core.events import Event, EventKind, is_failed_try
from ..core.model import Issued, Outcome, Refusal
from ..store import StoreUnavailable

if TYPE_CHECKING:
    from .rim import Rim

T = TypeVar("T")

LOGINS = Counter("jupyter_totp_logins", "Logins opened, and answers that said wrong.", ["outcome"])
FACTORS = {
    "first": Counter("jupyter_totp_first_factor", "Answers to name and password.", ["outcome"]),
    "second": Counter("jupyter_totp_second_factor", "Answers to a code or recovery code.", ["outcome"]),
}
SECONDS = Histogram(
    "jupyter_totp_factor_seconds",
    "Seconds from a factor's arrival to its verdict, waiting for the hash included.",
    ["factor"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
THROTTLED = Counter("jupyter_totp_throttled", "Sign-ins told to wait, not looked at.", ["by"])
UNAVAILABLE = Counter("jupyter_totp_unavailable", "Answers 503, by what did not answer.", ["what"])

_FIRST = ("accepted", "denied", "throttled", "unavailable")
_SECOND = ("opened", "denied", "expired", "throttled", "clock", "unavailable")
_WORDS = {
    Refusal.EXPIRED: "expired",
    Refusal.THROTTLED: "throttled",
    Refusal.SERVER_CLOCK: "clock",
}
"""Everything else is "denied": a phone's wrong clock is only said to a known browser."""


def _show_zeros() -> None:
    """A series that appears with its first event loses that event in every rate()."""
    for outcome in ("opened", "failed"):
        LOGINS.labels(outcome)
    for factor, outcomes in (("first", _FIRST), ("second", _SECOND)):
        SECONDS.labels(factor)
        for outcome in outcomes:
            FACTORS[factor].labels(outcome)
    for by in ("address", "account"):
        THROTTLED.labels(by)
    for what in ("store", "queue"):
        UNAVAILABLE.labels(what)


_show_zeros()


def count(event: Event) -> None:
    """A durable fact of this process."""
    if event.kind is EventKind.LOGIN:
        LOGINS.labels("opened").inc()
    elif is_failed_try(event):
        LOGINS.labels("failed").inc()


def count_unavailable(error: Exception) -> None:
    """503: of the store, or of a queue that is full (or a hash that got no memory)."""
    UNAVAILABLE.labels("store" if isinstance(error, StoreUnavailable) else "queue").inc()


async def measured(factor: str, verdict: Awaitable[Outcome[T]]) -> Outcome[T]:
    """``verdict``, its time and its outcome counted under ``factor`` (first or second)."""
    begun, word = time.monotonic(), "unavailable"
    try:
        outcome = await verdict
        word = _word(factor, outcome)
    finally:
        SECONDS.labels(factor).observe(time.monotonic() - begun)
        FACTORS[factor].labels(word).inc()
    if word == "throttled":
        THROTTLED.labels("account").inc()
    return outcome


def _word(factor: str, outcome: Outcome[T]) -> str:
    if isinstance(outcome, Issued):
        return "accepted" if factor == "first" else "opened"
    return _WORDS.get(outcome.refusal, "denied")


class _Now(Collector):
    """What is true at the moment of the look, so that nothing has to be counted on the way."""

    def __init__(self) -> None:
        self.rims: WeakSet[Rim] = WeakSet()

    def collect(self) -> Iterator[Metric]:
        """On the event loop, as ``/metrics`` is; nothing here waits."""
        rims = list(self.rims)
        queue = GaugeMetricFamily(
            "jupyter_totp_hash_queue", "Password checks that wait or run.", labels=["state"]
        )
        queue.add_metric(["waiting"], sum(rim.hash_pool.waiting for rim in rims))
        queue.add_metric(["running"], sum(rim.hash_pool.running for rim in rims))
        yield queue
        refused = sum(rim.hash_pool.refused for rim in rims)
        yield CounterMetricFamily(
            "jupyter_totp_hash_refused", "Password checks refused or given up, with 503.", value=refused
        )
        for name, text, value in (
            ("live_logins", "Logins that this process serves.", sum(len(r.services.logins) for r in rims)),
            ("open_sockets", "Open WebSockets.", sum(len(r.sockets) for r in rims)),
            ("store_silence_seconds", "Since the store answered last.", max(_silences(rims), default=0)),
        ):
            yield GaugeMetricFamily(f"jupyter_totp_{name}", text, value=value)


def _silences(rims: list[Rim]) -> list[float]:
    return [rim.silence() for rim in rims]


_NOW = _Now()
REGISTRY.register(_NOW)


def watch(rim: Rim) -> None:
    """Have a server's queues, logins and sockets on the page, for as long as there is that server."""
    rim.services.store.database.listen(count)
    _NOW.rims.add(rim)
