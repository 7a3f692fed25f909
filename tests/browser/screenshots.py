"""Makes the pictures of the documentation from the running product: python -m tests.browser.screenshots

Their sizes are always the same; the keys and codes in them are those of a server that is thrown away.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chrome import launch, new_context
from tests.browser.lab_tour import THEMES, Theme, furnish, signed_in, stage
from tests.browser.lab_tour import tour as lab_tour
from tests.browser.tour import tour
from tests.harness.backstage import backstage
from tests.harness.server import JupyterServer
from tests.services import parts

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WIDE, NARROW = 1280, 390
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LAB_HEIGHT = 800
LAB_STATES = ("panel", "panel-phone", "cover-ended")
"""What is shown of the panel and the cover inside JupyterLab."""
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
    return pages | lab


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


def save(page: Page, path: Path) -> None:
    """What is seen now, in few colours."""
    with Image.open(io.BytesIO(page.screenshot())) as picture:
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
