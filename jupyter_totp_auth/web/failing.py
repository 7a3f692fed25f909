"""How our own endpoints fail: 503 where nothing can be granted now, and 500 only for a fault of the code."""

from __future__ import annotations

from typing import Any, NamedTuple

from tornado import web

EXHAUSTED = (MemoryError, OSError)
"""What Python raises where the machine has no more of something; the store's own are StoreUnavailable."""


COME_AGAIN = 1
"""Seconds after a 503. The thread that hashes empties a full queue in little more; later, it is idle."""


class Unavailable(web.HTTPError):
    """503: the store or the hash queue cannot take this now. Nothing was granted."""

    def __init__(self) -> None:
        super().__init__(503)


class Stopping(web.HTTPError):
    """503: the server is about to end, and takes no new logins. ``seconds`` until then."""

    sentence = "This server is being stopped and takes no new logins. Please try again when it is back."

    def __init__(self, seconds: int) -> None:
        super().__init__(503)
        self.retry_after = seconds + _COMING_BACK


_COMING_BACK = 10
"""Seconds until a server that is started again can be there."""


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


class Told(NamedTuple):
    """What a page says of an error that has no form to go back to: no trace, no detail."""

    title: str
    text: str
    retry_after: int | None = None


def in_words(status: int, error: object = None) -> Told:
    """For the status of an answer, and what was raised."""
    if isinstance(error, Stopping):
        return Told("Back soon", error.sentence, error.retry_after)
    return Told(*_ERRORS.get(status, _ERRORS[500]), COME_AGAIN if status == 503 else None)  # noqa: PLR2004


_ERRORS = {
    400: ("That did not arrive whole", "The form was not understood. Please go back and try again."),
    403: ("Not from here", "This request did not come from one of this server's own pages."),
    404: ("Nothing here", "There is no such page."),
    405: ("Not this way", "This page cannot be asked for in that way."),
    415: ("Not a form", "This page only takes forms."),
    500: ("Something went wrong", "The server could not do this. Its log says why."),
    503: (
        "Busy just now",
        "Signing in is not possible at the moment. Nothing was lost; please try again in a few seconds.",
    ),
}
