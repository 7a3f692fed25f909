"""What every test folder shares: real services by fixture, and no setting of the developer's own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.harness import canary
from tests.harness.client import close_all

pytest_plugins = ["tests.services.fixtures"]

# A token, a config folder or a hub of the person who runs the tests must not reach what is tested.
for _name in [name for name in os.environ if name.startswith(("JUPYTER", "CREDENTIALS_DIRECTORY"))]:
    del os.environ[_name]


canary.listen()


@pytest.fixture(autouse=True)
def _connections_end_with_the_test() -> Iterator[None]:
    yield
    close_all()
