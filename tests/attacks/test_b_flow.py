"""Group B of the attack list: half-logged-in state and the order of the flow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from jupyter_totp_auth.web.cookies import Cookie
from tests.attacks.stage import WRONG_PASSWORD, Half, Stage, is_denied, open_stage
from tests.harness.backstage import cookie_name
from tests.harness.client import PASSWORD, Client, Person, parse_form
from tests.harness.volley import Wire, message, volley

PROBES = [
    *(
        ("GET", path)
        for path in (
            "api/contents",
            "api/me",
            "api/kernels",
            "api/sessions",
            "api/terminals",
            "api/config/x",
            "api/spec.yaml",
            "api/status",
            "api/totp/me",
            "api/totp/logins",
            "lab",
            "lab/api/settings",
            "lab/api/workspaces",
            "files/x",
            "view/x",
            "nbconvert/html/x.ipynb",
            "metrics",
            "lsp/status",
        )
    ),
    *(("POST", path) for path in ("api/kernels", "api/terminals", "api/contents")),
]
PENDING = "-pending-"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("b"), labs=True, cheap=True) as found:
        yield found


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


@pytest.fixture
def bob(stage: Stage) -> Person:
    return stage.person()


def put(client: Client, name: str, value: str) -> None:
    """Put a cookie into the jar, over the one of that name."""
    parts = urlsplit(client.url)
    client.session.cookies.set(name, value, domain=parts.hostname or "", path="/")


def moved(stage: Stage, half: Client) -> Client:
    """The pending bearer, in the login cookie's place."""
    pending = half.cookie(PENDING)
    assert pending
    thief = stage.client()
    thief.get("login")
    put(thief, cookie_name(stage.server.url, Cookie.LOGIN), pending)
    return thief


# -- B01, B02: what a pending login opens -----------------------------------------------------------------


@pytest.mark.parametrize("place", ["pending", "login"])
def test_B01_a_pending_login_opens_no_door_under_either_cookie_name(
    stage: Stage, ada: Person, place: str
) -> None:
    half = stage.half_in(ada.username)
    client = half if place == "pending" else moved(stage, half)
    for method, path in PROBES:
        answer = client.request(method, path) if method == "POST" else client.get(path)
        assert is_denied(answer), f"{method} {path}: {answer.status_code} {answer.text[:200]}"
    signed_in = stage.log_in(ada)
    assert signed_in.get("api/kernels").json() == []
    assert signed_in.get("api/terminals").json() == []


@pytest.mark.parametrize("place", ["pending", "login"])
def test_B02_a_pending_login_opens_no_socket(stage: Stage, ada: Person, bob: Person, place: str) -> None:
    owner = stage.log_in(bob)
    kernel, terminal = owner.start_kernel(), owner.start_terminal()
    paths = [
        f"api/kernels/{kernel}/channels",
        f"terminals/websocket/{terminal}",
        "api/events/subscribe",
        "lsp/ws/pylsp",
    ]
    half = stage.half_in(ada.username)
    client = half if place == "pending" else moved(stage, half)
    try:
        for path in paths:
            with pytest.raises(websocket.WebSocketBadStatusException) as refused:
                client.socket(path).close()
            assert refused.value.status_code == 403, path
        for path in paths[:3]:  # the same doors, with a login
            owner.socket(path).close()
    finally:
        owner.request("DELETE", f"api/kernels/{kernel}")
        owner.request("DELETE", f"api/terminals/{terminal}")
        owner.log_out()


# -- B04 to B07: the second factor without its first ---------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"username": True}, {"username": True, "password": True}])
def test_B04_a_valid_code_without_a_first_factor_leads_back_to_the_beginning(
    stage: Stage, ada: Person, fields: dict[str, bool]
) -> None:
    code = stage.code(ada)
    values = {"username": ada.username, "password": ada.password}
    client = stage.client()
    page = client.get("login")
    token = parse_form(page).fields["_xsrf"]
    answer = client.session.post(
        f"{stage.server.url}login/code",
        data={"_xsrf": token, "code": code, **{name: values[name] for name in fields}},
        headers={"Origin": client.origin},
        allow_redirects=False,
        timeout=30,
    )
    assert is_denied(answer)
    assert parse_form(answer).action.endswith("/login"), "the form to begin with"
    assert client.login_cookie is None
    assert stage.logins_of(ada) == 0
    stage.client().log_in(ada, code=code)  # it was not used up either


def test_B04_the_code_page_is_not_shown_without_a_first_factor(stage: Stage) -> None:
    answer = stage.client().get("login/code")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_B05_bobs_code_does_not_finish_adas_login(stage: Stage, ada: Person, bob: Person) -> None:
    half = stage.half_in(ada.username)
    assert stage.failures(ada) == [1], "the password's charge, refunded by a whole login"
    code = stage.code(bob)
    answer = half.second_factor(code)
    assert answer.status_code == 401
    assert half.login_cookie is None
    assert stage.failures(ada) == [1, 1], "a code was charged to ada"
    assert stage.failures(bob) == []
    assert (stage.logins_of(ada), stage.logins_of(bob)) == (0, 0)
    stage.client().log_in(bob, code=code)


