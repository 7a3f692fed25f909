"""What is installed: versions below the floors of their security fixes, and the extension for JupyterLab."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

from jupyter_core.paths import jupyter_path
from packaging.requirements import Requirement
from packaging.version import Version

from .._version import __version__
from .finding import Check, Verdict, check, green, red, yellow
from .subject import Subject

_OURS = "jupyter-totp-auth"

_FLOORS = {
    "jupyter_server": (
        "2.21",
        "Before it, cookies outlive a password, and redirects and errors give tokens away.",
    ),
    "tornado": (
        "6.5.8",
        "Before it, one request can stall the whole server, or set headers (CVE-2026-82397).",
    ),
    "pyotp": ("2.12", "The code of a step is computed by it, and before 2.12 it behaves differently."),
    "jupyterlab": (
        "4.6.2",
        "Before it, a notebook that is only opened runs script with the login (CVE-2026-73417).",
    ),
    "notebook": ("7.5.6", "Before it, a click into a notebook runs script with the login (CVE-2026-40171)."),
}
"""The first versions without a known hole that matters to a login, and what the hole is."""


def _floor(name: str) -> Check[Subject]:
    least, why = _FLOORS[name]

    @check(f"{name.replace('_', '-')}-version", about=f"{name} is older than {least}", why=why)
    def look(subject: Subject) -> Verdict:
        del subject
        found = _installed(name)
        if found is None:
            return green(f"{name} is not installed.")
        if Version(found) < Version(least):
            return red(f"{name} is {found}.", f"pip install --upgrade '{name}>={least}'")
        return green(f"{name} is {found}.")

    return look


@check(
    "dependencies",
    about="something that this package needs is missing, or of a version that it was not made for",
    why="pip can leave it so when another package is installed later.",
)
def _dependencies(subject: Subject) -> Verdict:
    del subject
    wrong = []
    for text in metadata.requires(_OURS) or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        found = _installed(needed.name)
        if found is None or not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name}{needed.specifier} ({found or 'not there'})")
    if wrong:
        return red(f"Not as needed: {', '.join(wrong)}.", f"pip install --upgrade {_OURS}")
    return green("Everything that is needed is there.")


@check(
    "labextension",
    about="the extension for JupyterLab is missing, disabled, or of another version",
    why="Without it no page asks to sign in again, and input is not told: logins are locked at work.",
)
def _labextension(subject: Subject) -> Verdict:
    del subject
    if _installed("jupyterlab") is None:
        return green("JupyterLab is not installed.")
    line = f"pip install --force-reinstall --no-deps {_OURS}"
    found = next((p for p in _named("labextensions", _OURS, "package.json") if p.is_file()), None)
    if found is None:
        return yellow("The extension for JupyterLab is not installed.", line)
    version = json.loads(found.read_text(encoding="utf-8")).get("version")
    if version is None or Version(version) != Version(__version__):
        return yellow(f"{found.parent} is of version {version}, the package is {__version__}.", line)
    if _is_disabled():
        return yellow("The extension for JupyterLab is disabled.", f"jupyter labextension enable {_OURS}")
    return green("The extension for JupyterLab is there.")


@check(
    "python-version",
    about="a Python that gets no security fixes any more",
    why="Holes in its TLS and HTTP are not mended.",
)
def _python(subject: Subject) -> Verdict:
    last = _LAST_FIXES.get(sys.version_info[:2], 0)
    name = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    if sys.version_info[:2] in _LAST_FIXES and subject.at >= last:
        return yellow(f"{name} gets no security fixes any more.", "python3 -m venv  (with a newer Python)")
    return green(f"{name} gets security fixes.")


_LAST_FIXES = {
    (3, 10): 1_793_404_800,
    (3, 11): 1_824_940_800,
    (3, 12): 1_856_563_200,
    (3, 13): 1_888_099_200,
    (3, 14): 1_919_635_200,
}
"""The ends of October of 2026 and the following years (PEP 619 and its successors), UTC."""


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _named(*parts: str) -> list[Path]:
    return [Path(place) for place in jupyter_path(*parts)]


def _is_disabled() -> bool:
    """By the file that ``jupyter labextension disable`` writes, in any of its three places."""
    from jupyter_core.paths import jupyter_config_path  # noqa: PLC0415 - on need

    for folder in jupyter_config_path():
        try:
            text = (Path(folder) / "labconfig" / "page_config.json").read_text(encoding="utf-8")
            if json.loads(text)["disabledExtensions"][_OURS]:
                return True
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return False


CHECKS = (*map(_floor, _FLOORS), _dependencies, _labextension, _python)
