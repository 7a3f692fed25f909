"""Everybody, at everything: nothing is allowed that the table does not say, nothing refused that it allows.

Each request below belongs to a resource and an action by hand; what has to come of it is then computed from
the table alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket

from jupyter_totp_auth.core.model import Role, Terminals
from jupyter_totp_auth.core.rights import ACCOUNT, SCOPES, TABLE, UNKNOWN, Action, Permit, permits
from tests.harness.backstage import wait_until
from tests.rights.people import OUR_WORDS, Asker, House

READ, WRITE, EXECUTE = Action
ID = "00000000-0000-0000-0000-000000000000"
NO_KERNEL = {"name": "no-such-kernel"}
FILE = {"type": "file", "format": "text", "content": "x"}

HTTP: list[tuple[str, Action, str, str, Any]] = [
    ("api", READ, "GET", "api/status", None),
    ("api", READ, "GET", "api", None),
    ("api", READ, "GET", "api/spec.yaml", None),
    ("config", READ, "GET", "api/config/notebook", None),
    ("config", WRITE, "PATCH", "api/config/notebook", {}),
    ("config", WRITE, "PUT", "api/config/notebook", {}),
    ("contents", READ, "GET", "api/contents", None),
    ("contents", READ, "GET", "api/contents/mine/a.txt", None),
    ("contents", READ, "GET", "api/contents/mine/a.txt/checkpoints", None),
    ("contents", READ, "GET", "files/mine/a.txt", None),
    ("contents", READ, "HEAD", "files/mine/a.txt", None),
    ("contents", READ, "GET", "view/mine/a.txt", None),
    ("contents", WRITE, "PUT", "api/contents/written.txt", FILE),
    ("contents", WRITE, "PATCH", "api/contents/no-such.txt", {"path": "other.txt"}),
    ("contents", WRITE, "POST", "api/contents/no-such", {"type": "file"}),
    ("contents", WRITE, "DELETE", "api/contents/no-such.txt", None),
    ("contents", WRITE, "POST", "api/contents/no-such.txt/checkpoints", None),
    ("contents", WRITE, "POST", "api/contents/no-such.txt/checkpoints/x", None),
    ("contents", WRITE, "DELETE", "api/contents/no-such.txt/checkpoints/x", None),
    ("contents", EXECUTE, "POST", "api/contents/no-such.ipynb/trust", None),
    ("csp", WRITE, "POST", "api/security/csp-report", {}),
    ("events", WRITE, "POST", "api/events", {}),
    ("extensions", READ, "GET", "lab/api/plugins", None),
    ("extensions", WRITE, "POST", "lab/api/plugins", {"cmd": "none", "plugin_name": "none"}),
    ("extensions", WRITE, "POST", "lab/api/extensions", {"cmd": "none", "extension_name": "none"}),
    ("extensions", WRITE, "DELETE", "lab/api/build", None),
    ("kernels", READ, "GET", "api/kernels", None),
    ("kernels", READ, "GET", f"api/kernels/{ID}", None),
    ("kernels", WRITE, "POST", "api/kernels", NO_KERNEL),
    ("kernels", WRITE, "DELETE", f"api/kernels/{ID}", None),
    ("kernels", WRITE, "POST", f"api/kernels/{ID}/interrupt", None),
    ("kernels", WRITE, "POST", f"api/kernels/{ID}/restart", None),
    ("kernelspecs", READ, "GET", "api/kernelspecs", None),
    ("kernelspecs", READ, "GET", "api/kernelspecs/python3", None),
    ("kernelspecs", READ, "GET", "kernelspecs/python3/logo-64x64.png", None),
    ("lab", READ, "GET", "lab", None),
    ("lab", READ, "GET", "lab/api/translations", None),
    ("lab", READ, "GET", "lab/api/licenses/", None),
    ("lab", READ, "GET", "lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json", None),
    ("lab", READ, "GET", "lab/api/themes/none", None),
    ("lab", READ, "GET", "static/favicon.ico", None),
    ("lab", READ, "GET", "no/such/page", None),
    ("lab", WRITE, "POST", "lab", None),
    ("lsp", READ, "GET", "lsp/status", None),
    ("metrics", READ, "GET", "metrics", None),
    ("nbconvert", READ, "GET", "api/nbconvert", None),
    ("nbconvert", READ, "GET", "nbconvert/html/no-such.ipynb", None),
    ("nbconvert", READ, "GET", "nbconvert/python/no-such.ipynb", None),
    # By whatever the notebook names.
    ("nbconvert", EXECUTE, "GET", "nbconvert/script/no-such.ipynb", None),
    # By another program of this machine, which opens what the notebook names.
    ("nbconvert", EXECUTE, "GET", "nbconvert/webpdf/no-such.ipynb", None),
    ("nbconvert", EXECUTE, "HEAD", "nbconvert/pdf/no-such.ipynb", None),
    ("nbconvert", WRITE, "POST", "nbconvert/none", {}),
    ("server", WRITE, "POST", "api/shutdown", None),
    ("sessions", READ, "GET", "api/sessions", None),
    ("sessions", WRITE, "POST", "api/sessions", {}),
    ("sessions", WRITE, "PATCH", f"api/sessions/{ID}", {}),
    ("sessions", WRITE, "DELETE", f"api/sessions/{ID}", None),
    ("settings", READ, "GET", "lab/api/settings", None),
    ("settings", WRITE, "PUT", "lab/api/settings/no:such", {"raw": "{}"}),
    ("terminals", READ, "GET", "api/terminals", None),
    ("terminals", WRITE, "POST", "api/terminals", {"cwd": "/no/such/folder"}),
    ("terminals", WRITE, "DELETE", "api/terminals/none", None),
    ("workspaces", READ, "GET", "lab/api/workspaces", None),
    ("workspaces", WRITE, "PUT", "lab/api/workspaces/none", {"data": {}, "metadata": {"id": "x"}}),
    ("workspaces", WRITE, "DELETE", "lab/api/workspaces/none", None),
    # An extension that has never heard of `@authorized`.
    (UNKNOWN, READ, "GET", "raw/http", None),
    (UNKNOWN, READ, "GET", "raw/undecorated", None),
    (UNKNOWN, READ, "GET", "raw/undecorated-api", None),
    (UNKNOWN, READ, "GET", "raw/own-prepare", None),
    (UNKNOWN, READ, "GET", "raw/late", None),
    (UNKNOWN, WRITE, "POST", "raw/http", None),
    (UNKNOWN, WRITE, "PUT", "raw/http", None),
    (UNKNOWN, WRITE, "PATCH", "raw/late", None),
    (UNKNOWN, WRITE, "DELETE", "raw/http", None),
    (UNKNOWN, EXECUTE, "TRACE", "raw/http", None),
]
SOCKETS: list[tuple[str, Action, str]] = [
    ("events", EXECUTE, "api/events/subscribe"),
    ("kernels", READ, f"api/kernels/{ID}/channels"),
    ("lsp", EXECUTE, "lsp/ws/none"),
    ("terminals", EXECUTE, "terminals/websocket/none"),
    (UNKNOWN, EXECUTE, "raw/socket"),
    (UNKNOWN, EXECUTE, "raw/lsp/ws/x"),
    (UNKNOWN, EXECUTE, "raw/late-socket"),
]
HARMFUL = {("server", WRITE)}
"""What is not done where it is allowed, since it would end the server; the last test does."""

NO, STEP_UP = Terminals.NO, Terminals.STEP_UP
ASKERS: dict[str, Callable[[House], Asker]] = {
    "reader": lambda house: house.with_cookie(Role.READER),
    "member": lambda house: house.with_cookie(Role.MEMBER),
    "admin": lambda house: house.with_cookie(Role.ADMIN),
    "member without terminals": lambda house: house.with_cookie(Role.MEMBER, NO),
    "admin without terminals": lambda house: house.with_cookie(Role.ADMIN, NO),
    "member, step-up, fresh": lambda house: house.with_cookie(Role.MEMBER, STEP_UP),
    "member, step-up, stale": lambda house: house.with_cookie(Role.MEMBER, STEP_UP, fresh=False),
    "admin, step-up, stale": lambda house: house.with_cookie(Role.ADMIN, STEP_UP, fresh=False),
    "reader's token": lambda house: house.with_token(Role.READER, "all"),
    "reader's token for kernels": lambda house: house.with_token(Role.READER, "kernels:execute"),
    "token without terminals": lambda house: house.with_token(Role.MEMBER, "all", terminals=NO),
    "token, step-up": lambda house: house.with_token(Role.ADMIN, "terminals:execute", terminals=STEP_UP),
    **{f"member's {scope}": lambda house, s=scope: house.with_token(Role.MEMBER, s) for scope in SCOPES},
    **{f"admin's {scope}": lambda house, s=scope: house.with_token(Role.ADMIN, s) for scope in SCOPES},
    "two scopes": lambda house: house.with_token(Role.MEMBER, "contents:read", "terminals:execute"),
}


@pytest.fixture(scope="module", params=ASKERS)
def asker(request: pytest.FixtureRequest, house: House, root: Path) -> Asker:
    wait_until((house.stage.server.home / "routes").exists, 10, "the last routes")
    return ASKERS[request.param](house)


def test_nothing_is_missing_from_the_requests() -> None:
    """Every resource of the table, and every action that a handler of Jupyter's has for it."""
    tried = {(resource, action) for resource, action, *_ in HTTP} | {(r, a) for r, a, _ in SOCKETS}
    resources = {resource for resource, _ in tried}
    # Of extensions that are not installed here (core/test_rights.py has them), and our own (their own tests).
    assert set(TABLE) - resources == {ACCOUNT, "collaboration", "proxy"}


