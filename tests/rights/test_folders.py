"""An access token for one folder reads and writes there, and nowhere else, by whatever way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.core.model import Role
from tests.harness.lean import lean
from tests.rights.conftest import write
from tests.rights.people import Asker, House, open_house

FILE = {"type": "file", "format": "text", "content": "new"}


@pytest.fixture(scope="module")
def program(house: House, root: Path) -> Asker:
    return house.with_token(Role.MEMBER, "contents:write", path_prefix="mine", name="folder")


INSIDE = [
    ("POST", "api/contents/mine", {"type": "file", "ext": ".py"}, 201),
    ("GET", "nbconvert/html/mine/a.ipynb", None, 404),
    ("GET", "api/contents/mine", None, 200),
    ("GET", "api/contents/mine/a.txt", None, 200),
    ("GET", "api/contents/mine//a.txt", None, 200),
    ("GET", "api/contents/m%69ne/a.txt", None, 200),
    ("GET", "files/mine/a.txt", None, 200),
    ("GET", "view/mine/a.html", None, 404),
    ("PUT", "api/contents/mine/fresh.txt", FILE, 201),
    ("PATCH", "api/contents/mine/fresh.txt", {"path": "mine/moved.txt"}, 200),
    ("POST", "api/contents/mine", {"copy_from": "mine/moved.txt"}, 201),
    ("POST", "api/contents/mine/moved.txt/checkpoints", None, 201),
    ("GET", "api/contents/mine/moved.txt/checkpoints", None, 200),
    ("DELETE", "api/contents/mine/moved.txt", None, 204),
]
OUTSIDE = [
    ("GET", "api/contents", None),
    ("GET", "api/contents/", None),
    ("GET", "api/contents/theirs", None),
    ("GET", "api/contents/theirs/a.txt", None),
    ("GET", "api/contents/minelike/a.txt", None),
    ("GET", "api/contents/mine/../theirs/a.txt", None),
    ("GET", "api/contents/mine/..%2Ftheirs/a.txt", None),
    ("GET", "api/contents/mine/%2e%2e/theirs/a.txt", None),
    ("GET", "api/contents/theirs/a.txt/checkpoints", None),
    ("GET", "files/theirs/a.txt", None),
    ("HEAD", "files/theirs/a.txt", None),
    ("GET", "files/mine/..%2ftheirs/a.txt", None),
    ("GET", "view/theirs/a.txt", None),
    ("GET", "nbconvert/html/theirs/a.ipynb", None),
    ("PUT", "api/contents/theirs/b.txt", FILE),
    ("PUT", "api/contents/b.txt", FILE),
    ("PATCH", "api/contents/mine/a.txt", {"path": "theirs/moved.txt"}),
    ("PATCH", "api/contents/mine/a.txt", {"path": "mine/../theirs/moved.txt"}),
    ("PATCH", "api/contents/theirs/a.txt", {"path": "mine/moved.txt"}),
    ("PATCH", "api/contents/mine/a.txt", {"path": ["theirs/moved.txt"]}),
    ("POST", "api/contents/mine", {"copy_from": "theirs/a.txt"}),
    ("POST", "api/contents/mine", {"copy_from": "/theirs/a.txt"}),
    ("POST", "api/contents/mine", {"copy_from": "mine\\..\\theirs"}),
    ("POST", "api/contents/theirs", {"copy_from": "mine/a.txt"}),
    ("POST", "api/contents/mine", {"type": "file", "ext": "/../../theirs/evil.py"}),
    ("POST", "api/contents/mine", {"type": "directory", "ext": "/../../theirs/new"}),
    ("POST", "api/contents/mine", {"type": "file", "ext": "\\..\\theirs"}),
    ("POST", "api/contents/mine", {"type": "file", "ext": [".py"]}),
    ("POST", "api/contents/mine", {"type": "file", "name": "../theirs/x"}),
    ("POST", "api/contents/mine", {"type": "file", "no_such_key": "x"}),
    ("GET", "nbconvert/webpdf/mine/a.ipynb", None),
    ("GET", "nbconvert/pdf/mine/a.ipynb", None),
    ("GET", "nbconvert/qtpdf/mine/a.ipynb", None),
    ("GET", "nbconvert/qtpng/mine/a.ipynb", None),
    ("GET", "nbconvert/latex/mine/a.ipynb", None),
    ("DELETE", "api/contents/theirs/a.txt", None),
    ("POST", "api/contents/theirs/a.txt/checkpoints", None),
    ("POST", "api/contents/mine/a.ipynb/trust", None),
    ("GET", "api/notebooks/theirs/a.txt", None),
    ("GET", "lab/tree/theirs/a.txt", None),
    ("GET", "api/sessions", None),
    ("POST", "api/kernels", {}),
    ("POST", "nbconvert/html", {}),
]


def ask(asker: Asker, method: str, path: str, body: Any) -> Any:
    return asker.ask(method, path, **({} if body is None else {"json": body}))


def test_inside_it_reads_and_writes(program: Asker) -> None:
    found = [(method, path, ask(program, method, path, body).status_code) for method, path, body, _ in INSIDE]
    assert found == [(method, path, status) for method, path, _, status in INSIDE]


@pytest.mark.parametrize(("method", "path", "body"), OUTSIDE)
def test_outside_it_does_nothing(program: Asker, root: Path, method: str, path: str, body: Any) -> None:
    import requests

    before = sorted((str(p), p.read_bytes()) for p in root.rglob("*") if p.is_file())
    wanted = requests.Request(
        method, f"{program.url}", headers={"Authorization": f"token {program.token}"}, json=body
    )
    with requests.Session() as session:
        prepared = session.prepare_request(wanted)
        prepared.url = f"{program.url}{path}"  # as it stands there: the library resolves dots
        answer = session.send(prepared, timeout=30, allow_redirects=False)
    assert answer.status_code in (403, 404), answer.text
    if answer.status_code == 403 and method != "HEAD":
        assert answer.json()["reason"] == "scope"
    assert b"theirs text" not in answer.content
    assert sorted((str(p), p.read_bytes()) for p in root.rglob("*") if p.is_file()) == before


def test_a_reader_of_a_folder_does_not_write_there(house: House, root: Path) -> None:
    program = house.with_token(Role.MEMBER, "contents:read", path_prefix="/mine/", name="folder")
    assert ask(program, "GET", "api/contents/mine/a.txt", None).status_code == 200
    assert ask(program, "PUT", "api/contents/mine/fresh.txt", FILE).json()["reason"] == "scope"


def test_where_another_authorizer_is_asked_it_is_good_for_nothing(tmp_path: Path) -> None:
    """Roles hold all the same."""
    allow_all = "jupyter_server.auth.authorizer.AllowAllAuthorizer"
    server = lean(tmp_path, config=f"c.ServerApp.authorizer_class = '{allow_all}'\n")
    write(server.root)
    with open_house(server) as house:
        program = house.with_token(Role.MEMBER, "contents:write", path_prefix="mine")
        answer = ask(program, "GET", "api/contents/mine/a.txt", None)
        assert (answer.status_code, answer.json()["reason"]) == (403, "scope")
        reader = house.with_cookie(Role.READER)
        assert ask(reader, "GET", "api/contents/mine/a.txt", None).status_code == 200
        assert ask(reader, "PUT", "api/contents/mine/a.txt", FILE).json()["reason"] == "role"
