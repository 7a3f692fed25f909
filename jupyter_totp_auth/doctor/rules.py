"""The server's options as such: files not read, options that mean nothing, rules that are loosened."""

from __future__ import annotations

import os

from ..core.policy import DAY, Policy
from ..settings import DATABASE_URL_VARIABLE, KEY_FILE_VARIABLE
from .config_files import APP_NAMES
from .finding import Verdict, check, green, red, yellow
from .subject import Subject

_DEFAULT = Policy()


@check(
    "config-broken",
    about="a configuration file has an error",
    why="Jupyter drops the whole file; the server refuses to start rather than go on without it.",
)
def _broken(subject: Subject) -> Verdict:
    broken = [f"{file.path} ({file.error})" for file in subject.files if file.error]
    if broken:
        return red(f"Not read: {', '.join(broken)}.", f"python -m py_compile {broken[0].partition(' (')[0]}")
    return green("Every configuration file can be read.")


@check(
    "config-option",
    about="an option of TotpAuth that does not exist, or with a value that cannot be used",
    why="What was meant does not hold; the server refuses to start.",
)
def _option(subject: Subject) -> Verdict:
    bad = [f"TotpAuth.{name}: {reason}" for name, reason in sorted(subject.bad_options.items())]
    if bad:
        return red("; ".join(bad) + ".", f"# c.{bad[0].partition(':')[0]} = …  (see the list of options)")
    return green("Every option of TotpAuth can be used.")


@check(
    "config-place",
    about="options of TotpAuth in a file that only one way of starting reads",
    why="The command line does not read jupyter_lab_config: it would work on another store than the server.",
)
def _place(subject: Subject) -> Verdict:
    found = [str(f.path) for f in subject.files if f.path.stem in APP_NAMES and "TotpAuth" in f.config]
    if found:
        return yellow(
            f"TotpAuth is set in {', '.join(found)}.", "# move these lines to jupyter_server_config.py"
        )
    return green("Options of TotpAuth are where everything reads them.")


@check(
    "environment-wins",
    about="an environment variable leads to another store or keyring than the configuration",
    why="A server that is started with other variables has another store: other people, other codes.",
)
def _environment(subject: Subject) -> Verdict:
    pairs = (
        (DATABASE_URL_VARIABLE, subject.settings.database_url),
        (KEY_FILE_VARIABLE, subject.settings.key_file),
    )
    found = [name for name, said in pairs if said and os.environ.get(name, said) != said]
    if found:
        return yellow(f"{', '.join(found)} overrides what is configured.", f"unset {found[0]}")
    return green("Environment and configuration agree.")


@check(
    "root",
    about="Jupyter runs as root, or may",
    why="Whoever logs in is root then, and no file mode holds anybody back.",
)
def _root(subject: Subject) -> Verdict:
    if os.geteuid() == 0:
        return red("This runs as root: look as the server's user, and let that not be root.", "User=jupyter")
    if subject.server("allow_root"):
        return yellow(
            "ServerApp.allow_root lets the server run as root.",
            "# c.ServerApp.allow_root = True  (remove it)",
        )
    return green("Jupyter does not run as root.")


@check(
    "kernels-share-key",
    about="kernels and terminals run as the user who can read the keyring",
    why="Whoever is logged in can read everybody's secrets, and change the login. It records who they "
    "are, and does not keep them apart.",
)
def _shared(subject: Subject) -> Verdict:
    provisioner = subject.option(
        "KernelProvisionerFactory", "default_provisioner_name", default="local-provisioner"
    )
    terminals = subject.server("terminals_enabled", default=True)
    if provisioner != "local-provisioner" and not terminals:
        return green("Kernels are not started as the server's user, as far as the configuration says.")
    return yellow(
        "Kernels and terminals run as the server's user, who can read the keyring.",
        "# one person: accept it. Several: JupyterHub, or kernels under another user (threat model)",
    )


@check(
    "idle-off",
    about="logins are never locked for idleness",
    why="A browser that somebody walked away from stays open until the login ends.",
)
def _idle(subject: Subject) -> Verdict:
    if subject.settings.idle_timeout == 0:
        return yellow("TotpAuth.idle_timeout is 0.", f"c.TotpAuth.idle_timeout = {_DEFAULT.idle_timeout}")
    return green(f"Logins are locked after {subject.settings.idle_timeout} s without input.")


@check(
    "login-lifetime",
    about="logins last longer than a day",
    why="NIST SP 800-63B asks for both factors again after 24 hours; a copied cookie works as long.",
)
def _lifetime(subject: Subject) -> Verdict:
    days = subject.settings.login_lifetime / DAY
    if days > 1:
        return yellow(f"Logins last {days:.1f} days.", f"c.TotpAuth.login_lifetime = {DAY}")
    return green("Logins end after a day at the latest.")


@check(
    "password-length",
    about="passwords may be shorter than 12 characters",
    why="Where the second factor is lost or phished, the password is all there is.",
)
def _length(subject: Subject) -> Verdict:
    least = subject.settings.password_min_length
    if least < _DEFAULT.password_min:
        line = f"c.TotpAuth.password_min_length = {_DEFAULT.password_min}"
        return yellow(f"Passwords may have {least} characters.", line)
    return green(f"Passwords have {least} characters or more.")


@check(
    "token-in-url",
    about="access tokens may stand in URLs of the API",
    why="URLs end up in logs, histories and Referer headers.",
)
def _token(subject: Subject) -> Verdict:
    if subject.settings.token_in_url == "api":  # noqa: S105 - a choice, no token
        return yellow("TotpAuth.token_in_url is api.", 'c.TotpAuth.token_in_url = "websocket"')
    return green("Access tokens stand in headers, or in a WebSocket's handshake.")


@check(
    "address-limit-off",
    about="no limit of tries for a network",
    why="A flood of sign-ins fills the queue of those who have never logged in here.",
)
def _burst(subject: Subject) -> Verdict:
    if subject.settings.address_burst == 0:
        return yellow("TotpAuth.address_burst is 0.", f"c.TotpAuth.address_burst = {_DEFAULT.address_burst}")
    return green("Tries are limited for each network.")


CHECKS = (
    _broken,
    _option,
    _place,
    _environment,
    _root,
    _shared,
    _idle,
    _lifetime,
    _length,
    _token,
    _burst,
)
