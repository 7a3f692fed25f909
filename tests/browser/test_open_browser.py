"""``jupyter lab`` opens the browser: at the first start on the set-up link, later on JupyterLab."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.harness.backstage import wait_until
from tests.harness.client import Client
from tests.harness.server import JupyterServer

# What a desktop would start. It keeps what it was asked to open, as it was at that moment.
_SCRIPT = """#!/bin/sh
stat -c %a "${1#file://}" > "$0.mode"
cp "${1#file://}" "$0.copy"
printf %s "$1" > "$0.part" && mv "$0.part" "$0.url"
"""


@dataclass
class FakeBrowser:
    """A program that takes the place of the desktop's browser."""

    path: Path

    def install(self) -> str:
        """Put it there; the command line for ``ServerApp.browser``."""
        self.path.write_text(_SCRIPT)
        self.path.chmod(0o700)
        return f"{self.path} %s"

    def _said(self, end: str) -> Path:
        return self.path.with_name(self.path.name + end)

    @property
    def url(self) -> str:
        """What it was asked to open."""
        wait_until(self._said(".url").exists, 30, "the opening of the browser")
        return self._said(".url").read_text()

    @property
    def mode(self) -> str:
        """The mode of that file, in octal."""
        assert self.url
        return self._said(".mode").read_text().strip()

    @property
    def page(self) -> str:
        """The text of that file."""
        assert self.url, "once it is said what was opened, the rest is written"
        return self._said(".copy").read_text()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_browser_opens_on_the_set_up_link_and_later_on_jupyterlab(tmp_path: Path, page: Page) -> None:
    desktop = FakeBrowser(tmp_path / "first-browser")
    with JupyterServer(tmp_path / "lab", app="lab", browser=desktop.install()) as server:
        code = server.setup_code()
        assert desktop.url.startswith(f"file://{tmp_path}/lab/runtime/")
        assert desktop.mode == "600", "other people of this machine could read the link"
        assert desktop.page.count(f"/enroll#{code}") >= 1
        assert code not in desktop.url

        page.goto(desktop.url)
        expect(page).to_have_title("Set up your account · Jupyter")
        # Without the code, which the page takes out of its address.
        expect(page).to_have_url(re.compile(rf"^http://(localhost|127\.0\.0\.1):{server.port}/enroll$"))
        expect(page.get_by_label("Enrollment code")).to_have_value(code)
        Client(server.url).enroll(code)
    assert not list((tmp_path / "lab" / "runtime").glob("*-open.html"))

    desktop = FakeBrowser(tmp_path / "second-browser")
    with JupyterServer(tmp_path / "lab", app="lab", browser=desktop.install()) as server:
        assert "enroll" not in desktop.page
        assert f":{server.port}/lab" in desktop.page
        page.goto(desktop.url)
        expect(page).to_have_url(re.compile(r"/login\?next=%2Flab$"))
        expect(page).to_have_title("Sign in · Jupyter")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_file_with_the_link_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    runtime, before = tmp_path / "runtime", os.umask(0)
    try:
        with JupyterServer(tmp_path) as server:
            code = server.setup_code()
            files = list(runtime.glob("*-open.html"))
            assert [file.stat().st_mode & 0o777 for file in files] == [0o600]
            assert code in files[0].read_text()
    finally:
        os.umask(before)
