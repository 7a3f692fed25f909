"""JupyterLab in Chromium behind each proxy, with the files that the package makes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chrome import new_context
from tests.browser.hands import give_code, give_password
from tests.browser.lab import Lab
from tests.hosting import outside
from tests.hosting.outside import BRANDS, Brand, House, Paper
from tests.services import missing_is_skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """JupyterLab under a path, behind a Unix socket."""
    home = tmp_path_factory.mktemp("lab")
    with outside.house(home, base_url="/jupyterlab/", unix=True, front_end=True) as found:
        yield found


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return Paper(tmp_path_factory.mktemp("paper"))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "brand", [BRANDS[0], *(pytest.param(b, marks=pytest.mark.soak) for b in BRANDS[1:])], ids=str
)
def test_j01_j08_j10_a_person_works_behind_a_proxy(
    brand: Brand, house: House, paper: Paper, browser: Browser
) -> None:
    with (
        missing_is_skip(),
        outside.site(brand, house, paper) as site,
        new_context(browser, ignore_https_errors=True) as (context, watch),
    ):
        page, person = context.new_page(), house.somebody()
        page.goto(f"{site.url}lab?reset")
        expect(page).to_have_url(re.compile(rf"{re.escape(site.url)}login\b"))
        give_password(page, person.username)
        give_code(page, person.phone.fresh_code())
        lab = Lab(page)
        lab.wait_until_loaded()
        assert page.url.startswith(f"{site.url}lab")
        lab.new_notebook()
        expect(lab.run("print(6 * 7)")).to_have_text("42")
        lab.run_in_terminal(lab.new_terminal(), "echo $((6 * 7))-done", expected="42-done")
        lab.log_out()
        assert page.url == f"{site.url}logout"
        assert watch.strange_redirects(site.url) == []
        assert watch.complaints_of_our_pages(site.url) == []
