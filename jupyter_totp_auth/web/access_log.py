"""Jupyter's access log, without the lines that nobody reads (decision 0022).

For each request that went well Jupyter takes the URL apart, puts a line together and makes a log record of
it, at a level that no handler takes unless somebody debugs the server. That costs more than the gate.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from jupyter_server.log import log_request
from jupyter_server.prometheus.log_functions import prometheus_log_method
from tornado.log import access_log
from tornado.web import RequestHandler

from .log_privacy import is_read

_REDIRECTED, _NOT_MODIFIED = 300, 304


def leave_out_unread(settings: dict[str, Any]) -> None:
    """``settings`` are the application's; a ``log_function`` that is not Jupyter's own stays as it is."""
    whole = settings.get("log_function")
    if not isinstance(whole, partial) or whole.func is not log_request:
        return
    is_measured = whole.keywords.get("record_prometheus_metrics", True)

    def log(handler: RequestHandler) -> None:
        if _is_told_in_debug(handler.get_status()) and not is_read(_log_of(handler), logging.DEBUG):
            if is_measured:
                prometheus_log_method(handler)
        else:
            whole(handler)

    settings["log_function"] = log


def _is_told_in_debug(status: int) -> bool:
    """As ``jupyter_server.log.log_request`` has it."""
    return status < _REDIRECTED or status == _NOT_MODIFIED


def _log_of(handler: RequestHandler) -> Any:
    """Where ``log_request`` would write to."""
    return getattr(handler, "log", access_log)
