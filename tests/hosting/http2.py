"""HTTP/2 by the byte: a client that sends what no library lets through (RFC 9113, RFC 7541)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from tests.hosting.outside import DOMAIN, HOME

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_ACK, _END_STREAM, _END_HEADERS = 1, 1, 4
_STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
"""The static table's entries of :status."""

Headers = Sequence[tuple[str, str]]


def exchange(port: int, certificate: Path, headers: Headers, body: bytes = b"") -> int | None:
    """Send one request; the status, -1 for another than those of the static table, None for a refusal."""
    trust = ssl.create_default_context(cafile=str(certificate))
    trust.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((HOME, port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=DOMAIN) as wire,
    ):
        assert wire.selected_alpn_protocol() == "h2"
        flags = _END_HEADERS | (0 if body else _END_STREAM)
        block = b"".join(_literal(name) + _literal(value, first=False) for name, value in headers)
        frames = [_frame(_SETTINGS, 0, 0, b""), _frame(_HEADERS, flags, 1, block)]
        if body:
            frames.append(_frame(_DATA, _END_STREAM, 1, body))
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"".join(frames))
        return _answer(wire)


def _answer(wire: ssl.SSLSocket) -> int | None:
    """To stream 1."""
    while True:
        head = _read(wire, 9)
        if head is None:
            return None
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9], "big")
        payload = _read(wire, int.from_bytes(head[:3], "big")) or b""
        if kind == _SETTINGS and not flags & _ACK:
            wire.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _HEADERS and stream == 1:
            index = next(byte for byte in payload if byte >> 5 != 1)  # behind changes of the table's size
            return _STATUS.get(index & 0x7F, -1) if index & 0x80 else -1
        elif kind == _GOAWAY or (kind == _RST_STREAM and stream == 1):
            return None


def _literal(text: str, *, first: bool = True) -> bytes:
    """A string as it is, without Huffman's code; a field's name begins with the byte of a literal field."""
    raw = text.encode("latin-1")
    size = bytes([len(raw)]) if len(raw) < 127 else bytes([127, *_integer(len(raw) - 127)])
    return (b"\x00" if first else b"") + size + raw


def _integer(number: int) -> bytes:
    """The rest of an integer that does not fit into its prefix."""
    out = bytearray()
    while number >= 128:
        out.append(number % 128 + 128)
        number //= 128
    return bytes([*out, number])


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _read(wire: ssl.SSLSocket, size: int) -> bytes | None:
    got = b""
    while len(got) < size:
        try:
            part = wire.recv(size - len(got))
        except (TimeoutError, OSError):
            return None
        if not part:
            return None
        got += part
    return got
