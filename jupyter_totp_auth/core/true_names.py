"""Who started it, as a kernel's or a terminal's environment tells it: a name for programs, and for git.

Pure. What stands there was typed by people, and is only ever a value: no name of a variable, no shell.
"""

from __future__ import annotations

import re

from .model import Account

USERNAME = "JUPYTER_TOTP_USERNAME"
DISPLAY_NAME = "JUPYTER_TOTP_DISPLAY_NAME"
_PLACE = "{username}"
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]*[A-Za-z0-9]")

_GITS_CRUD = " .,:;<>\"\\'"
"""What git takes off both ends of a name; it refuses to commit where nothing else is there (ident.c)."""


def is_git_identity(template: str) -> bool:
    """Whether an e-mail address comes of it, whoever's user name is put in."""
    return _EMAIL.fullmatch(template.replace(_PLACE, "a")) is not None


def environment_of(account: Account, git_identity: str = "") -> dict[str, str]:
    """The variables for what this person starts. ``git_identity``: a template of an e-mail address, or empty.

    Not ``JUPYTERHUB_USER``: whoever finds that takes the server for a hub's, and asks the hub's API.
    """
    found = {USERNAME: account.username, DISPLAY_NAME: one_line(account.display_name) or account.username}
    if git_identity:
        name, email = git_name(account), git_identity.replace(_PLACE, account.username)
        for part in ("AUTHOR", "COMMITTER"):
            found[f"GIT_{part}_NAME"], found[f"GIT_{part}_EMAIL"] = name, email
    return found


def git_name(account: Account) -> str:
    """The display name as git would write it; the user name where git would find nothing in it."""
    plain = one_line(account.display_name).replace("<", "").replace(">", "")
    return plain.strip(_GITS_CRUD) or account.username


def one_line(text: str) -> str:
    """``text`` without what breaks a line, or fits no variable. Profiles are clean, but a store is a file."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
