"""The QR: the picture is the text, drawn here, and nothing is asked from outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from qrcode import QRCode, constants

from jupyter_totp_auth.core import qr, totp

URI = totp.uri(bytes(range(20)), username="a.rather-long_user.name", issuer="Jupyter at the Institute")
NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> tuple[int, set[tuple[int, int]]]:
    """The side in modules, and the dark modules (column, row)."""
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    left, top, width, height = (float(one) for one in root.attrib["viewBox"].split())
    assert (left, top, width) == (0, 0, height)
    (path,) = root.iter(f"{NAMESPACE}path")
    squares = re.findall(r"M(\d+),(\d+)H(\d+)V(\d+)H(\d+)z", path.attrib["d"])
    for column, row, right, bottom, back in squares:
        assert (int(right), int(bottom), back) == (int(column) + 1, int(row) + 1, column)
    return int(width), {(int(square[0]), int(square[1])) for square in squares}


@pytest.mark.parametrize("text", [URI, "hello", "é" * 50], ids=["uri", "short", "wide"])
def test_the_picture_is_the_code_of_the_text_in_a_quiet_zone_of_four(text: str) -> None:
    code = QRCode(error_correction=constants.ERROR_CORRECT_M, border=4)
    code.add_data(text)
    matrix = code.get_matrix()
    side, dark = drawn(qr.svg(text))
    assert side == len(matrix)
    assert dark == {(x, y) for y, row in enumerate(matrix) for x, module in enumerate(row) if module}
    assert min(min(place) for place in dark) == 4
    assert max(max(place) for place in dark) == side - 5


def test_the_picture_is_one_element_that_asks_for_nothing() -> None:
    svg = qr.svg(URI)
    assert svg.startswith("<svg ")
    assert set(re.findall(r"<(\w+)", svg)) == {"svg", "path"}
    assert re.findall(r"https?://[^\"']*", svg) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"script|style|href|url\(|data:|on\w+=", svg)


def test_the_text_itself_is_not_in_the_picture() -> None:
    assert "otpauth" not in qr.svg(URI)


def test_two_texts_have_two_pictures() -> None:
    assert qr.svg("one") != qr.svg("two")
