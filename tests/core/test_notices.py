"""Notices: text for everybody, cleaned, bounded, few, from memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_totp_auth.core.accounts import Refused
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Refusal
from jupyter_totp_auth.core.notices import LONGEST, USUAL_LIFE, AdminNotice, cleaned
from jupyter_totp_auth.core.policy import DAY, Policy
from tests.core.rig import START, Person, Rig


def send(rig: Rig, message: str = "Back at noon", **options: object) -> AdminNotice:
    return rig.notices.send(message, **{"by": None, "actor": "operator", **options})


def synced(rig: Rig) -> bool:
    return rig.notices.sync(rig.store.logins.revision())


def test_a_notice_says_what_was_sent_by_whom_and_until_when(rig: Rig, alice: Person) -> None:
    notice = send(rig, by=alice.account, actor=alice.name, client="192.0.2.9")
    assert (notice.message, notice.sender) == ("Back at noon", alice.account.display_name)
    assert (notice.sent_at, notice.expires_at) == (START, START + USUAL_LIFE)
    told = rig.events[-1]
    assert told.kind is EventKind.NOTICE_SENT
    assert (told.account, told.actor, told.client) == (alice.name, alice.name, "192.0.2.9")
    assert told.detail == f"{notice.id}: Back at noon"


def test_the_operator_has_no_name_in_it(rig: Rig) -> None:
    assert send(rig).sender == ""
    assert (rig.events[-1].actor, rig.events[-1].account) == ("operator", None)


def test_it_is_known_from_memory_once_the_store_was_looked_at(rig: Rig) -> None:
    synced(rig)
    notice = send(rig, valid_for=100)
    assert rig.notices.live() == []
    assert synced(rig)
    assert rig.notices.live() == [notice]
    rig.clock.now += 100
    assert rig.notices.live() == []


def test_the_store_is_only_read_where_its_revision_is_another(rig: Rig) -> None:
    send(rig)
    assert rig.notices.sync(7)
    rig.store.rows.notices.clear()
    assert not rig.notices.sync(7)
    assert len(rig.notices.live()) == 1
    assert rig.notices.sync(8)
    assert rig.notices.live() == []


def test_it_is_no_news_that_something_else_has_changed(rig: Rig) -> None:
    send(rig)
    assert rig.notices.sync(7)
    assert not rig.notices.sync(8)


def test_whoever_keeps_no_memory_asks_the_store(rig: Rig) -> None:
    notice = send(rig)
    assert rig.notices.of_store() == [notice]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  two\n\nlines\tand blanks ", "two lines and blanks"),
        ("<b>bold</b> & http://x", "<b>bold</b> & http://x"),
        ("pay\u202eelif\u2066", "payelif"),
        ("a\x00b\x1b[31mc\u200bd\ufeff", "ab[31mcd"),
        ("line\u2028para\u2029end\u0085!", "line para end!"),
        ("e\u0301", "\u00e9"),
        ("a\ud800b", "ab"),
    ],
)
def test_a_message_is_one_paragraph_of_visible_characters(typed: str, kept: str) -> None:
    assert cleaned(typed) == kept


@given(st.text())
def test_cleaning_twice_is_cleaning_once_and_nothing_of_it_steers(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert once.isprintable()


@pytest.mark.parametrize("message", ["", " \n ", "\u202e", "x" * (LONGEST + 1)])
def test_what_says_nothing_or_too_much_is_not_sent(rig: Rig, message: str) -> None:
    with pytest.raises(Refused, match="1 to 500"):
        send(rig, message)
    assert rig.store.rows.notices == []


@pytest.mark.parametrize("seconds", [-1, 0, 59, 30 * DAY + 1])
def test_a_life_out_of_bounds_is_refused(rig: Rig, seconds: int) -> None:
    with pytest.raises(Refused) as refused:
        send(rig, valid_for=seconds)
    assert refused.value.refusal is Refusal.BAD_LIFETIME
    assert rig.store.rows.notices == []


@pytest.mark.parametrize("seconds", [60, 30 * DAY])
def test_the_bounds_themselves_will_do(rig: Rig, seconds: int) -> None:
    assert send(rig, "x" * LONGEST, valid_for=seconds).expires_at == START + seconds


def test_only_the_newest_few_stand(rig: Rig) -> None:
    for number in range(7):
        send(rig, str(number))
    synced(rig)
    assert [notice.message for notice in rig.notices.live()] == ["6", "5", "4", "3", "2"]


def test_how_many_follows_the_policy(rig: Rig) -> None:
    rig.notices.follow(Policy(most_notices=1))
    send(rig, "a")
    send(rig, "b")
    assert [notice.message for notice in rig.notices.of_store()] == ["b"]


def test_one_is_withdrawn(rig: Rig, alice: Person) -> None:
    first, second = send(rig, "a"), send(rig, "b")
    rig.notices.withdraw(first.id, by=alice.account, actor=alice.name, client="192.0.2.9")
    assert rig.notices.of_store() == [second]
    told = rig.events[-1]
    assert (told.kind, told.actor, told.detail) == (EventKind.NOTICE_WITHDRAWN, alice.name, first.id)


def test_what_is_not_there_cannot_be_withdrawn(rig: Rig) -> None:
    with pytest.raises(Refused) as refused:
        rig.notices.withdraw("0" * 16, by=None, actor="operator")
    assert refused.value.refusal is Refusal.UNKNOWN


def test_all_are_withdrawn(rig: Rig) -> None:
    send(rig)
    send(rig)
    assert rig.notices.withdraw_all(by=None, actor="operator") == 2
    assert rig.notices.of_store() == []
    assert rig.events[-1].detail == "all"
