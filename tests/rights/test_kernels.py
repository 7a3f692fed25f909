"""Whose kernel is it: who started it, what others may do with it, and what stands in its environment."""

from __future__ import annotations

import ast
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import websocket
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.core.profiles import new_account
from jupyter_totp_auth.core.true_names import environment_of
from tests.harness.backstage import wait_until
from tests.harness.client import Client, execute_request
from tests.harness.lean import lean
from tests.rights.people import Asker, House, open_house
from tests.rights.test_sockets import RUNS, channels, heard, request

ARGUMENTS = [
    "--TotpAuth.own_kernels=True",
    "--TotpAuth.git_identity={username}@example.org",
    "--TotpAuth.audit_cells=full",
]
MAY_READ = "Your account may read here, but not change or run anything."
KERNEL, TERMINAL = "This kernel belongs to Ada Lovelace.", "This terminal belongs to Ada Lovelace."


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server on which kernels belong to people."""
    server = lean(tmp_path_factory.mktemp("held"), extensions=["forge"])
    server.arguments = [*server.arguments, *ARGUMENTS]
    with open_house(server) as found:
        yield found


def browser(house: House, name: str, role: Role, display_name: str = "") -> Asker:
    """Somebody's browser."""
    account = house.person(name, role)
    if display_name:
        profile = {"initials": account.initials, "color": account.color, "actor": name}
        house.stage.services.accounts.set_profile(account, display_name=display_name, **profile)
    return Asker(name, role, grants=PLAIN, url=house.stage.url, client=house.stage.signed_in(name))


PLAIN: Any = None
"""Rights by the table are other tests' business."""


@pytest.fixture
def ada(held: House) -> Asker:
    return browser(held, "ada", Role.MEMBER, "Ada Lovelace")


@pytest.fixture
def bob(held: House) -> Asker:
    return browser(held, "bob", Role.MEMBER, "Bob")


def client_of(asker: Asker) -> Client:
    assert asker.client is not None
    return asker.client


@pytest.fixture
def kernel(ada: Asker) -> str:
    return client_of(ada).start_kernel()


