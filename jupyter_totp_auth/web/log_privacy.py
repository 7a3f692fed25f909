"""Secrets of URLs kept out of the server's log (X5): people and programs put tokens into queries."""

from __future__ import annotations

import logging
import re
from typing import Any

from tornado.log import app_log, gen_log

_QUERY = re.compile(r"\?[^\s'\"]+")


class _WithoutQueries(logging.Filter):
    """Takes the query out of every URL that tornado itself logs: of a refused or failed request, whole.

    Jupyter's access log has a list of parameters that it blanks; tornado's own lines do not go through it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
        return True


_FILTER = _WithoutQueries()  # one for the process: the loggers are, and they take the same filter once


def keep_secrets_out(settings: dict[str, Any]) -> None:
    """Set up Jupyter's access log and tornado's two loggers; ``settings`` are the application's."""
    scrubbed = settings.setdefault("extra_log_scrub_param_keys", [])
    settings["extra_log_scrub_param_keys"] = [*scrubbed, "next", "password"]
    for logger in (gen_log, app_log):
        logger.addFilter(_FILTER)
