"""A reader sees what kernels say and runs nothing; and whoever may less than before may less at once."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
import websocket
from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)

from jupyter_totp_auth.core.model import Role, Terminals
from tests.harness.backstage import wait_until
from tests.harness.client import Client, execute_request
from tests.rights.people import Asker, House

V1 = "v1.kernel.websocket.jupyter.org"
SENTENCE = "Your account may read here, but not run anything."


@pytest.fixture
def member(house: House) -> Client:
    client = house.with_cookie(Role.MEMBER).client
    assert client is not None
    return client


@pytest.fixture
def kernel(member: Client) -> str:
    return member.start_kernel()


def channels(asker: Asker, kernel: str, **options: Any) -> websocket.WebSocket:
    live = asker.open(f"api/kernels/{kernel}/channels?session_id={asker.name[:6]}", **options)
    live.settimeout(20)
    return live


def heard(live: websocket.WebSocket, kind: str, seconds: float = 20) -> dict[str, Any]:
    """The next message of this kind."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = live.recv()
        assert message, "the socket was closed"
        if isinstance(message, bytes):
            channel, parts = deserialize_msg_from_ws_v1(message)
            header, parent, _, content = (json.loads(part) for part in parts[:4])
            found = {
                "msg_type": header["msg_type"],
                "channel": channel,
                "parent_header": parent,
                "content": content,
            }
        else:
            found = json.loads(message)
        if found["msg_type"] == kind:
            return found
    raise AssertionError(f"no {kind}")


def request(kind: str, content: dict[str, Any], channel: str = "shell") -> dict[str, Any]:
    message = execute_request("")
    message["header"] |= {"msg_type": kind, "msg_id": "theirs"}
    return {**message, "channel": channel, "content": content}


@pytest.mark.parametrize("protocol", [None, V1])
def test_a_reader_hears_the_kernel_and_is_told_that_nothing_runs(
    house: House, member: Client, kernel: str, protocol: str | None
) -> None:
    reader = house.with_cookie(Role.READER)
    options = {} if protocol is None else {"subprotocols": [protocol]}
    theirs = channels(reader, kernel, **options)
    mine = member.kernel_socket(kernel)
    assert member.execute(mine, "x = 1; print('said aloud')") == "said aloud\n"
    assert heard(theirs, "stream")["content"]["text"] == "said aloud\n"
    asked = execute_request("x = 2; print('never')")
    if protocol == V1:
        parts = [
            json.dumps(asked[name]).encode() for name in ("header", "parent_header", "metadata", "content")
        ]
        theirs.send_binary(serialize_msg_to_ws_v1(parts, "shell"))
    else:
        theirs.send(json.dumps(asked))
    error = heard(theirs, "error")
    assert (error["channel"], error["content"]["evalue"]) == ("iopub", SENTENCE)
    assert error["parent_header"]["msg_id"] == asked["header"]["msg_id"]
    assert heard(theirs, "execute_reply")["content"]["status"] == "error"
    assert member.execute(mine, "print(x)") == "1\n"


RUNS = [
    ("execute_request", {"code": "x = 2", "silent": True}, "shell"),
    ("execute_request", {"code": "x = 2", "silent": False}, "control"),
    (
        "execute_request",
        {"code": "", "silent": True, "user_expressions": {"a": "exec('x = 2', globals())"}},
        "shell",
    ),
    (
        "debug_request",
        {"type": "request", "seq": 1, "command": "evaluate", "arguments": {"expression": "x"}},
        "control",
    ),
    ("complete_request", {"code": "x.", "cursor_pos": 2}, "shell"),
    ("inspect_request", {"code": "x", "cursor_pos": 1, "detail_level": 0}, "shell"),
    ("history_request", {"hist_access_type": "tail", "n": 5, "output": False, "raw": True}, "shell"),
    ("comm_open", {"comm_id": "c", "target_name": "jupyter.widget", "data": {}}, "shell"),
    ("comm_msg", {"comm_id": "c", "data": {}}, "shell"),
    ("input_reply", {"value": "x"}, "stdin"),
    ("interrupt_request", {}, "control"),
    ("shutdown_request", {"restart": False}, "control"),
    ("is_complete_request", {"code": "x"}, "shell"),
    ("no_such_request", {}, "shell"),
]


def test_nothing_that_a_kernel_acts_on_passes(house: House, member: Client, kernel: str) -> None:
    theirs = channels(house.with_cookie(Role.READER), kernel)
    mine = member.kernel_socket(kernel)
    member.execute(mine, "x = 1")
    for kind, content, channel in RUNS:
        theirs.send(json.dumps(request(kind, content, channel)))
    for broken in ("", "{}", "[]", "nonsense", json.dumps({"channel": "shell", "header": {"msg_type": 1}})):
        theirs.send(broken)
    theirs.send_binary(b"\0" * 40)
    twice = json.dumps(request("kernel_info_request", {})).replace(
        '"msg_type"', '"msg_type": "execute_request", "msg_type"'
    )
    theirs.send(twice)
    theirs.send(json.dumps(request("kernel_info_request", {})))
    assert heard(theirs, "kernel_info_reply")["content"]["status"] == "ok"  # what went before is behind us
    assert member.execute(mine, "print(x)") == "1\n"
    assert member.execute(mine, "import os; print(len(globals().get('In', [])) > 0)") == "True\n"


def test_a_token_that_may_not_run_does_not(house: House, kernel: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException):
        channels(house.with_token(Role.MEMBER, "contents:read"), kernel)
    theirs = channels(house.with_token(Role.READER, "kernels:execute"), kernel)
    theirs.send(json.dumps(execute_request("print('never')")))
    assert heard(theirs, "error")["content"]["evalue"] == SENTENCE


