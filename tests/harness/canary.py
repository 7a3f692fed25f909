"""The canaries: each secret that the tests make or meet, noted for the scan at the end of the run (M01, Q08).

Only where `tools/run_tests.py` named a place; each process of pytest writes a file of its own there. The
servers and commands under test know nothing of it: what they make is met on the wire and on the screen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import requests

from jupyter_totp_auth.core import access_tokens, bearer, recovery, totp
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.core.sealing import Keyring
from tests.services.keeping import PLACE

_noted: set[tuple[str, bytes]] = set()

# What a page, an answer in JSON or a command shows once.
_SHOWN = {
    "enrollment-code": re.compile(r"enroll#([A-Za-z0-9_-]{43})|\"enrollment_code\": ?\"([\w-]{43})\""),
    "access-token": re.compile(r"(jta_[0-9A-Za-z]{46})"),
    "recovery-code": re.compile(r"\b((?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4})\b"),
    "totp": re.compile(r"<code id=\"totp-secret\">([A-Z2-7]{32})<|\"secret\": ?\"([A-Z2-7]{32})\""),
}
_COOKIE = re.compile(r"jupyter-totp-(login|pending|known|enroll)-[^=;,\s]*=([A-Za-z0-9_-]{43})")
_COOKIE_KINDS = {
    "login": "login",
    "pending": "pending-login",
    "known": "known-browser",
    "enroll": "enrollment",
}
_PASSWORD = re.compile(r"\"(?:new_)?password\": ?\"((?:[^\"\\]|\\.)*)\"")
_PASSWORD_FIELDS = {"password", "password_again", "new_password"}
_LONGEST_TEXT = 1_000_000


def note(kind: str, *secrets: str | bytes) -> None:
    """Look for these at the end of the run."""
    fresh = {(kind, one.encode("utf-8", "replace") if isinstance(one, str) else one) for one in secrets}
    if not PLACE or fresh <= _noted:
        return
    _noted.update(fresh)
    with Path(PLACE, f"canaries-{os.getpid()}").open("a", encoding="ascii") as notes:
        notes.writelines(f"{kind} {secret.hex()}\n" for kind, secret in sorted(fresh))


def note_shown(text: str) -> None:
    """Note what a text shows of secrets: a page, a document, a command's output."""
    if not PLACE:
        return
    for kind, pattern in _SHOWN.items():
        for match in pattern.finditer(text):
            note(kind, *filter(None, match.groups()))
    for kind, value in _COOKIE.findall(text):
        note(_COOKIE_KINDS[kind], value)


def note_answer(answer: requests.Response, **_: object) -> None:
    """Note what an answer gives, and the passwords that its request sent. For ``requests``' hooks."""
    note_shown(answer.headers.get("Set-Cookie", ""))
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    if not PLACE or kind not in {"text/html", "application/json"}:
        return
    note_shown(answer.content.decode("utf-8", "replace"))
    note_sent(answer.request.body)


def note_sent(body: Any) -> None:
    """Note the passwords in the body of a request, a form or JSON."""
    sent = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    if not isinstance(sent, str) or len(sent) > _LONGEST_TEXT:
        return
    note("password", *_PASSWORD.findall(sent))
    note("password", *(value for name, value in parse_qsl(sent) if name in _PASSWORD_FIELDS))


# -- what this process makes ---------------------------------------------------------------------------


def listen() -> None:
    """From now on note each secret where it is made, by whatever flow a test runs in this process."""
    if not PLACE:
        return
    _after(bearer, "issue", lambda made, kind: note(kind.value, made.text))
    _after(totp, "new_secret", lambda made: note("totp", made))
    _after(recovery, "new_codes", lambda made, _: note("recovery-code", *made))
    _after(access_tokens, "make", lambda made: note("access-token", made))
    _after(Hasher, "hash", lambda _made, _self, password: note("password", password))
    _after(Keyring, "__init__", lambda _made, self, *_, **__: note("key", *self.keys.values()))


def _after(owner: Any, name: str, see: Callable[..., None]) -> None:
    """Have ``see`` look at what a function returned, and at what it was given."""
    function = getattr(owner, name)

    @wraps(function)
    def seen(*given: Any, **named: Any) -> Any:
        made = function(*given, **named)
        see(made, *given, **named)
        return made

    setattr(owner, name, seen)
