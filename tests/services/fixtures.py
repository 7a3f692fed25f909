"""The services as pytest fixtures.

A folder of tests asks for them with one line in its conftest.py:

    from tests.services.fixtures import *

or all of them at once, in tests/conftest.py: `pytest_plugins = ["tests.services.fixtures"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services import missing_is_skip, parts
from tests.services.mariadb import MariaDB, running_mariadb
from tests.services.nginx import Nginx, running_nginx
from tests.services.postgresql import PostgreSQL, running_postgresql

__all__ = [
    "chromium",
    "mariadb",
    "mariadb_url",
    "postgresql",
    "postgresql_url",
    "start_nginx",
]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One PostgreSQL server for the whole run."""
    with ExitStack() as stack:
        with missing_is_skip():
            server = stack.enter_context(running_postgresql())
        yield server


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own."""
    with postgresql.database() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """One MariaDB server for the whole run."""
    with ExitStack() as stack:
        with missing_is_skip():
            server = stack.enter_context(running_mariadb())
        yield server


@pytest.fixture
def mariadb_url(mariadb: MariaDB) -> Iterator[str]:
    """An empty MariaDB database of this test's own."""
    with mariadb.database() as url:
        yield url


@pytest.fixture
def start_nginx() -> Iterator[Callable[..., Nginx]]:
    """Start nginx: `start_nginx(http_text, port=…, files={…})`; it ends with the test."""
    with ExitStack() as stack:

        def start(http: str, *, port: int, files: Mapping[str, bytes] | None = None) -> Nginx:
            with missing_is_skip():
                return stack.enter_context(running_nginx(http, port=port, files=files))

        yield start


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The machine's Chromium, for Playwright's `executable_path`."""
    with missing_is_skip():
        return parts.find("chromium")
