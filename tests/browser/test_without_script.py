"""Every page works in a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import WANTED, field, give_code, give_password, is_in, is_in_lab, press
from tests.browser.picture import read_qr
from tests.harness.client import PASSWORD, Person, Phone
from tests.harness.server import JupyterServer


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_first_start_and_the_login_need_no_script(tmp_path: Path, scriptless: Page) -> None:
    page = scriptless
    with JupyterServer(tmp_path, app="lab") as server:
        page.goto(f"{server.url}enroll#{server.setup_code()}")
        expect(page.locator("noscript p")).to_be_visible()
        field(page, "Enrollment code").fill(server.setup_code())
        press(page, "Continue")
        field(page, "Username").fill("ada")
        field(page, "Password").fill(PASSWORD)
        field(page, "Password again").fill(PASSWORD)
        press(page, "Continue")

        scanned = pyotp.parse_uri(read_qr(page))
        assert page.locator("#totp-secret").inner_text() == scanned.secret
        phone = Phone(scanned.secret)
        field(page, "Code").fill(phone.fresh_code())
        press(page, "Confirm")
        expect(page.locator(".recovery-code")).to_have_count(10)
        for button in ("Copy", "Download", "Print"):
            expect(page.get_by_role("button", name=button)).to_be_hidden()
        press(page, "Continue to JupyterLab")
        is_in_lab(page, server.url)

        page.goto(f"{server.url}logout")
        press(page, "Log out")
        page.get_by_role("link", name="Sign in again").click()
        page.goto(f"{server.url}{WANTED}")
        give_password(page, "ada")
        expect(page.get_by_role("button", name="Use a recovery code instead")).to_be_hidden()
        give_code(page, phone.fresh_code())
        is_in(page, f"{server.url}{WANTED}")


def test_a_recovery_code_fits_into_the_one_field_as_it_is(
    scriptless: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    scriptless.goto(url(f"login?next=/{WANTED}"))
    give_password(scriptless, somebody.username)
    give_code(scriptless, somebody.recovery_codes[0])
    is_in(scriptless, url(WANTED))
