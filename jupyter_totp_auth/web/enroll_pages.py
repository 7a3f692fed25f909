"""The pages ``enroll…``: the enrollment code, name and password, the QR, the recovery codes."""

from __future__ import annotations

from jupyter_server.auth.decorator import allow_unauthenticated
from markupsafe import Markup

from ..core import qr, totp
from ..core.binding import Enrolled
from ..core.enrollment import Stage
from ..core.model import Denied, Enrollment, Issued, Outcome, Refusal
from .cookies import Cookie
from .login_pages import leave_the_old
from .pages import STALE, Message, PageHandler, drift_message

UNKNOWN_CODE = (
    "That enrollment code is wrong, used or too old: it works once, and a newer one makes it void. Ask "
    "whoever runs this server for another (jupyter totp reset NAME); where nobody is enrolled yet, each "
    "start of the server prints a new one."
)
BEGIN_AGAIN = "That took too long, or too many tries were wrong. Please enter the enrollment code again."
WRONG_PASSWORD = "That is not this account's password."  # noqa: S105
SHOWN_ONCE = (
    "You are signed in, and nothing is being set up in this browser. Recovery codes are shown only once. If "
    "you have not kept yours, ask whoever runs this server for a new enrollment link "
    "(jupyter totp reset NAME)."
)
NOT_THE_SAME = "The two passwords are not the same."
WRONG_CODE = "That code does not fit. Wait for the next one, and type it while the app shows it."

PASSWORD_BODY = 32 * 1024


class EnrollHandler(PageHandler):
    """What the steps share."""

    @property
    def bearer(self) -> str | None:
        """This browser's half-done enrollment."""
        return self.rim.cookies.read(self.request, Cookie.ENROLLMENT, secure=self.visitor.secure)

    async def stage(self) -> Stage | None:
        """How far it has come."""
        return await self.storing(self.now.services.enrollment.stage, self.bearer)

    def begin_again(self) -> None:
        """Back to page 1; where page 4 was loaded again, nothing went wrong, and the person is in."""
        self.rim.cookies.clear(self, Cookie.ENROLLMENT)
        signed_in = self.visitor.login is not None
        self.page(
            "enroll_code.html",
            status=401,
            message=Message("info", SHOWN_ONCE) if signed_in else Message("warning", BEGIN_AGAIN),
            signed_in=signed_in,
            action=f"{self.rim.base_url}enroll",
        )


class EnrollCodePage(EnrollHandler):
    """Page 1: the enrollment code, out of the link's fragment or typed."""

    @allow_unauthenticated
    async def get(self) -> None:
        """The form."""
        self.page("enroll_code.html")

    @allow_unauthenticated
    async def post(self) -> None:
        """Begin, voiding a half-done try with the same code."""
        if not self.is_own_request(self.field("_xsrf")):
            self.page("enroll_code.html", status=403, message=Message("warning", STALE))
            return
        self.answer(await self.start())

    async def start(self) -> Outcome[Enrollment]:
        """Look the code up, unless too many came from this address: it costs the store, not the code."""
        wait = await self.admit(self.rim.enroll_addresses)
        if wait is not None:
            return Denied(Refusal.THROTTLED, retry_after=wait)
        start = self.now.services.enrollment.start
        return await self.storing(start, self.field("enrollment_code"), self.origin)

    def answer(self, outcome: Issued[Enrollment] | Denied) -> None:
        """Onward, or the form once more."""
        match outcome:
            case Denied(refusal=Refusal.THROTTLED, retry_after=seconds):
                self.page("enroll_code.html", status=429, message=self.throttled(seconds or 1))
            case Issued():
                self.rim.cookies.put_enrollment(self, outcome)
                self.go(f"{self.rim.base_url}enroll/account")
            case _:
                message = Message("error", UNKNOWN_CODE)
                self.page("enroll_code.html", status=401, message=message)


