"""The one place that knows option names: traits of ``TotpAuth``, from them places and policy."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from traitlets import Bool, Enum, Integer, List, TraitError, Unicode, validate

from . import stop_note
from .core.policy import DAY, HOUR, MINUTE, Policy
from .kernel_settings import KernelOptions
from .store import keyring_file
from .store.opening import Places

DATABASE_URL_VARIABLE = "JUPYTER_TOTP_DATABASE_URL"
KEY_FILE_VARIABLE = "JUPYTER_TOTP_KEY_FILE"
REQUIRED_VARIABLE = "JUPYTER_TOTP_REQUIRED"

_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_HOST = re.compile(rf"\*\.{_NAME}|{_NAME}(:[0-9]{{1,5}})?|\[[0-9a-f:]+\](:[0-9]{{1,5}})?")
_UNIX = "unix"


@dataclass(frozen=True)
class Appearance:
    """What an installation may put on its login pages."""

    site_name: str
    notice: str
    logo_file: str


class TotpAuth(KernelOptions):
    """Two-factor login for Jupyter. Set in jupyter_server_config.py as ``c.TotpAuth.<option>``."""

    database_url = Unicode(
        "",
        help=(
            "Where accounts live: a SQLAlchemy URL for sqlite, postgresql or mariadb. Default: "
            f"totp/totp.sqlite3 under Jupyter's data directory. {DATABASE_URL_VARIABLE} overrides it."
        ),
    ).tag(config=True)

    key_file = Unicode(
        "",
        help=(
            "The keyring that seals secrets at rest. Default: totp-key/keyring under Jupyter's data "
            f"directory. {KEY_FILE_VARIABLE}, and systemd's credential, override it."
        ),
    ).tag(config=True)

    issuer = Unicode("Jupyter", help="The name that stands beside the code in people's phones.").tag(
        config=True
    )

    site_name = Unicode("Jupyter", help="The name at the top of the login pages.").tag(config=True)

    notice = Unicode("", help="A text under the login form: rules, privacy, whom to ask.").tag(config=True)

    logo_file = Unicode("", help="A PNG or SVG file (at most 64 kB) for the login pages.").tag(config=True)

    public_url = Unicode(
        "",
        help=(
            "The address that people type, with the path prefix, e.g. https://jupyter.example/; used in "
            "the links that the command line prints."
        ),
    ).tag(config=True)

    trusted_proxies = List(
        Unicode(),
        help=(
            "Networks (CIDR) of the proxies in front, e.g. ['127.0.0.1/32']; 'unix' for a Unix socket. "
            "Only their X-Forwarded-For and X-Forwarded-Proto count."
        ),
    ).tag(config=True)

    allowed_hosts = List(
        Unicode(),
        help=(
            "Host names under which this server may be reached: 'name', '*.name' or 'name:port'. "
            "Loopback names are always allowed."
        ),
    ).tag(config=True)

    public_routes = List(
        Unicode(),
        help=(
            "Regular expressions of paths (behind base_url, without the leading slash) that need no "
            "login. Whoever can reach the server can reach them."
        ),
    ).tag(config=True)

    cookie_name = Unicode("", help="The login cookie's name. Default: one per port and base_url.").tag(
        config=True
    )

    token_in_url = Enum(
        ["websocket", "api", "never"],
        default_value="websocket",
        help=(
            "Where an access token may stand in a URL, as ?token=: when a WebSocket is opened (websocket), "
            "also below api/ (api: URLs end up in logs and histories), or nowhere (never)."
        ),
    ).tag(config=True)

    login_lifetime = Integer(DAY, help="Seconds after which both factors are asked again.").tag(config=True)

    idle_timeout = Integer(
        HOUR,
        help=(
            "Seconds without a person's input until a login is locked and has to give one factor. 0: off. "
            "JupyterLab and Notebook 7 report input by themselves; other clients with a cookie have to "
            "(POST api/totp/activity). Access tokens are never locked."
        ),
    ).tag(config=True)

    password_min_length = Integer(12, help="The shortest password, in characters.").tag(config=True)

    address_burst = Integer(
        20,
        help=(
            "How many sign-ins unknown browsers may try at once from one network (an IPv4 address, an IPv6 "
            "/64); half as many come back each minute. 0: no such limit, for a crowd behind one address."
        ),
    ).tag(config=True)

    allow_plain_http = Bool(
        default_value=False,
        help=(
            "Listen beyond this machine with neither TLS nor trusted_proxies. Passwords and codes are "
            "then readable on the network."
        ),
    ).tag(config=True)

    allow_plain_database = Bool(
        default_value=False,
        help=(
            "Use a PostgreSQL or MariaDB server on another machine without TLS that checks its name. What "
            "goes there and back can then be read and changed on the network."
        ),
    ).tag(config=True)

    required = Bool(
        default_value=False,
        help=(
            "Refuse to start where another identity provider is configured, instead of standing down. "
            f"{REQUIRED_VARIABLE}=1 does the same."
        ),
    ).tag(config=True)

    personal_settings = Bool(
        default_value=False,
        help=(
            "Keep JupyterLab's settings, theme and workspaces apart for each account. Each begins with the "
            "settings that all have shared so far. They are kept apart, not kept from whoever may execute."
        ),
    ).tag(config=True)

    drain_seconds = Integer(
        0,
        help=(
            "Seconds that a server which is told to stop (SIGTERM, jupyter totp stop) waits for its people's "
            "pages to save their documents; it ends sooner where nobody has a page open. 0: it ends at once."
        ),
    ).tag(config=True)

    log_format = Enum(
        ["text", "json"],
        default_value="text",
        help=(
            "What the server's log looks like: Jupyter's own lines (text), or one line of JSON each, with "
            "the audit log's events as objects (json)."
        ),
    ).tag(config=True)

    @validate("trusted_proxies")
    def _check_proxies(self, proposal: Any) -> Any:
        for entry in proposal.value:
            if entry != _UNIX:
                _as_network(entry)
        return proposal.value

    @validate("allowed_hosts")
    def _check_hosts(self, proposal: Any) -> Any:
        for entry in proposal.value:
            if not _HOST.fullmatch(entry.lower()):
                raise TraitError(f"allowed_hosts: {entry!r} is not a name, *.name or name:port")
        return [entry.lower() for entry in proposal.value]

    @validate("public_routes")
    def _check_routes(self, proposal: Any) -> Any:
        for entry in proposal.value:
            try:
                re.compile(entry)
            except re.error as error:
                raise TraitError(f"public_routes: {entry!r} is no regular expression: {error}") from None
        return proposal.value

    @validate("cookie_name")
    def _check_cookie_name(self, proposal: Any) -> Any:
        if proposal.value and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", proposal.value):
            raise TraitError("cookie_name: letters, digits, dash and underscore only")
        return proposal.value

    @validate("login_lifetime")
    def _check_login_lifetime(self, proposal: Any) -> Any:
        if not MINUTE <= proposal.value <= 30 * DAY:
            raise TraitError("login_lifetime: between one minute and thirty days")
        return proposal.value

    @validate("address_burst")
    def _check_address_burst(self, proposal: Any) -> Any:
        if not 0 <= proposal.value <= 10_000:  # noqa: PLR2004 - more is none
            raise TraitError("address_burst: between 0 (no limit) and 10000")
        return proposal.value

    @validate("drain_seconds")
    def _check_drain(self, proposal: Any) -> Any:
        if not 0 <= proposal.value <= stop_note.LONGEST:
            raise TraitError(f"drain_seconds: between 0 (off) and {stop_note.LONGEST}")
        return proposal.value

    @validate("idle_timeout")
    def _check_idle_timeout(self, proposal: Any) -> Any:
        if proposal.value != 0 and not MINUTE <= proposal.value <= DAY:
            raise TraitError("idle_timeout: 0 (off), or between one minute and one day")
        return proposal.value

    @validate("password_min_length")
    def _check_password_min(self, proposal: Any) -> Any:
        if not 8 <= proposal.value <= 64:  # noqa: PLR2004 - NIST SP 800-63B-4 §3.1.1.2
            raise TraitError("password_min_length: between 8 and 64")
        return proposal.value

    # -- what follows from the options -------------------------------------------------------------

    def places(self) -> Places:
        """Where the store and its keyring are."""
        data = Path(jupyter_data_dir())
        default = f"sqlite:///{data / 'totp' / 'totp.sqlite3'}"
        url = os.environ.get(DATABASE_URL_VARIABLE) or self.database_url or default
        configured = os.environ.get(KEY_FILE_VARIABLE) or self.key_file
        path = Path(configured).expanduser() if configured else None
        keyring = keyring_file.locate(path, data / "totp-key" / "keyring")
        return Places(url, keyring, allow_plain_database=self.allow_plain_database)

    def policy(self) -> Policy:
        """The numbers of this installation."""
        return Policy(
            login_lifetime=self.login_lifetime,
            idle_timeout=self.idle_timeout,
            password_min=self.password_min_length,
            address_burst=self.address_burst,
        )

    def appearance(self) -> Appearance:
        """What stands on the login pages."""
        return Appearance(self.site_name, self.notice, self.logo_file)

    def proxy_networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """The networks in ``trusted_proxies``."""
        return [_as_network(entry) for entry in self.trusted_proxies if entry != _UNIX]

    def trusts_unix(self) -> bool:
        """Whether peers on a Unix socket are proxies of ours."""
        return _UNIX in self.trusted_proxies

    def is_required(self) -> bool:
        """Whether another identity provider ends the start."""
        return self.required or os.environ.get(REQUIRED_VARIABLE, "") not in ("", "0")


def _as_network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        raise TraitError(f"trusted_proxies: {entry!r} is neither a network (CIDR) nor 'unix'") from None
