"""A URL with a token in it, as a person gives it to VS Code and PyCharm; and where such a token counts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import websocket

from jupyter_totp_auth.core.model import Role
from tests.harness.client import execute_request
from tests.harness.lean import lean
from tests.rights.people import Asker, House, open_house
from tests.rights.test_clients import HERE, MODULES
from tests.rights.test_sockets import heard

PLACES = ["websocket", "api", "never"]


@pytest.fixture(scope="module", params=PLACES)
def below(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server under a prefix, with each value of ``token_in_url``."""
    server = lean(tmp_path_factory.mktemp(f"urls-{request.param}"), base_url="/a/b/")
    server.arguments = [*server.arguments, f"--TotpAuth.token_in_url={request.param}"]
    with open_house(server) as found:
        yield found


@pytest.fixture
def program(below: House) -> Asker:
    return below.with_token(Role.MEMBER, "kernels:execute")


def place_of(house: House) -> str:
    return next(place for place in PLACES if house.stage.server.arguments[-1].endswith(f"={place}"))


def in_vs_code(typed: str, password: str = "") -> dict[str, Any]:
    done = subprocess.run(
        ["node", HERE / "vscode_client.cjs"],
        env={**os.environ, "NODE_PATH": str(MODULES)},
        input=f"{typed}\n{password}",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("page", ["", "lab", "lab/tree/deep/book.ipynb"])
def test_vs_code_with_the_token_in_its_url(below: House, program: Asker, page: str) -> None:
    """It puts the token into the header, and into the URL of WebSockets: good in every setting."""
    said = in_vs_code(f"{program.url}{page}?token={program.token}")
    assert said == {"baseUrl": program.url, "asked": True, "hub": False, "ran": "42"}
    assert program.token not in below.stage.log


def test_vs_code_with_the_token_as_a_password_gets_no_further(below: House, program: Asker) -> None:
    """It sends what a stock server's form has, no name among it: no account is charged for it."""
    said = in_vs_code(program.url, program.token)
    assert said == {"baseUrl": program.url, "asked": True, "hub": False, "ran": "refused: Please sign in."}
    assert program.token not in below.stage.log
    events = json.loads(below.stage.server.totp("log", "--json").stdout)
    denied = [event for event in events if event["event"] == "first-factor-denied"]
    assert denied
    assert {event["account"] for event in denied} == {None}


def test_jetbrains_as_its_open_plugin_did(below: House, program: Asker) -> None:
    """The page first, for `_xsrf`; then token and cookies in headers, and an Origin on the socket."""
    with requests.Session() as session:
        assert session.get(program.url, timeout=30).ok
        assert "_xsrf" in session.cookies
        session.headers["Authorization"] = f"token {program.token}"
        made = session.post(f"{program.url}api/kernels", timeout=30)
        assert made.status_code == 201, made.text
        kernel = f"api/kernels/{made.json()['id']}"
        origin = "/".join(program.url.split("/")[:3])
        live = websocket.create_connection(
            f"{program.url.replace('http', 'ws', 1)}{kernel}/channels",
            header=[f"Authorization: token {program.token}"],
            origin=origin,
            timeout=30,
        )
        live.send(json.dumps(execute_request("print(6 * 7)")))
        assert heard(live, "stream")["content"]["text"] == "42\n"
        live.shutdown()
        assert session.delete(f"{program.url}{kernel}", timeout=30).status_code == 204


def test_a_program_with_the_token_in_every_url(below: House, program: Asker) -> None:
    """As jupyter-mcp-server, and whoever opens the URL that was given to them; a page never takes it."""
    place = place_of(below)
    answers = {
        path: requests.get(f"{program.url}{path}?token={program.token}", timeout=30, allow_redirects=False)
        for path in ("api/status", "api/kernels", "lab")
    }
    assert program.token not in answers["lab"].headers["Location"]
    for path in ("api/status", "api/kernels"):
        if place == "api":
            assert answers[path].status_code == 200
        else:
            assert answers[path].status_code == 403
            assert "goes into the Authorization header" in answers[path].json()["message"]
            assert "TotpAuth.token_in_url" in answers[path].json()["message"]
    assert program.token not in below.stage.log
    told = "GET /a/b/api/status (127.0.0.1) access token in the URL (TotpAuth.token_in_url)"
    assert (told in below.stage.log) == (place != "api")


def test_where_the_token_counts_the_cookies_beside_it_do_not(below: House) -> None:
    """Also not those of a browser that has just been here."""
    browser, program = below.with_cookie(Role.ADMIN), below.with_token(Role.MEMBER, "all")
    place = place_of(below)
    for _ in range(2):
        assert browser.ask("GET", "api/me").json()["identity"]["username"] == "admin-yes"
        beside = browser.ask("GET", f"api/me?token={program.token}").json()["identity"]["username"]
        assert beside == ("member-yes" if place == "api" else "admin-yes")


@pytest.fixture
def kernel(program: Asker) -> str:
    return str(program.ask("POST", "api/kernels", json={}).json()["id"])


def test_a_socket_with_the_token_in_its_url(below: House, program: Asker, kernel: str) -> None:
    url = f"{program.url.replace('http', 'ws', 1)}api/kernels/{kernel}/channels?token={program.token}"
    if place_of(below) == "never":
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            websocket.create_connection(url, timeout=30)
        assert b"It is never taken in a URL" in refused.value.resp_body
        return
    live = websocket.create_connection(url, timeout=30)
    live.send(json.dumps(execute_request("print(6 * 7)")))
    assert heard(live, "stream")["content"]["text"] == "42\n"
    live.shutdown()