def session(asker: Asker, path: str, **kernel: str) -> dict[str, Any]:
    body = {"path": path, "type": "notebook", "name": path, "kernel": {"name": "python3", **kernel}}
    answer = asker.ask("POST", "api/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def said(answer: requests.Response) -> tuple[int, str, str]:
    document = answer.json()
    return answer.status_code, str(document.get("reason")), str(document.get("message"))


# -- who may do what with somebody's kernel ----------------------------------------------------------

WHO: dict[str, Callable[[House], Asker]] = {
    "the owner": lambda house: browser(house, "ada", Role.MEMBER),
    "the owner's token": lambda house: house.with_token(Role.MEMBER, "all", name="ada"),
    "another member": lambda house: browser(house, "bob", Role.MEMBER),
    "another member's token": lambda house: house.with_token(Role.MEMBER, "all", name="bob"),
    "another's token of kernels": lambda house: house.with_token(
        Role.MEMBER, "kernels:execute", "terminals:execute", name="bob"
    ),
    "an admin": lambda house: browser(house, "root-too", Role.ADMIN),
    "an admin's token": lambda house: house.with_token(Role.ADMIN, "all", name="root-too"),
    "a reader": lambda house: browser(house, "rita", Role.READER),
}

NO_SUCH = {"kernel": {"name": "no-such"}}

REQUESTS: list[tuple[str, str, Any, bool]] = [
    # With the ids of Ada's kernel, its session and her terminal put in; whether it stops something.
    ("POST", "api/kernels/{kernel}/restart", None, False),
    ("POST", "api/kernels/{kernel}/interrupt", None, True),
    ("PATCH", "api/sessions/{session}", {"path": "{new}"}, False),
    ("PATCH", "api/sessions/{session}", NO_SUCH, False),
    ("PATCH", "api/sessions/{own}", {"kernel": {"id": "{kernel}"}}, False),
    ("POST", "api/sessions", {"path": "{new}", "type": "notebook", "kernel": {"id": "{kernel}"}}, False),
    ("POST", "api/kernels", {"kernel_id": "{kernel}", "name": "python3"}, False),
    ("POST", "api/terminals", {"name": "{terminal}"}, False),
    ("DELETE", "api/terminals/{terminal}", None, True),
    ("DELETE", "api/sessions/{session}", None, True),
    ("DELETE", "api/kernels/{kernel}", None, True),
]


class Theirs:
    """A kernel with its session, and a terminal, of Ada; made anew where somebody has stopped one."""

    def __init__(self, ada: Asker) -> None:
        self.ada = client_of(ada)
        self.asker = ada
        self.ids: dict[str, str] = {}

    def run(self) -> bool:
        kernels = [one["id"] for one in self.ada.get("api/kernels").json()]
        shells = [one["name"] for one in self.ada.get("api/terminals").json()]
        return self.ids.get("kernel") in kernels and self.ids.get("terminal") in shells

    def anew(self) -> None:
        if not self.run():
            theirs = session(self.asker, f"{uuid4()}.ipynb")
            terminal = self.ada.start_terminal()
            self.ids = {"kernel": theirs["kernel"]["id"], "session": theirs["id"], "terminal": terminal}


def filled(text: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def expected_of(who: str, *, stops: bool) -> str:
    if who == "a reader":
        return "role"
    return "" if "owner" in who or (stops and "admin" in who) else "owner"


@pytest.mark.parametrize("who", WHO)
def test_what_each_may_do_with_a_kernel_and_a_terminal_of_ada(held: House, ada: Asker, who: str) -> None:
    asker, theirs, wrong = WHO[who](held), Theirs(ada), []
    own = "none" if who == "a reader" else session(asker, f"{uuid4()}-own.ipynb")["id"]
    for method, path, body, stops in REQUESTS:
        theirs.anew()
        ids = {**theirs.ids, "own": own, "new": f"{uuid4()}.ipynb"}
        options = {} if body is None else {"json": json.loads(filled(json.dumps(body), ids))}
        answer = asker.ask(method, filled(path, ids), **options)
        expected = expected_of(who, stops=stops)
        found = answer.json()["reason"] if answer.status_code == 403 else ""
        if found != expected or (expected and not theirs.run()):
            wrong.append((method, path, body, answer.status_code, answer.text[:200], expected))
        if not expected and answer.status_code >= 500 and body != NO_SUCH:
            wrong.append((method, path, body, answer.status_code, answer.text[:200], "no error"))
    assert wrong == []


# -- their sockets -----------------------------------------------------------------------------------


def run_for(live: websocket.WebSocket, code: str) -> dict[str, Any]:
    """What comes of a run: the error, or the stream."""
    live.send(json.dumps(execute_request(code)))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        message = json.loads(live.recv())
        if message["msg_type"] in ("error", "stream"):
            return dict(message)
    raise AssertionError("nothing came of it")


@pytest.mark.parametrize("who", WHO)
def test_who_may_run_in_a_kernel_of_ada_and_who_only_hears_it(
    held: House, ada: Asker, kernel: str, who: str
) -> None:
    asker = WHO[who](held)
    theirs = channels(asker, kernel)
    came = run_for(theirs, "print('from outside')")
    if "owner" in who:
        assert came["content"]["text"] == "from outside\n"
        return
    sentence = "Your account may read here, but not run anything." if who == "a reader" else KERNEL
    assert (came["msg_type"], came["content"]["evalue"]) == ("error", sentence)
    hers = client_of(ada).kernel_socket(kernel)
    assert client_of(ada).execute(hers, "print('said aloud')") == "said aloud\n"
    assert heard(theirs, "stream")["content"]["text"] == "said aloud\n"


def test_nothing_that_a_kernel_acts_on_passes_from_another_member(
    ada: Asker, bob: Asker, kernel: str
) -> None:
    """Debugger, interrupt and shutdown by message, widgets, completion, an answer to Ada's question."""
    theirs, hers = channels(bob, kernel), client_of(ada).kernel_socket(kernel)
    client_of(ada).execute(hers, "x = 1")
    for kind, content, channel in RUNS:
        theirs.send(json.dumps(request(kind, content, channel)))
    theirs.send(json.dumps(request("kernel_info_request", {})))
    assert heard(theirs, "kernel_info_reply")["content"]["status"] == "ok"
    assert client_of(ada).execute(hers, "print(x)") == "1\n"


@pytest.mark.parametrize("admin", [False, True])
def test_another_takes_no_connection_of_the_owner_over_and_answers_nothing_in_their_place(
    held: House, ada: Asker, kernel: str, *, admin: bool
) -> None:
    """Jupyter cuts the connection of the same session that is there, and asks the new one."""
    other = WHO["an admin" if admin else "another member"](held)
    hers = client_of(ada).socket(f"api/kernels/{kernel}/channels?session_id=tab-one")
    assert client_of(ada).execute(hers, "print(1)") == "1\n"
    theirs = other.open(f"api/kernels/{kernel}/channels?session_id=tab-one")
    theirs.send(json.dumps(request("kernel_info_request", {})))
    assert heard(theirs, "kernel_info_reply")["content"]["status"] == "ok"
    asked = execute_request("print(input('who? '))")
    asked["content"]["allow_stdin"] = True
    hers.send(json.dumps(asked))
    assert heard(hers, "input_request")["content"]["prompt"] == "who? "
    theirs.send(json.dumps(request("input_reply", {"value": "mallory"}, "stdin")))
    time.sleep(0.5)
    hers.send(json.dumps(request("input_reply", {"value": "ada"}, "stdin")))
    assert heard(hers, "stream")["content"]["text"] == "ada\n"


@pytest.mark.parametrize("who", WHO)
def test_a_terminal_of_ada_opens_for_ada_alone(held: House, ada: Asker, who: str) -> None:
    name = client_of(ada).start_terminal()
    asker = WHO[who](held)
    if "owner" in who:
        assert json.loads(asker.open(f"terminals/websocket/{name}").recv())[0] == "setup"
        return
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        asker.open(f"terminals/websocket/{name}")
    answer = json.loads(refused.value.resp_body or b"{}")
    expected = ("role", MAY_READ) if who == "a reader" else ("owner", TERMINAL)
    assert (refused.value.status_code, answer["reason"], answer["message"]) == (403, *expected)


# -- ways around -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "api/kernels/{kernel}",
        "api/kernels/{kernel}/",
        "api//kernels/{kernel}",
        "api/kernels//{kernel}",
        "api/./kernels/{kernel}",
        "api/kernels/{KERNEL}",
        "api/kernels/{dashes}",
        "api/kernels%2F{kernel}",
        "api/%6Bernels/{kernel}",
        "api/kernels/{kernel}?session_id=x",
        "api/kernels/{kernel};x",
        "api/kernels/%{kernel}",
        "api/sessions/{kernel}",
    ],
)
def test_no_way_of_writing_its_address_stops_it(ada: Asker, bob: Asker, kernel: str, path: str) -> None:
    ids = {"kernel": kernel, "KERNEL": kernel.upper(), "dashes": kernel.replace("-", "%2d")}
    assert raw(client_of(bob), "DELETE", "/" + filled(path, ids)) >= 400
    assert kernel in [one["id"] for one in ada.ask("GET", "api/kernels").json()]
    ada.ask("DELETE", f"api/kernels/{kernel}")


