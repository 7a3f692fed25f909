"""A line of JSON for each record, whatever is in it, and nothing in it that the log must not have."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.core.access_tokens import make
from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.web.json_log import JsonLines, is_wanted
from jupyter_totp_auth.web.log_privacy import keep_secrets_out
from jupyter_totp_auth.wiring import as_document, as_json_line
from tests.harness.backstage import backstage
from tests.harness.lean import lean

EVENT = Event(EventKind.LOGIN, 1_795_203_165, "id", "ada", "ada", "203.0.113.7", "cafe", 'a "detail"\n')


def line(message: str, *args: object, **fields: Any) -> dict[str, Any]:
    record = logging.LogRecord("ServerApp", logging.WARNING, "", 0, message, args, None)
    record.__dict__.update({"created": 1_795_203_165.047, **fields})
    text = JsonLines("%(message)s", "%Y", "%").format(record)
    assert text.isascii()
    assert "\n" not in text
    told: dict[str, Any] = json.loads(text)
    return told


def trace(message: str) -> Any:
    """What ``logging`` is handed where something was raised."""
    try:
        message.index("not in it")
    except ValueError as error:
        return type(error), RuntimeError(message).with_traceback(error.__traceback__), error.__traceback__


def test_a_record_is_time_level_logger_and_message_in_this_order() -> None:
    assert list(line("so it %s", "goes").items()) == [
        ("time", "2026-11-20T19:32:45.047Z"),
        ("level", "WARNING"),
        ("logger", "ServerApp"),
        ("message", "so it goes"),
    ]


@pytest.mark.parametrize(
    "text", ["a\nb\r\n", "\u2028\u2029\x85\x0b\x1b[2K", "\ud800", '"}\\', "é漢\U0001f600"]
)
def test_whatever_is_in_a_message_it_is_one_line_and_says_the_same(text: str) -> None:
    assert line("%s", text)["message"] == text


def test_an_event_of_the_audit_log_is_an_object() -> None:
    told = line("%s", as_json_line(EVENT))
    assert told["audit"] == as_document(EVENT)
    assert told["message"] == "audit: login"


@pytest.mark.parametrize(
    "text", ['{"audit": {"event": ', '{"audit": {}} and more', '{"audit": {"event": "x"}} x']
)
def test_what_only_looks_like_an_event_is_a_message(text: str) -> None:
    assert line(text) == {**line(""), "message": text}


def test_an_exception_is_one_field() -> None:
    told = line(
        "It failed", exc_info=trace("several\nlines"), stack_info="Stack (most recent call last):\n  here"
    )
    assert told["message"] == "It failed"
    assert told["exception"].startswith("Traceback (most recent call last)")
    assert "RuntimeError: several\nlines" in told["exception"]
    assert told["exception"].endswith("here")


def test_of_what_is_too_long_for_journald_the_beginning_is_kept_and_of_a_trace_the_end() -> None:
    told = line("\U0001f600" * 20_000, exc_text="x" * 50_000 + "the end")
    assert told["message"].endswith("\U0001f600 …")
    assert told["exception"].startswith("… x")
    assert told["exception"].endswith("the end")
    assert len(json.dumps(told)) < 40_000


def test_an_access_token_is_taken_out_of_a_trace_as_well() -> None:
    token = make()
    told = line(f"with {token}", exc_info=trace(token))
    assert token not in json.dumps(told)


def test_the_filters_stand_before_it() -> None:
    token, log = make(), logging.getLogger("tests.json_log")
    said: list[str] = []

    class Sink(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    sink = Sink()
    sink.setFormatter(JsonLines())
    log.addHandler(sink)
    log.setLevel(logging.INFO)
    keep_secrets_out({}, log)
    log.info("%s", as_json_line(Event(EventKind.LOGIN, 0, "id", "ada", "ada", detail=token)))
    log.warning("403 GET /x referer=http://h/lab?secret=1")
    assert token not in "".join(said)
    assert "secret=1" not in "".join(said)
    assert json.loads(said[0])["audit"]["account"] == "ada"


def test_only_json_is_json() -> None:
    assert is_wanted({"TotpAuth": {"log_format": "json"}})
    assert not is_wanted({"TotpAuth": {"log_format": "text"}})
    assert not is_wanted({})


CONFIG = """
import warnings
c.TotpAuth.log_format = "json"
c.ServerApp.logging_config = {
    "handlers": {"file": {"class": "logging.FileHandler", "filename": %r, "formatter": "console"}},
    "loggers": {"ServerApp": {"handlers": ["console", "file"]}},
}
"""


def test_every_line_of_a_server_is_json_from_the_first_to_the_last(tmp_path: Path) -> None:
    copy = tmp_path / "copy.log"
    config = CONFIG % str(copy)
    with lean(tmp_path, config=config, extensions=["doors"]) as server, backstage(server) as stage:
        stage.enrolled("ada")
        ada = stage.signed_in("ada")
        ada.get("api/contents/none")
        ada.get("api/kernels/none?token=jta_" + "x" * 46)
    lines = [json.loads(each) for each in server.log.splitlines()]
    assert lines[0]["message"].endswith("extension was successfully linked.")
    assert any("No account is set up yet" in each["message"] for each in lines)
    assert any(each["message"].startswith("404 GET /api/contents/none (ada@127.0.0.1)") for each in lines)
    (made,) = [each["audit"] for each in lines if each.get("audit", {}).get("event") == "setup-link"]
    assert made["account"] is None
    assert "x" * 46 not in server.log
    # The first lines of a log file of one's own are about reading the configuration that asks for JSON.
    for each in copy.read_text().split("extension was successfully linked.", 1)[1].splitlines()[1:]:
        assert json.loads(each)["logger"] == "ServerApp"


def test_a_start_that_is_refused_says_so_in_json(tmp_path: Path) -> None:
    server = lean(tmp_path, config='c.TotpAuth.log_format = "json"\nc.TotpAuth.idle_timeout = 1\n')
    assert server.run_to_the_end() == 1
    refusal = json.loads(server.log.splitlines()[-1])
    assert refusal["level"] == "CRITICAL"
    assert "idle_timeout: 0 (off)" in refusal["message"]
