"""The page ``account``: the whole panel for Notebook 7 and for browsers without script.

Every form posts to its own URL, ``account/WHAT``. What is shown once stands in the answer to that post alone.
"""

from __future__ import annotations

from urllib.parse import urlencode

from tornado import web

from ..core import names
from .account_acts import ACTS, DONE, PEOPLE, Act, Acting, Next, Shown
from .account_view import read_panel
from .acts import step_up
from .asking import ApiError
from .enroll_pages import PASSWORD_BODY
from .factors_api import number_of
from .pages import STALE, Message
from .people_acts import ROLES
from .words import COLORS, SCOPES, TERMINALS

_WAYS_BACK = {"signed-out": "login", "locked": "login/unlock"}
_TRY_AGAIN = ("denied", "malformed")


class AccountHandler(Acting):
    """What the page and its forms share."""

    totp_body_limit = PASSWORD_BODY

    async def panel(
        self, *, status: int = 200, message: Message | None = None, at: str = "", what: str = ""
    ) -> None:
        """The whole page; ``message`` in the section ``at``, and again what the form ``what`` held."""
        login, search = self.login, self._query("search")
        before = number_of(self.request.query_arguments.get("before"))
        panel = await self.storing(read_panel, self.now.services, login, before=before, search=search)
        self.page(
            "account.html",
            status=status,
            message=message,
            at=at if at != PEOPLE or panel.people is not None else "",
            what=what,
            kept=self._kept(what),
            panel=panel,
            search=search,
            before=before,
            roles=tuple(ROLES),
            terminals=TERMINALS,
            colors=COLORS,
            scopes=SCOPES,
            policy=self.now.services.policy,
        )

    def answer(self, came: Next, *, status: int = 200, message: Message | None = None) -> None:
        """What follows an act: its page, or by a redirect the panel with one sentence."""
        if isinstance(came, Shown):
            self.page(came.template, status=status, message=message, **came.variables)
        else:
            section, _ = DONE[came]
            self.go(f"{self.rim.base_url}account?done={came}#{section}")

    async def attempt(self, what: str, act: Act) -> None:
        """Do it; or the form once more with one sentence, or the way to what is missing."""
        try:
            self.answer(await act.do(self))
        except ApiError as error:
            await self.refuse(what, act, error)

    async def refuse(self, what: str, act: Act, error: ApiError) -> None:
        """Say what is missing, where the person can give it."""
        message = Message("error", error.sentence)
        if error.word in _WAYS_BACK:
            back = urlencode({"next": f"{self.rim.base_url}account"})
            self.go(f"{self.rim.base_url}{_WAYS_BACK[error.word]}?{back}")
        elif error.word == "step-up":
            self.ask_to_confirm(what, status=403)
        elif error.word in _TRY_AGAIN and act.again and isinstance(form := act.again(self), Shown):
            self.answer(form, status=error.status_code, message=message)
        else:
            await self.panel(status=error.status_code, message=message, at=act.section, what=what)

    def ask_to_confirm(self, what: str, *, status: int, message: Message | None = None) -> None:
        """Password and code, with what the act needs in hidden fields: it is done right after them."""
        act = ACTS.get(what)
        self.page(
            "account_confirm.html",
            status=status,
            message=message,
            username=self.login.account.username,
            what=what if act else "",
            kept=self._kept(what),
            purpose=act.purpose if act else "",
            goes_on=act is not None and act.again is None,
            section=act.section if act else "",
        )

    def _kept(self, what: str) -> dict[str, str]:
        return {name: self.field(name) for name in ACTS[what].kept} if what in ACTS else {}

    def _query(self, name: str) -> str:
        values = self.request.query_arguments.get(name, [])
        return values[0].decode("utf-8", "replace")[: names.LONGEST] if len(values) == 1 else ""

    @property
    def done(self) -> tuple[str, Message | None]:
        """What was just done, and where to say it. Not by a link of another site: nothing was done then."""
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return "", None
        section, sentence = DONE.get(self._query("done"), ("", ""))
        return section, Message("info", sentence) if sentence else None


class AccountPage(AccountHandler):
    """Everything about one's own security, and people for administrators."""

    @web.authenticated
    async def get(self) -> None:
        """The page. ``?before=`` pages through the history, ``?search=`` looks for people."""
        at, message = self.done
        await self.panel(message=message, at=at)


class ActPage(AccountHandler):
    """One form of that page."""

    @web.authenticated
    async def get(self, what: str) -> None:
        """Where somebody loads an answer again by its address: what it showed, it showed once."""
        del what
        self.go(f"{self.rim.base_url}account")

    @web.authenticated
    async def post(self, what: str) -> None:
        """Do it."""
        act = ACTS.get(what)
        if act is None:
            raise web.HTTPError(404)
        if self.is_own_request(self.field("_xsrf")):
            await self.attempt(what, act)
        else:
            await self.panel(status=403, message=Message("warning", STALE), at=act.section, what=what)


class StepUpPage(AccountHandler):
    """Both factors once more, and then the act that needed them."""

    @web.authenticated
    async def get(self) -> None:
        """The form alone, for whoever wants to be fresh beforehand."""
        self.ask_to_confirm("", status=200)

    @web.authenticated
    async def post(self) -> None:
        """Check them; then go on with what was asked."""
        what, password, code = self.field("act"), self.field("password"), self.field("code")
        if not self.is_own_request(self.field("_xsrf")):
            self.ask_to_confirm(what, status=403, message=Message("warning", STALE))
            return
        try:
            await step_up(self, password, code)
        except ApiError as error:
            self.refuse_factors(what, error)
        else:
            await self.go_on(what)

    def refuse_factors(self, what: str, error: ApiError) -> None:
        """Wrong, or to be tried later: the form once more."""
        message = Message("error", error.sentence)
        if error.word == "throttled":
            message = self.throttled(error.retry_after or 1)
        self.ask_to_confirm(what, status=error.status_code, message=message)

    async def go_on(self, what: str) -> None:
        """The act that was pressed, where its fields are all there."""
        act = ACTS.get(what)
        if act is None:
            self.answer("confirmed")
        elif act.again is not None:
            self.answer(act.again(self))
        else:
            await self.attempt(what, act)
