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
from tests.browser.tour import tour
from tests.harness.backstage import backstage
from tests.harness.server import JupyterServer
from tests.services import parts

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WIDE, NARROW = 1280, 390
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
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
    return {
        name_of(page, width, scheme): (width, height)
        for width, heights in HEIGHTS.items()
        for page, height in heights.items()
        for scheme in SCHEMES
    }


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
        picture = Image.open(io.BytesIO(page.screenshot()))
        small = picture.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
        small.save(folder / name_of(name, width, scheme), optimize=True)
        picture.close()


def main() -> None:
    """Make them anew; the folder may be named on the command line."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with sync_playwright() as playwright:
        browser = launch(playwright, parts.find("chromium"))
        take_all(browser, folder)
        browser.close()


if __name__ == "__main__":
    main()
