"""RFC 6238 codes: which step a code belongs to, as evidence. Claiming that step is the caller's duty.

pyotp computes the code of a step and the enrollment URI, nothing else: three of its releases changed
how it verifies (local time at the autumn fold, full-width digits, False against an exception).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from urllib.parse import quote

import pyotp

STEP = 30
"""Seconds a code lives (RFC 6238 §4.1)."""

SECRET_BYTES = 20
"""160 bits (RFC 4226 R6 recommends, and the phones expect, the length of a SHA-1 digest)."""

_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_BLANKS = str.maketrans("", "", " \t\r\n\f\v")


def new_secret() -> bytes:
    """A fresh 160-bit secret from the operating system's random source."""
    return secrets.token_bytes(SECRET_BYTES)


def to_base32(secret: bytes) -> str:
    """The text key that a person can type into a phone (RFC 4648 §6, no padding)."""
    return base64.b32encode(secret).rstrip(b"=").decode("ascii")


def read(typed: str) -> str | None:
    """The six digits in what a person typed, or None. Only ASCII blanks are taken out (``123 456``)."""
    text = typed.translate(_BLANKS)
    return text if _CODE.fullmatch(text) else None


def step_at(at: int) -> int:
    """The time step of ``at`` (RFC 6238 §4.2, T0 = 0)."""
    return at // STEP


def code(secret: bytes, step: int) -> str:
    """The six digits of ``step``."""
    return pyotp.HOTP(to_base32(secret)).at(step)


def verify(secret: bytes, digits: str, *, at: int, last_step: int, window: int) -> int | None:
    """The time step that ``digits`` belongs to, if it may still be used; else None.

    ``digits`` comes from :func:`read`. The caller records the returned step, by compare-and-set, before
    granting anything: a step opens once (RFC 6238 §5.2 MUST NOT; NIST SP 800-63B-4 §3.1.4.2). All steps
    of the window are always computed and compared, so that the time taken tells nothing (ASVS 11.2.4).
    """
    now = step_at(at)
    found: int | None = None
    for step in range(now - window, now + window + 1):
        same = hmac.compare_digest(code(secret, max(step, 0)), digits)
        if same and step > last_step:
            found = step
    return found


def is_spent(secret: bytes, digits: str, *, at: int, last_step: int, window: int) -> bool:
    """Whether ``digits`` is right but its step was used already: a replay, which is no guess."""
    now = step_at(at)
    steps = range(max(now - window, 0), now + window + 1)
    matches = [hmac.compare_digest(code(secret, step), digits) for step in steps]
    return any(matches) and verify(secret, digits, at=at, last_step=last_step, window=window) is None


def find_drift(secret: bytes, digits: str, *, at: int, window: int, reach: int) -> int | None:
    """Seconds by which the phone is ahead (negative: behind), if ``digits`` lies just outside the window.

    Only to be told to someone who is trusted that far (while enrolling, or on a known browser): it lets
    nobody in.
    """
    now = step_at(at)
    found: int | None = None
    for distance in range(-reach, reach + 1):
        if abs(distance) <= window or now + distance < 0:
            continue
        if hmac.compare_digest(code(secret, now + distance), digits):
            found = distance * STEP
    return found


def uri(secret: bytes, *, username: str, issuer: str) -> str:
    """The ``otpauth://`` URI for the QR (Google Authenticator's key URI format)."""
    # A colon separates issuer and account in the label; inside either it would be read as that separator.
    clean_issuer = issuer.replace(":", " ")
    text = pyotp.TOTP(to_base32(secret)).provisioning_uri(name=username, issuer_name=clean_issuer)
    if quote(username) not in text:
        raise ValueError("the enrollment URI lost the user name")
    return text
