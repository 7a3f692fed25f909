"""The accounts, logins and counters on disk, by SQLAlchemy Core. Rows never leave this folder."""

from .errors import StoreRefused, StoreUnavailable
from .opening import Store, open_store

__all__ = ["Store", "StoreRefused", "StoreUnavailable", "open_store"]
