"""What stands in the environment of what a person starts: one line, whatever they are called."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.core.profiles import clean_display_name, new_account
from jupyter_totp_auth.core.true_names import environment_of, git_name, is_git_identity, one_line

ADA = new_account("ada", Role.MEMBER, at=0, display_name="Ada Lovelace")


def called(display_name: str) -> dict[str, str]:
    return environment_of(replace(ADA, display_name=display_name), "{username}@example.org")


def test_without_the_option_git_is_left_alone() -> None:
    assert environment_of(ADA) == {
        "JUPYTER_TOTP_USERNAME": "ada",
        "JUPYTER_TOTP_DISPLAY_NAME": "Ada Lovelace",
    }


def test_with_it_git_has_author_and_committer() -> None:
    assert {name: value for name, value in called("Ada Lovelace").items() if "GIT" in name} == {
        "GIT_AUTHOR_NAME": "Ada Lovelace",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada Lovelace",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }


@pytest.mark.parametrize("name", ["", "<>", "<<>>", ".", "...", " ", ",;:", "'\"\\", "< . >", "\n", "\0"])
def test_a_name_in_which_git_finds_nothing_is_the_user_name(name: str) -> None:
    assert git_name(replace(ADA, display_name=name)) == "ada"


@pytest.mark.parametrize(
    ("template", "is_one"),
    [
        ("{username}@example.org", True),
        ("students+{username}@cs.example.org", True),
        ("team@example.org", True),
        ("{username}@{username}.example.org", True),
        ("{username}", False),
        ("@example.org", False),
        ("{username}@", False),
        ("{username}@example.org.", False),
        ("{username}@example.org\n", False),
        ("{name}@example.org", False),
        ("{username!r}@example.org", False),
        ("<{username}@example.org>", False),
        ("{username} @example.org", False),
        ("", False),
    ],
)
def test_what_is_a_template_of_an_address(template: str, *, is_one: bool) -> None:
    assert is_git_identity(template) is is_one


@given(st.text())
def test_no_name_breaks_a_line_or_a_variable(name: str) -> None:
    for value in called(name).values():
        assert value
        assert value.isprintable()
        assert value.encode() == value.encode("utf-8", "strict")
        assert "\0" not in value
    assert not set(called(name)["GIT_AUTHOR_NAME"]) & set("<>")


@given(st.text())
@example("x" * 63 + " y")
def test_what_a_profile_lets_through_is_told_as_it_is(name: str) -> None:
    clean = clean_display_name(name)
    assert one_line(clean) == clean
