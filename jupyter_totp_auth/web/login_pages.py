"""The pages ``login``, ``login/code`` and ``logout``: read the fields, ask the core, show the outcome."""

from __future__ import annotations

from jupyter_server.auth.decorator import allow_unauthenticated

from ..core import names, recovery, totp
from ..core.grants import NewLogin
from ..core.model import Denied, Issued, Outcome, PendingLogin, Refusal
from .cookies import Cookie
from .failing import Unavailable
from .metrics import measured
from .notice_page import after_login
from .pages import STALE, Message, PageHandler, TotpHandler, drift_message
from .visitor import Visitor

WRONG = "That did not work: the user name, the password or the code is wrong."
WRONG_PASSWORD = "That password is wrong."  # noqa: S105
BEGIN_AGAIN = "That took too long, or too many codes were wrong. Please sign in again."
SERVER_CLOCK = "This server's clock is wrong, so it cannot check codes. A recovery code works."
NOT_A_CODE = "A code is the six digits that your app shows; a recovery code has 24 letters and digits."


class LoginPage(PageHandler):
    """Name and password. The answer is the code page, whatever they were."""

    totp_signs_in = True

    @allow_unauthenticated
    async def get(self) -> None:
        """The form; or onward, for somebody who is signed in."""
        if self.visitor.locked:
            self.go(self.with_next("login/unlock"))
        elif self.visitor.login is not None:
            self.go(self.next_url())
        else:
            self.form()

    @allow_unauthenticated
    async def post(self) -> None:
        """Check the first factor."""
        name, password = self.field("username"), self.field("password")
        if not self.is_own_request(self.field("_xsrf")):
            self.form(name, status=403, message=Message("warning", STALE))
            return
        self.answer(await first_factor(self, name, password), name)

    def answer(self, outcome: Issued[PendingLogin] | Denied, name: str) -> None:
        """Onward to the code page, or the form once more."""
        match outcome:
            case Issued():
                self.rim.cookies.put_pending(self, outcome)
                self.go(self.with_next("login/code"))
            case Denied(refusal=Refusal.THROTTLED, retry_after=seconds):
                self.form(name, status=429, message=self.throttled(seconds or 1))
            case _:
                self.form(name, status=401, message=Message("error", WRONG_PASSWORD))

    def form(self, username: str = "", *, status: int = 200, message: Message | None = None) -> None:
        """The login form. What the field held is shown again, as text, up to a name's length."""
        shown = username[: names.LONGEST]
        self.page(
            "login.html",
            status=status,
            message=message,
            username=shown,
            awaiting_setup=self.rim.awaiting_setup,
        )


class CodePage(PageHandler):
    """The six digits, or a recovery code."""

    totp_signs_in = True

    @allow_unauthenticated
    async def get(self) -> None:
        """The form, for a browser with a pending login."""
        if self.visitor.locked:
            self.go(self.with_next("login/unlock"))
        elif self.visitor.login is not None:
            self.go(self.next_url())
        elif await self.storing(self.now.services.login.is_pending, self._pending):
            self.form()
        else:
            self.go(self.with_next("login"))

    @allow_unauthenticated
    async def post(self) -> None:
        """Check the second factor."""
        code = self.field("code")
        if not self.is_own_request(self.field("_xsrf")):
            self.form(status=403, message=Message("warning", STALE))
        elif totp.read(code) is None and recovery.read(code) is None:
            self.form(status=400, message=Message("error", NOT_A_CODE))
        else:
            await self.answer(await second_factor(self, self._pending, code, stays=self.field("stay") == "1"))

    async def answer(self, outcome: Issued[NewLogin] | Denied) -> None:
        """In, or the form once more, or back to the start."""
        match outcome:
            case Issued():
                await sign_in(self, outcome)
                self.go(await after_login(self, outcome.value))
            case Denied(refusal=Refusal.EXPIRED):
                self.rim.cookies.clear(self, Cookie.PENDING)
                message = Message("warning", BEGIN_AGAIN)
                self.page(
                    "login.html", status=401, message=message, username="", action=self.with_next("login")
                )
            case Denied(refusal=Refusal.THROTTLED, retry_after=seconds):
                self.form(status=429, message=self.throttled(seconds or 1))
            case Denied(refusal=Refusal.SERVER_CLOCK):
                self.tell_of_the_clock()
                self.form(status=503, message=Message("error", SERVER_CLOCK))
            case Denied(refusal=Refusal.CLOCK, drift=drift):
                self.form(status=401, message=drift_message(drift or 0))
            case Denied(text=text):
                self.form(status=401, message=Message("error", text or WRONG))

    def form(self, *, status: int = 200, message: Message | None = None) -> None:
        """The code form."""
        stay = self.request.method == "POST" and self.field("stay") == "1"
        self.page(
            "code.html",
            status=status,
            message=message,
            stay=stay,
            restart_url=self.with_next("login"),
        )

    @property
    def _pending(self) -> str | None:
        return self.rim.cookies.read(self.request, Cookie.PENDING, secure=self.visitor.secure)


