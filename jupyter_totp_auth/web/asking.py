"""Who asks, in endpoints and pages behind a login; and the error that each of them tells in its own way."""

from __future__ import annotations

from tornado import web

from ..core.logins import LiveLogin
from ..core.model import Role
from .pages import TotpHandler


class ApiError(web.HTTPError):
    """An error of the contract: a status, a machine word and a sentence."""

    def __init__(self, status: int, reason: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(status)
        self.word = reason
        self.sentence = message
        self.retry_after = retry_after


class Asking(TotpHandler):
    """What JSON and the account page ask of a login before they do anything in its name."""

    @property
    def login(self) -> LiveLogin:
        """The login that asks."""
        live = self.live_login
        if live.locked:
            raise ApiError(403, "locked", "Please unlock.")
        return live

    @property
    def live_login(self) -> LiveLogin:
        """The login that asks, locked or not."""
        login = self.visitor.login
        # Asked again: the gate's answer is as old as the request's headers, its body may have come slowly.
        live = self.now.services.logins.live(login.session.digest) if login else None
        if live is None:
            raise ApiError(403, "signed-out", "Please sign in.")
        return live

    @property
    def fresh_login(self) -> LiveLogin:
        """The login that asks, if both factors were given lately (R27): for whatever adds or changes."""
        live, services = self.login, self.now.services
        if not live.session.fresh(at=services.clock(), within=services.policy.fresh_for):
            raise ApiError(403, "step-up", "Please give password and code once more.")
        return live

    def insist_on_admin(self) -> None:
        """403 for anybody but an administrator."""
        if self.login.account.role is not Role.ADMIN:
            raise ApiError(403, "admin", "This is for administrators.")
