"""One JupyterLab with jupyter-collaboration; a member and a reader of each test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from jupyter_totp_auth.core.model import Role
from tests.browser.chrome import PATIENCE, launch
from tests.harness.backstage import Backstage
from tests.harness.collaboration import SETTINGS, install
from tests.harness.server import JupyterServer
from tests.rights.people import House, open_house


@pytest.fixture(scope="package")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a server needs to have jupyter-collaboration."""
    return install(tmp_path_factory.mktemp("collaboration"))


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[House]:
    home = tmp_path_factory.mktemp("together")
    with open_house(JupyterServer(home, app="lab", arguments=SETTINGS, environment=environment)) as found:
        yield found


@pytest.fixture
def stage(house: House) -> Backstage:
    return house.stage


@pytest.fixture(scope="package")
def new_name() -> Callable[[], str]:
    """A user name that was not there before."""
    numbers = count(1)
    return lambda: f"person{next(numbers)}"


@pytest.fixture
def member(stage: Backstage, new_name: Callable[[], str]) -> str:
    return stage.enrolled(new_name()).username


@pytest.fixture
def reader(stage: Backstage, new_name: Callable[[], str]) -> str:
    return stage.enrolled(new_name(), role=Role.READER).username


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browser(playwright: Playwright, chromium: Path) -> Iterator[Browser]:
    running = launch(playwright, chromium)
    yield running
    running.close()
