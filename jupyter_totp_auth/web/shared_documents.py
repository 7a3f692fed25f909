"""Messages on the socket of a shared document (jupyter-collaboration), read strictly.

Pure. One message a frame: a kind, and for "sync" a step; then one block of bytes with its length before it.
What is not exactly that is unreadable: two readers of it could differ.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SYNC, AWARENESS, RAW = 0, 1, 2
_STEP_1 = 0
"""Tells what its sender has of the document, and asks for the rest. Step 2 and updates bring changes."""

_MOST = 2**53 - 1
"""The largest number that all sides hold exactly."""
_LONGEST = 8
"""Bytes of a number up to ``_MOST``, seven bits each."""
_MOST_AWARENESS = 256 * 1024
_MORE, _SEVEN = 0x80, 0x7F

_SAVE = "save"


class Unreadable(Exception):
    """It is not sure what the other side would make of this message."""


@dataclass(frozen=True)
class Presence:
    """One client (a page that is open) in an awareness message; ``state`` None: it is gone."""

    client: int
    clock: int
    state: dict[str, Any] | None


class _Reader:
    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    @property
    def rest(self) -> int:
        return len(self._text) - self._at

    def number(self) -> int:
        """Seven bits a byte, the lowest first, in as few bytes as it takes."""
        found = 0
        for place in range(min(_LONGEST, self.rest)):
            byte = self._text[self._at + place]
            found |= (byte & _SEVEN) << (7 * place)
            if byte < _MORE:
                if found > _MOST or (byte == 0 and place):
                    break
                self._at += place + 1
                return found
        raise Unreadable("no number")

    def block(self) -> bytes:
        """As many bytes as the number before them says."""
        length = self.number()
        if length > self.rest:
            raise Unreadable("less than it says")
        self._at += length
        return self._text[self._at - length : self._at]

    def end(self) -> None:
        """Raises Unreadable where something is left."""
        if self.rest:
            raise Unreadable("more than it says")


def kind_of(message: str | bytes) -> int | None:
    """What kind of message it says it is; None where it says nothing."""
    return message[0] if isinstance(message, bytes) and message else None


def only_asks(message: str | bytes) -> bool:
    """Whether it is a sync message that asks for the document, and brings nothing.

    What it says that its sender has is a table, which has to be whole: it goes to a reader in machine code.
    """
    try:
        reader = _of_kind(message, SYNC)
        if reader.number() != _STEP_1:
            return False
        table = _Reader(reader.block())
        reader.end()
        entries = table.number()
        if entries > table.rest // 2:
            return False
        for _ in range(2 * entries):
            table.number()
        table.end()
    except Unreadable:
        return False
    return True


def save_asked_by(message: str | bytes) -> int | None:
    """The number of the question, where a message asks for the document to be written to the disk."""
    try:
        reader = _of_kind(message, RAW)
        if reader.block() != _SAVE.encode():
            return None
        number = reader.number()
        reader.end()
    except Unreadable:
        return None
    return number


def not_saved(number: int) -> bytes:
    """The answer to that question: no."""
    answer = json.dumps({"type": _SAVE, "responseTo": number, "status": "failed"})
    return bytes([RAW]) + _block(answer.encode())


def presences_of(message: str | bytes) -> list[Presence]:
    """Who is there, by an awareness message. Raises Unreadable."""
    reader = _of_kind(message, AWARENESS)
    if reader.rest > _MOST_AWARENESS:
        raise Unreadable("too long")
    inner = _Reader(reader.block())
    reader.end()
    count = inner.number()
    if count > inner.rest // 3:
        raise Unreadable("more than there are")
    found = [Presence(inner.number(), inner.number(), _state(inner.block())) for _ in range(count)]
    inner.end()
    return found


def awareness_message(presences: list[Presence]) -> bytes:
    """The message that says so."""
    parts = [_number(len(presences))]
    for one in presences:
        state = json.dumps(one.state, separators=(",", ":"))  # ASCII: as many bytes as letters
        parts += [_number(one.client), _number(one.clock), _block(state.encode())]
    return bytes([AWARENESS]) + _block(b"".join(parts))


def _of_kind(message: str | bytes, kind: int) -> _Reader:
    if not isinstance(message, bytes):
        raise Unreadable("text, where the protocol is binary")
    reader = _Reader(message)
    if reader.number() != kind:
        raise Unreadable("of another kind")
    return reader


def _state(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable(type(error).__name__) from None
    if found is not None and not isinstance(found, dict):
        raise Unreadable("a state that is no object")
    return found


def _no_number(name: str) -> None:
    """``NaN`` and its like, which Python reads and a browser does not."""
    raise ValueError(name)


def _number(number: int) -> bytes:
    found = bytearray()
    while number > _SEVEN:
        found.append(_MORE | (number & _SEVEN))
        number >>= 7
    return bytes(found) + bytes([number])


def _block(content: bytes) -> bytes:
    return _number(len(content)) + content