class EnrollAccountPage(EnrollHandler):
    """Page 2: a name (first set-up) and a password; only the password, where the account has one."""

    totp_body_limit = PASSWORD_BODY

    @allow_unauthenticated
    async def get(self) -> None:
        """The form."""
        stage = await self.stage()
        if stage is None:
            self.go(f"{self.rim.base_url}enroll")
        else:
            self.form(stage)

    @allow_unauthenticated
    async def post(self) -> None:
        """Keep name and password."""
        stage = await self.stage()
        if stage is None:
            self.begin_again()
            return
        objection = self.objection(stage)
        if objection is not None:
            self.form(stage, status=objection[0], message=objection[1])
            return
        outcome = await self.hashing(
            self.now.services.enrollment.choose,
            self.bearer,
            typed_name=self.field("username"),
            typed_password=self.field("password"),
            client=self.origin.client,
        )
        self.answer(outcome, stage)

    def objection(self, stage: Stage) -> tuple[int, Message] | None:
        """What is wrong with the form itself."""
        if not self.is_own_request(self.field("_xsrf")):
            return 403, Message("warning", STALE)
        if not stage.has_password and self.field("password") != self.field("password_again"):
            return 400, Message("error", NOT_THE_SAME)
        return None

    def answer(self, outcome: Stage | Denied, stage: Stage) -> None:
        """Onward to the QR, or the form once more."""
        match outcome:
            case Stage():
                self.go(f"{self.rim.base_url}enroll/phone")
            case Denied(refusal=Refusal.EXPIRED):
                self.begin_again()
            case Denied(refusal=Refusal.THROTTLED, retry_after=seconds):
                self.form(stage, status=429, message=self.throttled(seconds or 1))
            case Denied(refusal=Refusal.DENIED):
                self.form(stage, status=401, message=Message("error", WRONG_PASSWORD))
            case Denied(text=text):
                self.form(stage, status=400, message=Message("error", text))

    def form(self, stage: Stage, *, status: int = 200, message: Message | None = None) -> None:
        """The account form."""
        first_setup = stage.enrollment.creates_account
        typed = self.field("username") if self.request.method == "POST" and first_setup else ""
        self.page(
            "enroll_account.html",
            status=status,
            message=message,
            first_setup=first_setup,
            username=typed[:64] or stage.username or "",
            password_set=stage.has_password,
            min_length=self.now.services.policy.password_min,
        )


class EnrollPhonePage(EnrollHandler):
    """Page 3: the QR and its text key; one code to confirm. Then page 4, once."""

    @allow_unauthenticated
    async def get(self) -> None:
        """The QR: the same one to the same browser until it is confirmed, afterwards never."""
        stage = await self.stage()
        if stage is None:
            self.go(f"{self.rim.base_url}enroll")
        elif stage.secret is None:
            self.go(f"{self.rim.base_url}enroll/account")
        else:
            self.form(stage)

    @allow_unauthenticated
    async def post(self) -> None:
        """Confirm a code from the phone."""
        stage = await self.stage()
        if stage is None or stage.secret is None:
            self.begin_again()
        elif not self.is_own_request(self.field("_xsrf")):
            self.form(stage, status=403, message=Message("warning", STALE))
        else:
            outcome = await self.storing(
                self.now.services.enrollment.confirm,
                self.bearer,
                typed_code=self.field("code"),
                origin=self.origin,
            )
            await self.answer(outcome, stage)

    async def answer(self, outcome: Issued[Enrolled] | Denied, stage: Stage) -> None:
        """The recovery codes, or the form once more."""
        match outcome:
            case Issued():
                await self.welcome(outcome)
            case Denied(refusal=Refusal.DENIED, text=text):
                self.form(stage, status=401, message=Message("error", text or WRONG_CODE))
            case Denied(refusal=Refusal.CLOCK, drift=drift):
                self.form(stage, status=401, message=drift_message(drift or 0))
            case _:
                self.begin_again()

    async def welcome(self, issued: Issued[Enrolled]) -> None:
        """Sign in, and show the recovery codes: in this answer and never again."""
        rim, enrolled = self.rim, issued.value
        rim.cookies.put_login(self, issued)
        rim.cookies.put_known_browser(
            self, enrolled.known_browser, self.now.services.policy.known_browser_lifetime
        )
        token = rim.xsrf.issue(self, login_id=enrolled.session.id, secure=self.visitor.secure)
        await leave_the_old(self, issued.bearer)
        self.page(
            "enroll_recovery_codes.html",
            codes=enrolled.recovery_codes,
            username=enrolled.account.username,
            action=f"{rim.base_url}enroll/recovery-codes",
            xsrf=token,
        )

    def form(self, stage: Stage, *, status: int = 200, message: Message | None = None) -> None:
        """QR, text key, and the field for the code."""
        secret = stage.secret or b""
        uri = totp.uri(secret, username=stage.username or "", issuer=self.now.issuer)
        self.page(
            "enroll_phone.html",
            status=status,
            message=message,
            qr_svg=Markup(qr.svg(uri)),  # noqa: S704 - made by us from base32 and an escaped name
            secret=totp.to_base32(secret),
            uri=uri,
            username=stage.username or "",
        )


class EnrollDonePage(EnrollHandler):
    """*Continue*, from the recovery codes into JupyterLab."""

    @allow_unauthenticated
    async def get(self) -> None:
        """The codes were shown once; there is nothing to see here."""
        self.go(self.rim.base_url)

    @allow_unauthenticated
    async def post(self) -> None:
        """Onward. Nothing changes here, so nothing is checked."""
        self.go(self.rim.base_url)
