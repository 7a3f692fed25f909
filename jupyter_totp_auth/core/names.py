"""The one normaliser of names: what the login form folds, and what the store may hold."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 64

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_BLANKS = " \t\r\n\f\v"


def is_name(text: str) -> bool:
    """Whether ``text`` may be a user name. ASCII only, so that no two names look alike (CWE-1007)."""
    return _NAME.fullmatch(text) is not None and not text.endswith(".")


def read_label(typed: str) -> str | None:
    """The name that a person gives a thing (a phone): one line of 1 to 64 visible characters; else None."""
    text = unicodedata.normalize("NFC", typed).strip()
    return text if 1 <= len(text) <= LONGEST and text.isprintable() else None


def fold(typed: str) -> str:
    """What the login form makes of a typed name: outer ASCII blanks trimmed, ASCII case folded.

    ASCII, not ``str.lower``: the Kelvin sign and the dotted capital I lower into ASCII letters, and
    would reach another person's account (F04).
    """
    trimmed = typed.strip(_BLANKS)
    return trimmed.lower() if trimmed.isascii() else trimmed
