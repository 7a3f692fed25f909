"""Who asks, in endpoints and pages behind a login; and the error that each of them tells in its own way."""

from __future__ import annotations

from tornado import web

from ..core.endings import LONGEST_GRACE
from ..core.logins import LiveLogin
from ..core.model import Role
from .pages import TotpHandler

BAD_GRACE = f"grace is a number of seconds, at most {LONGEST_GRACE}."
ENDING = "This login is about to end. Sign in again to change anything."


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
        if live.session.ending is not None:  # password and code would not help: it is being shown out
            raise ApiError(403, "ending", ENDING)
        if not live.session.fresh(at=services.clock(), within=services.policy.fresh_for):
            raise ApiError(403, "step-up", "Please give password and code once more.")
        return live

    @property
    def grace(self) -> int:
        """``?grace=``: how many seconds a login is left that is to end. None said: none. 400.

        In the query, not in a body: that of a DELETE means nothing to HTTP, and some proxies drop it.
        """
        said = self.request.query_arguments.get("grace", [b"0"])
        text = said[0].decode("ascii", "replace")
        if len(said) != 1 or not (text.isascii() and text.isdecimal()) or len(text) > len(str(LONGEST_GRACE)):
            raise ApiError(400, "malformed", BAD_GRACE)
        if int(text) > LONGEST_GRACE:
            raise ApiError(400, "malformed", BAD_GRACE)
        return int(text)

    def insist_on_admin(self) -> None:
        """403 for anybody but an administrator."""
        if self.login.account.role is not Role.ADMIN:
            raise ApiError(403, "admin", "This is for administrators.")
