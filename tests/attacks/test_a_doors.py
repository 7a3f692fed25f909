"""Group A: every door. Default deny, and no other way in (R1, R2, R4)."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import websocket
from jupyter_server.auth.security import passwd

from jupyter_totp_auth.web.routes import public_routes
from tests.attacks.conftest import Scene
from tests.harness.backstage import put_login, wait_until
from tests.harness.client import PASSWORD, Client, parse_form
from tests.harness.extensions.doors import SECRET
from tests.harness.lean import lean
from tests.harness.regexes import example_of
from tests.harness.server import JupyterServer
from tests.harness.wire import (
    FORM,
    READS,
    SOCKETS,
    WEBSOCKET,
    WRITES,
    Reply,
    ask,
    assert_all_denied,
    assert_denied,
    own_origin,
)

GOLDEN = Path(__file__).with_name("public_routes.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def scene(start_scene: Callable[..., Scene]) -> Scene:
    """JupyterLab with an extension full of careless doors; ada is enrolled, nobody is signed in."""
    return start_scene(extensions=["doors"])


@pytest.fixture(scope="module")
def routes(scene: Scene) -> list[str]:
    """The pattern of every rule of the running server."""
    place = scene.server.home / "routes"
    wait_until(place.exists, 20, "the list of routes")
    patterns = [line.split("\t")[0] for line in place.read_text().splitlines()]
    assert len(patterns) > 80
    return patterns


def is_golden(path: str) -> bool:
    return any(re.fullmatch(pattern, path.removeprefix("/")) for pattern in GOLDEN)


# ── A01 ──────────────────────────────────────────────────────────────────────────────────────────


def test_a01_the_list_of_public_routes_is_the_one_that_was_reviewed() -> None:
    assert [route.pattern for route in public_routes()] == GOLDEN


def test_a01_the_command_line_prints_that_list(scene: Scene) -> None:
    printed = scene.server.totp("routes", "--public")
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.splitlines() == GOLDEN


def test_a01_every_probe_is_denied_without_a_cookie(scene: Scene) -> None:
    assert_all_denied(scene.server)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a01_every_route_of_the_running_server_is_denied_but_the_golden_list(
    scene: Scene, routes: list[str], method: str
) -> None:
    denied = 0
    for pattern in routes:
        path = example_of(pattern)
        reply = ask(scene.server, method, path if path.startswith("/") else f"/{path}")
        if not is_golden(path):
            assert_denied(reply, f"{method} {path} ({pattern})")
            denied += 1
    assert denied > 80


def test_a01_no_route_of_the_running_server_gives_a_stranger_a_socket(
    scene: Scene, routes: list[str]
) -> None:
    headers = {**WEBSOCKET, "Origin": own_origin(scene.server.url)}
    for pattern in routes:
        path = example_of(pattern)
        reply = ask(scene.server, "GET", path if path.startswith("/") else f"/{path}", headers)
        assert reply.status != 101, path
        if not is_golden(path):
            assert_denied(reply, f"WS {path}")
            assert reply.status == 403, path


@pytest.mark.parametrize("pattern", GOLDEN)
def test_a01_every_golden_route_is_answered_to_a_stranger(scene: Scene, pattern: str) -> None:
    reply = ask(scene.server, "GET", example_of(pattern))
    assert reply.status in (200, 303, 405), reply.status


def test_a01_a_public_path_is_not_public_with_another_extensions_handler(scene: Scene) -> None:
    assert_denied(ask(scene.server, "GET", "login/static/page.js"), "a raw handler in our script's place")
    assert "raw" not in scene.ran


@pytest.mark.parametrize(
    "path",
    [
        "login/",
        "login/x",
        "login/backdoor",
        "login/code/x",
        "login/../api/contents",
        "login/static/../../api/contents",
        "login/static/page.css/x",
        "login/static/..%2f..%2fidentity.py",
        "login%2fcode",
        "logout/",
        "enroll/x",
        "api/totp/",
        "api/totp/me",
        "api/totp/health/more",
        "api/totp/health/../me",
        "favicon.ico/x",
        "robots.txt%00",
        "static/favicon.ico",
        "/login/api/contents",
        "//login",
        "login;x=/api/contents",
        "LOGIN",
        "login%0a",
        "login%7f",
    ],
)
def test_a01_what_only_looks_like_a_public_path_is_denied(scene: Scene, path: str) -> None:
    assert_denied(ask(scene.server, "GET", path), path)


# ── A02, A03, A04 ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path", ["raw/http", "raw/own-prepare", "raw/undecorated", "raw/undecorated-api", "raw/late"]
)
def test_a02_a_handler_of_another_extension_never_runs_for_a_stranger(
    scene: Scene, routes: list[str], path: str
) -> None:
    assert f"/{path}" in [pattern.removesuffix("$") for pattern in routes]
    before = scene.ran
    assert_denied(ask(scene.server, "GET", path), path)
    assert scene.ran == before
    # It is there, and runs for a person: the test would notice if it were not guarded.
    answer = scene.signed_in().get(path)
    assert (answer.status_code, SECRET in answer.text) == (200, True)
    assert scene.ran != before


def test_a02_a_door_that_is_made_while_people_work_is_theirs_at_once_and_no_strangers(scene: Scene) -> None:
    ada, path = scene.signed_in(), "raw/opens-later"
    assert ada.get(path).status_code == 404
    assert ada.get("raw/opens").status_code == 200
    before = scene.ran
    assert_denied(ask(scene.server, "GET", path), path)
    assert scene.ran == before
    assert SECRET in ada.get(path).text


@pytest.mark.parametrize("path", ["raw/socket", "raw/late-socket", "raw/lsp/ws/x"])
def test_a03_a_raw_socket_of_another_extension_never_opens_for_a_stranger(
    scene: Scene, routes: list[str], path: str
) -> None:
    before = scene.ran
    for origin in (own_origin(scene.server.url), None):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            scene.client().socket(path, origin=origin)
        assert refused.value.status_code == 403
    assert scene.ran == before
    opened = scene.signed_in().socket(path)
    assert opened.recv() == "hello"
    opened.close()


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--ServerApp.allow_unauthenticated_access=True"], {}),
        ([], {"JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": "true"}),
        ([], {"JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": "yes"}),
        ([], {"JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": "1"}),
    ],
)
def test_a04_access_without_authentication_is_refused_at_the_start_or_changes_nothing(
    tmp_path: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    server = lean(tmp_path, arguments=arguments, environment=environment, extensions=["doors"])
    if environment.get("JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS") == "1":
        with server:  # a word that Jupyter does not read as true
            assert_denied(ask(server, "GET", "raw/undecorated"), "undecorated")
            assert_denied(ask(server, "GET", "raw/undecorated-api"), "undecorated api")
        return
    assert server.run_to_the_end() != 0
    assert "allow_unauthenticated_access" in server.log.lower()
    assert "Remove it." in server.log


# ── A05, A07: stock tokens and passwords ─────────────────────────────────────────────────────────

STOCK = "the-stock-secret"


def assert_opens_nothing(server: JupyterServer, secret: str) -> None:
    """The secret as a token in every place, and as the password of the form."""
    assert_all_denied(server, query=f"?token={secret}")
    for scheme in ("token", "Token", "Bearer", "bearer"):
        assert_all_denied(server, {"Authorization": f"{scheme} {secret}"})
    client = Client(server.url)
    for name in ("", "ada"):
        page = client.follow(client.first_factor(name, secret))
        assert "/login/code" in page.url  # whatever it was
        answer = client.post_form(page, {"code": "000000"})
        assert answer.status_code == 401
    # The stock form has only this field.
    answer = client.post_form(client.get("login"), {"password": secret})
    assert client.login_cookie is None
    assert not client.is_signed_in()
    token_login = client.get("login", params={"token": secret})
    assert "Set-Cookie" not in token_login.headers


def test_a05_a_token_in_the_environment_opens_nothing(tmp_path: Path) -> None:
    with lean(tmp_path, environment={"JUPYTER_TOKEN": STOCK}) as server:
        assert "JUPYTER_TOKEN is set. It opens nothing here" in server.log
        assert_opens_nothing(server, STOCK)
        runtime = list((tmp_path / "runtime").glob("jpserver-*.json"))
        assert len(runtime) == 1
        assert json.loads(runtime[0].read_text())["token"] == ""
        assert STOCK not in server.log


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("IdentityProvider.token", STOCK),
        ("ServerApp.token", STOCK),
        ("PasswordIdentityProvider.hashed_password", passwd(STOCK)),
        ("IdentityProvider.hashed_password", passwd(STOCK)),
        ("ServerApp.password", passwd(STOCK)),
        ("TotpIdentityProvider.token", STOCK),
    ],
)
def test_a07_a_stock_secret_in_the_configuration_is_named_and_opens_nothing(
    tmp_path: Path, option: str, value: str
) -> None:
    with lean(tmp_path, arguments=[f"--{option}={value}"]) as server:
        assert f"{option} is set. It opens nothing here" in server.log
        assert_opens_nothing(server, STOCK)


def test_a07_a_token_file_is_named_and_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(STOCK)
    with lean(tmp_path, environment={"JUPYTER_TOKEN_FILE": str(file)}) as server:
        assert "JUPYTER_TOKEN_FILE is set. It opens nothing here" in server.log
        assert_all_denied(server, query=f"?token={STOCK}")
        assert_all_denied(server, {"Authorization": f"token {STOCK}"})


# ── A08, A10, A11, A13 ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("option", "handler"),
    [
        ("ServerApp.login_handler_class", "jupyter_server.auth.login.LegacyLoginHandler"),
        ("ServerApp.logout_handler_class", "jupyter_server.auth.logout.LogoutHandler"),
        ("IdentityProvider.login_handler_class", "jupyter_server.auth.login.LegacyLoginHandler"),
        ("TotpIdentityProvider.logout_handler_class", "jupyter_server.auth.logout.LogoutHandler"),
    ],
)
def test_a08_a_legacy_login_handler_ends_the_start(tmp_path: Path, option: str, handler: str) -> None:
    server = lean(tmp_path, arguments=[f"--{option}={handler}"])
    assert server.run_to_the_end() != 0
    assert f"not starting. {option} would replace the two-factor login" in server.log
    assert "LegacyIdentityProvider" not in server.log


OURS = "c.ServerApp.identity_provider_class = 'jupyter_totp_auth.TotpIdentityProvider'\n"


BROKEN = "def broken(:\n"


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("jupyter_totp_auth.py", "raise ModuleNotFoundError('uninstalled')\n", {"config": OURS}),
        ("jupyter_totp_auth/__init__.py", "", {"config": OURS}),
        # Jupyter drops a whole configuration file over anything but an ImportError, and goes on. Two
        # ways of naming the provider hold against that too.
        ("jupyter_totp_auth/__init__.py", BROKEN, {"arguments": [f"--{OURS[2:].strip()}".replace(" ", "")]}),
        (
            "jupyter_totp_auth/__init__.py",
            BROKEN,
            {"config": OURS, "environment": {"TRAITLETS_APPLICATION_RAISE_CONFIG_FILE_ERROR": "1"}},
        ),
    ],
)
def test_a10_an_unimportable_package_that_is_named_as_the_login_ends_the_start(
    tmp_path: Path, name: str, text: str, options: dict[str, Any]
) -> None:
    shadow = tmp_path / "shadow" / name
    shadow.parent.mkdir(parents=True)
    shadow.write_text(text)
    environment = {**options.get("environment", {}), "PYTHONPATH": str(tmp_path / "shadow")}
    server = lean(tmp_path, **{**options, "environment": environment})
    assert server.run_to_the_end() != 0


def test_a11_the_login_stands_without_the_server_extension(tmp_path: Path) -> None:
    arguments = ["--ServerApp.jpserver_extensions=jupyter_totp_auth=False"]
    with lean(tmp_path, config=OURS, extensions=["doors"], arguments=arguments) as server:
        assert "jupyter_totp_auth | extension was successfully l" not in server.log
        assert_all_denied(server)
        assert_denied(ask(server, "GET", "raw/http"), "raw")
        client = Client(server.url)
        client.enroll(server.setup_code())
        assert client.is_signed_in()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--ServerApp.disable_check_xsrf=True"], "ServerApp.disable_check_xsrf"),
        (
            ["--ServerApp.allow_origin=*", "--ServerApp.allow_credentials=True"],
            "ServerApp.allow_origin='*' with allow_credentials",
        ),
        (
            ["--ServerApp.allow_origin_pat=.*", "--ServerApp.allow_credentials=True"],
            "Every origin is allowed to send credentials",
        ),
    ],
)
def test_a13_a_setting_that_lets_other_sites_act_ends_the_start(
    tmp_path: Path, arguments: list[str], named: str
) -> None:
    server = lean(tmp_path, arguments=arguments)
    assert server.run_to_the_end() != 0
    assert f"jupyter_totp_auth: not starting. {named}" in server.log


# ── A14, A16, A17, A19, A20 ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO", "get", "CONNECT"]
)
def test_a14_no_method_opens_a_door(scene: Scene, method: str) -> None:
    before = scene.ran
    xsrf = {"Cookie": "_xsrf=x", "X-XSRFToken": "x", "Origin": own_origin(scene.server.url)}
    body = None if method in ("HEAD", "OPTIONS", "TRACE") else b"{}"
    for path in [*READS, *WRITES, *SOCKETS, "raw/http", "raw/late"]:
        assert_denied(ask(scene.server, method, path, xsrf, body), f"{method} {path}")
    assert scene.ran == before
    person = scene.signed_in()
    assert person.get("api/kernels").json() == []
    assert person.get("api/terminals").json() == []


@pytest.fixture(scope="module")
def below(start_scene: Callable[..., Scene]) -> Scene:
    """A server under a prefix."""
    return start_scene(lean=True, base_url="/a/b/", extensions=["doors"])


@pytest.mark.parametrize(
    "target",
    [
        "/api/contents",
        "/a/api/contents",
        "/a/b/../b/api/contents",
        "/a/b/login/../api/contents",
        "/a/b//api/contents",
        "//a/b/api/contents",
        "/a/b/%2e%2e/b/api/contents",
        "/a/b/./api/contents",
        "/A/B/api/contents",
        "/a%2fb/api/contents",
        "/login",
        "/a/login",
        "/a/blogin",
        "/a/b",
        "/",
    ],
)
def test_a16_no_spelling_of_a_path_gets_round_the_prefix(below: Scene, target: str) -> None:
    assert_denied(ask(below.server, "GET", target), target, base_url="/a/b/")


@pytest.mark.parametrize("place", ["scene", "below"])
def test_a01_a16_favicon_and_robots_are_answered_with_and_without_a_prefix(
    place: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(place).server
    icon, robots = (ask(server, "GET", path) for path in ("favicon.ico", "robots.txt"))
    assert (icon.status, icon.body[:4]) == (200, b"\0\0\1\0")
    assert (robots.status, robots.body) == (200, b"User-agent: *\nDisallow: /\n")


def test_a16_below_a_prefix_the_login_answers_and_nothing_else(below: Scene) -> None:
    assert ask(below.server, "GET", "login").status == 200
    assert_all_denied(below.server)


@pytest.mark.parametrize(
    "header",
    [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
        "X-Original-Path",
        "X-HTTP-Method-Override",
        "X-Forwarded-User",
        "X-Remote-User",
        "Remote-User",
        "X-Scheme",
    ],
)
@pytest.mark.parametrize("value", ["/login", "login", "ada"])
def test_a17_no_header_of_a_proxy_names_another_path_or_person(scene: Scene, header: str, value: str) -> None:
    for path in ("api/contents", "lab", "raw/http"):
        assert_denied(ask(scene.server, "GET", path, {header: value}), f"{header} {path}")


def test_a19_no_header_carries_a_password_or_a_code(scene: Scene) -> None:
    code = scene.ada.phone.code()
    before = scene.backstage.counted()
    for given in (PASSWORD, PASSWORD + code, f"{PASSWORD}:{code}", code):
        basic = base64.b64encode(f"ada:{given}".encode()).decode()
        for headers in (
            {"Authorization": f"Basic {basic}"},
            {"Authorization": f"basic {basic}", "X-Gitea-OTP": code},
            {"Authorization": f"Basic {basic}", "X-TOTP": code, "X-GitHub-OTP": code},
            {"Authorization": f"Bearer {given}"},
            {"Authorization": f"token {given}"},
            {"Proxy-Authorization": f"Basic {basic}"},
        ):
            for path in ("api/contents", "api/me", "lab", "api/totp/me"):
                assert_denied(ask(scene.server, "GET", path, headers), str(headers))
            assert_denied(ask(scene.server, "POST", "api/kernels", headers, b"{}"), str(headers))
    assert scene.backstage.counted() == before


def test_a19_a_login_bearer_counts_nowhere_but_in_its_cookie(scene: Scene) -> None:
    bearer = scene.backstage.open_login("ada").text
    client = Client(scene.server.url)
    put_login(client, bearer)
    assert client.is_signed_in()
    for scheme in ("token", "Bearer"):
        assert_all_denied(scene.server, {"Authorization": f"{scheme} {bearer}"})
    assert_all_denied(scene.server, query=f"?token={bearer}")
    assert_all_denied(scene.server, {"Cookie": f"username-127-0-0-1-{scene.server.port}={bearer}"})


def test_a20_metrics_are_not_for_strangers(scene: Scene) -> None:
    assert_denied(ask(scene.server, "GET", "metrics"), "metrics")
    answer = scene.signed_in().get("metrics")
    assert "terminal_currently_running" in answer.text


def test_a20_metrics_open_to_a_scraper_only_where_the_route_is_named(
    start_scene: Callable[..., Scene],
) -> None:
    opened = ["--ServerApp.authenticate_prometheus=False", "--TotpAuth.public_routes=metrics"]
    scene = start_scene(lean=True, arguments=opened, extensions=["doors"])
    reply = ask(scene.server, "GET", "metrics")
    assert (reply.status, b"terminal_currently_running" in reply.body) == (200, True)
    for path in ("api/contents", "metrics/x", "raw/http"):
        assert_denied(ask(scene.server, "GET", path), path)


# ── A22, A23 ─────────────────────────────────────────────────────────────────────────────────────


def test_a22_the_same_holds_on_a_unix_socket(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("sock")
    with lean(home, sock=home / "x.sock", extensions=["doors"]) as server:
        wait_until(lambda: ask(server, "GET", "api/totp/health").status == 200, 20, "the server")
        assert_all_denied(server)
        assert_denied(ask(server, "GET", "raw/http"), "raw")
        # The peer of a Unix socket is nobody's proxy unless `unix` is named.
        assert_all_denied(server, {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"})
        login = ask(server, "GET", "login")
        assert login.status == 200
        assert not any("__Host-" in cookie for cookie in login.cookies)


def test_a23_a_disabled_account_is_out_at_once(scene: Scene) -> None:
    bob = scene.backstage.enrolled("bob")
    client = scene.client()
    client.log_in(bob)
    accounts = scene.backstage.services.accounts
    accounts.set_disabled("bob", disabled=True, actor="operator")
    wait_until(lambda: not client.is_signed_in(), 2, "the end of the login")
    cookie = {"Cookie": f"{client.cookie_name('-login-')}={client.login_cookie}"}
    assert_all_denied(scene.server, cookie)
    # And cannot come back in, with everything right.
    stranger = scene.client()
    page = stranger.follow(stranger.first_factor("bob"))
    assert stranger.post_form(page, {"code": bob.recovery_codes.pop()}).status_code == 401
    accounts.set_disabled("bob", disabled=False, actor="operator")
    assert_all_denied(scene.server, cookie)  # opening the account again revives no login


# ── A25, A26 ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["api", "api/", "api/status", "api/spec.yaml", "api/security/csp-report"])
def test_a25_no_version_before_the_login(scene: Scene, path: str) -> None:
    assert_denied(ask(scene.server, "GET", path), path)


@pytest.mark.parametrize(
    "path",
    [
        "login",
        "login/code",
        "logout",
        "enroll",
        "login/static/page.css",
        "login/static/page.js",
        "robots.txt",
        "api/totp/health",
        "api/contents",
        "lab",
        "no/such/page",
    ],
)
def test_a25_no_answer_to_a_stranger_names_the_server_software(scene: Scene, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        reply = ask(scene.server, method, path)
        assert reply.headers["Server"] is None, f"{method} {path}: {reply.headers['Server']}"
        assert b"tornado" not in reply.body.lower(), path


@pytest.mark.parametrize(
    "target",
    [
        "/api/contents/../rootx/secret.txt",
        "/api/contents/%2e%2e/rootx/secret.txt",
        "/api/contents/..%2frootx%2fsecret.txt",
        "/files/../rootx/secret.txt",
        "/files/%2e%2e/rootx/secret.txt",
        "/files/..%2frootx/secret.txt",
        "/view/..%2frootx/secret.txt",
        "/files/..%2fdata%2ftotp%2ftotp.sqlite3",
        "/api/contents/..%2fdata%2ftotp-key%2fkeyring",
    ],
)
def test_a26_a_sibling_of_the_notebook_folder_stays_out_of_reach(scene: Scene, target: str) -> None:
    sibling = scene.server.home / "rootx"
    sibling.mkdir(exist_ok=True)
    (sibling / "secret.txt").write_text(SECRET)
    (scene.server.root / "mine.txt").write_text("mine")
    person = scene.signed_in()
    headers = {
        "Cookie": f"{person.cookie_name('-login-')}={person.login_cookie}",
        "Referer": scene.server.url,  # files are served to our own pages only
    }
    assert b"mine" in ask(scene.server, "GET", "/files/mine.txt", headers).body
    reply = ask(scene.server, "GET", target, headers)
    # Jupyter's file handlers say 403 to whatever is outside, there or not.
    assert reply.status in ((404,) if "/api/" in target else (403, 404)), reply.status
    assert SECRET.encode() not in reply.body
    assert b"SQLite" not in reply.body


# ── bodies of strangers (R34, X6) ────────────────────────────────────────────────────────────────

MEGABYTE = 1024 * 1024


@contextmanager
def memory_growth(pid: int) -> Iterator[Callable[[], int]]:
    """How far (bytes) the process's memory rose above where it was, at its highest."""
    status, clear = Path(f"/proc/{pid}/status"), Path(f"/proc/{pid}/clear_refs")

    def read(name: str) -> int:
        line = next(line for line in status.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) * 1024

    clear.write_text("5")  # the high-water mark falls to what is in use now
    before = read("VmRSS:")
    yield lambda: read("VmHWM:") - before


