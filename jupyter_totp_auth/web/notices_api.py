"""The JSON API of notices: everybody reads them, administrators send and withdraw them."""

from __future__ import annotations

from tornado import web

from ..wiring import notice_document
from . import notice_acts
from .account_api import ApiHandler
from .fields import string, whole_number


class NoticesHandler(ApiHandler):
    """What everybody is told."""

    @web.authenticated
    async def get(self) -> None:
        """Those that are not over, the newest first. From memory."""
        self.answer({"notices": [notice_document(one) for one in self.now.services.notices.live()]})

    @web.authenticated
    async def post(self) -> None:
        """Tell everybody: 201. Needs a fresh login."""
        self.insist_on_own_request()
        document = self.document("message", optional=("valid_for",))
        lasts = whole_number(document, "valid_for")
        self.answer(notice_document(await notice_acts.send(self, string(document, "message"), lasts)), 201)


class OneNoticeHandler(ApiHandler):
    """One of them."""

    @web.authenticated
    async def delete(self, notice_id: str) -> None:
        """Take it back. That only takes away, so a login need not be fresh (R27)."""
        self.insist_on_own_request()
        await notice_acts.withdraw(self, notice_id)
        self.set_status(204)
