"""nbconvert runs nothing for whoever may only read and write files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_totp_auth.core.model import Role
from tests.harness.lean import lean
from tests.rights.people import Asker, House, open_house

TEMPLATE = "{{ cycler.__init__.__globals__.os.getcwd() }} is where a template ran"
CONFIG = {"base_template": "base", "mimetypes": {"text/html": True}}
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
CELL = {
    "cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": "x = 1",
}  # fmt: skip
FORMATS = {"html": "lab/index.html.j2", "python": "python/index.py.j2", "markdown": "markdown/index.md.j2"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(lean(tmp_path_factory.mktemp("office"))) as found:
        yield found


def notebook(**language: str) -> dict[str, Any]:
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python", **language}}
    return {"cells": [CELL], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def put(program: Asker, path: str, text: str) -> None:
    folder = path.rpartition("/")[0]
    if folder:
        program.ask("PUT", f"api/contents/{folder}", json={"type": "directory"})
    body = {"type": "file", "format": "text", "content": text}
    assert program.ask("PUT", f"api/contents/{path}", json=body).status_code in (200, 201)


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_template_among_the_notebooks_does_not_run(office: House, wanted: str) -> None:
    """The server was started in that folder."""
    program = office.with_token(Role.MEMBER, "contents:write")
    template = FORMATS[wanted]
    put(program, template, TEMPLATE)
    put(program, f"{template.partition('/')[0]}/conf.json", json.dumps(CONFIG))
    put(program, "book.ipynb", json.dumps(notebook()))
    answer = program.ask("GET", f"nbconvert/{wanted}/book.ipynb")
    assert answer.status_code == 200
    assert "x" in answer.text
    assert "a template ran" not in answer.text


def test_folders_that_a_person_has_named_are_still_looked_at(tmp_path: Path) -> None:
    named = tmp_path / "ours"
    (named / "lab").mkdir(parents=True)
    (named / "lab" / "index.html.j2").write_text(TEMPLATE)
    (named / "lab" / "conf.json").write_text(json.dumps(CONFIG))
    config = f"c.TemplateExporter.extra_template_basedirs = [{str(named)!r}]\n"
    with open_house(lean(tmp_path / "home", config=config)) as house:
        program = house.with_token(Role.MEMBER, "contents:write")
        put(program, "book.ipynb", json.dumps(notebook()))
        assert "a template ran" in program.ask("GET", "nbconvert/html/book.ipynb").text


@pytest.mark.parametrize("exporter", ["latex", "webpdf", "some.module.Class"])
def test_a_notebook_does_not_name_the_program_that_opens_it(office: House, exporter: str) -> None:
    """As a script it is whatever its own metadata says."""
    program = office.with_token(Role.MEMBER, "contents:write", path_prefix="mine")
    put(program, "mine/book.ipynb", json.dumps(notebook(nbconvert_exporter=exporter)))
    answer = program.ask("GET", "nbconvert/script/mine/book.ipynb")
    assert answer.status_code == 403
    assert answer.json()["reason"] == "scope"
    reader = office.with_cookie(Role.READER)
    assert reader.ask("GET", "nbconvert/script/mine/book.ipynb").json()["reason"] == "role"
    assert program.ask("GET", "nbconvert/python/mine/book.ipynb").status_code == 200
