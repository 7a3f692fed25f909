"""The server's options, read from the places where Jupyter Server reads them; an error there is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traitlets import TraitError
from traitlets.config.configurable import Configurable

from ..config_reading import BadConfigurationFile, StrictApp
from ..settings import TotpAuth
from .verb import NotDone, WrongUsage


@dataclass(frozen=True)
class Options:
    """What the configuration says."""

    settings: TotpAuth
    base_url: str
    """``ServerApp.base_url``, with a slash at both ends."""


class _TotpApp(StrictApp):
    """Reads what Jupyter Server reads: jupyter_config and jupyter_server_config, .py and .json."""

    classes: list[type[Configurable]] = [TotpAuth]  # noqa: RUF012 - as traitlets declares it

    def _config_file_name_default(self) -> str:
        return "jupyter_server_config"


def read_options(config_file: str | None, options: Sequence[str]) -> Options:
    """From the files, then from ``--TotpAuth.x=y``. Raises NotDone and WrongUsage."""
    for option in options:
        insist_on_known(option)
    app = _TotpApp()
    if config_file is not None:
        app.config_file = insist_on_file(config_file)
    app.parse_command_line(list(options))
    try:
        app.load_config_file()  # what the command line said stands above it
    except BadConfigurationFile as bad:
        raise NotDone(f"{bad} Mend it; nothing was done.") from None
    for name in _unknown(app.config.get(TotpAuth.__name__, {})):
        raise NotDone(f"TotpAuth.{name}, which a configuration file sets, is not an option.")
    try:
        settings = TotpAuth(parent=app)
    except TraitError as error:
        raise NotDone(f"An option cannot be used. {error}") from None
    section: Any = app.config.get("ServerApp", {})
    base_url = str(section.get("base_url", "")).strip("/")
    return Options(settings, f"/{base_url}/" if base_url else "/")


def insist_on_known(option: str) -> None:
    """Raises WrongUsage."""
    section, _, name = option.partition("=")[0].removeprefix("--").partition(".")
    if section == TotpAuth.__name__ and _unknown([name]):
        raise WrongUsage(f"there is no option {section}.{name}")


def _unknown(names: Iterable[str]) -> list[str]:
    """Jupyter warns of a misspelt option and goes on; where a store is chosen by it, that is not enough."""
    return sorted(set(names) - set(TotpAuth.class_trait_names(config=True)))


def insist_on_file(path: str) -> str:
    """A file that is named has to be there; Jupyter would skip it."""
    if not Path(path).is_file() or not path.endswith((".py", ".json")):
        raise NotDone(f"There is no configuration file {path} (.py or .json).")
    return path
