"""Nobody is shown in a shared document under a name that is not theirs."""

from __future__ import annotations

import gc
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_totp_auth.core.model import Account, Role
from jupyter_totp_auth.core.profiles import new_account
from jupyter_totp_auth.web.awareness import TrueNames
from jupyter_totp_auth.web.shared_documents import Presence, awareness_message, presences_of

ROOM = "/api/collaboration/room/json:notebook:1"


class Socket:
    """As much of one as is looked at."""

    def __init__(self, path: str = ROOM) -> None:
        self.request = SimpleNamespace(path=path)
        self.ws_connection: object | None = object()


def account(name: str, display_name: str) -> Account:
    return new_account(name, Role.MEMBER, at=0, display_name=display_name)


ADA, BOB = account("ada", "Ada Lovelace"), account("bob", "Bob")


def user(whose: Account, **lies: Any) -> dict[str, Any]:
    """What a page says of its person."""
    shown = {
        "username": whose.username,
        "name": whose.display_name,
        "display_name": whose.display_name,
        "initials": whose.initials,
        "avatar_url": None,
        "color": whose.color,
    }
    return {**shown, **lies}


class Room:
    def __init__(self) -> None:
        self.names = TrueNames()

    def say(
        self, socket: Any, whose: Account, *said: Presence, may_change: bool = True
    ) -> list[Presence] | None:
        """What the others hear of it."""
        held = self.names.held(socket, awareness_message(list(said)), whose, may_change=may_change)
        return None if held is None else presences_of(held)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize(
    "lies",
    [
        {"display_name": "Bob"},
        {"name": "Bob", "initials": "B"},
        {"color": "red; background: url(//evil)"},
        {"avatar_url": "javascript:alert(1)"},
        {"avatar_url": "https://evil.example/seen.png"},
        {"extra": "x"},
    ],
)
def test_a_page_that_lies_of_its_person_is_shown_with_the_truth(room: Room, lies: dict[str, Any]) -> None:
    said = Presence(7, 1, {"user": user(ADA, **lies), "cursors": [1]})
    assert room.say(Socket(), ADA, said) == [Presence(7, 1, {"user": user(ADA), "cursors": [1]})]


def test_a_name_that_was_changed_is_shown_though_the_page_still_says_the_old_one(room: Room) -> None:
    socket, said = Socket(), Presence(7, 1, {"user": user(ADA)})
    room.say(socket, ADA, said)
    changed = replace(ADA, display_name="Countess", color="#123456")
    heard = room.say(socket, changed, replace(said, clock=2))
    assert heard == [Presence(7, 2, {"user": user(changed)})]


@pytest.mark.parametrize("whose", ["bob", "", "ADA", "ada ", None, 1, ["ada"]])
def test_a_page_that_says_another_user_name_is_not_heard(room: Room, whose: Any) -> None:
    said = Presence(7, 1, {"user": user(ADA, username=whose)})
    assert room.say(Socket(), ADA, said) is None
    socket = Socket()
    room.say(socket, ADA, Presence(7, 1, {"user": user(ADA)}))
    assert room.say(socket, ADA, replace(said, clock=2)) is None


@pytest.mark.parametrize("state", [{}, {"cursors": []}, {"user": None}, {"user": "Bob"}, None])
def test_a_page_that_has_not_said_whose_it_is_is_not_heard(room: Room, state: Any) -> None:
    assert room.say(Socket(), ADA, Presence(7, 1, state)) is None


def test_once_it_has_it_may_leave_that_out_and_go(room: Room) -> None:
    socket = Socket()
    room.say(socket, ADA, Presence(7, 1, {"user": user(ADA)}))
    for later in (Presence(7, 2, {"cursors": []}), Presence(7, 3, None)):
        assert room.say(socket, ADA, later) == [later]


def test_nobody_speaks_for_the_page_of_another(room: Room) -> None:
    """Neither as it, nor under one's own name in its place, nor that it is gone."""
    adas, bobs = Socket(), Socket()
    room.say(adas, ADA, Presence(7, 1, {"user": user(ADA)}))
    room.say(bobs, BOB, Presence(8, 1, {"user": user(BOB)}))
    for state in (None, {}, {"user": user(ADA)}, {"user": user(BOB)}):
        assert room.say(bobs, BOB, Presence(7, 9, state)) is None
    own = Presence(8, 2, {"user": user(BOB)})
    assert room.say(bobs, BOB, own, Presence(7, 9, {"user": user(ADA)})) == [own], "an echo is left out"


def test_the_same_number_in_another_document_or_of_one_who_has_gone_is_free(room: Room) -> None:
    adas, bobs = Socket(), Socket()
    said = Presence(7, 1, {"user": user(BOB)})
    room.say(adas, ADA, Presence(7, 1, {"user": user(ADA)}))
    assert room.say(Socket(ROOM + "2"), BOB, said) == [said]
    assert room.say(Socket(ROOM.replace("room/", "room/x/")), BOB, said) is None, "the same one"
    assert room.say(bobs, BOB, said) is None
    adas.ws_connection = None
    assert room.say(bobs, BOB, said) == [said]


def test_a_page_that_comes_back_keeps_its_number(room: Room) -> None:
    old, said = Socket(), Presence(7, 1, {"user": user(ADA)})
    room.say(old, ADA, said)
    assert room.say(Socket(), ADA, said) == [said]


def test_one_socket_does_not_fill_the_room(room: Room) -> None:
    socket = Socket()
    crowd = [Presence(number, 1, {"user": user(ADA)}) for number in range(1000)]
    heard = room.say(socket, ADA, *crowd)
    assert heard is not None
    assert len(heard) == 64


@pytest.mark.parametrize("autosave", [{}, {"autosave": True}])
def test_who_may_change_nothing_asks_for_no_saving(room: Room, autosave: dict[str, Any]) -> None:
    said = Presence(7, 1, {"user": user(ADA), **autosave})
    heard = room.say(Socket(), ADA, said, may_change=False)
    assert heard == [Presence(7, 1, {"user": user(ADA), "autosave": False})]
    assert room.say(Socket(), ADA, said) == [said], "a member's stays as it is"


def test_what_is_unreadable_is_not_passed_on(room: Room) -> None:
    socket: Any = Socket()
    assert room.names.held(socket, b"\x01\x05", ADA, may_change=True) is None


def test_sockets_that_are_gone_are_forgotten(room: Room) -> None:
    room.say(Socket(), ADA, Presence(7, 1, {"user": user(ADA)}))
    gc.collect()
    assert len(room.names._pages) == 0
