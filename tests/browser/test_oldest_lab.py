"""The oldest JupyterLab that the extension is for, on a Jupyter Server of today."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chrome import new_context
from tests.browser.lab import Lab
from tests.browser.lab_tour import choose, open_panel
from tests.browser.people import put_login
from tests.harness.backstage import backstage
from tests.harness.client import PASSWORD
from tests.harness.server import JupyterServer

ROOT = Path(__file__).parents[2]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_jupyterlab_4_2_shows_the_panel_is_covered_and_goes_on(tmp_path: Path, browser: Browser) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    packages = [str(ROOT), "jupyterlab==4.2.*", "ipykernel"]
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True, timeout=1200)
    clean = {name: "" for name in os.environ if name.startswith("PYTHON")}
    environment = {**clean, "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    server = JupyterServer(tmp_path / "home", app="lab", python=str(python), environment=environment)
    with server, backstage(server) as store, new_context(browser) as (context, _):
        ada = store.enrolled("ada")
        put_login(context, store, "ada")
        page = context.new_page()
        page.goto(f"{server.url}lab?reset")
        Lab(page).wait_until_loaded()
        open_panel(page)
        choose(page, "Lock now")
        cover = page.locator(".jp-totp-Cover")
        cover.locator("[name=code]").fill(ada.phone.fresh_code())
        page.locator("[data-totp=unlock]").click()
        expect(cover).to_have_count(0)
        store.end_logins("ada")
        cover.locator("[name=password]").fill(PASSWORD)
        cover.locator("[name=code]").fill(ada.phone.fresh_code())
        page.locator("[data-totp=sign-in]").click()
        expect(cover).to_have_count(0)
        expect(page.get_by_role("heading", name="My history")).to_be_visible()
