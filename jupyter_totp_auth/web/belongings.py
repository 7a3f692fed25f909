"""Whose kernel, whose terminal: remembered where Jupyter makes one, for as long as it runs.

In memory alone: kernels and terminals die with the server. What is remembered hangs on Jupyter's own objects,
so it goes when they go, stays when a kernel restarts, and follows no name that is given a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ..core.model import Account
from ..settings import TotpAuth
from .doing import visitor_now
from .visitor import Visitor, account_of


@dataclass(eq=False)
class Belongings:
    """Everything that runs on one server, as far as somebody has started it."""

    are_held: bool = False
    """``TotpAuth.own_kernels``: others may neither use nor stop it."""
    git_identity: str = ""
    kernel_manager: Any = None
    terminal_manager: Any = None
    _owners: WeakKeyDictionary[Any, Account] = field(default_factory=WeakKeyDictionary)
    _paths: WeakKeyDictionary[Any, dict[str, str]] = field(default_factory=WeakKeyDictionary)
    """Of each kernel: the paths of its sessions, by their ids."""

    def follow(self, settings: TotpAuth) -> None:
        """Hold, and name, as these say, from now on; what runs already has its owner in any case."""
        self.are_held, self.git_identity = settings.own_kernels, settings.git_identity

    def __len__(self) -> int:
        return len(self._owners)

    # -- whose -------------------------------------------------------------------------------------

    def belongs_to(self, thing: Any, visitor: Visitor | None) -> None:
        """Remember who started Jupyter's object of a kernel, or of a terminal."""
        account = account_of(visitor)
        if account is not None:
            self._owners[thing] = account

    def started_now(self, thing: Any) -> None:
        """The same, for whom the server works just now."""
        self.belongs_to(thing, visitor_now())

    def kernel_owner(self, kernel_id: str) -> Account | None:
        """Who started this kernel; None: nobody, or there is no such kernel."""
        kernel = self.kernel(kernel_id)
        return None if kernel is None else self._owners.get(kernel)

    def terminal_owner(self, name: str) -> Account | None:
        """Who started this terminal; None: nobody, or there is no such terminal."""
        terminal = getattr(self.terminal_manager, "terminals", {}).get(name)
        return None if terminal is None else self._owners.get(terminal)

    def kernels(self) -> Iterator[tuple[str, Account]]:
        """Every kernel that somebody has started, by its id."""
        listed = [] if self.kernel_manager is None else self.kernel_manager.list_kernel_ids()
        for kernel_id in listed:
            owner = self.kernel_owner(kernel_id)
            if owner is not None:
                yield kernel_id, owner

    def terminals(self) -> Iterator[tuple[str, Account]]:
        """Every terminal that somebody has started, by its name."""
        for name in list(getattr(self.terminal_manager, "terminals", ())):
            owner = self.terminal_owner(name)
            if owner is not None:
                yield name, owner

    def kernel(self, kernel_id: str) -> Any:
        """Jupyter's own object of a kernel that runs; None where there is none."""
        manager = self.kernel_manager
        return manager.get_kernel(kernel_id) if manager is not None and kernel_id in manager else None

    # -- sessions: which notebook has which kernel -------------------------------------------------

    def has_session(self, session_id: str, path: str | None, kernel_id: str) -> None:
        """Remember what Jupyter's session manager has noted: one kernel a session, any number a kernel."""
        self.forget_session(session_id)
        kernel = self.kernel(kernel_id)
        if kernel is not None:
            self._paths.setdefault(kernel, {})[session_id] = str(path or "")

    def changed_session(self, session_id: str, path: str | None, kernel_id: str | None) -> None:
        """Its notebook has another path, or another kernel; None: as before."""
        for kernel, paths in list(self._paths.items()):
            if session_id in paths:
                new = paths[session_id] if path is None else path
                if kernel_id is None:
                    self._paths[kernel][session_id] = new
                else:
                    self.has_session(session_id, new, kernel_id)
                return
        if kernel_id is not None:
            self.has_session(session_id, path, kernel_id)

    def forget_session(self, session_id: str) -> None:
        """It is not there any more."""
        for paths in self._paths.values():
            paths.pop(session_id, None)

    def session_owner(self, session_id: str) -> Account | None:
        """Who started the kernel of this session."""
        for kernel, paths in self._paths.items():
            if session_id in paths:
                return self._owners.get(kernel)
        return None

    def path_of(self, kernel_id: str) -> str:
        """The notebook of a kernel (of several the one that had it first); empty where no session says."""
        kernel = self.kernel(kernel_id)
        paths = {} if kernel is None else self._paths.get(kernel, {})
        return next(iter(paths.values()), "")
