"""Which counter a try is charged to; what the counters then do is in ``test_login_throttles``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_totp_auth.core.charges import Charges
from jupyter_totp_auth.core.model import KnownBrowserRow, PendingLogin
from tests.core.rig import Person, Rig


@pytest.fixture
def charges(rig: Rig) -> Charges:
    return Charges(throttles=rig.store.throttles, sealer=rig.sealer, policy=rig.policy)


def pending_of(alice: Person, *, right: bool = True, known: bool = False) -> PendingLogin:
    return PendingLogin(b"d" * 32, alice.id, right, alice.account.epoch, known, 0, 5, b"k" * 32)


def test_a_known_browser_has_a_password_counter_of_its_own(rig: Rig, alice: Person, charges: Charges) -> None:
    at, account = rig.clock.now, alice.account
    browsers = [KnownBrowserRow(bytes([n]) * 32, alice.id, account.epoch, at + 1) for n in (1, 2)]
    keys = {charges.password("alice", account, known, at=at)[0] for known in (*browsers, None)}
    assert len(keys) == 3


def test_codes_are_charged_to_the_account_only_behind_the_right_password(
    rig: Rig, alice: Person, charges: Charges
) -> None:
    at, counters = rig.clock.now, rig.store.rows.counters
    right, _ = charges.code(pending_of(alice), at=at)
    known, _ = charges.code(pending_of(alice, known=True), at=at)
    decoy, _ = charges.code(pending_of(alice, right=False), at=at)
    nobodys, _ = charges.code(replace(pending_of(alice), account_id=None), at=at)
    assert decoy == nobodys
    assert len({right, known, decoy}) == 3
    assert counters[right].forget_at is None, "not with time"
    assert counters[decoy].forget_at == at + 86_400, "every name that is typed makes one"


def test_a_login_gives_back_its_own_charges(alice: Person, charges: Charges) -> None:
    pending, key = replace(pending_of(alice), charges=(100, 399, 400, 1000)), b"c" * 32
    assert charges.refunds(pending, key, at=1000) == [(b"k" * 32, 1), (key, 3)]
    assert charges.refunds(replace(pending, known_browser=True), key, at=1000) == [
        (b"k" * 32, 10),
        (key, 100),
    ]
