"""Around the sessions: requests that other sites cause, where ``next`` may lead, headers, and the log.

Requirements R30 (rows I01, I02, I04), R31 (I07), R32 (I10) and X5 (I08).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests

from tests.attacks.conftest import Scene
from tests.harness.backstage import wait_until
from tests.harness.client import PASSWORD, Client, parse_form
from tests.harness.wire import FORM, ask, own_origin


@pytest.fixture(scope="module")
def scene(start_scene: Callable[..., Scene]) -> Scene:
    """A server at the root of its host; ada and bob are enrolled."""
    scene = start_scene(lean=True)
    scene.backstage.enrolled("bob")
    return scene


@pytest.fixture(scope="module")
def below(start_scene: Callable[..., Scene]) -> Scene:
    """A server under a prefix."""
    return start_scene(lean=True, base_url="/team/hub/")


# ── R30: what another site can cause ─────────────────────────────────────────────────────────────

MADE_UP = "2|aaaaaaaa|cbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcb|1700000000"

FOREIGN: list[dict[str, str]] = [
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://localhost:1"},
    {"Origin": "own.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "own"},
    {"Sec-Fetch-Site": "same-site", "Origin": "own"},
    {"Origin": "https://evil.example", "Referer": "own"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    {"Referer": "https://evil.example/page"},
]
FOREIGN_IDS = [" ".join(f"{name}={value}" for name, value in headers.items()) for headers in FOREIGN]


def sent(scene: Scene, headers: dict[str, str]) -> dict[str, str]:
    own = own_origin(scene.server.url)
    return {
        name: value.replace("own", own) if value.startswith("own") else value
        for name, value in headers.items()
    }


def post(client: Client, path: str, fields: dict[str, str], headers: dict[str, str]) -> requests.Response:
    """A form post with these headers and no others that a browser would add."""
    return client.session.post(
        f"{client.url}{path}", data=fields, headers=headers, timeout=30, allow_redirects=False
    )


def assert_form_again(answer: requests.Response) -> None:
    """403 as a page with its form kept and a sentence, not a bare error."""
    assert answer.status_code == 403
    assert "Please try again." in answer.text
    assert parse_form(answer).fields["_xsrf"]


@pytest.mark.parametrize("headers", FOREIGN, ids=FOREIGN_IDS)
def test_i01_another_site_logs_nobody_in(scene: Scene, headers: dict[str, str]) -> None:
    client = scene.client()
    token = parse_form(client.get("login")).fields["_xsrf"]
    before = scene.backstage.counted()
    fields = {"_xsrf": token, "username": "bob", "password": PASSWORD}
    answer = post(client, "login", fields, sent(scene, headers))
    assert_form_again(answer)
    assert client.cookie("-pending-") is None
    assert scene.backstage.counted() == before


@pytest.mark.parametrize("headers", FOREIGN, ids=FOREIGN_IDS)
def test_i02_another_site_finishes_no_login(scene: Scene, headers: dict[str, str]) -> None:
    client = scene.client()
    page = client.follow(client.first_factor("bob", "wrong on purpose"))
    token = parse_form(page).fields["_xsrf"]
    before, tries = (
        scene.backstage.counted(),
        scene.backstage.rows("SELECT digest, tries_left FROM pending_login"),
    )
    answer = post(client, "login/code", {"_xsrf": token, "code": "000000"}, sent(scene, headers))
    assert_form_again(answer)
    assert scene.backstage.counted() == before
    assert scene.backstage.rows("SELECT digest, tries_left FROM pending_login") == tries
    scene.backstage.services.accounts.unlock("bob", actor="operator")


@pytest.mark.parametrize("headers", FOREIGN, ids=FOREIGN_IDS)
def test_i02_another_site_logs_nobody_out(scene: Scene, headers: dict[str, str]) -> None:
    client = scene.signed_in()
    token = parse_form(client.get("logout")).fields["_xsrf"]
    answer = post(client, "logout", {"_xsrf": token}, sent(scene, headers))
    assert_form_again(answer)
    assert client.is_signed_in()
    # With our own page's headers the very same token does it.
    assert post(client, "logout", {"_xsrf": token}, {"Origin": client.origin}).status_code == 200
    assert not client.is_signed_in()


@pytest.mark.parametrize("headers", FOREIGN, ids=FOREIGN_IDS)
def test_i02_another_site_enrolls_nobody(scene: Scene, headers: dict[str, str]) -> None:
    client = scene.client()
    token = parse_form(client.get("enroll")).fields["_xsrf"]
    before = scene.backstage.counted()
    answer = post(client, "enroll", {"_xsrf": token, "enrollment_code": "x" * 43}, sent(scene, headers))
    assert_form_again(answer)
    assert scene.backstage.counted() == before


@pytest.mark.parametrize("headers", FOREIGN, ids=FOREIGN_IDS)
def test_i02_another_site_uses_no_endpoint_of_the_api(scene: Scene, headers: dict[str, str]) -> None:
    client, other = scene.signed_in(), scene.signed_in()
    mine = client.get("api/totp/me").json()["login"]["id"]
    body = {"username": "ada", "password": PASSWORD, "code": "000000"}
    foreign = {"X-XSRFToken": client.xsrf, **sent(scene, headers)}
    before = scene.backstage.counted()
    for method, path in (
        ("DELETE", "api/totp/logins"),
        ("DELETE", f"api/totp/logins/{mine}"),
        ("POST", "api/totp/login"),
    ):
        answer = client.session.request(method, f"{client.url}{path}", headers=foreign, json=body, timeout=30)
        assert (answer.status_code, answer.json()["reason"]) == (403, "xsrf"), path
    assert scene.backstage.counted() == before
    assert client.is_signed_in()
    assert other.is_signed_in()


def pairs(scene: Scene) -> dict[str, tuple[str | None, str | None]]:
    """Cookie and token of the double submit that must not hold for ada's login, by what is wrong."""
    stranger, bob, old = scene.client(), scene.signed_in("bob"), scene.signed_in()
    stranger.get("login")
    before_log_out = old.xsrf
    old.log_out()
    return {
        "nothing": (None, None),
        "no cookie": (None, scene.signed_in().xsrf),
        "no token": (scene.signed_in().xsrf, None),
        "made up": (MADE_UP, MADE_UP),
        "made up, version 1": ("ab" * 16, "ab" * 16),
        "empty": ("", ""),
        "from before the login": (stranger.xsrf, stranger.xsrf),
        "of somebody else": (bob.xsrf, bob.xsrf),
        "of an ended login": (before_log_out, before_log_out),
        "of two different states": (stranger.xsrf, bob.xsrf),
        "not a token": ("2|", "2|"),
        "binary": ("\x7f\x01", "\x7f\x01"),
        "very long": ("2|" + "a" * 2000, "2|" + "a" * 2000),
    }


