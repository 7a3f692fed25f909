"""Jupyter's access log, without the lines that nobody reads (decision 0022).

For each request that went well Jupyter takes the URL apart, puts a line together and makes a log record of
it, at a level that no handler takes unless somebody debugs the server. That costs more than the gate.
"""

from __future__ import annotations

import logging
from functools import lru_cache, partial
from typing import Any, cast

from jupyter_server.log import log_request
from jupyter_server.prometheus.log_functions import prometheus_log_method
from jupyter_server.prometheus.metrics import HTTP_REQUEST_DURATION_SECONDS
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
        if _is_told_in_debug(handler.get_status()) and not _is_read(handler):
            if is_measured:
                _measure(handler)
        else:
            whole(handler)

    settings["log_function"] = log


def _measure(handler: RequestHandler) -> None:
    """As ``prometheus_log_method`` does, but for its labels, which it puts together for each request."""
    request, kind = handler.request, cast("Any", type(handler))
    try:
        duration = _duration(request.method, kind, handler.get_status())
    except ValueError:  # a version of Jupyter's with other labels
        prometheus_log_method(handler)
    else:
        duration.observe(request.request_time())


@lru_cache(maxsize=1024)
def _duration(method: str | None, kind: type, status: int) -> Any:
    name = f"{kind.__module__}.{kind.__name__}"
    return HTTP_REQUEST_DURATION_SECONDS.labels(method=method, handler=name, status_code=status)


def _is_told_in_debug(status: int) -> bool:
    """As ``jupyter_server.log.log_request`` has it."""
    return status < _REDIRECTED or status == _NOT_MODIFIED


def _is_read(handler: RequestHandler) -> bool:
    """Whether anybody takes what ``log_request`` would write, to whatever this handler logs to."""
    log = getattr(handler, "log", access_log)
    return not isinstance(log, logging.Logger | logging.LoggerAdapter) or is_read(log, logging.DEBUG)
