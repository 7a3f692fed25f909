"""Opaque 256-bit bearers, tagged by what they are for; only their digests are ever stored (R23)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from enum import Enum

_TEXT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class Kind(str, Enum):
    """What a bearer opens. The kind goes into the digest, so one kind is never taken for another."""

    LOGIN = "login"
    PENDING = "pending-login"
    KNOWN_BROWSER = "known-browser"
    ENROLLMENT = "enrollment"
    ENROLLMENT_CODE = "enrollment-code"
    PROBE = "probe"


@dataclass(frozen=True)
class Bearer:
    """A fresh bearer: ``text`` goes to the person once, ``digest`` (32 bytes) into the store."""

    text: str = field(repr=False)
    digest: bytes = field(repr=False)


def issue(kind: Kind) -> Bearer:
    """A new bearer from the operating system's random source (ASVS 11.5.1: at least 128 bits)."""
    text = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode("ascii")
    return Bearer(text, _digest(kind, text))


def digest(kind: Kind, text: str) -> bytes | None:
    """The digest to look ``text`` up by, or None where it cannot be a bearer at all.

    A plain hash will do: the input has 256 bits of entropy, so there is nothing to guess (ASVS 6.5.2).
    """
    return _digest(kind, text) if _TEXT.fullmatch(text) else None


def _digest(kind: Kind, text: str) -> bytes:
    return hashlib.sha256(f"{kind.value}\0{text}".encode("ascii")).digest()