def raw(client: Client, method: str, target: str) -> int:
    """As it stands, without a library that mends it; the status."""
    host, _, port = client.url.split("/")[2].partition(":")
    cookies = "; ".join(f"{c.name}={c.value}" for c in client.session.cookies)
    wire = HTTPConnection(host, int(port), timeout=20)
    headers = {"Cookie": cookies, "Origin": client.origin, "X-XSRFToken": client.xsrf}
    wire.request(method, target, headers=headers)
    status = wire.getresponse().status
    wire.close()
    return status


def test_a_session_of_ones_own_cannot_be_moved_onto_anothers_kernel_and_then_stopped(
    ada: Asker, bob: Asker, kernel: str
) -> None:
    own = session(bob, f"{uuid4()}.ipynb")["id"]
    for body in ({"kernel": {"id": kernel}}, {"path": "x", "kernel": {"name": "python3", "id": kernel}}):
        assert said(bob.ask("PATCH", f"api/sessions/{own}", json=body)) == (403, "owner", KERNEL)
    twice = f'{{"kernel": {{"id": "x"}}, "kernel": {{"id": "{kernel}"}}}}'
    odd = {"data": twice, "headers": {"Content-Type": "text/plain"}}
    assert said(bob.ask("PATCH", f"api/sessions/{own}", **odd)) == (403, "owner", KERNEL)
    assert bob.ask("DELETE", f"api/sessions/{own}").status_code == 204
    assert ada.ask("GET", f"api/kernels/{kernel}").status_code == 200


