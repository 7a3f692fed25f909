"""Faults in configuration files: each is written into one, and named."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cli.desk import START, Desk
from tests.doctor.looking import green, red, yellow

PROXY = "c.TotpAuth.trusted_proxies = ['127.0.0.1/32']\n"
HTTPS = "c.TotpAuth.public_url = 'https://jupyter.example.org/lab/'\n"

RED = {
    "plain-http": ["c.ServerApp.ip = '0.0.0.0'", "c.ServerApp.ip = ''\nc.TotpAuth.allow_plain_http = True"],
    "around-the-proxy": [f"{PROXY}c.ServerApp.ip = '0.0.0.0'"],
    "trusted-proxies": [
        "c.TotpAuth.trusted_proxies = ['0.0.0.0/0']",
        "c.TotpAuth.trusted_proxies.append('::/0')",
    ],
    "proxy-unnamed": [HTTPS],
    "allowed-hosts": ["c.ServerApp.allow_remote_access = True", "c.TotpAuth.allowed_hosts = ['*.org']"],
    "public-url-host": [HTTPS, f"{HTTPS}c.TotpAuth.allowed_hosts = ['example.org']"],
    "public-url-path": [HTTPS, f"{HTTPS}c.ServerApp.base_url = '/jupyter/'"],
    "public-url-plain": ["c.TotpAuth.public_url = 'http://jupyter.example.org/'"],
    "socket-mode": ["c.ServerApp.sock = '/run/j.sock'\nc.ServerApp.sock_mode = '0666'"],
    "other-login": [
        "c.ServerApp.identity_provider_class = 'jupyter_server.auth.IdentityProvider'",
        "from jupyter_server.auth import IdentityProvider as I\nc.ServerApp.identity_provider_class = I",
    ],
    "login-handler": [
        "c.ServerApp.login_handler_class = 'x.Y'",
        "c.IdentityProvider.logout_handler_class = 'x.Y'",
    ],
    "xsrf-off": [
        "c.ServerApp.disable_check_xsrf = True",
        "c.ServerApp.tornado_settings = {'xsrf_cookies': False}",
        "c.ServerApp.tornado_settings.update({'disable_check_xsrf': True})",
    ],
    "any-origin": [
        "c.ServerApp.allow_origin = '*'\nc.ServerApp.allow_credentials = True",
        "c.ServerApp.allow_origin_pat = '.*'\nc.ServerApp.allow_credentials = True",
        (
            "c.ServerApp.tornado_settings = {'headers': {'Access-Control-Allow-Origin': '*',"
            " 'Access-Control-Allow-Credentials': 'true'}}"
        ),
    ],
    "unauthenticated-access": ["c.ServerApp.allow_unauthenticated_access = True"],
    "public-routes": ["c.TotpAuth.public_routes = ['api/.*']"],
    "config-broken": ["this is no python", "raise ValueError"],
    "config-option": ["c.TotpAuth.idle_timout = 60", "c.TotpAuth.login_lifetime = 1"],
}

YELLOW = {
    "trusted-proxies": ["c.TotpAuth.trusted_proxies = ['10.0.0.0/8']"],
    "trust-xheaders": ["c.ServerApp.trust_xheaders = True"],
    "port-retries": [PROXY],
    "not-required": ["", "c.TotpAuth.required = True"],
    "stock-secrets": ["c.IdentityProvider.token = 'x'", "c.PasswordIdentityProvider.hashed_password = 'x'"],
    "any-origin": ["c.ServerApp.allow_origin = '*'"],
    "framing": [
        "c.ServerApp.tornado_settings = {'headers': {'Content-Security-Policy': 'frame-ancestors *'}}",
        "c.ServerApp.tornado_settings = {'headers': {'Content-Security-Policy': ''}}",
    ],
    "public-routes": ["c.TotpAuth.public_routes = ['metrics']"],
    "hidden-files": ["c.ContentsManager.allow_hidden = True"],
    "kernels-share-key": ["", "c.ServerApp.terminals_enabled = False"],
    "idle-off": ["c.TotpAuth.idle_timeout = 0"],
    "login-lifetime": ["c.TotpAuth.login_lifetime = 7 * 86400"],
    "password-length": ["c.TotpAuth.password_min_length = 8"],
    "token-in-url": ["c.TotpAuth.token_in_url = 'api'"],
    "address-limit-off": ["c.TotpAuth.address_burst = 0"],
}

GREEN = {
    "plain-http": ["c.ServerApp.ip = '127.0.0.2'", "c.ServerApp.ip = '*'\nc.ServerApp.certfile = '/x.pem'"],
    "around-the-proxy": ["c.TotpAuth.trusted_proxies = ['172.18.0.0/16']\nc.ServerApp.ip = '0.0.0.0'"],
    "trusted-proxies": ["c.TotpAuth.trusted_proxies = ['127.0.0.0/8', 'unix', '172.18.0.0/16', 'fd00::/64']"],
    "proxy-unnamed": [PROXY + HTTPS],
    "allowed-hosts": [
        "c.TotpAuth.allowed_hosts = ['*.example.org']\nc.ServerApp.allow_remote_access = True",
        "c.TotpAuth.allowed_hosts.append('*.lan')",
    ],
    "public-url-host": [
        f"{HTTPS}c.TotpAuth.allowed_hosts = ['*.example.org']",
        f"{HTTPS}c.ServerApp.local_hostnames = ['jupyter.example.org']",
        "c.TotpAuth.public_url = 'https://[fd00::1]:8443/'\nc.TotpAuth.allowed_hosts = ['[fd00::1]:8443']",
    ],
    "public-url-path": [f"{HTTPS}c.ServerApp.base_url = 'lab'"],
    "port-retries": [f"{PROXY}c.ServerApp.port_retries = 0", ""],
    "other-login": ["c.ServerApp.identity_provider_class = 'jupyter_totp_auth.TotpIdentityProvider'"],
    "not-required": [
        (
            "c.ServerApp.identity_provider_class = 'jupyter_totp_auth.TotpIdentityProvider'\n"
            "c.TotpAuth.required = True"
        )
    ],
    "any-origin": ["c.ServerApp.allow_origin = 'https://a.example'\nc.ServerApp.allow_credentials = True"],
    "framing": [
        "c.ServerApp.tornado_settings = {'headers': {'Content-Security-Policy': \"frame-ancestors 'self'\"}}"
    ],
    "kernels-share-key": [
        (
            "c.ServerApp.terminals_enabled = False\n"
            "c.KernelProvisionerFactory.default_provisioner_name = 'sudo-provisioner'"
        )
    ],
    "certificate": [""],
}


def rows(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(slug, text) for slug, texts in table.items() for text in texts]


@pytest.mark.parametrize(("slug", "text"), rows(RED))
def test_a_dangerous_setting_is_red(desk: Desk, slug: str, text: str) -> None:
    desk.configure(text)
    red(desk, slug, "")


@pytest.mark.parametrize(("slug", "text"), rows(YELLOW))
def test_a_weak_setting_is_yellow(desk: Desk, slug: str, text: str) -> None:
    desk.configure(text)
    yellow(desk, slug, "")


@pytest.mark.parametrize(("slug", "text"), rows(GREEN))
def test_a_right_setting_is_green(desk: Desk, slug: str, text: str) -> None:
    desk.configure(text)
    green(desk, slug)


def test_what_the_command_line_says_counts(desk: Desk) -> None:
    yellow(desk, "idle-off", "0", "--TotpAuth.idle_timeout=0")
    red(desk, "xsrf-off", "on", "--ServerApp.disable_check_xsrf=True")
    green(desk, "xsrf-off", "--ServerApp.disable_check_xsrf=False")


def test_a_file_that_is_named_is_read_in_the_others_place(desk: Desk) -> None:
    desk.configure("c.TotpAuth.idle_timeout = 0")
    other = desk.home / "other.py"
    other.write_text("c.TotpAuth.token_in_url = 'api'")
    green(desk, "idle-off", "--config", str(other))
    yellow(desk, "token-in-url", "api", "--config", str(other))
    assert desk.run("doctor", "--config", str(desk.home / "none.py")).status == 1


def test_an_option_under_its_old_name_counts(desk: Desk) -> None:
    desk.configure("c.NotebookApp.disable_check_xsrf = True")
    red(desk, "xsrf-off", "on")
    desk.configure("c.NotebookApp.disable_check_xsrf = True\nc.ServerApp.disable_check_xsrf = False")
    green(desk, "xsrf-off")


def test_a_file_of_jupyterlabs_counts_too(desk: Desk) -> None:
    desk.configure("c.ServerApp.disable_check_xsrf = True", "jupyter_lab_config.py")
    red(desk, "xsrf-off", "disable_check_xsrf")
    green(desk, "config-place")
    desk.configure("c.TotpAuth.issuer = 'Lab'", "jupyter_lab_config.py")
    yellow(desk, "config-place", "jupyter_lab_config.py")


def test_another_extension_list_can_leave_us_out(desk: Desk) -> None:
    green(desk, "not-enabled")
    off = '{"ServerApp": {"jpserver_extensions": {"jupyter_totp_auth": false}}}'
    desk.configure(off, "jupyter_server_config.json")
    red(desk, "not-enabled", "jupyter_server_config.json")
    ours = "c.ServerApp.identity_provider_class = 'jupyter_totp_auth.TotpIdentityProvider'"
    desk.configure(ours)
    yellow(desk, "not-enabled", "guards")


@pytest.mark.parametrize(
    ("slug", "name", "value", "severity"),
    [
        ("stock-secrets", "JUPYTER_TOKEN", "x", "yellow"),
        ("unauthenticated-access", "JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS", "true", "red"),
        ("under-hub", "JUPYTERHUB_SERVICE_URL", "http://127.0.0.1/", "yellow"),
        ("environment-wins", "JUPYTER_TOTP_KEY_FILE", "/srv/other", "yellow"),
    ],
)
def test_the_environment_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, slug: str, name: str, value: str, severity: str
) -> None:
    desk.configure("c.TotpAuth.key_file = '/srv/keyring'")
    green(desk, slug)
    monkeypatch.setenv(name, value)
    (red if severity == "red" else yellow)(desk, slug, name)


def certificate(path: Path, *, days: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jupyter.example.org")])
    now = datetime.fromtimestamp(START, timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=90)).not_valid_after(now + timedelta(days=days))
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def test_a_certificate_that_ends_is_named(desk: Desk) -> None:
    path = desk.home / "cert.pem"
    desk.configure(f"c.ServerApp.certfile = '{path}'")
    red(desk, "certificate", "There is no certificate")
    certificate(path, days=-1)
    red(desk, "certificate", "has ended")
    certificate(path, days=5)
    yellow(desk, "certificate", "5 days")
    certificate(path, days=60)
    green(desk, "certificate")
