"""What a message on a kernel's socket would run: read like Jupyter and the kernel read it, or refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import serialize_binary_message, serialize_msg_to_ws_v1

from jupyter_totp_auth.web.kernel_messages import V1, Run, Unreadable, runs_of
from jupyter_totp_auth.web.who_ran_what import shortened
from tests.harness.client import execute_request


def v1(parts: list[bytes], channel: str = "shell") -> bytes:
    return serialize_msg_to_ws_v1(parts, channel)


def binary(header: object, content: object, channel: str = "shell") -> bytes:
    raw = [
        item if isinstance(item, bytes) else json.dumps(item).encode() for item in (header, {}, {}, content)
    ]
    return v1(raw, channel)


EXECUTE = {"msg_type": "execute_request", "msg_id": "1"}


def text(header: object, content: object, **more: object) -> str:
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    return json.dumps({**message, **more})


def both(header: object, content: object) -> list[tuple[str | bytes, str | None]]:
    return [(text(header, content), None), (binary(header, content), V1)]


@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub"])
def test_code_is_read_in_all_three_formats_and_on_every_channel(channel: str) -> None:
    message = {**execute_request("1 + 1"), "channel": channel}
    expected = [Run("1 + 1", channel)]
    assert runs_of(json.dumps(message), None) == expected
    assert runs_of(serialize_binary_message({**message, "buffers": [b"x"]}), None) == expected
    assert runs_of(binary(message["header"], message["content"], channel), V1) == expected


def test_without_a_channel_it_is_shell_as_jupyter_takes_it() -> None:
    message = execute_request("1")
    del message["channel"]
    assert runs_of(json.dumps(message), None) == [Run("1", "shell")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"code": "a", "silent": True}, [Run("a", "shell", ("silent",))]),
        ({"code": "a", "store_history": False}, [Run("a", "shell", ("unlisted",))]),
        (
            {"code": "", "silent": 1, "store_history": 0, "user_expressions": {"x": "evil()", "X": "b"}},
            [
                Run("", "shell", ("silent", "unlisted")),
                Run("evil()", "shell", ("silent", "unlisted", "expression")),
                Run("b", "shell", ("silent", "unlisted", "expression")),
            ],
        ),
    ],
    ids=["silent", "not in the history", "expressions"],
)
def test_whatever_else_runs_code_is_recorded_and_marked(content: dict[str, Any], expected: list[Run]) -> None:
    for message, protocol in both(EXECUTE, content):
        assert runs_of(message, protocol) == expected


def test_a_content_that_is_text_in_turn_is_read_as_the_kernel_will() -> None:
    assert runs_of(text(EXECUTE, json.dumps({"code": "hidden"})), None) == [Run("hidden", "shell")]


def test_escapes_in_the_type_hide_nothing() -> None:
    hidden = text(EXECUTE, {"code": "x"}).replace("execute_request", "\\u0065xecute_request")
    assert "execute_request" not in hidden
    assert runs_of(hidden, None) == [Run("x", "shell")]


def test_the_debugger_is_recorded_where_it_carries_code() -> None:
    header = {"msg_type": "debug_request"}
    quiet = {"type": "request", "command": "debugInfo", "seq": 1}
    loud = {"command": "evaluate", "arguments": {"expression": "evil()"}}
    for message, protocol in both(header, quiet):
        assert runs_of(message, protocol) == []
    # It starts debugpy, whose arguments can name a module to run.
    attach = {"command": "attach", "arguments": {"processId": 1, "debugpyArgs": ["-m", "evil"]}}
    for message, protocol in both(header, attach):
        assert runs_of(message, protocol) == [Run(json.dumps(attach), "shell", ("debugger",))]
    for message, protocol in both(header, loud):
        assert runs_of(message, protocol) == [Run(json.dumps(loud), "shell", ("debugger",))]


@pytest.mark.parametrize("kind", ["input_reply", "kernel_info_request", "comm_msg", "complete_request"])
def test_what_runs_no_code_is_not_even_looked_into(kind: str) -> None:
    for message, protocol in both({"msg_type": kind}, {"value": "hunter2"}):
        assert runs_of(message, protocol) == []
    assert runs_of(binary({"msg_type": kind}, b"\xff no JSON"), V1) == []


TWICE = b'{"msg_type": "kernel_info_request", "msg_type": "execute_request"}'
UTF16 = json.dumps(EXECUTE).encode("utf-16")
REFUSED: dict[str, tuple[str | bytes, str | None]] = {
    "a type that stands twice": (binary(TWICE, {"code": "x"}), V1),
    "a type in two cases": (binary({"msg_type": "x", "Msg_Type": "execute_request"}, {"code": "x"}), V1),
    "a type in another case": (text({"MSG_TYPE": "execute_request"}, {"code": "x"}), None),
    "a header in UTF-16": (binary(UTF16, {"code": "x"}), V1),
    "a header that is no object": (binary([EXECUTE], {"code": "x"}), V1),
    "no header": (json.dumps({"content": {"code": "x"}}), None),
    "code that stands twice": (binary(EXECUTE, b'{"code": "a", "code": "b"}'), V1),
    "code in two cases": (text(EXECUTE, {"code": "a", "Code": "b"}), None),
    "code twice in text in text": (text(EXECUTE, '{"code": "a", "code": "b"}'), None),
    "code that is a list": (text(EXECUTE, {"code": ["a"]}), None),
    "code in bytes that are no UTF-8": (binary(EXECUTE, b'{"code": "\xff"}'), V1),
    "variables of protocol 4": (text(EXECUTE, {"code": "", "user_variables": ["evil()"]}), None),
    "expressions in a list": (text(EXECUTE, {"code": "", "user_expressions": ["evil()"]}), None),
    "an expression that is no text": (text(EXECUTE, {"code": "", "user_expressions": {"a": ["b"]}}), None),
    "many expressions": (
        text(EXECUTE, {"code": "", "user_expressions": {str(n): "1" for n in range(99)}}),
        None,
    ),
    "no content": (text(EXECUTE, None), None),
    # Jupyter makes bytes of them, and the kernel letters of those: what ran would not be what was recorded.
    "halves of letters": (text(EXECUTE, {"code": "\udcef\udcbd\udc8f"}), None),
    "an odd channel": (text(EXECUTE, {"code": "x"}, channel="Shell"), None),
    "a channel that is a list": (text(EXECUTE, {"code": "x"}, channel=["shell"]), None),
    "pickled functions": (text({"msg_type": "apply_request"}, {}), None),
    "text for the binary protocol": (text(EXECUTE, {"code": "x"}), V1),
    "more parts than bytes": (b"\xff" * 64, V1),
    "more buffers than bytes": (b"\x7f" * 64, None),
    "an offset short": ((2).to_bytes(4, "big") + bytes(4), None),
    "no parts": (bytes(64), V1),
    "too few parts": (v1([json.dumps(EXECUTE).encode(), b"{}"]), V1),
    "nothing": (b"", V1),
    "no JSON": ("not JSON", None),
    "no object": ("[1]", None),
    "a well of brackets": ("[" * 100_000, None),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_two_readers_could_read_differently_is_refused(what: str) -> None:
    message, protocol = REFUSED[what]
    with pytest.raises(Unreadable) as refused:
        runs_of(message, protocol)
    assert "evil" not in str(refused.value)


@given(st.one_of(st.text(), st.binary()), st.sampled_from([None, V1]))
def test_nothing_that_arrives_raises_anything_else(message: str | bytes, protocol: str | None) -> None:
    with contextlib.suppress(Unreadable):
        assert runs_of(message, protocol) is not None


@given(st.text(st.characters(codec=None), max_size=20_000))
def test_what_is_kept_of_code_is_its_beginning_and_fits(code: str) -> None:
    kept = shortened(code)
    assert code.startswith(kept)
    assert len(json.dumps(kept)) <= 8_000
    assert kept == code or len(json.dumps(kept)) > 5_000 or len(code) > 8_000


@pytest.mark.parametrize("letter", ["x", "\n", "\0", "é", "😀", "\ud800"])
def test_of_long_code_most_of_what_fits_is_kept(letter: str) -> None:
    assert 7_000 < len(json.dumps(shortened(letter * 100_000))) <= 8_000
