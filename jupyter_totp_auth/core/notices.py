"""Notices: what an administrator tells everybody who has a page open. Text, and nothing but text.

``live`` is from memory, since every page asks for them with all else that it asks.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .accounts import Refused
from .events import Event, EventKind
from .model import Account, Refusal
from .policy import DAY, MINUTE, Policy

LONGEST = 500
"""Characters: more is not read in a corner of a page."""

SHORTEST_LIFE = MINUTE
USUAL_LIFE = DAY


@dataclass(frozen=True)
class AdminNotice:
    """One of them. ``sender`` is the display name that its administrator had; empty: the operator's."""

    id: str
    message: str
    sender: str
    sent_at: int
    expires_at: int


class NoticeStore(Protocol):
    """Notices as the store keeps them. Each change raises its revision, so that every process looks."""

    def add(self, notice: AdminNotice, event: Event, *, most: int) -> None:
        """Keep one more, and of all that are not over the newest ``most``."""

    def live(self, *, at: int) -> list[AdminNotice]:
        """Those that are not over, the newest first."""

    def withdraw(self, event: Event, *, only: str | None = None) -> int:
        """Take one, or all of them, away; how many."""


class Notices:
    """Sending and withdrawing them, and those of now. ``clock`` is read once per public method."""

    def __init__(self, store: NoticeStore, policy: Policy, clock: Callable[[], int]) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._live: tuple[AdminNotice, ...] = ()
        self._synced = -1
        self._syncing = threading.Lock()

    def follow(self, policy: Policy) -> None:
        """Go on under other numbers."""
        self._policy = policy

    def live(self) -> list[AdminNotice]:
        """Those that are not over, the newest first. From memory."""
        at = self._clock()
        return [notice for notice in self._live if notice.expires_at > at]

    def sync(self, revision: int) -> bool:
        """Read them again where the store has another revision by now; whether they are others."""
        with self._syncing:
            if revision == self._synced:
                return False
            found = tuple(self._store.live(at=self._clock()))
            is_news = found != self._live
            self._live, self._synced = found, revision
            return is_news

    def of_store(self) -> list[AdminNotice]:
        """Those that are not over, for whoever keeps no memory of them."""
        return self._store.live(at=self._clock())

    def send(
        self, message: str, *, by: Account | None, actor: str, client: str = "", valid_for: int | None = None
    ) -> AdminNotice:
        """Tell everybody. Raises Refused where it cannot be told. ``by``: None for the operator."""
        at, text = self._clock(), cleaned(message)
        lifetime = USUAL_LIFE if valid_for is None else valid_for
        if not 1 <= len(text) <= LONGEST:
            raise Refused(f"A notice has 1 to {LONGEST} visible characters.")
        if not SHORTEST_LIFE <= lifetime <= self._policy.notice_days_max * DAY:
            days = self._policy.notice_days_max
            raise Refused(f"A notice can be valid for a minute to {days} days.", Refusal.BAD_LIFETIME)
        sender = by.display_name if by else ""
        notice = AdminNotice(secrets.token_hex(8), text, sender, at, at + lifetime)
        event = _event(EventKind.NOTICE_SENT, at, by, actor, client, f"{notice.id}: {text}")
        self._store.add(notice, event, most=self._policy.most_notices)
        return notice

    def withdraw(self, notice_id: str, *, by: Account | None, actor: str, client: str = "") -> None:
        """Take one back. Raises Refused where it is not there."""
        event = _event(EventKind.NOTICE_WITHDRAWN, self._clock(), by, actor, client, notice_id)
        if not self._store.withdraw(event, only=notice_id):
            raise Refused("There is no such notice.", Refusal.UNKNOWN)

    def withdraw_all(self, *, by: Account | None, actor: str, client: str = "") -> int:
        """Take all of them back; how many."""
        event = _event(EventKind.NOTICE_WITHDRAWN, self._clock(), by, actor, client, "all")
        return self._store.withdraw(event)


def cleaned(text: str) -> str:
    """One paragraph of visible characters: nothing that could turn what stands around it (CWE-1007)."""
    # Category C: control, format (all that changes direction among them), surrogates, unassigned; Zl and Zp
    # fall to split.
    spaced = "".join(" " if c in "\t\n\r\f\v" else c for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(c for c in spaced if unicodedata.category(c)[0] != "C").split())


def _event(kind: EventKind, at: int, by: Account | None, actor: str, client: str, detail: str) -> Event:
    return Event(kind, at, by.id if by else None, by.username if by else None, actor, client, None, detail)