def test_B07_another_first_factor_replaces_the_pending_login(stage: Stage, ada: Person, bob: Person) -> None:
    half = stage.half_in(ada.username)
    adas = half.cookie(PENDING)
    answer = half.first_factor(bob.username, WRONG_PASSWORD)
    assert answer.status_code == 303
    assert half.cookie(PENDING) != adas
    code = stage.code(ada)
    answer = half.second_factor(code)
    assert answer.status_code == 401
    assert half.login_cookie is None
    assert (stage.logins_of(ada), stage.logins_of(bob)) == (0, 0)
    stage.client().log_in(ada, code=code)


# -- B08, B10: how long it lives ------------------------------------------------------------------------------


def test_B08_a_pending_login_is_gone_after_five_minutes(stage: Stage, ada: Person) -> None:
    half = stage.half_in(ada.username)
    page = half.get("login/code")
    stage.clock.move(301)
    code = stage.code(ada)
    answer = half.post_form(page, {"code": code})
    assert answer.status_code == 401
    assert parse_form(answer).action.endswith("/login")
    assert half.cookie(PENDING) is None
    assert half.login_cookie is None
    assert stage.logins_of(ada) == 0
    assert half.get("login/code").headers["Location"] == "/login"
    stage.client().log_in(ada, code=code)


def test_B08_until_then_it_can_be_finished(stage: Stage, ada: Person) -> None:
    half = stage.half_in(ada.username)
    stage.clock.move(270)  # and the clock may move a step more, for a code
    assert half.second_factor(stage.code(ada)).status_code == 303
    assert half.is_signed_in()


def test_B10_after_five_wrong_codes_the_pending_login_is_gone(stage: Stage, ada: Person) -> None:
    half = stage.half_in(ada.username)
    right, wrong = stage.code(ada), stage.wrong_code(ada)
    page = half.get("login/code")
    for _ in range(5):
        answer = half.post_form(page, {"code": wrong})
        assert answer.status_code == 401
        assert parse_form(answer).action.endswith("/login/code")
    answer = half.post_form(page, {"code": right})
    assert answer.status_code == 401
    assert parse_form(answer).action.endswith("/login"), "back to the first factor"
    assert half.cookie(PENDING) is None
    assert half.login_cookie is None
    assert stage.logins_of(ada) == 0
    stage.client().log_in(ada, code=right)


def test_B10_four_wrong_codes_leave_one_try(stage: Stage, ada: Person) -> None:
    half = stage.half_in(ada.username)
    right, wrong = stage.code(ada), stage.wrong_code(ada)
    for _ in range(4):
        assert half.second_factor(wrong).status_code == 401
    assert half.second_factor(right).status_code == 303
    assert half.is_signed_in()


# -- B11: a password is no way to enroll -----------------------------------------------------------------------


def test_B11_a_password_alone_neither_signs_in_nor_enrolls(stage: Stage) -> None:
    name, enrollment_code = stage.invite(password=PASSWORD)
    half = stage.half_in(name)
    for code in ("123456", "000000", "0123-4567-89AB-CDEF-GHJK-MNPQ"):
        answer = half.second_factor(code)
        assert answer.status_code == 401
        assert parse_form(answer).action.endswith("/login/code")
    for path in ("enroll/account", "enroll/phone"):
        answer = half.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/enroll"), path
    for guess in (PASSWORD, name, "", half.cookie(PENDING) or ""):
        answer = half.post_form(half.get("enroll"), {"enrollment_code": guess})
        assert answer.status_code == 401
    values = {"username": name, "password": PASSWORD, "password_again": PASSWORD, "code": "123456"}
    for path in ("enroll/account", "enroll/phone"):
        token = parse_form(half.get("enroll")).fields["_xsrf"]
        answer = half.request("POST", path, data={**values, "_xsrf": token})
        assert answer.status_code == 401, path
        assert "totp-secret" not in answer.text
    assert half.login_cookie is None
    assert half.cookie("-enroll-") is None
    assert stage.rows(f"SELECT * FROM totp_authenticator WHERE account_id = '{stage.account_id(name)}'") == []
    stage.unlock(name)
    newcomer = stage.client()
    newcomer.enroll(enrollment_code, username=name, clock=stage.clock.time)
    assert newcomer.is_signed_in(), "with the enrollment code"


# -- B13: the row ------------------------------------------------------------------------------------------------


