"""The JSON API of this very login: ``lock``, ``unlock``, ``step-up``, ``activity``."""

from __future__ import annotations

from tornado import web

from ..wiring import iso
from . import acts
from .account_api import ApiHandler
from .acts import insist_on_code, refused
from .asking import ApiError


class LockHandler(ApiHandler):
    """Serve nothing until one factor is given."""

    @web.authenticated
    async def post(self) -> None:
        """Kernels run on; sockets are closed before this is answered."""
        self.insist_on_own_request()
        await self.storing(self.now.services.logins.lock, self.login, self.origin.client)
        await self.settled()
        self.set_status(204)


class UnlockHandler(ApiHandler):
    """One factor, after a lock: ``{"code"}`` or ``{"password"}``."""

    @web.authenticated
    async def post(self) -> None:
        """204; it does not make fresh. A login that is not locked is left as it is."""
        self.insist_on_own_request()
        kind, text = self.one_string("code", "password")
        await self.settled()  # another process may have locked it a moment ago
        login, stepup = self.live_login, self.now.services.stepup
        if not login.locked:
            self.set_status(204)
            return
        if kind == "code":
            insist_on_code(text)
            denied = await self.storing(stepup.unlock_by_code, login, typed_code=text, origin=self.origin)
        else:
            denied = await self.hashing(
                stepup.unlock_by_password, login, typed_password=text, origin=self.origin
            )
        if denied is not None:
            raise refused(denied)
        await self.settled()
        self.set_status(204)


class StepUpHandler(ApiHandler):
    """Both factors once more: five minutes in which things may be added and changed."""

    @web.authenticated
    async def post(self) -> None:
        """200, and the login under a new cookie (R23); its sockets stay open."""
        self.insist_on_own_request()
        password, code = self.strings("password", "code")
        session = await acts.step_up(self, password, code)
        self.answer({"fresh_until": iso(session.fresh_at + self.now.services.policy.fresh_for)})


class ActivityHandler(ApiHandler):
    """The heartbeat of a person: sent on input, never by a timer (R25)."""

    @web.authenticated
    async def post(self) -> None:
        """204, or 403 ``locked`` where it comes too late."""
        self.insist_on_own_request()
        if not await self.storing(self.now.services.logins.active, self.login):
            raise ApiError(403, "locked", "Please unlock.")
        self.set_status(204)
