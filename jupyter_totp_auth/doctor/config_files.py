"""Jupyter's configuration files, read one by one: one with an error does not hide the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_path
from traitlets.config.loader import (
    Config,
    JSONFileConfigLoader,
    KVArgParseConfigLoader,
    PyFileConfigLoader,
)

SERVER_NAMES = ("jupyter_config", "jupyter_server_config")
"""Read by every way to start a server, and by ``jupyter totp``."""

APP_NAMES = ("jupyter_notebook_config", "jupyter_lab_config")
"""Read by ``jupyter notebook`` and ``jupyter lab`` alone, over the others."""

_ENDS = (".py", ".json")


@dataclass(frozen=True)
class ConfigFile:
    """A file that is there."""

    path: Path
    config: Config
    """What it sets; empty where it has an error."""
    error: str
    """The kind of error and its line, without its words: those can quote a password."""


def folders() -> list[Path]:
    """Where Jupyter looks for configuration, the strongest first."""
    return [Path(folder) for folder in jupyter_config_path()]


def read_all(config_file: str | None) -> list[ConfigFile]:
    """Every file that a server reads, the strongest last. ``config_file`` stands in for the server's own."""
    found: list[ConfigFile] = []
    for name in (*SERVER_NAMES, *APP_NAMES):
        if name == SERVER_NAMES[1] and config_file is not None:
            found.append(_read(Path(config_file)))
            continue
        for folder in reversed(folders()):
            paths = (folder / f"{name}{end}" for end in _ENDS)
            found += [_read(path) for path in paths if _may_be_there(path)]
    return found


def _may_be_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # this user may not look: then reading it fails, and that is told


def merged(files: Sequence[ConfigFile], options: Sequence[str] = ()) -> Config:
    """All of them together, and ``--Section.name=value`` over them."""
    config = Config()
    for file in files:
        config.merge(file.config)
    config.merge(KVArgParseConfigLoader(list(options)).load_config())
    return config


def _read(path: Path) -> ConfigFile:
    loader = PyFileConfigLoader if path.suffix == ".py" else JSONFileConfigLoader
    try:
        # What a configuration file prints must not stand in a JSON document.
        with redirect_stdout(sys.stderr):
            config = loader(path.name, path=str(path.parent)).load_config()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the file is a program: it can raise anything
        return ConfigFile(path, Config(), _in_words(error, path))
    return ConfigFile(path, Config(config), "")


def _in_words(error: BaseException, path: Path) -> str:
    line = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return type(error).__name__ + (f", line {line}" if line else "")


def enabled(extension: str, config: Config) -> tuple[bool | None, Path | None]:
    """Whether Jupyter Server loads an extension, and which file says so last; None: no file does."""
    said: bool | None = None
    where: Path | None = None
    for path in _extension_files():
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            value = document["ServerApp"]["jpserver_extensions"][extension]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # says nothing of it; Jupyter skips it, too
        said, where = bool(value), path
    section: Any = config.get("ServerApp", {}).get("jpserver_extensions", {})
    if extension in section:
        here = bool(section[extension])
        said, where = here, where if here is said else None
    return said, where


def _extension_files() -> Iterator[Path]:
    """As Jupyter reads them, the strongest last."""
    for folder in reversed(folders()):
        yield from sorted((folder / "jupyter_server_config.d").glob("*.json"))
        yield folder / "jupyter_server_config.json"
