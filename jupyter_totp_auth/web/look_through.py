"""A big SQLite file is looked through for damage beside the running server: no start waits for that (N04)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ..store import StoreUnavailable
from ..store.damage import is_small, is_sound
from ..store.database import Database
from ..store.opening import DAMAGED


def begin(database: Database, log: Any) -> None:
    """In a thread of its own, where the start has not done it: those of the pools are for people who wait."""
    path = database.path
    if path is not None and not is_small(path):
        # As a daemon: a server that stops does not wait for it.
        threading.Thread(target=_look, args=(path, log), name="totp-look-through", daemon=True).start()


def _look(path: Path, log: Any) -> None:
    try:
        sound = is_sound(path)
    except StoreUnavailable as error:
        log.warning("jupyter_totp_auth: the account store was not looked through for damage (%s).", error)
        return
    if sound:
        log.info("jupyter_totp_auth: the account store was looked through, and is sound.")
        return
    # Not the end of the server: whoever comes upon the damage is refused, and people's kernels are kept.
    log.critical("jupyter_totp_auth: %s", DAMAGED.format(path))
