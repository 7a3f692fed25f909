"""What others see of a person: display name, initials, colour; and an account as it begins."""

from __future__ import annotations

import re
import secrets
import unicodedata

from .model import Account, Role

DISPLAY_NAME_LENGTH = 64
INITIALS_LENGTH = 4
_COLOR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?|[a-z]{3,24}|var\(--jp-collaborator-color[1-7]\)")
_COLORS = 7


def new_account(
    username: str,
    role: Role,
    *,
    at: int,
    display_name: str = "",
    account_id: str | None = None,
    sealed_password: bytes | None = None,
    enrolled: bool = False,
    expires_at: int | None = None,
) -> Account:
    """An account as it begins: initials from the name, and one of JupyterLab's collaborator colours."""
    shown = display_name or username
    new_id = account_id or secrets.token_hex(16)
    return Account(
        id=new_id,
        username=username,
        display_name=shown,
        initials=initials_of(shown),
        color=f"var(--jp-collaborator-color{int(new_id[:4], 16) % _COLORS + 1})",
        role=role,
        disabled=False,
        created_at=at,
        expires_at=expires_at,
        enrolled=enrolled,
        epoch=0,
        sealed_password=sealed_password,
    )


def initials_of(display_name: str) -> str:
    """One or two letters for a badge: ``Ada Lovelace`` → ``AL``, ``laurent`` → ``L``."""
    words = [word for word in display_name.replace(".", " ").replace("-", " ").split() if word]
    ends = [words[0], words[-1]] if len(words) > 1 else words
    return "".join(word[0] for word in ends).upper()


def clean_display_name(text: str, most: int = DISPLAY_NAME_LENGTH) -> str:
    """``text`` as one line of visible characters, at most ``most``: no control, format or unassigned ones."""
    kept = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())[:most].rstrip()


def is_color(text: str) -> bool:
    """Whether ``text`` is a CSS colour that can be nothing else (I16)."""
    return _COLOR.fullmatch(text) is not None
