"""The log's line for whoever is told to wait, for fail2ban: bounded, whatever the flood (R17)."""

from __future__ import annotations

import time

from .log_privacy import Log

TOO_MANY_TRIES = "jupyter_totp_auth: too many tries from %s"
"""A contract like ``wiring.FAILED_LOGIN``: never changed."""

_MOST = 50


class FloodLog:
    """One line a second for each address, and at most 50 in all: a ban needs a few, a disk no more."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._told: set[str] = set()
        self._since = 0.0

    def tell(self, address: str) -> None:
        """This address (as ``trusted_proxies`` say it is) was told to wait; its try was not looked at."""
        now = time.monotonic()
        if now - self._since >= 1:
            self._since = now
            self._told.clear()
        if address not in self._told and len(self._told) < _MOST:
            self._told.add(address)
            self._log.warning(TOO_MANY_TRIES, address)
