"""One JupyterLab, and people of every kind on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.client import close_all
from tests.harness.lean import doors_environment, enabling
from tests.harness.server import JupyterServer
from tests.rights.people import House, open_house


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("rights")
    server = JupyterServer(home, app="lab", arguments=enabling("doors"), environment=doors_environment(home))
    with open_house(server) as found:
        yield found


def write(root: Path) -> None:
    """Files to read and to write."""
    for folder in ("mine", "theirs"):
        (root / folder).mkdir()
        (root / folder / "a.txt").write_text(f"{folder} text")


@pytest.fixture(scope="package")
def root(house: House) -> Path:
    """The notebook folder."""
    write(house.stage.server.root)
    return house.stage.server.root
