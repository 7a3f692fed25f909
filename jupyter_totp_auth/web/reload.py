"""SIGHUP: the configuration files and the certificate are read again, and what can change changes (as one).

First everything is read, checked and made; then it takes the place of the old, on the event loop, with
nothing in between that could fail. A bad file leaves everything as it was, and a request sees the old set or
the new.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import TraitError
from traitlets.config.loader import Config, LazyConfigValue

from ..config_reading import BadConfigurationFile, read_again
from ..settings import TotpAuth
from . import start_checks
from .appearance import BadLogo
from .assembly import make_gate, make_now, make_who_ran_what
from .certificates import BadCertificate
from .start_checks import UnsafeSetting

if TYPE_CHECKING:
    from .identity import TotpIdentityProvider

AT_START = frozenset(
    {"allow_plain_database", "cookie_name", "database_url", "key_file", "log_format", "required"}
)
"""Options that only a start can follow: docs/reference/options.md has the same list."""

_MADE_BY_US = {("ServerApp", "logging_config"), ("ServerApp", "jpserver_extensions")}


class NotReloaded(Exception):
    """Nothing was changed; the message is a sentence."""


def reload(provider: TotpIdentityProvider, app: Any) -> None:
    """Read again and apply, with a line in the log for what was done and what was not. On the event loop."""
    refusals: list[str] = []
    done: list[str] = []
    try:
        done += _reload_options(provider, app)
    except (NotReloaded, BadConfigurationFile, BadLogo, TraitError, UnsafeSetting) as why:
        refusals.append(f"not reloaded, the options stay as they were. {why}")
    try:
        if provider.certificates is not None and provider.certificates.renew(app.http_server):
            done.append("the certificate")
    except BadCertificate as why:
        refusals.append(f"{why} The one before is shown on.")
    for refusal in refusals:
        provider.log.error("jupyter_totp_auth: %s", refusal)
    if done or not refusals:
        provider.log.info("jupyter_totp_auth: reloaded: %s.", ", ".join(done) or "nothing has changed")


def _reload_options(provider: TotpIdentityProvider, app: Any) -> list[str]:
    config = _read(app)
    settings, old = _settings(config, app), provider.settings
    changed = [name for name in _names() if getattr(settings, name) != getattr(old, name)]
    for name in changed:
        if name in AT_START:
            setattr(settings, name, getattr(old, name))
    start_checks.refuse_unsafe_settings(app, settings)
    start_checks.refuse_plain_http(app, settings, tls=provider.certificates is not None)
    applied = [name for name in changed if name not in AT_START]
    if applied:
        _apply(provider, app, settings)
    waiting = [f"TotpAuth.{name}" for name in changed if name in AT_START]
    for name in [*waiting, *_others(config, app.config)]:
        provider.log.warning("%s has changed in the configuration: it needs a restart.", name)
    return applied


def _read(app: Any) -> Config:
    """As at the start: the files of whoever started the server, the server's own, then the command line."""
    gone = [path for path in app.loaded_config_files if not Path(path).is_file()]
    if gone:  # the start's defaults would be other proxies and other hosts than those that were meant
        raise NotReloaded(f"The configuration file {gone[0]} is not there any more.")
    config = Config()
    if app.starter_app is not None:
        config.merge(read_again(app.starter_app))
    config.merge(read_again(app))
    config.merge(app.cli_config)
    return config


def _settings(config: Config, app: Any) -> TotpAuth:
    """Raises TraitError for a value that cannot be used."""
    unknown = set(config.get(TotpAuth.__name__, {})) - set(_names())
    if unknown:
        raise NotReloaded(f"TotpAuth.{min(unknown)} is not an option; see the list of options.")
    return TotpAuth(parent=app, config=config)


def _names() -> list[str]:
    return sorted(TotpAuth.class_trait_names(config=True))


def _apply(provider: TotpIdentityProvider, app: Any, settings: TotpAuth) -> None:
    rim, door = provider.rim, provider.door
    if door is None:
        raise NotReloaded("The server has not begun to serve yet.")
    now = make_now(settings, rim.services, rim.base_url)
    gate = make_gate(app, settings, rim, find_handler=door.inner)
    # From here on nothing fails.
    rim.follow(now, settings.policy())
    rim.rights.belongings.follow(settings)
    door.put(gate)
    if rim.sockets.who_ran_what is None:
        rim.sockets.who_ran_what = make_who_ran_what(
            settings, rim.services, rim.rights, rim.member_pool, rim.log
        )
    else:
        rim.sockets.who_ran_what.follow(settings)
    provider.settings = settings
    for sentence in start_checks.worth_a_warning(settings, rim.base_url):
        provider.log.warning(sentence)


def _others(new: Config, old: Config) -> Iterator[str]:
    """What the files say now of other parts of Jupyter, and did not say at the start: it stays as it is."""
    for section in sorted(set(new) - {TotpAuth.__name__}):
        was = old.get(section, {})
        if not isinstance(new[section], Config):
            continue
        for name, value in sorted(new[section].items()):
            if isinstance(value, (Config, LazyConfigValue)) or (section, name) in _MADE_BY_US:
                continue
            if name not in was or was[name] != value:
                yield f"{section}.{name}"
