"""Extensions as they are in use: each thing that they say they are about stands in the table, and is held."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.core.rights import TABLE, UNKNOWN
from tests.harness.backstage import wait_until
from tests.harness.client import Client
from tests.harness.collaboration import PROXY, install
from tests.harness.lean import EXTENSIONS, enabling
from tests.harness.server import JupyterServer
from tests.rights.conftest import write
from tests.rights.people import Asker, House, open_house
from tests.services.ports import accepts, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
PACKAGES = [
    *(
        "jupyter_server",
        "jupyterlab",
        "jupyterlab_server",
        "notebook",
        "jupyter_server_terminals",
        "jupyter_lsp",
    ),
    *("jupyter_server_ydoc", "jupyter_server_fileid", "jupyter_server_proxy"),
]
"""What has handlers; jupyter-collaboration is the two of the middle."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return install(tmp_path_factory.mktemp("extensions"), PROXY)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[House]:
    """A JupyterLab with all of them."""
    home = tmp_path_factory.mktemp("full")
    paths = os.pathsep.join((environment["PYTHONPATH"], str(EXTENSIONS)))
    added = {**environment, "PYTHONPATH": paths, "DECLARES": str(home / "declared")}
    with open_house(
        JupyterServer(home, app="lab", arguments=enabling("declares"), environment=added)
    ) as found:
        write(found.stage.server.root)
        wait_until((home / "declared").exists, 10, "the last handlers")
        yield found


# -- what they say of themselves ---------------------------------------------------------------------


def declared(house: House) -> list[dict[str, Any]]:
    return list(json.loads((house.stage.server.home / "declared").read_text()))


def test_no_handler_of_theirs_is_unknown(full: House) -> None:
    found = [one for one in declared(full) if one["name"].partition(".")[0] in PACKAGES]
    assert {one["name"].partition(".")[0] for one in found} == set(PACKAGES)
    assert [one for one in found if one["taken_for"] == UNKNOWN] == []


def test_every_word_that_a_handler_says_is_in_the_table(full: House) -> None:
    said = {one["says"] for one in declared(full) if isinstance(one["says"], str)}
    assert len(said) > 10
    assert said <= set(TABLE)


def words_of(source: str) -> set[str]:
    """What stands in the source as a resource: also where nothing is routed to it now."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=("auth_resource" | "AUTH_RESOURCE"))],
                value=ast.Constant(value=str(word)),
            ):
                found.add(word)
            case ast.keyword(arg="resource", value=ast.Constant(value=str(word))):
                found.add(word)
            case ast.Call(
                func=ast.Attribute(attr="is_authorized"), args=[_, _, _, ast.Constant(value=str(word))]
            ):
                found.add(word)
    return found


def test_every_word_in_their_sources_is_in_the_table(environment: dict[str, str]) -> None:
    program = "import importlib.util as u, sys\nfor name in sys.argv[1:]: print(u.find_spec(name).origin)"
    done = subprocess.run(
        [sys.executable, "-c", program, *PACKAGES],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    found: set[str] = set()
    for place in done.stdout.split():
        for path in Path(place).parent.rglob("*.py"):
            if "tests" not in path.parts:
                found |= words_of(path.read_text())
    assert {"contents", "lsp", "terminals", "kernels"} <= found
    assert found <= set(TABLE)


# -- programs behind jupyter-server-proxy, and language servers --------------------------------------


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Its port, and what it was sent."""
    port, journal = free_port(), tmp_path_factory.mktemp("neighbour") / "journal"
    journal.touch()
    with subprocess.Popen([sys.executable, HERE / "neighbour.py", str(port), journal]) as running:
        wait_until(lambda: accepts(port), 20, "the neighbour")
        yield port, journal
        running.terminate()


NOT_THEIRS = {
    "a reader": (lambda house: house.with_cookie(Role.READER), "role"),
    "a reader's token": (lambda house: house.with_token(Role.READER, "all"), "role"),
    "a token of every scope but all": (
        lambda house: house.with_token(Role.MEMBER, "contents:write", "kernels:execute", "terminals:execute"),
        "scope",
    ),
    "a token for a folder": (
        lambda house: house.with_token(Role.MEMBER, "contents:write", path_prefix="mine"),
        "scope",
    ),
}
THEIRS = {
    "a member": lambda house: house.with_cookie(Role.MEMBER),
    "a member's token": lambda house: house.with_token(Role.MEMBER, "all"),
}


def reason_of_socket(asker: Asker, path: str) -> str:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        asker.open(path)
    assert refused.value.status_code == 403
    return str(json.loads(refused.value.resp_body)["reason"])