def verdict(answer: Any) -> str:
    """Our word for a refusal; empty where it was none of ours."""
    if answer.status_code != 403:
        return ""
    try:
        reason = str(answer.json()["reason"])
    except (ValueError, KeyError, TypeError):
        return ""
    return reason if reason in OUR_WORDS else ""


def test_http(asker: Asker) -> None:
    wrong = []
    for resource, action, method, path, body in HTTP:
        expected = permits(asker.role, asker.grants, action, resource)
        if expected is Permit.YES and (resource, action) in HARMFUL:
            continue
        options = {} if body is None else {"json": body}
        answer = asker.ask(method, path, **options)
        if method == "HEAD":  # no body, so no word; nobody is refused but by us
            found = expected.value if answer.status_code == 403 else ""
        else:
            found = verdict(answer)
        if found != expected.value:
            wrong.append((method, path, answer.status_code, found, expected))
    assert wrong == []


def test_websockets(asker: Asker) -> None:
    wrong = []
    for resource, action, path in SOCKETS:
        expected = permits(asker.role, asker.grants, action, resource)
        found = ""
        try:
            asker.open(path).close()
        except websocket.WebSocketBadStatusException as refused:
            if refused.status_code == 403:
                reason = json.loads(refused.resp_body or "{}").get("reason", "")
                found = reason if reason in OUR_WORDS else ""
        if found != expected.value:
            wrong.append((path, found, expected))
    assert wrong == []


