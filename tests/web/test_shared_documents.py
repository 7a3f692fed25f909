"""What a message on a shared document's socket brings: read to its last byte, or refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_totp_auth.web.shared_documents import (
    Presence,
    Unreadable,
    awareness_message,
    kind_of,
    not_saved,
    only_asks,
    presences_of,
    save_asked_by,
)

ADA = Presence(7, 1, {"user": {"username": "ada"}, "cursors": []})


def number(value: int) -> bytes:
    """As lib0 of JavaScript writes it."""
    found = bytearray()
    while value > 127:
        found.append(128 | value % 128)
        value //= 128
    return bytes([*found, value])


def block(content: bytes) -> bytes:
    return number(len(content)) + content


def asking(*entries: int) -> bytes:
    """Sync step 1, with a table of clients and clocks."""
    return bytes([0, 0]) + block(number(len(entries) // 2) + b"".join(number(one) for one in entries))


def awareness(*raw: tuple[int, int, str | bytes], count: int | None = None) -> bytes:
    """An awareness message, whatever stands in it."""
    inner = number(len(raw) if count is None else count)
    for client, clock, state in raw:
        inner += number(client) + number(clock) + block(state.encode() if isinstance(state, str) else state)
    return b"\x01" + block(inner)


@pytest.mark.parametrize("message", [asking(), asking(5, 1), asking(2**53 - 1, 300, 1, 0)])
def test_a_question_for_the_document_is_let_through(message: bytes) -> None:
    assert only_asks(message)


QUESTION = asking(5, 1)
EMPTY = block(b"\x00\x00")
"""An update in which nothing stands."""


@pytest.mark.parametrize(
    "message",
    [
        b"",
        "",
        QUESTION.decode("latin-1"),
        b"\x00",
        b"\x00\x00",
        b"\x00\x01" + EMPTY,  # step 2, with or without anything in it
        b"\x00\x01" + block(b"\x01\x01\x05\x00"),
        b"\x00\x02" + EMPTY,  # an update
        b"\x00\x03" + EMPTY,
        b"\x00\x7f" + EMPTY,
        b"\x01" + QUESTION[1:],
        b"\x02\x04save\x01",
        b"\x03",
        b"\x7d\x01x",  # 125: a chat that there was once
        b"\x80\x00" + QUESTION[1:],  # 0 in two bytes: some read it as another kind
        b"\x00\x80\x00" + QUESTION[2:],
        b"\x00\x82\x00" + EMPTY,
        QUESTION + b"\x00",
        QUESTION + b"\x00\x02" + EMPTY,  # a second message behind the first
        QUESTION + QUESTION,
        QUESTION[:-1],
        b"\x00\x00" + b"\xff" * 9,
        b"\x00\x00" + b"\xff" * 200 + b"\x01",
        b"\x00\x00\xff\xff\xff\xff\x0f\x00",  # four billion bytes, it says
        b"\x00\x00" + block(b""),
        b"\x00\x00" + block(b"\xff\xff\xff\xff\x0f"),  # four billion entries
        b"\x00\x00" + block(b"\x02\x05\x01"),
        b"\x00\x00" + block(b"\x01\x05"),
        b"\x00\x00" + block(b"\x01\x05\x01\x00"),
        b"\x00\x00" + block(b"\x01\x05\x81"),
        b"\x00\x00" + block(b"\x01" + number(2**53) + b"\x00"),
    ],
)
def test_nothing_else_is_taken_for_one(message: str | bytes) -> None:
    assert not only_asks(message)


@given(st.binary(max_size=60))
def test_whatever_is_sent_only_a_whole_question_asks(message: bytes) -> None:
    """A reader of its own, and a lenient one: what is let through is step 1 to its end for it, too."""
    for text in (message, b"\x00\x00" + block(message), b"\x00\x00" + message):
        if only_asks(text):
            assert text[:2] == b"\x00\x00"
            length, at = 0, 2
            while text[at] >= 128:
                length |= (text[at] & 127) << 7 * (at - 2)
                at += 1
            length |= text[at] << 7 * (at - 2)
            assert len(text) == at + 1 + length


def test_who_is_there_is_read_and_written_as_it_was() -> None:
    gone, plain = Presence(2**53 - 1, 128, None), Presence(0, 0, {})
    assert presences_of(awareness_message([ADA, gone, plain])) == [ADA, gone, plain]
    assert presences_of(awareness((7, 1, json.dumps(ADA.state)))) == [ADA]
    assert presences_of(awareness()) == []


def test_a_name_in_other_letters_is_counted_in_bytes() -> None:
    state = '{"user": {"display_name": "Zoë 🦉"}}'
    (found,) = presences_of(awareness((1, 1, state)))
    assert found.state == {"user": {"display_name": "Zoë 🦉"}}
    assert presences_of(awareness_message([found])) == [found]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        "\x01\x01\x00",
        b"\x01",
        b"\x01\x00",
        b"\x81\x00" + awareness()[1:],
        awareness()[:-1],
        awareness() + b"\x00",
        awareness((1, 1, "{}"))[:-1],
        awareness((1, 1, "{}"), count=2),
        awareness((1, 1, "{}"), count=0),
        awareness((1, 1, "{}"), count=2**40),
        awareness((2**53, 1, "{}")),
        awareness((1, 1, "")),
        awareness((1, 1, "{")),
        awareness((1, 1, "[]")),
        awareness((1, 1, "1")),
        awareness((1, 1, '"ada"')),
        awareness((1, 1, '{"x": NaN}')),
        awareness((1, 1, b"\xff\xfe")),
        awareness((1, 1, "[" * 100_000)),
        awareness((1, 1, '{"x": "' + "x" * 300_000 + '"}')),
        QUESTION,
    ],
)
def test_what_is_not_exactly_that_is_unreadable(message: str | bytes) -> None:
    with pytest.raises(Unreadable):
        presences_of(message)


@given(st.binary(max_size=60))
def test_whatever_is_sent_the_awareness_is_read_or_refused_and_never_fails(message: bytes) -> None:
    with contextlib.suppress(Unreadable):
        found = presences_of(b"\x01" + block(message))
        assert presences_of(awareness_message(found)) == found


@pytest.mark.parametrize(("asked", "expected"), [(1, 1), (300, 300)])
def test_a_save_is_answered_by_its_number(asked: int, expected: int) -> None:
    assert save_asked_by(b"\x02" + block(b"save") + number(asked)) == expected
    answer = not_saved(expected)
    assert answer[0] == 2
    assert json.loads(answer[2:]) == {"type": "save", "responseTo": expected, "status": "failed"}


@pytest.mark.parametrize(
    "message", [b"\x02", b"\x02\x04save", b"\x02\x04sav\xff\x01", b"\x02\x04save\x01\x01", QUESTION, "save"]
)
def test_what_is_no_save_is_not_answered(message: str | bytes) -> None:
    assert save_asked_by(message) is None


def test_the_kind_of_a_message_is_its_first_byte() -> None:
    assert [kind_of(one) for one in (b"", "\x01", b"\x01\x02", b"\x81\x00")] == [None, None, 1, 0x81]
