"""What the sentinel mutants (tests/mutants) asked for and no other group had: each of these kills one."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import websocket

from jupyter_totp_auth.web.sockets import CLOSE_CODE
from tests.attacks.stage import Stage, open_stage
from tests.harness.client import PASSWORD, Client, Person, is_closed, parse_form

PEOPLE: list[tuple[str, str, dict[str, object] | None]] = [
    ("GET", "", None),
    ("POST", "", {"username": "mine"}),
    ("PATCH", "/{}", {"role": "admin"}),
    ("PATCH", "/{}", {"disabled": True}),
    ("POST", "/{}/reset", None),
    ("DELETE", "/{}/logins", None),
    ("DELETE", "/{}", None),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("sentinels")) as found:
        yield found


@pytest.fixture
def ada(stage: Stage) -> Person:
    return stage.person()


def test_H16_a_member_manages_nobody(stage: Stage, ada: Person) -> None:
    client, bob = stage.log_in(ada), stage.person()
    before = stage.rows("SELECT * FROM account ORDER BY id")
    for whom in (stage.account_id(bob), stage.account_id(ada)):
        for method, path, body in PEOPLE:
            more = {} if body is None else {"json": body}
            answer = client.request(method, f"api/totp/accounts{path.format(whom)}", **more)
            assert answer.status_code == 403, (method, path)
            assert answer.json()["reason"] == "admin"
            assert bob.username not in answer.text
    assert stage.rows("SELECT * FROM account ORDER BY id") == before
    assert client.is_signed_in()


def enrolls(stage: Stage, code: str, username: str) -> Person | None:
    """Through the pages, by a browser of its own; None where the code opens nothing."""
    client = stage.client()
    answer = client.post_form(client.get("enroll"), {"enrollment_code": code})
    if answer.status_code != 303:
        assert "totp-secret" not in answer.text
        return None
    page = client.follow(answer)
    if "password" not in parse_form(page).fields:
        return None
    return Client.enroll(stage.client(), code, username=username, clock=stage.clock.time)


def test_K01_an_enrollment_code_enrolls_one_person_once(stage: Stage) -> None:
    username, code = stage.invite()
    person = enrolls(stage, code, username)
    assert person is not None
    assert enrolls(stage, code, username) is None, "used up"
    stage.log_in(person)

    later, code = stage.invite()
    stage.clock.move(24 * 3600 + 1)
    assert enrolls(stage, code, later) is None, "too late"


def test_K01_of_twenty_browsers_with_one_enrollment_code_one_enrolls(stage: Stage) -> None:
    username, code = stage.invite()

    def enroll(number: int) -> str:
        try:
            Client.enroll(
                stage.client(),
                code,
                username=username,
                password=f"{PASSWORD}{number}",
                clock=stage.clock.time,
            )
        except AssertionError:
            return "refused"
        return "enrolled"

    with ThreadPoolExecutor(20) as pool:
        ends = Counter(pool.map(enroll, range(20)))
    # None, where each has voided another's try; then the code is still good.
    assert ends["enrolled"] <= 1, ends
    account = stage.account_id(username)
    phones = stage.rows(f"SELECT id FROM totp_authenticator WHERE account_id = '{account}'")
    assert len(phones) == ends["enrolled"]
    assert (enrolls(stage, code, username) is None) is (ends["enrolled"] == 1)


def test_C17_a_clock_that_is_set_back_delays_no_end_of_a_login(stage: Stage, ada: Person) -> None:
    client = stage.log_in(ada)
    socket = client.socket("api/events/subscribe")
    stage.clock.move(-3600)
    try:
        time.sleep(0.5)  # the next look is planned by now
        assert stage.end_logins(ada.username) == 1  # by another process
        assert is_closed(socket, 10) == CLOSE_CODE
        assert client.get("api/contents").status_code == 403
    finally:
        stage.clock.move(3600)


def test_H23_no_message_is_heard_between_the_end_and_the_next_look_at_the_sockets(
    stage: Stage, ada: Person, tmp_path: Path
) -> None:
    for number in range(4):
        client = stage.signed_in(ada.username, lifetime=100)
        terminal = client.socket(f"terminals/websocket/{client.start_terminal()}")
        while "$" not in (shown := terminal.recv()) and "#" not in shown:
            pass
        stage.clock.move(101)
        # At once: the sockets are looked through every quarter of a second.
        with suppress(OSError, websocket.WebSocketException):
            terminal.send(json.dumps(["stdin", f"touch {tmp_path}/heard-{number}\n"]))
        assert is_closed(terminal, 5) is not None
    time.sleep(1)
    assert list(tmp_path.iterdir()) == []


def test_C17_a_clock_behind_the_newest_login_takes_nobodys_codes(stage: Stage, ada: Person) -> None:
    bob = stage.person()
    stage.clock.move(3600)
    stage.log_in(ada)
    stage.clock.move(-600)
    client = stage.half_in(bob.username)
    answer = client.second_factor(bob.phone.code())  # of a step that bob has not used
    assert answer.status_code == 503
    assert "clock is wrong" in answer.text
    assert client.login_cookie is None
    assert client.second_factor(bob.recovery_codes[0]).status_code == 303
    assert client.is_signed_in()
    stage.clock.move(600)
