"""Access tokens: bearer strings for programs, made, recognised and answered from memory (R38).

``live`` is the check that runs on every request: one dictionary look-up, no I/O. Everything else talks
to the store and runs off the event loop.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .events import Event, EventKind
from .logins import LiveLogin
from .model import AccessToken, Account, Denied, Refusal
from .policy import DAY, Policy
from .ports import AccessTokenStore
from .remembered import Remembered
from .rights import ALL, PATH_SCOPES, SCOPES

_PREFIX = "jta_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 40
_CHECKSUM = 6
_TEXT = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}", re.ASCII)
_NAME_LENGTH = 64
_MOST_IN_MEMORY = 200_000

_PREFIX_LENGTH = 255


# -- the string ----------------------------------------------------------------------------------------


def make() -> str:
    """A new token: 40 characters of base62 (238 bits) and a checksum, in GitHub's format."""
    body = _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def digest(text: str) -> bytes | None:
    """The digest to look ``text`` up by, or None where it cannot be a token: no look-up is made for that.

    A plain hash will do: the input has 238 bits of entropy, so there is nothing to guess (ASVS 6.5.2).
    """
    if not _TEXT.fullmatch(text) or _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]:
        return None
    return _digest_of(text)


def blanked(text: str) -> str:
    """``text`` with what looks like a token taken out: for logs and redirects.

    All characters of a token are unreserved in URLs, so it is found below any number of encodings.
    """
    return _TEXT.sub(f"{_PREFIX}[secret]", text)


def _digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode("ascii")).digest()


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


# -- the live ones -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LiveToken:
    """A token as this process knows it, with the account as it is now."""

    token: AccessToken
    account: Account


@dataclass(frozen=True)
class NewToken:
    """A token just made, and the string, which is shown once."""

    token: AccessToken
    text: str = field(repr=False)


