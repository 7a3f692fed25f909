"""What a verb works with: the options of the server and the services on its store, opened on need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from typing_extensions import Self

if TYPE_CHECKING:
    from ..core.passwords import Hasher
    from ..settings import TotpAuth
    from ..wiring import Services
    from .options import Options


class Context:
    """``with Context(…) as context:`` – gives the store's connections back at the end."""

    def __init__(
        self,
        config_file: str | None,
        options: Sequence[str],
        *,
        hasher: Hasher | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.config_file = config_file
        self.words = options
        """``--TotpAuth.x=y``, as they were typed."""
        self._hasher = hasher
        self._clock = clock
        self._services: Services | None = None

    @cached_property
    def options(self) -> Options:
        """The server's options. Raises NotDone where a configuration file has an error."""
        from .options import read_options

        return read_options(self.config_file, self.words)

    @property
    def settings(self) -> TotpAuth:
        """The options of TotpAuth."""
        return self.options.settings

    @property
    def services(self) -> Services:
        """The open store with the flows on top. Raises StoreRefused."""
        return self._services or self.open()

    def open(self, *, new_store: bool = False) -> Services:
        """Open the store; ``new_store``: make one although there is a keyring already."""
        from ..wiring import build

        self._services = build(self.settings, clock=self.clock, hasher=self._hasher, new_store=new_store)
        return self._services

    def clock(self) -> int:
        """Whole seconds since the Unix epoch."""
        from ..wiring import system_clock

        return (self._clock or system_clock)()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._services is not None:
            self._services.close()
