"""Secrets of URLs kept out of the server's log (X5): people and programs put tokens into queries."""

from __future__ import annotations

import logging
import re
from typing import Any

from tornado.log import access_log, app_log, gen_log

from ..core.access_tokens import blanked

Log = logging.Logger | logging.LoggerAdapter[logging.Logger]

_QUERY = re.compile(r"\?[^\s'\"]+")
_QUOTED = re.compile(r"\s*b?['\"].*", re.DOTALL)
_UNREADABLE = "Malformed HTTP message"
"""How tornado begins its line on a request that it could not parse."""


class _WithoutRequests(logging.Filter):
    """Takes what came with a request out of every line that tornado itself writes.

    The query of a refused or failed one, whole: Jupyter's access log has a list of parameters that it
    blanks, but tornado's lines do not go through it. And the header that it could not read: one odd byte in
    any cookie of the host, and it quotes the line with all of them, the login's included.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message.startswith(_UNREADABLE):
            message = _QUOTED.sub(" …", message, count=1)
        record.msg, record.args = _QUERY.sub("?…", message), ()
        return True


_REFERER = re.compile(r"(\breferer\W{1,4}https?://[^\s?\"]*)\?[^\s\"]*", re.IGNORECASE)


class _WithoutTokens(logging.Filter):
    """Takes access tokens out of every line, wherever a program has put one: a path, a cookie, a body.

    And the query of the page that a failed request came from, whole: it is that page's, not the request's.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = _REFERER.sub(r"\1?…", blanked(message))
        if clean != message:
            record.msg, record.args = clean, ()
        return True


class _WhereRead(_WithoutTokens):
    """The same on a logger itself, for handlers that it gets later: not for lines that nobody will write.

    Jupyter makes one for every request, at a level below all of its handlers.
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def filter(self, record: logging.LogRecord) -> bool:
        return super().filter(record) if is_read(self._logger, record.levelno) else True


def is_read(log: Log, level: int) -> bool:
    """Whether anything takes what is logged there at this level."""
    if not log.isEnabledFor(level):
        return False
    place: Any = log
    while isinstance(place, logging.LoggerAdapter):
        place = place.logger
    while place is not None:
        if any(level >= handler.level for handler in place.handlers):
            return True
        place = place.parent if place.propagate else None
    return False


_TOKEN_FILTER = _WithoutTokens()
_FILTER = _WithoutRequests()  # one for the process: the loggers are, and they take the same filter once


def keep_secrets_out(settings: dict[str, Any], log: Log) -> None:
    """Set up Jupyter's access log and tornado's loggers; ``settings`` and ``log`` are the application's."""
    scrubbed = settings.setdefault("extra_log_scrub_param_keys", [])
    settings["extra_log_scrub_param_keys"] = [*scrubbed, "next", "password"]
    for logger in (gen_log, app_log):
        logger.addFilter(_FILTER)
    server_log = log if isinstance(log, logging.Logger) else log.logger
    # Its handlers too: they also write what extensions log under names of their own.
    for place in (*server_log.handlers, gen_log, app_log, access_log):
        place.addFilter(_TOKEN_FILTER)
    server_log.addFilter(_WhereRead(server_log))
