"""One thing, many hands: exactly one wins, the others hear a plain no, and nothing else is raised.

With threads and with processes, on each database (C04, C05, K01, K13, O02, X9).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.store import Store
from tests.store import acts
from tests.store.crowd import Crowd, Job, Processes, Threads
from tests.store.makers import (
    AT,
    Parts,
    Person,
    account,
    added,
    browser_of,
    code_for,
    complete,
    digest,
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

PROCESSES = 4
THREADS = 8
ROUNDS = 20
FEWER = 8


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    crowd = Processes(PROCESSES)
    yield crowd
    crowd.close()


@pytest.fixture(params=["threads", "processes"])
def crowd(request: pytest.FixtureRequest, sql: Store) -> Iterator[Crowd]:
    """The hands, at the same database as ``sql``."""
    if request.param == "processes":
        known: Processes = request.getfixturevalue("processes")
        yield known.at(sql.database.url.render_as_string(hide_password=False))
        return
    threads = Threads(sql, THREADS)
    yield threads
    threads.close()


def one_wins(answers: list[Any]) -> bool:
    return sorted(answers) == [False] * (len(answers) - 1) + [True]


# -- one winner ----------------------------------------------------------------------------------------


def test_one_time_step_opens_one_login(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    for number in range(1, ROUNDS + 1):
        sessions = [session_of(ada.account) for _ in range(crowd.size)]
        jobs: list[Job] = [
            (acts.log_in, (pended(sql, ada.account), ada.step(number), session)) for session in sessions
        ]
        answers = crowd.at_once(jobs)
        assert one_wins(answers)
        found = sql.logins.find_many([session.digest for session in sessions], at=AT)
        assert list(found) == [sessions[answers.index(True)].digest]


def test_one_recovery_code_opens_one_login(sql: Store, crowd: Crowd) -> None:
    for _ in range(ROUNDS // 10):
        ada = enrolled(sql)
        for number in range(10):
            claim = ada.recovery_code(number)
            jobs: list[Job] = [
                (acts.log_in, (pended(sql, ada.account), claim, session_of(ada.account)))
                for _ in range(crowd.size)
            ]
            assert one_wins(crowd.at_once(jobs))
            assert sql.accounts.recovery_codes_left(ada.account.id) == 9 - number
        assert len(sql.logins.of_account(ada.account.id, at=AT)) == 10


def test_one_pending_login_opens_one_login_whatever_is_claimed(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    for number in range(ROUNDS):
        half = pended(sql, ada.account)
        first = 1 + number * crowd.size
        jobs: list[Job] = [
            (acts.log_in, (half, ada.step(first + hand), session_of(ada.account)))
            for hand in range(crowd.size)
        ]
        assert one_wins(crowd.at_once(jobs))
        assert len(sql.logins.of_account(ada.account.id, at=AT)) == number + 1


def test_one_enrollment_code_binds_one_phone(sql: Store, crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        ada, code = added(sql)
        begun, whole = started(sql, code), replace(ada, enrolled=True, epoch=1)
        jobs: list[Job] = [(acts.enroll, (begun, whole, session_of(whole))) for _ in range(crowd.size)]
        assert one_wins(crowd.at_once(jobs))
        assert len(sql.accounts.authenticators(ada.id)) == 1
        assert sql.accounts.recovery_codes_left(ada.id) == 10
        assert len(sql.logins.of_account(ada.id, at=AT)) == 1


def test_one_set_up_code_makes_one_account(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        code = code_for(None)
        sql.enrollments.put_code(code, event(EventKind.SETUP_LINK))
        begun = started(sql, code)
        firsts = [first_account(begun, f"first{hand}") for hand in range(crowd.size)]
        jobs: list[Job] = [(acts.enroll, (begun, first, session_of(first))) for first in firsts]
        assert one_wins(crowd.at_once(jobs))
        (only,) = sql.accounts.all()
        sql.accounts.delete(only.id, event())


def test_one_name_is_given_to_one_account(sql: Store, crowd: Crowd) -> None:
    for number in range(ROUNDS):
        twins = [account(f"ada{number}") for _ in range(crowd.size)]
        jobs: list[Job] = [(acts.add, (twin, code_for(twin.id))) for twin in twins]
        answers = crowd.at_once(jobs)
        assert one_wins(answers)
        assert sql.accounts.by_name(f"ada{number}") == twins[answers.index(True)]


def test_one_login_is_ended_once(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    for _ in range(FEWER):
        login = logged_in(sql, ada)
        assert one_wins(crowd.at_once([(acts.end, (ada.account.id, login.id))] * crowd.size))


def test_one_hash_is_replaced_once(sql: Store, crowd: Crowd) -> None:
    ada, _ = added(sql)
    old = ada.sealed_password or b""
    for number in range(FEWER):
        fresh = [bytes([number, hand]) for hand in range(crowd.size)]
        answers = crowd.at_once([(acts.rehash, (ada.id, old, new)) for new in fresh])
        assert one_wins(answers)
        old = fresh[answers.index(True)]


def test_one_account_is_deleted_once(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        ada = enrolled(sql)
        logged_in(sql, ada)
        assert one_wins(crowd.at_once([(acts.delete, (ada.account.id,))] * crowd.size))


# -- counting ------------------------------------------------------------------------------------------


def test_charges_never_outrun_their_limit_and_none_is_refused_too_early(sql: Store, crowd: Crowd) -> None:
    each = 64 // crowd.size
    for _ in range(FEWER):
        key = digest()
        granted = crowd.at_once([(acts.charge, (key, each))] * crowd.size)
        assert sum(granted) == acts.PATIENT.limit


def test_tries_never_outrun_their_number(sql: Store, crowd: Crowd) -> None:
    ada, code = added(sql)
    for _ in range(FEWER):
        half, begun = pended(sql, ada), started(sql, code)
        assert sum(crowd.at_once([(acts.spend_tries, (half.digest, 3))] * crowd.size)) == 5
        jobs: list[Job] = [(acts.spend_enrollment_tries, (begun.digest, 3))] * crowd.size
        assert sum(crowd.at_once(jobs)) == 5


def test_every_event_is_written_and_numbered_once(sql: Store, crowd: Crowd) -> None:
    texts = [f"{number}" for number in range(FEWER * crowd.size)]
    for start in range(0, len(texts), crowd.size):
        crowd.at_once([(acts.tell, (text,)) for text in texts[start : start + crowd.size]])
    written = sql.events.list()
    assert Counter(entry.detail for _, entry in written) == Counter(texts)
    assert len({number for number, _ in written}) == len(texts)


# -- two things that must not pass each other ----------------------------------------------------------


def mixed(crowd: Crowd, first: Job, others: list[Job]) -> list[Any]:
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
def test_no_login_slips_past_an_act_that_ends_them(sql: Store, crowd: Crowd, act: acts.Act) -> None:
    for _ in range(FEWER):
        ada = enrolled(sql)
        whole = logins_of(sql, ada, crowd.size - 1, first_step=1)
        assert mixed(crowd, (act, (ada.account.id,)), whole)[0] is True
        assert sql.logins.of_account(ada.account.id, at=AT) == []


def test_no_login_with_the_old_phone_slips_past_a_new_one(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        ada = enrolled(sql)
        code = code_for(ada.account.id)
        sql.enrollments.put_code(code, event())
        now = replace(ada.account, epoch=ada.account.epoch + 1)
        fresh = session_of(now)
        whole = logins_of(sql, ada, crowd.size - 1, first_step=1)
        assert mixed(crowd, (acts.enroll, (started(sql, code), now, fresh)), whole)[0] is True
        assert sql.logins.of_account(now.id, at=AT) == [fresh]


def test_of_two_set_up_links_the_later_is_the_only_one(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        codes = [code_for(None) for _ in range(crowd.size)]
        assert all(crowd.at_once([(acts.offer, (code,)) for code in codes]))
        assert sum(sql.enrollments.code(code.digest, at=AT) is not None for code in codes) == 1


def test_of_two_beginnings_with_one_code_the_later_stands(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        _, code = added(sql)
        for _ in range(2):  # the second time there is one to be voided
            tries = [enrollment_with(code) for _ in range(crowd.size)]
            assert all(crowd.at_once([(acts.begin, (begun,)) for begun in tries]))
            assert sum(sql.enrollments.find(begun.digest, at=AT) is not None for begun in tries) == 1


def test_a_voided_beginning_is_not_completed(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        ada, code = added(sql)
        begun, again = started(sql, code), enrollment_with(code)
        whole = replace(ada, enrolled=True, epoch=1)
        jobs: list[Job] = [(acts.begin, (again,))]
        answers = mixed(crowd, (acts.enroll, (begun, whole, session_of(whole))), jobs)[:2]
        # Either it was completed, and nothing begins any more; or it was voided, and the new one stands.
        assert answers in ([True, False], [False, True])
        assert (sql.enrollments.find(again.digest, at=AT) is not None) is answers[1]


def test_a_pending_login_is_kept_while_its_account_goes(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        ada = enrolled(sql)
        halves: list[Job] = [(acts.pend, (pending_of(ada.account),)) for _ in range(crowd.size)]
        assert all(mixed(crowd, (acts.delete, (ada.account.id,)), halves))


# -- much at once, in whatever order locks are taken ---------------------------------------------------


def test_seen_times_in_any_order_and_ends_do_not_stop_each_other(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    digests = [logged_in(sql, ada).digest for _ in range(12)]
    for number in range(FEWER):
        order = digests if number % 2 else digests[::-1]
        others: list[Job] = [(acts.touch, (order,)), (acts.touch, (order[::-1],))]
        mixed(crowd, (acts.end_all, (ada.account.id,)), others)


def test_unlocking_charging_and_logging_in_do_not_stop_each_other(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    for number in range(FEWER):
        half = pended(sql, ada.account)
        for key in (half.throttle_key, b"r" * 32):
            sql.throttles.charge(key, acts.PATIENT, at=AT, account_id=ada.account.id)
        others: list[Job] = [
            (acts.log_in, (half, ada.step(number + 1), session_of(ada.account))),
            (acts.charge_whole, (half.throttle_key, ada.account.id, 3)),
            (acts.charge_whole, (b"r" * 32, ada.account.id, 3)),
        ]
        mixed(crowd, (acts.unlock, (ada.account.id,)), others)


def test_purging_and_everything_else_do_not_stop_each_other(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    for number in range(FEWER):
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


def test_administration_and_logins_of_one_account_do_not_stop_each_other(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
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


def test_completing_two_enrollments_at_once_is_no_race(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        jobs: list[Job] = []
        setup = code_for(None)
        sql.enrollments.put_code(setup, event())
        for _ in range(crowd.size):
            ada, code = added(sql)
            begun, whole = started(sql, code), replace(ada, enrolled=True, epoch=1)
            jobs.append((acts.enroll, (begun, whole, session_of(whole))))
        assert all(crowd.at_once(jobs))
        assert sql.enrollments.code(setup.digest, at=AT) is None


def test_a_set_up_and_an_enrollment_at_once_leave_no_way_to_set_up_again(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
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
