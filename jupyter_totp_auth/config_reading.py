"""Configuration files read strictly: an error in one is told, where Jupyter would log it and go on without.

Without the file a server would be on another store, with no proxies named. For rims, which say in their own
words what was not done then.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Any

from jupyter_core.application import JupyterApp
from traitlets.config.loader import (
    Config,
    ConfigFileNotFound,
    FileConfigLoader,
    JSONFileConfigLoader,
    PyFileConfigLoader,
)


class BadConfigurationFile(Exception):
    """A file that cannot be used; the message is a sentence that names it."""


class _Insistent(FileConfigLoader):
    """Raises where Jupyter would log."""

    def load_config(self) -> Config:
        try:
            # What a configuration file prints must not stand in a JSON document.
            with redirect_stdout(sys.stderr):
                return super().load_config()
        except ConfigFileNotFound:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the file is a program: it can raise anything
            why = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
            raise BadConfigurationFile(
                f"The configuration file {self.full_filename} has an error ({why})."
            ) from None


class _PyLoader(_Insistent, PyFileConfigLoader):
    """For .py files."""


class _JSONLoader(_Insistent, JSONFileConfigLoader):
    """For .json files."""


class StrictApp(JupyterApp):
    """Reads what a Jupyter application reads: jupyter_config and its own file, .py and .json."""

    name = "jupyter-totp"
    python_config_loader_class = _PyLoader
    json_config_loader_class = _JSONLoader
    raise_config_file_errors = True


def read_again(app: Any) -> Config:
    """What the files of a running application say now. Raises BadConfigurationFile."""

    class Rereading(StrictApp):
        config_file_paths = app.config_file_paths

    # With the log of the other: one of its own would set up logging anew.
    again = Rereading(log=app.log, config_file_name=app.config_file_name, config_file=app.config_file)
    again.load_config_file()
    return again.config
