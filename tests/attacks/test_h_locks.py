"""Group H and D of the attack list: idle, locked, step-up, against a real server whose clock is moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from websocket import WebSocket

from jupyter_totp_auth.web.sockets import CLOSE_CODE
from tests.attacks.stage import Opener, Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import PASSWORD, Client, Person, is_closed
from tests.harness.wire import ask

IDLE = 60
POLLED = ("api/kernels", "api/sessions", "api/terminals", "api/status")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, open_here: Opener) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("locks")
    with open_here(folder, cheap=True, arguments=[f"--TotpAuth.idle_timeout={IDLE}"]) as found:
        yield found


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


def post(client: Client, path: str, **body: str) -> requests.Response:
    return client.request("POST", f"api/totp/{path}", **({"json": body} if body else {}))


def reason(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


def opened(client: Client) -> list[WebSocket]:
    """A kernel's, a terminal's and the events' socket."""
    kernel = client.kernel_socket(client.start_kernel())
    terminal = client.socket(f"terminals/websocket/{client.start_terminal()}")
    return [kernel, terminal, client.socket("api/events/subscribe")]


def test_H10_polls_are_no_activity_the_login_is_locked_and_its_sockets_are_closed(
    stage: Stage, ada: Person
) -> None:
    client = stage.log_in(ada)
    sockets = opened(client)
    kernels = len(client.get("api/kernels").json())
    for _ in range(9):
        stage.clock.move(10)
        for path in POLLED:
            client.get(path)
    wait_until(lambda: client.get("api/kernels").status_code == 403, 5, "the lock")
    assert [is_closed(socket) for socket in sockets] == [CLOSE_CODE] * 3
    for path in (*POLLED, "api/contents", "api/me", "lab/api/settings", "files/x", "metrics"):
        assert reason(client.get(path, headers={"Sec-Fetch-Mode": "cors"})) == (403, "locked"), path
    for method in ("POST", "PUT", "DELETE"):
        assert reason(client.request(method, "api/contents/x", json={})) == (403, "locked")
    assert post(client, "unlock", code=stage.code(ada)).status_code == 204
    assert len(client.get("api/kernels").json()) == kernels, "kernels run on"


def test_H11_a_person_who_types_stays(stage: Stage, ada: Person) -> None:
    client = stage.log_in(ada)
    live = opened(client)[2]
    for _ in range(9):
        stage.clock.move(20)
        assert post(client, "activity").status_code == 204
        assert client.get("api/kernels").status_code == 200
    assert live.connected
    assert is_closed(live, 1) is None


def test_H13_one_factor_after_the_idle_limit_and_both_after_the_absolute_end(
    stage: Stage, ada: Person
) -> None:
    client = stage.log_in(ada)
    stage.clock.move(IDLE)
    wait_until(lambda: client.get("api/kernels").status_code == 403, 5, "the lock")
    assert post(client, "unlock", password=PASSWORD).status_code == 204
    assert client.get("api/kernels").status_code == 200
    stage.clock.move(24 * 3600)
    assert reason(post(client, "unlock", password=PASSWORD)) == (403, "signed-out")
    assert reason(post(client, "unlock", code=stage.code(ada))) == (403, "signed-out")
    assert (
        client.get("api/contents", headers={"Sec-Fetch-Mode": "navigate"})
        .headers["Location"]
        .startswith("/login?")
    )


def test_H13_a_restart_of_the_clock_or_a_copied_cookie_does_not_unlock(stage: Stage, ada: Person) -> None:
    client = stage.log_in(ada)
    assert post(client, "lock").status_code == 204
    copied = {"Cookie": f"{client.cookie_name('-login-')}={client.login_cookie}"}
    assert ask(stage.server, "GET", "api/contents", copied).json()["reason"] == "locked"
    with stage.clock.standing():
        stage.clock.move(-IDLE)
        assert reason(client.get("api/contents")) == (403, "locked")
        stage.clock.move(IDLE)
    assert reason(post(client, "activity")) == (403, "locked")
    assert reason(client.get("api/contents")) == (403, "locked")


def test_H04_a_step_up_rotates_the_bearer_and_the_old_one_is_dead(stage: Stage, ada: Person) -> None:
    client = stage.log_in(ada)
    live = client.socket("api/events/subscribe")
    old, name = str(client.login_cookie), client.cookie_name("-login-")
    answer = post(client, "step-up", password=PASSWORD, code=stage.code(ada))
    assert answer.status_code == 200, answer.text
    assert client.login_cookie != old
    assert ask(stage.server, "GET", "api/contents", {"Cookie": f"{name}={old}"}).status == 403
    assert client.get("api/contents").status_code == 200
    assert is_closed(live, 1) is None, "its sockets stay"
    client.log_out()
    assert is_closed(live) == CLOSE_CODE


@pytest.mark.parametrize("path", ["step-up", "unlock"])
def test_D23_wrong_codes_behind_a_login_are_throttled_and_spend_nothing_of_the_owners(
    stage: Stage, ada: Person, path: str
) -> None:
    client = stage.log_in(ada)
    if path == "unlock":
        post(client, "lock")
    body = {"code": stage.wrong_code(ada), **({"password": PASSWORD} if path == "step-up" else {})}
    with stage.clock.standing():
        for _ in range(5):
            assert reason(post(client, path, **body)) == (401, "denied")
        throttled = post(client, path, **body)
        assert reason(throttled) == (429, "throttled")
        assert int(throttled.headers["Retry-After"]) in (1, 30)
        right = {**body, "code": ada.phone.code()}
        assert reason(post(client, path, **right)) == (429, "throttled"), "the right one is not looked at"
    evaluated = 5
    for _ in range(40):
        stage.clock.move(3600)
        if path == "step-up":
            post(client, "activity")
        answer = post(client, path, **body)
        evaluated += answer.status_code == 401
        if answer.status_code == 403:  # the login's absolute end
            break
        post(client, "unlock", password=PASSWORD)
        if path == "unlock":
            post(client, "lock")
    assert evaluated <= 20
    assert stage.log_in(ada).is_signed_in(), "the owner still gets in, from an unknown browser"


def test_D23_one_code_steps_up_and_unlocks_once(stage: Stage, ada: Person) -> None:
    client = stage.log_in(ada)
    code = stage.code(ada)
    assert post(client, "step-up", password=PASSWORD, code=code).status_code == 200
    assert reason(post(client, "step-up", password=PASSWORD, code=code)) == (401, "denied")
    post(client, "lock")
    assert reason(post(client, "unlock", code=code)) == (401, "denied")
    half = stage.half_in(ada.username)
    assert half.second_factor(code).status_code == 401


def test_H10_a_locked_login_is_nobody_where_the_operator_has_opened_a_path(tmp_path: Path) -> None:
    with open_stage(tmp_path, cheap=True, arguments=["--TotpAuth.public_routes=api/.*"]) as stage:
        client = stage.log_in(stage.person())
        kernel = client.start_kernel()
        assert post(client, "lock").status_code == 204
        for path in ("api/me", "api/contents", "api/kernels", "api/terminals"):
            assert client.get(path, headers={"Sec-Fetch-Mode": "cors"}).status_code == 403, path
        assert client.request("POST", "api/terminals", json={}).status_code == 403
        with pytest.raises(Exception, match="403"):
            client.kernel_socket(kernel)
        assert "public_routes: 'api/.*' takes in api/contents" in stage.server.log