def post_large(server: JupyterServer, path: str, size: int) -> Reply:
    """A form of ``size`` bytes, sent as a browser sends it: to its end, then the answer is read."""
    headers = {"Content-Type": FORM, "Origin": own_origin(server.url)}
    return ask(server, "POST", path, headers, b"password=" + b"x" * (size - 9))


@pytest.mark.parametrize(
    "path", ["login", "login/code", "logout", "enroll", "enroll/account", "api/totp/login"]
)
def test_a_large_body_of_a_stranger_is_answered_with_413(scene: Scene, path: str) -> None:
    reply = post_large(scene.server, path, 5 * MEGABYTE)
    assert reply.status == 413
    assert reply.json()["reason"] == "too-large"


@pytest.mark.parametrize("path", ["login", "api/contents", "raw/body", "no/such/page"])
def test_large_bodies_of_strangers_take_no_memory(scene: Scene, path: str) -> None:
    assert scene.server.process is not None
    replies: list[Reply] = []
    with memory_growth(scene.server.process.pid) as growth:
        senders = [
            threading.Thread(target=lambda: replies.append(post_large(scene.server, path, 30 * MEGABYTE)))
            for _ in range(4)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(60)
        assert growth() < 30 * MEGABYTE
    assert [reply.status for reply in replies] == [413 if path == "login" else 403] * 4
    assert not any(line.startswith("body") for line in scene.ran)


@pytest.mark.parametrize("path", ["login", "enroll", "login/code", "api/totp/login"])
def test_a_body_of_16_kib_is_taken_and_one_byte_more_is_not(scene: Scene, path: str) -> None:
    assert post_large(scene.server, path, 16 * 1024).status not in (400, 413)
    assert post_large(scene.server, path, 16 * 1024 + 1).status == 413


def test_a_body_of_32_kib_is_taken_where_a_password_is_set(scene: Scene) -> None:
    assert post_large(scene.server, "enroll/account", 32 * 1024).status not in (400, 413)
    assert post_large(scene.server, "enroll/account", 32 * 1024 + 1).status == 413


def chunked(server: JupyterServer, path: str, chunks: int, size: int = 4096) -> bytes:
    """A POST without a Content-Length; everything that came back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        head = [
            f"POST {server.base_url}{path} HTTP/1.1",
            f"Host: localhost:{server.port}",
            f"Content-Type: {FORM}",
            "Transfer-Encoding: chunked",
            "",
            "",
        ]
        wire.sendall("\r\n".join(head).encode())
        piece = f"{size:x}\r\n".encode() + b"x" * size + b"\r\n"
        try:
            for _ in range(chunks):
                wire.sendall(piece)
            wire.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # it hung up: what it said before is what counts
        received = b""
        wire.settimeout(10)
        try:
            while b"\r\n\r\n" not in received and (more := wire.recv(65536)):
                received += more
        except ConnectionResetError:
            pass
        return received


def test_a_chunked_body_that_outgrows_the_limit_is_cut_off_with_400(scene: Scene) -> None:
    assert chunked(scene.server, "login", 3).startswith(b"HTTP/1.1 403")  # 12 KiB: read, and stale
    assert chunked(scene.server, "login", 5).startswith(b"HTTP/1.1 400")  # 20 KiB


def test_a_private_url_is_refused_before_a_stranger_has_sent_the_body(scene: Scene) -> None:
    for path in ("api/contents", "raw/body"):
        with socket.create_connection(("127.0.0.1", scene.server.port), timeout=20) as wire:
            head = f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
            wire.sendall(head.encode() + b"x" * 1000)
            begun = time.monotonic()
            assert wire.recv(65536).startswith(b"HTTP/1.1 403")
            assert time.monotonic() - begun < 2
    assert not any(line.startswith("body") for line in scene.ran)


def test_a_client_that_waits_for_100_continue_is_told_no_instead(scene: Scene) -> None:
    with socket.create_connection(("127.0.0.1", scene.server.port), timeout=20) as wire:
        wire.sendall(
            b"POST /api/contents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert wire.recv(65536).startswith(b"HTTP/1.1 403")


def test_two_requests_in_one_write_are_each_judged_for_themselves(scene: Scene) -> None:
    person = scene.signed_in()
    cookie = f"{person.cookie_name('-login-')}={person.login_cookie}"
    with socket.create_connection(("127.0.0.1", scene.server.port), timeout=20) as wire:
        wire.sendall(
            f"GET /api/contents HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
            "GET /api/contents HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        received = b""
        while more := wire.recv(65536):
            received += more
    assert re.findall(rb"HTTP/1\.1 (\d{3})", received) == [b"200", b"403"]


# ── the whole, with its parts gone ───────────────────────────────────────────────────────────────


def test_the_forms_of_the_harness_are_those_of_the_pages(scene: Scene) -> None:
    form = parse_form(scene.client().get("login"))
    assert {"username", "password", "_xsrf"} <= set(form.fields)


def test_no_row_above_left_the_server_with_an_error(scene: Scene) -> None:
    traces = [line for line in scene.server.log.splitlines() if "Traceback" in line or "[E " in line]
    assert traces == []


def test_A28_kernels_of_a_gateway_are_behind_the_login_too(tmp_path: Path) -> None:
    # Nothing listens there: whoever gets as far as to be forwarded gets a 5xx, which is no DENY.
    arguments = ["--GatewayClient.url=http://127.0.0.1:9"]
    with lean(tmp_path, arguments=arguments) as server:
        assert_all_denied(server)
