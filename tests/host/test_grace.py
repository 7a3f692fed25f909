"""Notices and ends with a grace, on real servers: every page hears, and the end comes whatever happens."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websocket import WebSocket, WebSocketTimeoutException

from jupyter_totp_auth.web.hints import NEWS
from tests.harness.backstage import Backstage, backstage, wait_until
from tests.harness.client import Client, is_closed
from tests.harness.lean import lean

SOON = 5
"""Seconds in which a page has heard, with a wide margin: the store is looked at four times a second."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    with lean(tmp_path_factory.mktemp("grace")) as server, backstage(server) as opened:
        opened.enrolled("ada")
        opened.enrolled("bob")
        yield opened


def hears(events: WebSocket) -> bool:
    """Whether a page is told to look, passing over what Jupyter tells of kernels."""
    events.settimeout(SOON)
    try:
        while (told := json.loads(events.recv()))["schema_id"] != json.loads(NEWS)["schema_id"]:
            pass
    except WebSocketTimeoutException:
        return False
    return bool(told == json.loads(NEWS))


def hears_nothing(events: WebSocket) -> bool:
    events.settimeout(1)
    try:
        return json.loads(NEWS)["schema_id"] != json.loads(events.recv())["schema_id"]
    except WebSocketTimeoutException:
        return True


def login_of(browser: Client) -> dict[str, str]:
    found: dict[str, str] = browser.get("api/totp/me").json()["login"]
    return found


def test_a_notice_of_the_command_line_reaches_the_pages_of_every_server_of_the_store(
    stage: Backstage, tmp_path: Path
) -> None:
    store = {
        "JUPYTER_TOTP_DATABASE_URL": f"sqlite:///{stage.server.database}",
        "JUPYTER_TOTP_KEY_FILE": str(stage.server.home / "data" / "totp-key" / "keyring"),
    }
    with lean(tmp_path, environment=store) as sister:
        pages = [stage.signed_in("ada"), stage.signed_in("bob", url=sister.url)]
        sockets = [page.socket("api/events/subscribe") for page in pages]
        done = stage.server.totp("notice", "Lunch at noon", "--valid-for", "1h")
        assert done.returncode == 0, done.stderr
        assert [hears(socket) for socket in sockets] == [True, True]
        for page in pages:
            (notice,) = page.get("api/totp/me").json()["notices"]
            assert (notice["message"], notice["sender"]) == ("Lunch at noon", None)
        assert stage.server.totp("notice", "--clear").returncode == 0
        assert [hears(socket) for socket in sockets] == [True, True]
        assert [page.get("api/totp/notices").json()["notices"] for page in pages] == [[], []]


def test_only_the_pages_of_a_login_hear_of_its_end(stage: Backstage) -> None:
    ada, bob = stage.signed_in("ada"), stage.signed_in("bob")
    theirs, others = ada.socket("api/events/subscribe"), bob.socket("api/events/subscribe")
    assert stage.server.totp("logins", "ada", "--end-all", "--grace", "60").returncode == 0
    assert hears(theirs)
    assert login_of(ada)["ending"] == "ended-by-admin"
    assert hears_nothing(others)
    assert login_of(bob)["ending"] is None


def test_its_sockets_end_with_it_although_its_page_does_nothing(stage: Backstage) -> None:
    ada = stage.signed_in("ada")
    kernel_id = ada.start_kernel()
    kernel, events = ada.kernel_socket(kernel_id), ada.socket("api/events/subscribe")
    grace = 6
    begun = time.monotonic()
    assert stage.server.totp("logins", "ada", "--end-all", "--grace", str(grace)).returncode == 0
    assert hears(events)
    if time.monotonic() - begun < grace / 2:  # a slow machine may have used the grace up
        assert ada.execute(kernel, "print(6 * 7)") == "42\n"
    wait_until(lambda: not ada.is_signed_in(), 3 * grace, "the end")
    assert time.monotonic() - begun >= grace - 1
    assert is_closed(kernel, 2) == 1001
    answer = ada.get("api/totp/me")
    assert (answer.status_code, answer.json()["reason"]) == (403, "signed-out")
    assert answer.json()["message"].startswith("An administrator has ended this login.")
    again = stage.signed_in("ada")
    assert kernel_id in [one["id"] for one in again.get("api/kernels").json()], "kernels run on"


def test_a_locked_login_ends_too(stage: Backstage) -> None:
    bob = stage.signed_in("bob")
    assert bob.request("POST", "api/totp/lock").status_code == 204
    assert stage.server.totp("logins", "bob", "--end-all", "--grace", "2").returncode == 0

    def reason() -> str:
        return str(bob.get("api/totp/me").json()["reason"])

    wait_until(lambda: reason() == "signed-out", 15, "the end")


@pytest.mark.slow
def test_a_server_that_is_killed_within_the_grace_and_started_anew_ends_it_at_its_time(
    tmp_path: Path,
) -> None:
    with lean(tmp_path) as server, backstage(server) as stage:
        stage.enrolled("ada")
        ada = stage.signed_in("ada")
        grace = 25
        begun = time.monotonic()
        assert server.totp("logins", "ada", "--end-all", "--grace", str(grace)).returncode == 0
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
        server.start()
        if time.monotonic() - begun < grace - 5:
            assert login_of(ada)["ending"] == "ended-by-admin"
        wait_until(lambda: not ada.is_signed_in(), 2 * grace, "the end")
        assert time.monotonic() - begun >= grace - 1