@pytest.mark.parametrize("origin", ["own", None])
def test_i02_only_the_pair_of_this_very_login_changes_anything(scene: Scene, origin: str | None) -> None:
    client = scene.signed_in()
    headers = {"Origin": client.origin} if origin else {}
    mine = client.get("api/totp/me").json()["login"]["id"]
    name, value = client.cookie_name("-login-"), client.login_cookie
    wrong = pairs(scene)
    before = scene.backstage.counted()
    for what, (cookie, token) in wrong.items():
        refused = (400, 403) if what == "binary" else (403,)
        jar = f"{name}={value}" + (f"; _xsrf={cookie}" if cookie is not None else "")
        given = {**headers, "Cookie": jar}
        fields = urlencode({} if token is None else {"_xsrf": token}).encode()
        form = {**given, "Content-Type": FORM}
        assert ask(scene.server, "POST", "logout", form, fields).status in refused, what
        api = given if token is None else {**given, "X-XSRFToken": token}
        for path in ("api/totp/logins", f"api/totp/logins/{mine}"):
            reply = ask(scene.server, "DELETE", path, api)
            assert reply.status in refused, what
            assert reply.status == 400 or reply.json()["reason"] == "xsrf", what
        # The token counts in the header or the form, not in the URL.
        query = urlencode({"_xsrf": client.xsrf})
        own_pair = {**headers, "Cookie": f"{name}={value}; _xsrf={client.xsrf}", "Content-Type": FORM}
        assert ask(scene.server, "POST", f"logout?{query}", own_pair, b"").status == 403
    assert scene.backstage.counted() == before
    assert client.is_signed_in()
    right = {**headers, "Cookie": f"{name}={value}; _xsrf={client.xsrf}", "X-XSRFToken": client.xsrf}
    assert ask(scene.server, "DELETE", f"api/totp/logins/{mine}", right).status == 204


