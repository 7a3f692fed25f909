"""What a typed code is: evidence of a step or a recovery code, or nothing, at one cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.codes import Codes, Match
from jupyter_totp_auth.core.model import Account, Claim
from jupyter_totp_auth.core.sealing import Purpose, SealBroken, Sealer
from tests.core.rig import START, Person, Rig

STEP = START // 30


@pytest.fixture
def broken() -> list[tuple[Account | None, SealBroken]]:
    return []


@pytest.fixture
def codes(rig: Rig, broken: list) -> Codes:
    return Codes(
        accounts=rig.store.accounts,
        sealer=rig.sealer,
        policy=rig.policy,
        broken=lambda account, error: broken.append((account, error)),
    )


def phone_id(rig: Rig, person: Person) -> str:
    (phone,) = rig.store.accounts.authenticators(person.id)
    return phone.id


def second_phone(rig: Rig, person: Person) -> bytes:
    secret = totp.new_secret()
    rig.store.rows.authenticators["second"] = rig.phone(person.id, "second", secret)
    return secret


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_is_a_claim_to_its_step_of_its_phone(
    rig: Rig, alice: Person, codes: Codes, steps: int
) -> None:
    match = codes.match(alice.account, alice.code(steps=steps), at=START)
    assert match == Match(Claim(phone_id(rig, alice), STEP + steps))


@pytest.mark.parametrize("typed", ["", "junk", "12345", "\ud800", "\u0660" * 6])
def test_what_is_no_code_comes_to_nothing(alice: Person, codes: Codes, typed: str) -> None:
    assert codes.match(alice.account, typed, at=START) == Match()


def test_a_wrong_code_comes_to_nothing(alice: Person, codes: Codes) -> None:
    assert codes.match(alice.account, alice.wrong_code(), at=START) == Match()


def test_a_spent_code_is_a_replay(rig: Rig, alice: Person, codes: Codes) -> None:
    phones = rig.store.rows.authenticators
    (phone,) = phones.values()
    phones[phone.id] = replace(phone, last_step=STEP)
    assert codes.match(alice.account, alice.code(), at=START) == Match(replayed=True)
    assert codes.match(alice.account, alice.code(steps=1), at=START).claim is not None


@pytest.mark.parametrize(("steps", "drift"), [(-10, -300), (-2, -60), (2, 60), (10, 300)])
def test_a_code_near_the_window_tells_how_far_off_the_clock_is(
    alice: Person, codes: Codes, steps: int, drift: int
) -> None:
    assert codes.match(alice.account, alice.code(steps=steps), at=START) == Match(drift=drift)


def test_a_code_of_either_phone_will_do(rig: Rig, alice: Person, codes: Codes) -> None:
    first, secret = phone_id(rig, alice), second_phone(rig, alice)
    assert codes.match(alice.account, totp.code(secret, STEP), at=START) == Match(Claim("second", STEP))
    assert codes.match(alice.account, alice.code(), at=START) == Match(Claim(first, STEP))


def test_a_replay_on_one_phone_is_told_though_another_is_there(rig: Rig, alice: Person, codes: Codes) -> None:
    phones = rig.store.rows.authenticators
    (phone,) = phones.values()
    phones[phone.id] = replace(phone, last_step=STEP)
    second_phone(rig, alice)
    assert codes.match(alice.account, alice.code(), at=START) == Match(replayed=True)


def test_a_recovery_code_is_a_claim_to_its_digest(rig: Rig, alice: Person, codes: Codes) -> None:
    match = codes.match(alice.account, alice.recovery_codes[0], at=START)
    assert match.claim is not None
    assert match.claim.step is None
    assert match.claim.recovery_digest is not None
    assert rig.store.rows.recovery_codes[match.claim.recovery_digest].account_id == alice.id


def test_a_recovery_code_from_before_a_rotation_of_the_key_is_found(
    rig: Rig, alice: Person, codes: Codes
) -> None:
    rotated = rig.sealer._keyring().rotated()
    after = Codes(
        accounts=rig.store.accounts,
        sealer=Sealer(lambda: rotated, "instance", mac_root=rig.sealer._mac_root),
        policy=rig.policy,
        broken=lambda *_: pytest.fail("broken"),
    )
    match = after.match(alice.account, alice.recovery_codes[0], at=START)
    assert match.claim is not None
    assert match.claim.recovery_digest in rig.store.rows.recovery_codes
    assert after.match(alice.account, alice.code(), at=START).claim is not None


def test_for_nobody_every_code_comes_to_nothing(rig: Rig, alice: Person, codes: Codes) -> None:
    decoy = totp.code(bytes(20), STEP)
    for typed in (alice.code(), alice.recovery_codes[0], decoy, totp.code(bytes(20), STEP + 3), ""):
        assert codes.match(None, typed, at=START) == Match()


def test_for_an_account_without_a_phone_the_decoys_own_code_opens_nothing(
    rig: Rig, alice: Person, codes: Codes
) -> None:
    rig.store.rows.authenticators.clear()
    assert codes.match(alice.account, totp.code(bytes(20), STEP), at=START) == Match()


@pytest.mark.parametrize("typed", ["123456", "0000-0000-0000-0000-0000-0000", "junk"])
def test_for_nobody_as_much_is_computed_as_for_somebody(
    rig: Rig, alice: Person, codes: Codes, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[object] = []
    compute, mac = totp.code, rig.sealer.mac
    monkeypatch.setattr(totp, "code", lambda *args: (computed.append(args[1]), compute(*args))[1])
    monkeypatch.setattr(rig.sealer, "mac", lambda *args: (computed.append(args[0]), mac(*args))[1])
    costs = []
    for account in (alice.account, None):
        computed.clear()
        codes.match(account, typed, at=START)
        costs.append(list(computed))
    assert costs[0] == costs[1] != []


def test_a_phone_whose_seal_is_broken_is_reported_and_the_other_still_opens(
    rig: Rig, alice: Person, codes: Codes, broken: list
) -> None:
    phones = rig.store.rows.authenticators
    (phone,) = phones.values()
    phones[phone.id] = replace(phone, sealed_secret=b"garbage")
    secret = second_phone(rig, alice)
    assert codes.match(alice.account, alice.code(), at=START) == Match()
    assert codes.match(alice.account, totp.code(secret, STEP), at=START).claim is not None
    account, error = broken[0]
    assert account == alice.account
    assert str(error) == "totp-secret: unknown format"


def test_the_sealed_secret_of_somebody_else_opens_nothing(
    rig: Rig, alice: Person, codes: Codes, broken: list
) -> None:
    bob = rig.person("bob")
    (alices,) = rig.store.accounts.authenticators(alice.id)
    (bobs,) = rig.store.accounts.authenticators(bob.id)
    rig.store.rows.authenticators[alices.id] = replace(alices, sealed_secret=bobs.sealed_secret)
    assert codes.match(alice.account, bob.code(), at=START) == Match()
    assert [error.args[0] for _, error in broken] == ["totp-secret: altered, or moved from its place"]


def test_the_secret_of_another_purpose_opens_nothing(rig: Rig, alice: Person, codes: Codes) -> None:
    phones = rig.store.rows.authenticators
    (phone,) = phones.values()
    sealed = rig.sealer.seal(alice.secret, Purpose.PASSWORD_HASH, account=alice.id, item=phone.id)
    phones[phone.id] = replace(phone, sealed_secret=sealed)
    assert codes.match(alice.account, alice.code(), at=START) == Match()
