"""Recovery codes: 120 bits each, in letters that cannot be misread; stored as a keyed digest (R37)."""

from __future__ import annotations

import re
import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O or U."""

_LENGTH = 24
_GROUP = 4
_CODE = re.compile(f"[{_ALPHABET}]{{{_LENGTH}}}", re.ASCII)
_MISREAD = str.maketrans("OIL", "011")
_SEPARATORS = re.compile(r"[\s-]", re.ASCII)


def new_codes(count: int) -> list[str]:
    """``count`` fresh codes as a person reads them: six groups of four."""
    return [show("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))) for _ in range(count)]


def show(code: str) -> str:
    """``ABCD-EFGH-…`` for a normalised code."""
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def read(typed: str) -> str | None:
    """The normalised code in what a person typed, or None: case, hyphens, blanks, O/0, I/L/1 do not count."""
    if not typed.isascii():
        return None
    text = _SEPARATORS.sub("", typed).upper().translate(_MISREAD)
    return text if _CODE.fullmatch(text) else None
