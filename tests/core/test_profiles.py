"""What others see of a person: one line of text, a colour that is no more than one, and how both begin."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.core.profiles import clean_display_name, initials_of, is_color, new_account
from tests.core.rig import START

# -- names and colours ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada \t Lovelace ", "Ada Lovelace"),
        ("A\u0301da", "Áda"),
        ("A\u202edb\u200d\u0000\x1b[31m", "Adb[31m"),
        ("Ada\u2028Lovelace", "Ada Lovelace"),
        ("\ud800Ada", "Ada"),
        ("x" * 100, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
        ("👩\u200d🚀", "👩🚀"),
    ],
)
def test_a_display_name_is_one_line_of_visible_characters(typed: str, shown: str) -> None:
    assert clean_display_name(typed) == shown


@pytest.mark.parametrize("color", ["#fff", "#A1b2C3", "rebeccapurple", "var(--jp-collaborator-color7)"])
def test_a_css_color_is_a_color(color: str) -> None:
    assert is_color(color)


@pytest.mark.parametrize(
    "color",
    [
        "",
        "#ff",
        "#ffff",
        "#fffffg",
        "red;background:url(//evil)",
        "red\n",
        "var(--jp-collaborator-color8)",
        "var(--x)",
        "Red",
        "rgb(1,2,3)",
        "#fff'onload='",
    ],
)
def test_a_color_is_never_more_than_a_color(color: str) -> None:
    assert not is_color(color)


# -- what an account begins with -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada Lovelace", "AL"),
        ("Ada King Lovelace", "AL"),
        ("laurent", "L"),
        ("ada.lovelace", "AL"),
        ("ada-lovelace", "AL"),
        ("  ", ""),
        ("...", ""),
        ("Élodie ß", "ÉSS"),
    ],
)
def test_initials_are_the_first_and_last_words(name: str, initials: str) -> None:
    assert initials_of(name) == initials


def test_a_new_account_is_neither_enrolled_nor_disabled() -> None:
    account = new_account("ada", Role.MEMBER, at=START)
    assert not account.enrolled
    assert not account.usable(at=START)
    assert (account.display_name, account.initials, account.epoch) == ("ada", "A", 0)
    assert (account.created_at, account.sealed_password, len(account.id)) == (START, None, 32)


def test_every_new_account_has_one_of_the_seven_colors() -> None:
    colors = {new_account("ada", Role.MEMBER, at=START).color for _ in range(200)}
    assert colors == {f"var(--jp-collaborator-color{number})" for number in range(1, 8)}
