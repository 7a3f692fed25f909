"""What `make` installed is made anew when what it was made of changed, and when it changed itself."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[1] / "tools"
FILES = (
    "pyproject.toml",
    "jupyter_totp_auth/_version.py",
    "config/jupyter_server_config.d/jupyter_totp_auth.json",
    "labextension/package.json",
    "labextension/src/panel/panel.tsx",
    "labextension/style/base.css",
    "labextension/schema/badge.json",
    "jupyter_totp_auth/labextension/static/style.js",
    ".venv/share/jupyter/labextensions/jupyter-totp-auth/static/style.js",
)


@pytest.fixture
def make_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, for a checkout of its own in which everything stands that it looks at."""
    monkeypatch.syspath_prepend(str(TOOLS))
    module = importlib.import_module("make_venv")
    for name in ("BUILT", "SERVED"):
        monkeypatch.setattr(module, name, tmp_path / getattr(module, name).relative_to(module.ROOT))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was")
    return module


@pytest.mark.parametrize("name", FILES)
def test_any_change_is_seen(name: str, make_venv: ModuleType, tmp_path: Path) -> None:
    before = make_venv.fingerprint()
    (tmp_path / name).write_text("as it is")
    assert make_venv.fingerprint() != before
    (tmp_path / name).write_text("as it was")
    assert make_venv.fingerprint() == before


def test_another_name_is_a_change(make_venv: ModuleType, tmp_path: Path) -> None:
    before = make_venv.fingerprint()
    style = tmp_path / "labextension" / "style" / "base.css"
    style.rename(style.with_name("other.css"))
    assert make_venv.fingerprint() != before


def test_an_extension_that_is_not_there_is_a_change(make_venv: ModuleType) -> None:
    before = make_venv.fingerprint()
    (make_venv.SERVED / "static" / "style.js").unlink()
    assert make_venv.fingerprint() != before
