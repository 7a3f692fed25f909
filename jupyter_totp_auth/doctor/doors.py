"""Doors beside the login: options of Jupyter's own that open one, another login in the place of ours."""

from __future__ import annotations

import os
import re
from typing import Any

from ..public_routes import patterns
from ..risky_settings import (
    DEAR,
    LOGIN_HANDLERS,
    OPEN_VARIABLE,
    OUR_PROVIDERS,
    STOCK_SECRETS,
    STOCK_VARIABLES,
    matches_anybody,
)
from . import config_files
from .finding import Verdict, check, green, red, yellow
from .subject import Subject, environment

_NAME_US = f'c.ServerApp.identity_provider_class = "{OUR_PROVIDERS[0]}"'


@check(
    "not-enabled",
    about="the extension is not enabled in Jupyter Server",
    why="The server starts with Jupyter's own token login: no second factor is asked.",
)
def _enabled(subject: Subject) -> Verdict:
    said, where = config_files.enabled("jupyter_totp_auth", subject.config)
    if said:
        return green("The extension is enabled.")
    file = where or "a configuration file"
    named = "no file of jupyter_server_config.d names it" if said is None else f"{file} says so"
    line = "jupyter server extension enable jupyter_totp_auth"
    if subject.server("identity_provider_class") in OUR_PROVIDERS:
        return yellow(f"The extension is not enabled ({named}); the login itself is named, and guards.", line)
    return red(f"The extension is not enabled: {named}.", line)


@check(
    "other-login",
    about="another identity provider is configured",
    why="The package stands down for it: no second factor is asked.",
)
def _other_login(subject: Subject) -> Verdict:
    named = subject.server("identity_provider_class")
    text = f"{named.__module__}.{named.__name__}" if isinstance(named, type) else named
    if text is not None and text not in OUR_PROVIDERS:
        return red(f"ServerApp.identity_provider_class is {text}.", _NAME_US)
    return green("No other login is configured.")


@check(
    "not-required",
    about="nothing says that the server must not start without the second factor",
    why="Where the package cannot be loaded, or another login is named, Jupyter starts with another login.",
)
def _required(subject: Subject) -> Verdict:
    if subject.settings.is_required() and subject.server("identity_provider_class") in OUR_PROVIDERS:
        return green("The server does not start without the second factor.")
    return yellow(
        "The server may start without the second factor.", f"{_NAME_US}; c.TotpAuth.required = True"
    )


@check(
    "under-hub",
    about="JUPYTERHUB_SERVICE_URL is set",
    why="The package stands down, since JupyterHub logs people in; terminals of a hub inherit the variable.",
)
def _hub(subject: Subject) -> Verdict:
    del subject
    if environment(["JUPYTERHUB_SERVICE_URL"]):
        return yellow(
            "JUPYTERHUB_SERVICE_URL is set: a server started from here stands down.",
            "unset JUPYTERHUB_SERVICE_URL",
        )
    return green("No JupyterHub.")


@check(
    "login-handler",
    about="another login or logout page is configured",
    why="It would take the place of the two-factor login; the server refuses to start.",
)
def _handlers(subject: Subject) -> Verdict:
    found = [
        f"{section}.{name}" for section, name in LOGIN_HANDLERS if name in subject.config.get(section, {})
    ]
    if found:
        return red(f"Configured: {', '.join(found)}.", f"# c.{found[0]} = …  (remove it)")
    return green("No other login page is configured.")


@check(
    "stock-secrets",
    about="a token or password of Jupyter's own is left in the configuration or the environment",
    why="It opens nothing beside this login, and everything on the day the login is disabled or stands down.",
)
def _secrets(subject: Subject) -> Verdict:
    found = [f"{section}.{name}" for section, name in STOCK_SECRETS if subject.option(section, name)]
    variables = environment(STOCK_VARIABLES)
    if found or variables:
        line = f"# c.{found[0]} = …  (remove it)" if found else f"unset {variables[0]}"
        return yellow(f"Set: {', '.join([*found, *variables])}.", line)
    return green("No token or password of Jupyter's own is set.")


@check(
    "xsrf-off",
    about="the _xsrf check is off",
    why="Other sites can act in a signed-in browser; the server refuses to start.",
)
def _xsrf(subject: Subject) -> Verdict:
    if subject.server("disable_check_xsrf"):
        return red(
            "ServerApp.disable_check_xsrf is on.", "# c.ServerApp.disable_check_xsrf = True  (remove it)"
        )
    tornado = _tornado(subject)
    if tornado.get("disable_check_xsrf") or not tornado.get("xsrf_cookies", True):
        return red(
            "ServerApp.tornado_settings takes the _xsrf check away.", '# "xsrf_cookies": False  (remove it)'
        )
    return green("The _xsrf check is on.")


