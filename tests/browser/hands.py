"""What a person does on our pages: fill in, press, and look where they have arrived."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.harness.canary import note
from tests.harness.client import PASSWORD, Phone

VERDICT = "That did not work: the user name, the password or the code is wrong."
WANTED = "api/status"
"""Where people want to go in these tests: an address behind the login that loads at once."""


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True)


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def give_password(page: Page, username: str, password: str = PASSWORD) -> None:
    """Fill in the login form and send it."""
    field(page, "Username").fill(username)
    note("password", password)
    field(page, "Password").fill(password)
    press(page, "Sign in")


def give_code(page: Page, code: str) -> None:
    """Fill in the code form and send it."""
    field(page, "Code").fill(code)
    press(page, "Sign in")


def shows(page: Page, message: str) -> None:
    """The page has this message."""
    expect(page.locator("#message")).to_have_text(message)


def is_in(page: Page, at: str) -> None:
    """The person has arrived where they wanted to go."""
    expect(page).to_have_url(at)
    expect(page.locator("body")).to_contain_text('"kernels"')


def begin_enrolling(page: Page, link: str) -> None:
    """From an enrollment link to the page with the QR, for somebody who was invited."""
    page.goto(link)
    press(page, "Continue")
    field(page, "Password").fill(PASSWORD)
    field(page, "Password again").fill(PASSWORD)
    press(page, "Continue")
    expect(page.locator("#totp-secret")).to_be_visible()


def confirm(page: Page) -> list[str]:
    """Type the phone's code; the recovery codes."""
    field(page, "Code").fill(Phone(page.locator("#totp-secret").inner_text()).fresh_code())
    press(page, "Confirm")
    expect(page.locator(".recovery-code")).to_have_count(10)
    shown = page.locator(".recovery-code").all_inner_texts()
    note("recovery-code", *shown)
    return shown


def is_in_lab(page: Page, url: str) -> None:
    """The person has arrived in JupyterLab at this server."""
    expect(page).to_have_url(re.compile(rf"{re.escape(url)}lab\b"))
