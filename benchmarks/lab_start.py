"""What the extension costs JupyterLab's start: python -m benchmarks.lab_start [ROUNDS]

Two servers, one with the extension and one where it is switched off; a page of each in turn, in browsers
without a cache, until the launcher is there. Quote the ratio, not the milliseconds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chrome import PATIENCE, launch, new_context
from tests.browser.people import put_login
from tests.harness.backstage import Backstage, backstage
from tests.harness.server import JupyterServer
from tests.services import parts

ROUNDS = 15
OFF = {"disabledExtensions": {"jupyter-totp-auth": True}}


def start(browser: Browser, store: Backstage, *, badge: bool) -> float:
    """Seconds until the launcher is there."""
    with new_context(browser) as (context, _):
        put_login(context, store, "ada")
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(f"{store.server.url}lab?reset")
        page.locator(".jp-LauncherCard").first.wait_for(timeout=PATIENCE)
        seconds = time.perf_counter() - begun
        if badge:
            page.locator(".jp-totp-Badge").wait_for(timeout=PATIENCE)
        assert badge or not page.locator(".jp-totp-Badge").count()
        return seconds


def serve(stack: ExitStack, *, without: bool) -> Backstage:
    """A server with somebody in it."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    if without:
        (home / "config" / "labconfig").mkdir(parents=True)
        (home / "config" / "labconfig" / "page_config.json").write_text(json.dumps(OFF))
    store = stack.enter_context(backstage(stack.enter_context(JupyterServer(home, app="lab"))))
    store.enrolled("ada")
    return store


def main(rounds: int) -> None:
    """Print both medians and their ratio."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    with ExitStack() as stack:
        stores = {True: serve(stack, without=False), False: serve(stack, without=True)}
        browser = launch(stack.enter_context(sync_playwright()), parts.find("chromium"))
        for number in range(rounds + 1):
            for badge in (number % 2 == 0, number % 2 != 0):
                seconds = start(browser, stores[badge], badge=badge)
                if number:  # the first of each warms the machine up
                    taken[badge].append(seconds)
        browser.close()
    with_it, without = median(taken[True]), median(taken[False])
    print(f"with {with_it:.2f} s, without {without:.2f} s, ratio {with_it / without:.3f} ({rounds} rounds)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
