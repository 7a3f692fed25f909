"""G19: schemathesis makes requests up from the OpenAPI description, for people, strangers and access tokens.

What an operation needs (a login that is open and fresh, an account to delete) is given to it before each
request: the API ends, locks and throttles whoever uses it at random.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jupyter_totp_auth.core.model import Role
from tests.attacks.stage import Stage, open_stage
from tests.harness.client import Client, Person, Phone

DESCRIPTION = Path(__file__).parents[2] / "docs" / "reference" / "openapi.yaml"
PUBLIC = ("/api/totp/health", "/api/totp/login")
FEW, MANY = 4, 220
"""Examples of each operation and kind: some 300 in every run, 10,000 by `make soak`."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


EXACT = tuple(f"/api/totp/{path}" for path in ("login", "unlock", "step-up", "authenticators/{id}/confirm"))
"""What keeps to their description is never 400 there. Elsewhere a string may be too weak, or not visible."""


@dataclass
class Village:
    """An administrator and what is there to be found, made anew when it is gone."""

    stage: Stage
    root: Person
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    _browser: Client | None = None
    _uses: Iterator[int] = field(default_factory=itertools.count)

    @property
    def browser(self) -> Client:
        """An open, fresh login."""
        stale = next(self._uses) % 100 == 0 or self._browser is None
        if stale or self._browser.get("api/totp/activity").status_code != 405:  # locked, or ended
            self.stage.end_logins(self.root.username)
            self.stage.unlock(self.root)
            self._browser = self.stage.signed_in(self.root.username)
        return self._browser

    def id_for(self, path: str) -> str:
        """The id of something that is there."""
        kind = path.split("/")[3]
        return str(getattr(self, f"_{kind.replace('-', '_')}")(path))

    def _accounts(self, _path: str) -> str:
        accounts = self.stage.services.accounts
        for account in accounts.all()[20:]:
            if account.username != self.root.username:
                accounts.delete(account.username, actor="operator")
        return self.stage.account_id(self.stage.invite(self.stage.name())[0])

    def _logins(self, _path: str) -> str:
        self.stage.open_login(self.root.username)
        mine = self.browser.get("api/totp/logins").json()["logins"]
        return next(str(login["id"]) for login in mine if not login["current"])

    def _access_tokens(self, _path: str) -> str:
        made = self.browser.request("POST", "api/totp/access-tokens", json={"name": "x"})
        if made.status_code == 201:
            return str(made.json()["id"])
        return str(self.browser.get("api/totp/access-tokens").json()["access_tokens"][0]["id"])

    def _notices(self, _path: str) -> str:
        return str(self.browser.request("POST", "api/totp/notices", json={"message": "x"}).json()["id"])

    def _authenticators(self, path: str) -> str:
        offer = self.browser.request("POST", "api/totp/authenticators", json={"name": "x"})
        if path.endswith("/confirm") or offer.status_code != 201:
            phones = self.browser.get("api/totp/authenticators").json()["authenticators"]
            return str(offer.json().get("id", phones[-1]["id"]))
        phone = Phone(offer.json()["secret"], clock=self.stage.clock.time)
        made = f"api/totp/authenticators/{offer.json()['id']}"
        self.browser.request("POST", f"{made}/confirm", json={"code": phone.fresh_code()})
        return str(offer.json()["id"])


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    with open_stage(tmp_path_factory.mktemp("g19"), cheap=True) as stage:
        yield Village(stage, stage.enrolled("root", role=Role.ADMIN))


@pytest.fixture(scope="module")
def operations() -> list[Any]:
    document = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


def each_example(operation: Any, mode: GenerationMode, examples: int, act: Callable[[Any], None]) -> None:
    """Hand so many requests to ``act``, the same at every run."""

    @seed(1)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        act(case)

    run()


def by_somebody(village: Village, examples: int, operations: list[Any]) -> None:
    """Every operation, signed in, with requests that keep to the description and requests that do not."""
    for operation in operations:
        dice = random.Random(operation.label)  # noqa: S311 - the same at every run

        def ask(case: Any, operation: Any = operation, dice: random.Random = dice) -> None:
            answer = answered(village, case, real=dice.random() < 0.5)
            case.validate_response(answer, checks=CHECKS)
            said = f"{case.method} {case.formatted_path} {case.body!r}: {answer.status_code} {answer.text}"
            assert answer.status_code != 405, said
            if case.meta.generation.mode is GenerationMode.POSITIVE:
                assert answer.status_code != 415, said
                assert answer.status_code != 400 or operation.path not in EXACT, said
            else:
                wrong_body = "body" in {part.value for part in case.meta.components}
                assert not (wrong_body and answer.status_code < 300 and is_wrong(case)), said

        modes = [GenerationMode.POSITIVE]
        if operation.body or operation.path_parameters or operation.query:
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            each_example(operation, mode, examples, ask)


def is_wrong(case: Any) -> bool:
    """Whether it is the body that breaks the description."""
    component = next((info for part, info in case.meta.components.items() if part.value == "body"), None)
    return component is not None and component.mode is GenerationMode.NEGATIVE


def answered(village: Village, case: Any, *, real: bool) -> Any:
    """What somebody who is signed in is told; where ``real``, of something that is there."""
    browser = village.browser
    if real and case.operation.path.endswith("/unlock"):
        browser.request("POST", "api/totp/lock")
    if real and case.path_parameters:
        case.path_parameters["id"] = village.id_for(case.operation.path)
    case.headers["X-XSRFToken"] = browser.xsrf
    case.headers["Origin"] = browser.origin
    answer = case.call(base_url=browser.url.rstrip("/"), session=browser.session, timeout=60)
    village.seen[case.operation.label, answer.status_code] += 1
    return answer


def test_G19_what_the_description_says_is_so(village: Village, operations: list[Any]) -> None:
    by_somebody(village, FEW, operations)
    assert len(operations) == 32
    for operation in operations:
        print(
            operation.label,
            {status: n for (label, status), n in village.seen.items() if label == operation.label},
        )


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_G19_ten_thousand_requests_do_not_prove_the_description_wrong(
    village: Village, operations: list[Any]
) -> None:
    by_somebody(village, MANY, operations)
    assert village.seen.total() > 8_000


def test_G19_every_operation_asks_for_a_login_and_takes_no_token(
    village: Village, operations: list[Any]
) -> None:
    made = village.browser.request("POST", "api/totp/access-tokens", json={"name": "x"}).json()
    stranger, program = village.stage.client(), village.stage.client(Authorization=f"token {made['token']}")
    for operation in operations:
        public = operation.path in PUBLIC

        def ask(case: Any, operation: Any = operation, public: bool = public) -> None:
            for client, word in ((stranger, "signed-out"), (program, "token")):
                if public and client is stranger:
                    continue
                case.headers["Origin"] = client.origin
                answer = case.call(base_url=client.url.rstrip("/"), session=client.session, timeout=60)
                if operation.path == "/api/totp/health":
                    assert answer.status_code == 200
                else:
                    assert (answer.status_code, answer.json()["reason"]) == (403, word), case.formatted_path
                    case.validate_response(answer, checks=CHECKS)

        each_example(operation, GenerationMode.POSITIVE, 3, ask)
