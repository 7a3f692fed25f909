"""How often strangers may try from one network: a hint against floods, never the sole control (R16).

In memory and pure: the caller hands in the time, and the address as ``trusted_proxies`` say it is.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from math import ceil

_WIDER = 8
"""A /48 holds 65,536 networks of /64, and one customer often has all of them."""

_MOST = 50_000


class AddressBuckets:
    """One bucket of ``burst`` tries a network, which fills up again within two minutes.

    Networks are IPv4 /32 (also where written as ``::ffff:a.b.c.d``), IPv6 /64 and, eight times as large,
    /48. Loopback and what is no address at all (a Unix socket) is this machine itself, and is let pass.
    To be asked on one thread.
    """

    def __init__(self, burst: int, *, most: int = _MOST) -> None:
        self.burst = burst
        """May be changed: how full a bucket is, is kept as a time."""
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When each bucket will be full again; the least recently asked first."""

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, address: str, *, at: int) -> int | None:
        """Take one try. None: go on; else the seconds to wait, and nothing was taken."""
        if self.burst == 0:
            return None
        found = [(network, size * self.burst) for network, size in _networks(address)]
        waits = [self._wait(network, size, at) for network, size in found]
        if any(waits):
            return max(waits)
        for network, size in found:
            self._full_at[network] = self._full(network, at) + _REFILL / size
            self._full_at.move_to_end(network)
        self._purge(at)
        return None

    def _wait(self, network: str, size: int, at: int) -> int:
        return max(ceil(self._full(network, at) + _REFILL / size - (at + _REFILL)), 0)

    def _full(self, network: str, at: int) -> float:
        """When the bucket is full; a clock set back must not make it emptier than empty."""
        return min(max(self._full_at.get(network, at), at), at + _REFILL)

    def _purge(self, at: int) -> None:
        """Forget full buckets, and the least recently asked beyond the bound."""
        while self._full_at:
            network, full_at = next(iter(self._full_at.items()))
            if full_at > at and len(self._full_at) <= self._most:
                return
            del self._full_at[network]


_REFILL = 120
"""Seconds from empty to full: with a burst of 20, ten tries a minute."""


def _networks(address: str) -> list[tuple[str, int]]:
    """The networks that an address is counted under, each with how many times the burst it has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return []
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    if parsed.is_loopback:
        return []
    if isinstance(parsed, ipaddress.IPv4Address):
        return [(str(parsed), 1)]
    near, wide = (ipaddress.ip_network((parsed, prefix), strict=False) for prefix in (64, 48))
    return [(str(near), 1), (str(wide), _WIDER)]