def closed(live: websocket.WebSocket) -> bool:
    try:
        live.settimeout(0.05)
        return live.recv() == ""
    except websocket.WebSocketTimeoutException:
        return False
    except (websocket.WebSocketConnectionClosedException, OSError):
        return True


@pytest.fixture
def carol(house: House) -> Client:
    """Somebody whose account changes."""
    if "carol" not in house.people:
        house.person("carol", Role.MEMBER)
    house.set("carol", role=Role.MEMBER, terminals=Terminals.YES)
    return house.stage.signed_in("carol")


def test_a_member_who_becomes_a_reader_stops_at_once(house: House, carol: Client) -> None:
    kernel, terminal = carol.start_kernel(), carol.start_terminal()
    live, shell = carol.kernel_socket(kernel), carol.socket(f"terminals/websocket/{terminal}")
    assert carol.execute(live, "print(1)") == "1\n"
    house.set("carol", role=Role.READER)
    wait_until(lambda: closed(shell), 3, "the terminal's end")
    live.send(json.dumps(execute_request("print('never')")))
    assert heard(live, "error")["content"]["evalue"] == SENTENCE
    heard(live, "execute_reply")
    assert carol.request("POST", "api/kernels", json={}).json()["reason"] == "role"
    house.set("carol", role=Role.MEMBER)
    time.sleep(0.6)
    assert carol.execute(live, "print(2)") == "2\n"


@pytest.mark.parametrize("terminals", [Terminals.NO, Terminals.STEP_UP])
def test_terminals_that_are_taken_away(house: House, carol: Client, terminals: Terminals) -> None:
    shell = carol.socket(f"terminals/websocket/{carol.start_terminal()}")
    house.set("carol", terminals=terminals)
    if terminals is Terminals.NO:
        wait_until(lambda: closed(shell), 3, "the terminal's end")
    else:  # it was opened in time; the next one asks
        time.sleep(1)
        assert not closed(shell)


def test_terminals_by_step_up(house: House) -> None:
    house.person("erin", Role.MEMBER)
    house.set("erin", terminals=Terminals.STEP_UP)
    dave = house.stage.enrolled("dave", role=Role.MEMBER)
    house.set("dave", terminals=Terminals.STEP_UP)
    browser = Client(house.stage.url)
    browser.log_in(dave)
    with house.stage.sql() as connection:
        connection.execute("UPDATE login SET fresh_at = 0")
        connection.execute("UPDATE instance SET revision = revision + 1")
    time.sleep(0.6)
    refused = browser.request("POST", "api/terminals", json={})
    assert (refused.status_code, refused.json()["reason"]) == (403, "step-up")
    given = {"password": dave.password, "code": dave.recovery_codes[0]}
    assert browser.request("POST", "api/totp/step-up", json=given).status_code == 200
    name = browser.request("POST", "api/terminals", json={}).json()["name"]
    shell = browser.socket(f"terminals/websocket/{name}")
    assert json.loads(shell.recv())[0] == "setup"


def test_a_reader_does_not_take_a_members_connection_over(house: House, member: Client, kernel: str) -> None:
    """Jupyter cuts the connection of the same session that is there."""
    mine = member.socket(f"api/kernels/{kernel}/channels?session_id=tab-one")
    assert member.execute(mine, "print(1)") == "1\n"
    reader = house.with_cookie(Role.READER)
    theirs = reader.open(f"api/kernels/{kernel}/channels?session_id=tab-one")
    theirs.send(json.dumps(request("kernel_info_request", {})))
    assert heard(theirs, "kernel_info_reply")["content"]["status"] == "ok"
    asked = execute_request("print(input('who? '))")
    asked["content"]["allow_stdin"] = True
    mine.send(json.dumps(asked))
    assert heard(mine, "input_request")["content"]["prompt"] == "who? "
    answer = request("input_reply", {"value": "me"}, "stdin")
    mine.send(json.dumps(answer))
    assert heard(mine, "stream")["content"]["text"] == "me\n"


SLOW = [
    ("PUT", "api/contents/late.txt", {"type": "file", "format": "text", "content": "late"}),
    ("POST", "api/kernels", {"name": "python3"}),
    ("POST", "api/terminals", {"cwd": ""}),
    ("PUT", "lab/api/settings/@jupyterlab/apputils-extension:themes", {"raw": "{}"}),
]


def begun(client: Client, method: str, path: str, body: bytes) -> socket.socket:
    """A request of which the last byte is still to come."""
    host, _, port = client.url.split("/")[2].partition(":")
    cookies = "; ".join(f"{c.name}={c.value}" for c in client.session.cookies)
    headers = {
        "Host": f"{host}:{port}",
        "Cookie": cookies,
        "Origin": client.origin,
        "X-XSRFToken": client.xsrf,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{method} /{path} HTTP/1.1\r\n{lines}\r\n"
    wire = socket.create_connection((host, int(port)), timeout=20)
    wire.sendall(head.encode() + body[:-1])
    return wire


def test_a_request_on_its_way_has_the_rights_of_its_arrival(house: House, carol: Client) -> None:
    bodies = [json.dumps(body).encode() for _, _, body in SLOW]
    wires = [begun(carol, method, path, body) for (method, path, _), body in zip(SLOW, bodies, strict=True)]
    time.sleep(0.3)
    house.set("carol", role=Role.READER)
    wait_until(lambda: carol.request("POST", "api/kernels", json={}).status_code == 403, 5, "the role")
    answers = []
    for wire, body in zip(wires, bodies, strict=True):
        with wire:
            wire.sendall(body[-1:])
            answers.append(wire.recv(4096))
    assert [answer.split(b" ")[1] for answer in answers] == [b"403"] * len(SLOW)
    assert all(b'"reason": "role"' in answer for answer in answers)
    assert not (house.stage.server.root / "late.txt").exists()
