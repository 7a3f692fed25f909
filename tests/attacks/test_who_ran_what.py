"""Who ran what (R46), with real kernels and terminals: all that runs is recorded, or does not reach the kernel."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import websocket
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1

from jupyter_totp_auth.web.kernel_messages import V1
from tests.attacks.stage import Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import Client, execute_request

TYPED = "hunter2-typed-into-a-field"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    arguments = ["--TotpAuth.audit_cells=full", "--TotpAuth.audit_terminals=True"]
    with open_stage(tmp_path_factory.mktemp("ran"), cheap=True, arguments=arguments) as found:
        yield found


@pytest.fixture(scope="module")
def kernel(stage: Stage) -> str:
    """One kernel for all."""
    return stage.log_in(stage.person("starter")).start_kernel()


@pytest.fixture
def ada(stage: Stage) -> Client:
    return stage.log_in(stage.person())


def name_of(client: Client) -> str:
    return str(client.get("api/totp/me").json()["username"])


def recorded(stage: Stage, client: Client, count: int, kind: str = "cell-run") -> list[dict[str, Any]]:
    """The person's own entries of this kind, oldest first, once there are ``count``; ``detail`` unpacked."""

    def mine() -> list[dict[str, Any]]:
        listed = reversed(client.get("api/totp/events").json()["events"])
        return [{**e, "detail": json.loads(e["detail"])} for e in listed if e["event"] == kind]

    wait_until(lambda: len(mine()) >= count, 20, f"{count} rows of {kind}")
    found = mine()
    assert len(found) == count, found
    return found


def channels(client: Client, kernel: str, **kwargs: Any) -> websocket.WebSocket:
    """A socket with a session of its own: with a shared one Jupyter replays what another did not hear."""
    return client.socket(f"api/kernels/{kernel}/channels?session_id={uuid4()}", **kwargs)


def v1_message(header: object, content: object, channel: str = "shell") -> bytes:
    raw = [
        item if isinstance(item, bytes) else json.dumps(item).encode() for item in (header, {}, {}, content)
    ]
    return serialize_msg_to_ws_v1(raw, channel)


def execute_v1(code: str, channel: str = "shell", **content: object) -> bytes:
    message = execute_request(code)
    return v1_message(message["header"], {**message["content"], **content}, channel)


