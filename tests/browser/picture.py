"""What a camera sees: a QR code read from the pixels of a screenshot."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image
from playwright.sync_api import Page


def read_qr(page: Page) -> str:
    """The text of the one QR code in the picture of this page."""
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as picture:
        found = zxingcpp.read_barcodes(picture.convert("L"))
    assert len(found) == 1, f"{len(found)} codes on {page.url}"
    assert found[0].format == zxingcpp.BarcodeFormat.QRCode
    return found[0].text