def test_B13_the_row_of_a_pending_login_holds_no_password_no_code_and_no_bearer(stage: Stage) -> None:
    password = "a password for one test only, 7261"
    ada = stage.person(password=password)
    half = stage.half_in(ada.username, password)
    pending = half.cookie(PENDING) or ""
    wrong = stage.wrong_code(ada)
    assert half.second_factor(wrong).status_code == 401
    (row,) = stage.rows(f"SELECT * FROM pending_login WHERE account_id = '{stage.account_id(ada)}'")
    shown = " ".join(map(str, row))
    for secret in (password, wrong, stage.code(ada), pending):
        assert secret not in shown
    at_rest = stage.bytes_at_rest()
    assert stage.account_id(ada).encode() in at_rest, "this is the file that is looked through"
    assert password.encode() not in at_rest
    assert pending.encode() not in at_rest
    for secret in (password, wrong, pending):
        assert secret not in stage.server.log


# -- B14: what changes meanwhile -------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["passwd", "disable", "reset", "deluser"])
def test_B14_a_change_of_the_account_voids_its_pending_logins(stage: Stage, ada: Person, change: str) -> None:
    half = stage.half_in(ada.username)
    page = half.get("login/code")
    operate(stage, ada, change)
    answer = half.post_form(page, {"code": stage.code(ada)})
    assert answer.status_code == 401
    assert half.login_cookie is None
    account = stage.services.store.accounts.by_name(ada.username)
    assert account is None or stage.logins_of(ada) == 0


def operate(stage: Stage, person: Person, change: str) -> None:
    """What the command line does, in another process than the server's."""
    accounts, name = stage.services.accounts, person.username
    if change == "passwd":
        accounts.set_password(name, f"{PASSWORD}, changed", actor="operator")
    elif change == "disable":
        accounts.set_disabled(name, disabled=True, actor="operator")
    elif change == "reset":
        accounts.reset(name, actor="operator")
    else:
        accounts.delete(name, actor="operator")


# -- B16: not by GET ---------------------------------------------------------------------------------------------------


def test_B16_a_code_in_the_url_is_neither_used_nor_logged(stage: Stage, ada: Person) -> None:
    half = stage.half_in(ada.username)
    right, wrong = stage.code(ada), stage.wrong_code(ada, "739")
    before = stage.counted()
    for code in (right, wrong):
        for path in ("login/code", "login", "api/totp/login", "api/contents", "nothing/here"):
            answer = half.get(path, params={"code": code, "username": ada.username})
            assert half.login_cookie is None, path
            assert code not in answer.text, path
        assert code not in half.get("login/code", params={"code": code}).headers.get("Location", "")
    for method in ("PUT", "PATCH", "DELETE"):
        answer = half.request(method, "login/code", params={"code": wrong})
        assert answer.status_code == 405
    assert half.get("api/totp/login", params={"code": right}).status_code == 405
    assert stage.counted() == before, "nothing was evaluated"
    assert right not in stage.server.log
    assert wrong not in stage.server.log
    assert half.second_factor(right).status_code == 303


# -- B19, B20: the moment in between ---------------------------------------------------------------------------------------


def contents_with(half: Half) -> bytes:
    return message(half.url, "GET", "/api/contents", cookies=half.cookies)


def test_B19_a_request_in_the_same_write_as_the_code_is_not_signed_in(stage: Stage, ada: Person) -> None:
    half = stage.half(stage.pending(ada.username))
    # Before the connection: to have a code moves the clock, and tornado looks at it twice for each time-out.
    code = stage.code(ada)
    with Wire(stage.server.url) as wire:
        wire.send(half.code(code) + contents_with(half))
        granted, ridden = wire.answer(), wire.answer()
    assert granted.status == 303
    assert ridden.status == 403
    assert json.loads(ridden.body)["reason"] == "signed-out"


@pytest.mark.race
def test_B20_no_request_that_bears_only_a_pending_login_is_ever_served(stage: Stage, ada: Person) -> None:
    requests_with_pending, granted = 0, 0
    for _ in range(100):
        half = stage.half(stage.pending(ada.username, known=None))
        code, contents = half.code(stage.code(ada)), contents_with(half)
        url = stage.server.url
        wave = [(url, contents)] * 10 + [(url, code)] + [(url, contents)] * 10
        answers = volley(wave)
        login = answers.pop(10)
        assert login.status == 303, login.text
        granted += 1
        assert {answer.status for answer in answers} == {403}
        requests_with_pending += len(answers)
    assert (granted, requests_with_pending) == (100, 2000)


def test_the_doors_of_B01_open_for_a_whole_login(stage: Stage, ada: Person) -> None:
    client = stage.log_in(ada)
    opened = [path for method, path in PROBES if method == "GET" and client.get(path).ok]
    assert {"api/contents", "api/me", "api/kernels", "lab", "metrics", "api/totp/me"} <= set(opened)
    assert client.get("api/contents").status_code == requests.codes.ok
