"""Folders with packages that the product does not need: made once, kept, on the path of peers alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HOME = Path(__file__).parents[2] / ".bench"
"""Git ignores it; whoever removes it has it made again."""


def installed(name: str, *packages: str) -> str:
    """The folder with these packages, for a PYTHONPATH."""
    folder, mark = HOME / name, HOME / name / "installed.txt"
    wanted = "\n".join((sys.version, *packages))
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # In the versions that are here: a server that has both must not get two of one library.
        here = folder / "what-is-here.txt"
        found = {one.metadata["Name"]: one.version for one in metadata.distributions()}
        here.write_text("".join(f"{one}=={version}\n" for one, version in sorted(found.items())))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        where = ["--target", str(folder), "--constraint", str(here)]
        subprocess.run([*pip, *where, *packages], check=True, timeout=300)
        mark.write_text(wanted)
    return str(folder)
