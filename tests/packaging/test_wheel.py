"""The wheel alone, in an empty environment, with no Node.js and no checkout in reach."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from jupyter_totp_auth.hosting import KINDS
from tests.harness.client import Client
from tests.harness.server import JupyterServer

ROOT = Path(__file__).parents[2]

# The first one waits for pip.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    target = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(target), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an empty environment into which only the wheel and JupyterLab were installed."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", str(wheel), "jupyterlab"]
    done = subprocess.run(
        install, capture_output=True, text=True, timeout=600, cwd=home, env=_clean(home), check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return python


def _clean(home: Path) -> dict[str, str]:
    """The environment without anything that could bring Node.js or the checkout in."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "NODE", "npm_", "VIRTUAL_ENV"))
    }
    return {**kept, "PATH": f"{home / 'bin'}:/usr/bin:/bin"}


def test_the_wheel_carries_everything_it_needs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "jupyter_totp_auth/web/templates/login.html",
        "jupyter_totp_auth/web/static/page.css",
        *(f"jupyter_totp_auth/hosting/templates/{kind.template}" for kind in KINDS.values()),
        "jupyter_totp_auth/hosting/templates/parts.j2",
        "jupyter_totp_auth/store/migrations/versions/0001_first.py",
        "jupyter_totp_auth/store/migrations/versions/0002_step_up_locks_tokens.py",
        "jupyter_totp_auth/store/migrations/env.py",
        "jupyter_totp_auth/factors/blocklist.txt.gz",
        "/etc/jupyter/jupyter_server_config.d/jupyter_totp_auth.json",
        "/share/jupyter-totp-auth/fail2ban/filter.d/jupyter-totp-auth.conf",
        "/share/jupyter-totp-auth/fail2ban/jail.d/jupyter-totp-auth.conf",
        "/licenses/LICENSE",
    ):
        assert any(name.endswith(part) for name in names), part
    assert not [name for name in names if name.startswith(("tests/", "tools/", "node_modules/"))]


@pytest.mark.slow
def test_from_pip_install_to_a_running_cell_behind_two_factors(installed: Path, tmp_path: Path) -> None:
    home = installed.parents[1]
    clean = {name: "" for name in os.environ if name.startswith(("PYTHON", "NODE"))}
    environment = {**clean, "PATH": _clean(home)["PATH"]}
    with JupyterServer(tmp_path, app="lab", python=str(installed), environment=environment) as server:
        client = Client(server.url)
        assert client.get("lab").status_code == 302
        client.enroll(server.setup_code())
        assert "JupyterLab" in client.get("lab").text
        kernel = client.kernel_socket(client.start_kernel())
        assert client.execute(kernel, "print(6 * 7)") == "42\n"
        listed = server.totp("list", "--json")
        assert '"ada"' in listed.stdout, listed.stderr


def test_o11_uninstalled_but_named_in_the_configuration_it_ends_the_start(
    installed: Path, tmp_path: Path
) -> None:
    """The last one of this file: afterwards the environment is without it."""
    home = installed.parents[1]
    uninstall = [str(installed), "-m", "pip", "uninstall", "--quiet", "--yes", "jupyter-totp-auth"]
    subprocess.run(uninstall, check=True, timeout=120, cwd=home, env=_clean(home))
    clean = {name: "" for name in os.environ if name.startswith(("PYTHON", "NODE"))}
    named = "c.ServerApp.identity_provider_class = 'jupyter_totp_auth.TotpIdentityProvider'\n"
    server = JupyterServer(
        tmp_path,
        app="lab",
        python=str(installed),
        environment={**clean, "PATH": _clean(home)["PATH"]},
        config=named,
    )
    assert server.run_to_the_end() != 0
    assert "jupyter_totp_auth" in server.log
