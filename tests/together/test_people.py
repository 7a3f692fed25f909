"""Two people with browsers of their own on one notebook: true names, and a reader who follows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from jupyter_totp_auth.core.model import Role
from tests.browser.chrome import PATIENCE, new_context
from tests.browser.lab import TYPING
from tests.browser.lab_tour import choose, section
from tests.browser.people import put_login
from tests.harness.backstage import Backstage, wait_until
from tests.rights.people import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CELL = {
    "cell_type": "code",
    "execution_count": None,
    "id": "a",
    "metadata": {},
    "outputs": [],
    "source": "x = 1",
}
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
NOTEBOOK = {"cells": [CELL], "metadata": {"kernelspec": KERNEL}, "nbformat": 4, "nbformat_minor": 5}
BROWN, GREEN, ORANGE = "#ad4a00", "#007e00", "orange, as JupyterLab has it for people"
IN_CSS = {BROWN: "rgb(173, 74, 0)", GREEN: "rgb(0, 126, 0)", ORANGE: "rgb(255, 173, 142)"}


@pytest.fixture
def file(stage: Backstage, member: str) -> str:
    """A notebook of this test's own."""
    path = stage.server.root / f"{member}.ipynb"
    path.write_text(json.dumps(NOTEBOOK))
    return path.name


def call(stage: Backstage, username: str, display_name: str, initials: str, color: str) -> None:
    """What somebody is called, and in which colour."""
    account = stage.services.accounts.named(username)
    stage.services.accounts.set_profile(
        account, display_name=display_name, initials=initials, color=color, actor="test"
    )


@contextmanager
def opened(browser: Browser, stage: Backstage, username: str, file: str) -> Iterator[Page]:
    """A browser of their own, the notebook open in it."""
    with new_context(browser) as (context, _):
        put_login(context, stage, username)
        page = context.new_page()
        page.goto(f"{stage.server.url}lab/tree/{file}?reset")
        expect(source(page)).to_be_visible(timeout=PATIENCE)
        yield page


def source(page: Page) -> Locator:
    """The first cell's text."""
    return page.locator(".jp-Notebook .cm-content").first


def type_into(page: Page, text: str) -> None:
    """At the end of the first cell."""
    source(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text, delay=TYPING)


def others(page: Page) -> Locator:
    """Those who are there besides oneself, in JupyterLab's panel of them."""
    panel = page.locator("#jp-collaboration-panel")
    if not panel.is_visible():
        page.locator("[data-id=jp-collaboration-panel]").click()
    return panel.locator(".jp-CollaboratorsList .jp-Collaborator")


def sees(page: Page, name: str, initials: str, color: str) -> None:
    """The other is there, and this is how they are shown. A page that was left stays for half a minute."""
    other = others(page).filter(has_text=name)
    expect(other).to_have_count(1)
    expect(other).to_have_text(re.compile(f"^{initials}{name}"))
    expect(other.locator(".jp-CollaboratorIcon")).to_have_css("background-color", IN_CSS[color])


def sees_cursor(page: Page, name: str, color: str) -> None:
    """The other's cursor stands in the cell, and says whose it is."""
    cursor = page.locator(".jp-Notebook .jp-remote-cursor").first
    expect(cursor).to_have_css("border-left-color", IN_CSS[color])
    flag = page.locator(".jp-remote-userFlag-name")

    def shown() -> bool:
        page.mouse.move(5, 5)
        box = cursor.bounding_box()
        if box is not None:
            page.mouse.move(box["x"], box["y"] + box["height"] / 2)
            page.wait_for_timeout(300)
        return flag.count() > 0 and flag.first.inner_text() == name

    wait_until(shown, 30, f"the flag of {name}")


