"""User names: the one spelling that is stored, and what the form makes of the others."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_totp_auth.core import names

BLANKS = " \t\r\n\f\v"


@pytest.mark.parametrize(
    "text", ["a", "0", "alice", "a.b", "a-b_c.d", "1e3", "true", "null", "a-", "a_", "a" * 64]
)
def test_a_name_is_ascii_letters_digits_dot_dash_and_underscore(text: str) -> None:
    assert names.is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".a",
        "-a",
        "_a",
        "a.",
        "a" * 65,
        "Alice",
        "a b",
        " a",
        "a\n",
        "a\0",
        "a/b",
        "a@b",
        "a\u200d",  # zero-width joiner
        "a\u202eb",  # right-to-left override
        "\u0430lice",  # Cyrillic a
        "\u03bfscar",  # Greek omicron
        "é",
        "ａlice",  # noqa: RUF001 - full-width
        "\u0661",  # a digit for str.isdigit
    ],
)
def test_nothing_else_is_a_name(text: str) -> None:
    assert not names.is_name(text)


@pytest.mark.parametrize(
    "typed", ["alice", "Alice", "ALICE", " alice", "alice ", "\talice\r\n", "\v\f aLiCe"]
)
def test_case_and_outer_blanks_do_not_count(typed: str) -> None:
    assert names.fold(typed) == "alice"


@pytest.mark.parametrize(
    ("typed", "other"),
    [
        ("\u212a", "k"),  # Kelvin sign: lower() is k
        ("\u0130", "i"),  # capital I with dot
        ("\u0131", "i"),  # dotless i
        ("\u017f", "s"),  # long s
        ("ß", "ss"),
        ("ａlice", "alice"),  # noqa: RUF001 - full-width
        ("alice\u00a0", "alice"),
        ("alice\u200b", "alice"),
        ("al ice", "alice"),
        ("ALICE\u0301", "alice"),
    ],
)
def test_no_other_spelling_reaches_somebody_elses_name(typed: str, other: str) -> None:
    assert names.fold(typed) != other
    assert not names.is_name(names.fold(typed))


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None, database=None)
def test_folding_twice_is_folding_once(typed: str) -> None:
    assert names.fold(names.fold(typed)) == names.fold(typed)


@given(
    st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True),
    st.integers(0, 2**64),
    st.text(BLANKS, max_size=2),
)
@settings(max_examples=50, deadline=None, database=None)
def test_every_name_is_reached_in_any_case(name: str, upper: int, blanks: str) -> None:
    cased = "".join(c.upper() if upper >> place & 1 else c for place, c in enumerate(name))
    assert names.fold(blanks + cased + blanks) == name


@given(st.characters(min_codepoint=128))
@settings(max_examples=100, deadline=None, database=None)
def test_a_character_beyond_ascii_never_folds_into_a_name(character: str) -> None:
    assert not names.is_name(names.fold(f"a{character}b"))


@pytest.mark.parametrize("typed", ["Phone", " Ada’s Pixel 9 ", "日本", "🦉", "x" * 64, "A\u030a"])
def test_a_thing_may_have_any_visible_name(typed: str) -> None:
    label = names.read_label(typed)
    assert label is not None
    assert label == unicodedata.normalize("NFC", typed).strip()


@pytest.mark.parametrize("typed", ["", " ", "x" * 65, "a\nb", "a\x00", "\u202e", "a\u200bb", "\u2028"])
def test_a_thing_has_no_invisible_or_endless_name(typed: str) -> None:
    assert names.read_label(typed) is None
