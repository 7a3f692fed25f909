"""What tests of pages need behind the scenes: invitations, names that must wait, signed-in browsers."""

from __future__ import annotations

import time

from playwright.sync_api import BrowserContext, Locator, Page, expect

from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.core.model import Role
from tests.harness.backstage import Backstage, cookie_name
from tests.harness.client import Client

_FREE_FAILURES = 5


def invite(store: Backstage, username: str) -> str:
    """A new account's enrollment code."""
    return store.services.accounts.add(username, Role.MEMBER, actor="operator").code


def throttle(store: Backstage, username: str, *, seconds: int) -> None:
    """Fail often enough to have to wait, then stretch the second or so: a slow machine must see it too."""
    before = {row[0] for row in store.rows("SELECT digest FROM throttle")}
    client = Client(store.server.url)
    for _ in range(_FREE_FAILURES + 1):
        client.first_factor(username, "wrong again and again")
    mine = {row[0] for row in store.rows("SELECT digest FROM throttle")} - before
    assert len(mine) == 1
    with store.sql() as connection:
        connection.execute(
            "UPDATE throttle SET next_try_at = ? WHERE digest = ?",
            (store.services.clock() + seconds, *mine),
        )


def try_to_be(store: Backstage, username: str) -> None:
    """Fail to sign in as somebody, as from other machines: what the log then holds of it."""
    account, at = store.services.accounts.named(username), store.services.clock()
    tries = [("198.51.100.7", EventKind.FIRST_FACTOR_DENIED)] * 3
    for client, kind in (*tries, ("2001:db8:5::c0de", EventKind.SECOND_FACTOR_DENIED)):
        store.services.store.events.add(Event(kind, at, account.id, account.username, client=client))


def put_login(context: BrowserContext, store: Backstage, username: str) -> None:
    """Sign a browser in as somebody, for tests of what comes after the login."""
    url = store.server.url
    context.add_cookies([{"name": cookie_name(url), "value": store.open_login(username).text, "url": url}])


def make_stale(store: Backstage) -> None:
    """Let the last password and code of every login be ten minutes ago; the server has seen it on return."""
    with store.sql() as connection:
        connection.execute("UPDATE login SET fresh_at = fresh_at - 600")
        connection.execute("UPDATE instance SET revision = revision + 1")
    time.sleep(1)


def open_running(page: Page) -> Locator:
    """The panel *Running Terminals and Kernels*."""
    page.locator('.lm-TabBar-tab[data-id="jp-running-sessions"]').click()
    panel = page.locator("#jp-running-sessions")
    expect(panel).to_be_visible()
    return panel
