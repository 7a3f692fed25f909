"""The contract of ``NoticeStore``, over every store."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.notices import LONGEST, AdminNotice
from tests.store.makers import AT, Parts, event, kinds, new_id

SENT, GONE = EventKind.NOTICE_SENT, EventKind.NOTICE_WITHDRAWN


def sent(
    store: Parts, message: str = "Lunch", *, at: int = AT, lasts: int = 100, most: int = 5
) -> AdminNotice:
    notice = AdminNotice(new_id()[:16], message, "Ada", at, at + lasts)
    store.notices.add(notice, event(SENT, at=at), most=most)
    return notice


@pytest.mark.parametrize("message", ["Lunch", "é" * LONGEST, "\U0001f575" * LONGEST])
def test_a_notice_is_read_back_as_it_was_sent(store: Parts, message: str) -> None:
    notice = sent(store, message)
    assert store.notices.live(at=AT) == [notice]
    assert kinds(store) == [SENT]


def test_the_newest_stands_first(store: Parts) -> None:
    first, second = sent(store), sent(store, at=AT + 1)
    assert store.notices.live(at=AT + 1) == [second, first]


def test_only_the_newest_few_are_kept(store: Parts) -> None:
    notices = [sent(store, str(number), at=AT + number, most=3) for number in range(5)]
    assert store.notices.live(at=AT + 5) == list(reversed(notices[2:]))


def test_one_that_is_over_takes_no_place(store: Parts) -> None:
    sent(store, lasts=1000, most=2)
    sent(store, at=AT + 1, lasts=5, most=2)
    sent(store, at=AT + 10, most=2)
    assert [notice.sent_at for notice in store.notices.live(at=AT + 10)] == [AT + 10, AT]


def test_a_notice_is_over_to_the_second(store: Parts) -> None:
    sent(store, lasts=100)
    assert len(store.notices.live(at=AT + 99)) == 1
    assert store.notices.live(at=AT + 100) == []


def test_one_is_withdrawn_and_the_others_stay(store: Parts) -> None:
    first, second = sent(store), sent(store, at=AT + 1)
    assert store.notices.withdraw(event(GONE, at=AT + 2), only=first.id) == 1
    assert store.notices.live(at=AT + 2) == [second]
    assert store.notices.withdraw(event(GONE, at=AT + 2), only=first.id) == 0
    assert kinds(store) == [SENT, SENT, GONE]


def test_all_are_withdrawn_at_once(store: Parts) -> None:
    sent(store)
    sent(store)
    assert store.notices.withdraw(event(GONE)) == 2
    assert store.notices.live(at=AT) == []
    assert store.notices.withdraw(event(GONE)) == 0
    assert kinds(store).count(GONE) == 1


def test_what_is_over_is_not_withdrawn(store: Parts) -> None:
    notice = sent(store, lasts=10)
    assert store.notices.withdraw(event(GONE, at=AT + 10), only=notice.id) == 0


def test_every_process_hears_of_a_change(store: Parts) -> None:
    before = store.logins.revision()
    notice = sent(store)
    between = store.logins.revision()
    store.notices.withdraw(event(GONE), only=notice.id)
    assert before < between < store.logins.revision()
