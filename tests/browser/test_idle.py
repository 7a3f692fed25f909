"""Nobody at the desk: JupyterLab before, at and after the idle limit (R25; H10, H11, I13 in the browser).

The server's clock and the page's are moved together, so that nobody waits for an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, expect

from tests.attacks.stage import Stage, open_stage
from tests.browser.axe import serious_faults
from tests.browser.chrome import PATIENCE, new_context
from tests.browser.lab import TYPING, Lab
from tests.browser.lab_tour import THEMES, Theme
from tests.browser.people import put_login
from tests.harness.backstage import wait_until
from tests.harness.client import Person
from tests.services import missing_is_skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOUR, MINUTE = 3600, 60
AUTOSAVE = 121
"""Seconds: JupyterLab saves what was changed every two minutes."""
SHORT = 100
"""A limit of which the half is less than a minute; a slow machine takes half a minute to load the page."""
NARROWEST = 320
"""CSS pixels: WCAG 1.4.10."""

# What a script can make: events that no person caused, at places where they bubble up from.
_MADE_BY_A_SCRIPT = """() => {
  for (const kind of ["keydown", "pointerdown", "wheel", "touchstart", "paste", "drop"]) {
    (document.activeElement ?? document.body).dispatchEvent(new Event(kind, { bubbles: true }));
  }
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
  document.body.click();
}"""


@dataclass
class Desk:
    """One browser with a login of its own, on a server; and the time at both."""

    stage: Stage
    context: BrowserContext
    person: Person
    limit: int
    told: list[str] = field(default_factory=list)
    """Reports of input that were taken."""

    def note(self, answer: Response) -> None:
        """Keep the address of a report."""
        if answer.url.endswith("api/totp/activity") and answer.status == 204:
            self.told.append(answer.url)

    def open_lab(self) -> Page:
        """A tab with JupyterLab."""
        page = self.context.new_page()
        page.goto(f"{self.stage.url}lab?reset")
        Lab(page).wait_until_loaded()
        expect(page.locator(".jp-totp-Badge")).to_be_visible()
        return page

    def pass_time(self, seconds: int) -> None:
        """Jump ahead, at the server first; what is due in the pages then happens."""
        self.stage.clock.move(seconds)
        self.context.clock.fast_forward(seconds * 1000)
        for page in self.context.pages:
            page.wait_for_timeout(200)

    def active_at(self) -> int:
        """When the server heard of a person last."""
        (login,) = self.stage.services.logins.of_account(self.stage.account_id(self.person))
        return login.active_at

    def pass_time_until(self, left: int) -> None:
        """Jump to so many seconds before the limit, in steps of five minutes: the page polls meanwhile."""
        while (seconds := self.active_at() + self.limit - left - self.stage.clock.now()) > 0:
            self.pass_time(min(seconds, 5 * MINUTE))

    def wait_until_told(self, times: int) -> None:
        """Until so many reports were sent, and no more."""
        page = self.context.pages[0]
        for _ in range(PATIENCE // 250):
            if len(self.told) >= times:
                break
            page.wait_for_timeout(250)  # what the browser tells comes in only while it is asked
        page.wait_for_timeout(500)
        assert len(self.told) == times, self.told


@contextmanager
def desk_at(stage: Stage, browser: Browser, limit: int) -> Iterator[Desk]:
    person = stage.person()
    with new_context(browser) as (context, _):
        context.clock.install(time=stage.clock.time())
        put_login(context, stage, person.username)
        desk = Desk(stage, context, person, limit)
        context.on("response", desk.note)
        yield desk


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("idle"), labs=True, cheap=True) as found:
        yield found


@pytest.fixture
def desk(stage: Stage, browser: Browser) -> Iterator[Desk]:
    """Where nobody has changed the limit: it is one hour."""
    with desk_at(stage, browser, HOUR) as found:
        yield found


def warning(page: Page) -> Locator:
    return page.get_by_role("alertdialog", name="Still there?")


def cover(page: Page) -> Locator:
    return page.locator(".jp-totp-Cover")


def test_h10_an_open_lab_in_which_nobody_types_warns_and_is_locked_after_an_hour(desk: Desk) -> None:
    page = desk.open_lab()
    lab = Lab(page)
    lab.new_notebook()
    lab.autosave(on=False)  # of hours in seconds, JupyterLab would begin a save before the last one is done
    lab.run("kept = 41")
    page.keyboard.type("# not saved yet", delay=TYPING)
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    desk.told.clear()

    while desk.active_at() + HOUR - desk.stage.clock.now() > 6 * MINUTE:
        desk.pass_time(5 * MINUTE)
        page.evaluate(_MADE_BY_A_SCRIPT)
    expect(warning(page)).to_have_count(0)
    desk.pass_time_until(50)
    page.evaluate(_MADE_BY_A_SCRIPT)
    expect(warning(page)).to_contain_text("seconds this login will be locked")
    assert [url for url in polls if "/api/kernels" in url], "it polled all the time"
    desk.pass_time_until(-1)

    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    expect(cover(page)).to_contain_text("Nobody has typed or clicked for an hour")
    expect(warning(page)).to_have_count(0)
    closed = "() => window.sockets.filter(one => /channels/.test(one.url)).map(one => one.code)"
    assert set(page.evaluate(closed)) == {1001}
    assert desk.told == [], "what a script makes is no input (I13)"

    cover(page).locator("[name=code]").fill(desk.stage.code(desk.person))
    page.locator("[data-totp=unlock]").click()
    expect(cover(page)).to_have_count(0)
    expect(page.locator(".jp-Notebook")).to_contain_text("# not saved yet")
    expect(lab.run("\nprint(kept + 1)")).to_have_text("42", timeout=PATIENCE)


def test_what_was_not_saved_when_the_login_was_locked_is_saved_by_itself_afterwards(desk: Desk) -> None:
    """While it is locked, no save is begun: all of them would go on at once, and in each other's way."""
    page = desk.open_lab()
    lab = Lab(page)
    lab.new_notebook()
    lab.autosave(on=True)
    name = page.locator(".jp-mod-current .lm-TabBar-tabLabel", has_text=".ipynb").inner_text()
    file = desk.stage.server.root / name
    page.locator(".jp-Notebook .cm-content").click()
    page.keyboard.type("# not saved yet", delay=TYPING)
    page.locator(".jp-totp-Badge").click()
    page.get_by_role("menuitem", name="Lock now").click()
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(10):
        desk.pass_time(AUTOSAVE)
    assert "not saved yet" not in file.read_text()
    assert [url for url in asked if f"/{name}" in url] == []

    cover(page).locator("[name=code]").fill(desk.stage.code(desk.person))
    page.locator("[data-totp=unlock]").click()
    expect(cover(page)).to_have_count(0)
    desk.pass_time(AUTOSAVE)
    wait_until(lambda: "# not saved yet" in file.read_text(), PATIENCE / 1000, "the first save")
    page.locator(".jp-Notebook .cm-content").click()
    page.keyboard.type(", and more", delay=TYPING)
    desk.pass_time(AUTOSAVE)
    wait_until(lambda: ", and more" in file.read_text(), PATIENCE / 1000, "the second save")
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def test_h11_whoever_says_stay_or_presses_any_key_stays(desk: Desk) -> None:
    page = desk.open_lab()
    desk.pass_time_until(50)
    before = desk.active_at()
    warning(page).get_by_role("button", name="Stay").click()
    expect(warning(page)).to_have_count(0)
    desk.wait_until_told(1)
    assert desk.active_at() > before + HOUR - MINUTE
    desk.pass_time(30 * MINUTE)
    expect(cover(page)).to_have_count(0)

    desk.pass_time_until(50)
    expect(warning(page)).to_be_visible()
    page.keyboard.press("Shift")
    expect(warning(page)).to_have_count(0)
    desk.wait_until_told(2)
    desk.pass_time(30 * MINUTE)
    expect(cover(page)).to_have_count(0)