def test_a_session_whose_kernel_has_changed_is_its_new_kernels_owners(
    ada: Asker, bob: Asker, kernel: str
) -> None:
    """Ada moves her notebook to another kernel: neither its session nor the kernel is there for Bob."""
    hers = session(ada, f"{uuid4()}.ipynb")
    assert ada.ask("PATCH", f"api/sessions/{hers['id']}", json={"kernel": {"id": kernel}}).status_code == 200
    assert said(bob.ask("DELETE", f"api/sessions/{hers['id']}")) == (403, "owner", KERNEL)
    assert ada.ask("PATCH", f"api/sessions/{hers['id']}", json={"path": "moved.ipynb"}).status_code == 200
    assert said(bob.ask("PATCH", f"api/sessions/{hers['id']}", json={"path": "b"})) == (403, "owner", KERNEL)
    assert ada.ask("DELETE", f"api/sessions/{hers['id']}").status_code == 204


def test_opening_anothers_notebook_joins_its_session_and_starts_nothing(ada: Asker, bob: Asker) -> None:
    """As JupyterLab asks: the notebook's own session comes back, and Ada stays its kernel's owner."""
    path = f"{uuid4()}.ipynb"
    hers, joined = session(ada, path), session(bob, path)
    assert hers["id"] == joined["id"]
    kernel = joined["kernel"]["id"]
    assert run_for(channels(bob, kernel), "1")["content"]["evalue"] == KERNEL
    assert said(bob.ask("DELETE", f"api/kernels/{kernel}")) == (403, "owner", KERNEL)


def test_what_an_extension_starts_for_somebody_is_theirs_and_what_it_stops_for_another_is_not_stopped(
    held: House, ada: Asker, bob: Asker
) -> None:
    """By Jupyter's managers, from a handler that says nothing of itself (the extension ``forge``)."""
    made = ada.ask("POST", "forge/kernel").json()["id"]
    shell = ada.ask("POST", "forge/terminal").json()["name"]
    assert said(bob.ask("DELETE", f"api/kernels/{made}")) == (403, "owner", KERNEL)
    for thing in (f"forge/stop-kernel?id={made}", f"forge/stop-terminal?name={shell}"):
        assert bob.ask("POST", thing).status_code == 403
    assert bob.ask("POST", f"forge/{made}/anything").json()["reason"] == "owner"
    nobodys = (held.stage.server.home / "forged").read_text()
    assert bob.ask("DELETE", f"api/kernels/{nobodys}").status_code == 204
    assert ada.ask("POST", f"forge/stop-kernel?id={made}").status_code == 200


def test_a_restart_keeps_the_owner_and_a_dead_kernel_has_none(ada: Asker, bob: Asker, kernel: str) -> None:
    assert ada.ask("POST", f"api/kernels/{kernel}/restart").status_code == 200
    assert owner_of(bob, kernel) == "ada"
    assert run_for(channels(bob, kernel), "1")["content"]["evalue"] == KERNEL
    ada.ask("DELETE", f"api/kernels/{kernel}")
    assert owner_of(bob, kernel) is None
    again = {"kernel_id": kernel, "name": "python3"}
    assert bob.ask("POST", "api/kernels", json=again).status_code == 201
    assert owner_of(ada, kernel) == "bob"
    bob.ask("DELETE", f"api/kernels/{kernel}")


# -- who started what, as it is shown ----------------------------------------------------------------


def running(asker: Asker) -> dict[str, Any]:
    return dict(asker.ask("GET", "api/totp/running").json())


def owner_of(asker: Asker, kernel: str) -> str | None:
    found = [one["username"] for one in running(asker)["kernels"] if one["id"] == kernel]
    return found[0] if found else None


def test_everybody_sees_who_started_what(held: House, ada: Asker, bob: Asker, kernel: str) -> None:
    shell = client_of(bob).start_terminal()
    token = held.with_token(Role.MEMBER, "all", name="bob")
    theirs = token.ask("POST", "api/kernels", json={}).json()["id"]
    reader = WHO["a reader"](held)
    for asker, mine in ((ada, {kernel}), (bob, {theirs, shell}), (reader, set())):
        seen = running(asker)
        names = {one["id"]: one for one in seen["kernels"]} | {one["name"]: one for one in seen["terminals"]}
        assert {key for key in (kernel, theirs, shell) if names[key]["mine"]} == mine
        assert names[kernel].items() >= {"display_name": "Ada Lovelace", "initials": "A"}.items()
        assert (names[theirs]["username"], names[shell]["username"]) == ("bob", "bob")
    assert token.ask("GET", "api/totp/running").json()["reason"] == "token"
    assert requests.get(f"{held.stage.url}api/totp/running", timeout=20).status_code == 403


