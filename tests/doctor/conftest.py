"""The operator's desk of the command line's tests, and one of a user who is not root."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import desk
from tests.cli.desk import Desk
from tests.doctor.looking import unprivileged
from tests.services.process import folder
from tests.services.process import unprivileged as account

__all__ = ["desk", "users_desk"]


@pytest.fixture
def users_desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The same, and what is done meanwhile is not done as root."""
    with folder("totp-doctor-", account()) as home, unprivileged():
        monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        for name in ("data", "config", "runtime"):
            (home / name).mkdir(mode=0o700)
            monkeypatch.setenv(f"JUPYTER_{name.upper()}_DIR", str(home / name))
        yield Desk(home)
