"""Encryption at rest: AES-256-GCM under a keyring, each secret bound to its place (R40).

A sealed value moved to another account, factor, purpose or installation does not open (ASVS 11.3.3).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from enum import Enum

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

    def text(self) -> str:
        """What goes into the keyring file."""
        keys = {k.hex(): base64.b64encode(v).decode("ascii") for k, v in self.keys.items()}
        document = {"version": _KEYRING_VERSION, "primary": self.primary.hex(), "keys": keys}
        return json.dumps(document, indent=1) + "\n"


class Sealer:
    """Seals and opens for one installation (``instance_id``)."""

    def __init__(self, keyring: Keyring, instance_id: str) -> None:
        self._keyring = keyring
        self._instance = instance_id
        self._subkeys: dict[tuple[bytes, Purpose], bytes] = {}

    def seal(self, plain: bytes, purpose: Purpose, *, account: str, item: str) -> bytes:
        """``plain`` encrypted for this purpose, account and item, with a fresh nonce."""
        key_id = self._keyring.primary
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound = self._bound(purpose, account, item)
        cipher = AESGCM(self._subkey(key_id, purpose)).encrypt(nonce, plain, bound)
        return bytes([_VERSION]) + key_id + nonce + cipher

    def open(self, sealed: bytes, purpose: Purpose, *, account: str, item: str) -> bytes:
        """What was sealed for exactly this purpose, account and item. Raises SealBroken."""
        if len(sealed) < _HEADER or sealed[0] != _VERSION:
            raise SealBroken(f"{purpose.value}: unknown format")
        key_id, nonce = sealed[1 : 1 + _ID_BYTES], sealed[1 + _ID_BYTES : _HEADER]
        if key_id not in self._keyring.keys:
            raise SealBroken(f"{purpose.value}: sealed under a key that is not in the keyring")
        bound = self._bound(purpose, account, item)
        try:
            return AESGCM(self._subkey(key_id, purpose)).decrypt(nonce, sealed[_HEADER:], bound)
        except InvalidTag:
            raise SealBroken(f"{purpose.value}: altered, or moved from its place") from None

    def mac(self, purpose: Purpose, *parts: str | bytes) -> bytes:
        """HMAC-SHA-256 (32 bytes) under the purpose's subkey of the primary key."""
        return self._mac(self._keyring.primary, purpose, parts)

    def macs(self, purpose: Purpose, *parts: str | bytes) -> list[bytes]:
        """The same under each key of the ring: what was stored before a rotation is still found."""
        return [self._mac(key_id, purpose, parts) for key_id in self._keyring.keys]

    def _mac(self, key_id: bytes, purpose: Purpose, parts: tuple[str | bytes, ...]) -> bytes:
        return hmac.new(self._subkey(key_id, purpose), _framed(*parts), hashlib.sha256).digest()

    def _bound(self, purpose: Purpose, account: str, item: str) -> bytes:
        return _framed(str(_VERSION), self._instance, account, purpose.value, item)

    def _subkey(self, key_id: bytes, purpose: Purpose) -> bytes:
        known = self._subkeys.get((key_id, purpose))
        if known is None:
            known = HKDF(SHA256(), _KEY_BYTES, None, f"jupyter-totp-auth {purpose.value}".encode()).derive(
                self._keyring.keys[key_id]
            )
            self._subkeys[(key_id, purpose)] = known
        return known


def _framed(*parts: str | bytes) -> bytes:
    """The parts, each behind its length: no two lists of parts give the same bytes."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in raw)
