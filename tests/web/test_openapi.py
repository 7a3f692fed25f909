"""The OpenAPI description, the routes and the real answers say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator
from tornado import web

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.web.routes import handlers
from tests.harness.client import PASSWORD, Client, Person, Phone
from tests.web.small_server import SmallServer
from tests.web.test_factors_api import OTHER_PASSWORD, log_in

DESCRIPTION = Path(__file__).parents[2] / "docs" / "reference" / "openapi.yaml"
VERBS = ("get", "post", "put", "patch", "delete")
Operation = tuple[str, str]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    return document


def operations(document: dict[str, Any]) -> dict[Operation, dict[str, Any]]:
    return {
        (verb, path): item[verb] for path, item in document["paths"].items() for verb in VERBS if verb in item
    }


def routed() -> Iterator[Operation]:
    for pattern, handler, _ in handlers(None):  # type: ignore[arg-type]
        path = re.sub(r"\(\[0-9a-f\][^)]*\)", "{id}", pattern)
        if not path.startswith("/api/totp/") or path.endswith(".*"):
            continue
        for verb in VERBS:
            if getattr(handler, verb) is not getattr(web.RequestHandler, verb):
                yield verb, path


def test_every_route_is_described_and_nothing_else(described: dict[str, Any]) -> None:
    assert set(operations(described)) == set(routed())


def test_the_description_is_sound(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in references(described):
        assert resolved(described, {"$ref": reference})
    names = [operation["operationId"] for item in described["paths"].values() for operation in verbs(item)]
    assert len(names) == len(set(names))


def verbs(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [item[verb] for verb in VERBS if verb in item]


def references(node: Any) -> Iterator[str]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from references(child)
    if isinstance(node, dict) and "$ref" in node:
        yield node["$ref"]


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def test_every_change_asks_for_its_token_and_every_door_for_a_login(described: dict[str, Any]) -> None:
    for (verb, path), operation in operations(described).items():
        names = {resolved(described, one)["name"] for one in operation.get("parameters", [])}
        assert ("X-XSRFToken" in names) == (verb != "get"), (verb, path)
        public = path in ("/api/totp/health", "/api/totp/login")
        assert (operation.get("security") == []) == public, (verb, path)


# -- real answers ----------------------------------------------------------------------------------------


class Witness:
    """A browser whose every request and answer is held against the description."""

    def __init__(self, document: dict[str, Any], seen: set[tuple[str, str, int]]) -> None:
        self._document = document
        self._seen = seen

    def ask(self, browser: Client, verb: str, path: str, body: Any = None) -> requests.Response:
        more = {} if body is None else {"json": body}
        asked = browser.get if verb == "get" else lambda url, **kw: browser.request(verb.upper(), url, **kw)
        answer = asked(f"api/totp/{path}", **more)
        template = re.sub(r"/[0-9a-f]{2,32}(?=/|$)", "/{id}", f"/api/totp/{path.partition('?')[0]}")
        self._check(operations(self._document)[verb, template], body, answer)
        self._seen.add((verb, template, answer.status_code))
        return answer

    def _check(self, operation: dict[str, Any], body: Any, answer: requests.Response) -> None:
        status = str(answer.status_code)
        assert status in operation["responses"], f"{status} is not described: {answer.text}"
        if answer.status_code < 300:
            assert (body is None) == ("requestBody" not in operation)
        if body is not None and answer.status_code < 300:
            self._holds(operation["requestBody"], body)
        response = resolved(self._document, operation["responses"][status])
        if "content" in response:
            assert answer.headers["Content-Type"] == "application/json"
            self._holds(response, answer.json())
        else:
            assert answer.content == b""
        for header in response.get("headers", ()):
            assert header in answer.headers

    def _holds(self, media: dict[str, Any], value: Any) -> None:
        schema = media["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": self._document["components"]}).validate(value)


@pytest.fixture(scope="module")
def seen() -> set[tuple[str, str, int]]:
    return set()


@pytest.fixture
def ask(described: dict[str, Any], seen: set[tuple[str, str, int]]) -> Callable[..., requests.Response]:
    return Witness(described, seen).ask


@pytest.fixture
def bob(server: SmallServer, ada: Person) -> Person:
    del ada
    if any(account.username == "bob" for account in server.services.accounts.all()):
        server.services.accounts.delete("bob", actor="test")
    code = server.services.accounts.add("bob", Role.MEMBER, actor="test").code
    return Client(server.url).enroll(code, username="bob", clock=server.clock)


Ask = Callable[..., requests.Response]


def test_a_persons_answers(server: SmallServer, bob: Person, ask: Ask) -> None:
    mine, other = log_in(server, bob), log_in(server, bob)
    ask(mine, "get", "health")
    ask(mine, "get", "me")
    ask(mine, "patch", "me", {"display_name": "Bob", "initials": "B", "color": "red"})
    ask(mine, "get", "logins")
    ask(mine, "delete", f"logins/{other.get('api/totp/me').json()['login']['id']}")
    ask(mine, "delete", "logins")
    ask(mine, "post", "activity")
    (first,) = ask(mine, "get", "authenticators").json()["authenticators"]
    offer = ask(mine, "post", "authenticators", {"name": "Tablet"}).json()
    phone = Phone(offer["secret"], clock=server.clock)
    ask(mine, "post", f"authenticators/{offer['id']}/confirm", {"code": phone.fresh_code()})
    ask(mine, "patch", f"authenticators/{first['id']}", {"name": "Old"})
    ask(mine, "delete", f"authenticators/{first['id']}")
    ask(mine, "post", "recovery-codes")
    made = ask(mine, "post", "access-tokens", {"name": "VS Code", "scopes": ["all"]}).json()
    ask(mine, "get", "access-tokens")
    ask(mine, "delete", f"access-tokens/{made['id']}")
    ask(mine, "post", "password", {"new_password": OTHER_PASSWORD})
    ask(mine, "get", "events?before=100000")
    ask(mine, "get", "running")
    server.clock.offset += 400
    ask(mine, "post", "recovery-codes")  # 403
    ask(mine, "post", "step-up", {"password": OTHER_PASSWORD, "code": phone.fresh_code()})
    ask(mine, "post", "lock")
    ask(mine, "post", "unlock", {"password": OTHER_PASSWORD})


def test_a_login_in_one_call(server: SmallServer, bob: Person, ask: Ask) -> None:
    server.clock.offset += 60
    browser = Client(server.url)
    browser.get("login")
    body = {"username": "bob", "password": PASSWORD, "code": bob.phone.fresh_code()}
    ask(browser, "post", "login", {**body, "password": "x"})
    ask(browser, "post", "login", body)


def test_an_administrators_answers(server: SmallServer, signed_in: Client, bob: Person, ask: Ask) -> None:
    del bob
    made = ask(signed_in, "post", "accounts", {"username": "eve", "role": "member"}).json()
    ask(signed_in, "get", "accounts")
    ask(signed_in, "patch", f"accounts/{made['id']}", {"role": "admin", "expires_at": None})
    ask(signed_in, "post", f"accounts/{made['id']}/reset")
    ask(signed_in, "delete", f"accounts/{made['id']}/logins")
    ask(signed_in, "delete", f"accounts/{made['id']}/logins?grace=60")
    ask(signed_in, "delete", f"accounts/{made['id']}/logins?grace=x")  # 400
    told = ask(signed_in, "post", "notices", {"message": "Lunch", "valid_for": 60}).json()
    ask(signed_in, "get", "notices")
    ask(signed_in, "get", "me")
    ask(signed_in, "delete", f"notices/{told['id']}")
    ask(signed_in, "delete", f"accounts/{made['id']}")
    for account in server.services.accounts.all():
        if account.username == "ada":
            ask(signed_in, "delete", f"accounts/{account.id}")  # 409


def test_refusals(server: SmallServer, bob: Person, ask: Ask, described: dict[str, Any]) -> None:
    stranger, mine = Client(server.url), log_in(server, bob)
    stranger.get("login")
    for verb, template in operations(described):
        path = template.removeprefix("/api/totp/").replace("{id}", "0" * 32)
        if path != "health":
            ask(stranger, verb, path)  # 403, or what a body that is missing comes to
        ask(
            mine,
            verb,
            path,
            *([] if verb == "get" else [{"wrong": 1}]) if has_body(described, verb, template) else (),
        )


def has_body(document: dict[str, Any], verb: str, path: str) -> bool:
    return "requestBody" in operations(document)[verb, path]


def test_every_operation_has_been_seen_to_succeed(
    described: dict[str, Any], seen: set[tuple[str, str, int]]
) -> None:
    assert seen, "this one judges what the tests before it saw: run the whole file"
    succeeded = {(verb, path) for verb, path, status in seen if status < 300}
    assert succeeded == set(operations(described))
