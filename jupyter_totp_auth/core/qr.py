"""The enrollment QR as SVG text, made here: a secret never goes to a picture service."""

from __future__ import annotations

_QUIET_ZONE = 4
"""Modules of white around the code (ISO/IEC 18004 §5.3.8)."""


def svg(text: str) -> str:
    """An ``<svg>`` element with a viewBox, black on nothing: the page lays it on a white plate."""
    # On need: with the picture library that it takes along, 17 ms of every start, for a few pages in a year.
    from qrcode import QRCode, constants  # noqa: PLC0415
    from qrcode.image.svg import SvgPathImage  # noqa: PLC0415

    code = QRCode(error_correction=constants.ERROR_CORRECT_M, border=_QUIET_ZONE)
    code.add_data(text)
    element = code.make_image(image_factory=SvgPathImage).to_string(encoding="unicode")
    return str(element)
