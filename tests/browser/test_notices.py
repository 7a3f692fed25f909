"""An administrator tells everybody something, and ends logins after a grace, in real browsers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from jupyter_totp_auth.core.model import Role
from tests.browser.axe import serious_faults
from tests.browser.chrome import PATIENCE, new_context
from tests.browser.lab import TYPING, Lab
from tests.browser.lab_tour import THEMES, Theme, open_panel, section
from tests.browser.people import make_stale, put_login
from tests.browser.test_rights import confirm, in_lab
from tests.browser.test_stopping import NARROWEST, choose
from tests.harness.backstage import Backstage, backstage, wait_until
from tests.harness.client import Person
from tests.harness.server import JupyterServer
from tests.services import missing_is_skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TEXT = "The server stops at 18:00 for an update. <b>Please</b> save your work."
A_FEW_SECONDS = 5000


@pytest.fixture(autouse=True)
def _nothing_left(store: Backstage) -> Iterator[None]:
    yield
    store.services.notices.withdraw_all(by=None, actor="operator")


def notices(page: Page) -> Locator:
    return page.locator(".jp-totp-News-item")


def ending(page: Page) -> Locator:
    return page.get_by_role("alertdialog", name="This login is about to end")


def test_a_notice_from_the_panel_reaches_another_browser_and_stays_closed_there(
    browser: Browser, store: Backstage, somebody: Person, new_name: Callable[[], str]
) -> None:
    ada = store.enrolled(new_name(), role=Role.ADMIN)
    with (
        in_lab(browser, store, ada.username) as (page, lab),
        in_lab(browser, store, somebody.username) as (theirs, other),
    ):
        lab.wait_until_loaded()
        other.wait_until_loaded()
        other.new_notebook()
        make_stale(store)
        open_panel(page)
        people = section(page, "People")
        people.locator("[name=message]").fill(TEXT)
        page.locator("[data-totp=send-notice]").click()
        confirm(page, ada.phone.fresh_code())
        expect(people).to_contain_text("Everybody is told.")
        expect(notices(page)).to_have_count(1)

        expect(notices(theirs)).to_have_count(1, timeout=A_FEW_SECONDS)
        expect(notices(theirs)).to_contain_text(TEXT)
        expect(notices(theirs)).to_contain_text(ada.username)
        expect(notices(theirs).locator("b")).to_have_count(0)
        other.run("'typed on'")
        theirs.locator("[data-totp=close-notice]").click()
        expect(notices(theirs)).to_have_count(0)
        theirs.reload()
        expect(theirs.locator(".jp-totp-Badge")).to_be_visible(timeout=PATIENCE)
        expect(theirs.locator(".jp-Notebook").first).to_be_visible(timeout=PATIENCE)
        expect(notices(theirs)).to_have_count(0)
        theirs.goto(f"{store.server.url}account")
        expect(theirs.get_by_role("note")).to_contain_text(TEXT)

        page.locator("[data-totp=withdraw-notice]").click()
        expect(people).to_contain_text("The notice is taken back.")
        expect(notices(page)).to_have_count(0)


@pytest.mark.parametrize("theme", [THEMES[0], pytest.param(THEMES[1], marks=pytest.mark.soak)])
def test_a_notice_takes_no_focus_and_can_be_read_by_everybody(
    browser: Browser, store: Backstage, somebody: Person, theme: Theme
) -> None:
    with in_lab(browser, store, somebody.username) as (page, lab):
        lab.wait_until_loaded()
        choose(page, theme)
        lab.new_notebook()
        page.locator(".jp-Notebook .cm-content").first.click()
        page.keyboard.type("a = 1", delay=TYPING)
        store.services.notices.send(TEXT, by=None, actor="operator")
        store.services.notices.send("x" * 500, by=None, actor="operator")
        expect(notices(page)).to_have_count(2, timeout=A_FEW_SECONDS)
        page.keyboard.type(" + 41", delay=TYPING)
        expect(page.locator(".jp-Notebook .cm-content").first).to_have_text("a = 1 + 41")
        expect(page.get_by_role("status").filter(has=notices(page))).to_have_count(1)
        with missing_is_skip():
            assert serious_faults(page, ".jp-totp-Corner") == {}
        page.set_viewport_size({"width": NARROWEST, "height": 640})
        for item in notices(page).all():
            assert item.evaluate("(node) => node.scrollWidth <= node.clientWidth")
            assert item.evaluate("(node) => node.getBoundingClientRect().left >= 0")
    choose_light(browser, store, somebody, theme)


def choose_light(browser: Browser, store: Backstage, somebody: Person, theme: Theme) -> None:
    """The theme is the server's: for whoever comes next."""
    if theme != "light":
        with in_lab(browser, store, somebody.username) as (page, lab):
            lab.wait_until_loaded()
            choose(page, "light")


