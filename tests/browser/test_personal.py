"""Settings and workspaces of one's own: two people on one server, in two browsers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.web.personal import FOLDER
from tests.browser.chrome import PATIENCE, new_context
from tests.browser.people import put_login
from tests.browser.test_rights import MAY_ONLY_READ, in_lab, told
from tests.browser.test_stopping import choose
from tests.harness.backstage import Backstage, backstage, wait_until
from tests.harness.server import JupyterServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

THEMES = "@jupyterlab/apputils-extension/themes.jupyterlab-settings"
PERSONAL = ["--TotpAuth.personal_settings=True"]


def settings_of(server: JupyterServer) -> Path:
    return server.home / "config" / "lab" / "user-settings"


def is_light(page: Page, expected: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", expected, timeout=PATIENCE)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Backstage]:
    with JupyterServer(tmp_path, app="lab", arguments=PERSONAL) as server, backstage(server) as store:
        store.enrolled("ada")
        store.enrolled("bob")
        yield store


@pytest.mark.soak
def test_one_goes_dark_and_the_other_stays_light_and_their_layouts_are_apart(
    browser: Browser, stage: Backstage
) -> None:
    with (
        in_lab(browser, stage, "ada", "lab") as (page, lab),
        in_lab(browser, stage, "bob", "lab") as (theirs, other),
    ):
        lab.wait_until_loaded()
        other.wait_until_loaded()
        choose(page, "dark")
        lab.new_notebook()
        (path,) = stage.server.root.glob("*.ipynb")
        own = settings_of(stage.server) / FOLDER / stage.services.accounts.named("ada").id / THEMES
        wait_until(lambda: own.exists() and "Dark" in own.read_text(), 10, "the setting")
        page.wait_for_timeout(2000)  # JupyterLab writes the layout when it has not changed for a while
        page.reload()
        theirs.reload()
        is_light(page, "false")
        is_light(theirs, "true")
        expect(page.locator(".lm-DockPanel-tabBar")).to_contain_text(path.name, timeout=PATIENCE)
        expect(theirs.locator(".jp-LauncherCard").first).to_be_visible(timeout=PATIENCE)
        expect(theirs.locator(".lm-DockPanel-tabBar")).not_to_contain_text(path.name)
        assert not (settings_of(stage.server) / THEMES).exists(), "nobody wrote what all have shared"


@pytest.mark.soak
def test_a_workspace_by_its_name_is_ones_own_and_reset_empties_it(browser: Browser, stage: Backstage) -> None:
    with in_lab(browser, stage, "ada", "lab/workspaces/course") as (page, lab):
        lab.new_notebook()
        (path,) = stage.server.root.glob("*.ipynb")
        page.wait_for_timeout(2000)
        page.reload()
        expect(page.locator(".lm-DockPanel-tabBar")).to_contain_text(path.name, timeout=PATIENCE)
        with in_lab(browser, stage, "bob", "lab/workspaces/course") as (theirs, _):
            expect(theirs.locator(".jp-LauncherCard").first).to_be_visible(timeout=PATIENCE)
            expect(theirs.locator(".lm-DockPanel-tabBar")).not_to_contain_text(path.name)
        page.goto(f"{stage.server.url}lab/workspaces/course?reset")
        expect(page.locator(".jp-LauncherCard").first).to_be_visible(timeout=PATIENCE)
        expect(page.locator(".lm-DockPanel-tabBar")).not_to_contain_text(path.name)
        page.goto(f"{stage.server.url}lab/tree/{path.name}")
        expect(page.locator(".lm-DockPanel-tabBar")).to_contain_text(path.name, timeout=PATIENCE)


@pytest.mark.soak
def test_a_reader_chooses_a_theme_that_stays(browser: Browser, stage: Backstage) -> None:
    stage.services.accounts.set_role("bob", Role.READER, actor="operator")
    with in_lab(browser, stage, "bob") as (page, lab):
        lab.wait_until_loaded()
        choose(page, "dark")
        expect(told(page).filter(has_text=MAY_ONLY_READ)).to_have_count(0)
        page.reload()
        is_light(page, "false")


@pytest.mark.soak
def test_everybody_begins_with_the_settings_that_all_have_shared(browser: Browser, tmp_path: Path) -> None:
    with JupyterServer(tmp_path, app="lab", arguments=PERSONAL) as server, backstage(server) as store:
        store.enrolled("ada")
        shared = settings_of(server) / THEMES
        shared.parent.mkdir(parents=True)
        shared.write_text(json.dumps({"theme": "JupyterLab Dark"}))
        with in_lab(browser, store, "ada") as (page, lab):
            lab.wait_until_loaded()
            is_light(page, "false")
            choose(page, "light")
        assert "Dark" in shared.read_text()


@pytest.mark.soak
def test_notebook_7_keeps_them_apart_too(browser: Browser, tmp_path: Path) -> None:
    with JupyterServer(tmp_path, app="notebook", arguments=PERSONAL) as server, backstage(server) as store:
        store.enrolled("ada")
        store.enrolled("bob")
        own = settings_of(server) / FOLDER / store.services.accounts.named("ada").id / THEMES
        own.parent.mkdir(parents=True)
        own.write_text(json.dumps({"theme": "JupyterLab Dark"}))
        for name, expected in (("ada", "false"), ("bob", "true")):
            with new_context(browser) as (context, _):
                put_login(context, store, name)
                page = context.new_page()
                page.goto(f"{server.url}tree")
                is_light(page, expected)


@pytest.mark.soak
def test_it_is_off_unless_asked_for(browser: Browser, tmp_path: Path) -> None:
    with JupyterServer(tmp_path, app="lab") as server, backstage(server) as store:
        store.enrolled("ada")
        store.enrolled("bob")
        with in_lab(browser, store, "ada") as (page, lab):
            lab.wait_until_loaded()
            choose(page, "dark")
            wait_until((settings_of(server) / THEMES).exists, 10, "the setting")
        with in_lab(browser, store, "bob") as (page, lab):
            lab.wait_until_loaded()
            is_light(page, "false")
        assert not (settings_of(server) / FOLDER).exists()
