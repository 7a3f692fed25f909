"""Notebook 7: the cover works there; *Security* opens the account page, for want of a main area."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chrome import new_context
from tests.browser.people import put_login
from tests.harness.backstage import Backstage, backstage
from tests.harness.client import PASSWORD, Person
from tests.harness.server import JupyterServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[tuple[Person, Backstage]]:
    with JupyterServer(tmp_path, app="notebook") as server, backstage(server) as store:
        yield store.enrolled("ada"), store


def test_a_login_that_ends_covers_notebook_7_and_security_opens_the_account_page(
    browser: Browser, notebook: tuple[Person, Backstage]
) -> None:
    ada, store = notebook
    with new_context(browser) as (context, _):
        put_login(context, store, "ada")
        page: Page = context.new_page()
        page.goto(f"{store.server.url}tree")
        page.locator(".jp-totp-Badge").click()
        with context.expect_page() as opened:
            page.get_by_role("menuitem", name="Security").click()
        opened.value.wait_for_url(f"{store.server.url}account", wait_until="commit")
        opened.value.close()

        store.end_logins("ada")
        cover = page.locator(".jp-totp-Cover")
        expect(cover).to_contain_text("An administrator has ended this login.", timeout=5000)
        cover.locator("[name=password]").fill(PASSWORD)
        cover.locator("[name=code]").fill(ada.phone.fresh_code())
        page.locator("[data-totp=sign-in]").click()
        expect(cover).to_have_count(0)
        page.locator(".jp-totp-Badge").click()
        page.get_by_role("menuitem", name="Lock now").click()
        expect(page.get_by_role("heading", name="Locked")).to_be_visible()
