"""What the attack tests share: servers with careless extensions, and the store behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.places import HOME, Place
from tests.attacks.stage import Opener, Stage, open_stage
from tests.harness.backstage import Backstage, backstage
from tests.harness.client import Client, Person
from tests.harness.lean import LEAN, doors_environment, enabling
from tests.harness.server import JupyterServer


@dataclass
class Scene:
    """A running server, the person who set it up, and its store from behind."""

    server: JupyterServer
    ada: Person
    backstage: Backstage
    journal: Path

    @property
    def ran(self) -> list[str]:
        """What code of the test extension ran."""
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def client(self, **headers: str) -> Client:
        """A browser that nobody has signed in with."""
        return Client(self.server.url, **headers)

    def signed_in(self, username: str = "ada", **login: int) -> Client:
        """A browser with a login of its own."""
        return self.backstage.signed_in(username, **login)


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Place:
    """Where this module's tests run. test_matrix.py takes them elsewhere."""
    found: Place = getattr(request, "param", HOME)
    return found


@pytest.fixture(scope="module")
def open_here(place: Place, request: pytest.FixtureRequest) -> Opener:
    """Open a stage at this module's place, on a database of its own: ``with open_here(tmp_path, …)``."""

    @contextmanager
    def opened(home: Path, **options: Any) -> Iterator[Stage]:
        with ExitStack() as stack:
            if place.database != HOME.database:
                service = request.getfixturevalue(place.database)
                options["database_url"] = stack.enter_context(service.database())
            yield stack.enter_context(open_stage(home, processes=place.processes, **options))

    return opened


@pytest.fixture(scope="module")
def start_scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Scene]]:
    """Start servers that end with the module: ``start_scene(extensions=["doors"], base_url=…)``."""
    with ExitStack() as stack:

        def start(*, extensions: list[str] | None = None, lean: bool = False, **options: Any) -> Scene:
            home = tmp_path_factory.mktemp("server")
            server = JupyterServer(home, **options)
            more = [*(LEAN if lean else []), *enabling(*(extensions or []))]
            server.arguments = [*server.arguments, *more]
            server.environment = {**doors_environment(home), **server.environment}
            stack.enter_context(server)
            behind = stack.enter_context(backstage(server))
            return Scene(server, behind.enrolled("ada"), behind, home / "journal")

        yield start
