"""One server for each shape of a deployment, and one proxy at a time in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.hosting import outside
from tests.hosting.outside import BRANDS, Brand, House, Paper, Site, house
from tests.services import missing_is_skip


@pytest.fixture(scope="package", autouse=True)
def _name() -> Iterator[None]:
    with outside.a_name_for_this_machine():
        yield


@pytest.fixture(scope="package")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    """The proxies' certificate."""
    return Paper(tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="package")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """The server of a shape; it starts when it is asked for first."""
    known: dict[tuple[str, bool], House] = {}
    with ExitStack() as stack:

        def of(*, base_url: str = "/", unix: bool = False) -> House:
            shape = (base_url, unix)
            if shape not in known:
                home = tmp_path_factory.mktemp("house")
                known[shape] = stack.enter_context(house(home, base_url=base_url, unix=unix))
            return known[shape]

        yield of


@pytest.fixture(scope="module", params=["host", "path", "host-unix", "path-unix"])
def shape(request: pytest.FixtureRequest, houses: Callable[..., House]) -> House:
    """At a host's root and under a path, over TCP and over a Unix socket."""
    place, _, transport = request.param.partition("-")
    return houses(base_url="/jupyterlab/" if place == "path" else "/", unix=transport == "unix")


@pytest.fixture(scope="module", params=BRANDS, ids=str)
def brand(request: pytest.FixtureRequest) -> Brand:
    """Each proxy; Apache both ways."""
    return request.param


@pytest.fixture(scope="module")
def site(brand: Brand, shape: House, paper: Paper) -> Iterator[Site]:
    """A proxy in front of a server, as the package's own files put them."""
    with ExitStack() as stack:
        with missing_is_skip():
            found = stack.enter_context(outside.site(brand, shape, paper))
        yield found
