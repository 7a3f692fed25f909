"""I11, I16, I17 and I20: caches on the way, what others see of a person, foreign host names; M16.

I14, I19 and I20 in a real browser are in tests/browser/test_strangers.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.attacks.conftest import Scene
from tests.harness.backstage import cookie_name
from tests.harness.client import PASSWORD, Client
from tests.harness.wire import WEBSOCKET, ask
from tests.services.nginx import Nginx
from tests.services.ports import free_port


@pytest.fixture(scope="module")
def scene(start_scene: Callable[..., Scene]) -> Scene:
    """A lab at port and name; ada and bob are enrolled."""
    scene = start_scene(app="lab", arguments=["--TotpAuth.trusted_proxies=127.0.0.1/32"])
    scene.backstage.enrolled("bob")
    return scene


# -- I11: a proxy that keeps everything ------------------------------------------------------------------------

CACHE = """
    proxy_cache_path cache keys_zone=all:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{server_port};
            proxy_set_header Host 127.0.0.1:{server_port};
            proxy_cache all;
            proxy_cache_key $request_uri;
            proxy_cache_methods GET HEAD;
            proxy_cache_valid any 10m;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
"""
PERSONAL = [
    "login",
    "login/code",
    "enroll",
    "logout",
    "api/totp/me",
    "api/totp/logins",
    "api/me",
    "api/contents",
    "api/contents/mine.txt",
    "api/kernels",
    "api/kernelspecs",
    "files/mine.txt",
    "files/mine.css",
    "view/mine.txt",
    "lab",
    "lab/x.css",
    "lab/tree/x.js",
    "lab/api/settings",
    "api/totp/me/x.css",
    "kernelspecs/python3/logo-64x64.png",
    "static/favicons/favicon.ico?v=1",
    "nothing/x.css",
]


def test_I11_a_proxy_that_keeps_everything_keeps_nothing_of_a_person(
    scene: Scene, start_nginx: Callable[..., Nginx]
) -> None:
    port = free_port()
    start_nginx(CACHE.format(port=port, server_port=scene.server.port), port=port)
    for name in ("mine.txt", "mine.css"):
        (scene.server.root / name).write_text("ada's own words")

    def ask_proxy(path: str, client: Client | None) -> tuple[int, str, str]:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        cookie = "" if client is None else f"{cookie_name(client.url)}={client.login_cookie}"
        connection.request("GET", f"/{path}", headers={"Cookie": cookie})
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, answer.headers["X-Cache"], body

    people = {"ada": scene.signed_in("ada"), "bob": scene.signed_in("bob"), "nobody": None}
    for path in PERSONAL:
        for who, client in [*people.items(), *people.items()]:
            status, cached, body = ask_proxy(path, client)
            assert cached != "HIT", (path, who)
            assert status < 500, (path, who)
            if who == "nobody" and not path.startswith(("login", "enroll", "logout")):
                assert status in (302, 403), (path, status)
            if who != "ada":
                assert '"ada"' not in body, (path, who)
    # The proxy does keep what may be kept: else the above would show nothing.
    script = "login/static/page.js?v=1"
    assert [ask_proxy(script, None)[1] for _ in range(3)][-1] in ("HIT", "REVALIDATED", "MISS", "EXPIRED")


def test_I11_every_answer_behind_a_login_says_that_it_is_private(scene: Scene) -> None:
    (scene.server.root / "mine.css").write_text("x")
    member = scene.signed_in()
    for path in PERSONAL:
        said = member.get(path).headers.get("Cache-Control", "")
        assert any(word in said for word in ("private", "no-store", "no-cache")), (path, said)
        assert "public" not in said, (path, said)
        assert member.get(path).headers["Cross-Origin-Resource-Policy"] == "same-origin", path


# -- I16: what others see of a person ---------------------------------------------------------------------------

PICTURES = [
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://evil.example/a.png",
    "x" * 10_000,
]
COLORS = [
    "red;background:url(https://evil.example)",
    "url(javascript:alert(1))",
    "expression(alert(1))",
    "var(--x)",
    "red}body{display:none",
    "</style><script>",
    "#12345",
    "#gggggg",
    "rgb(1,2,3)",
    "x" * 1_000,
]


def test_I16_a_profile_takes_no_picture_no_style_and_no_other_name(scene: Scene) -> None:
    member = scene.signed_in()
    before = member.get("api/totp/me").json()
    attempts: list[dict[str, Any]] = [
        *({"avatar_url": picture} for picture in PICTURES),
        *({"color": color} for color in COLORS),
        *({name: "eve"} for name in ("username", "name", "role", "id", "hub", "permissions")),
        {"display_name": ["x"]},
        {"display_name": "x", "username": "eve"},
    ]
    for fields in attempts:
        for path in ("api/totp/me", "api/me"):
            answer = member.request("PATCH", path, json=fields)
            assert answer.status_code == 400, (path, fields, answer.text)
    assert member.request("PATCH", "api/totp/me", json={"display_name": "x" * 1_000_000}).status_code == 413
    for text in ("x" * 5_000, "a\nb", "a\u202eb", "\x1b[31m"):
        changed = member.request("PATCH", "api/totp/me", json={"display_name": text, "initials": text})
        assert changed.status_code == 200
        assert len(changed.json()["display_name"]) <= 64
        assert len(changed.json()["initials"]) <= 4
        assert changed.json()["display_name"].isprintable()
    kept = {"display_name": before["display_name"], "initials": before["initials"]}
    assert member.request("PATCH", "api/totp/me", json=kept).status_code == 200
    after = member.get("api/totp/me").json()
    assert {**after, "login": None} == {**before, "login": None}
    identity = member.get("api/me").json()["identity"]
    assert (identity["username"], identity["avatar_url"]) == ("ada", None)


# -- I17: names of others ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def remote(start_scene: Callable[..., Scene]) -> Scene:
    """A server that may be reached from elsewhere, under one name."""
    arguments = ["--ServerApp.allow_remote_access=True", "--TotpAuth.allowed_hosts=jupyter.example"]
    return start_scene(lean=True, arguments=arguments)


def test_I17_a_rebound_name_reaches_nothing_with_or_without_a_login(remote: Scene) -> None:
    member = remote.signed_in()
    cookie = {"Cookie": f"{cookie_name(member.url)}={member.login_cookie}; _xsrf={member.xsrf}"}
    pair = {**cookie, "X-XSRFToken": member.xsrf}
    body = json.dumps({"username": "ada", "password": PASSWORD, "code": "123456"}).encode()
    for host in (
        "evil.example",
        f"evil.example:{remote.server.port}",
        "jupyter.example.evil.example",
        "evil.example.",
    ):
        own = {"Host": host, "Origin": f"http://{host}"}
        for method, path, headers in (
            ("GET", "login", {}),
            ("GET", "api/totp/health", {}),
            ("GET", "api/contents", cookie),
            ("POST", "api/kernels", pair),
            ("POST", "api/totp/login", {"Content-Type": "application/json", **pair}),
            ("GET", "api/events/subscribe", {**cookie, **WEBSOCKET}),
        ):
            reply = ask(remote.server, method, path, {**own, **headers}, body if method == "POST" else None)
            assert (reply.status, reply.json()["reason"]) == (403, "host"), (host, path)
            assert reply.cookies == [], (host, path)
    assert ask(remote.server, "GET", "login", {"Host": "jupyter.example"}).status == 200
    assert member.get("api/kernels").json() == []


# -- M16: what an error tells ---------------------------------------------------------------------------------------


def test_M16_no_error_tells_of_the_inside(scene: Scene) -> None:
    member = scene.signed_in()
    inside = (
        "Traceback",
        'File "',
        "sqlite",
        "sqlalchemy",
        "SELECT",
        str(scene.server.home),
        "site-packages",
        ".py",
    )
    for method, path, body in (
        ("GET", "api/totp/nothing", None),
        ("GET", "api/totp/events?before=x", None),
        ("DELETE", "api/totp/logins/zz", None),
        ("PUT", "api/totp/me", {}),
        ("PATCH", "api/totp/me", {"color": {}}),
        ("POST", "api/totp/accounts", {"username": "\x00"}),
        ("POST", "login", None),
        ("GET", "login/static/nothing", None),
        ("GET", "login/static/%2e%2e/%2e%2e/account_api.py", None),
        ("POST", "enroll/phone", None),
        ("FOO", "login", None),
        ("POST", "api/totp/login", {"username": "\ud800"}),
    ):
        for client in (member, scene.client()):
            answer = client.request(method, path, json=body)
            assert 300 <= answer.status_code < 500, (method, path)
            shown = answer.text.replace(scene.server.url, "")
            assert not [word for word in inside if word in shown and f"/{word}" not in path], (
                method,
                path,
                shown,
            )