async def first_factor(handler: TotpHandler, name: str, password: str) -> Outcome[PendingLogin]:
    """The first factor, in the order that a flood cannot stop: known? then address, queue and hash."""
    wait = await handler.admit(handler.rim.login_addresses, name=name)
    if wait is not None:
        return Denied(Refusal.THROTTLED, retry_after=wait)
    cookies, secure = handler.rim.cookies, handler.visitor.secure
    verdict = handler.hashing(
        handler.now.services.login.first_factor,
        typed_name=name,
        typed_password=password,
        origin=handler.origin,
        known_browser=cookies.read(handler.request, Cookie.KNOWN_BROWSER, secure=secure),
        begun_before=cookies.read(handler.request, Cookie.PENDING, secure=secure),
    )
    return await measured("first", verdict)


async def second_factor(
    handler: TotpHandler, pending_bearer: str | None, code: str, *, stays: bool = False
) -> Outcome[NewLogin]:
    """The second factor, for the login that was begun with ``pending_bearer``."""
    verdict = handler.storing(
        handler.now.services.login.second_factor,
        pending_bearer=pending_bearer,
        typed_code=code,
        origin=handler.origin,
        stays=stays,
    )
    return await measured("second", verdict)


async def sign_in(handler: TotpHandler, issued: Issued[NewLogin]) -> None:
    """Put the cookies of a login that was just granted, and end the one this browser had before."""
    rim = handler.rim
    rim.cookies.put_login(handler, issued)
    if issued.value.known_browser is not None:
        lifetime = handler.now.services.policy.known_browser_lifetime
        rim.cookies.put_known_browser(handler, issued.value.known_browser, lifetime)
    rim.xsrf.issue(handler, login_id=issued.value.session.id, secure=handler.visitor.secure)
    await leave_the_old(handler, issued.bearer)


async def leave_the_old(handler: TotpHandler, new_bearer: str) -> None:
    """Have the new login in memory, and end the one this browser had.

    The new one is granted already: where the store is silent now, the answer still goes out with its cookie
    (and with recovery codes that are shown only once). The gate looks the login up, the poll cuts sockets.
    """
    try:
        await handler.storing(handler.now.services.logins.load, new_bearer)
        await end_login(handler, handler.visitor)
        await handler.settled()  # a re-enrollment has ended every other login of the account
    except Unavailable:
        handler.rim.log.warning("The account store does not answer; a login was granted all the same.")


async def end_login(handler: TotpHandler, visitor: Visitor) -> None:
    """End the visitor's login, if there is one, and cut its sockets before anything is answered."""
    if visitor.login is not None:
        logins = handler.now.services.logins
        await handler.storing(logins.log_out, visitor.login, visitor.origin.client)
        await handler.settled()


class LogoutPage(PageHandler):
    """POST ends the login. GET does, too, where a person chose *Log Out* in this server's own page."""

    @allow_unauthenticated
    async def get(self) -> None:
        """End at once for a same-origin navigation of a document; else ask.

        Not for Sec-Fetch-Site alone: an ``<img>`` in a notebook is same-origin as well.
        """
        login = self.visitor.login
        fetch = [self.request.headers.get(f"Sec-Fetch-{what}") for what in ("Site", "Mode", "Dest")]
        if login is None:
            self.goodbye()
        elif fetch == ["same-origin", "navigate", "document"]:
            await self.end()
        else:
            self.ask()

    @allow_unauthenticated
    async def post(self) -> None:
        """End the login."""
        if self.visitor.login is None:  # nothing to end; least of all because another site asks
            self.goodbye()
        elif not self.is_own_request(self.field("_xsrf")):
            self.ask(status=403, message=Message("warning", STALE))
        else:
            await self.end()

    async def end(self) -> None:
        """End it in the store, cut its sockets, take the cookie away, and renew the CSRF pair."""
        await end_login(self, self.visitor)
        self.rim.cookies.clear(self, Cookie.LOGIN)
        if self.rim.base_url == "/":  # under a prefix, the rest of the site is not ours to clear
            self.set_header("Clear-Site-Data", '"cache", "storage"')
        self.goodbye(fresh=True)

    def ask(self, *, status: int = 200, message: Message | None = None) -> None:
        """A button."""
        login = self.visitor.login
        name = login.account.display_name if login else ""
        self.page("logout.html", status=status, message=message, username=name, back_url=self.rim.base_url)

    def goodbye(self, *, fresh: bool = False) -> None:
        """This browser is logged out."""
        secure = self.visitor.secure
        token = self.rim.xsrf.issue(self, login_id=None, secure=secure) if fresh else ""
        self.page("signed_out.html", xsrf=token, login_url=f"{self.rim.base_url}login")
