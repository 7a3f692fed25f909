"""Get the programs that the tests use (Chromium, nginx, databases): system_parts.py

Installs Debian packages where it may: as root, or with a sudo that asks for no password. Elsewhere
it names what is missing and goes on: the tests run without it and say what they left out.
Standard library only: this runs before there is an environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.services.parts import PARTS, Missing  # noqa: E402 - needs the path above


def missing() -> list[Missing]:
    """Return what this machine lacks."""
    found = []
    for part in PARTS:
        try:
            part.find()
        except Missing as reason:
            found.append(reason)
    return found


def install(packages: list[str]) -> None:
    """Install Debian packages if this is possible without asking anybody; else do nothing."""
    command = _as_root()
    if command is None:
        return
    print(f"Installing with apt: {' '.join(packages)}", flush=True)
    subprocess.run([*command, str(ROOT / "tools" / "apt_install.sh"), *packages], check=False)


def _as_root() -> list[str] | None:
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    # -n: a password prompt would hang a test run that nobody watches.
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if asked.returncode == 0 else None


def main() -> None:
    """Install what is missing, then name what still is."""
    names = {reason.name for reason in missing()}
    if names:
        packages = {package for part in PARTS if part.name in names for package in part.packages}
        install(sorted(packages))
    for reason in missing():
        print(f"missing: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
