"""JupyterLab, used as a person uses it: by its launcher, its menus, its cells and its terminal."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.browser.chrome import PATIENCE

TYPING = 10
"""Milliseconds between two keys: nobody types a line at once, and Lab's editor completes brackets."""


class Lab:
    """One tab with JupyterLab in it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def wait_until_loaded(self) -> None:
        """The launcher is there, so all of Lab is."""
        expect(self.page).to_have_url(re.compile(r"/lab(/|\?|$)"), timeout=PATIENCE)
        expect(self.page.locator(".jp-LauncherCard").first).to_be_visible(timeout=PATIENCE)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=PATIENCE)

    def new_notebook(self) -> None:
        """Open one from the launcher, and wait for its kernel."""
        self.page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
        ready = self.page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| Idle$"))
        expect(ready).to_be_visible(timeout=PATIENCE)

    def run(self, code: str) -> Locator:
        """Type into the last cell and run it; what it prints."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        cell = cells.nth(cells.count() - 1)
        cell.locator(".cm-content").click()
        self.page.keyboard.type(code, delay=TYPING)
        self.page.keyboard.press("Shift+Enter")
        return cell.locator(".jp-OutputArea-output")

    def save(self) -> None:
        """Save the notebook, under the name it has: a new one asks for it.

        Not under another: Jupyter lists a folder file by file, and one that is renamed meanwhile makes
        the file browser say "Directory not found".
        """
        self.page.keyboard.press("Control+s")
        asked = self.page.get_by_role("dialog")
        asked.get_by_role("button", name="Rename").click()
        expect(asked).to_have_count(0)
        expect(self.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0, timeout=PATIENCE)

    def autosave(self, *, on: bool) -> None:
        """Whether documents are saved by themselves; a setting of the server, so for whoever comes next."""
        self.page.locator(".lm-MenuBar-item").get_by_text("Settings", exact=True).click()
        entry = self.page.locator(".lm-Menu-item", has_text="Autosave Documents")
        expect(entry).to_be_visible()
        if ("lm-mod-toggled" in (entry.get_attribute("class") or "")) != on:
            entry.click()
        else:
            self.page.keyboard.press("Escape")
        expect(self.page.locator(".lm-Menu")).to_have_count(0)

    def menu(self, *path: str) -> None:
        """Choose something from the menus: ``menu("File", "New", "Terminal")``."""
        bar, *entries = path
        self.page.locator(".lm-MenuBar-item").get_by_text(bar, exact=True).click()
        for depth, entry in enumerate(entries):
            menu = self.page.locator(".lm-Menu").nth(depth)
            menu.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()

    def new_terminal(self) -> WebSocket:
        """Open one, and wait until it takes keys; the socket behind it."""

        def is_terminal(socket: WebSocket) -> bool:
            return "/terminals/websocket/" in socket.url

        with self.page.expect_websocket(is_terminal, timeout=PATIENCE) as opened:
            self.menu("File", "New", "Terminal")
        screen = self.page.locator(".jp-Terminal .xterm-screen")
        expect(screen).to_be_visible(timeout=PATIENCE)
        screen.click()
        return opened.value

    def run_in_terminal(self, terminal: WebSocket, line: str, *, expected: str) -> None:
        """Type a command and wait for its output: in the socket, since the screen is a canvas."""

        def is_answer(frame: str | bytes) -> bool:
            message = json.loads(frame)
            return message[0] == "stdout" and expected in message[1]

        with terminal.expect_event("framereceived", is_answer, timeout=PATIENCE):
            self.page.keyboard.type(f"{line}\n", delay=TYPING)

    def log_out(self) -> None:
        """File ▸ Log Out, and wait for the page that follows."""
        with self.page.expect_response(re.compile(r"/logout$"), timeout=PATIENCE) as answered:
            self.menu("File", "Log Out")
        assert answered.value.request.is_navigation_request()
        assert answered.value.status == 200
        self.page.wait_for_load_state()
