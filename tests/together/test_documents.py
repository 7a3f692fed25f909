"""A reader in a shared document sees what others write, and nothing that the reader sends changes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.web.shared_documents import Presence, Unreadable, presences_of
from tests.harness.backstage import Backstage, wait_until
from tests.harness.client import Client
from tests.rights.people import House
from tests.together.documents import (
    EVERYTHING,
    GLOBAL,
    at,
    awareness,
    block,
    enter,
    heard,
    session,
    typed,
    update,
    whole,
)

ROOM = "api/collaboration/room/"


@pytest.fixture
def file(stage: Backstage, new_name: Callable[[], str]) -> Path:
    path = stage.server.root / f"{new_name()}.txt"
    path.write_text("as it was\n")
    return path


@pytest.fixture
def writes(stage: Backstage, member: str) -> Client:
    return stage.signed_in(member)


@pytest.fixture
def reads(stage: Backstage, reader: str) -> Client:
    return stage.signed_in(reader)


def test_a_reader_sees_each_change_as_it_is_made(
    file: Path, writes: Client, reads: Client, environment: dict[str, str]
) -> None:
    (change,) = typed(environment, "WRITTEN ")
    mine, theirs = enter(writes, file.name), enter(reads, file.name)
    assert b"as it was" in whole(theirs)
    mine.send_binary(update(change))
    assert b"WRITTEN" in heard(theirs, b"WRITTEN")
    wait_until(lambda: "WRITTEN" in file.read_text(), 20, "the save")


def forged(change: bytes) -> list[str | bytes]:
    """The same change, in every form that might be taken for something else."""
    plain = update(change)
    return [
        plain,
        b"\x00\x01" + block(change),  # as the answer to a question
        b"\x00\x02" + block(change) + b"\x00",
        b"\x80\x00\x02" + block(change),  # numbers longer than they have to be
        b"\x00\x82\x00" + block(change),
        b"\x00\x02" + b"\xff\xff\xff\xff\x0f" + change,  # a length that is a lie
        EVERYTHING + plain,  # behind a question
        b"\x00\x00" + block(plain),  # in a question
        b"\x00\x00" + block(change),
        plain[:1] + plain,
        b"\x01" + block(b"\x00") + plain,  # behind, and in, a word of who is there
        b"\x01" + block(plain),
        b"\x03" + plain,
        b"\x7d" + plain,
        b"\x02" + block(b"save") + b"\x01" + plain,
        plain.decode("latin-1"),
        json.dumps({"type": "update", "update": change.hex()}),
    ]


def test_no_form_of_a_change_passes_for_a_reader_and_nothing_is_saved(
    file: Path, writes: Client, reads: Client, environment: dict[str, str]
) -> None:
    (change,) = typed(environment, "FORGED ")
    mine, theirs = enter(writes, file.name), enter(reads, file.name)
    whole(mine)
    for message in forged(change):
        theirs.send(message) if isinstance(message, str) else theirs.send_binary(message)
    assert b"FORGED" not in whole(theirs), "and the socket still answers"
    assert b"FORGED" not in whole(mine)
    mine.send_binary(update(typed(environment, "last ")[0]))
    wait_until(lambda: "last" in file.read_text(), 20, "the save")
    assert "FORGED" not in file.read_text()
    mine.send_binary(update(change))  # it was a good one all along
    wait_until(lambda: "FORGED" in file.read_text(), 20, "the save")


def test_a_reader_alone_in_a_document_has_nothing_saved(
    file: Path, reads: Client, stage: Backstage, environment: dict[str, str]
) -> None:
    (change,) = typed(environment, "FORGED ")
    before = file.stat().st_mtime_ns
    theirs = enter(reads, file.name)
    whole(theirs)
    for message in forged(change):
        theirs.send(message) if isinstance(message, str) else theirs.send_binary(message)
    theirs.send_binary(b"\x02" + block(b"save") + b"\x05")
    answer = heard(theirs, b"save")
    assert json.loads(answer[2:]) == {"type": "save", "responseTo": 5, "status": "failed"}
    time.sleep(1)  # five times as long as the server waits with a save
    assert (file.read_text(), file.stat().st_mtime_ns) == ("as it was\n", before)


def test_a_member_who_becomes_a_reader_changes_nothing_from_then_on_and_still_sees(
    house: House,
    file: Path,
    writes: Client,
    member: str,
    environment: dict[str, str],
    new_name: Callable[[], str],
) -> None:
    first, second, third = typed(environment, "FIRST ", "SECOND ", "THIRD ")
    other = house.stage.signed_in(house.stage.enrolled(new_name()).username)
    mine, watching = enter(writes, file.name), enter(other, file.name)
    mine.send_binary(update(first))
    heard(watching, b"FIRST")
    page = writes.socket("api/events/subscribe")
    page.settimeout(20)
    house.set(member, role=Role.READER)
    time.sleep(2)
    mine.send_binary(
        awareness((5, 1, {"user": {"username": "somebody"}}))
    )  # heard of others, as pages say it
    mine.send_binary(update(second))
    told = []
    while "jupyter-totp-auth/stopping" not in told:  # time to look who one is; beside events of the document
        told.append(json.loads(page.recv())["schema_id"])
    assert b"SECOND" not in whole(mine), "open, and a reader's now"
    assert b"SECOND" not in whole(watching)
    watching.send_binary(update(third))
    heard(mine, b"THIRD")
    house.set(member, role=Role.MEMBER)
    time.sleep(2)
    mine.send_binary(update(second))
    heard(watching, b"SECOND")


def status(asked: Callable[[], Any]) -> int:
    """Of a handshake: 101, or why not."""
    try:
        asked().close()
    except websocket.WebSocketBadStatusException as refused:
        return refused.status_code
    return 101


def test_a_reader_opens_documents_and_no_room_of_another_kind(
    file: Path, writes: Client, reads: Client
) -> None:
    room, number = session(writes, file.name)
    assert status(lambda: at(reads, room, number)) == 101
    assert status(lambda: at(reads, GLOBAL)) == 101
    rooms = ["made-up", "a:b", "x:y:z", f"{room}/..", "JupyterLab:other", "0" * 32, f"{room}%20", "made%3Aup"]
    assert [status(lambda one=one: at(reads, one)) for one in rooms] == [403] * len(rooms)
    plain = reads.get(f"{ROOM}{room}")  # a room is made by any request
    assert (plain.status_code, plain.json()["reason"]) == (403, "role")


def test_what_makes_or_changes_something_is_not_for_readers(
    stage: Backstage, file: Path, writes: Client, reads: Client
) -> None:
    room, _ = session(writes, file.name)
    asked = [
        ("PUT", f"api/collaboration/fork/{room}", {"synchronize": True}),
        ("DELETE", f"api/collaboration/fork/{room}?merge=true", None),
        ("PUT", f"api/collaboration/undo_redo/{room}?action=undo&steps=1&forkRoom=x", None),
        ("GET", f"api/collaboration/timeline/{file.name}?format=text&type=file", None),
        ("PUT", "api/collaboration/session/..%2F..%2Fetc%2Fpasswd", {"format": "text", "type": "file"}),
        ("PUT", "api/collaboration/session/x/../../../../etc/passwd", {"format": "text", "type": "file"}),
        ("POST", f"api/collaboration/session/{file.name}", {"format": "text", "type": "file"}),
        ("POST", f"api/fileid/index?path={file.name}", None),
    ]
    found = {}
    for method, path, body in asked:
        answer = reads.request(method, path, json=body)
        found[method, path] = (answer.status_code, answer.json().get("reason"))
    assert set(found.values()) == {(403, "role")}, found
    assert reads.request("GET", f"api/collaboration/fork/{room}").status_code == 200


@pytest.mark.parametrize(
    ("role", "scopes", "expected"),
    [
        (Role.READER, ("all",), 101),
        (Role.MEMBER, ("all",), 101),
        (Role.MEMBER, ("contents:write", "kernels:execute"), 403),
        (Role.MEMBER, ("contents:read",), 403),
    ],
)
def test_a_token_enters_with_the_scope_all_alone(
    house: House, file: Path, writes: Client, role: Role, scopes: tuple[str, ...], expected: int
) -> None:
    room, number = session(writes, file.name)
    asker = house.with_token(role, *scopes)
    assert status(lambda: asker.open(f"{ROOM}{room}?sessionId={number}")) == expected


def test_a_readers_token_changes_nothing_either(
    house: House, file: Path, writes: Client, environment: dict[str, str]
) -> None:
    room, number = session(writes, file.name)
    theirs = house.with_token(Role.READER, "all").open(f"{ROOM}{room}?sessionId={number}")
    theirs.send_binary(update(typed(environment, "FORGED ")[0]))
    theirs.settimeout(20)
    assert b"FORGED" not in whole(theirs)


def said_of(message: bytes) -> list[Presence]:
    try:
        return presences_of(message)
    except Unreadable:
        return []


def first_of(live: websocket.WebSocket, client: int) -> Presence:
    """The first that is said of a page."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        message = live.recv()
        for one in said_of(message) if isinstance(message, bytes) else []:
            if one.client == client:
                return one
    raise AssertionError("never said")


