"""The one normaliser of user names: what the form folds, and what the store may hold."""

from __future__ import annotations

import re

LONGEST = 64

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_BLANKS = " \t\r\n\f\v"


def is_name(text: str) -> bool:
    """Whether ``text`` may be a user name. ASCII only, so that no two names look alike (CWE-1007)."""
    return _NAME.fullmatch(text) is not None and not text.endswith(".")


def fold(typed: str) -> str:
    """What the login form makes of a typed name: outer ASCII blanks trimmed, ASCII case folded.

    ASCII, not ``str.lower``: the Kelvin sign and the dotted capital I lower into ASCII letters, and
    would reach another person's account (F04).
    """
    trimmed = typed.strip(_BLANKS)
    return trimmed.lower() if trimmed.isascii() else trimmed
