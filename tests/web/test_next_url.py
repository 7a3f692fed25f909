"""Where the login leads: only ever to a path of this server."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_totp_auth.web.next_url import next_of, safe_next, without_secrets

NASTY = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/a//evil.example",
    "/..//evil.example",
    "/%2e%2e//evil.example",
    "/lab/../../x",
    "/lab/%2e%2e/x",
    "/lab/.%2E/x",
    "/lab\r\nSet-Cookie: a=b",
    "/läb",
    "/lab#x",
    " /lab",
    "lab",
    "?x",
    "",
    "/" + "a" * 3000,
    "/lab?x=\x00",
    "/@evil.example:80/..//x",
]


@pytest.mark.parametrize("value", NASTY)
def test_what_could_lead_away_or_is_not_a_path_is_dropped(value: str) -> None:
    assert safe_next(value, "/") == "/"


@pytest.mark.parametrize(
    "value", ["/lab", "/lab/tree/a%20b.ipynb", "/lab?reset", "/tree/a%2Fb", "/lab?file=/x/y&z=1", "/"]
)
def test_a_path_of_this_server_is_kept_as_it_is(value: str) -> None:
    assert safe_next(value, "/") == value


@pytest.mark.parametrize("value", ["/", "/other", "/jupyterlabx", "/jupyterlab/../x"])
def test_it_stays_below_base_url(value: str) -> None:
    assert safe_next(value, "/jupyterlab/") == "/jupyterlab/"


def test_the_prefix_itself_and_what_is_below_it_are_kept() -> None:
    assert safe_next("/jupyterlab", "/jupyterlab/") == "/jupyterlab"
    assert safe_next("/jupyterlab/lab", "/jupyterlab/") == "/jupyterlab/lab"


def test_a_token_does_not_get_into_a_location() -> None:
    assert safe_next("/lab?token=SECRET", "/") == "/lab"
    assert without_secrets("/lab", "a=1&token=SECRET&b=") == "/lab?a=1&b="
    assert without_secrets("/lab", "a=%2F") == "/lab?a=%2F"


def test_what_is_too_long_to_be_taken_is_not_carried_along() -> None:
    assert next_of("/lab/x", "a=1&token=SECRET", "/") == "/lab/x?a=1"
    assert next_of("/" + "a" * 2048, "", "/team/") == "/team/"


@settings(max_examples=2000, deadline=None)
@given(st.text(alphabet="/\\.%2eE@:?#&=;abtx \t\r\n\x00é", max_size=24))
def test_whatever_is_given_the_result_is_on_this_server(value: str) -> None:
    result = safe_next(value, "/base/")
    resolved = urlsplit(urljoin("http://here.example/base/login", result))
    assert resolved.netloc == "here.example"
    assert resolved.path == "/base" or resolved.path.startswith("/base/")
    assert "\n" not in result
    assert "\r" not in result
