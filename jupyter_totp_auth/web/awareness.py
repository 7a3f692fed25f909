"""Who is who in a shared document: a person is shown there as the account is, whatever the page says.

jupyter-collaboration passes on what each page says of its person, name and colour and picture, as it came.
Here the account's own take their place, and nobody speaks for another's page.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any
from weakref import WeakKeyDictionary

from tornado.websocket import WebSocketHandler

from ..core.model import Account
from .shared_documents import Presence, Unreadable, awareness_message, presences_of
from .visitor import as_user

_MOST_PAGES = 64
"""Of one person, open in one document. The server keeps each for a while."""


class TrueNames:
    """Holds what comes in about persons to what is known of them."""

    def __init__(self) -> None:
        self._pages: WeakKeyDictionary[WebSocketHandler, tuple[str, set[int]]] = WeakKeyDictionary()
        """Of each socket, the account, and its pages that the socket has spoken of."""

    def held(
        self, handler: WebSocketHandler, message: str | bytes, account: Account, *, may_change: bool
    ) -> bytes | None:
        """The message as it may go on; None where nothing of it may."""
        try:
            said = presences_of(message)
        except Unreadable:
            return None
        own = [one for one in said if self._is_own(handler, one, account)]
        shown = asdict(as_user(account))
        kept = [replace(one, state=_true(one.state, shown, may_change=may_change)) for one in own]
        return awareness_message(kept) if kept else None

    def _is_own(self, handler: WebSocketHandler, one: Presence, account: Account) -> bool:
        """Whether it is about a page of this person.

        Pages also say again what they have heard of others: that has been passed on already, and is left out.
        """
        _, pages = self._pages.setdefault(handler, (account.username, set()))
        user = None if one.state is None else one.state.get("user")
        named = user.get("username") if isinstance(user, dict) else None
        if one.client in pages:
            return user is None or named == account.username
        if named != account.username or len(pages) >= _MOST_PAGES:
            return False
        if self._is_anothers(handler, one.client, account):
            return False
        pages.add(one.client)
        return True

    def _is_anothers(self, handler: WebSocketHandler, client: int, account: Account) -> bool:
        """Whether another account has said before that this page is theirs, in the same document.

        Another socket of the same account may say so: a page that comes back keeps its number.
        """
        room = _room(handler)
        return any(
            client in pages and username != account.username and _room(other) == room
            for other, (username, pages) in self._pages.items()
            if other.ws_connection is not None
        )


def _room(handler: WebSocketHandler) -> str:
    """As jupyter-collaboration finds it, whatever stands before."""
    return (handler.request.path or "").rpartition("/")[2]


def _true(state: dict[str, Any] | None, shown: dict[str, Any], *, may_change: bool) -> dict[str, Any] | None:
    if state is None:
        return None
    held = dict(state)
    if "user" in held:
        held["user"] = shown
    if not may_change:
        # The server writes a document to the disk as long as anybody in it asks for that, and who says
        # nothing does.
        held["autosave"] = False
    return held
