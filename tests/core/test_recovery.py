"""Recovery codes: 120 bits, and every way a person may copy them from paper."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_totp_auth.core import recovery

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE = "0123456789ABCDEFGHJKMNPQ"
SHOWN = "0123-4567-89AB-CDEF-GHJK-MNPQ"


def test_a_code_has_120_bits_in_six_groups_of_four() -> None:
    codes = recovery.new_codes(10)
    assert len(set(codes)) == 10
    group = f"[{ALPHABET}]{{4}}"
    assert all(re.fullmatch(rf"{group}(-{group}){{5}}", code) for code in codes)
    assert 24 * math.log2(len(ALPHABET)) == 120


def test_every_letter_of_the_alphabet_is_drawn() -> None:
    drawn = "".join(recovery.new_codes(100)).replace("-", "")
    assert set(drawn) == set(ALPHABET)


def test_a_code_is_shown_in_groups() -> None:
    assert recovery.show(CODE) == SHOWN


@given(st.text(ALPHABET, min_size=24, max_size=24))
@settings(max_examples=50, deadline=None, database=None)
def test_what_is_shown_can_be_read(code: str) -> None:
    assert recovery.read(recovery.show(code)) == code


BLANKS = st.text(" -\t\r\n", max_size=2)
SPELLINGS = {letter: letter + letter.lower() for letter in ALPHABET} | {"0": "0oO", "1": "1iIlL"}


@given(st.lists(st.tuples(st.sampled_from(ALPHABET), st.integers(0, 4), BLANKS), min_size=24, max_size=24))
@settings(max_examples=30, deadline=None, database=None)
def test_case_and_blanks_and_hyphens_and_misread_letters_do_not_count(drawn: list) -> None:
    typed = "".join(
        blanks + SPELLINGS[letter][choice % len(SPELLINGS[letter])] for letter, choice, blanks in drawn
    )
    assert recovery.read(typed) == "".join(letter for letter, _, _ in drawn)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        CODE[:-1],
        CODE + "R",
        CODE[:-1] + "U",
        CODE[:-1] + "*",
        CODE[:-1] + "_",
        CODE[:-1] + "\0",
        CODE + "\u00a0",
        CODE + "\u200b",
        CODE[:-1] + "Ｑ",  # noqa: RUF001 - full-width
        CODE[:-1] + "\u0131",  # upper() makes an I of the dotless i
        CODE[:-1] + "\ufb06",  # upper() makes ST of the ligature
        CODE[:-1] + "\u2013",  # en dash
        "\ud800" + CODE,
    ],
)
def test_nothing_else_is_a_recovery_code(typed: str) -> None:
    assert recovery.read(typed) is None


def test_six_digits_are_no_recovery_code() -> None:
    assert recovery.read("123456") is None
