"""Inside JupyterLab: a login that ends or is locked covers the page, and nothing of it is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, WebSocket, expect

from tests.browser.chrome import PATIENCE, new_context
from tests.browser.lab import TYPING, Lab
from tests.browser.people import put_login
from tests.harness.backstage import Backstage
from tests.harness.client import PASSWORD, Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def page(browser: Browser, store: Backstage, somebody: Person) -> Iterator[Page]:
    """A tab with JupyterLab in which somebody is signed in."""
    with new_context(browser) as (context, _):
        put_login(context, store, somebody.username)
        page = context.new_page()
        page.goto(f"{store.server.url}lab?reset")
        Lab(page).wait_until_loaded()
        expect(page.locator(".jp-totp-Badge")).to_have_text(re.compile(re.escape(somebody.username)))
        yield page


def cover(page: Page) -> Locator:
    """What hides the page while nobody is signed in."""
    return page.locator(".jp-totp-Cover")


def sign_in(page: Page, person: Person, *, password: str = PASSWORD) -> None:
    """Both factors, in the page."""
    cover(page).locator("[name=password]").fill(password)
    cover(page).locator("[name=code]").fill(person.phone.fresh_code())
    page.locator("[data-totp=sign-in]").click()


def choose(page: Page, entry: str) -> None:
    """Something from the menu of the badge."""
    page.locator(".jp-totp-Badge").click()
    page.get_by_role("menuitem", name=entry).click()


def is_terminal(socket: WebSocket) -> bool:
    return "/terminals/websocket/" in socket.url


def test_a_login_lost_in_the_middle_of_a_cell_costs_nothing(
    page: Page, store: Backstage, somebody: Person
) -> None:
    lab = Lab(page)
    lab.new_terminal()
    page.keyboard.type("KEPT=$((40+2))\n", delay=TYPING)
    lab.menu("File", "New", "Notebook")
    page.get_by_role("button", name="Select Kernel").or_(page.get_by_role("button", name="Select")).click()
    ready = page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| Idle$"))
    expect(ready).to_be_visible(timeout=PATIENCE)
    lab.run("kept = 41")
    output = lab.run("import time; time.sleep(6); print(kept + 1)")
    page.keyboard.type("# not saved yet", delay=TYPING)

    store.end_logins(somebody.username)
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible(timeout=5000)
    expect(cover(page)).to_contain_text("An administrator has ended this login.")
    closed = "() => window.sockets.filter(one => /channels|terminals/.test(one.url)).map(one => one.code)"
    assert set(page.evaluate(closed)) == {1001}
    # Nothing can be typed under the cover, and no shortcut gets through it.
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    page.wait_for_timeout(6000)  # the cell ends meanwhile, and nobody hears it

    with page.expect_websocket(is_terminal, timeout=PATIENCE) as again:
        sign_in(page, somebody)
    expect(cover(page)).to_have_count(0)
    expect(output).to_have_text("42", timeout=PATIENCE)
    expect(page.locator(".jp-Notebook")).to_contain_text("# not saved yet")
    expect(lab.run("\nprint(kept)")).to_have_text("41", timeout=PATIENCE)
    lab.save()
    page.locator(".lm-TabBar-tabLabel").get_by_text("Terminal", exact=False).click()
    page.locator(".jp-Terminal .xterm-screen").click()
    lab.run_in_terminal(again.value, "echo it is $KEPT", expected="it is 42")


def test_locked_at_once_and_unlocked_by_one_factor(page: Page, store: Backstage, somebody: Person) -> None:
    choose(page, "Lock now")
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    expect(page.locator("#main")).to_have_attribute("inert", "")
    cover(page).locator("[name=code]").fill("000000")
    page.locator("[data-totp=unlock]").click()
    expect(cover(page).get_by_role("alert")).not_to_be_empty()
    cover(page).locator("[name=code]").fill(somebody.phone.fresh_code())
    page.locator("[data-totp=unlock]").click()
    expect(cover(page)).to_have_count(0)

    choose(page, "Lock now")
    page.get_by_role("button", name="Use my password").click()
    cover(page).locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(cover(page)).to_have_count(0)


def test_a_login_ended_from_the_panel_of_another_browser_is_covered_there(
    page: Page, browser: Browser, store: Backstage, somebody: Person
) -> None:
    with new_context(browser) as (context, _):
        put_login(context, store, somebody.username)
        other = context.new_page()
        other.goto(f"{store.server.url}lab?reset")
        Lab(other).wait_until_loaded()
        choose(page, "Security")
        ends = page.locator("[data-totp=end-login]")
        expect(ends.first).to_be_visible()
        before = ends.count()
        ends.first.click()  # the newest one
        expect(other.get_by_role("heading", name="Signed out")).to_be_visible(timeout=5000)
        expect(other.locator(".jp-totp-Cover")).to_contain_text("ended from another browser")
        expect(ends).to_have_count(before - 1)
        sign_in(other, somebody)
        expect(other.locator(".jp-totp-Cover")).to_have_count(0)


def test_a_wrong_code_says_so_and_keeps_the_page(page: Page, store: Backstage, somebody: Person) -> None:
    store.end_logins(somebody.username)
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible(timeout=5000)
    cover(page).locator("[name=password]").fill("not the password of anybody")
    cover(page).locator("[name=code]").fill("000000")
    page.locator("[data-totp=sign-in]").click()
    expect(cover(page).get_by_role("alert")).to_contain_text("wrong")
    sign_in(page, somebody)
    expect(cover(page)).to_have_count(0)


def test_where_another_login_came_meanwhile_the_page_uncovers_itself(
    page: Page, store: Backstage, somebody: Person
) -> None:
    """As in a second tab: the cookie is the browser's, not the page's."""
    store.end_logins(somebody.username)
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible(timeout=5000)
    put_login(page.context, store, somebody.username)
    expect(cover(page)).to_have_count(0, timeout=15_000)


def test_somebody_elses_login_does_not_get_this_page(page: Page, store: Backstage, somebody: Person) -> None:
    store.end_logins(somebody.username)
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible(timeout=5000)
    page.evaluate("window.stillThere = true")
    put_login(page.context, store, "admin")
    expect(page.locator(".jp-totp-Badge")).to_contain_text("admin", timeout=PATIENCE)
    assert page.evaluate("window.stillThere") is None, "it was loaded anew"


def test_a_page_without_a_login_of_ours_is_left_alone(page: Page, store: Backstage) -> None:
    """The endpoint is not there: no badge, no cover, no error box."""
    page.route("**/api/totp/**", lambda route: route.fulfill(status=404, body="<p>not here</p>"))
    page.goto(f"{store.server.url}lab?reset")
    Lab(page).wait_until_loaded()
    expect(page.locator(".jp-totp-Badge")).to_have_count(0)
    expect(page.locator(".jp-totp-Cover")).to_have_count(0)
    expect(page.locator(".jp-Dialog")).to_have_count(0)


@pytest.mark.soak
def test_without_an_idle_limit_nothing_is_told(page: Page) -> None:
    """It would be of no use. What is told with one: test_idle.py."""
    asked: list[str] = []

    def unlimited(route: Route) -> None:
        asked.append(route.request.url)
        answer = route.fetch()
        me = answer.json()
        me["login"]["idle_at"] = None
        route.fulfill(response=answer, json=me)

    page.route("**/api/totp/me", unlimited)
    page.reload()
    Lab(page).wait_until_loaded()
    expect(page.locator(".jp-totp-Badge")).to_be_visible()
    assert asked, "the page knows of no limit"
    told: list[str] = []
    page.on(
        "request", lambda request: told.append(request.url) if "api/totp/activity" in request.url else None
    )
    page.keyboard.press("a")
    page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'a'}))")
    page.wait_for_timeout(500)
    assert told == []


def test_the_front_door_of_the_panel_is_in_palette_and_menu(page: Page) -> None:
    Lab(page).menu("Settings", "Security")
    expect(page.get_by_role("heading", name="Security", level=1)).to_be_visible()