# -- names in the environment ------------------------------------------------------------------------

OURS = ("JUPYTER_TOTP", "GIT_A", "GIT_C")
SHOWN = f"import os; print({{n: v for n, v in os.environ.items() if n.startswith({OURS})}})"
COMMIT = (
    "cd $(mktemp -d) && git init -q . && git commit -q --allow-empty -m x && "
    "git log -1 --format='%an <%ae> %cn <%ce>'"
)


def environment(name: str, display_name: str, git: str) -> dict[str, str]:
    email = f"{name}@example.org"
    return {
        "JUPYTER_TOTP_USERNAME": name,
        "JUPYTER_TOTP_DISPLAY_NAME": display_name,
        "GIT_AUTHOR_NAME": git,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": git,
        "GIT_COMMITTER_EMAIL": email,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "shown", "git"),
    [
        ("Ada Lovelace", "Ada Lovelace", "Ada Lovelace"),
        ("Zoë 🦉 O'Neil", "Zoë 🦉 O'Neil", "Zoë 🦉 O'Neil"),
        ("<>", "<>", "grace"),
        ("a\nGIT_DIR=/\0x\x1b[31m$(id)`id`;\u2028b", "aGIT_DIR=/x[31m$(id)`id`; b", None),
    ],
)
def test_a_kernel_and_a_terminal_know_whose_they_are_and_git_commits_in_that_name(
    held: House, typed: str, shown: str, git: str | None
) -> None:
    grace = browser(held, "grace", Role.MEMBER, typed)
    kernel = client_of(grace).start_kernel()
    live = client_of(grace).kernel_socket(kernel)
    expected = environment("grace", shown, shown if git is None else git)
    assert ast.literal_eval(client_of(grace).execute(live, SHOWN)) == expected
    name = expected["GIT_AUTHOR_NAME"]
    commit = f"{name} <grace@example.org> {name} <grace@example.org>"
    run = f"import subprocess; print(subprocess.run({COMMIT!r}, shell=True, capture_output=True, text=True))"
    assert commit in client_of(grace).execute(live, run)
    shell = client_of(grace).socket(f"terminals/websocket/{client_of(grace).start_terminal()}")
    assert json.loads(shell.recv())[0] == "setup"
    shell.send(json.dumps(["stdin", f"({COMMIT}) > made; mv made by-terminal\r"]))
    made = held.stage.server.root / "by-terminal"
    wait_until(made.exists, 30, "the commit")
    assert made.read_text() == f"{commit}\n"
    made.unlink()


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=8) | st.text(alphabet="<>.,:;'\"\\ a", min_size=1, max_size=6))
def test_git_itself_takes_every_name(name: str) -> None:
    account = new_account("ada", Role.MEMBER, at=0, display_name=name)
    ours = environment_of(account, "{username}@example.org")
    done = subprocess.run(
        ["git", "var", "GIT_AUTHOR_IDENT"],
        env={"PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nowhere", **ours},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (name, done.stderr)


# -- who ran what where ------------------------------------------------------------------------------


def log(house: House, *words: str) -> list[dict[str, Any]]:
    """As the operator reads it: ``jupyter totp log --json``."""
    done = house.stage.server.totp("log", "--json", *words)
    return [{**one, "detail": unpacked(one["detail"])} for one in json.loads(done.stdout)]


def unpacked(detail: str) -> Any:
    try:
        return json.loads(detail)
    except ValueError:
        return detail


def test_the_log_says_who_ran_what_in_which_kernel_and_notebook_and_who_stopped_it(
    held: House, ada: Asker, bob: Asker
) -> None:
    hers, his = session(ada, f"{uuid4()}.ipynb"), session(bob, f"{uuid4()}.ipynb")
    kernels = {"ada": hers["kernel"]["id"], "bob": his["kernel"]["id"]}
    for asker, name in ((ada, "ada"), (bob, "bob")):
        live = client_of(asker).kernel_socket(kernels[name])
        client_of(asker).execute(live, f"print({name!r})")
    run_for(channels(bob, kernels["ada"]), "print('not his')")
    ada.ask("PATCH", f"api/sessions/{hers['id']}", json={"path": "moved.ipynb"})
    client_of(ada).execute(client_of(ada).kernel_socket(kernels["ada"]), "1")
    ada.ask("POST", f"api/kernels/{kernels['ada']}/restart")
    WHO["an admin"](held).ask("DELETE", f"api/sessions/{hers['id']}")
    wait_until(lambda: len(told_of(log(held, "--kernel", kernels["ada"]))) >= 5, 20, "the rows")

    logins = {
        name: client_of(one).get("api/totp/me").json()["login"]["id"]
        for name, one in (("ada", ada), ("bob", bob))
    }
    found = log(held, "--kernel", kernels["ada"])
    by_ada = ("ada", "ada", logins["ada"], kernels["ada"])
    assert told_of(found) == [
        ("kernel-started", *by_ada, None, None),
        ("cell-run", *by_ada, hers["path"], "print('ada')"),
        ("cell-run", *by_ada, "moved.ipynb", "1"),
        ("kernel-restarted", *by_ada, "moved.ipynb", None),
        ("kernel-stopped", "ada", "root-too", found[-1]["login"], kernels["ada"], "moved.ipynb", None),
    ]
    his_login = ("bob", "bob", logins["bob"], kernels["bob"])
    assert told_of(log(held, "--kernel", kernels["bob"], "--account", "bob")) == [
        ("kernel-started", *his_login, None, None),
        ("cell-run", *his_login, his["path"], "print('bob')"),
    ]
    own = [
        one
        for one in client_of(ada).get("api/totp/events").json()["events"]
        if kernels["ada"] in one["detail"]
    ]
    assert [one["event"] for one in reversed(own)] == [one["event"] for one in found]
    assert own[0]["actor"] == "root-too"


def told_of(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            *(one[name] for name in ("event", "account", "actor", "login")),
            *(one["detail"].get(name) for name in ("kernel", "path", "code")),
        )
        for one in events
    ]