@pytest.mark.parametrize(
    "what", ["nothing", "no token", "no cookie", "made up", "of somebody else", "not a token"]
)
def test_i02_a_stranger_needs_a_pair_that_this_server_issued(scene: Scene, what: str) -> None:
    cookie, token = pairs(scene)[what]
    before = scene.backstage.counted()
    headers = {"Origin": own_origin(scene.server.url), "Content-Type": FORM}
    if cookie is not None:
        headers["Cookie"] = f"_xsrf={cookie}"
    fields = {"username": "bob", "password": PASSWORD, "code": "000000", "enrollment_code": "x" * 43}
    body = urlencode(fields if token is None else {**fields, "_xsrf": token}).encode()
    for path in ("login", "login/code", "enroll"):
        assert ask(scene.server, "POST", path, headers, body).status == 403, path
    assert scene.backstage.counted() == before


def test_i04_forms_and_json_each_take_only_their_own_kind(scene: Scene) -> None:
    client = scene.client()
    token = parse_form(client.get("login")).fields["_xsrf"]
    fields = {"_xsrf": token, "username": "bob", "password": PASSWORD}
    before = scene.backstage.counted()
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x", "text/xml", ""):
        headers = {"Origin": client.origin, "Content-Type": kind}
        answer = client.session.post(
            f"{client.url}login", data=urlencode(fields), headers=headers, timeout=30, allow_redirects=False
        )
        assert answer.status_code in ((400,) if "multipart" in kind else (415,)), kind
    document = b'{"username": "bob", "password": "x", "code": "000000"}'
    for kind in ("text/plain", FORM, "", "application/jsonp", "text/json"):
        headers = {"Origin": client.origin, "Content-Type": kind, "X-XSRFToken": client.xsrf}
        answer = client.session.post(
            f"{client.url}api/totp/login", data=document, headers=headers, timeout=30
        )
        assert (answer.status_code, answer.json()["reason"]) == (415, "media-type"), kind
    assert scene.backstage.counted() == before


def test_i02_jupyters_own_endpoints_need_the_pair_too(scene: Scene) -> None:
    client = scene.signed_in()
    cookie = {"Cookie": f"{client.cookie_name('-login-')}={client.login_cookie}"}
    for headers in (
        cookie,
        {**cookie, "Origin": client.origin},
        {**cookie, "Origin": "https://evil.example", "X-XSRFToken": MADE_UP},
        {**cookie, "Referer": "https://evil.example/"},
        {**cookie, "Authorization": "token x"},  # stock: a token request needs no pair
        {**cookie, "X-Requested-With": "XMLHttpRequest"},
    ):
        assert ask(scene.server, "POST", "api/kernels", headers, b"{}").status in (403, 404)
        assert ask(scene.server, "PUT", "api/contents/evil.txt", headers, b"{}").status in (403, 404)
    assert client.get("api/kernels").json() == []
    assert not (scene.server.root / "evil.txt").exists()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_i05_no_other_origin_is_ever_allowed_to_read(scene: Scene, origin: str) -> None:
    client = scene.signed_in()
    for path in ("api/me", "api/contents", "api/totp/me", "login", "enroll", "api/totp/health"):
        for headers in ({"Origin": origin}, {"Origin": origin, "Authorization": "token x"}):
            answer = client.get(path, headers=headers)
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Access-Control-Allow-Credentials" not in answer.headers


# ── R31: where `next` may lead ───────────────────────────────────────────────────────────────────

