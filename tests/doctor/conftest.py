"""The operator's desk of the command line's tests, and one for `not_root`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import desk
from tests.cli.desk import Desk
from tests.services.process import folder, unprivileged

__all__ = ["desk", "users_desk"]


@pytest.fixture
def users_desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The same in a folder that a user who is not root reaches."""
    with folder("totp-doctor-", unprivileged()) as home:
        monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        for name in ("data", "config", "runtime"):
            (home / name).mkdir(mode=0o700)
            monkeypatch.setenv(f"JUPYTER_{name.upper()}_DIR", str(home / name))
        yield Desk(home)
