"""Two things at once that must not pass each other, or wait for each other for ever.

With processes, on PostgreSQL, MariaDB and SQLite: an end and a login, a new set-up link and the one before,
and whatever takes the same locks in another order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jupyter_totp_auth.store import Store
from tests.store import acts
from tests.store.crowd import Job, Processes
from tests.store.makers import (
    AT,
    Parts,
    Person,
    added,
    browser_of,
    code_for,
    complete,
    enrolled,
    enrollment_with,
    event,
    first_account,
    logged_in,
    pended,
    pending_of,
    session_of,
    started,
)

pytestmark = pytest.mark.race

ROUNDS = 6


@pytest.fixture
def crowd(processes: Processes, sql: Store) -> Processes:
    """Processes at the same database as ``sql``."""
    return processes.at(sql)


# -- two things that must not pass each other ----------------------------------------------------------


def mixed(crowd: Processes, first: Job, others: list[Job]) -> list[Any]:
    """``first`` by one hand, ``others`` by the rest."""
    rest = crowd.size - 1
    return crowd.at_once([first, *(others * rest)[:rest]])


def logins_of(store: Parts, ada: Person, count: int, first_step: int) -> list[Job]:
    """So many hands that log in, each with a pending login and a step of its own."""
    return [
        (acts.log_in, (pended(store, ada.account), ada.step(first_step + n), session_of(ada.account)))
        for n in range(count)
    ]


@pytest.mark.parametrize("act", [acts.disable, acts.change_password, acts.reset, acts.delete])
def test_no_login_slips_past_an_act_that_ends_them(sql: Store, crowd: Processes, act: acts.Act) -> None:
    for _ in range(ROUNDS):
        ada = enrolled(sql)
        whole = logins_of(sql, ada, crowd.size - 1, first_step=1)
        assert mixed(crowd, (act, (ada.account.id,)), whole)[0] is True
        assert sql.logins.of_account(ada.account.id, at=AT) == []


def test_no_login_with_the_old_phone_slips_past_a_new_one(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        ada = enrolled(sql)
        code = code_for(ada.account.id)
        sql.enrollments.put_code(code, event())
        now = replace(ada.account, epoch=ada.account.epoch + 1)
        fresh = session_of(now)
        whole = logins_of(sql, ada, crowd.size - 1, first_step=1)
        assert mixed(crowd, (acts.enroll, (started(sql, code), now, fresh)), whole)[0] is True
        assert sql.logins.of_account(now.id, at=AT) == [fresh]


def test_of_two_set_up_links_the_later_is_the_only_one(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        codes = [code_for(None) for _ in range(crowd.size)]
        assert all(crowd.at_once([(acts.offer, (code,)) for code in codes]))
        assert sum(sql.enrollments.code(code.digest, at=AT) is not None for code in codes) == 1


def test_of_two_beginnings_with_one_code_the_later_stands(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        _, code = added(sql)
        for _ in range(2):  # the second time there is one to be voided
            tries = [enrollment_with(code) for _ in range(crowd.size)]
            assert all(crowd.at_once([(acts.begin, (begun,)) for begun in tries]))
            assert sum(sql.enrollments.find(begun.digest, at=AT) is not None for begun in tries) == 1


def test_a_voided_beginning_is_not_completed(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        ada, code = added(sql)
        begun, again = started(sql, code), enrollment_with(code)
        whole = replace(ada, enrolled=True, epoch=1)
        jobs: list[Job] = [(acts.begin, (again,))]
        answers = mixed(crowd, (acts.enroll, (begun, whole, session_of(whole))), jobs)[:2]
        # Either it was completed, and nothing begins any more; or it was voided, and the new one stands.
        assert answers in ([True, False], [False, True])
        assert (sql.enrollments.find(again.digest, at=AT) is not None) is answers[1]


def test_a_pending_login_is_kept_while_its_account_goes(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        ada = enrolled(sql)
        halves: list[Job] = [(acts.pend, (pending_of(ada.account),)) for _ in range(crowd.size)]
        assert all(mixed(crowd, (acts.delete, (ada.account.id,)), halves))


# -- much at once, in whatever order locks are taken ---------------------------------------------------


def test_seen_times_in_any_order_and_ends_do_not_stop_each_other(sql: Store, crowd: Processes) -> None:
    ada = enrolled(sql)
    digests = [logged_in(sql, ada).digest for _ in range(12)]
    for number in range(ROUNDS):
        order = digests if number % 2 else digests[::-1]
        others: list[Job] = [(acts.touch, (order,)), (acts.touch, (order[::-1],))]
        mixed(crowd, (acts.end_all, (ada.account.id,)), others)


def test_unlocking_charging_and_logging_in_do_not_stop_each_other(sql: Store, crowd: Processes) -> None:
    ada = enrolled(sql)
    for number in range(ROUNDS):
        half = pended(sql, ada.account)
        for key in (half.throttle_key, b"r" * 32):
            sql.throttles.charge(key, acts.PATIENT, at=AT, account_id=ada.account.id)
        others: list[Job] = [
            (acts.log_in, (half, ada.step(number + 1), session_of(ada.account))),
            (acts.charge_whole, (half.throttle_key, ada.account.id, 3)),
            (acts.charge_whole, (b"r" * 32, ada.account.id, 3)),
        ]
        mixed(crowd, (acts.unlock, (ada.account.id,)), others)


def test_purging_and_everything_else_do_not_stop_each_other(sql: Store, crowd: Processes) -> None:
    ada = enrolled(sql)
    for number in range(ROUNDS):
        for _ in range(3):
            pended(sql, ada.account)
        bob, code = added(sql)
        begun, whole = started(sql, code), replace(bob, enrolled=True, epoch=1)
        others: list[Job] = [
            (acts.purge, ()),
            (acts.enroll, (begun, whole, session_of(whole))),
            (acts.log_in, (pended(sql, ada.account), ada.step(number + 1), session_of(ada.account))),
        ]
        mixed(crowd, (acts.purge, ()), others)


def test_administration_and_logins_do_not_stop_each_other(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        ada = enrolled(sql)
        known = browser_of(ada.account)
        login = session_of(ada.account)
        half = pended(sql, ada.account)
        assert sql.logins.grant(half, ada.step(), login, known, [], [])
        who = ada.account.id
        others: list[Job] = [
            (acts.reset, (who,)),
            (acts.log_in, (pended(sql, ada.account), ada.step(2), session_of(ada.account))),
            (acts.end_all, (who,)),
            (acts.unlock, (who,)),
        ]
        mixed(crowd, (acts.change_password, (who,)), others)
        assert sql.logins.of_account(who, at=AT) == []


def test_completing_two_enrollments_at_once_is_no_race(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        jobs: list[Job] = []
        setup = code_for(None)
        sql.enrollments.put_code(setup, event())
        for _ in range(crowd.size):
            ada, code = added(sql)
            begun, whole = started(sql, code), replace(ada, enrolled=True, epoch=1)
            jobs.append((acts.enroll, (begun, whole, session_of(whole))))
        assert all(crowd.at_once(jobs))
        assert sql.enrollments.code(setup.digest, at=AT) is None


def test_a_set_up_and_an_enrollment_leave_no_way_to_set_up_again(sql: Store, crowd: Processes) -> None:
    for _ in range(ROUNDS):
        for person in sql.accounts.all():
            sql.accounts.delete(person.id, event())
        setup = code_for(None)
        sql.enrollments.put_code(setup, event())
        begun = started(sql, setup)
        first = first_account(begun)
        ada, code = added(sql)
        hers, whole = started(sql, code), replace(ada, enrolled=True, epoch=1)
        others: list[Job] = [(acts.enroll, (hers, whole, session_of(whole))), (acts.nap, (0,))]
        mixed(crowd, (acts.enroll, (begun, first, session_of(first))), others)
        assert sql.accounts.any_enrolled()
        assert sql.enrollments.code(setup.digest, at=AT) is None
        late = started_if_possible(sql)
        assert complete(sql, late, first_account(late, "late")) is False


def started_if_possible(store: Parts) -> Any:
    code = code_for(None)
    store.enrollments.put_code(code, event())
    return started(store, code)
