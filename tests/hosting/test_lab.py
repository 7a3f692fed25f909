"""JupyterLab itself through each proxy, under a path: the page, and every file that it asks for first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from tests.hosting import outside
from tests.hosting.outside import Brand, House, Paper, house
from tests.services import missing_is_skip

TYPES = {"js": "javascript", "css": "text/css", "ico": "image/", "png": "image/", "json": "application/json"}
NAMED = re.compile(r'(?:src|href)="(/jupyterlab/[^"]+\.(?:js|css|ico|png|json)(?:\?[^"]*)?)"')


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With the front end, which the other servers here do without."""
    home = tmp_path_factory.mktemp("lab")
    with house(home, base_url="/jupyterlab/", unix=False, front_end=True) as found:
        yield found


def test_the_page_comes_with_all_of_its_files_in_their_types(brand: Brand, lab: House, paper: Paper) -> None:
    with missing_is_skip(), outside.site(brand, lab, paper) as site:
        visitor = site.signed_in()
        page = visitor.get("lab")
        assert page.status_code == 200
        assert '"baseUrl": "/jupyterlab/"' in page.text
        named = NAMED.findall(page.text)
        assert any(".js" in name for name in named), page.text[:2000]
        for name in named:
            answer = visitor.get(urljoin(site.url, name))
            end = name.partition("?")[0].rpartition(".")[2]
            assert answer.status_code == 200, name
            assert TYPES[end] in answer.headers["Content-Type"], name
            assert len(answer.content) == int(answer.headers.get("Content-Length", len(answer.content)))
