"""I07, differential: where ``next`` leads, by our verdict and by Chromium's own URL parser (R31)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from playwright.sync_api import Page

from jupyter_totp_auth.web.next_url import safe_next
from tests.attacks.test_h_requests import NASTY
from tests.fuzz.dice import rolled

AT_ONCE = 10_000
ORIGIN = "https://lab.example:8443"
BASES = ("/", "/team/hub/")

_RESOLVE = """([values, from]) => values.map(value => {
  try { const url = new URL(value, from); return [url.origin, url.pathname]; }
  catch { return ["no URL", ""]; }
})"""


def made_up(base: str, rounds: int) -> Iterator[str]:
    """Values as the login reads them: what other products were led astray by, and what a die makes of it."""
    good = [f"{base}{path}" for path in ("lab", "lab/tree/a%20b.ipynb?x=1&y=/z", "tree;a=b", "@x:80", "")]
    seeds = [value.encode("utf-8", "replace") for value in [*NASTY, *good * 8]]
    seeds += [base.encode() + seed for seed in seeds]
    yield from (value.decode() for value in seeds)
    yield from (value.decode("utf-8", "replace") for value in rolled(seeds, rounds))


@pytest.mark.parametrize("number", [20_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_i07_nothing_that_we_accept_leads_chromium_to_another_origin(page: Page, number: int) -> None:
    total = away = kept = 0
    for base in BASES:
        values = made_up(base, number // len(BASES))
        while batch := list(islice(values, AT_ONCE)):
            results = [safe_next(value, base) for value in batch]
            for value, result, asked, taken in zip(
                batch, results, resolved(page, batch, base), resolved(page, results, base), strict=True
            ):
                total, away = total + 1, away + (asked[0] != ORIGIN)
                assert taken[0] == ORIGIN, (value, result, taken)
                assert f"{taken[1]}/".startswith(base), (value, result, taken)
                if result != base:  # it was accepted: as it was sent, it would have led to the same place
                    kept += 1
                    assert asked == taken, (value, result, asked, taken)
    print(f"{total} values, {kept} kept, {away} lead Chromium to another origin")
    assert total > number
    assert kept > total / 50
    assert away > total / 50


def resolved(page: Page, values: list[str], base: str) -> list[list[Any]]:
    """Where Chromium goes from the login page: origin and path of each."""
    found: list[list[Any]] = page.evaluate(_RESOLVE, [values, f"{ORIGIN}{base}login"])
    return found
