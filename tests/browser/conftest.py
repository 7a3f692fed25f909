"""One browser and one server for the folder; a fresh profile and fresh people for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.browser.chrome import PATIENCE, launch, new_context
from tests.harness.backstage import Backstage, backstage
from tests.harness.client import Person
from tests.harness.server import JupyterServer


# For the folder, not the session: Playwright runs an event loop of its own, and async tests
# elsewhere need theirs.
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


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with new_context(browser) as (context, _):
        yield context.new_page()


@pytest.fixture
def scriptless(browser: Browser) -> Iterator[Page]:
    """A page in a browser without JavaScript."""
    with new_context(browser, java_script_enabled=False) as (context, _):
        yield context.new_page()


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    """A server that has an admin already, and its store."""
    with JupyterServer(tmp_path_factory.mktemp("lab"), app="lab") as server, backstage(server) as opened:
        opened.enrolled("admin")
        yield opened


@pytest.fixture
def url(store: Backstage) -> Callable[[str], str]:
    """An address on that server."""
    return lambda path: store.server.url + path


@pytest.fixture(scope="package")
def new_name() -> Callable[[], str]:
    """A user name that was not there before."""
    numbers = count(1)
    return lambda: f"person{next(numbers)}"


@pytest.fixture
def somebody(store: Backstage, new_name: Callable[[], str]) -> Person:
    """A person of this test's own: a code opens only one login, and failures count."""
    return store.enrolled(new_name())