def test_what_is_refused_says_so_in_words(house: House) -> None:
    reader = house.with_cookie(Role.READER)
    saved = reader.ask("PUT", "api/contents/mine/a.txt", json=FILE)
    assert saved.json() == {
        "message": "Your account may read here, but not change or run anything.",
        "reason": "role",
    }
    assert house.with_cookie(Role.MEMBER).ask("POST", "api/shutdown").json()["message"] == (
        "This is for administrators."
    )


def test_every_route_that_this_server_has_is_nothing_to_change_for_readers(house: House) -> None:
    """Whatever there is, known or not: by the server's own list of its routes."""
    reader = house.with_cookie(Role.READER)
    wait_until((house.stage.server.home / "routes").exists, 10, "the last routes")
    lines = (house.stage.server.home / "routes").read_text().splitlines()
    open_to_readers, tried = [], 0
    for pattern in sorted({line.partition("\t")[0] for line in lines}):
        path = concrete(pattern)
        if path is None or path.startswith(("login", "logout", "enroll", "account", "api/totp")):
            continue
        tried += 1
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = reader.ask(method, path)
            if answer.status_code < 400:
                open_to_readers.append((method, path, answer.status_code))
    assert tried > 60
    allowed = {("POST", "api/security/csp-report")}
    assert {(method, path) for method, path, _ in open_to_readers} <= allowed


def concrete(pattern: str) -> str | None:
    """Some path that a pattern means; None where that is hard to say."""
    text = re.sub(r"\(\?P<\w+>", "(", pattern)
    text = text.replace(r"(\w+-\w+-\w+-\w+-\w+)", ID).replace("((?:(?:/[^/]+)+|/?))", "/x")
    text = re.sub(r"\([^()]*\|[^()]*\)", lambda m: m.group(0)[1:].split("|")[0].rstrip(")"), text)
    text = re.sub(r"\([^()]*\)\??", "x", text).replace("\\.", ".").replace("\\/", "/")
    text = text.strip("^$").lstrip("/").removesuffix("/?")
    return text if re.fullmatch(r"[\w./@:-]+", text) else None
