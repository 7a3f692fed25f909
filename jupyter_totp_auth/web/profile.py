"""``api/me`` of Jupyter itself, with its write off the event loop: a slow store must not stop kernels."""

from __future__ import annotations

from typing import Any

from jupyter_server.services.api.handlers import IdentityHandler
from tornado import web

from ..store import StoreUnavailable
from .failing import COME_AGAIN
from .pool import Busy


class ProfileHandler(IdentityHandler):
    """GET is Jupyter's own."""

    @web.authenticated
    async def patch(self) -> None:
        """Display name, initials, colour; 400 for what they may not be, 503 for a silent store."""
        data = self.get_json_body()
        if not data:
            raise web.HTTPError(400, "Invalid or missing JSON body")
        provider: Any = self.identity_provider
        try:
            changed = await provider.rim.member_pool.run(provider.update_user, self, data)
        except ValueError as error:
            raise web.HTTPError(400, str(error)) from error
        except (StoreUnavailable, Busy):
            self.set_status(503)
            self.set_header("Retry-After", str(COME_AGAIN))
            self.finish({"message": "The profile cannot be changed now.", "reason": "unavailable"})
            return
        self.finish({"status": "success", "identity": provider.identity_model(changed)})
