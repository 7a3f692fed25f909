"""Logging out in a browser, and what the way back shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser.chrome import launch, new_context
from tests.browser.hands import begin_enrolling, confirm, is_in_lab, press
from tests.browser.people import invite, put_login
from tests.harness.backstage import Backstage, wait_until
from tests.harness.client import PASSWORD


def test_a_link_in_another_site_does_not_log_out(
    page: Page, store: Backstage, url: Callable[[str], str]
) -> None:
    put_login(page.context, store, "admin")
    page.goto(f"data:text/html,<a href='{url('logout')}'>a picture of a cat</a>")
    page.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log out of Jupyter?")
    page.get_by_role("link", name="Stay signed in").click()
    is_in_lab(page, url(""))


def test_the_qr_can_be_looked_at_again_until_it_is_confirmed_and_never_after(
    page: Page, store: Backstage, new_name: Callable[[], str], url: Callable[[str], str]
) -> None:
    begin_enrolling(page, url(f"enroll#{invite(store, new_name())}"))
    secret = page.locator("#totp-secret").inner_text()
    page.reload()
    expect(page.locator("#totp-secret")).to_have_text(secret)
    codes = confirm(page)
    for asked in ("enroll/phone", "enroll/recovery-codes", "enroll/account"):
        page.goto(url(asked))
        assert not leaks(page, [secret, *codes])


# -- the way back ----------------------------------------------------------------------------------


@pytest.fixture
def people_s_browser(playwright: Playwright, chromium: Path) -> Iterator[BrowserContext]:
    """Chromium as people have it: "back" brings a page as it was left, even one that is no-store."""
    with_cache = launch(playwright, chromium, ignore_default_args=["--disable-back-forward-cache"])
    with new_context(with_cache) as (context, _):
        yield context
    with_cache.close()


def test_the_way_back_from_the_log_out_shows_no_secret(
    people_s_browser: BrowserContext,
    store: Backstage,
    new_name: Callable[[], str],
    url: Callable[[str], str],
) -> None:
    page = people_s_browser.new_page()
    begin_enrolling(page, url(f"enroll#{invite(store, new_name())}"))
    secret = page.locator("#totp-secret").inner_text()
    secrets = [secret, *confirm(page), PASSWORD]
    press(page, "Continue to JupyterLab")
    is_in_lab(page, url(""))
    page.goto(url("logout"))
    press(page, "Log out")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are logged out")

    past = Past(page)
    assert past.length > 5
    for step in reversed(range(1, past.length - 1)):  # 0 is the empty tab
        past.go_to(step)
        assert not leaks(page, secrets), page.url
        assert page.locator("#main.jp-LabShell").count() == 0, "JupyterLab came back"


class Past:
    """The history of a tab. Playwright's own go_back does not see a page that comes out of the cache."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def length(self) -> int:
        return len(self._ask()["entries"])

    def go_to(self, step: int) -> None:
        """Go there, and wait until something is there: the page, another one, or Chromium's refusal."""
        entry = self._ask()["entries"][step]
        self._send("Page.navigateToHistoryEntry", entryId=entry["id"])
        wait_until(lambda: self._is_at(step), 30, "the way back")

    def _is_at(self, step: int) -> bool:
        try:
            self._page.wait_for_timeout(200)  # a page may send one on to another
            state = self._page.evaluate("document.readyState")
            return bool(state == "complete" and self._ask()["currentIndex"] == step)
        except PlaywrightError:  # it is just being replaced
            return False

    def _ask(self) -> dict[str, Any]:
        return self._send("Page.getNavigationHistory")

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        # A session each time: it stays with the page that goes into the cache.
        devtools = self._page.context.new_cdp_session(self._page)
        return devtools.send(method, parameters)


def leaks(page: Page, secrets: list[str]) -> list[str]:
    """Which of these texts the page holds, in its text or in its fields."""
    held = page.content() + " ".join(
        page.evaluate("Array.from(document.querySelectorAll('input'), field => field.value)")
    )
    return [secret for secret in secrets if secret in held]
