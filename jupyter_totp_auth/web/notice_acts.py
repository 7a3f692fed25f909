"""What administrators do with notices: one function an act, for the JSON API and for the account page."""

from __future__ import annotations

from typing import Any

from ..core.accounts import Refused
from ..core.notices import AdminNotice
from .acts import error_of
from .asking import ApiError, Asking
from .people_acts import fresh_admin


async def send(asking: Asking, message: str, valid_for: int | None) -> AdminNotice:
    """Tell everybody.

    With password and code given lately: a text that all believe is what a stolen login, or a script in an
    administrator's page, would send first.
    """
    by = fresh_admin(asking).account
    who: dict[str, Any] = {"by": by, "actor": by.username, "client": asking.origin.client}
    try:
        notice = await asking.storing(asking.now.services.notices.send, message, valid_for=valid_for, **who)
    except Refused as refused:
        raise error_of(refused) from None
    await asking.settled()
    return notice


async def withdraw(asking: Asking, notice_id: str) -> None:
    """Take one back."""
    asking.insist_on_admin()
    by = asking.login.account
    who: dict[str, Any] = {"by": by, "actor": by.username, "client": asking.origin.client}
    try:
        await asking.storing(asking.now.services.notices.withdraw, notice_id, **who)
    except Refused:
        raise ApiError(404, "not-found", "There is no such notice.") from None
    await asking.settled()
