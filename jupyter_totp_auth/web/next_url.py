"""Where to go after the login: a path of this server, or its front page (R31).

Six Jupyter advisories are about this one parameter. So nothing is repaired here: a value is either made
of characters that every URL parser reads alike, and stays below base_url however a browser resolves it,
or it is dropped.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlencode

from ..core.access_tokens import blanked

_SAFE = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?", re.ASCII)
_LONGEST = 2048
_SECRET_PARAMETERS = frozenset({"token"})


def safe_next(value: str | None, base_url: str) -> str:
    """``value`` if it is a path below ``base_url`` (with its query), else ``base_url``."""
    if not value or len(value) > _LONGEST or not _SAFE.fullmatch(value):
        return base_url
    path, _, query = value.partition("?")
    if "//" in path or not _stays_below(path, base_url):
        return base_url
    return without_secrets(path, query)


def next_of(path: str, query: str, base_url: str) -> str:
    """What the way to the login carries along: what was asked for, without its secrets.

    Where that is too long to be taken there, ``base_url``: a stranger's path of 64 KiB would come back to
    them in a Location of three times that.
    """
    wanted = without_secrets(path, query)
    return wanted if len(wanted) <= _LONGEST else base_url


def _stays_below(path: str, base_url: str) -> bool:
    """Below base_url, and without dot segments: ``%2e`` is a dot to a browser (WHATWG URL, path state)."""
    if any(unquote(segment) in (".", "..") for segment in path.split("/")):
        return False
    return path == base_url.rstrip("/") or path.startswith(base_url)


def without_secrets(path: str, query: str) -> str:
    """Path and query, without the parameters that carry a credential: they must not land in a log."""
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in _SECRET_PARAMETERS]
    if len(kept) != len(pairs):
        query = urlencode(kept)
    return blanked(f"{path}?{query}" if query else path)
