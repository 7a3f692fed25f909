"""What the checks look at: configuration, places, the store as it says it is. Found out on need, once."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from traitlets import TraitError
from traitlets.config.loader import Config, DeferredConfigString, LazyConfigValue

from ..core.sealing import Keyring
from ..settings import TotpAuth
from ..store import StoreRefused, StoreUnavailable, keyring_file
from ..store.inspection import Sight, file_of, inspect
from ..store.opening import Places
from ..store.schema import HEAD
from . import config_files
from .config_files import ConfigFile
from .finding import CannotLook, NothingThere


@dataclass(frozen=True)
class Subject:
    """This machine's set-up, for the user who asks."""

    at: int
    """Now, in whole seconds."""
    config_file: str | None = None
    options: tuple[str, ...] = ()
    """``--TotpAuth.x=y``, as they were typed."""

    # -- configuration -----------------------------------------------------------------------------

    @cached_property
    def files(self) -> list[ConfigFile]:
        """The configuration files that are there."""
        return config_files.read_all(self.config_file)

    @cached_property
    def config(self) -> Config:
        """What they say together."""
        return config_files.merged(self.files, self.options)

    def option(self, section: str, name: str, *, default: Any = None) -> Any:
        """An option of Jupyter's own, as it is configured."""
        value = self.config.get(section, {}).get(name, default)
        if isinstance(value, LazyConfigValue):  # c.ServerApp.tornado_settings.update(…), and the like
            return value.get_value({} if default is None else default)
        if isinstance(value, DeferredConfigString):  # of the command line
            return {"True": True, "False": False}.get(str(value), str(value))
        return value

    def server(self, name: str, *, default: Any = None) -> Any:
        """An option of ``ServerApp``, also under its old name, which JupyterLab and Notebook still take."""
        old = self.option("NotebookApp", name, default=default)
        return self.option("ServerApp", name, default=old)

    @cached_property
    def _split(self) -> tuple[Config, dict[str, str]]:
        """The options of ours that can be used, and the names of the others with what is wrong."""
        good, bad = Config(), {}
        known = set(TotpAuth.class_trait_names(config=True))
        for name, value in self.config.get(TotpAuth.__name__, {}).items():
            try:
                if name not in known:
                    bad[name] = "there is no such option"
                else:
                    TotpAuth(config=Config({TotpAuth.__name__: {name: value}}))
                    good[TotpAuth.__name__][name] = value
            except TraitError:
                bad[name] = "its value cannot be used"  # without the value: it can hold a password
        return good, bad

    @property
    def bad_options(self) -> dict[str, str]:
        """Options of ``TotpAuth`` that end the start, each with what is wrong."""
        return self._split[1]

    @cached_property
    def settings(self) -> TotpAuth:
        """Our options, without those."""
        return TotpAuth(config=self._split[0])

    # -- listening ---------------------------------------------------------------------------------

    @property
    def has_tls(self) -> bool:
        """Whether Jupyter itself speaks https."""
        return bool(self.server("certfile"))

    @property
    def is_reachable(self) -> bool:
        """Whether other machines can connect."""
        return not self.server("sock") and not is_loopback(str(self.server("ip", default="localhost")))

    @property
    def base_url(self) -> str:
        """With a slash at both ends."""
        path = str(self.server("base_url", default="")).strip("/")
        return f"/{path}/" if path else "/"

    # -- store -------------------------------------------------------------------------------------

    @cached_property
    def places(self) -> Places:
        """Where its two halves are."""
        return self.settings.places()

    @cached_property
    def database(self) -> Path | None:
        """The file of a SQLite store, there or not; None for a database server. Raises StoreRefused."""
        return file_of(self.places.database_url)

    @cached_property
    def keyring(self) -> Keyring | None:
        """Raises StoreRefused for one that may not be used."""
        return keyring_file.read(self.places.keyring)

    @cached_property
    def _sight(self) -> Sight | CannotLook:
        try:
            return inspect(self.places)
        except (StoreRefused, StoreUnavailable) as error:
            return CannotLook(f"The store cannot be read: {error}")

    @property
    def _looked(self) -> Sight:
        if isinstance(self._sight, CannotLook):
            raise self._sight
        return self._sight

    @property
    def has_store(self) -> bool:
        """Whether there is one, readable or not. Raises CannotLook for a database that does not answer."""
        return self._looked.schema is not None if self.database is None else self.database.exists()

    @property
    def store(self) -> Sight:
        """What the store says. Raises CannotLook."""
        # An empty file is what a start that was cut short leaves.
        if not self.has_store or (self._looked.schema is None and not self._looked.damaged):
            raise NothingThere("There is no store yet")
        return self._looked

    @property
    def sound_store(self) -> Sight:
        """The same of a store that is not damaged."""
        if self.store.damaged:
            raise CannotLook("The store is damaged")
        return self.store

    @property
    def current_store(self) -> Sight:
        """The same of one whose people can be seen."""
        if not self.sound_store.is_current:
            raise CannotLook(f"The store's schema is not that of this version ({HEAD})")
        return self.store


def is_loopback(name: str) -> bool:
    """Whether an address to listen on can only be reached from this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def environment(names: Sequence[str]) -> list[str]:
    """Those of these variables that are set."""
    return [name for name in names if os.environ.get(name)]
