"""What every test folder shares: real services by fixture, and no setting of the developer's own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import canary
from tests.harness.client import close_all

pytest_plugins = ["tests.services.fixtures"]

# A token, a config folder or a hub of the person who runs the tests must not reach what is tested.
for _name in [name for name in os.environ if name.startswith(("JUPYTER", "CREDENTIALS_DIRECTORY"))]:
    del os.environ[_name]


canary.listen()


_OF_A_SLOW_ONE = 20
"""Other tests' time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: a worker takes a whole one, and the last to end is waited for."""
    weight: Counter[Path] = Counter()
    for item in items:
        weight[item.path] += _OF_A_SLOW_ONE if item.get_closest_marker("slow") else 1
    items.sort(key=lambda item: -weight[item.path])


@pytest.fixture(autouse=True)
def _connections_end_with_the_test() -> Iterator[None]:
    yield
    close_all()
