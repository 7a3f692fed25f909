"""jupyter-collaboration in a folder of its own: only the servers that are told of it have it.

Installed beside the others it would be in every JupyterLab that the tests start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

PACKAGE = "jupyter-collaboration>=5.0.4,<6"
PROXY = "jupyter-server-proxy>=4.4,<5"


def install(folder: Path, *others: str) -> dict[str, str]:
    """Install it with what it needs besides what is here; the environment of a server that has it.

    ``others``: packages beside it.
    """
    here = folder / "what-is-here.txt"
    found = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    # As constraints: pip would otherwise take out of this environment what it wants in another version.
    here.write_text("".join(f"{name}=={version}\n" for name, version in sorted(found.items())))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*command, "--prefix", str(folder), "--constraint", str(here), PACKAGE, *others],
        check=True,
        timeout=300,
    )
    places = {"base": str(folder), "platbase": str(folder)}
    library = sysconfig.get_path("purelib", "posix_prefix", vars=places)
    return {
        # Behind what stands there: whoever tests a changed package has put it there.
        "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH", ""), library))),
        "JUPYTER_PATH": str(folder / "share" / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(folder / "etc" / "jupyter"),
    }


SETTINGS = ["--YDocExtension.document_save_delay=0.2", "--YDocExtension.file_poll_interval=0.5"]
"""A server that saves soon after each change."""