def test_h11_the_warning_shows_over_a_dialog_and_goes_under_the_cover(desk: Desk) -> None:
    """A dialog of JupyterLab's would wait until the other one is closed, and nobody is there to close it."""
    page = desk.open_lab()
    Lab(page).menu("Help", "About JupyterLab")
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_be_visible()
    desk.wait_until_told(1)
    desk.pass_time_until(50)
    warning(page).get_by_role("button", name="Stay").click()
    expect(warning(page)).to_have_count(0)
    expect(dialog).to_be_visible()
    desk.wait_until_told(2)

    desk.pass_time_until(50)
    expect(warning(page)).to_be_visible()
    desk.stage.end_logins(desk.person.username)
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    expect(warning(page)).to_have_count(0)
    expect(page.get_by_label("Password")).to_be_focused()


def test_h11_the_warning_takes_no_keys_from_whoever_types(desk: Desk) -> None:
    page = desk.open_lab()
    lab = Lab(page)
    lab.new_notebook()
    lab.autosave(on=False)  # as above: what it asks about would take the keys
    page.locator(".jp-Notebook .cm-content").click()
    expect(page.locator(".jp-Notebook .cm-focused")).to_be_visible()
    desk.pass_time_until(50)
    expect(warning(page)).to_be_visible()
    expect(page.locator(".jp-Notebook .cm-focused")).to_be_visible()
    page.keyboard.type("not one is lost", delay=TYPING)
    expect(warning(page)).to_have_count(0)
    expect(page.locator(".jp-Notebook .cm-content")).to_have_text("not one is lost")


