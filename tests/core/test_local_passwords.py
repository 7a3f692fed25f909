"""An account's own password: one argon2 for every name, sealed to its account, made anew when outdated."""

from __future__ import annotations

from dataclasses import replace

import pytest
from argon2 import extract_parameters, profiles

from jupyter_totp_auth.core.local_passwords import LocalPasswords
from jupyter_totp_auth.core.model import Account
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.core.sealing import Purpose, SealBroken
from tests.core.rig import LISTED, OTHER_PASSWORD, PASSWORD, CountingHasher, Person, Rig

STRONGER = replace(profiles.CHEAPEST, time_cost=2)


def passwords_of(rig: Rig, hasher: Hasher, broken: list | None = None) -> LocalPasswords:
    def report(account: Account, error: SealBroken) -> None:
        assert broken is not None
        broken.append((account.username, str(error)))

    return LocalPasswords(
        accounts=rig.store.accounts,
        hasher=hasher,
        sealer=rig.sealer,
        policy=rig.policy,
        broken=None if broken is None else report,
    )


def put(rig: Rig, person: Person, sealed: bytes | None) -> Account:
    changed = replace(person.account, sealed_password=sealed)
    rig.store.rows.accounts[person.id] = changed
    return changed


def phc_of(rig: Rig, account: Account) -> str:
    assert account.sealed_password is not None
    sealed = account.sealed_password
    return rig.sealer.open(sealed, Purpose.PASSWORD_HASH, account=account.id, item=account.id).decode()


def test_the_right_password_is_right_and_no_other(rig: Rig, alice: Person) -> None:
    assert rig.passwords.is_right(alice.account, PASSWORD)
    for typed in (OTHER_PASSWORD, "", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1]):
        assert not rig.passwords.is_right(alice.account, typed)
    assert not rig.passwords.is_right(None, PASSWORD)


def test_composed_and_decomposed_are_one_password(rig: Rig) -> None:
    person = rig.person(password="caf\u00e9 au lait tundra")
    assert rig.passwords.is_right(person.account, "cafe\u0301 au lait tundra")
    assert not rig.passwords.is_right(person.account, "cafe au lait tundra")


def test_what_comes_before_a_nul_is_not_the_password(rig: Rig, alice: Person) -> None:
    assert not rig.passwords.is_right(alice.account, PASSWORD + "\0def")


def test_an_endless_password_is_not_cut_to_one_that_fits(rig: Rig) -> None:
    person = rig.person(password="abcd" * 256)
    assert rig.passwords.is_right(person.account, "abcd" * 256)
    assert not rig.passwords.is_right(person.account, "abcd" * 256 + "x")


def test_a_hash_of_the_empty_password_is_never_right(rig: Rig, alice: Person) -> None:
    # What cannot be a password is checked as the empty one, for the time it takes.
    account = put(rig, alice, rig.passwords.seal(alice.id, "\0"))
    for typed in ("", "\0", "\ud800", "x" * 2000):
        assert not rig.passwords.is_right(account, typed)


@pytest.mark.parametrize("who", ["alice", "nobody", "no password", "broken seal", "downgraded"])
def test_every_check_is_one_argon2(rig: Rig, alice: Person, who: str) -> None:
    account: Account | None = alice.account
    if who == "nobody":
        account = None
    elif who == "no password":
        account = put(rig, alice, None)
    elif who == "broken seal":
        account = put(rig, alice, b"garbage")
    elif who == "downgraded":
        account = put(rig, alice, sealed(rig, alice, f"sha1:{PASSWORD}"))
    for typed in (PASSWORD, OTHER_PASSWORD, "", "\0", "\ud800", "x" * 2000):
        computed = rig.hasher.argon2.verified
        assert rig.passwords.is_right(account, typed) is (who == "alice" and typed == PASSWORD)
        assert rig.hasher.argon2.verified == computed + 1


def sealed(rig: Rig, person: Person, phc: str) -> bytes:
    return rig.sealer.seal(phc.encode(), Purpose.PASSWORD_HASH, account=person.id, item=person.id)


@pytest.mark.parametrize(
    "phc",
    [
        "",
        f"plain:{PASSWORD}",
        "$argon2id$",
        "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$dGFn",
        "$2b$12$abcdefghijklmnopqrstuv",
        "é",
    ],
)
def test_a_hash_of_another_kind_opens_nothing(rig: Rig, alice: Person, phc: str) -> None:
    assert not rig.passwords.is_right(put(rig, alice, sealed(rig, alice, phc)), PASSWORD)


def test_a_weaker_hash_of_the_right_password_opens_nothing(rig: Rig, alice: Person) -> None:
    from argon2 import Type

    weaker = Hasher(replace(profiles.CHEAPEST, type=Type.I)).hash(PASSWORD)
    assert not rig.passwords.is_right(put(rig, alice, sealed(rig, alice, weaker)), PASSWORD)


def test_a_seal_that_is_broken_is_reported_where_somebody_listens(rig: Rig, alice: Person) -> None:
    broken: list = []
    account = put(rig, alice, b"garbage")
    assert not passwords_of(rig, rig.hasher, broken).is_right(account, PASSWORD)
    assert broken == [("alice", "password-hash: unknown format")]
    assert not passwords_of(rig, rig.hasher).is_right(account, PASSWORD)


def test_an_outdated_hash_is_made_anew_by_the_right_password_alone(rig: Rig, alice: Person) -> None:
    raised = passwords_of(rig, Hasher(STRONGER))
    before = alice.account
    assert not raised.is_right(before, OTHER_PASSWORD)
    assert alice.account == before
    assert raised.is_right(before, PASSWORD)
    after = alice.account
    assert extract_parameters(phc_of(rig, after)) == STRONGER
    assert replace(after, sealed_password=None) == replace(before, sealed_password=None), "no new epoch"
    assert raised.is_right(after, PASSWORD)
    assert alice.account == after, "once"


def test_the_time_of_a_rehash_does_not_say_that_the_password_was_right(rig: Rig, alice: Person) -> None:
    costs = []
    before = alice.account
    for typed in (OTHER_PASSWORD, "", "\0", PASSWORD):
        hasher = CountingHasher(STRONGER)
        passwords_of(rig, hasher).is_right(before, typed)
        costs.append((hasher.argon2.verified, hasher.argon2.hashed))
    assert costs == [(1, 1)] * 4


def test_a_rehash_never_undoes_a_password_set_meanwhile(
    rig: Rig, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = passwords_of(rig, Hasher(STRONGER))
    stale = alice.account
    rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator")
    assert raised.is_right(stale, PASSWORD)
    assert rig.passwords.is_right(alice.account, OTHER_PASSWORD)
    assert not rig.passwords.is_right(alice.account, PASSWORD)


def test_a_sealed_hash_shows_nothing_and_opens_only_for_its_account(rig: Rig, alice: Person) -> None:
    bob = rig.person("bob")
    own = rig.passwords.seal(alice.id, PASSWORD)
    assert b"argon2" not in own
    assert phc_of(rig, put(rig, alice, own)).startswith("$argon2id$v=19$")
    assert not rig.passwords.is_right(put(rig, bob, own), PASSWORD)


def test_the_rules_are_those_of_the_policy(rig: Rig) -> None:
    def objection(password: str, username: str = "alice") -> str:
        return rig.passwords.objection(password, username=username, listed=LISTED.__eq__) or ""

    assert objection(PASSWORD) == ""
    assert "at least 12" in objection("x" * 11)
    assert "at most 1024" in objection("x" * 1025)
    assert "attackers try first" in objection(LISTED)
    assert "user name" in objection("alicealice12")
