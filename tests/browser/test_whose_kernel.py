"""Whose kernel is it, as people see it: names in the running panel, and a word where it is another's."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from jupyter_totp_auth.core.model import Role
from tests.browser.chrome import PATIENCE
from tests.browser.lab import Lab
from tests.browser.people import open_running
from tests.browser.test_rights import in_lab, told
from tests.harness.backstage import Backstage, backstage
from tests.harness.server import JupyterServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KERNEL, TERMINAL = "This kernel belongs to Ada Lovelace.", "This terminal belongs to Ada Lovelace."


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    """A server on which kernels belong to people."""
    arguments = ["--TotpAuth.own_kernels=True"]
    home = tmp_path_factory.mktemp("shop")
    with JupyterServer(home, app="lab", arguments=arguments) as server, backstage(server) as opened:
        opened.enrolled("root", role=Role.ADMIN)
        for name, shown in (("ada", "Ada Lovelace"), ("bob", "Bob")):
            opened.enrolled(name)
            accounts = opened.services.accounts
            account = accounts.named(name)
            accounts.set_profile(
                account, display_name=shown, initials=shown[:2], color="#7b1fa2", actor="operator"
            )
        yield opened


def item(panel: Locator, text: str) -> Locator:
    return panel.locator(".jp-RunningSessions-item").filter(has_text=re.compile(text)).last


def test_everybody_sees_whose_it_is_and_is_told_where_it_is_anothers(
    browser: Browser, shop: Backstage
) -> None:
    with in_lab(browser, shop, "ada") as (page, lab):
        lab.wait_until_loaded()
        lab.new_notebook()
        expect(lab.run("print(6 * 7)")).to_have_text("42")
        lab.save()
        file = page.locator(".lm-DockPanel-tabBar .lm-mod-current").inner_text()
        lab.new_terminal()
        hers = open_running(page)
        expect(item(hers, r"terminals/1").locator(".jp-totp-Owner")).to_have_text(re.compile("you$"))
        with in_lab(browser, shop, "bob") as (theirs, bobs):
            bobs.wait_until_loaded()
            bobs.menu("File", "New", "Terminal")
            panel = open_running(theirs)
            kernel = panel.locator(".jp-mod-kernel .jp-totp-Owned").filter(has_text=file)
            expect(kernel.locator(".jp-totp-Owner-name")).to_have_text("Ada Lovelace")
            expect(item(panel, "terminals/1").locator(".jp-totp-Owner-name")).to_have_text("Ada Lovelace")
            expect(item(panel, "terminals/2").locator(".jp-totp-Owner-name")).to_have_text("you")
            expect(item(hers, "terminals/2").locator(".jp-totp-Owner-name")).to_have_text("Bob")
            stop_and_open(theirs, panel)
            follow(theirs, bobs, file)
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab").filter(has_text=file).click()
        expect(lab.run("print(7 * 7)")).to_have_text("49")


def stop_and_open(page: Page, panel: Locator) -> None:
    """Neither stopped nor opened, and told so."""
    shell = item(panel, "terminals/1")
    shell.hover()
    shell.locator(".jp-RunningSessions-itemShutdown").click()
    expect(told(page).filter(has_text=TERMINAL)).to_have_count(1)
    shell.locator(".jp-totp-Owned-label").click()
    expect(told(page).filter(has_text=TERMINAL)).to_have_count(2)
    expect(shell).to_be_visible()


def follow(page: Page, lab: Lab, file: str) -> None:
    """Another's notebook: its output is seen, nothing runs, its kernel is not restarted or shut down."""
    page.locator(".jp-mod-kernel-widget .jp-RunningSessions-itemLabel").filter(has_text=file).click()
    output = page.locator(".jp-Notebook .jp-OutputArea-output")
    expect(output).to_have_text("42", timeout=PATIENCE)
    expect(page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| (Idle|Unknown)"))).to_be_visible()
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(output).to_have_text(f"PermissionError: {KERNEL}")
    lab.menu("Kernel", "Restart Kernel…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator(".jp-Dialog, .Toastify__toast").filter(has_text=KERNEL).first).to_be_visible()