@pytest.mark.parametrize("who", NOT_THEIRS)
def test_nothing_of_a_neighbour_for(full: House, neighbour: tuple[int, Path], who: str) -> None:
    make, reason = NOT_THEIRS[who]
    asker, (port, journal) = make(full), neighbour
    before = journal.read_text()
    for way in (
        f"proxy/{port}",
        f"proxy/absolute/{port}",
        f"proxy/127.0.0.1:{port}",
        f"proxy/localhost:{port}",
    ):
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            answer = asker.ask(method, f"{way}/page")
            assert answer.status_code == 403
            if method != "HEAD":
                assert answer.json()["reason"] == reason
        assert reason_of_socket(asker, f"{way}/socket") == reason
    assert asker.ask("GET", "server-proxy/servers-info").json()["reason"] == reason
    assert asker.ask("GET", f"proxy/{port}").json()["reason"] == reason  # where it adds a slash
    assert journal.read_text() == before


def echoed(live: websocket.WebSocket) -> None:
    """It answers; then it is closed."""
    live.settimeout(20)
    live.send("said")
    assert live.recv() == "said"
    live.shutdown()


@pytest.mark.parametrize("who", THEIRS)
def test_a_neighbour_and_its_sockets_for(full: House, neighbour: tuple[int, Path], who: str) -> None:
    asker, (port, _) = THEIRS[who](full), neighbour
    assert asker.ask("GET", f"proxy/{port}/page").text == "the neighbour"
    assert asker.ask("POST", f"proxy/{port}/page", data=b"x").text == "the neighbour"
    echoed(asker.open(f"proxy/{port}/socket"))
    assert asker.ask("GET", "server-proxy/servers-info").status_code == 200


def test_a_neighbour_is_never_handed_what_opens_this_server(full: House, neighbour: tuple[int, Path]) -> None:
    """Its own cookies and its own password it gets."""
    port, journal = neighbour
    member, program = house_guests(full, "mona")
    client = member.client
    assert client is not None
    client.session.cookies.set("theirs", "1")
    client.session.cookies.set("jupyter-totp-login-9999-0123abcd", "of another server on this host")
    journal.write_text("")
    secrets = [str(client.login_cookie), str(client.cookie("-known-")), program.token, "of another server"]
    for ask in (member.ask, program.ask):
        assert ask("GET", f"proxy/{port}/page?a=1").status_code == 200
    own = {"Authorization": "Basic dGhlaXI6b3du"}
    assert member.ask("GET", f"proxy/{port}/page", headers=own).status_code == 200
    for open_ in (member.open, program.open):
        echoed(open_(f"proxy/{port}/socket?a=1"))
    url = f"{full.stage.url.replace('http', 'ws', 1)}proxy/{port}/socket?a=1&token={program.token}&b=2"
    echoed(websocket.create_connection(url))
    text = journal.read_text()
    assert [secret for secret in secrets if secret in text] == []
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line[1] for line in lines] == ["/page?a=1"] * 2 + ["/page"] + ["/socket?a=1"] * 2 + [
        "/socket?a=1&b=2"
    ]
    assert "theirs=1" in lines[0][2]["Cookie"]
    assert lines[2][2]["Authorization"] == own["Authorization"]


def test_a_neighbour_leaves_nothing_in_the_browser_that_is_this_servers(
    full: House, neighbour: tuple[int, Path]
) -> None:
    port, _ = neighbour
    member, _ = house_guests(full, "nora")
    client = member.client
    assert client is not None
    bearer, name = client.login_cookie, client.cookie_name("-login-")
    names = f"cookie={name}&cookie=__Host-{name}&cookie=harmless"
    answer = client.get(f"proxy/{port}/page?{names}")
    assert answer.text == "the neighbour"
    assert "Service-Worker-Allowed" not in answer.headers
    assert sorted(c.name for c in answer.cookies) == ["harmless", "theirs"]
    assert client.login_cookie == bearer
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"  # what else is held still is


def house_guests(house: House, name: str) -> tuple[Asker, Asker]:
    """A member's browser, which has logged in by the pages so that it is known, and a program of theirs."""
    person = house.stage.enrolled(name)
    client = Client(house.stage.url)
    client.log_in(person)
    member = house.with_cookie(Role.MEMBER)
    member.client = client
    return member, house.with_token(Role.MEMBER, "all")


def test_whoever_becomes_a_reader_has_a_neighbour_no_more(full: House, neighbour: tuple[int, Path]) -> None:
    port, _ = neighbour
    full.person("nina", Role.MEMBER)
    client = full.stage.signed_in("nina")
    live = client.socket(f"proxy/{port}/socket")
    live.settimeout(5)
    live.send("said")
    assert live.recv() == "said"
    full.set("nina", role=Role.READER)
    assert live.recv() == ""
    live.shutdown()


@pytest.mark.parametrize("who", NOT_THEIRS)
def test_no_language_server_for(full: House, who: str) -> None:
    make, reason = NOT_THEIRS[who]
    assert reason_of_socket(make(full), "lsp/ws/pylsp") == reason


@pytest.mark.parametrize("who", THEIRS)
def test_a_language_server_for(full: House, who: str) -> None:
    """There is none of that name, so the socket opens and says nothing."""
    live = THEIRS[who](full).open("lsp/ws/none")
    assert live.connected
    live.shutdown()
