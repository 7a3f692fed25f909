"""Which counter a try of a login is charged to, and what a whole login gives back (R12-R15)."""

from __future__ import annotations

from dataclasses import replace

from .grants import code_key, password_key
from .model import Account, KnownBrowserRow, PendingLogin
from .policy import DAY, SLIP_MEMORY, Policy, Throttle
from .ports import ThrottleStore
from .sealing import Purpose, Sealer


class Charges:
    """Charges first, in the store; whoever calls has not checked anything yet."""

    def __init__(self, *, throttles: ThrottleStore, sealer: Sealer, policy: Policy) -> None:
        self._throttles = throttles
        self._sealer = sealer
        self._policy = policy

    def password(
        self, name: str, account: Account | None, known: KnownBrowserRow | None, *, at: int
    ) -> tuple[bytes, int | None]:
        """Charge the browser's own counter if it is known here, else the name's; the counter and the wait."""
        if known is not None:
            key = self._sealer.mac(Purpose.THROTTLE, "password-known", known.digest)
            rule = self._policy.password_known
        else:
            key, rule = password_key(self._sealer, name), self._policy.password_unknown
        account_id = account.id if account else None
        return key, self._throttles.charge(key, rule, at=at, account_id=account_id)

    def code(self, pending: PendingLogin, *, at: int) -> tuple[bytes, int | None]:
        """Charge the account's code budget, but only where the password was right (R14).

        Otherwise a decoy of the same cost is charged: strangers cannot spend the owner's budget, and
        the time taken does not say which of the two it was.
        """
        rule = self._policy.code_known if pending.known_browser else self._policy.code_unknown
        if not pending.password_ok or pending.account_id is None:
            key = self._sealer.mac(Purpose.THROTTLE, "code-decoy", pending.throttle_key)
            rule = replace(rule, memory=DAY)  # it protects nothing, and every name typed has one
        elif pending.known_browser:
            key = self._sealer.mac(Purpose.THROTTLE, "code-known", pending.throttle_key)
        else:
            key = code_key(self._sealer, pending.account_id, pending.epoch)
        return key, self._throttles.charge(key, rule, at=at, account_id=pending.account_id)

    def refunds(self, pending: PendingLogin, code_key: bytes, *, at: int) -> list[tuple[bytes, int]]:
        """What a whole login gets back: its own charges, and no one else's.

        All that a known browser was charged is its own; of the shared counters, this try's password and
        the codes that were charged to this browser's logins in the last ten minutes.
        """
        if pending.known_browser:
            known, code = self._policy.password_known.limit, self._policy.code_known.limit
            return [(pending.throttle_key, known), (code_key, code)]
        slips = sum(at - charged_at <= SLIP_MEMORY for charged_at in pending.charges)
        return [(pending.throttle_key, 1), (code_key, slips + 1)]

    def reopens(self, account: Account) -> list[tuple[bytes, Throttle]]:
        """What a known browser's login opens again: the password that strangers' guesses closed (R13)."""
        return [(password_key(self._sealer, account.username), self._policy.password_unknown)]
