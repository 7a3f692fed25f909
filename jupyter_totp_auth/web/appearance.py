"""How our pages look: templates, static files, and what an installation adds (logo, name, notice)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..public_routes import STATIC_FILES
from ..settings import Appearance
from ..wiring import iso
from .words import browser_of, event_of, in_words, is_alarming

STATIC = Path(__file__).parent / "static"
_LARGEST_LOGO = 64 * 1024
_LOGO_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


class BadLogo(Exception):
    """The logo file cannot be used; the message says why."""


class Pages:
    """Renders the templates with what all of them share."""

    def __init__(self, base_url: str, appearance: Appearance) -> None:
        self._base_url = base_url
        self._environment = Environment(
            loader=PackageLoader("jupyter_totp_auth.web", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        words: dict[str, Callable[[Any], str]] = {
            "iso": iso,
            "in_words": in_words,
            "browser": browser_of,
            "event": event_of,
        }
        self._environment.filters.update(words)
        self._environment.tests["alarming"] = is_alarming
        self._shared = {
            "base_url": base_url,
            "static": self._static_url,
            "site_name": appearance.site_name,
            "notice": appearance.notice or None,
            "logo_url": _logo(appearance.logo_file),
        }

    def render(self, template: str, **variables: Any) -> str:
        """The page. A variable that a template asks for and nobody gave is an error, not a blank."""
        return self._environment.get_template(template).render(**self._shared, **variables)

    @cached_property
    def _versions(self) -> dict[str, str]:
        return {name: hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12] for name in STATIC_FILES}

    def _static_url(self, name: str) -> str:
        return f"{self._base_url}login/static/{name}?v={self._versions[name]}"


def _logo(path: str) -> str | None:
    """The logo as a data URI: no public route more. Raises BadLogo."""
    if not path:
        return None
    file = Path(path).expanduser()
    media_type = _LOGO_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise BadLogo(f"TotpAuth.logo_file: {path} is neither .png nor .svg.")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadLogo(f"TotpAuth.logo_file: {path} cannot be read: {error.strerror}.") from None
    if len(content) > _LARGEST_LOGO:
        raise BadLogo(f"TotpAuth.logo_file: {path} is larger than 64 kB.")
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