EVIL = "evil.example"
NASTY = [
    f"//{EVIL}",
    f"///{EVIL}",
    f"////{EVIL}",
    f"/\\{EVIL}",
    f"\\/{EVIL}",
    f"\\\\{EVIL}",
    f"/\\/{EVIL}",
    f"\\{EVIL}",
    f"/\t/{EVIL}",
    f"/\n/{EVIL}",
    f"/\r/{EVIL}",
    f"/\r\n/{EVIL}",
    f"\t//{EVIL}",
    f" //{EVIL}",
    f"\x00//{EVIL}",
    f"\x0b//{EVIL}",
    f"/{chr(0x2028)}/{EVIL}",
    f"\u3000//{EVIL}",
    f"\ufeff//{EVIL}",
    f"/\u200b/{EVIL}",
    f"https://{EVIL}",
    f"https:{EVIL}",
    f"https:/{EVIL}",
    f"https:\\\\{EVIL}",
    f"http://{EVIL}/lab",
    f"HTTPS://{EVIL}",
    f"ht\ttps://{EVIL}",
    f"//{EVIL}/%2e%2e",
    f"/%2e%2e//{EVIL}",
    f"/..//{EVIL}",
    f"/.//{EVIL}",
    f"/%2e//{EVIL}",
    f"/lab/..//{EVIL}",
    f"/lab/%2E%2E//{EVIL}",
    f"/lab/.%2e/%2e./{EVIL}",
    f"/lab//..//{EVIL}",
    f"/%09/{EVIL}",
    f"/%5c{EVIL}",
    f"/%2f{EVIL}",
    f"%2f%2f{EVIL}",
    f"/%0d%0aLocation:%20https://{EVIL}",
    f"/lab\r\nSet-Cookie: a=b\r\n\r\n//{EVIL}",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\x01javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:null",
    f"@{EVIL}",
    f"//user@{EVIL}",
    f"//127.0.0.1@{EVIL}",
    f"//127.0.0.1:80@{EVIL}",
    f"//{EVIL}#@127.0.0.1",
    f"//{EVIL}?127.0.0.1",
    f"//[::1]@{EVIL}",
    "//[::ffff:1.2.3.4]",
    "//127.0.0.1",
    f"/\uff0f{EVIL}",
    f"\uff0f\uff0f{EVIL}",
    f"/\u2044{EVIL}",
    "//\u0435vil.example",
    "//evil\u3002example",
    f"/;//{EVIL}",
    f"/?//{EVIL}",
    f"/#//{EVIL}",
    f";//{EVIL}",
    f"?next=//{EVIL}",
    f"#//{EVIL}",
    "lab",
    "../lab",
    "",
    "/",
    "%",
    "/%",
    "/%zz",
    "/lab?next=https://evil.example",
    f"/login?next=//{EVIL}",
    "/logout",
    "/" + "a" * 5000,
    "/lab\udcff",
]


def resolve(base: str, location: str) -> str:
    """The origin and path where a browser goes (WHATWG URL Standard, the parts that matter here)."""
    text = re.sub(r"[\t\n\r]", "", location.strip("".join(map(chr, range(0x21))))).replace("\\", "/")
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", text)
    if scheme:
        return text
    own, path = re.match(r"(https?://[^/]+)(.*)", base).groups()  # type: ignore[union-attr]
    if text.startswith("//"):
        return "http:" + text
    path = text if text.startswith("/") else re.sub(r"[^/]*$", "", path) + text
    done: list[str] = []
    for segment in re.split(r"[?#]", path)[0].split("/")[1:]:
        plain = re.sub("%2e", ".", segment, flags=re.IGNORECASE)
        if plain == "..":
            del done[-1:]
        elif plain != ".":
            done.append(segment)
    return f"{own}/{'/'.join(done)}"


def query_of(value: str) -> str:
    """``next=…`` with every byte escaped, whatever the value is made of."""
    return "next=" + quote(value.encode("utf-8", "surrogateescape"), safe="")


def assert_stays(scene: Scene, location: str, value: str) -> None:
    base = f"{own_origin(scene.server.url)}{scene.server.base_url}"
    reached = resolve(scene.server.url + "login", location)
    assert (reached + "/").startswith(base), f"{value!r} -> {location!r} -> {reached!r}"
    assert re.fullmatch(r"[!-\[\]-~]+", location), f"{value!r} -> {location!r}"  # visible ASCII, no backslash
    assert not location.startswith("//"), f"{value!r} -> {location!r}"


