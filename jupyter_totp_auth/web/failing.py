"""How our own endpoints fail: 503 where nothing can be granted now, and 500 only for a fault of the code."""

from __future__ import annotations

from typing import Any

from tornado import web

EXHAUSTED = (MemoryError, OSError)
"""What Python raises where the machine has no more of something; the store's own are StoreUnavailable."""


class Unavailable(web.HTTPError):
    """503: the store or the hash queue cannot take this now. Nothing was granted."""

    def __init__(self) -> None:
        super().__init__(503)


class FailsClosed(web.RequestHandler):
    """503, not 500, where the machine gives no memory, no descriptor, no randomness (N16, N17, N20)."""

    log: Any

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """As tornado does, with the status that is true."""
        error = kwargs.get("exc_info", (None, None))[1]
        super().send_error(503 if isinstance(error, EXHAUSTED) else status_code, **kwargs)

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """One line for those, since it is no fault of the code; a trace for what is."""
        if isinstance(error, EXHAUSTED):
            self.log.error("503: the machine refuses what this needs (%s).", type(error).__name__)
        else:
            super().log_exception(kind, error, trace)
