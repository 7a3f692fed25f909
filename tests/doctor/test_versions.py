"""Versions that are too old: an older one is put where Python looks first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.doctor.looking import green, red, yellow


def install(folder: Path, name: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize(
    ("slug", "name", "version"),
    [
        ("jupyter-server-version", "jupyter_server", "2.20.1"),
        ("tornado-version", "tornado", "6.5.7"),
        ("pyotp-version", "pyotp", "2.11"),
        ("jupyterlab-version", "jupyterlab", "4.6.1"),
        ("notebook-version", "notebook", "7.5.5"),
        ("dependencies", "qrcode", "7.4"),
    ],
)
def test_a_version_below_its_floor(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slug: str, name: str, version: str
) -> None:
    green(desk, slug)
    install(tmp_path / "site", name, version, monkeypatch)
    red(desk, slug, version)


def test_an_extension_for_jupyterlab_of_another_version(desk: Desk) -> None:
    green(desk, "labextension")
    place = desk.home / "data" / "labextensions" / "jupyter-totp-auth" / "package.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"version": "0.0.1"}))
    yellow(desk, "labextension", "0.0.1")


def test_an_extension_for_jupyterlab_that_is_disabled(desk: Desk) -> None:
    place = desk.home / "config" / "labconfig" / "page_config.json"
    place.parent.mkdir()
    place.write_text(json.dumps({"disabledExtensions": {"jupyter-totp-auth": True}}))
    yellow(desk, "labextension", "disabled")


def test_an_extension_for_jupyterlab_that_is_missing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(desk.home))
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [str(desk.home / "share")])
    yellow(desk, "labextension", "not installed")


def test_a_python_without_fixes(desk: Desk) -> None:
    desk.now = 2_000_000_000
    yellow(desk, "python-version", "Python")