def test_the_resolver_of_these_tests_knows_where_evil_is() -> None:
    base = "http://127.0.0.1:8888/login"
    near = [value for value in NASTY if resolve(base, value).startswith("http://127.0.0.1:8888/")]
    far = [value for value in NASTY if value not in near]
    assert {f"//{EVIL}", f"/\\{EVIL}", f"/\t/{EVIL}", f" //{EVIL}", f"ht\ttps://{EVIL}"} <= set(far)
    assert {"lab", "", f"\\{EVIL}", f"/%2f{EVIL}", f"@{EVIL}"} <= set(near)
    assert len(far) > 30
    assert resolve(base, "/lab/../x") == "http://127.0.0.1:8888/x"


@pytest.mark.parametrize("where", ["root", "below"])
def test_i07_next_never_leaves_the_server(scene: Scene, below: Scene, where: str) -> None:
    chosen = scene if where == "root" else below
    prefix = chosen.server.base_url
    values = [*NASTY, *(prefix.rstrip("/") + value for value in NASTY), *(prefix + value for value in NASTY)]
    client = chosen.signed_in()
    cookie = {"Cookie": f"{client.cookie_name('-login-')}={client.login_cookie}"}
    for value in dict.fromkeys(values):
        for path in ("login", "login/code"):
            reply = ask(chosen.server, "GET", f"{path}?{query_of(value)}", cookie)
            assert reply.status == 303, value
            assert_stays(chosen, reply.headers["Location"], value)
    for good in ("lab", "lab/tree/a%20b.ipynb", "notebooks/x.ipynb?factory=Editor&line=1", "lab/tree/a@b"):
        reply = ask(chosen.server, "GET", f"login?{query_of(prefix + good)}", cookie)
        assert reply.headers["Location"] == prefix + good  # not by giving up altogether


def test_i07_next_given_twice_or_in_the_form_counts_for_nothing(scene: Scene) -> None:
    client = scene.signed_in()
    cookie = {"Cookie": f"{client.cookie_name('-login-')}={client.login_cookie}"}
    for query in (
        f"next=/lab&next=//{EVIL}",
        f"next=//{EVIL}&next=/lab",
        f"next[]=//{EVIL}",
        f"NEXT=//{EVIL}",
        f"url=//{EVIL}&redirect=//{EVIL}",
    ):
        assert ask(scene.server, "GET", f"login?{query}", cookie).headers["Location"] == "/"


@pytest.mark.parametrize(
    "value", [f"//{EVIL}", f"/\\{EVIL}", f"https://{EVIL}", f"/\t/{EVIL}", "javascript:alert(1)"]
)
def test_i07_a_whole_login_with_a_nasty_next_ends_on_this_server(below: Scene, value: str) -> None:
    client = below.client()
    page = client.get(f"login?{query_of(value)}")
    assert EVIL not in page.text
    assert "javascript:" not in page.text
    answer = client.post_form(page, {"username": "ada", "password": PASSWORD}, params={"next": value})
    assert_stays(below, answer.headers["Location"], value)
    page = client.get(f"login/code?{query_of(value)}")
    done = client.session.post(
        f"{client.url}login/code?{query_of(value)}",
        data={**parse_form(page).fields, "code": below.ada.recovery_codes.pop()},
        headers={"Origin": client.origin},
        timeout=30,
        allow_redirects=False,
    )
    assert (done.status_code, done.headers["Location"]) == (303, "/team/hub/")


def test_i07_next_is_kept_through_the_whole_login(below: Scene) -> None:
    client = below.client()
    start = client.get("lab/tree/a%20b.ipynb?x=1")
    assert start.status_code == 302
    page = client.get(start.headers["Location"])
    page = client.follow(client.post_form(page, {"username": "ada", "password": "wrong on purpose"}))
    page = client.post_form(page, {"code": "000000"})
    assert page.status_code == 401
    page = client.follow(
        client.post_form(client.get(_restart(page)), {"username": "ada", "password": PASSWORD})
    )
    done = client.post_form(page, {"code": below.ada.recovery_codes.pop()})
    assert (done.status_code, done.headers["Location"]) == (303, "/team/hub/lab/tree/a%20b.ipynb?x=1")


