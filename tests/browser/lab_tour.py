"""A walk through every state of the panel and of the cover, inside JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Locator, Page, expect

from jupyter_totp_auth.core.model import Role
from tests.browser.chrome import Watch, new_context
from tests.browser.lab import Lab
from tests.browser.people import put_login
from tests.harness.backstage import Backstage, backstage
from tests.harness.canary import note
from tests.harness.client import PASSWORD, Person
from tests.harness.server import JupyterServer

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
SETTINGS = "config/lab/user-settings/@jupyterlab/apputils-extension"

STATES = (
    "panel",
    "panel-phone",
    "panel-codes",
    "panel-step-up",
    "panel-token",
    "panel-people",
    "cover-locked",
    "cover-ended",
)
_BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0",
)


@contextmanager
def stage(home: Path) -> Iterator[Backstage]:
    """A server with JupyterLab, an administrator and some people; in JupyterLab's light theme."""
    with JupyterServer(home, app="lab") as server, backstage(server) as store:
        yield store


def furnish(store: Backstage) -> Person:
    """The administrator ``ada``, and what there is to see of her and of others."""
    accounts = store.services.accounts
    ada = store.enrolled("ada", role=Role.ADMIN)
    store.end_logins("ada")  # that of the enrollment
    store.enrolled("grace")
    accounts.add("alan", Role.MEMBER, actor="ada")
    for browser, client in zip(_BROWSERS[1:], ("198.51.100.7", "2001:db8:5::c0de"), strict=True):
        store.open_login("ada")
        with store.sql() as connection:
            connection.execute(
                "UPDATE login SET user_agent = ?, client = ? WHERE user_agent = 'backstage'",
                (browser, client),
            )
    with store.sql() as connection:
        connection.execute("UPDATE account SET display_name = 'Ada Lovelace' WHERE username = 'ada'")
        connection.execute("UPDATE account SET display_name = 'Grace Hopper' WHERE username = 'grace'")
        connection.execute("UPDATE instance SET revision = revision + 1")
    return ada


@contextmanager
def signed_in(
    browser: Browser, store: Backstage, username: str, theme: Theme = "light"
) -> Iterator[tuple[Page, Watch]]:
    """A tab with JupyterLab in that theme, nothing open."""
    settings = store.server.home / SETTINGS
    settings.mkdir(parents=True, exist_ok=True)
    named = {"themes": {"theme": f"JupyterLab {theme.title()}"}, "notification": {"fetchNews": "false"}}
    for name, content in named.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(content))
    with new_context(browser, user_agent=_BROWSERS[0], reduced_motion="reduce") as (context, watch):
        put_login(context, store, username)
        with store.sql() as connection:
            connection.execute(
                "UPDATE login SET user_agent = ? WHERE user_agent = 'backstage'", (_BROWSERS[0],)
            )
        page = context.new_page()
        page.goto(f"{store.server.url}lab?reset")
        Lab(page).wait_until_loaded()
        is_light = "true" if theme == "light" else "false"
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
        expect(page.locator(".jp-totp-Badge")).to_be_visible()
        yield page, watch


def open_panel(page: Page) -> None:
    """By the badge."""
    choose(page, "Security")
    expect(page.get_by_role("heading", name="My history")).to_be_visible()
    expect(page.locator(".jp-totp-loading")).to_have_count(0)


def choose(page: Page, entry: str) -> None:
    """Something from the menu of the badge."""
    page.locator(".jp-totp-Badge").click()
    page.get_by_role("menuitem", name=entry).click()


def section(page: Page, title: str) -> Locator:
    """A part of the panel."""
    return page.get_by_role("region", name=title)


def make_stale(store: Backstage) -> None:
    """As ten minutes would: what changes something asks for both factors."""
    with store.sql() as connection:
        connection.execute("UPDATE login SET fresh_at = fresh_at - 600")
        connection.execute("UPDATE instance SET revision = revision + 1")


def tour(page: Page, store: Backstage, who: Person) -> Iterator[str]:
    """Show one state after the other and give its name; ``who`` is signed in, and an administrator."""
    page.keyboard.press("Control+b")  # without the file browser, so that it fits a phone as well
    open_panel(page)
    yield "panel"
    yield from _phone(page)
    yield from _codes(page)
    yield from _token(page, store, who)
    yield from _people(page)
    yield from _cover(page, store, who)


def _phone(page: Page) -> Iterator[str]:
    phones = section(page, "Phones and apps")
    phones.locator("[name=name]").fill("Tablet")
    page.locator("[data-totp=add-authenticator]").click()
    expect(phones.get_by_role("img")).to_be_visible()
    note("totp", phones.locator("code").inner_text().replace(" ", ""))
    yield "panel-phone"
    phones.get_by_role("button", name="Cancel").click()


def _codes(page: Page) -> Iterator[str]:
    codes = section(page, "Recovery codes")
    page.locator("[data-totp=new-recovery-codes]").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Make new ones").click()
    expect(codes.get_by_role("listitem")).to_have_count(10)
    note("recovery-code", *codes.get_by_role("listitem").all_inner_texts())
    codes.scroll_into_view_if_needed()
    yield "panel-codes"
    codes.get_by_role("button", name="Done").click()


def _token(page: Page, store: Backstage, who: Person) -> Iterator[str]:
    make_stale(store)
    page.wait_for_timeout(1000)
    tokens = section(page, "Access tokens")
    tokens.locator("[name=name]").fill("VS Code")
    page.locator("[data-totp=create-token]").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog.locator("[name=code]")).to_be_visible()
    yield "panel-step-up"
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.locator("[name=code]").fill(who.phone.fresh_code())
    dialog.get_by_role("button", name="Confirm").click()
    made = tokens.locator("code").first
    expect(made).to_be_visible()
    note("access-token", made.inner_text())
    tokens.scroll_into_view_if_needed()
    yield "panel-token"
    tokens.get_by_role("button", name="Done").click()


def _people(page: Page) -> Iterator[str]:
    people = section(page, "People")
    name = f"guest{page.evaluate('Date.now() % 1e6')}"
    people.locator("[name=username]").fill(name)
    page.locator("[data-totp=add-account]").click()
    expect(people.get_by_role("img")).to_be_visible()
    note("enrollment-code", people.locator("code").first.inner_text().partition("#")[2])
    people.get_by_role("button", name=f"Manage {name}").click()
    people.scroll_into_view_if_needed()
    yield "panel-people"
    people.get_by_role("button", name="Done").click()


def _cover(page: Page, store: Backstage, who: Person) -> Iterator[str]:
    cover = page.locator(".jp-totp-Cover")
    choose(page, "Lock now")
    expect(cover.locator("[name=code]")).to_be_focused()
    yield "cover-locked"
    # Not by a code: a phone has two a minute, and who needs a third has to wait for it.
    cover.get_by_role("button", name="Use my password").click()
    cover.locator("[name=password]").fill(PASSWORD)
    page.locator("[data-totp=unlock]").click()
    expect(cover).to_have_count(0)
    store.end_logins(who.username)
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    yield "cover-ended"
