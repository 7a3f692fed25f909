"""A server that is told to stop while somebody works in JupyterLab: what they have typed is on the disk."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import serious_faults
from tests.browser.chrome import PATIENCE, new_context
from tests.browser.lab import TYPING, Lab
from tests.browser.lab_tour import THEMES, Theme
from tests.browser.people import put_login
from tests.harness.backstage import backstage, wait_until
from tests.harness.server import JupyterServer
from tests.services import missing_is_skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DRAIN = 40
NARROWEST = 320


def notice(page: Page) -> Locator:
    return page.get_by_role("alertdialog", name="The server is about to stop")


def choose(page: Page, theme: Theme) -> None:
    Lab(page).menu("Settings", "Theme", f"JupyterLab {theme.title()}")
    is_light = "true" if theme == "light" else "false"
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)


def assert_can_be_read(page: Page) -> None:
    """By everybody, on the narrowest screen as well."""
    with missing_is_skip():
        assert serious_faults(page, ".jp-totp-Notice") == {}
    page.set_viewport_size({"width": NARROWEST, "height": 640})
    assert notice(page).evaluate("(node) => node.scrollWidth <= node.clientWidth")


@pytest.mark.parametrize("theme", [THEMES[0], pytest.param(THEMES[1], marks=pytest.mark.soak)])
def test_what_was_not_saved_is_on_the_disk_when_the_server_has_stopped(
    tmp_path: Path, browser: Browser, theme: Theme
) -> None:
    arguments = [f"--TotpAuth.drain_seconds={DRAIN}"]
    with (
        JupyterServer(tmp_path, app="lab", arguments=arguments) as server,
        backstage(server) as stage,
        new_context(browser) as (context, _),
    ):
        stage.enrolled("ada")
        put_login(context, stage, "ada")
        page = context.new_page()
        page.goto(f"{server.url}lab?reset")
        lab = Lab(page)
        lab.wait_until_loaded()
        choose(page, theme)
        lab.new_notebook()
        lab.run("kept = 41")
        page.keyboard.type("# not saved yet", delay=TYPING)
        (path,) = server.root.glob("*.ipynb")
        assert "not saved yet" not in path.read_text()

        assert server.process is not None
        os.kill(server.process.pid, signal.SIGTERM)
        expect(notice(page)).to_contain_text("Your documents are saved.", timeout=PATIENCE)
        expect(notice(page)).to_contain_text("This server stops in")
        cells = json.loads(path.read_text())["cells"]
        assert ["".join(cell["source"]) for cell in cells] == ["kept = 41", "# not saved yet"]
        page.keyboard.type(", and more", delay=TYPING)
        wait_until(lambda: "# not saved yet, and more" in path.read_text(), 10, "the second save")
        assert_can_be_read(page)

        assert server.process.poll() is None, "somebody is there"
        os.kill(server.process.pid, signal.SIGTERM)  # the second ends it at once
        server.process.wait(DRAIN / 2)
        server.start()
        expect(notice(page)).to_have_count(0, timeout=PATIENCE)
        expect(page.locator(".jp-totp-Cover")).to_have_count(0)
        assert "Traceback" not in server.log