def work(page: Page, server: JupyterServer) -> Path:
    """A notebook with a cell that ran, and one that was not saved yet; its file."""
    page.goto(f"{server.url}lab?reset")
    lab = Lab(page)
    lab.wait_until_loaded()
    lab.new_notebook()
    lab.run("kept = 41")
    page.keyboard.type("# not saved yet", delay=TYPING)
    (path,) = server.root.glob("*.ipynb")
    assert "not saved yet" not in path.read_text()
    return path


def end_in_a_minute(browser: Browser, stage: Backstage) -> None:
    """What an administrator does in the panel."""
    with in_lab(browser, stage, "ada") as (page, lab):
        lab.wait_until_loaded()
        open_panel(page)
        people = section(page, "People")
        people.get_by_role("button", name="Manage bob").click()
        people.get_by_role("button", name="End logins…").click()
        page.locator(".jp-Dialog").get_by_role("button", name="In a minute").click()
        expect(people).to_contain_text("All logins of bob end in a minute; their pages save until then.")
        expect(ending(page)).to_have_count(0)


@pytest.mark.soak
def test_logins_are_ended_in_a_minute_from_the_panel_and_everything_is_saved_before(
    browser: Browser, tmp_path: Path
) -> None:
    with (
        JupyterServer(tmp_path, app="lab") as server,
        backstage(server) as stage,
        new_context(browser) as (context, _),
    ):
        stage.enrolled("ada", role=Role.ADMIN)
        bob = stage.enrolled("bob")
        put_login(context, stage, "bob")
        page = context.new_page()
        path = work(page, server)
        end_in_a_minute(browser, stage)
        expect(ending(page)).to_contain_text("Your documents are saved.", timeout=PATIENCE)
        expect(ending(page)).to_contain_text("An administrator ends this login in")
        cells = json.loads(path.read_text())["cells"]
        assert ["".join(cell["source"]) for cell in cells] == ["kept = 41", "# not saved yet"]
        page.keyboard.type(", and more", delay=TYPING)
        wait_until(lambda: "# not saved yet, and more" in path.read_text(), 10, "the second save")
        with missing_is_skip():
            assert serious_faults(page, ".jp-totp-Corner") == {}

        # Sooner, as an operator may: not another minute in this test.
        assert server.totp("logins", "bob", "--end-all", "--grace", "2").returncode == 0
        cover = page.locator(".jp-totp-Cover")
        expect(cover).to_contain_text("An administrator has ended this login.", timeout=10_000)
        sign_in_again(page, bob)
        expect(cover).to_have_count(0)
        expect(ending(page)).to_have_count(0)
        Lab(page).run("")  # the cell that was typed into
        Lab(page).run("print(kept + 1)")
        expect(page.locator(".jp-OutputArea-output").last).to_have_text("42", timeout=PATIENCE)


def sign_in_again(page: Page, person: Person) -> None:
    """On the cover."""
    cover = page.locator(".jp-totp-Cover")
    cover.locator("[name=password]").fill(person.password)
    cover.locator("[name=code]").fill(person.phone.fresh_code())
    page.locator("[data-totp=sign-in]").click()
