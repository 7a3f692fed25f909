"""Bearers: 256 random bits, one kind never taken for another, only digests stored."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind


def test_a_bearer_is_32_bytes_of_the_systems_random_source_in_base64url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(
        bearer.secrets, "token_bytes", lambda count: (asked.append(count), b"\xfb" * count)[1]
    )
    text = bearer.issue(Kind.LOGIN).text
    assert asked == [32]
    assert base64.urlsafe_b64decode(text + "=") == b"\xfb" * 32
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", text)


def test_no_two_bearers_are_the_same() -> None:
    assert len({bearer.issue(Kind.LOGIN).text for _ in range(500)}) == 500


def test_what_was_issued_is_looked_up_by_the_same_digest() -> None:
    for kind in Kind:
        fresh = bearer.issue(kind)
        assert bearer.digest(kind, fresh.text) == fresh.digest
        assert len(fresh.digest) == 32


def test_one_kind_is_never_taken_for_another() -> None:
    text = bearer.issue(Kind.LOGIN).text
    digests = {bearer.digest(kind, text) for kind in Kind}
    assert len(digests) == len(Kind)


def test_the_digest_is_not_the_plain_hash_of_the_text() -> None:
    fresh = bearer.issue(Kind.PENDING)
    assert hashlib.sha256(fresh.text.encode()).digest() != fresh.digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A" * 42,
        "A" * 44,
        "A" * 43 + "\n",
        " " + "A" * 43,
        "A" * 42 + "=",
        "A" * 42 + "+",
        "A" * 42 + "\0",
        "A" * 42 + "é",
        "Ａ" * 43,  # noqa: RUF001 - full-width
        "A" * 42 + "\ud800",
    ],
)
def test_what_cannot_be_a_bearer_has_no_digest(text: str) -> None:
    assert bearer.digest(Kind.LOGIN, text) is None


def test_a_bearer_has_no_repr() -> None:
    fresh = bearer.issue(Kind.KNOWN_BROWSER)
    assert fresh.text not in repr(fresh)
    assert repr(fresh.digest) not in repr(fresh)
