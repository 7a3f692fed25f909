"""The page ``login/notice``: what failed on the account since the login before, told before anything else."""

from __future__ import annotations

from tornado import web

from ..core.events import Notice
from ..core.grants import NewLogin
from ..core.model import LoginSession
from .failing import Unavailable
from .pages import PageHandler, TotpHandler
from .words import in_words


class NoticePage(PageHandler):
    """Shown after a login if somebody else tried meanwhile (ASVS 6.3.5). Read, then go on."""

    @web.authenticated
    async def get(self) -> None:
        """The notice, or onward where there is none."""
        login = self.visitor.login
        notice = await self.storing(read_notice, self, login.session) if login else Notice(None)
        if not notice.is_news:
            self.go(self.next_url())
            return
        last = notice.last_login
        self.page(
            "notice.html",
            news=notice,
            last_at=in_words(last.at) if last else "",
            next_url=self.next_url(),
        )


def read_notice(handler: TotpHandler, session: LoginSession) -> Notice:
    """Reads the store."""
    return handler.now.services.store.events.notice(session.account_id, session.id)


async def after_login(handler: PageHandler, new: NewLogin) -> str:
    """Where a browser goes that has just logged in. Without an answer of the store: on, the login stands."""
    try:
        notice = await handler.storing(read_notice, handler, new.session)
    except Unavailable:
        return handler.next_url()
    return handler.with_next("login/notice") if notice.is_news else handler.next_url()
