"""Four servers on one store and one keyring, as four processes of one service; each by its own address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from tests.attacks.stage import Stage, open_stage
from tests.harness.server import JupyterServer

Fleet: TypeAlias = tuple[Stage, Sequence[JupyterServer]]

PROCESSES = 4


@contextmanager
def fleet(home: Path, database_url: str = "") -> Iterator[Fleet]:
    """The stage, and its servers, to talk to one and kill another."""
    with open_stage(home, processes=PROCESSES, database_url=database_url) as stage:
        yield stage, stage.servers
