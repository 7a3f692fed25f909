"""From a deployment to the text of a file. Opens nothing but the templates that come along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jinja2

from .model import BODY_BYTES, IDLE_SECONDS, Deployment

FORWARDING = (
    "Forwarded",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-Prefix",
    # With an underscore: to many a WSGI program the same as with a dash.
    "X_Forwarded_For",
    "X_Forwarded_Proto",
    "X-Scheme",
    "X-Url-Scheme",
    "Front-End-Https",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-SSL-Client-Cert",
    "X-SSL-Client-S-DN",
    "X-SSL-Client-Verify",
)
"""What tells of a client, a scheme or a path in other words than the two that count. Nothing in here reads
them; an extension behind the login might, so a client's own do not come through."""


@dataclass(frozen=True)
class Kind:
    """One sort of file."""

    name: str
    template: str
    place: Callable[[Deployment], str]
    """Where Debian expects it."""
    then: tuple[str, ...]
    """What brings it into force; ``{path}`` and ``{file}`` are the file's path and its bare name."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "nginx",
            "nginx.conf.j2",
            lambda d: f"/etc/nginx/conf.d/{d.domain}.conf",
            ("nginx -t && systemctl reload nginx",),
        ),
        Kind(
            "apache",
            "apache.conf.j2",
            lambda d: f"/etc/apache2/sites-available/{d.domain}.conf",
            (
                "a2enmod headers proxy proxy_http proxy_wstunnel rewrite ssl http2",
                "a2ensite {file} && apachectl configtest && systemctl reload apache2",
            ),
        ),
        Kind(
            "haproxy",
            "haproxy.cfg.j2",
            lambda _: "/etc/haproxy/haproxy.cfg",
            ("haproxy -c -f {path} && systemctl reload haproxy",),
        ),
        Kind(
            "caddy",
            "Caddyfile.j2",
            lambda _: "/etc/caddy/Caddyfile",
            ("caddy validate --adapter caddyfile --config {path} && systemctl reload caddy",),
        ),
        Kind(
            "systemd",
            "jupyter.service.j2",
            lambda _: "/etc/systemd/system/jupyter.service",
            ("systemctl daemon-reload && systemctl enable --now jupyter",),
        ),
        Kind(
            "jupyter",
            "jupyter_server_config.py.j2",
            lambda _: "/etc/jupyter/jupyter_server_config.py",
            ("systemctl restart jupyter",),
        ),
    )
}


def render(kind: Kind, deployment: Deployment, *, wstunnel: bool = False) -> str:
    """The whole file. ``wstunnel``: Apache's older way for WebSockets. Raises BadDeployment."""
    template = _environment().get_template(kind.template)
    return template.render(
        d=deployment,
        forwarding=FORWARDING,
        idle=IDLE_SECONDS,
        body=BODY_BYTES,
        wstunnel=wstunnel,
    )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(  # noqa: S701 - no HTML; the model lets nothing in that would need escaping
        loader=jinja2.PackageLoader(__package__, "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
