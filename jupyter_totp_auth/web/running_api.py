"""The JSON API of what runs here: ``running``, who has started which kernel and which terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tornado import web

from ..core.model import Account
from .account_api import ApiHandler


class RunningHandler(ApiHandler):
    """Whose kernels and terminals: a name beside what ``api/kernels`` and ``api/terminals`` list."""

    @web.authenticated
    async def get(self) -> None:
        """What somebody has started; what nobody has is not here. Names as they are now."""
        mine, belongings = self.login.account, self.rim.rights.belongings
        people = {one.id: one for one in await self.storing(self.now.services.store.accounts.all)}

        def described(key: str, things: Iterable[tuple[str, Account]]) -> list[dict[str, Any]]:
            now = ((name, people.get(owner.id, owner)) for name, owner in things)
            return [{key: name, **_face(owner), "mine": owner.id == mine.id} for name, owner in now]

        self.answer(
            {
                "kernels": described("id", belongings.kernels()),
                "terminals": described("name", belongings.terminals()),
            }
        )


def _face(account: Account) -> dict[str, str]:
    return {
        "username": account.username,
        "display_name": account.display_name,
        "initials": account.initials,
        "color": account.color,
    }
