"""Makes the pictures of the documentation from the running product: python -m tests.browser.screenshots

Their sizes are always the same; the keys and codes in them are those of a server that is thrown away.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser.chrome import launch, new_context
from tests.browser.lab_tour import THEMES, Theme, furnish, signed_in, stage
from tests.browser.lab_tour import tour as lab_tour
from tests.browser.people import open_running
from tests.browser.tour import tour
from tests.harness.backstage import backstage
from tests.harness.client import Client
from tests.harness.server import JupyterServer
from tests.services import parts

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WIDE, NARROW = 1280, 390
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LAB_HEIGHT = 800
LAB_STATES = ("panel", "panel-phone", "cover-ended")
"""What is shown of the panel and the cover inside JupyterLab."""
RUNNING = (720, 430)
"""Width and height of what is shown of the running panel."""
HEIGHTS = {
    WIDE: {"login": 640, "code": 720, "account": 840, "qr": 1090, "recovery-codes": 760},
    NARROW: {"login": 640, "qr": 1380},
}
"""The pages that are shown, by width: what a page needs in the fonts of Debian, and a margin."""
_COLORS = 256


def name_of(page: str, width: int, scheme: Scheme) -> str:
    """``login-light.png``, and ``login-light-390.png`` for a phone's."""
    end = "" if width == WIDE else f"-{width}"
    return f"{page}-{scheme}{end}.png"


def sizes() -> dict[str, tuple[int, int]]:
    """Every picture, with its width and height."""
    pages = {
        name_of(page, width, scheme): (width, height)
        for width, heights in HEIGHTS.items()
        for page, height in heights.items()
        for scheme in SCHEMES
    }
    lab = {
        name_of(f"lab-{state}", WIDE, theme): (WIDE, LAB_HEIGHT) for state in LAB_STATES for theme in THEMES
    }
    running = {name_of("lab-running", WIDE, theme): RUNNING for theme in THEMES}
    return pages | lab | running


def take_all(browser: Browser, folder: Path) -> None:
    """Walk through the pages of a new server and put the pictures into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        JupyterServer(Path(home)) as server,
        backstage(server) as store,
        new_context(browser, reduced_motion="reduce") as (context, _),
    ):
        page = context.new_page()
        for name in tour(page, server, store):
            fill_in(page, name)
            for width, heights in HEIGHTS.items():
                if name in heights:
                    take(page, name, width, heights[name], folder)
    for theme in THEMES:
        take_lab(browser, theme, folder)


def take_lab(browser: Browser, theme: Theme, folder: Path) -> None:
    """The states inside JupyterLab; on a server of their own for each theme, so that both show the same."""
    with tempfile.TemporaryDirectory() as home, stage(Path(home)) as store:
        ada = furnish(store)
        with signed_in(browser, store, ada.username, theme) as (page, _):
            page.set_viewport_size({"width": WIDE, "height": LAB_HEIGHT})
            for state in lab_tour(page, store, ada):
                if state in LAB_STATES:
                    save(page, folder / name_of(f"lab-{state}", WIDE, theme))
    with tempfile.TemporaryDirectory() as home, stage(Path(home)) as store:
        furnish(store)
        for name, notebook in (("grace", "nanoseconds.ipynb"), ("ada", "difference-engine.ipynb")):
            put_to_work(store.signed_in(name), notebook)
        with signed_in(browser, store, "ada", theme) as (page, _):
            page.set_viewport_size({"width": WIDE, "height": LAB_HEIGHT})
            panel = open_running(page)
            make_room(page, panel)
            owners = panel.locator(".jp-totp-Owner-name")
            expect(owners.filter(has_text="Grace Hopper")).to_have_count(2)
            expect(owners.filter(has_text="you")).to_have_count(2)
            save(page, folder / name_of("lab-running", WIDE, theme), RUNNING)


def make_room(page: Page, panel: Locator) -> None:
    """A panel wide enough for whole names, with nothing in it but kernels and terminals, each in a line."""
    handle = page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:not(.lm-mod-hidden)").first
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(460, box["y"] + 300, steps=5)
    page.mouse.up()
    for title in ("Open Tabs", "Language Servers", "Recently Closed", "Workspaces"):
        panel.locator(".lm-AccordionPanel-title").filter(has_text=re.compile(title, re.IGNORECASE)).click()
    panel.locator(".jp-RunningSessions-viewButton:visible").first.click()


def put_to_work(person: Client, notebook: str) -> None:
    """Start a kernel for a notebook, and a terminal."""
    kernel = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
    assert person.request("POST", "api/sessions", json=kernel).status_code == 201
    person.start_terminal()


def fill_in(page: Page, name: str) -> None:
    """What somebody would just have typed."""
    if name == "login":
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password", exact=True).fill("a password of hers")
    elif name == "code":
        page.get_by_label("Code", exact=True).fill("287 082")  # RFC 6238, appendix B


def take(page: Page, name: str, width: int, height: int, folder: Path) -> None:
    """One page in both schemes."""
    page.set_viewport_size({"width": width, "height": height})
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        save(page, folder / name_of(name, width, scheme))


def save(page: Page, path: Path, size: tuple[int, int] | None = None) -> None:
    """What is seen now, in few colours; with a size, the upper left of it."""
    with Image.open(io.BytesIO(page.screenshot())) as whole:
        picture = whole.crop((0, 0, *size)) if size else whole
        picture.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Make them anew; the folder may be named on the command line."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with sync_playwright() as playwright:
        browser = launch(playwright, parts.find("chromium"))
        take_all(browser, folder)
        browser.close()


if __name__ == "__main__":
    main()
