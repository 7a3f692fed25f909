"""The JupyterLab extension as it is shipped: small, complete, of one version, and built without Node.js."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from jupyter_totp_auth import __version__

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "labextension"
BUILT = ROOT / "jupyter_totp_auth" / "labextension"
LARGEST = 60_000
"""Bytes of all scripts, gzipped: what each start of JupyterLab has to fetch."""
SHARED = "/share/jupyter/labextensions/jupyter-totp-auth/"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def build(kind: str, source: Path, target: Path, path: str = os.environ["PATH"]) -> Path:
    """Build a wheel or an sdist, with what this environment has: no second one, which would take minutes."""
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--skip-dependency-check"]
    done = subprocess.run(
        [*command, "--outdir", str(target), str(source)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = target.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def test_the_bundle_is_small() -> None:
    scripts = list((BUILT / "static").glob("*.js"))
    assert scripts, "not built: python3 tools/make_venv.py test"
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) <= LARGEST


def test_it_has_the_version_of_the_package() -> None:
    assert json.loads((SOURCE / "package.json").read_text())["version"] == __version__
    assert json.loads((SOURCE / "package-lock.json").read_text())["version"] == __version__


def test_the_sdist_carries_source_and_build_and_nothing_of_node(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    for part in (
        "labextension/src/index.ts",
        "labextension/package-lock.json",
        "labextension/schema/badge.json",
        "jupyter_totp_auth/labextension/package.json",
        "jupyter_totp_auth/labextension/static/style.js",
        "jupyter_totp_auth/labextension/schemas/jupyter-totp-auth/badge.json",
    ):
        assert part in names, part
    folders = ("node_modules/", ".yarn/", "labextension/lib/")
    assert not [name for name in names if any(f"/{folder}" in f"/{name}/" for folder in folders[:2])]
    assert not [name for name in names if name.startswith(folders[2])]


def test_a_wheel_is_built_from_the_sdist_without_node(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    # Without Node.js in reach: where it is in one of these, the build would be one with it.
    empty = tmp_path / "bin"
    empty.mkdir()
    wheel = build("wheel", source, tmp_path / "wheel", str(empty))
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "package.json",
        "install.json",
        "static/style.js",
        "schemas/jupyter-totp-auth/badge.json",
        "schemas/jupyter-totp-auth/package.json.orig",
    ):
        assert any(name.endswith(SHARED + part) for name in names), part
    assert any(SHARED + "static/remoteEntry." in name for name in names)
    assert not [name for name in names if "node_modules" in name]
