"""A database server on another machine: only over TLS that checks whom it talks to (M17, ASVS 12.3.1)."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Engine

from .errors import StoreRefused

_HOW = {
    "postgresql": "sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt",
    "mariadb": "ssl_ca=/etc/ssl/certs/ca-certificates.crt",
}


def insist_on_tls(engine: Engine) -> None:
    """Raises StoreRefused where passwords of the database, and what is in it, could be read on the way."""
    url = engine.url
    backend = url.get_backend_name()
    if backend not in _HOW or _is_here(url, backend):
        return
    (_, options) = engine.dialect.create_connect_args(url)
    if not (_checks_postgresql(options) if backend == "postgresql" else _checks_mariadb(options)):
        raise StoreRefused(
            "TotpAuth.database_url leads to another machine, and the connection would not check by TLS "
            f"whom it talks to. Add ?{_HOW[backend]} to it, or set TotpAuth.allow_plain_database."
        )


def _is_here(url: URL, backend: str) -> bool:
    """Whether the database is reached without leaving this machine."""
    query = url.normalized_query
    if "unix_socket" in query:
        return True
    hosts = [url.host or "", *query.get("host", ()), *query.get("hostaddr", ())]
    if backend == "postgresql":
        if "service" in query or "PGSERVICE" in os.environ:
            return False  # a file that the driver reads says where
        if not any(hosts):
            hosts = [os.environ.get("PGHOST", ""), os.environ.get("PGHOSTADDR", "")]
    return all(_is_loopback(host) for text in hosts for host in text.split(","))


def _is_loopback(host: str) -> bool:
    name = host.partition(":")[0] if host.count(":") == 1 else host  # "host:port", as a query may have it
    if name in ("", "localhost") or name.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _checks_postgresql(options: Mapping[str, Any]) -> bool:
    return (options.get("sslmode") or os.environ.get("PGSSLMODE")) == "verify-full"


def _checks_mariadb(options: Mapping[str, Any]) -> bool:
    """PyMySQL checks the certificate and the name where it is given an authority, unless told otherwise."""
    ssl = options.get("ssl") or {}
    weaker = {"ssl_disabled", "ssl_verify_cert", "ssl_verify_identity"} & options.keys()
    return bool(ssl.get("ca") or ssl.get("capath")) and ssl.get("check_hostname", True) and not weaker
