"""What the page ``account`` shows: read from the store in one go, secrets left where they are."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.events import Event
from ..core.logins import LiveLogin
from ..core.model import AccessToken, Account, LoginSession, Role, TotpAuthenticator
from ..core.notices import AdminNotice
from ..wiring import Services

EVENTS_SHOWN = 20
PEOPLE_SHOWN = 50
FEW_CODES = 3
"""As many recovery codes, or fewer, and the page says that they run out."""


@dataclass(frozen=True)
class People:
    """Those who were looked for, by name, as far as they are shown."""

    shown: list[Account]
    found: int
    last_logins: dict[str, int]


@dataclass(frozen=True)
class Panel:
    """One person's own security; and people, for an administrator."""

    login: LiveLogin
    phones: list[TotpAuthenticator]
    codes_left: int
    logins: list[LoginSession]
    tokens: list[AccessToken]
    events: list[Event]
    older: int | None
    """What was before the last of ``events``: the id to ask for it with."""
    people: People | None
    notices: list[AdminNotice]
    few_codes = FEW_CODES


def read_panel(services: Services, login: LiveLogin, *, before: int | None, search: str) -> Panel:
    """Reads the store. ``before``: the id of an event; ``search``: a part of a name, or nothing."""
    mine = login.account.id
    events = services.store.events.list(account_id=mine, before=before, limit=EVENTS_SHOWN + 1)
    newest = list(reversed(events))[:EVENTS_SHOWN]
    return Panel(
        login=login,
        phones=services.authenticators.of_account(mine),
        codes_left=services.store.accounts.recovery_codes_left(mine),
        logins=services.logins.of_account(mine),
        tokens=services.access_tokens.of_account(mine),
        events=[event for _, event in newest],
        older=newest[-1][0] if len(events) > EVENTS_SHOWN else None,
        people=_people(services, search) if login.account.role is Role.ADMIN else None,
        notices=services.notices.live(),
    )


def _people(services: Services, search: str) -> People:
    wanted = search.strip().lower()
    everybody = services.accounts.all()
    found = [one for one in everybody if wanted in one.username or wanted in one.display_name.lower()]
    return People(found[:PEOPLE_SHOWN], len(found), services.store.accounts.last_logins())
