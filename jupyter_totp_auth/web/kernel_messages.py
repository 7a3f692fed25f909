"""What a message on a kernel's socket would run: read as Jupyter and the kernel will read it, or refused.

Pure. Where two readers could differ (a key given twice, text that is no UTF-8, a content that is text in
turn) the message is refused: what is recorded must be what runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
)

V1 = "v1.kernel.websocket.jupyter.org"

_CHANNELS = frozenset({None, "shell", "control", "stdin", "iopub"})
"""None: Jupyter then takes shell. It drops what comes under another name."""

_MOST_EXPRESSIONS = 50

_RUNS_NOTHING = frozenset(
    {
        "configurationDone",
        "continue",
        "debugInfo",
        "disconnect",
        "dumpCell",
        "initialize",
        "inspectVariables",
        "next",
        "pause",
        "scopes",
        "source",
        "stackTrace",
        "stepIn",
        "stepOut",
        "threads",
        "variables",
    }
)
"""Commands of the debugger that carry no code of the person's that would run."""


class Unreadable(Exception):
    """It is not sure what the kernel would make of this message. Its text says what is wrong, and no more."""


@dataclass(frozen=True)
class Run:
    """Code on its way to a kernel. ``marks``: silent, unlisted (not in the history), expression, debugger."""

    code: str
    channel: str
    marks: tuple[str, ...] = ()


def header_of(message: str | bytes, protocol: str | None) -> dict[str, Any]:
    """The header of a message, in which the type stands once and is text. Raises Unreadable."""
    try:
        channel, header, _ = _opened(message, protocol)
        if channel not in _CHANNELS or not isinstance(_only(header, "msg_type"), str):
            raise Unreadable("an unknown channel, or no type")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise Unreadable(type(error).__name__) from None
    return header


def runs_of(message: str | bytes, protocol: str | None) -> list[Run]:
    """All that a message would run, in its order; mostly nothing. Raises Unreadable."""
    try:
        channel, header, content = _opened(message, protocol)
        kind = _only(header, "msg_type")
        if channel not in _CHANNELS or not isinstance(kind, str):
            raise Unreadable("an unknown channel, or no type")
        if kind == "apply_request":  # of ipyparallel's old clients: pickled functions, which nobody can read
            raise Unreadable("apply_request cannot be recorded")
        if kind not in ("execute_request", "debug_request"):
            return []
        document = _document(content)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise Unreadable(type(error).__name__) from None
    where = channel or "shell"
    runs = _executed(document, where) if kind == "execute_request" else _debugged(document, where)
    if any(_has_surrogates(run.code) for run in runs):  # Jupyter makes bytes of them, and other letters
        raise Unreadable("half a letter")
    return runs


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _opened(message: str | bytes, protocol: str | None) -> tuple[str | None, dict[str, Any], Any]:
    """Channel, header and content, by Jupyter's own functions: those the message goes through next."""
    if protocol == V1:
        if not isinstance(message, bytes):
            raise Unreadable("text, where the protocol is binary")
        if not 0 < int.from_bytes(message[:8], "little") <= len(message) // 8:
            raise Unreadable("more parts than bytes")
        channel, parts = deserialize_msg_from_ws_v1(message)
        return channel, _strictly(parts[0]), parts[3]
    if isinstance(message, bytes):
        if not 0 < int.from_bytes(message[:4], "big") < len(message) // 4:
            raise Unreadable("more parts than bytes")
        found = deserialize_binary_message(message)
    else:
        found = json.loads(message)
    return found.get("channel"), found["header"], found.get("content")


def _document(content: Any) -> dict[str, Any]:
    """The content as the kernel will parse it; Jupyter passes bytes and text on as they are."""
    found = _strictly(content) if isinstance(content, (bytes, str)) else content
    if not isinstance(found, dict):
        raise Unreadable("the content is no object")
    return found


def _strictly(text: bytes | str) -> Any:
    """JSON in UTF-8 in which no key stands twice: parsers differ in which of the two they take."""
    decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    return json.loads(decoded, object_pairs_hook=_without_twins)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a key stands twice")
    return found


def _only(document: dict[str, Any], name: str) -> Any:
    """The value of this key, or None. Not where it also stands in another case, which some kernels take."""
    same = [key for key in document if key.casefold() == name]
    if same not in ([], [name]):
        raise Unreadable("a key in another case")
    return document.get(name)


def _executed(content: dict[str, Any], channel: str) -> list[Run]:
    code, expressions = _only(content, "code"), _only(content, "user_expressions") or {}
    if not isinstance(code, str) or not isinstance(expressions, dict) or _only(content, "user_variables"):
        raise Unreadable("the code is no text")
    if len(expressions) > _MOST_EXPRESSIONS or not all(isinstance(one, str) for one in expressions.values()):
        raise Unreadable("too many expressions, or one that is no text")
    # Silent executions too: they run code like any other.
    marks = ("silent",) if content.get("silent") else ()
    if not content.get("store_history", True):
        marks = (*marks, "unlisted")
    evaluated = [Run(one, channel, (*marks, "expression")) for one in expressions.values()]
    return [Run(code, channel, marks), *evaluated]


def _debugged(content: dict[str, Any], channel: str) -> list[Run]:
    command = _only(content, "command")
    if not isinstance(command, str):
        raise Unreadable("the command is no text")
    if command in _RUNS_NOTHING:
        return []
    asked = {"command": command, "arguments": _only(content, "arguments")}
    return [Run(json.dumps(asked), channel, ("debugger",))]
