"""The page ``login/unlock``: one factor, where a login was locked."""

from __future__ import annotations

from jupyter_server.auth.decorator import allow_unauthenticated

from ..core import recovery, totp
from ..core.logins import LiveLogin
from ..core.model import Denied, Refusal
from .login_pages import NOT_A_CODE, WRONG_PASSWORD
from .pages import STALE, Message, PageHandler

WRONG_CODE = "That code is wrong or was used already."
NOTHING = "Please give a code, or your password."


class UnlockPage(PageHandler):
    """A code, a recovery code, or the password. The gate lets only logins come here."""

    @allow_unauthenticated
    async def get(self) -> None:
        """The form, for a login that is locked."""
        if self.visitor.locked:
            self.form()
        else:
            self.go(self.next_url())

    @allow_unauthenticated
    async def post(self) -> None:
        """Check the one factor."""
        login = self.visitor.login
        code, password = self.field("code"), self.field("password")
        if login is None or not self.visitor.locked:
            self.go(self.next_url())
        elif not self.is_own_request(self.field("_xsrf")):
            self.form(status=403, message=Message("warning", STALE))
        elif bool(code) == bool(password):
            self.form(status=400, message=Message("error", NOTHING))
        elif code and totp.read(code) is None and recovery.read(code) is None:
            self.form(status=400, message=Message("error", NOT_A_CODE))
        else:
            await self.check(login, code, password)

    async def check(self, login: LiveLogin, code: str, password: str) -> None:
        """Onward, or the form once more."""
        stepup = self.now.services.stepup
        if code:
            denied = await self.storing(stepup.unlock_by_code, login, typed_code=code, origin=self.origin)
        else:
            denied = await self.hashing(
                stepup.unlock_by_password, login, typed_password=password, origin=self.origin
            )
        match denied:
            case None:
                await self.settled()
                self.go(self.next_url())
            case Denied(refusal=Refusal.THROTTLED, retry_after=seconds):
                self.form(status=429, message=self.throttled(seconds or 1))
            case _:
                wrong = WRONG_CODE if code else WRONG_PASSWORD
                self.form(status=401, message=Message("error", wrong))

    def form(self, *, status: int = 200, message: Message | None = None) -> None:
        """The two ways to unlock, and the way out."""
        login = self.visitor.login
        by_password = self.request.method == "POST" and bool(self.field("password"))
        self.page(
            "unlock.html",
            status=status,
            message=message,
            username=login.account.username if login else "",
            by_password=by_password,
            logout_url=f"{self.rim.base_url}logout",
        )
