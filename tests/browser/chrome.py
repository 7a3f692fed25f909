"""Debian's Chromium under Playwright, and what is watched in it: complaints, sockets, redirects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Response

from tests.harness.canary import note_shown

PATIENCE = 60_000
"""Milliseconds for whatever is waited for: the machine may have other things to do."""

OUTER_HOST = "lab.example"
"""A name of the browser's own: it stands for this machine, and no resolver is asked."""

_ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {OUTER_HOST} 127.0.0.1",
]

# Runs before any script of the page. It only listens.
_WATCH_SOCKETS = """
  window.sockets = [];
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(url, ...rest) {
      super(url, ...rest);
      const seen = { url: String(url), opened: false, code: null, closedAt: null };
      window.sockets.push(seen);
      this.addEventListener("open", () => { seen.opened = true; });
      this.addEventListener("close", (event) => { seen.code = event.code; seen.closedAt = Date.now(); });
    }
  };
"""
_WATCH_CSP = """
  addEventListener("securitypolicyviolation", (event) =>
    console.error("CSP", event.effectiveDirective, event.blockedURI, event.sample));
"""


def launch(playwright: Playwright, chromium: Path, **options: Any) -> Browser:
    """The browser, without a screen. Root has no sandbox to give."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(
        executable_path=chromium, args=[*_ARGUMENTS, *sandbox], timeout=PATIENCE, **options
    )


@dataclass
class Watch:
    """What a context's pages said and did, with the address of the page that did it."""

    complaints: list[tuple[str, str]] = field(default_factory=list)
    redirects: list[tuple[str, str]] = field(default_factory=list)

    def complaints_of_our_pages(self, url: str) -> list[tuple[str, str]]:
        """CSP violations, script errors, and console errors and warnings on the pages of this project."""
        ours = tuple(urljoin(url, page) for page in ("login", "logout", "enroll", "favicon.ico"))
        return [(page, text) for page, text in self.complaints if page.startswith(ours)]

    def strange_redirects(self, url: str) -> list[tuple[str, str]]:
        """Redirects that name another origin than the one in the address bar."""
        own = urlsplit(url)[:2]
        return [
            (asked, location)
            for asked, location in self.redirects
            if urlsplit(urljoin(asked, location))[:2] != own
        ]

    def attach(self, context: BrowserContext) -> None:
        """Begin to watch."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._complain(error.page, str(error.error)))
        context.on("response", self._response)

    def _console(self, message: Any) -> None:
        if message.type not in {"error", "warning"}:
            return
        text = f"{message.type}: {message.text}"
        if message.text.startswith("Failed to load resource"):
            # By the resource: a poll that JupyterLab has just sent is told when the next page is there.
            self.complaints.append((message.location.get("url", ""), text))
        else:
            self._complain(message.page, text)

    def _complain(self, page: Page | None, text: str) -> None:
        self.complaints.append((page.url if page else "", text))

    def _response(self, response: Response) -> None:
        location = response.headers.get("location")
        if location:
            self.redirects.append((response.url, location))


@contextmanager
def new_context(browser: Browser, **options: Any) -> Iterator[tuple[BrowserContext, Watch]]:
    """A browser profile of its own, watched."""
    options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **options}
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    watch = Watch()
    watch.attach(context)
    if options.get("java_script_enabled", True):
        context.add_init_script(_WATCH_SOCKETS)
        context.add_init_script(_WATCH_CSP)
    try:
        yield context, watch
    finally:
        for cookie in context.cookies():
            note_shown(f"{cookie['name']}={cookie['value']}")
        context.close()