def wait_for(socket: websocket.WebSocket, kind: str) -> dict[str, Any]:
    """The next message of a type, on a socket of the JSON format."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        message: dict[str, Any] = json.loads(socket.recv())
        if message["msg_type"] == kind:
            return message
    raise AssertionError(f"no {kind} came")


# -- what is recorded -------------------------------------------------------------------------------------


def test_a_cell_is_recorded_with_account_login_client_kernel_and_code_in_both_formats(
    stage: Stage, ada: Client, kernel: str, tmp_path: Path
) -> None:
    code = "x = 1\nprint('é😀')"
    Client.execute(channels(ada, kernel), code)
    marker = tmp_path / "ran"
    with closing(channels(ada, kernel, subprotocols=[V1])) as socket:
        assert socket.subprotocol == V1
        socket.send_binary(execute_v1(f"open({str(marker)!r}, 'w')", "control", silent=True))
        wait_until(marker.exists, 20, "the run on the control channel")
    first, second = recorded(stage, ada, 2)
    login = ada.get("api/totp/me").json()["login"]["id"]
    for entry in (first, second):
        assert (entry["actor"], entry["client"], entry["login"]) == (name_of(ada), "127.0.0.1", login)
        assert entry["detail"]["kernel"] == kernel
    assert first["detail"] == {
        "kernel": kernel,
        "channel": "shell",
        "sha256": hashlib.sha256(code.encode()).hexdigest(),
        "length": len(code),
        "code": code,
    }
    assert (second["detail"]["channel"], second["detail"]["marks"]) == ("control", ["silent"])
    shown = stage.server.totp("log", "--account", name_of(ada), "--json").stdout
    assert [e["event"] for e in json.loads(shown)].count("cell-run") == 2
    lines = [line for line in stage.server.log.splitlines() if '"cell-run"' in line and login in line]
    assert len(lines) == 2, "one line each, not one more with the row"
    assert all(line.isascii() for line in lines)


def test_another_persons_runs_are_not_shown(stage: Stage, ada: Client, kernel: str) -> None:
    eve = stage.log_in(stage.person())
    Client.execute(channels(ada, kernel), "ada_was_here = 1")
    recorded(stage, ada, 1)
    assert "ada_was_here" not in eve.get("api/totp/events").text


def test_a_run_with_an_access_token_names_the_token(stage: Stage, ada: Client, kernel: str) -> None:
    made = ada.request("POST", "api/totp/access-tokens", json={"name": "VS Code"}).json()
    socket = channels(stage.client(), kernel, origin=None, header=[f"Authorization: token {made['token']}"])
    Client.execute(socket, f"token = {made['token']!r}")
    (entry,) = recorded(stage, ada, 1)
    assert (entry["login"], entry["detail"]["token"]) == (None, made["id"])
    assert entry["detail"]["code"].startswith("token = ")
    assert made["token"] not in stage.server.log
    assert made["token"].encode() not in stage.bytes_at_rest()


def test_long_code_is_cut_and_says_so(stage: Stage, ada: Client, kernel: str) -> None:
    code = "# " + "é" * 50_000
    Client.execute(channels(ada, kernel), code)
    (entry,) = recorded(stage, ada, 1)
    detail = entry["detail"]
    assert detail["cut"] is True
    assert code.startswith(detail["code"])
    assert (detail["length"], detail["sha256"]) == (len(code), hashlib.sha256(code.encode()).hexdigest())


def test_what_is_typed_into_input_is_never_recorded(stage: Stage, ada: Client, kernel: str) -> None:
    socket = channels(ada, kernel)
    request = execute_request("got = input(); print(len(got))")
    request["content"]["allow_stdin"] = True
    socket.send(json.dumps(request))
    asked = wait_for(socket, "input_request")
    header = {
        "msg_id": "reply",
        "msg_type": "input_reply",
        "session": "test",
        "username": "t",
        "version": "5.3",
    }
    reply = {"header": header, "parent_header": asked["header"], "metadata": {}, "buffers": []}
    socket.send(json.dumps({**reply, "channel": "stdin", "content": {"value": TYPED}}))
    assert wait_for(socket, "stream")["content"]["text"] == f"{len(TYPED)}\n"
    recorded(stage, ada, 1)
    assert TYPED not in stage.server.log
    assert TYPED.encode() not in stage.bytes_at_rest()


def test_a_terminal_is_recorded_when_it_opens_and_closes_and_no_key_of_it(stage: Stage, ada: Client) -> None:
    name = ada.start_terminal()
    socket = ada.socket(f"terminals/websocket/{name}")
    socket.send(json.dumps(["stdin", f"true {TYPED}\r"]))
    socket.recv()
    (opened,) = recorded(stage, ada, 1, "terminal-opened")
    assert opened["detail"] == {"terminal": name}
    assert opened["login"] == ada.get("api/totp/me").json()["login"]["id"]
    socket.close()
    (closed,) = recorded(stage, ada, 1, "terminal-closed")
    assert (closed["detail"], closed["login"]) == (opened["detail"], opened["login"])
    assert TYPED not in stage.server.log
    assert TYPED.encode() not in stage.bytes_at_rest()


def test_a_terminal_that_is_only_asked_for_is_recorded_with_what_it_shall_run(
    stage: Stage, ada: Client, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    asked = {"shell_command": ["/bin/sh", "-c", f"touch {made}"]}
    assert ada.request("POST", "api/terminals", json=asked).status_code == 200
    (started,) = recorded(stage, ada, 1, "terminal-started")
    assert json.loads(started["detail"]["asked"]) == asked
    wait_until(made.exists, 20, "the command")


# -- what is smuggled -------------------------------------------------------------------------------------


def test_what_cannot_be_read_as_the_kernel_would_does_not_reach_it(
    stage: Stage, ada: Client, kernel: str, tmp_path: Path
) -> None:
    marker = tmp_path / "smuggled"
    code = f"open({str(marker)!r}, 'w')"
    header = execute_request("")["header"]
    quoted = json.dumps(code).encode()
    typed = json.dumps({**header, "msg_type": "kernel_info_request"})[:-1].encode()
    smuggled = [
        v1_message(typed + b', "msg_type": "execute_request"}', {"code": code}),
        v1_message(header, b'{"code": "1", "code": ' + quoted + b"}"),
        v1_message({**header, "Msg_type": "x"}, {"code": code}),
        v1_message(header, {"code": "", "user_variables": [code]}),
        v1_message({**header, "version": "4.1"}, {"code": "", "user_variables": [code], "silent": True}),
        v1_message(header, b'{"code": ' + quoted + b', "x": "\xff"}'),
        v1_message(json.dumps(header).encode("utf-16"), {"code": code}),
        v1_message({**header, "msg_type": "apply_request"}, {"code": code}),
    ]
    with closing(channels(ada, kernel, subprotocols=[V1])) as socket:
        for message in smuggled:
            socket.send_binary(message)
        # In turn, behind them: an expression, which runs and is recorded.
        socket.send_binary(execute_v1("", user_expressions={"x": f"open({str(tmp_path / 'seen')!r}, 'w')"}))
        wait_until((tmp_path / "seen").exists, 20, "the expression")
    assert not marker.exists()
    code_run, expression = recorded(stage, ada, 2)
    assert code_run["detail"]["code"] == ""
    assert (expression["detail"]["marks"], "seen" in expression["detail"]["code"]) == (["expression"], True)
    assert stage.server.log.count("was not passed on") == len(smuggled)
    assert "smuggled" not in stage.server.log
    plain = channels(ada, kernel)
    hidden = {**execute_request(""), "content": json.dumps({"code": "print(6 * 7)"})}
    plain.send(json.dumps(hidden).replace("execute_request", "\\u0065xecute_request"))
    assert wait_for(plain, "stream")["content"]["text"] == "42\n"
    assert recorded(stage, ada, 3)[-1]["detail"]["code"] == "print(6 * 7)"


# -- a store that is away, and a flood --------------------------------------------------------------------


def test_N01_a_flood_of_cells_while_the_store_is_locked_is_in_the_log_and_bounded_in_memory(
    stage: Stage, ada: Client, kernel: str
) -> None:
    socket = channels(ada, kernel, subprotocols=[V1])
    count = 2_300
    with stage.sql() as connection:
        connection.execute("BEGIN IMMEDIATE")
        for number in range(count):
            # A debugger's command that no debugger takes: recorded as any run, and quick for the kernel.
            header = {**execute_request("")["header"], "msg_type": "debug_request"}
            socket.send_binary(v1_message(header, {"command": f"flood-{number}-"}, "iopub"))
        wait_until(lambda: f"flood-{count - 1}-" in stage.server.log, 60, "the last line")
        assert ada.get("api/totp/health").status_code == 200
    lines = [line for line in stage.server.log.splitlines() if "flood-" in line]
    assert len(lines) == count
    lost = "SELECT detail FROM event WHERE event = 'runs-lost'"
    wait_until(lambda: stage.rows(lost), 60, "the number of those lost")
    written = [
        row[0] for row in stage.rows("SELECT detail FROM event WHERE detail LIKE '%flood-%' ORDER BY id")
    ]
    assert len(written) + int(str(stage.rows(lost)[0][0])) == count
    assert len(written) == 2_000
    numbers = [int(str(detail).partition("flood-")[2].partition("-")[0]) for detail in written]
    assert numbers == sorted(numbers)


# -- digest, and off --------------------------------------------------------------------------------------


def test_by_digest_the_code_is_nowhere_and_terminals_are_not_asked_for(tmp_path: Path) -> None:
    code = "print('canary-of-the-code')"
    with open_stage(tmp_path, cheap=True, arguments=["--TotpAuth.audit_cells=digest"]) as stage:
        ada = stage.log_in(stage.person())
        terminal = ada.socket(f"terminals/websocket/{ada.start_terminal()}")
        Client.execute(channels(ada, ada.start_kernel()), code)
        terminal.close()
        (entry,) = recorded(stage, ada, 1)
        detail = entry["detail"]
        assert (detail["sha256"], detail["length"]) == (hashlib.sha256(code.encode()).hexdigest(), len(code))
        assert "code" not in detail
        assert "canary-of" not in stage.server.log
        assert b"canary-of" not in stage.bytes_at_rest()
        assert stage.rows("SELECT * FROM event WHERE event LIKE 'terminal%'") == []
