"""A throw-away machine for a guide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.guides.machine import Machine, machine
from tests.services import missing_is_skip, parts


@pytest.fixture
def a_machine(tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """Start one that answers to these names; whoever visits it in the test is on its network."""
    with ExitStack() as stack:

        def start(*names: str, needs: tuple[str, ...] = ("nginx",)) -> Machine:
            with missing_is_skip():
                for name in ("sudo", "openssl", "curl", *needs):
                    parts.find(name)
                new = stack.enter_context(machine(tmp_path, *names))
            stack.enter_context(new.visited())
            return new

        yield start
