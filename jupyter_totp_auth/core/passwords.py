"""What a password may be, and argon2id (R19-R21). Slow on purpose: call it off the event loop."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Callable
from functools import partial

from argon2 import Parameters, PasswordHasher, Type, profiles
from argon2.exceptions import HashingError, InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import error_to_str

PROFILE = profiles.RFC_9106_LOW_MEMORY
"""t=3, m=64 MiB, p=4, 16-byte salt, 32-byte tag: RFC 9106 §4, the second recommended option."""

_CANNOT = frozenset({error_to_str(-22), error_to_str(-33)})
"""ARGON2_MEMORY_ALLOCATION_ERROR and ARGON2_THREAD_FAIL of argon2.h; argon2-cffi only gives them in words."""

_LONGEST_PREFIX_OF_NAME = 3
"""A name shorter than this says nothing about a password that contains it."""


class CannotHash(Exception):
    """There is no memory, or no thread, for an argon2 (N17): nothing is known about the password."""


Compute = Callable[[Callable[[], object]], object]


def _here(call: Callable[[], object]) -> object:
    return call()


class Hasher:
    """argon2id with one set of parameters. Tests hand in ``argon2.profiles.CHEAPEST``; there is no bypass.

    ``compute`` does each hash, and gives back what it gives: a server has a thread for that.
    """

    def __init__(self, profile: Parameters = PROFILE, *, compute: Compute = _here) -> None:
        self._argon2 = PasswordHasher.from_parameters(profile)
        self._dummy = _nobodys_hash(profile)
        self._compute = compute

    def hash(self, password: str) -> str:
        """The PHC string of a normalised password, to be sealed before it is stored. Raises CannotHash."""
        try:
            return str(self._compute(partial(self._argon2.hash, password)))
        except HashingError:
            raise CannotHash from None

    def verify(self, phc: str | None, password: str) -> bool:
        """Whether ``password`` has the hash ``phc``. With None a dummy is: always one argon2 (E09).

        Raises CannotHash.
        """
        try:
            self._compute(partial(self._argon2.verify, self._dummy if phc is None else phc, password))
        except (VerifyMismatchError, InvalidHashError):
            return False
        except VerificationError as error:
            if str(error) in _CANNOT:
                raise CannotHash from None
            return False  # not a hash that argon2 can read
        return phc is not None

    def outdated(self, phc: str) -> bool:
        """Whether ``phc`` was made with other parameters than today's, and should be made anew."""
        try:
            return self._argon2.check_needs_rehash(phc)
        except InvalidHashError:
            return False


def _nobodys_hash(profile: Parameters) -> str:
    """The PHC string of no password that anybody knows: to check one against it costs what any check does.

    Random, not computed: that would be 64 MiB and a tenth of each start.
    """
    salt, tag = secrets.token_bytes(profile.salt_len), secrets.token_bytes(profile.hash_len)
    costs = f"m={profile.memory_cost},t={profile.time_cost},p={profile.parallelism}"
    kind = f"argon2{profile.type.name.lower()}"
    return f"${kind}$v={profile.version}${costs}${_unpadded(salt)}${_unpadded(tag)}"


def _unpadded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii").rstrip("=")


def is_argon2id(phc: str) -> bool:
    """Whether ``phc`` is a hash of our kind: a downgrade put into the store opens nothing (E17)."""
    return phc.startswith(f"$argon2{Type.ID.name.lower()}$")


def normalise(typed: str, *, longest: int) -> str | None:
    """NFC, or None where no account can have this password.

    NFC only (NIST SP 800-63B-4 §3.1.1.2): a compatibility form would make different passwords one. Its
    length is bounded first, so that ten megabytes of combining marks cost nothing.
    """
    if len(typed) > longest or "\0" in typed:
        return None
    try:
        typed.encode("utf-8")
    except UnicodeEncodeError:
        return None
    text = unicodedata.normalize("NFC", typed)
    return text if 0 < len(text) <= longest else None


def objection(
    password: str, *, username: str, shortest: int, longest: int, listed: Callable[[str], bool]
) -> str | None:
    """Why ``password`` may not be chosen, in a sentence for the person; None where it may (R19, R20).

    No composition rules (NIST SHALL NOT). Lengths are counted in code points.
    """
    if "\0" in password:
        return "A password cannot contain the character NUL."
    if len(password) > longest:
        return f"That password is too long: at most {longest} characters."
    normal = normalise(password, longest=longest)
    if normal is None or len(normal) < shortest:
        return f"That password is too short: at least {shortest} characters."
    if _is_name_derived(normal.casefold(), username):
        return "That password is little more than the user name. Please choose another."
    if len(set(normal)) < _FEWEST_DISTINCT or listed(normal):
        return "That password is one of those that attackers try first. Please choose another."
    return None


_FEWEST_DISTINCT = 4


def _is_name_derived(folded: str, username: str) -> bool:
    """Whether taking the name (either way round) out of the password leaves next to nothing."""
    if len(username) < _LONGEST_PREFIX_OF_NAME:
        return False
    rest = folded.replace(username, "").replace(username[::-1], "")
    return rest != folded and len(rest.strip("0123456789!@#$%^&*._- ")) < _FEWEST_DISTINCT