def test_each_sees_the_others_name_initials_colour_and_work(
    browser: Browser, stage: Backstage, file: str, member: str, new_name: Callable[[], str]
) -> None:
    other = stage.enrolled(new_name()).username
    call(stage, member, "Ada Lovelace", "AL", BROWN)
    call(stage, other, "Grace Hopper", "GH", GREEN)
    with opened(browser, stage, member, file) as adas, opened(browser, stage, other, file) as graces:
        type_into(adas, " + 1")
        expect(source(graces)).to_have_text("x = 1 + 1")
        type_into(graces, " + 2")
        expect(source(adas)).to_have_text("x = 1 + 1 + 2")
        sees(graces, "Ada Lovelace", "AL", BROWN)
        sees(adas, "Grace Hopper", "GH", GREEN)
        sees_cursor(adas, "Grace Hopper", GREEN)
        for page in (adas, graces):
            expect(page.get_by_text("Anonymous")).to_have_count(0)

        # By the panel; the other's page is not loaded anew.
        choose(graces, "Security")
        mine = section(graces, "My name")
        mine.locator("[name=display_name]").fill("Amazing Grace")
        mine.locator("[name=initials]").fill("AG")
        mine.get_by_role("radio", name="orange").check(force=True)
        graces.locator("[data-totp=change-name]").click()
        expect(mine).to_contain_text("This is how others see you from now on.")
        expect(graces.locator(".jp-totp-Badge")).to_have_text("AGAmazing Grace")
        sees(adas, "Amazing Grace", "AG", ORANGE)

        # By the address that JupyterLab itself has for it, and a page that is loaded anew.
        done = stage.signed_in(member).request("PATCH", "api/me", json={"display_name": "Countess"})
        assert done.status_code == 200
        adas.reload()
        sees(graces, "Countess", "AL", BROWN)


def test_a_reader_follows_and_what_the_reader_types_goes_nowhere(
    browser: Browser, stage: Backstage, file: str, member: str, reader: str
) -> None:
    call(stage, member, "Ada Lovelace", "AL", BROWN)
    call(stage, reader, "Grace Hopper", "GH", GREEN)
    with opened(browser, stage, member, file) as page, opened(browser, stage, reader, file) as theirs:
        expect(theirs.get_by_text("notebook is read-only")).to_be_visible()
        type_into(theirs, "NEVER")
        theirs.keyboard.press("Escape")
        for key in ("b", "a", "d", "d", "x", "v"):  # cells below, above, gone, cut, pasted
            theirs.keyboard.press(key)
        theirs.keyboard.press("Control+s")
        expect(theirs.locator(".Toastify__toast").filter(has_text="read-only")).to_be_visible()
        type_into(page, " + 41")
        page.keyboard.press("Shift+Enter")
        for one in (page, theirs):  # the cell, and the one that a run at the end adds
            expect(one.locator(".jp-Notebook .cm-content")).to_have_text(["x = 1 + 41", ""])
        theirs.locator(".jp-Notebook .cm-content").last.click()
        theirs.keyboard.type("NEVER", delay=TYPING)
        expect(theirs.locator(".jp-Notebook .cm-content")).to_have_text(["x = 1 + 41", ""])
        sees(page, "Grace Hopper", "GH", GREEN)
        sees(theirs, "Ada Lovelace", "AL", BROWN)
    on_disk = stage.server.root / file
    wait_until(lambda: "x = 1 + 41" in on_disk.read_text(), 20, "the save")
    assert "NEVER" not in on_disk.read_text()


@pytest.mark.soak
def test_a_member_who_becomes_a_reader_is_told_and_becomes_one_who_follows(
    browser: Browser, house: House, file: str, member: str, new_name: Callable[[], str]
) -> None:
    stage = house.stage
    other = stage.enrolled(new_name()).username
    with opened(browser, stage, member, file) as mine, opened(browser, stage, other, file) as page:
        type_into(mine, " + 1")
        expect(source(page)).to_have_text("x = 1 + 1")
        house.set(member, role=Role.READER)
        mine.wait_for_timeout(2000)
        type_into(mine, " + NEVER")
        told = mine.locator(".Toastify__toast").filter(has_text="Your account may read here")
        expect(told).to_be_visible()
        type_into(page, " + 2")
        expect(source(page)).to_have_text("x = 1 + 1 + 2")
        mine.reload()
        expect(source(mine)).to_have_text("x = 1 + 1 + 2", timeout=PATIENCE)
        type_into(mine, " + NEVER")
        expect(source(mine)).to_have_text("x = 1 + 1 + 2")
