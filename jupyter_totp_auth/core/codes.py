"""What a typed code is: a time step of one of the account's phones, a recovery code, or nothing.

Evidence only; claiming it is the caller's. For a name without an account the same is computed over a
decoy, so that the time taken tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import recovery, totp
from .model import Account, Claim, TotpAuthenticator
from .policy import Policy
from .ports import AccountStore
from .sealing import Purpose, SealBroken, Sealer

_DECOY_SECRET = bytes(totp.SECRET_BYTES)


def recovery_digest(sealer: Sealer, account_id: str, shown: str) -> bytes:
    """What the store keeps of a recovery code that is shown now."""
    return sealer.mac(Purpose.RECOVERY_CODE, account_id, recovery.read(shown) or "")


@dataclass(frozen=True)
class Match:
    """What a typed code turned out to be: a claim to be made, or why there is none."""

    claim: Claim | None = None
    replayed: bool = False
    drift: int | None = None
    """Seconds by which the phone's clock is off, where that explains the code."""


class Codes:
    """Matches typed codes. ``broken`` is told of a sealed secret that does not open."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        sealer: Sealer,
        policy: Policy,
        broken: Callable[[Account | None, SealBroken], None],
    ) -> None:
        self._accounts = accounts
        self._sealer = sealer
        self._policy = policy
        self._broken = broken

    def match(self, account: Account | None, typed: str, *, at: int) -> Match:
        """What ``typed`` is for this account at ``at``; with None it comes to nothing."""
        code = recovery.read(typed)
        if code is not None:
            digest = self._sealer.mac(Purpose.RECOVERY_CODE, account.id if account else "", code)
            return Match(Claim(recovery_digest=digest)) if account else Match()
        digits = totp.read(typed) or ""
        best = Match()
        for authenticator, secret in self._secrets(account):
            matched = self._match_one(authenticator, secret, digits, at)
            if matched.claim is not None:
                return matched
            if matched.replayed or matched.drift is not None:
                best = matched
        return best

    def _match_one(
        self, authenticator: TotpAuthenticator | None, secret: bytes, digits: str, at: int
    ) -> Match:
        window, last = self._policy.totp_window, authenticator.last_step if authenticator else -1
        step = totp.verify(secret, digits, at=at, last_step=last, window=window)
        spent = totp.is_spent(secret, digits, at=at, last_step=last, window=window)
        drift = totp.find_drift(secret, digits, at=at, window=window, reach=self._policy.drift_reach)
        if authenticator is None:
            return Match()
        if step is not None:
            return Match(Claim(authenticator_id=authenticator.id, step=step))
        return Match(replayed=spent, drift=drift)

    def _secrets(self, account: Account | None) -> list[tuple[TotpAuthenticator | None, bytes]]:
        found: list[tuple[TotpAuthenticator | None, bytes]] = []
        for authenticator in self._accounts.authenticators(account.id if account else ""):
            try:
                secret = self._sealer.open(
                    authenticator.sealed_secret,
                    Purpose.TOTP_SECRET,
                    account=authenticator.account_id,
                    item=authenticator.id,
                )
            except SealBroken as broken:
                self._broken(account, broken)
            else:
                found.append((authenticator, secret))
        return found or [(None, _DECOY_SECRET)]
