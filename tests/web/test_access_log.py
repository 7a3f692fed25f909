"""Jupyter's access log: what somebody reads is written by Jupyter itself, the rest only counted."""

from __future__ import annotations

import logging
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server.log import log_request
from jupyter_server.prometheus.log_functions import prometheus_log_method
from jupyter_server.prometheus.metrics import HTTP_REQUEST_DURATION_SECONDS
from prometheus_client import Histogram
from tornado.httputil import HTTPServerRequest, RequestStartLine

from jupyter_totp_auth.web import access_log
from jupyter_totp_auth.web.access_log import leave_out_unread


class Apart(logging.Logger):
    """Not in the tree of loggers, to which pytest puts handlers of its own."""


@pytest.fixture
def log() -> logging.Logger:
    """As Jupyter's: takes everything itself, and has a handler that does not."""
    made = Apart("as Jupyter's", logging.DEBUG)
    made.addHandler(Lines(logging.INFO))
    return made


class Lines(logging.Handler):
    """Keeps what it gets."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def put_in(**keywords: Any) -> Any:
    settings: dict[str, Any] = {"log_function": partial(log_request, **keywords)}
    leave_out_unread(settings)
    return settings["log_function"]


def answered(log: Any, status: int, name: str) -> Any:
    """A handler that is done; each test's own, so that its count is its own too."""
    request = HTTPServerRequest(start_line=RequestStartLine("GET", "/api/contents?token=x", "HTTP/1.0"))
    fields = {"request": request, "log": log, "settings": {}, "current_user": None}
    return type(name, (), {**fields, "get_status": lambda _self: status})()


def counted(name: str) -> float:
    """How often Jupyter's metric has seen this handler."""
    samples = next(iter(HTTP_REQUEST_DURATION_SECONDS.collect())).samples
    found = (one for one in samples if one.name.endswith("_count"))
    return sum(one.value for one in found if one.labels["handler"].endswith(f".{name}"))


@pytest.mark.parametrize("status", [200, 204, 304])
def test_a_line_that_nobody_reads_is_not_made_but_the_request_is_counted(
    log: logging.Logger, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "makeRecord", lambda *_: pytest.fail("a record was made"))
    put_in()(answered(log, status, f"Unread{status}"))
    assert counted(f"Unread{status}") == 1


@pytest.mark.parametrize("status", [301, 303, 400, 403, 404, 500, 503])
def test_what_is_above_debugging_is_written_as_before(log: logging.Logger, status: int) -> None:
    console: Any = log.handlers[0]
    put_in()(answered(log, status, f"Told{status}"))
    assert f"{status} GET /api/contents?token=[secret]" in console.lines[-1]
    assert counted(f"Told{status}") == 1


def test_who_debugs_the_server_reads_every_line(log: logging.Logger) -> None:
    console: Any = log.handlers[0]
    function = put_in()
    console.setLevel(logging.DEBUG)  # at any time
    function(answered(log, 200, "Read"))
    assert console.lines[0].startswith("200 GET /api/contents?token=[secret] (@")
    assert counted("Read") == 1


def test_a_reader_further_up_counts(log: logging.Logger) -> None:
    reader = Lines(logging.DEBUG)
    log.addHandler(reader)
    child = Apart("an extension's")
    child.parent = log
    adapted = logging.LoggerAdapter(logging.LoggerAdapter(child, {}), {})
    put_in()(answered(adapted, 200, "Child"))
    assert len(reader.lines) == 1


def test_what_is_no_logger_of_pythons_gets_every_line() -> None:
    lines: list[str] = []
    odd = SimpleNamespace(debug=lines.append)
    put_in()(answered(odd, 200, "Odd"))
    assert lines[0].startswith("200 GET ")


def test_what_is_measured_is_measured_as_jupyter_does(log: logging.Logger) -> None:
    handler = answered(log, 204, "Measured")
    put_in()(handler)
    prometheus_log_method(handler)
    samples = next(iter(HTTP_REQUEST_DURATION_SECONDS.collect())).samples
    names = [one.labels for one in samples if one.labels["handler"].endswith(".Measured")]
    assert {tuple(sorted(name)) for name in names} == {("handler", "le", "method", "status_code")} | {
        ("handler", "method", "status_code")
    }
    assert counted("Measured") == 2, "in one place"
    assert len([one for one in samples if one.name.endswith("_count") and one.labels in names]) == 1


def test_with_labels_that_we_do_not_know_jupyter_measures_by_itself(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(access_log, "HTTP_REQUEST_DURATION_SECONDS", Histogram("other", "", ["route"]))
    monkeypatch.setattr(access_log, "prometheus_log_method", asked.append)
    handler = answered(log, 200, "OtherLabels")
    put_in()(handler)
    assert asked == [handler]


def test_where_nothing_is_measured_nothing_is(log: logging.Logger) -> None:
    put_in(record_prometheus_metrics=False)(answered(log, 200, "Unmeasured"))
    assert counted("Unmeasured") == 0


def test_somebody_elses_log_function_stays() -> None:
    settings: dict[str, Any] = {"log_function": print}
    leave_out_unread(settings)
    assert settings == {"log_function": print}
    empty: dict[str, Any] = {}
    leave_out_unread(empty)
    assert empty == {}
