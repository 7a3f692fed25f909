"""The fields of a JSON body, each of the type the contract gives it; 400 for anything else."""

from __future__ import annotations

from typing import Any

from ..wiring import moment
from .account_api import text
from .asking import ApiError

Document = dict[str, Any]


def string(document: Document, name: str, default: str = "") -> str:
    """A string, or ``default`` where the field is not there."""
    return text(document[name]) if name in document else default


def flag(document: Document, name: str) -> bool | None:
    """True or false; None where the field is not there."""
    value = document.get(name)
    if name in document and not isinstance(value, bool):
        raise ApiError(400, "malformed", f"{name} is true or false.")
    return value


def time_or_never(document: Document, name: str) -> int | None:
    """A time, or None: null, or not there."""
    value = document.get(name)
    at = moment(value) if isinstance(value, str) else None
    if value is not None and at is None:
        raise ApiError(400, "malformed", f"{name} is a time like 2027-01-31T18:00:00Z, or null.")
    return at


def whole_number(document: Document, name: str) -> int | None:
    """A whole number; None where the field is not there."""
    value = document.get(name)
    if name in document and (isinstance(value, bool) or not isinstance(value, int)):
        raise ApiError(400, "malformed", f"{name} is a whole number.")
    return value
