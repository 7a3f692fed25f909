"""The enrollment in a browser: the link, two passwords, the QR, and what is done with recovery codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.chrome import new_context
from tests.browser.hands import begin_enrolling, confirm, field, press, shows
from tests.browser.people import invite
from tests.harness.backstage import Backstage
from tests.harness.client import PASSWORD


def test_a_second_link_in_the_same_tab_takes_the_place_of_the_first(
    page: Page, url: Callable[[str], str]
) -> None:
    page.goto(url("enroll#first"))
    press(page, "Continue")
    expect(page.locator("#message")).to_be_visible()
    page.goto(url("enroll#second"))
    expect(field(page, "Enrollment code")).to_have_value("second")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    expect(page.locator("#message")).to_have_count(0)
    assert page.url == url("enroll")


def test_two_different_passwords_are_told_before_they_are_sent_and_after(
    page: Page, scriptless: Page, store: Backstage, new_name: Callable[[], str], url: Callable[[str], str]
) -> None:
    code = invite(store, new_name())
    for browser_page in (page, scriptless):
        browser_page.goto(url("enroll"))
        field(browser_page, "Enrollment code").fill(code)
        press(browser_page, "Continue")
        field(browser_page, "Password").fill(PASSWORD)
        field(browser_page, "Password again").fill(f"{PASSWORD}2")
        press(browser_page, "Continue")
    again = field(page, "Password again")
    assert again.evaluate("e => e.validationMessage") == "The two passwords are not the same."
    expect(page.locator("#message")).to_have_count(0)
    shows(scriptless, "The two passwords are not the same.")


def test_the_key_and_the_recovery_codes_can_be_copied_saved_and_printed(
    browser: Browser, store: Backstage, new_name: Callable[[], str], url: Callable[[str], str]
) -> None:
    with new_context(browser, permissions=["clipboard-read", "clipboard-write"]) as (context, _):
        page = context.new_page()
        name = new_name()
        begin_enrolling(page, url(f"enroll#{invite(store, name)}"))
        press(page, "Copy the key")
        expect(page.locator("#said")).to_have_text("Copied")
        assert clipboard(page) == page.locator("#totp-secret").inner_text()

        codes = confirm(page)
        press(page, "Copy")
        expect(page.locator("#said")).to_have_text("Copied")
        assert clipboard(page).splitlines() == codes
        with page.expect_download() as saved:
            press(page, "Download")
        assert saved.value.suggested_filename == f"recovery-codes-{name}.txt"
        lines = Path(saved.value.path()).read_text().splitlines()
        assert lines[0].startswith(f"Recovery codes of {name} for Jupyter.")
        assert lines[2:] == codes
        page.evaluate("window.print = () => { window.printed = true }")
        press(page, "Print")
        assert page.evaluate("window.printed") is True
        page.emulate_media(media="print")
        expect(page.locator(".recovery-code").first).to_be_visible()
        expect(page.get_by_text(f"Recovery codes of {name} for Jupyter.")).to_be_visible()
        expect(page.get_by_role("button", name="Continue")).to_be_hidden()


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))
