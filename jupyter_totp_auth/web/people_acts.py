"""What administrators do to accounts: one function an act, for the JSON API and for the account page.

An administrator sees no secret and sets nobody's password: an enrollment code is what they hand over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..core.accounts import Invitation, Refused
from ..core.logins import LiveLogin
from ..core.model import Account, AccountChange, Role, Terminals
from .acts import error_of
from .asking import Asking

T = TypeVar("T")

ROLES = {role.value: role for role in Role}
TERMINALS = {one.value: one for one in Terminals}


async def add(
    asking: Asking, username: str, role: Role, *, display_name: str = "", expires_at: int | None = None
) -> Invitation:
    """A new account, and the code that enrolls its person, this once."""
    admin, call = fresh_admin(asking), asking.now.services.accounts.add
    return await _act(asking, admin, call, username, role, display_name=display_name, expires_at=expires_at)


async def change(asking: Asking, account_id: str, wanted: AccountChange) -> Account:
    """Role, terminals, open or closed, expiry; never the last administrator's."""
    admin = fresh_admin(asking)
    changed = await _act(asking, admin, asking.now.services.accounts.change, account_id, wanted)
    await asking.settled()
    return changed


async def reset(asking: Asking, account_id: str) -> Invitation:
    """A new enrollment code; the old second factor stays until the new phone is confirmed."""
    admin, name = fresh_admin(asking), (await named(asking, account_id)).username
    invitation = await _act(asking, admin, asking.now.services.accounts.reset, name)
    await asking.settled()
    return invitation


async def end_logins(asking: Asking, account_id: str, *, grace: int = 0) -> Account:
    """End all logins of a person, maybe after a grace. That only takes away: no step-up (R27)."""
    asking.insist_on_admin()
    admin, account = asking.login, await named(asking, account_id)
    await _act(asking, admin, asking.now.services.accounts.end_logins, account.username, grace=grace)
    await asking.settled()
    return account


async def remove(asking: Asking, account_id: str) -> None:
    """The account and everything bound to it; its events stay."""
    admin = fresh_admin(asking)
    await _act(asking, admin, asking.now.services.accounts.remove, account_id)
    await asking.settled()


async def named(asking: Asking, account_id: str) -> Account:
    """The account of an id. 404."""
    try:
        return await asking.storing(asking.now.services.accounts.of_id, account_id)
    except Refused as refused:
        raise error_of(refused) from None


def front_url(asking: Asking) -> str:
    """Where people reach this server: as configured, else as the administrator does."""
    if asking.now.public_url:
        return f"{asking.now.public_url.rstrip('/')}/"
    scheme = "https" if asking.visitor.secure else "http"
    return f"{scheme}://{asking.request.host}{asking.rim.base_url}"


def fresh_admin(asking: Asking) -> LiveLogin:
    """The login that asks, an administrator's, if both factors were given lately. ApiError 403."""
    asking.insist_on_admin()
    return asking.fresh_login


async def _act(asking: Asking, by: LiveLogin, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """One of ``core.accounts``' acts, in the name of this administrator."""
    actor, client = by.account.username, asking.origin.client
    try:
        return await asking.storing(call, *args, **kwargs, actor=actor, client=client)
    except Refused as refused:
        raise error_of(refused) from None