@pytest.mark.parametrize("theme", [THEMES[0], pytest.param(THEMES[1], marks=pytest.mark.soak)])
def test_h11_the_warning_is_accessible_and_fits_the_narrowest_screen(desk: Desk, theme: Theme) -> None:
    page = desk.open_lab()
    Lab(page).menu("Settings", "Theme", f"JupyterLab {theme.title()}")
    is_light = "true" if theme == "light" else "false"
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
    desk.pass_time_until(50)
    expect(warning(page)).to_be_visible()
    with missing_is_skip():
        assert serious_faults(page, ".jp-totp-Notice") == {}
    page.set_viewport_size({"width": NARROWEST, "height": 640})
    box = warning(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= NARROWEST
    assert warning(page).evaluate("(node) => node.scrollWidth <= node.clientWidth")


def test_h11_input_is_told_at_most_once_a_minute(desk: Desk) -> None:
    page = desk.open_lab()
    for minute in range(1, 4):
        page.keyboard.type("five keys", delay=TYPING)
        desk.wait_until_told(minute)
        desk.pass_time(MINUTE)


@pytest.mark.soak
def test_h11_input_in_one_tab_keeps_the_other_from_warning(desk: Desk) -> None:
    here, there = desk.open_lab(), desk.open_lab()
    for times in range(1, 6):
        here.keyboard.press("Shift")
        desk.wait_until_told(times)
        desk.pass_time(30 * MINUTE)
        for page in (here, there):
            expect(warning(page)).to_have_count(0)
            expect(cover(page)).to_have_count(0)
    desk.pass_time_until(50)
    for page in (here, there):
        expect(warning(page)).to_be_visible()
    there.keyboard.press("Shift")
    expect(warning(there)).to_have_count(0)
    here.evaluate("window.dispatchEvent(new Event('focus'))")  # as when the person comes back to it
    expect(warning(here)).to_have_count(0)


@pytest.mark.soak
def test_h11_under_a_short_limit_whoever_types_is_not_warned_and_the_warning_comes_at_half(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    arguments = [f"--TotpAuth.idle_timeout={SHORT}"]
    with (
        open_stage(tmp_path_factory.mktemp("short"), labs=True, arguments=arguments) as stage,
        desk_at(stage, browser, SHORT) as desk,
    ):
        page = desk.open_lab()
        for times in range(1, 7):
            page.keyboard.press("Shift")
            desk.wait_until_told(times)
            desk.pass_time(30)
            expect(warning(page)).to_have_count(0)
        desk.pass_time_until(20)
        expect(warning(page)).to_be_visible()
        desk.pass_time_until(-1)
        expect(cover(page)).to_contain_text("Nobody has typed or clicked for a minute")
