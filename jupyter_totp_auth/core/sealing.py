"""Encryption at rest: AES-256-GCM under a keyring, each secret bound to its place (R40).

A sealed value moved to another account, factor, purpose or installation does not open (ASVS 11.3.3).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = 1
_KEYRING_VERSION = 1
_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER = 1 + _ID_BYTES + _NONCE_BYTES


class Purpose(str, Enum):
    """What a subkey is for: one per purpose, so that no value can stand in for another."""

    TOTP_SECRET = "totp-secret"  # noqa: S105
    PASSWORD_HASH = "password-hash"  # noqa: S105
    KEY_CHECK = "key-check"
    MAC_ROOT = "mac-root"
    RECOVERY_CODE = "recovery-code"
    THROTTLE = "throttle"
    XSRF = "xsrf"


class SealBroken(Exception):
    """A sealed value does not open: altered, moved, or sealed under a key that is not in the keyring."""


class BadKeyring(ValueError):
    """The text is not a keyring."""


@dataclass(frozen=True)
class Keyring:
    """Master keys by id (4 bytes), and which of them seals new values. Old ones only open."""

    primary: bytes
    keys: dict[bytes, bytes] = field(repr=False)

    @classmethod
    def generate(cls) -> Keyring:
        """A keyring with one fresh 256-bit key."""
        key_id = secrets.token_bytes(_ID_BYTES)
        return cls(key_id, {key_id: secrets.token_bytes(_KEY_BYTES)})

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """The keyring in a keyring file. Raises BadKeyring, which never quotes the text."""
        try:
            document = json.loads(text)
            version = document["version"]
            keys = {bytes.fromhex(k): base64.b64decode(v) for k, v in document["keys"].items()}
            primary = bytes.fromhex(document["primary"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BadKeyring("this is not a keyring of jupyter-totp-auth") from None
        if version != _KEYRING_VERSION:
            raise BadKeyring("this keyring is of another version of jupyter-totp-auth")
        sound = all(len(k) == _ID_BYTES and len(v) == _KEY_BYTES for k, v in keys.items())
        if not sound or primary not in keys:
            raise BadKeyring("this keyring is damaged")
        return cls(primary, keys)

    def rotated(self) -> Keyring:
        """The same keys, which now only open, and a fresh one that seals."""
        fresh = Keyring.generate()
        while fresh.primary in self.keys:  # an id is 4 bytes: by chance it can be one of ours
            fresh = Keyring.generate()
        return Keyring(fresh.primary, {**self.keys, **fresh.keys})

    def pruned(self) -> Keyring:
        """Only the key that seals."""
        return Keyring(self.primary, {self.primary: self.keys[self.primary]})

    def text(self) -> str:
        """What goes into the keyring file."""
        keys = {k.hex(): base64.b64encode(v).decode("ascii") for k, v in self.keys.items()}
        document = {"version": _KEYRING_VERSION, "primary": self.primary.hex(), "keys": keys}
        return json.dumps(document, indent=1) + "\n"


class Seals:
    """Seals and opens for one installation (``instance_id``).

    ``keyring`` is asked each time: a rotation reaches a running process so.
    """

    def __init__(self, keyring: Callable[[], Keyring], instance_id: str) -> None:
        self._keyring = keyring
        self._instance = instance_id

    def seal(self, plain: bytes, purpose: Purpose, *, account: str, item: str) -> bytes:
        """``plain`` encrypted for this purpose, account and item, with a fresh nonce."""
        keyring = self._keyring()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound = self._bound(purpose, account, item)
        cipher = AESGCM(_subkey(keyring.keys[keyring.primary], purpose)).encrypt(nonce, plain, bound)
        return bytes([_VERSION]) + keyring.primary + nonce + cipher

    def open(self, sealed: bytes, purpose: Purpose, *, account: str, item: str) -> bytes:
        """What was sealed for exactly this purpose, account and item. Raises SealBroken."""
        if len(sealed) < _HEADER or sealed[0] != _VERSION:
            raise SealBroken(f"{purpose.value}: unknown format")
        nonce = sealed[1 + _ID_BYTES : _HEADER]
        key = self._keyring().keys.get(key_id(sealed))
        if key is None:
            raise SealBroken(f"{purpose.value}: sealed under a key that is not in the keyring")
        bound = self._bound(purpose, account, item)
        try:
            return AESGCM(_subkey(key, purpose)).decrypt(nonce, sealed[_HEADER:], bound)
        except InvalidTag:
            raise SealBroken(f"{purpose.value}: altered, or moved from its place") from None

    def _bound(self, purpose: Purpose, account: str, item: str) -> bytes:
        return _framed(str(_VERSION), self._instance, account, purpose.value, item)


class Sealer(Seals):
    """The same, and keyed digests under a root of the store's own, which outlives every key of the ring."""

    def __init__(self, keyring: Callable[[], Keyring], instance_id: str, *, mac_root: bytes) -> None:
        super().__init__(keyring, instance_id)
        self._mac_root = mac_root

    def mac(self, purpose: Purpose, *parts: str | bytes) -> bytes:
        """HMAC-SHA-256 (32 bytes) under the purpose's subkey of the root."""
        return hmac.new(_subkey(self._mac_root, purpose), _framed(*parts), hashlib.sha256).digest()


def new_mac_root() -> bytes:
    """256 random bits for a new store."""
    return secrets.token_bytes(_KEY_BYTES)


def key_id(sealed: bytes) -> bytes:
    """The id of the key under which a value is sealed."""
    return sealed[1 : 1 + _ID_BYTES]


@lru_cache(maxsize=256)
def _subkey(key: bytes, purpose: Purpose) -> bytes:
    info = f"jupyter-totp-auth {purpose.value}".encode()
    return HKDF(SHA256(), _KEY_BYTES, None, info).derive(key)


def _framed(*parts: str | bytes) -> bytes:
    """The parts, each behind its length: no two lists of parts give the same bytes."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in raw)