def hears(live: websocket.WebSocket, client: int, clock: int) -> dict[str, Any] | None:
    """What is said of a page, in that word of it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        message = live.recv()
        for one in said_of(message) if isinstance(message, bytes) else []:
            if (one.client, one.clock) == (client, clock):
                return one.state
    raise AssertionError("never said")


@pytest.mark.parametrize("where", ["document", "everybody"])
def test_nobody_is_there_under_another_name(
    stage: Backstage, file: Path, writes: Client, reads: Client, member: str, reader: str, where: str
) -> None:
    account = stage.services.accounts.named(reader)
    stage.services.accounts.set_profile(
        account, actor="test", display_name="Grace Hopper", initials="GH", color="#123456"
    )
    stage.services.logins.sync()
    mine, theirs = (
        (enter(writes, file.name), enter(reads, file.name))
        if where == "document"
        else (at(writes, GLOBAL), at(reads, GLOBAL))
    )
    wait_until(lambda: reads.get("api/me").json()["identity"]["initials"] == "GH", 5, "the new name")
    page = 4_000_000_001 if where == "document" else 4_000_000_002
    shown = {
        "username": reader,
        "name": "Grace Hopper",
        "display_name": "Grace Hopper",
        "initials": "GH",
        "avatar_url": None,
        "color": "#123456",
    }
    lie = {
        **shown,
        "display_name": "Ada",
        "name": "Ada",
        "initials": "A",
        "avatar_url": "javascript:alert(1)",
    }
    theirs.send_binary(awareness((page, 1, {"user": {**lie, "username": member}})))
    theirs.send_binary(awareness((page, 2, {"user": {"display_name": "Ada"}})))
    theirs.send_binary(awareness((page, 3, {"cursors": []})))
    theirs.send_binary(awareness((page, 4, {"user": lie})))
    assert first_of(mine, page) == Presence(page, 4, {"user": shown, "autosave": False})
    adas, bobs = page + 10, {"user": {**shown, "username": member}}
    mine.send_binary(awareness((adas, 1, bobs)))
    hears(theirs, adas, 1)
    theirs.send_binary(awareness((adas, 2, None), (page, 5, {"user": shown})))
    heard_of = [one for one in said_of(heard(mine, json.dumps(reader).encode())) if one.clock == 5]
    assert [one.client for one in heard_of] == [page], "and nothing of the member's own page"


def test_a_name_that_is_changed_is_true_from_the_next_word_on(
    file: Path, writes: Client, reads: Client, reader: str
) -> None:
    mine, theirs = enter(writes, file.name), enter(reads, file.name)
    old = {"user": {"username": reader, "display_name": reader}}
    theirs.send_binary(awareness((9, 1, old)))
    assert (hears(mine, 9, 1) or {})["user"]["display_name"] == reader
    changed = reads.request("PATCH", "api/me", json={"display_name": "Grace", "color": "#00ff00"})
    assert changed.status_code == 200, changed.text
    theirs.send_binary(awareness((9, 2, old)))
    user = (hears(mine, 9, 2) or {})["user"]
    assert (user["display_name"], user["color"]) == ("Grace", "#00ff00")


def test_a_locked_or_ended_login_hears_no_more(
    stage: Backstage, file: Path, reads: Client, reader: str
) -> None:
    theirs = enter(reads, file.name)
    whole(theirs)
    stage.end_logins(reader)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if theirs.recv() == "":
            return
    raise AssertionError("still open")
