"""Puts our identity provider in place, checks that it stayed there, or ends the server.

``link`` runs before the identity provider is made, ``load`` after everything else. Both may raise: the
caller (``__init__``) makes every exception fatal.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import PasswordIdentityProvider
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

from .risky_settings import OUR_PROVIDERS
from .settings import TotpAuth
from .web import first_start, json_log
from .web.authorizer import TotpAuthorizer
from .web.identity import TotpIdentityProvider

_OPTION = "identity_provider_class"


def link(serverapp: Any) -> None:
    """Take the place of Jupyter's login, where nobody has decided otherwise."""
    if json_log.is_wanted(serverapp.config):
        json_log.begin([serverapp, *_starters(serverapp)])
    _insist_on_readable_configuration(serverapp)
    if _under_hub():
        serverapp.log.info("jupyter_totp_auth: JupyterHub logs people in here; standing down.")
        return
    current = serverapp.identity_provider_class
    if issubclass(current, TotpIdentityProvider):
        _authorize(serverapp)
    elif _is_configured(serverapp):
        _stand_down(serverapp)
    elif current is PasswordIdentityProvider:
        serverapp.identity_provider_class = TotpIdentityProvider
        _authorize(serverapp)
    else:
        _end(serverapp, f"Another extension has put {current.__name__} in the place of the login.")


def _authorize(serverapp: Any) -> None:
    """Ours in the place of Jupyter's, which allows everything. One that a person has configured stays."""
    if "authorizer_class" not in serverapp.config.get("ServerApp", {}):
        serverapp.authorizer_class = TotpAuthorizer


def load(serverapp: Any) -> None:
    """Look again: an extension's later hook, or a file read later, can have replaced us silently."""
    provider = serverapp.identity_provider
    if not isinstance(provider, TotpIdentityProvider):
        if _under_hub():
            _insist_on_hub(serverapp, provider)
            return
        if not _is_configured(serverapp):
            _end(
                serverapp,
                f"Another extension has put {type(provider).__name__} in the place of the login.",
            )
        # Once more where it was said at the link already: jupyter_lab_config.py is only read after that.
        _stand_down(serverapp)
        return
    if not provider.stands_guard(serverapp.web_app):
        _end(serverapp, "Something has taken the two-factor login's gate away.")
    if provider.setup_code is not None:
        first_start.open_browser_on_it(serverapp, provider.setup_code)


def _under_hub() -> bool:
    """Whether this claims to be a JupyterHub single-user server. Its terminals inherit the variable."""
    return bool(os.environ.get("JUPYTERHUB_SERVICE_URL"))


def _insist_on_hub(serverapp: Any, provider: Any) -> None:
    """Say so where the variable is there, but the hub's login is not."""
    if any(base.__module__.partition(".")[0] == "jupyterhub" for base in type(provider).__mro__):
        return
    if TotpAuth(parent=serverapp).is_required():
        _end(serverapp, "JUPYTERHUB_SERVICE_URL is set, but it is not JupyterHub that logs people in here.")
    serverapp.log.critical(
        "jupyter_totp_auth stood down because JUPYTERHUB_SERVICE_URL is set, but it is not JupyterHub that "
        "logs people in here. NO SECOND FACTOR IS ASKED. Unset the variable to have the two-factor login."
    )


def _is_configured(serverapp: Any) -> bool:
    """Whether a person named another identity provider than ours, in a file or on the command line."""
    named = serverapp.config.get("ServerApp", {}).get(_OPTION)
    if isinstance(named, type):
        return not issubclass(named, TotpIdentityProvider)
    return named is not None and named not in OUR_PROVIDERS


def _stand_down(serverapp: Any) -> None:
    """A person has chosen another login: theirs to decide, loudly, unless ours is required."""
    chosen = serverapp.config.ServerApp[_OPTION]
    if TotpAuth(parent=serverapp).is_required():
        _end(serverapp, f"The configuration names {chosen} as the login, but TotpAuth is required.")
    serverapp.log.critical(
        "jupyter_totp_auth stands down: ServerApp.identity_provider_class is set to %s. "
        "NO SECOND FACTOR IS ASKED. Remove that line to have the two-factor login.",
        chosen,
    )


def _end(serverapp: Any, sentence: str) -> None:
    serverapp.log.critical("jupyter_totp_auth: %s Not starting without a second factor.", sentence)
    serverapp.exit(1)


def _insist_on_readable_configuration(serverapp: Any) -> None:
    """End the start where a configuration file was dropped.

    Jupyter logs a syntax error and goes on with its defaults: on another database, with no proxies named.
    """
    loaded = set(serverapp.loaded_config_files)
    for path in _configuration_files(serverapp):
        if str(path) not in loaded and not _loads(path):
            _end(serverapp, f"The configuration file {path} has an error and was not read. Mend it.")


def _configuration_files(serverapp: Any) -> list[Path]:
    """The files that Jupyter reads its configuration from, as far as they exist."""
    apps = [serverapp, *_starters(serverapp)]
    found: list[Path] = []
    for app in apps:
        names = ["jupyter_config", app.config_file_name]
        folders = [Path(folder) for folder in app.config_file_paths]
        candidates = [folder / f"{name}{end}" for name in names for folder in folders for end in _ENDS]
        if app.config_file:
            candidates.append(Path(app.config_file))
        found.extend(path for path in candidates if path.is_file())
    return list(dict.fromkeys(found))


_ENDS = (".py", ".json")


def _starters(serverapp: Any) -> list[Any]:
    """The applications (lab, notebook) whose own configuration files are read as well."""
    points = serverapp.extension_manager.extension_points.values()
    return [point.app for point in points if point.app is not None]


def _loads(path: Path) -> bool:
    """Whether a file that Jupyter did not list is merely empty (or read by another part), not broken."""
    loader = PyFileConfigLoader if path.suffix == ".py" else JSONFileConfigLoader
    try:
        loader(path.name, path=str(path.parent)).load_config()
    except ConfigFileNotFound:
        return True
    except Exception:  # noqa: BLE001 - a configuration file is code: it can raise anything
        return False
    return True
