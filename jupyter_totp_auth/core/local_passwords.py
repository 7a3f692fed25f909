"""An account's own password: checked with one argon2 whatever happens, sealed, and judged when chosen."""

from __future__ import annotations

from collections.abc import Callable

from . import passwords
from .model import Account
from .passwords import Hasher
from .policy import Policy
from .ports import AccountStore
from .sealing import Purpose, SealBroken, Sealer


class LocalPasswords:
    """The first factor that is kept here. ``broken`` is told of a sealed hash that does not open."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        hasher: Hasher,
        sealer: Sealer,
        policy: Policy,
        broken: Callable[[Account, SealBroken], None] | None = None,
    ) -> None:
        self._accounts = accounts
        self._hasher = hasher
        self._sealer = sealer
        self._policy = policy
        self._broken = broken

    def is_right(self, account: Account | None, typed: str) -> bool:
        """Whether ``typed`` is the account's password: one argon2 for every name, so time tells nothing.

        A right password whose hash was made with other parameters is hashed anew (R21).
        """
        phc = self._stored_hash(account)
        password = passwords.normalise(typed, longest=self._policy.password_max)
        right = self._hasher.verify(phc, password or "")
        if account is None or phc is None or account.sealed_password is None:
            return False
        if self._hasher.outdated(phc):  # hashed in any case: the time must not say that it was right
            new = self.seal(account.id, password or "")
            if right:
                self._accounts.replace_hash(account.id, old=account.sealed_password, new=new)
        return right and password is not None

    def seal(self, account_id: str, password: str) -> bytes:
        """The hash of a password that may be chosen, sealed to its account."""
        normal = passwords.normalise(password, longest=self._policy.password_max) or ""
        phc = self._hasher.hash(normal).encode("ascii")
        return self._sealer.seal(phc, Purpose.PASSWORD_HASH, account=account_id, item=account_id)

    def objection(self, password: str, *, username: str, listed: Callable[[str], bool]) -> str | None:
        """Why ``password`` may not be chosen by ``username``, in a sentence; None where it may."""
        return passwords.objection(
            password,
            username=username,
            shortest=self._policy.password_min,
            longest=self._policy.password_max,
            listed=listed,
        )

    def _stored_hash(self, account: Account | None) -> str | None:
        if account is None or account.sealed_password is None:
            return None
        sealed = account.sealed_password
        try:
            opened = self._sealer.open(
                sealed, Purpose.PASSWORD_HASH, account=account.id, item=account.id
            ).decode("ascii", "replace")
        except SealBroken as broken:
            if self._broken is not None:
                self._broken(account, broken)
            return None
        return opened if passwords.is_argon2id(opened) else None
