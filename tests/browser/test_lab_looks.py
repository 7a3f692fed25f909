"""Panel and cover as people meet them: by axe, by keyboard alone, on a phone's width, in both themes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious_faults
from tests.browser.lab_tour import (
    STATES,
    THEMES,
    Theme,
    choose,
    furnish,
    open_panel,
    section,
    signed_in,
    stage,
    tour,
)
from tests.harness.backstage import Backstage
from tests.harness.canary import note
from tests.harness.client import PASSWORD, Person
from tests.services import missing_is_skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PHONE = {"width": 360, "height": 740}
"""CSS pixels. 1280 at 200 % are 640: what fits here fits there."""
WIDE = {"width": 1280, "height": 900}

# What stands out of its box to the right, or would have to be scrolled to.
_OVERFLOW = """() => [".jp-totp-Panel", ".jp-totp-Cover", ".jp-Dialog-content"].flatMap((selector) => {
  const box = document.querySelector(selector);
  if (!box || !box.checkVisibility()) return [];
  const right = box.getBoundingClientRect().left + box.clientWidth + 1;
  const out = Array.from(box.querySelectorAll("*")).filter((one) =>
    one.checkVisibility() && !one.closest(".jp-totp-unseen") && one.getBoundingClientRect().right > right);
  const html = out.map((one) => one.outerHTML.slice(0, 120));
  return box.scrollWidth > box.clientWidth ? [selector, ...html] : [];
})"""


@pytest.fixture(scope="module")
def ada_and_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Person, Backstage]]:
    """A server of this file's own: its themes and its people would be in the way of others."""
    with stage(tmp_path_factory.mktemp("looks")) as store:
        yield furnish(store), store


@pytest.mark.parametrize("theme", [THEMES[0], pytest.param(THEMES[1], marks=pytest.mark.soak)])
def test_every_state_is_accessible_and_fits_a_phone(
    theme: Theme, browser: Browser, ada_and_store: tuple[Person, Backstage]
) -> None:
    ada, store = ada_and_store
    seen = []
    with signed_in(browser, store, "ada", theme) as (page, watch):
        for state in tour(page, store, ada):
            seen.append(state)
            selector = {"pa": ".jp-totp-Panel", "co": ".jp-totp-Cover"}[state[:2]]
            with missing_is_skip():
                faults = serious_faults(page, ".jp-Dialog" if state == "panel-step-up" else selector)
            assert not faults, f"{state}, {theme}: {faults}"
            page.set_viewport_size(PHONE)
            page.wait_for_timeout(300)  # JupyterLab lays itself out
            assert page.evaluate(_OVERFLOW) == [], state
            page.set_viewport_size(WIDE)
        assert [text for _, text in watch.complaints if "CSP" in text or "Content Security" in text] == []
    assert tuple(seen) == STATES


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that element has the focus."""
    for _ in range(80):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def test_everything_works_by_keyboard(browser: Browser, ada_and_store: tuple[Person, Backstage]) -> None:
    _, store = ada_and_store
    grace = store.enrolled("grace-h")  # with codes of her own: nobody waits for the next one
    with signed_in(browser, store, grace.username) as (page, _):
        page.locator(".jp-totp-Badge").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(page.locator(".jp-totp-Badge")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="My history")).to_be_visible()
        tokens = section(page, "Access tokens")
        page.locator(".jp-totp-Panel button").first.focus()
        tab_to(page, "section:has([data-totp=create-token]) [name=name]")
        page.keyboard.type("by keyboard")
        page.keyboard.press("Enter")
        made = tokens.locator("code").first
        expect(made).to_have_text(re.compile("^jta_"))
        note("access-token", made.inner_text())

        store.end_logins(grace.username)
        expect(page.locator(".jp-totp-Cover [name=password]")).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Tab")
        page.keyboard.type(grace.phone.fresh_code())
        page.keyboard.press("Enter")
        expect(page.locator(".jp-totp-Cover")).to_have_count(0)


def test_nothing_gets_under_or_over_the_cover(
    browser: Browser, ada_and_store: tuple[Person, Backstage]
) -> None:
    """What comes while the page is covered is covered as well, and the keys stay where they are."""
    _, store = ada_and_store
    alan = store.enrolled("alan-t")
    with signed_in(browser, store, alan.username) as (page, _):
        page.locator(".jp-LauncherCard").first.focus()
        page.keyboard.press("Control+Shift+c")
        expect(page.locator(".lm-CommandPalette-input")).to_be_focused()
        choose(page, "Lock now")
        code = page.locator(".jp-totp-Cover [name=code]")
        expect(code).to_be_focused()
        # As JupyterLab's own dialogs do: at the end of the body, and grasping for the focus.
        page.evaluate("""() => {
          const late = document.createElement("div");
          late.id = "late";
          late.innerHTML = '<button style="position:fixed;inset:0;z-index:10000">Late</button>';
          document.body.append(late);
          late.firstChild.focus();
        }""")
        expect(page.locator("#late")).to_have_attribute("inert", "")
        expect(code).to_be_focused()
        page.keyboard.press("Control+Shift+c")
        code.fill(alan.phone.fresh_code())
        page.keyboard.press("Enter")
        expect(page.locator(".jp-totp-Cover")).to_have_count(0)
        assert page.locator("body > [inert]").count() == 0


HOSTILE = "<img src=x onerror=\"window.harmed='yes'\">"


def test_p05_markup_in_names_is_text(browser: Browser, ada_and_store: tuple[Person, Backstage]) -> None:
    _, store = ada_and_store
    with store.sql() as connection:
        for statement in (
            "UPDATE account SET display_name = ?",
            "UPDATE totp_authenticator SET name = ?",
            "UPDATE login SET user_agent = ?",
        ):
            connection.execute(statement, (HOSTILE,))
        connection.execute("UPDATE instance SET revision = revision + 1")
    with signed_in(browser, store, "ada") as (page, _):
        open_panel(page)
        section(page, "Access tokens").locator("[name=name]").fill(HOSTILE)
        page.locator("[data-totp=create-token]").click()
        note("access-token", section(page, "Access tokens").locator("code").first.inner_text())
        expect(section(page, "People")).to_contain_text(HOSTILE)
        # By its name: other tests of this file leave tokens, too.
        page.get_by_role("button", name=f"Revoke {HOSTILE}", exact=True).click()
        expect(page.locator(".jp-Dialog")).to_contain_text("<img")
        page.keyboard.press("Escape")
        choose(page, "Lock now")
        expect(page.locator(".jp-totp-Cover")).to_contain_text(HOSTILE)
        assert page.evaluate("window.harmed") is None
        assert page.locator("img[src=x]").count() == 0