def _restart(page: requests.Response) -> str:
    """The link back to name and password."""
    found = re.search(r'href="([^"]*/login\?next=[^"]*)"', page.text)
    assert found, page.text
    return found.group(1).replace("&amp;", "&")


# ── R32: headers ─────────────────────────────────────────────────────────────────────────────────

POLICY = re.compile(
    r"default-src 'none'; script-src 'nonce-([\w-]{22,})'; style-src 'nonce-\1'; img-src 'self' data:; "
    r"form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
BARE_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
EVERYWHERE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def assert_headers(answer: requests.Response, *, page: bool) -> str:
    """The headers of one of our answers; the page's nonce."""
    found = {name: answer.headers.get(name) for name in EVERYWHERE}
    assert found == EVERYWHERE, answer.url
    for absent in ("Server", "X-Powered-By", "Strict-Transport-Security"):
        assert absent not in answer.headers, f"{answer.url}: {absent}"
    policy = answer.headers["Content-Security-Policy"]
    if not page:
        assert policy == BARE_POLICY, answer.url
        return ""
    match = POLICY.fullmatch(policy)
    assert match, f"{answer.url}: {policy}"
    nonce = match.group(1)
    for tag in re.findall(r"<(?:script|style|link rel=\"stylesheet\")[^>]*>", answer.text):
        assert f'nonce="{nonce}"' in tag, tag
    assert not re.search(r"\son\w+=|javascript:|\sstyle=", answer.text), answer.url  # nothing inline
    return nonce


def pages(scene: Scene) -> dict[str, Callable[[], requests.Response]]:
    """How each page comes about."""

    def code_page() -> requests.Response:
        client = scene.client()
        return client.follow(client.first_factor("ada", "wrong on purpose"))

    def wrong_code() -> requests.Response:
        client = scene.client()
        return client.post_form(
            client.follow(client.first_factor("ada", "wrong on purpose")), {"code": "000000"}
        )

    def stale() -> requests.Response:
        client = scene.client()
        return post(client, "login", {"_xsrf": "x"}, {"Origin": client.origin})

    def enrolling(steps: int) -> Callable[[], requests.Response]:
        def go() -> requests.Response:
            client, person = scene.client(), f"p{steps}{scene.backstage.services.clock()}"
            code = scene.backstage.services.accounts.add(person, _member(), actor="operator").code
            page = client.follow(client.post_form(client.get("enroll"), {"enrollment_code": code}))
            if steps > 1:
                values = {"password": PASSWORD, "password_again": PASSWORD}
                page = client.follow(client.post_form(page, values))
            if steps > 2:
                page = client.post_form(page, {"code": _code_on(page)})
                assert "recovery-code" in page.text
            return page

        return go

    return {
        "login": lambda: scene.client().get("login"),
        "login, stale": stale,
        "login/code": code_page,
        "login/code, wrong": wrong_code,
        "login/code, expired": lambda: _expired(scene),
        "logout, asking": lambda: scene.signed_in().get("logout"),
        "logout, done": lambda: scene.signed_in().log_out(),
        "logout, nobody": lambda: scene.client().get("logout"),
        "enroll": lambda: scene.client().get("enroll"),
        "enroll, wrong": lambda: scene.client().post_form(
            scene.client().get("enroll"), {"enrollment_code": "x"}
        ),
        "enroll/account": enrolling(1),
        "enroll/phone": enrolling(2),
        "enroll/recovery-codes": enrolling(3),
        "account": lambda: scene.signed_in().get("account"),
        "account, phone": lambda: _pressed(scene, "add-phone", {"name": "Tablet"}),
        "account, codes": lambda: _pressed(scene, "new-recovery-codes", {}),
        "account, token": lambda: _pressed(scene, "create-token", {"name": "script"}),
        "account, refused": lambda: _pressed(scene, "create-token", {"name": ""}),
        "account, confirm": lambda: scene.signed_in().get("account/step-up"),
        "not a form": lambda: scene.client().session.post(f"{scene.server.url}login", json={}, timeout=30),
        "not a method": lambda: scene.client().session.delete(f"{scene.server.url}login", timeout=30),
    }


def _member() -> Any:
    from jupyter_totp_auth.core.model import Role

    return Role.MEMBER


def _code_on(page: requests.Response) -> str:
    from tests.harness.client import Phone

    found = re.search(r'<code id="totp-secret">([A-Z2-7]+)</code>', page.text)
    assert found
    return Phone(found.group(1)).code()


def _pressed(scene: Scene, what: str, values: dict[str, str]) -> requests.Response:
    """The answer of one form of the account page."""
    client = scene.signed_in()
    token = parse_form(client.get("account")).fields["_xsrf"]
    return post(client, f"account/{what}", {"_xsrf": token, **values}, {"Origin": client.origin})


def _expired(scene: Scene) -> requests.Response:
    client = scene.client()
    page = client.follow(client.first_factor("ada", "wrong on purpose"))
    with scene.backstage.sql() as connection:
        connection.execute("UPDATE pending_login SET expires_at = 1")
    answer = client.post_form(page, {"code": "000000"})
    assert answer.status_code == 401
    return answer


PAGE_NAMES = [
    "login",
    "login, stale",
    "login/code",
    "login/code, wrong",
    "login/code, expired",
    "logout, asking",
    "logout, done",
    "logout, nobody",
    "enroll",
    "enroll, wrong",
    "enroll/account",
    "enroll/phone",
    "enroll/recovery-codes",
    "account",
    "account, phone",
    "account, codes",
    "account, token",
    "account, refused",
    "account, confirm",
    "not a form",
    "not a method",
]


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_i10_every_page_has_strict_headers_and_a_nonce_of_its_own(scene: Scene, name: str) -> None:
    scene.backstage.services.accounts.unlock("ada", actor="operator")
    page = pages(scene)[name]
    first = assert_headers(page(), page=True)
    scene.backstage.services.accounts.unlock("ada", actor="operator")
    if name not in ("enroll/account", "enroll/phone", "enroll/recovery-codes"):
        assert first != assert_headers(page(), page=True)


def test_i10_the_list_of_pages_is_complete(scene: Scene) -> None:
    assert list(pages(scene)) == PAGE_NAMES


def test_i10_redirects_and_json_have_strict_headers(scene: Scene) -> None:
    person, stranger = scene.signed_in(), scene.client()
    for client, path, status in (
        (stranger, "api/totp/health", 200),
        (person, "api/totp/me", 200),
        (person, "api/totp/logins", 200),
        (person, "api/totp/nothing", 404),
        (person, "api/totp/login", 405),
        (person, "login", 303),
        (stranger, "login/code", 303),
        (stranger, "enroll/account", 303),
        (stranger, "enroll/recovery-codes", 303),
    ):
        answer = client.get(path)
        assert answer.status_code == status, path
        assert_headers(answer, page=False)


def test_i10_what_the_gate_answers_itself_is_not_kept_and_not_framed(scene: Scene) -> None:
    for path in ("api/contents", "lab", "files/x"):
        answer = scene.client().get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in answer.headers


def test_i10_the_files_of_the_pages_may_be_kept_but_not_read_by_others(scene: Scene) -> None:
    page = scene.client().get("login").text
    files = re.findall(r'(?:href|src)="(/login/static/[^"]+)"', page)
    assert len(files) == 2
    for file in files:
        answer = scene.client().get(file)
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Server" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")  # nothing from elsewhere
    assert "https://" not in page


