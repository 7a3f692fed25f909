"""The contracts of ``ThrottleStore`` and ``EventStore``, over every store."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import event as on
from sqlalchemy import select

from jupyter_totp_auth.core.events import Event, EventKind, Notice
from jupyter_totp_auth.core.policy import DAY, Throttle
from jupyter_totp_auth.store import Store
from jupyter_totp_auth.store.tables import throttle
from tests.store.makers import AT, Parts, digest, event, kinds, new_id

RULE = Throttle(free=2, first_delay=10, cap=30, limit=6)
PATIENT = Throttle(free=1000, first_delay=1, cap=60, limit=5)

# -- counters ------------------------------------------------------------------------------------------


def test_the_free_failures_cost_nothing_and_then_the_delay_doubles_up_to_its_cap(store: Parts) -> None:
    key, at = digest(), AT
    assert [RULE.delay(failures) for failures in range(1, 6)] == [0, 10, 20, 30, 30]
    for failures in range(1, RULE.limit):
        assert store.throttles.charge(key, RULE, at=at) is None
        delay = RULE.delay(failures)
        if delay:
            assert store.throttles.charge(key, RULE, at=at) == delay
            assert store.throttles.charge(key, RULE, at=at + delay - 1) == 1
        at += delay
    assert store.throttles.charge(key, RULE, at=at) is None
    # So many failures: closed, whatever the time.
    assert store.throttles.charge(key, RULE, at=at) == 30
    assert store.throttles.charge(key, RULE, at=at + 100_000) == 30


def test_a_closed_counter_is_not_forgotten_however_long_nobody_tries(store: Parts) -> None:
    closed, open_ = digest(), digest()
    for _ in range(PATIENT.limit):
        assert store.throttles.charge(closed, PATIENT, at=AT) is None
    assert store.throttles.charge(open_, PATIENT, at=AT) is None
    store.logins.purge(at=AT + 400 * DAY, ended_before=AT)
    assert store.throttles.charge(closed, PATIENT, at=AT + 400 * DAY) == 60
    for _ in range(PATIENT.limit):  # forgotten: all tries are there again
        assert store.throttles.charge(open_, PATIENT, at=AT + 400 * DAY) is None


def test_a_silent_refusal_writes_as_a_count_does_and_changes_nothing(sql: Store) -> None:
    key, rule = digest(), replace(PATIENT, limit=1, silent=True)
    assert sql.throttles.charge(key, rule, at=AT) is None
    written: list[str] = []

    def note(*details: Any) -> None:
        written.append(details[2])

    on.listen(sql.database.engine, "before_cursor_execute", note)
    assert sql.throttles.charge(key, rule, at=AT) == 60
    assert any(statement.startswith("UPDATE throttle") for statement in written)
    sql.throttles.refund(key, 1, at=AT)
    assert sql.throttles.charge(key, rule, at=AT) is None


def test_a_try_during_a_delay_is_not_counted(store: Parts) -> None:
    key = digest()
    for _ in range(2):
        store.throttles.charge(key, RULE, at=AT)
    assert [store.throttles.charge(key, RULE, at=AT + 1) for _ in range(50)] == [9] * 50
    assert store.throttles.charge(key, RULE, at=AT + 10) is None


def test_each_counter_counts_for_itself(store: Parts) -> None:
    full, other = digest(), digest()
    for _ in range(5):
        assert store.throttles.charge(full, PATIENT, at=AT) is None
    assert store.throttles.charge(full, PATIENT, at=AT) == 60
    assert store.throttles.charge(other, PATIENT, at=AT) is None


def test_a_clock_set_back_shuts_nobody_out_for_longer_than_the_longest_delay(store: Parts) -> None:
    key = digest()
    for _ in range(2):
        store.throttles.charge(key, RULE, at=AT)
    wait = store.throttles.charge(key, RULE, at=AT - 1_000_000)
    assert wait == RULE.delay(2)
    # And that passes: it is owed from the first look on, not until the other clock's time comes.
    assert store.throttles.charge(key, RULE, at=AT - 1_000_000 + 1) == wait - 1
    assert store.throttles.charge(key, RULE, at=AT - 1_000_000 + wait) is None


def test_a_refund_takes_back_so_many_failures(store: Parts) -> None:
    key = digest()
    for _ in range(5):
        store.throttles.charge(key, PATIENT, at=AT)
    store.throttles.refund(key, 2, at=AT)
    assert [store.throttles.charge(key, PATIENT, at=AT) for _ in range(3)] == [None, None, 60]


def test_a_refund_of_all_failures_ends_the_delay(store: Parts) -> None:
    key, rule = digest(), Throttle(free=1, first_delay=10, cap=30, limit=6)
    assert store.throttles.charge(key, rule, at=AT) is None
    assert store.throttles.charge(key, rule, at=AT) == 10
    store.throttles.refund(key, 1, at=AT)
    assert store.throttles.charge(key, rule, at=AT) is None


def test_a_refund_of_some_leaves_the_delay_that_others_owe(store: Parts) -> None:
    key = digest()
    for _ in range(2):
        store.throttles.charge(key, RULE, at=AT)
    store.throttles.refund(key, 1, at=AT)
    assert store.throttles.charge(key, RULE, at=AT) == 10
    assert store.throttles.charge(key, RULE, at=AT + 10) is None  # the second failure, again
    assert store.throttles.charge(key, RULE, at=AT + 10) == 10


def test_a_refund_never_leads_below_zero(store: Parts) -> None:
    key = digest()
    store.throttles.charge(key, PATIENT, at=AT)
    store.throttles.refund(key, 50, at=AT)
    store.throttles.refund(digest(), 1, at=AT)
    assert [store.throttles.charge(key, PATIENT, at=AT) for _ in range(6)] == [None] * 5 + [60]


def test_all_counters_of_an_account_are_forgotten_and_no_others(store: Parts) -> None:
    mine, mine_too, others, nobodys = (digest() for _ in range(4))
    me, other = new_id(), new_id()
    shut = Throttle(free=0, first_delay=900, cap=900, limit=1)
    for key, whose in ((mine, me), (mine_too, me), (others, other), (nobodys, None)):
        store.throttles.charge(key, shut, at=AT, account_id=whose)
    told = event(EventKind.UNLOCKED, account_id=me)
    store.throttles.reset(me, told)
    waits = [store.throttles.charge(key, shut, at=AT) for key in (mine, mine_too, others, nobodys)]
    assert waits == [None, None, 900, 900]
    assert [entry for _, entry in store.events.list()] == [told]


def test_a_counter_belongs_to_the_account_that_has_its_name_now(store: Parts) -> None:
    key, me = digest(), new_id()
    store.throttles.charge(key, PATIENT, at=AT)  # before the account was made
    store.throttles.charge(key, PATIENT, at=AT, account_id=me)
    store.throttles.reset(me, event(EventKind.UNLOCKED))
    assert [store.throttles.charge(key, PATIENT, at=AT) for _ in range(6)] == [None] * 5 + [60]


# -- the audit log -------------------------------------------------------------------------------------


def test_an_event_is_read_back_as_it_was_written(store: Parts) -> None:
    bare = Event(EventKind.SETUP_LINK, AT)
    whole = Event(
        EventKind.LOGIN,
        AT + 1,
        account_id=new_id(),
        account="ada",
        actor="operator",
        client="2001:db8::1",
        login="0123456789abcdef",
        detail="é ✓ 日本 🦉 \\ ' \" % \n",
    )
    store.events.add(bare)
    store.events.add(whole)
    assert [entry for _, entry in store.events.list()] == [bare, whole]


def test_many_events_are_written_together_in_order_and_a_long_detail_is_kept_whole(store: Parts) -> None:
    detail = json.dumps({"code": "é😀\0" * 500, "cut": True})
    many = [event(EventKind.CELL_RUN, detail=f"{number} {detail}") for number in range(200)]
    store.events.add(*many)
    assert [entry for _, entry in store.events.list()] == many


def test_every_kind_of_event_can_be_written(store: Parts) -> None:
    for kind in EventKind:
        store.events.add(event(kind))
    assert kinds(store) == list(EventKind)


def test_events_come_in_the_order_in_which_they_happened(store: Parts) -> None:
    for at in (AT + 5, AT, AT + 3):  # the order of writing, not of a clock that was set back
        store.events.add(event(at=at))
    listed = store.events.list()
    assert [entry.at for _, entry in listed] == [AT + 5, AT, AT + 3]
    numbers = [number for number, _ in listed]
    assert numbers == sorted(set(numbers))


def test_a_limit_gives_the_newest_so_many_oldest_first(store: Parts) -> None:
    for at in range(5):
        store.events.add(event(at=at))
    assert [entry.at for _, entry in store.events.list(limit=2)] == [3, 4]
    assert [entry.at for _, entry in store.events.list(limit=100)] == [0, 1, 2, 3, 4]
    assert store.events.list(limit=0) == []


def test_what_was_before_an_event_is_paged_backwards(store: Parts) -> None:
    for at in range(5):
        store.events.add(event(at=at))
    numbers = [number for number, _ in store.events.list()]
    assert [entry.at for _, entry in store.events.list(before=numbers[3], limit=2)] == [1, 2]
    assert store.events.list(before=numbers[0]) == []


def test_following_the_log_gives_each_event_once(store: Parts) -> None:
    seen, last = [], 0
    for at in range(4):
        store.events.add(event(at=at))
        for number, entry in store.events.list(after=last):
            seen.append(entry.at)
            last = number
    assert seen == [0, 1, 2, 3]
    assert store.events.list(after=last) == []


def test_events_of_a_name_outlive_its_account(store: Parts) -> None:
    first, second = new_id(), new_id()
    for at, (whose, name) in enumerate(((first, "ada"), (second, "ada"), (new_id(), "bob"), (None, None))):
        store.events.add(event(at=at, account_id=whose, account=name))
    assert [entry.at for _, entry in store.events.list(username="ada")] == [0, 1]
    assert [entry.at for _, entry in store.events.list(username="ada", account_id=second)] == [1]
    assert [entry.at for _, entry in store.events.list(username="ada", limit=1)] == [1]
    assert store.events.list(username="Ada") == []


def test_an_account_sees_only_its_own_events(store: Parts) -> None:
    me, other = new_id(), new_id()
    for at, whose in enumerate((me, other, None, me, me)):
        store.events.add(event(at=at, account_id=whose))
    assert [entry.at for _, entry in store.events.list(account_id=me)] == [0, 3, 4]
    assert [entry.at for _, entry in store.events.list(account_id=me, limit=1)] == [4]
    first = store.events.list(account_id=me)[0][0]
    assert [entry.at for _, entry in store.events.list(account_id=me, after=first)] == [3, 4]
    assert store.events.list(account_id=new_id()) == []


def test_the_time_is_sure_by_the_newest_login_or_unlock_that_was_written(store: Parts) -> None:
    assert store.events.last_sure_time() == 0
    for kind, at in ((EventKind.LOGIN, AT), (EventKind.FIRST_FACTOR_DENIED, AT + 9)):
        store.events.add(event(kind, at=at))
    assert store.events.last_sure_time() == AT
    store.events.add(event(EventKind.UNLOCKED, at=AT - 5))
    assert store.events.last_sure_time() == AT - 5, "by the order in which they were written"


def test_a_login_knows_the_one_before_it_and_what_failed_since(store: Parts) -> None:
    mine, other = new_id(), new_id()

    def tell(kind: EventKind, client: str = "", account: str = mine, **more: str) -> None:
        store.events.add(Event(kind, AT, account_id=account, client=client, **more))

    tell(EventKind.SECOND_FACTOR_DENIED, "192.0.2.9")
    tell(EventKind.LOGIN, "192.0.2.1", login="one")
    assert store.events.notice(mine, "one") == Notice(None, 1, ("192.0.2.9",), past_password=1)
    for client, times in (("192.0.2.2", 3), ("192.0.2.3", 1), ("192.0.2.4", 2)):
        for _ in range(times):
            tell(EventKind.FIRST_FACTOR_DENIED, client)
            tell(EventKind.SECOND_FACTOR_DENIED, client, detail="password")
    tell(EventKind.FIRST_FACTOR_PASSED, "192.0.2.5")
    tell(EventKind.FIRST_FACTOR_DENIED, "192.0.2.6", account=other)
    tell(EventKind.LOGIN, "192.0.2.7", account=other, login="others")
    tell(EventKind.LOGIN, "192.0.2.8", login="two")
    told = store.events.notice(mine, "two")
    assert told.last_login is not None
    assert (told.last_login.login, told.last_login.client) == ("one", "192.0.2.1")
    assert (told.failed, told.clients) == (6, ("192.0.2.2", "192.0.2.4", "192.0.2.3"))
    assert (told.own, told.past_password, told.has_more, told.is_news) == (0, 0, False, True)
    for number in range(9):
        tell(EventKind.CODE_REPLAYED, f"198.51.100.{number}")
    told = store.events.notice(mine, "two")
    assert (told.failed, len(told.clients)) == (15, 5)
    assert (told.past_password, told.has_more) == (9, True)
    # A login from before the log's memory has no event of its own: the newest is the one before.
    assert store.events.notice(mine, "ten").last_login.login == "two"  # type: ignore[union-attr]


def test_ones_own_slips_are_told_apart_from_what_others_tried(store: Parts) -> None:
    mine = new_id()

    def tell(kind: EventKind, at: int, client: str = "192.0.2.1", **more: str) -> None:
        store.events.add(Event(kind, at, account_id=mine, client=client, **more))

    tell(EventKind.LOGIN, AT, login="one")
    tell(EventKind.FIRST_FACTOR_DENIED, AT + 399)  # more than ten minutes before: not one of these slips
    tell(EventKind.SECOND_FACTOR_DENIED, AT + 400)
    tell(EventKind.FIRST_FACTOR_DENIED, AT + 999)
    tell(EventKind.SECOND_FACTOR_DENIED, AT + 999, "192.0.2.2")
    tell(EventKind.LOGIN, AT + 1000, login="two")
    tell(EventKind.SECOND_FACTOR_DENIED, AT + 1001)  # after it: somebody else, at the same address
    told = store.events.notice(mine, "two")
    assert (told.failed, told.own, told.past_password) == (5, 2, 2)


def test_events_go_by_age_and_those_of_strangers_by_number_too(store: Parts) -> None:
    for number in range(9):
        store.events.add(event(EventKind.FIRST_FACTOR_DENIED, at=AT + number))
        store.events.add(Event(EventKind.FIRST_FACTOR_DENIED, AT + number, account_id=new_id()))
        store.events.add(event(EventKind.SETUP_LINK, at=AT + number))
    store.events.purge(before=AT + 1, strangers_before=AT + 2, most_of_strangers=3)
    left = [found for _, found in store.events.list()]
    denied = [found for found in left if found.kind is EventKind.FIRST_FACTOR_DENIED]
    assert [found.at - AT for found in denied if found.account_id is None] == [6, 7, 8]
    assert [found.at - AT for found in denied if found.account_id] == list(range(1, 9))
    assert [found.at - AT for found in left if found.kind is EventKind.SETUP_LINK] == list(range(1, 9))
    store.events.purge(before=AT + 1, strangers_before=AT + 8, most_of_strangers=3)
    assert len(store.events.list()) == 17


def test_a_closed_counter_is_opened_again_and_no_other(store: Parts) -> None:
    rule = Throttle(free=2, first_delay=10, cap=30, limit=6)
    assert rule.reopened == 4
    closed, open_ = digest(), digest()
    for key, times in ((closed, 6), (open_, 5)):
        for number in range(times):
            assert store.throttles.charge(key, rule, at=AT + 30 * number) is None
    for key in (closed, open_, digest()):
        store.throttles.reopen(key, rule, at=AT + 1000)
    waits = [store.throttles.charge(key, rule, at=AT + 1000) for key in (closed, open_)]
    assert waits == [30, None]
    tries = [store.throttles.charge(closed, rule, at=AT + 2000 + 30 * n) for n in range(4)]
    assert tries == [None, None, 30, 30]


def test_of_too_many_counters_those_with_most_failures_stay(store: Parts) -> None:
    rule = Throttle(free=1000, first_delay=1, cap=9, limit=2)
    lasting = Throttle(free=1000, first_delay=1, cap=9, limit=1, memory=None)
    often, early, late, code = (digest() for _ in range(4))
    for key, at in ((often, AT), (often, AT), (early, AT + 1), (late, AT + 2)):
        assert store.throttles.charge(key, rule, at=at) is None
    assert store.throttles.charge(code, lasting, at=AT) is None
    store.throttles.bound(3)
    store.throttles.bound(2)
    assert store.throttles.charge(often, rule, at=AT + 3) == 9
    assert store.throttles.charge(code, lasting, at=AT + 3) == 9
    again = [store.throttles.charge(key, rule, at=AT + 3) for key in (early, early, late, late)]
    assert again == [None, None, None, 9]


def test_a_write_that_only_tries_leaves_nothing(sql: Store) -> None:
    for _ in range(2):
        sql.throttles.try_writing()
    with sql.database.read() as connection:
        assert connection.execute(select(throttle)).all() == []
