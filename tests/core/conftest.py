"""One fixture: everything under test, put together."""

from __future__ import annotations

import pytest

from tests.core.rig import Person, Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def alice(rig: Rig) -> Person:
    return rig.person("alice")
