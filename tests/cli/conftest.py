"""A desk for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Throw-away directories, and the environment that leads there."""
    env = {f"JUPYTER_{name.upper()}_DIR": str(tmp_path / name) for name in ("data", "config", "runtime")}
    for name, folder in env.items():
        Path(folder).mkdir()
        monkeypatch.setenv(name, folder)
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    return Desk(tmp_path, env=env)