class AccessTokens:
    """The access tokens of one process. ``clock`` gives whole seconds, read once per public method."""

    def __init__(self, store: AccessTokenStore, policy: Policy, clock: Callable[[], int]) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._seen: dict[bytes, tuple[int, str]] = {}
        self._lock = threading.Lock()
        self._memory: Remembered[LiveToken] = Remembered(
            revisions=store,
            find_many=self._find_many,
            account_of=lambda live: live.account.id,
            most=_MOST_IN_MEMORY,
        )

    def follow(self, policy: Policy) -> None:
        """Go on under other numbers; tokens that were made keep their end."""
        self._policy = policy

    def live(self, digest: bytes) -> LiveToken | None:
        """The token of this digest, if this process knows it to be alive."""
        live = self._memory.get(digest)
        return None if live is None or live.token.expires_at <= self._clock() else live

    def seen(self, digest: bytes, client: str) -> None:
        """Note that a token was used, and from where; written later, in a batch."""
        self._seen[digest] = (self._clock(), client)

    def load(self, digest: bytes) -> LiveToken | None:
        """Look a token up in the store, and remember it."""
        return self._memory.load(digest)

    def sync(self) -> None:
        """Compare memory with the store if anything changed there; called every 0.25 s."""
        self._memory.sync()

    def flush(self) -> None:
        """Write when tokens were last used; what calls this decides how often (once a minute)."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if seen:
            self._store.touch(seen)

    def forget_expired(self) -> None:
        """Drop from memory what has expired."""
        at = self._clock()
        self._memory.forget(lambda live: live.token.expires_at <= at)

    def _find_many(self, digests: Sequence[bytes]) -> dict[bytes, LiveToken]:
        found = self._store.find_many(digests, at=self._clock())
        return {digest: LiveToken(*row) for digest, row in found.items()}

    # -- by their owner ----------------------------------------------------------------------------

    def of_account(self, account_id: str) -> list[AccessToken]:
        """An account's live tokens, newest first."""
        return self._store.of_account(account_id, at=self._clock())

    def create(
        self,
        by: LiveLogin,
        *,
        name: str,
        days: int | None,
        client: str,
        scopes: Sequence[str] = (ALL,),
        path_prefix: str = "",
    ) -> NewToken | Denied:
        """A new token of the person who asks.

        Denied: STEP_UP where the login is not fresh (R27), BAD_NAME, BAD_LIFETIME, BAD_SCOPE and BAD_PREFIX
        with a ``text``, TOO_MANY, or UNKNOWN where login or account are over, or not what they were.
        """
        at, account = self._clock(), by.account
        if not by.session.fresh(at=at, within=self._policy.fresh_for):
            return Denied(Refusal.STEP_UP)
        name = name.strip()
        days = self._policy.access_token_days if days is None else days
        objection = self._odd_name(name) or _odd_scopes(scopes, path_prefix) or self._odd_lifetime(days)
        if objection is not None:
            return objection
        text, ends = make(), at + days * DAY
        token = AccessToken(
            digest=_digest_of(text),
            id=secrets.token_hex(8),
            account_id=account.id,
            name=name,
            scopes=tuple(dict.fromkeys(scopes)),
            created_at=at,
            # Not longer than the account: a new end must not revive it.
            expires_at=ends if account.expires_at is None else min(ends, account.expires_at),
            last_used_at=None,
            path_prefix=path_prefix.strip("/"),
        )
        refusal = self._keep(token, by, client)
        return NewToken(token, text) if refusal is None else Denied(refusal)

    def _keep(self, token: AccessToken, by: LiveLogin, client: str) -> Refusal | None:
        account, most = by.account, self._policy.access_tokens_max
        name = account.username
        event = self._event(EventKind.TOKEN_MADE, account, token.id, token.created_at, name, client)
        return self._store.add(token, epoch=account.epoch, login_id=by.session.id, most=most, event=event)

    @staticmethod
    def _odd_name(name: str) -> Denied | None:
        # isprintable is false for all control, format, separator and unassigned characters but the space.
        if 1 <= len(name) <= _NAME_LENGTH and name.isprintable():
            return None
        return Denied(Refusal.BAD_NAME, text=f"A name has 1 to {_NAME_LENGTH} printable characters.")

    def _odd_lifetime(self, days: int) -> Denied | None:
        most = self._policy.access_token_days_max
        if 1 <= days <= most:
            return None
        return Denied(Refusal.BAD_LIFETIME, text=f"An access token lives for 1 to {most} days.")

    def revoke(self, account: Account, token_id: str, *, actor: str, client: str = "") -> bool:
        """End one of the account's tokens; False where there is none of that id."""
        event = self._event(EventKind.TOKEN_REVOKED, account, token_id, self._clock(), actor, client)
        return self._store.revoke(account.id, token_id, event)

    @staticmethod
    def _event(kind: EventKind, account: Account, token_id: str, at: int, actor: str, client: str) -> Event:
        # The id, not the name: what a person typed can be a secret that went into the wrong field.
        return Event(kind, at, account.id, account.username, actor, client, detail=token_id)


def _odd_scopes(scopes: Sequence[str], path_prefix: str) -> Denied | None:
    """What a token cannot be held to is refused, not ignored."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        return Denied(Refusal.BAD_SCOPE, text=f"The scopes are: {', '.join(SCOPES)}.")
    if not path_prefix:
        return None
    if not PATH_SCOPES.issuperset(scopes):
        sentence = "A path limits contents:read and contents:write alone: kernels read all files."
        return Denied(Refusal.BAD_PREFIX, text=sentence)
    parts = path_prefix.strip("/").split("/")
    odd = any(part in ("", ".", "..") or not part.isprintable() for part in parts)
    if odd or len(path_prefix) > _PREFIX_LENGTH or "\\" in path_prefix:
        sentence = "A path prefix is a folder of the notebook folder, such as course/week1."
        return Denied(Refusal.BAD_PREFIX, text=sentence)
    return None
