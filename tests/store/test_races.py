"""One thing, many hands: exactly one wins, the others hear a plain no, and nothing else is raised.

With threads and with processes, on each database (C04, C05, K01, K13, O02, Q02, X9).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.store import Store
from tests.store import acts
from tests.store.crowd import Crowd, Job, Processes, Threads
from tests.store.makers import (
    AT,
    account,
    added,
    code_for,
    digest,
    enrolled,
    event,
    first_account,
    logged_in,
    pended,
    session_of,
    started,
)
from tests.store.test_factors import added as confirmed
from tests.store.test_factors import offered, phone_from

pytestmark = pytest.mark.race

THREADS = 6
ROUNDS = 12
FEWER = 4


@pytest.fixture(params=["threads", "processes"])
def crowd(request: pytest.FixtureRequest, sql: Store) -> Iterator[Crowd]:
    """The hands, at the same database as ``sql``."""
    if request.param == "processes":
        processes: Processes = request.getfixturevalue("processes")
        yield processes.at(sql)
        return
    threads = Threads(sql, THREADS)
    yield threads
    threads.close()


def one_wins(answers: list[Any]) -> bool:
    return sorted(answers) == [False] * (len(answers) - 1) + [True]


# -- one winner ----------------------------------------------------------------------------------------


def test_a_probe_is_used_once(sql: Store, crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        probe = digest()
        sql.probes.add(probe, at=AT, expires_at=AT + 60)
        assert one_wins(crowd.at_once([(acts.use_probe, (probe,))] * crowd.size))


def test_one_time_step_opens_one_login(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    for number in range(1, ROUNDS + 1):
        sessions = [session_of(ada.account) for _ in range(crowd.size)]
        jobs: list[Job] = [
            (acts.log_in, (pended(sql, ada.account), ada.step(number), session)) for session in sessions
        ]
        answers = crowd.at_once(jobs)
        assert one_wins(answers)
        found = sql.logins.find_many([session.id for session in sessions], at=AT)
        assert list(found) == [sessions[answers.index(True)].id]


def test_one_recovery_code_opens_one_login(sql: Store, crowd: Crowd) -> None:
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


def test_one_half_done_phone_is_confirmed_once(sql: Store, crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        ada = enrolled(sql)
        logins = [logged_in(sql, ada) for _ in range(crowd.size)]
        new = offered(sql, logins[0])
        jobs: list[Job] = [(acts.confirm, (phone_from(new), login)) for login in logins]
        assert one_wins(crowd.at_once(jobs))
        assert len(sql.accounts.authenticators(ada.account.id)) == 2


def test_one_phone_stays_however_many_are_removed_at_once(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        ada = enrolled(sql)
        login = logged_in(sql, ada)
        news = [confirmed(sql, login).id for _ in range(2)]
        ids = [ada.phone.id, *news]
        jobs: list[Job] = [(acts.remove_phone, (ids[hand % 3], login)) for hand in range(crowd.size)]
        assert sum(crowd.at_once(jobs)) == 2
        assert len(sql.accounts.authenticators(ada.account.id)) == 1


def test_recovery_codes_are_always_ten(sql: Store, crowd: Crowd) -> None:
    ada = enrolled(sql)
    login = logged_in(sql, ada)
    for _ in range(FEWER):
        sets = [[digest() for _ in range(10)] for _ in range(crowd.size)]
        assert all(crowd.at_once([(acts.renew_recovery_codes, (codes, login)) for codes in sets]))
        assert sql.accounts.recovery_codes_left(ada.account.id) == 10


def test_of_administrators_that_demote_each_other_one_stays(sql: Store, crowd: Crowd) -> None:
    for _ in range(FEWER):
        admins = [enrolled(sql, role=Role.ADMIN) for _ in range(crowd.size)]
        assert sum(crowd.at_once([(acts.demote, (one.account.id,)) for one in admins])) == crowd.size - 1
        for one in admins:
            sql.accounts.delete(one.account.id, event())


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(1000, marks=pytest.mark.soak)])
def test_one_name_is_given_to_one_account(sql: Store, crowd: Crowd, rounds: int) -> None:
    for number in range(rounds):
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


def test_sixty_four_charges_at_once_fill_the_limit_exactly(sql: Store) -> None:
    threads = Threads(sql, 64)  # four times as many as there are connections
    key = digest()
    granted = threads.at_once([(acts.charge, (key, 1))] * 64)
    threads.close()
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
