"""The two ways in which a store fails."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store does not answer now: 503, and nothing was granted. Never carries SQL or a URL."""


class StoreRefused(Exception):
    """This store may not be used as it is. The message says what to do; it ends the start."""