# ── X5: the log ──────────────────────────────────────────────────────────────────────────────────


CANARY = "sekret7261canary"


@pytest.fixture(scope="module")
def talkative(start_scene: Callable[..., Scene]) -> Scene:
    """A server that logs all it can."""
    return start_scene(lean=True, arguments=["--debug"])


def secret_urls() -> list[str]:
    """URLs with a secret where people have put one."""
    inner = quote(f"/lab?token={CANARY}", safe="")
    return [
        f"login?next={inner}",
        f"login?next={quote(inner, safe='')}",
        f"login?next=/lab&token={CANARY}",
        f"login/code?next={inner}",
        f"login?token={CANARY}",
        f"lab?token={CANARY}",
        f"tree?x=1&token={CANARY}&y=2",
        f"api/contents?token={CANARY}",
        f"login/code?code={CANARY}",
        f"enroll?enrollment_code={CANARY}",
        f"logout?next={inner}",
        f"no/such/page?token={CANARY}",
        f"api/totp/health?token={CANARY}",
    ]


SECRET_FORM = dict.fromkeys(("username", "password", "code", "enrollment_code", "_xsrf"), CANARY)


def assert_not_logged(scene: Scene, *secrets: str) -> None:
    # A request is logged after its answer: one more, and once that one is there, so are all before it.
    last = f"last-{time.monotonic_ns()}"
    ask(scene.server, "GET", last)
    wait_until(lambda: last in scene.server.log, 5, "the log line")
    for secret in secrets:
        lines = [line for line in scene.server.log.splitlines() if secret in line]
        assert lines == [], "\n".join(lines)


