"""The pictures of the documentation: made from the running product, complete, and small."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser.screenshots import FOLDER, sizes, take_all

LARGEST = 80_000
"""Bytes: they are on the first screen of the README."""


def are_as_promised(folder: Path) -> None:
    pictures = {}
    for path in folder.glob("*.png"):
        assert path.stat().st_size < LARGEST, path
        with Image.open(path) as picture:
            pictures[path.name] = picture.size
    assert pictures == sizes()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_the_pictures_are_made_from_the_running_product(tmp_path: Path, browser: Browser) -> None:
    take_all(browser, tmp_path)
    are_as_promised(tmp_path)


def test_the_pictures_in_the_documentation_are_complete() -> None:
    are_as_promised(FOLDER)
