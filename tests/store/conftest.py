"""The stores under test: one database a kind for the whole run, emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_totp_auth.store import Store, open_store
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.tables import metadata
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.store.crowd import Processes
from tests.store.makers import AT, Parts

DATABASES = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("sqlite")
    yield from _opened(f"sqlite:///{folder}/totp/totp.sqlite3", folder)


@pytest.fixture(scope="session")
def postgresql_store(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with postgresql.database() as url:
        yield from _opened(url, tmp_path_factory.mktemp("postgresql"))


@pytest.fixture(scope="session")
def mariadb_store(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with mariadb.database() as url:
        yield from _opened(url, tmp_path_factory.mktemp("mariadb"))


def _opened(url: str, folder: Path) -> Iterator[Store]:
    store = open_store(Places(url, folder / "totp-key" / "keyring"), at=AT)
    yield store
    store.close()


@pytest.fixture(params=DATABASES)
def sql(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store in each of the three databases."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    yield store
    empty(store)


@pytest.fixture(params=("memory", *DATABASES))
def store(request: pytest.FixtureRequest) -> Iterator[Parts]:
    """An empty store of each kind, the in-memory one of the core's tests included."""
    if request.param == "memory":
        module = pytest.importorskip("tests.core.memory_store")
        yield module.MemoryStore()
        return
    opened: Store = request.getfixturevalue(f"{request.param}_store")
    yield opened
    empty(opened)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Four processes for races."""
    crowd = Processes(4)
    yield crowd
    crowd.close()


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place where nothing has been made yet, one for each of the three databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/totp/totp.sqlite3"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def empty(store: Store) -> None:
    """Take everything out but the installation itself."""
    with store.database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "instance":
                connection.execute(table.delete())