def test_nothing_of_kernels_is_noted_unless_the_operator_asks_for_it(tmp_path: Path) -> None:
    """Without options everybody may use and stop everything, as in Jupyter; but it is seen whose it is."""
    server = lean(tmp_path, extensions=["forge"])
    with open_house(server) as house:
        ada, bob = browser(house, "ada", Role.MEMBER), browser(house, "bob", Role.MEMBER)
        kernel, shell = client_of(ada).start_kernel(), client_of(ada).start_terminal()
        live = client_of(bob).kernel_socket(kernel)
        shown = ast.literal_eval(client_of(bob).execute(live, SHOWN))
        assert shown == {"JUPYTER_TOTP_USERNAME": "ada", "JUPYTER_TOTP_DISPLAY_NAME": "ada"}
        assert json.loads(bob.open(f"terminals/websocket/{shell}").recv())[0] == "setup"
        assert owner_of(bob, kernel) == "ada"
        assert bob.ask("DELETE", f"api/terminals/{shell}").status_code == 204
        assert bob.ask("DELETE", f"api/kernels/{kernel}").status_code == 204
        assert not [one for one in log(house) if "kernel" in one["event"]]


# -- what the server does by itself ------------------------------------------------------------------


def test_the_culler_of_idle_kernels_works_for_nobody_though_it_was_made_in_somebodys_request(
    tmp_path: Path,
) -> None:
    """Jupyter makes its timer with the first kernel, in that request's context; Bob's is culled as well."""
    server = lean(tmp_path)
    culling = ["--MappingKernelManager.cull_idle_timeout=2", "--MappingKernelManager.cull_interval=1"]
    server.arguments = [*server.arguments, *ARGUMENTS, *culling]
    with open_house(server) as house:
        ada, bob = browser(house, "ada", Role.MEMBER), browser(house, "bob", Role.MEMBER)
        kernels = {client_of(one).start_kernel() for one in (ada, bob)}

        def are_gone() -> bool:
            listed = {one["id"] for one in ada.ask("GET", "api/kernels").json()}
            return not listed & kernels

        wait_until(are_gone, 40, "the end of both")
        assert running(ada) == {"kernels": [], "terminals": []}
        assert "kernel-stopped" not in {one["event"] for one in log(house)}
