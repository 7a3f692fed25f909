"""pytest-jupyter's fixtures, with our login in the server and a cookie in the client."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import profiles
from tornado.httputil import HTTPHeaders
from traitlets.config import Config

from jupyter_totp_auth import wiring
from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.model import Issued, Origin, Role
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.wiring import Services, build

COOKIE = "signed-in"
PAIR = "a-pair-for-jupyters-own-handlers"
PASSWORD = "correct horse battery staple 1"


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Hundreds of servers are made, and none of them is attacked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "Hasher", lambda: Hasher(profiles.CHEAPEST))
        yield


@pytest.fixture(scope="session")
def totp_store(tmp_path_factory: pytest.TempPathFactory, cheap_hashes: None) -> Path:
    """A data folder with a store and one account, to be copied."""
    data = tmp_path_factory.mktemp("totp-store")
    settings = TotpAuth(
        database_url=f"sqlite:///{data}/totp/totp.sqlite3", key_file=f"{data}/totp-key/keyring"
    )
    services = build(settings)
    services.accounts.add("ada", Role.ADMIN, actor="tests", password=PASSWORD)
    services.close()
    return data


@pytest.fixture
def totp_bearer() -> list[str]:
    """The login cookie's value, once there is a server."""
    return []


@pytest.fixture
def jp_configurable_serverapp(
    jp_configurable_serverapp: Callable[..., Any],
    jp_server_config: Any,
    jp_environ: Any,
    jp_data_dir: Path,
    totp_store: Path,
    totp_bearer: list[str],
) -> Iterator[Callable[..., Any]]:
    """Servers with our provider, and a login in each."""
    started: list[Any] = []

    def start(config: Any = jp_server_config, **kwargs: Any) -> Any:
        ours = Config(config)
        ours.ServerApp.identity_provider_class = "jupyter_totp_auth.TotpIdentityProvider"
        ours.TotpAuth.cookie_name = COOKIE
        if not (jp_data_dir / "totp").exists():
            shutil.copytree(totp_store, jp_data_dir, dirs_exist_ok=True)
        app = jp_configurable_serverapp(config=ours, **kwargs)
        started.append(app)
        totp_bearer[:] = [signed_in(app.identity_provider.services)]
        return app

    yield start
    for app in started:
        app.identity_provider.services.close()


@pytest.fixture
def jp_auth_header(jp_serverapp: Any, totp_bearer: list[str]) -> dict[str, str]:
    """What signs a request in: cookies, instead of Jupyter's token."""
    return {"Cookie": cookies(totp_bearer), "X-XSRFToken": PAIR}


@pytest.fixture
def http_server_client(http_server_client: Any, totp_bearer: list[str], jp_http_port: int) -> Any:
    """Requests carry the cookies, and what a page of the server would send."""
    plain = http_server_client.fetch

    def fetch(path: str, **kwargs: Any) -> Any:
        sent = as_our_page(kwargs.pop("headers", None), totp_bearer, f"http://127.0.0.1:{jp_http_port}")
        return plain(path, headers=sent, **kwargs)

    http_server_client.fetch = fetch
    return http_server_client


@pytest.fixture
def jp_ws_fetch(
    jp_ws_fetch: Callable[..., Any], totp_bearer: list[str], jp_http_port: int
) -> Callable[..., Any]:
    """Sockets do, too."""

    def fetch(*parts: str, headers: Any = None, **kwargs: Any) -> Any:
        sent = as_our_page(headers, totp_bearer, f"http://localhost:{jp_http_port}")
        return jp_ws_fetch(*parts, headers=sent, **kwargs)

    return fetch


def signed_in(services: Services) -> str:
    """The bearer of a login, by the flow that binds a phone: it opens with the first code."""
    flow, here = services.enrollment, Origin("127.0.0.1", "jupyter_server's tests")
    begun = flow.start(services.accounts.reset("ada", actor="tests").code, here)
    assert isinstance(begun, Issued), begun
    stage: Any = flow.choose(begun.bearer, typed_name="ada", typed_password=PASSWORD)
    code = totp.code(stage.secret, totp.step_at(services.clock()))
    done = flow.confirm(begun.bearer, typed_code=code, origin=here)
    assert isinstance(done, Issued), done
    return done.bearer


def as_our_page(headers: Any, held: list[str], origin: str) -> HTTPHeaders:
    """The test's own headers, and those of a page of the server."""
    sent = HTTPHeaders(headers or {})
    sent.setdefault("Cookie", cookies(held))
    sent.setdefault("X-XSRFToken", PAIR)
    sent.setdefault("Origin", origin)
    sent.setdefault("Referer", f"{origin}/")
    return sent


def cookies(held: list[str]) -> str:
    """The Cookie header."""
    return "; ".join([f"_xsrf={PAIR}", *(f"{COOKIE}={value}" for value in held)])
