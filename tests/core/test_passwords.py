"""Passwords: what may be chosen, what is compared, and that argon2id is always and only argon2id."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from argon2 import PasswordHasher, Type, extract_parameters, profiles

from jupyter_totp_auth.core import passwords
from jupyter_totp_auth.core.passwords import CannotHash, Hasher
from tests.core.rig import CountingHasher


@pytest.fixture(scope="module")
def hasher() -> Hasher:
    return Hasher(profiles.CHEAPEST)


def objection(password: str, *, username: str = "alice") -> str | None:
    return passwords.objection(
        password,
        username=username,
        shortest=12,
        longest=1024,
        listed={"qwertyuiopasdf", "listed é password"}.__contains__,
    )


def normalise(typed: str) -> str | None:
    return passwords.normalise(typed, longest=1024)


# -- argon2id --------------------------------------------------------------------------------------


def test_the_profile_is_the_second_option_of_rfc_9106() -> None:
    profile = passwords.PROFILE
    assert (profile.type, profile.version) == (Type.ID, 19)
    assert (profile.time_cost, profile.memory_cost, profile.parallelism) == (3, 65536, 4)
    assert (profile.salt_len, profile.hash_len) == (16, 32)


def test_the_profile_is_what_a_hasher_takes_by_itself() -> None:
    assert Hasher.__init__.__defaults__ == (passwords.PROFILE,)


def test_the_hash_of_a_password_opens_with_that_password_alone(hasher: Hasher) -> None:
    phc = hasher.hash("orbit velvet")
    assert hasher.verify(phc, "orbit velvet")
    assert not hasher.verify(phc, "orbit velvet ")
    assert not hasher.verify(phc, "Orbit velvet")
    assert not hasher.verify(phc, "")


def test_a_hash_has_its_own_salt(hasher: Hasher) -> None:
    assert hasher.hash("orbit velvet") != hasher.hash("orbit velvet")


def test_a_hash_carries_the_parameters_of_the_hasher(hasher: Hasher) -> None:
    assert extract_parameters(hasher.hash("x")) == profiles.CHEAPEST


def test_with_no_hash_a_dummy_is_checked_and_nothing_opens() -> None:
    hasher = CountingHasher()
    assert not hasher.verify(None, "orbit velvet")
    assert hasher.argon2.verified == 1
    hasher.verify(hasher.hash("x"), "y")
    assert hasher.argon2.verified == 2


def test_what_computes_may_be_somewhere_else_and_nothing_is_computed_beside_it() -> None:
    computed = []

    def elsewhere(call: Callable[[], object]) -> object:
        computed.append(call)
        return call()

    hasher = Hasher(profiles.CHEAPEST, compute=elsewhere)
    phc = hasher.hash("orbit velvet")
    assert hasher.verify(phc, "orbit velvet")
    assert not hasher.verify(phc, "another one")
    assert not hasher.verify(None, "orbit velvet")
    assert len(computed) == 4


def test_a_hasher_is_made_without_computing_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_(*_: object) -> str:
        raise AssertionError("64 MiB and a tenth of the start")

    monkeypatch.setattr(PasswordHasher, "hash", hash_)
    assert not Hasher(profiles.CHEAPEST).verify(None, "orbit velvet")


def test_the_dummy_is_what_an_accounts_hash_is_but_for_a_password_that_has_it(hasher: Hasher) -> None:
    # Equal in all that decides how long a check takes (E09), and another in each process.
    assert extract_parameters(Hasher()._dummy) == passwords.PROFILE
    assert extract_parameters(hasher._dummy) == profiles.CHEAPEST
    assert hasher._dummy != Hasher(profiles.CHEAPEST)._dummy


@pytest.mark.parametrize(
    "phc",
    [
        "",
        "garbage",
        "sha1:salt:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1$$",
        "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$!!!!",
        "$2b$12$abcdefghijklmnopqrstuv",
        "plain:orbit velvet",
    ],
)
def test_what_is_no_hash_opens_nothing_and_breaks_nothing(hasher: Hasher, phc: str) -> None:
    assert not hasher.verify(phc, "orbit velvet")


def test_where_there_is_no_memory_to_hash_nothing_is_said_of_the_password(hasher: Hasher) -> None:
    two_terabytes = hasher.hash("orbit velvet").replace("m=8,", "m=2147483648,")
    with pytest.raises(CannotHash):
        hasher.verify(two_terabytes, "orbit velvet")
    with pytest.raises(CannotHash):
        Hasher(replace(profiles.CHEAPEST, memory_cost=2**31)).verify(None, "orbit velvet")
    with pytest.raises(CannotHash):
        Hasher(replace(profiles.CHEAPEST, memory_cost=2**31)).hash("orbit velvet")


def test_a_hash_of_other_parameters_still_opens_and_is_outdated(hasher: Hasher) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    phc = stronger.hash("orbit velvet")
    assert hasher.verify(phc, "orbit velvet")
    assert hasher.outdated(phc)
    assert not hasher.outdated(hasher.hash("orbit velvet"))


@pytest.mark.parametrize("kind", [Type.I, Type.D])
def test_the_weaker_argon2s_are_not_ours(kind: Type) -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=kind)
    assert not passwords.is_argon2id(weaker.hash("x"))


def test_argon2id_is_ours(hasher: Hasher) -> None:
    assert passwords.is_argon2id(hasher.hash("x"))


@pytest.mark.parametrize("phc", ["", "garbage", "$argon2i$m=8", "$argon2", " $argon2id$", "$2b$"])
def test_other_formats_are_not_ours(phc: str) -> None:
    assert not passwords.is_argon2id(phc)


# -- the one form that is hashed -------------------------------------------------------------------


def test_composed_and_decomposed_letters_are_one_password() -> None:
    assert normalise("cafe\u0301") == normalise("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize(
    ("one", "other"),
    [("\ufb01", "fi"), ("\uff21", "A"), ("x\u00b2", "x2"), ("a\u00a0b", "a b"), ("\u2460", "1")],
)
def test_compatibility_forms_are_other_passwords(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_nothing_is_trimmed_or_folded() -> None:
    assert normalise(" Orbit\tVelvet \n") == " Orbit\tVelvet \n"


@pytest.mark.parametrize("typed", ["", "\0", "abc\0def", "\ud800", "abc\udfffdef", "a" * 1025])
def test_what_no_account_can_have_is_nothing(typed: str) -> None:
    assert normalise(typed) is None


def test_the_longest_password_is_counted_before_and_after_composing() -> None:
    assert normalise("a" * 1024) == "a" * 1024
    # U+0958 is two characters in NFC (a composition exclusion).
    assert normalise("\u0958" * 512) == "\u0915\u093c" * 512
    assert normalise("\u0958" * 513) is None


def test_ten_megabytes_of_combining_marks_cost_nothing() -> None:
    begun = time.perf_counter()
    assert normalise("a" + "\u0301\u0316" * 5_000_000) is None
    assert time.perf_counter() - begun < 0.5


# -- what may be chosen ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "orbit velvet tundra kiosk",
        "alllowercaseletters",
        "904817365522",
        "Vq7#mL2x!rT9",
        "пароль для ночного неба",
        "🦊🐙🦉🦊🐙🦉🦊🐙🦉🐝🐝🐝",
        "a\u0301bcdefghijkl",
        "alice in the garden",
    ],
)
def test_no_rule_of_composition_stands_in_the_way(password: str) -> None:
    assert objection(password) is None


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "too short: at least 12"),
        ("orbitvelvet", "too short: at least 12"),
        ("🦊🐙🦉🐝", "too short"),
        ("orbitvelve\u0301t", "too short"),  # 12 typed, 11 composed
        ("orbit velvet \0 tundra", "NUL"),
        ("a" * 1025, "too long: at most 1024"),
        ("qwertyuiopasdf", "attackers try first"),
        ("listed e\u0301 password", "attackers try first"),
    ],
)
def test_a_refusal_says_why(password: str, words: str) -> None:
    text = objection(password)
    assert text is not None
    assert words in text


def test_the_limits_are_counted_in_code_points() -> None:
    assert objection("orbitvelvet1") is None
    assert objection("🦊🐙🦉🐝" * 3) is None
    assert objection("abcd" * 256) is None
    assert objection("abcd" * 256 + "a") is not None


def test_a_lone_surrogate_cannot_be_part_of_a_password() -> None:
    assert objection("orbit velvet \ud800 tundra") is not None


def test_a_password_of_one_to_three_letters_is_too_common() -> None:
    assert objection("abcabcabcabc") is not None
    assert objection("abcdabcdabcd") is None


@pytest.mark.parametrize(
    "password",
    [
        "alice.adams1",
        "Alice.Adams2024",
        "ALICE.ADAMS!!!!",
        "1smada.ecila",
        "alice.adamsalice.adams",
        "  alice.adams  ",
        "alice.adamsabc",
    ],
)
def test_a_password_that_is_little_more_than_the_name_is_refused(password: str) -> None:
    text = objection(password, username="alice.adams")
    assert text is not None
    assert "user name" in text


def test_a_passphrase_may_contain_the_name() -> None:
    assert objection("alice.adams walks", username="alice.adams") is None


def test_a_name_of_one_or_two_letters_says_nothing_about_a_password() -> None:
    assert objection("ab1234567890", username="ab") is None
    assert objection("abc123456789", username="abc") is not None
