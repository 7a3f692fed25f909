"""What a page calls things: moments, browsers, events, rights. The panel in JupyterLab says the same."""

from __future__ import annotations

import re
import time

from ..core.events import EventKind

_BROWSERS = (
    (re.compile(r"\bEdg(e|A|iOS)?/"), "Edge"),
    (re.compile(r"\b(OPR|Opera)/"), "Opera"),
    (re.compile(r"\b(Firefox|FxiOS)/"), "Firefox"),
    (re.compile(r"\b(Chromium)/"), "Chromium"),
    (re.compile(r"\b(Chrome|CriOS)/"), "Chrome"),
    (re.compile(r"\bVersion/[\d.]+.*Safari/"), "Safari"),
    (re.compile(r"^curl/"), "curl"),
    (re.compile(r"^python-requests/"), "Python"),
    (re.compile(r"^jupyter-totp\b"), "jupyter totp"),
)
_SYSTEMS = (
    (re.compile(r"\b(iPhone|iPad|iPod)\b"), "iOS"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bMac OS X\b"), "macOS"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bLinux\b"), "Linux"),
)

_EVENTS = {
    "account-added": "The account was added",
    "account-disabled": "The account was disabled",
    "account-enabled": "The account was enabled again",
    "authenticator-added": "A phone was added",
    "authenticator-begun": "A phone was about to be added",
    "authenticator-denied": "A wrong code for a new phone",
    "authenticator-removed": "A phone was removed",
    "authenticator-renamed": "A phone got another name",
    "cell-run": "Code was run",
    "code-replayed": "A code was used a second time, and refused",
    "enrolled": "The account was set up with a phone",
    "enrollment-code": "An enrollment link was made",
    "enrollment-denied": "Setting up failed",
    "expiry-changed": "The account ends at another time",
    "factor-reset": "The second factor was reset by an administrator",
    "first-factor-denied": "A wrong password",
    "first-factor-passed": "The password was right",
    "kernel-restarted": "A kernel was restarted",
    "kernel-started": "A kernel was started",
    "kernel-stopped": "A kernel was shut down",
    "login": "Signed in",
    "login-ended": "A login was ended",
    "login-locked": "A login was locked",
    "login-unlocked": "A login was unlocked",
    "logins-ended": "Logins were ended",
    "login-ending": "A login was given a short time, then it ends",
    "logins-ending": "Logins were given a short time, then they end",
    "notice-sent": "A notice was sent to everybody",
    "notice-withdrawn": "A notice was taken back",
    "password-set": "A new password",
    "profile-changed": "Name, initials or colour were changed",
    "recovery-code-used": "A recovery code was used",
    "recovery-codes-made": "New recovery codes",
    "role-changed": "Another role",
    "terminal-closed": "A terminal was closed",
    "terminal-opened": "A terminal was opened",
    "terminal-started": "A terminal was started",
    "terminals-changed": "Terminals allowed or not",
    "second-factor-denied": "A wrong code",
    "step-up": "Password and code were confirmed",
    "step-up-denied": "Password or code were not confirmed",
    "token-made": "An access token was made",
    "token-revoked": "An access token was revoked",
    "unlock-denied": "Unlocking failed",
    "unlocked": "Failed tries were forgiven by an administrator",
}
COLORS = {
    f"var(--jp-collaborator-color{number})": word
    for number, word in enumerate(("orange", "yellow", "green", "turquoise", "blue", "violet", "pink"), 1)
}
"""Those that JupyterLab gives people, light or dark as its theme is."""
TERMINALS = {"yes": "yes", "no": "no", "step-up": "after password and code"}
SCOPES = {
    "all": "Everything I may do",
    "contents:read": "Read files and notebooks",
    "contents:write": "Read and change files and notebooks",
    "kernels:execute": "Start kernels and run code",
    "terminals:execute": "Use terminals",
}

_ALARMING = re.compile(r"-denied$|^code-replayed$|^recovery-code-used$|^factor-reset$")


def in_words(at: int) -> str:
    """``28 November 2026, 20:14 UTC``."""
    return time.strftime("%-d %B %Y, %H:%M UTC", time.gmtime(at))


def browser_of(user_agent: str) -> str:
    """A browser and its system in words: what it says of itself, so a hint and no proof."""
    found = (_first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent))
    return " on ".join(name for name in found if name) or "An unknown program"


def _first(table: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str:
    return next((name for pattern, name in table if pattern.search(text)), "")


def event_of(kind: EventKind) -> str:
    """What happened, as its owner would say it; the word itself where there is no sentence for it."""
    return _EVENTS.get(kind.value, kind.value)


def is_alarming(kind: EventKind) -> bool:
    """Whether somebody should look twice."""
    return _ALARMING.search(kind.value) is not None