@check(
    "any-origin",
    about="every site may read answers: allow_origin is *; with credentials (red) or without (yellow)",
    why="With credentials, any site that a signed-in person visits can use the login.",
)
def _origin(subject: Subject) -> Verdict:
    tornado = _tornado(subject)
    headers = {str(name).lower(): value for name, value in _headers(subject).items()}
    origin = subject.server("allow_origin") or tornado.get("allow_origin")
    origin = origin or headers.get("access-control-allow-origin")
    pattern = subject.server("allow_origin_pat") or tornado.get("allow_origin_pat")
    credentials = subject.server("allow_credentials") or tornado.get("allow_credentials")
    credentials = credentials or "access-control-allow-credentials" in headers
    if origin != "*" and not matches_anybody(pattern):
        return green("No site but named ones may read answers.")
    line = 'c.ServerApp.allow_origin = "https://…"  (the one that needs it)'
    if credentials:
        return red("Every site may send credentials, and read what comes back.", line)
    return yellow("Every site may read answers.", line)


@check(
    "framing",
    about="other sites may put JupyterLab into a frame",
    why="A page around it can make people click what they do not see.",
)
def _framing(subject: Subject) -> Verdict:
    headers = {str(name).lower(): str(value) for name, value in _headers(subject).items()}
    policy = headers.get("content-security-policy")
    ancestors = re.search(r"frame-ancestors([^;]*)", policy or "")
    loose = policy is not None and (ancestors is None or "*" in ancestors[1].split())
    if loose:
        line = """# "Content-Security-Policy": "frame-ancestors 'self'"  (in tornado_settings' headers)"""
        return yellow("ServerApp.tornado_settings lets every site frame JupyterLab.", line)
    return green("Other sites do not frame JupyterLab.")


@check(
    "unauthenticated-access",
    about="allow_unauthenticated_access is on",
    why="What has no rule of its own is open to everybody; the server refuses to start.",
)
def _open_access(subject: Subject) -> Verdict:
    configured = subject.server("allow_unauthenticated_access")
    if configured:
        line = "# c.ServerApp.allow_unauthenticated_access = True  (remove it)"
        return red("ServerApp.allow_unauthenticated_access is on.", line)
    if configured is None and os.environ.get(OPEN_VARIABLE, "").lower() in ("true", "yes"):
        return red(f"{OPEN_VARIABLE} is on.", f"unset {OPEN_VARIABLE}")
    return green("What has no rule of its own is closed.")


@check(
    "public-routes",
    about="paths of other extensions answer without a login (yellow), or files and kernels (red)",
    why="Whoever can reach the server can reach them; only their own check, if they have one, is left.",
)
def _routes(subject: Subject) -> Verdict:
    extra = [pattern for pattern in subject.settings.public_routes if pattern not in patterns()]
    dear = [path for path in DEAR if any(re.fullmatch(pattern, path) for pattern in extra)]
    line = "c.TotpAuth.public_routes = []"
    if dear:
        return red(f"TotpAuth.public_routes takes in {', '.join(dear)}.", line)
    if extra:
        return yellow(f"Without a login: {', '.join(extra)}.", line)
    return green("Nothing answers without a login but the login.")


@check(
    "hidden-files",
    about="ContentsManager.allow_hidden is on",
    why="Hidden folders hold keys, tokens and Jupyter's own configuration: a click opens them.",
)
def _hidden(subject: Subject) -> Verdict:
    if subject.option("ContentsManager", "allow_hidden"):
        return yellow("Hidden files are served.", "# c.ContentsManager.allow_hidden = True  (remove it)")
    return green("Hidden files are not served.")


def _tornado(subject: Subject) -> dict[str, Any]:
    settings = subject.server("tornado_settings", default={})
    return dict(settings) if isinstance(settings, dict) else {}


def _headers(subject: Subject) -> dict[str, Any]:
    headers = _tornado(subject).get("headers", {})
    return dict(headers) if isinstance(headers, dict) else {}


CHECKS = (
    _enabled,
    _other_login,
    _required,
    _hub,
    _handlers,
    _secrets,
    _xsrf,
    _origin,
    _framing,
    _open_access,
    _routes,
    _hidden,
)
