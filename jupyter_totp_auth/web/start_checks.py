"""What must not be set where two factors guard the door: refused at the start, or named in a warning (R2).

Read from the configuration rather than from the traits: unset and default must be told apart.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..risky_settings import (
    DEAR,
    LOGIN_HANDLERS,
    OPEN_VARIABLE,
    STOCK_SECRETS,
    STOCK_VARIABLES,
    matches_anybody,
)
from ..settings import TotpAuth
from ..store.database import Database
from ..store.opening import Places
from .hosts import is_loopback


class UnsafeSetting(Exception):
    """A setting that would open a door beside the login. The message names it and what to do."""


def _is_set(serverapp: Any, section: str, name: str) -> bool:
    return name in serverapp.config.get(section, {})


def refuse_unsafe_settings(serverapp: Any, settings: TotpAuth) -> None:
    """Raises UnsafeSetting for the first that is found."""
    unknown = set(serverapp.config.get("TotpAuth", {})) - set(TotpAuth.class_trait_names(config=True))
    if unknown:  # Jupyter would only warn, and go on without what was meant
        raise UnsafeSetting(f"TotpAuth.{min(unknown)} is not an option; see the list of options.")
    if serverapp.disable_check_xsrf:
        raise UnsafeSetting(
            "ServerApp.disable_check_xsrf lets other sites act in a signed-in browser. Remove it."
        )
    if serverapp.allow_origin == "*" and serverapp.allow_credentials:
        raise UnsafeSetting(
            "ServerApp.allow_origin='*' with allow_credentials lets every site use a login. "
            "Name the one origin that needs it."
        )
    for section, name in LOGIN_HANDLERS:
        if _is_set(serverapp, section, name):
            raise UnsafeSetting(f"{section}.{name} would replace the two-factor login. Remove it.")
    _refuse_open_access(serverapp)
    if serverapp.config.get("ServerApp", {}).get("allow_remote_access") and not settings.allowed_hosts:
        raise UnsafeSetting(
            "ServerApp.allow_remote_access takes the host check away. Name the host instead: "
            "c.TotpAuth.allowed_hosts = ['jupyter.example']"
        )


def refuse_unsafe_application(settings: dict[str, Any]) -> None:
    """The same for what came in by ``ServerApp.tornado_settings``. Raises UnsafeSetting."""
    if settings.get("disable_check_xsrf") or not settings.get("xsrf_cookies", True):
        raise UnsafeSetting("ServerApp.tornado_settings takes the _xsrf check away. Remove it.")
    headers = {name.lower(): value for name, value in settings.get("headers", {}).items()}
    origin = settings.get("allow_origin") or headers.get("access-control-allow-origin")
    pattern = settings.get("allow_origin_pat")
    anybody = origin == "*" or matches_anybody(pattern)
    credentials = settings.get("allow_credentials") or "access-control-allow-credentials" in headers
    if anybody and credentials:
        raise UnsafeSetting(
            "Every origin is allowed to send credentials, so every site could use a login. "
            "Name the one origin that needs it."
        )


def _refuse_open_access(serverapp: Any) -> None:
    configured = serverapp.config.get("ServerApp", {}).get("allow_unauthenticated_access")
    in_environment = os.environ.get(OPEN_VARIABLE, "").lower() in ("true", "yes")
    if configured or (configured is None and in_environment):
        where = "ServerApp.allow_unauthenticated_access" if configured else OPEN_VARIABLE
        raise UnsafeSetting(f"{where} opens what has no rule of its own to everybody. Remove it.")


def refuse_exposed_store(serverapp: Any, places: Places) -> None:
    """The store must not be reachable as a file of the notebook folder (R40). Raises UnsafeSetting.

    Jupyter does not serve what lies in a hidden folder, which the default place is.
    """
    root = Path(serverapp.root_dir).resolve()
    database = Database.path_of(places.database_url)
    for path in (places.keyring, database):
        if path is None or not path.resolve().is_relative_to(root):
            continue
        hidden = any(part.startswith(".") for part in path.resolve().relative_to(root).parts)
        if serverapp.contents_manager.allow_hidden or not hidden:
            raise UnsafeSetting(
                f"{path} lies in the notebook folder {root}, where it can be opened and downloaded. "
                "Move it, and set TotpAuth.database_url and TotpAuth.key_file."
            )


def refuse_plain_http(serverapp: Any, settings: TotpAuth, *, tls: bool) -> None:
    """Listening beyond this machine needs TLS, here or in a proxy that is named. Raises UnsafeSetting."""
    if serverapp.sock or is_loopback(serverapp.ip) or tls:
        return
    if settings.trusted_proxies or settings.allow_plain_http:
        return
    raise UnsafeSetting(
        f"ServerApp.ip={serverapp.ip or '*'} listens beyond this machine without TLS: passwords and codes "
        "would be readable on the way. Set ServerApp.certfile and keyfile, or name the proxy that speaks "
        "https in TotpAuth.trusted_proxies, or set TotpAuth.allow_plain_http."
    )


def worth_a_warning(settings: TotpAuth, base_url: str) -> list[str]:
    """What opens more, or leads elsewhere, than whoever wrote it will have meant."""
    said = []
    if any(network.prefixlen == 0 for network in settings.proxy_networks()):
        said.append(
            "TotpAuth.trusted_proxies trusts every address: whoever connects may say in X-Forwarded-For who "
            "they are, and have others banned. Name the proxy's own network."
        )
    said += [
        f"TotpAuth.public_routes: {pattern!r} takes in {path}, which is then only behind its own check."
        for pattern in settings.public_routes
        for path in DEAR
        if re.fullmatch(pattern, path)
    ]
    misplaced = misplaced_public_url(settings, base_url)
    return [*said, misplaced] if misplaced else said


def misplaced_public_url(settings: TotpAuth, base_url: str) -> str | None:
    """What to say where ``public_url`` does not lead to this server's prefix; None where it does."""
    if not settings.public_url:
        return None
    path = urlsplit(settings.public_url).path.rstrip("/") + "/"
    if path.endswith(base_url):
        return None
    return f"TotpAuth.public_url does not end in base_url ({base_url}): the links made from it lead nowhere."


def stock_secrets(serverapp: Any) -> list[str]:
    """The stock tokens and passwords left in the configuration. They open nothing; people should know."""
    configured = [
        f"{section}.{name}" for section, name in STOCK_SECRETS if serverapp.config.get(section, {}).get(name)
    ]
    return configured + [variable for variable in STOCK_VARIABLES if os.environ.get(variable)]
