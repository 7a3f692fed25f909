"""A shared document, spoken to without a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import websocket

from tests.harness.client import Client

EVERYTHING = b"\x00\x00\x01\x00"
"""Sync step 1 of somebody who has nothing."""
GLOBAL = "JupyterLab:globalAwareness"


def number(value: int) -> bytes:
    """As lib0 of JavaScript writes it."""
    found = bytearray()
    while value > 127:
        found.append(128 | value % 128)
        value //= 128
    return bytes([*found, value])


def block(content: bytes) -> bytes:
    return number(len(content)) + content


def update(content: bytes) -> bytes:
    """The message that brings a change."""
    return b"\x00\x02" + block(content)


def awareness(*said: tuple[int, int, Any]) -> bytes:
    """The message that says who is there."""
    inner = number(len(said))
    for client, clock, state in said:
        inner += number(client) + number(clock) + block(json.dumps(state).encode())
    return b"\x01" + block(inner)


def typed(environment: dict[str, str], *texts: str) -> list[bytes]:
    """Changes that write these into a file, by the library that the server itself has."""
    program = (
        "import sys\nfrom pycrdt import Doc, Text\nfor text in sys.argv[1:]:\n doc = Doc()\n"
        " doc['source'] = Text(text)\n print(doc.get_update().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *texts],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return [bytes.fromhex(line) for line in done.stdout.split()]


def session(client: Client, path: str) -> tuple[str, str]:
    """The room of a text file, and the session of the server, as JupyterLab asks for them."""
    answer = client.request(
        "PUT", f"api/collaboration/session/{path}", json={"format": "text", "type": "file"}
    )
    assert answer.status_code in (200, 201), answer.text
    found = answer.json()
    return f"text:file:{found['fileId']}", found["sessionId"]


def enter(client: Client, path: str) -> websocket.WebSocket:
    """Open the document."""
    room, session_id = session(client, path)
    return at(client, room, session_id)


def at(client: Client, room: str, session_id: str = "") -> websocket.WebSocket:
    live = client.socket(f"api/collaboration/room/{room}?sessionId={session_id}")
    live.settimeout(20)
    return live


def heard(live: websocket.WebSocket, part: bytes, seconds: float = 20) -> bytes:
    """The next message that has this in it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        live.settimeout(max(0.05, deadline - time.monotonic()))
        message = live.recv()
        if isinstance(message, bytes) and part in message:
            return message
    raise AssertionError(f"nothing with {part!r}")


def whole(live: websocket.WebSocket) -> bytes:
    """The document as it is on the server, all that was sent before included."""
    live.send_binary(EVERYTHING)
    return heard(live, b"\x00\x01")
