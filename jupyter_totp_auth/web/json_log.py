"""The server's log as lines of JSON (``TotpAuth.log_format = "json"``): for journald, syslog, and Loki.

One line a record, in ASCII, whatever is in it. It changes what a line looks like, not what is logged nor
where to: the filters of ``log_privacy`` stand before it as before.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from ..core.access_tokens import blanked

_AUDIT = '{"audit": {'
"""How ``wiring.as_json_line`` begins."""

_LONGEST = 16_000
"""Letters of a message and of a trace, in JSON: journald and rsyslog cut lines that are much longer."""


class JsonLines(logging.Formatter):
    """``{"time", "level", "logger", "message"}``, in this order (fail2ban's filter relies on it).

    Then ``audit``, the event as an object, and ``exception``, a trace, where there is one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes what ``logging.config`` hands to any formatter; there is nothing to choose here."""
        del args, kwargs
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        message = record.getMessage()
        audit = _audit_in(message)
        line: dict[str, Any] = {
            "time": _moment(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": _shortened(message) if audit is None else f"audit: {audit.get('event')}",
        }
        if audit is not None:
            line["audit"] = audit
        trace = self._trace(record)
        if trace:
            line["exception"] = trace
        return blanked(json.dumps(line, ensure_ascii=True))

    def _trace(self, record: logging.LogRecord) -> str:
        told = self.formatException(record.exc_info) if record.exc_info else (record.exc_text or "")
        stack = self.formatStack(record.stack_info) if record.stack_info else ""
        return _shortened("\n".join(filter(None, (told, stack))), from_end=True)


def is_wanted(config: Mapping[str, Any]) -> bool:
    """Whether a configuration, as it was read, asks for JSON."""
    return bool(config.get("TotpAuth", {}).get("log_format") == "json")


def begin_early() -> None:
    """Before any extension is linked, so that the lines about that are in the format that is asked for."""
    if ServerApp.initialized() and is_wanted(ServerApp.instance().config):
        begin([ServerApp.instance()])


def begin(apps: Iterable[Any]) -> None:
    """Have what these applications log, and what no application takes, written as JSON from now on."""
    for app in apps:
        theirs = dict(app.logging_config)
        console = {**theirs.get("formatters", {}).get("console", {}), "class": f"{__name__}.JsonLines"}
        ours = {**theirs, "formatters": {**theirs.get("formatters", {}), "console": console}}
        # The way that traitlets has for it; it makes the application's handlers anew.
        if isinstance(
            app, ServerApp
        ):  # in its configuration: each extension that is linked has that read again
            app.update_config(Config({"ServerApp": {"logging_config": ours}}))
        else:  # of theirs notebook_shim would have something to say
            app.logging_config = ours
    if logging.lastResort is not None:  # of libraries that have a logger of their own
        logging.lastResort.setFormatter(JsonLines())
    warnings_log = logging.getLogger("py.warnings")
    if not warnings_log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        warnings_log.addHandler(handler)
        warnings_log.propagate = False
    logging.captureWarnings(capture=True)
    sys.excepthook = _tell_of_the_end


def say(sentence: str) -> None:
    """A line that is not logged but printed: the set-up link of a first start."""
    record = logging.LogRecord("ServerApp", logging.INFO, "", 0, "%s", (sentence,), None)
    print(JsonLines().format(record), file=sys.stderr, flush=True)  # noqa: T201


def _tell_of_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught ends the process; its trace is one line like the others."""
    exception = (kind, error, trace)
    record = logging.LogRecord("ServerApp", logging.CRITICAL, "", 0, "The server fails.", (), exception)
    print(JsonLines().format(record), file=sys.stderr, flush=True)  # noqa: T201


def _audit_in(message: str) -> dict[str, Any] | None:
    """The event that a line of the audit log tells of. Read back: the filters have had the line."""
    if not message.startswith(_AUDIT):
        return None
    try:
        found = json.loads(message)["audit"]
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _moment(created: float) -> str:
    """ISO 8601 in UTC with milliseconds and Z."""
    seconds, milliseconds = divmod(round(created * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03d}Z"


def _shortened(text: str, *, from_end: bool = False) -> str:
    """As much as fits: a letter is one to twelve bytes in ASCII JSON. Of a trace the end says most."""
    kept = text
    while len(json.dumps(kept)) > _LONGEST:
        size = min(len(kept) * _LONGEST // len(json.dumps(kept)), len(kept) - 1)
        kept = kept[-size:] if from_end else kept[:size]
    if kept == text:
        return text
    return f"… {kept}" if from_end else f"{kept} …"
