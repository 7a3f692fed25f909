"""What must not be set: judged as it is configured, and as it reached the web application."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from jupyter_totp_auth.risky_settings import matches_anybody
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.web import start_checks
from jupyter_totp_auth.web.hosts import is_allowed_origin
from jupyter_totp_auth.web.start_checks import UnsafeSetting


def serverapp(**options: Any) -> SimpleNamespace:
    config = Config({"ServerApp": options})
    defaults = {"disable_check_xsrf": False, "allow_origin": "", "allow_credentials": False}
    return SimpleNamespace(config=config, **{**defaults, **options})


@pytest.mark.parametrize(
    "options",
    [
        {"disable_check_xsrf": True},
        {"allow_origin": "*", "allow_credentials": True},
        {"login_handler_class": "x"},
        {"logout_handler_class": "x"},
        {"allow_unauthenticated_access": True},
        {"allow_remote_access": True},
    ],
)
def test_a_setting_that_opens_a_door_is_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(UnsafeSetting, match=next(iter(options))):
        start_checks.refuse_unsafe_settings(serverapp(**options), TotpAuth())


def test_the_defaults_are_fine_and_a_named_host_needs_no_remote_access() -> None:
    start_checks.refuse_unsafe_settings(serverapp(), TotpAuth())
    named = TotpAuth(allowed_hosts=["jupyter.example"])
    start_checks.refuse_unsafe_settings(serverapp(allow_remote_access=True), named)


def test_a_misspelt_option_is_not_passed_over() -> None:
    app = serverapp()
    app.config.TotpAuth.requird = True
    with pytest.raises(UnsafeSetting, match="requird"):
        start_checks.refuse_unsafe_settings(app, TotpAuth())


@pytest.mark.parametrize("value", ["true", "YES", "True"])
def test_the_environment_counts_like_the_option(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS", value)
    with pytest.raises(UnsafeSetting, match="JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS"):
        start_checks.refuse_unsafe_settings(serverapp(), TotpAuth())


@pytest.mark.parametrize(
    "settings",
    [
        {"disable_check_xsrf": True},
        {"xsrf_cookies": False},
        {"allow_origin": "*", "allow_credentials": True},
        {"allow_origin_pat": ".*", "allow_credentials": True},
        {"headers": {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true"}},
    ],
)
def test_tornado_settings_are_no_back_door(settings: dict[str, Any]) -> None:
    with pytest.raises(UnsafeSetting):
        start_checks.refuse_unsafe_application({"xsrf_cookies": True, **settings})


@pytest.mark.parametrize("pattern", [".*", "https?://.*", r"https://.+"])
def test_a_pattern_for_everybody_names_nobody(pattern: str) -> None:
    assert matches_anybody(pattern)
    app = SimpleNamespace(allow_origin="", allow_origin_pat=pattern)
    assert not is_allowed_origin(app, "https://evil.example")
    named = SimpleNamespace(allow_origin="", allow_origin_pat=r"https://(a|b)\.example")
    assert is_allowed_origin(named, "https://a.example")
    assert not is_allowed_origin(named, "https://c.example")


@pytest.mark.parametrize("section", ["IdentityProvider", "PasswordIdentityProvider", "ServerApp"])
def test_a_stock_password_left_behind_is_named(section: str) -> None:
    name = "password" if section == "ServerApp" else "hashed_password"
    left = SimpleNamespace(config=Config({section: {name: "argon2:x"}}))
    assert f"{section}.{name}" in start_checks.stock_secrets(left)


def test_one_named_origin_may_have_credentials() -> None:
    settings = {"xsrf_cookies": True, "allow_origin": "https://one.example", "allow_credentials": True}
    start_checks.refuse_unsafe_application(settings)
    start_checks.refuse_unsafe_application({"xsrf_cookies": True, "allow_origin": "*"})


@pytest.mark.parametrize(
    ("ip", "tls", "options", "refused"),
    [
        ("localhost", False, {}, False),
        ("127.0.0.1", False, {}, False),
        ("::1", False, {}, False),
        ("0.0.0.0", False, {}, True),
        ("", False, {}, True),
        ("::", False, {}, True),
        ("192.168.1.5", False, {}, True),
        ("0.0.0.0", True, {}, False),
        ("0.0.0.0", False, {"trusted_proxies": ["10.0.0.0/8"]}, False),
        ("0.0.0.0", False, {"allow_plain_http": True}, False),
    ],
)
def test_passwords_do_not_cross_a_network_in_the_clear(
    ip: str, tls: bool, options: dict[str, Any], refused: bool
) -> None:
    app = SimpleNamespace(ip=ip, sock="")
    if refused:
        with pytest.raises(UnsafeSetting, match="without TLS"):
            start_checks.refuse_plain_http(app, TotpAuth(**options), tls=tls)
    else:
        start_checks.refuse_plain_http(app, TotpAuth(**options), tls=tls)


def test_public_url_has_to_lead_to_the_prefix() -> None:
    assert start_checks.misplaced_public_url(TotpAuth(), "/x/") is None
    assert start_checks.misplaced_public_url(TotpAuth(public_url="https://a.example/x/"), "/x/") is None
    assert start_checks.misplaced_public_url(TotpAuth(public_url="https://a.example/x"), "/x/") is None
    assert start_checks.misplaced_public_url(TotpAuth(public_url="https://a.example/"), "/x/")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"trusted_proxies": ["127.0.0.1/32", "10.0.0.0/8"]}, []),
        ({"trusted_proxies": ["0.0.0.0/0"]}, ["trusts every address"]),
        ({"trusted_proxies": ["::/0"]}, ["trusts every address"]),
        ({"public_routes": ["metrics", r"badges/.*"]}, []),
        ({"public_routes": [r"api/k.*"]}, ["'api/k.*' takes in api/kernels"]),
        ({"public_url": "https://x.example/a"}, []),
    ],
)
def test_what_opens_more_than_it_was_meant_to_is_told_at_the_start(
    options: dict[str, Any], words: list[str]
) -> None:
    said = start_checks.worth_a_warning(TotpAuth(**options), "/")
    assert len(said) == len(words)
    assert all(word in sentence for word, sentence in zip(words, said, strict=True))