def test_i08_no_secret_of_a_strangers_request_is_ever_logged(talkative: Scene) -> None:
    scene = talkative
    headers = {
        "Content-Type": FORM,
        "Authorization": f"token {CANARY}",
        "Referer": f"{scene.server.url}lab?token={CANARY}",
        "X-XSRFToken": CANARY,
        "Cookie": f"_xsrf={CANARY}; jupyter-totp-login-{scene.server.port}-x={CANARY}; other={CANARY}",
    }
    for target in secret_urls():
        for method in ("GET", "POST", "PUT", "HEAD"):
            body = urlencode(SECRET_FORM).encode() if method in ("POST", "PUT") else None
            ask(scene.server, method, target, headers, body)
    assert_not_logged(scene, CANARY)
    assert "GET /login" in scene.server.log  # the requests themselves are logged


def test_i08_a_strangers_token_does_not_travel_on_in_a_redirect(talkative: Scene) -> None:
    for target in ("lab?token=", "tree?x=1&token=", "files/x?token=", "nbconvert/html/x?y=1&token="):
        reply = ask(talkative.server, "GET", f"{target}{CANARY}")
        assert reply.status == 302
        assert CANARY not in reply.headers["Location"]


def test_i08_no_secret_of_a_login_is_ever_logged(talkative: Scene) -> None:
    scene, client = talkative, talkative.client()
    page = client.follow(client.first_factor("ada", CANARY))
    pending, code = str(client.cookie("-pending-")), "739164"
    client.post_form(page, {"code": code})
    other = scene.client()
    other.follow(other.first_factor("ada"))
    right = scene.ada.recovery_codes.pop()
    other.second_factor(right)
    assert other.is_signed_in()
    for target in secret_urls():
        other.get(target)
    post(other, f"login?next={quote('/lab?token=' + CANARY, safe='')}", SECRET_FORM, {})
    kept = [cookie.value or "" for cookie in other.session.cookies if "totp" in cookie.name]
    assert len(kept) == 2
    assert_not_logged(scene, CANARY, PASSWORD, pending, code, right, *kept)


def test_i08_no_token_of_a_refused_post_is_ever_logged(talkative: Scene) -> None:
    person = talkative.signed_in()
    assert post(person, f"lab?token={CANARY}refused", {}, {}).status_code == 403
    assert_not_logged(talkative, f"{CANARY}refused")
    assert "403 POST /lab?… " in talkative.server.log


def test_i08_no_password_of_a_url_is_ever_logged(talkative: Scene) -> None:
    talkative.client().get(f"login?username=ada&password={CANARY}typed")
    assert_not_logged(talkative, f"{CANARY}typed")


def test_the_log_names_the_person_behind_a_request_and_no_stranger(talkative: Scene) -> None:
    talkative.signed_in().get("api/totp/logins?who=ada")
    talkative.client().get("login?who=stranger")
    wait_until(lambda: "who=stranger" in talkative.server.log, 5, "the log line")
    lines = {
        who: next(line for line in talkative.server.log.splitlines() if f"who={who}" in line)
        for who in ("ada", "stranger")
    }
    assert "(ada@127.0.0.1)" in lines["ada"]
    assert "(@127.0.0.1)" in lines["stranger"]
