"""A notebook is not made trusted by whoever may run nothing: its scripts would run in the next browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_totp_auth.core.model import Role
from tests.harness.lean import lean
from tests.rights.people import Asker, House, open_house

SCRIPT = {"text/html": "<script>fetch('api/kernels', {method: 'POST'})</script>"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(lean(tmp_path_factory.mktemp("trust"))) as found:
        yield found


def notebook(said: bool) -> dict[str, Any]:
    output = {"output_type": "display_data", "metadata": {}, "data": SCRIPT}
    cell = {"cell_type": "code", "id": "a", "source": "x", "execution_count": 1, "outputs": [output]}
    return {
        "cells": [{**cell, "metadata": {"trusted": said}}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def is_trusted(program: Asker, path: str) -> bool:
    content = program.ask("GET", f"api/contents/{path}").json()["content"]
    return bool(content["cells"][0]["metadata"].get("trusted"))


def save(program: Asker, path: str, content: dict[str, Any]) -> None:
    answer = program.ask("PUT", f"api/contents/{path}", json={"type": "notebook", "content": content})
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("letter", ["u", "\\u0075"])
def test_a_token_that_only_writes_signs_nothing(house: House, letter: str) -> None:
    """Not by another spelling of the word, either."""
    program = house.with_token(Role.MEMBER, "contents:write", path_prefix="mine")
    program.ask("PUT", "api/contents/mine", json={"type": "directory"})
    body = json.dumps({"type": "notebook", "content": notebook(True)}).replace("trusted", f"tr{letter}sted")
    answer = program.ask("PUT", "api/contents/mine/book.ipynb", data=body)
    assert answer.status_code in (200, 201), answer.text
    assert not is_trusted(program, "mine/book.ipynb")


def test_nor_does_it_ask_for_a_signature(house: House) -> None:
    program = house.with_token(Role.MEMBER, "contents:write")
    save(program, "asked.ipynb", notebook(False))
    answer = program.ask("POST", "api/contents/asked.ipynb/trust")
    assert answer.status_code == 403
    assert answer.json()["reason"] == "scope"
    assert house.with_cookie(Role.MEMBER).ask("POST", "api/contents/asked.ipynb/trust").status_code == 201
    assert is_trusted(program, "asked.ipynb")


def test_whoever_may_run_code_signs_what_they_have_run(house: House) -> None:
    member = house.with_cookie(Role.MEMBER)
    both = house.with_token(Role.MEMBER, "contents:write", "kernels:execute")
    for asker in (member, both):
        save(asker, "run.ipynb", notebook(True))
        assert is_trusted(asker, "run.ipynb")


def test_what_was_signed_stays_so_where_nothing_in_it_changes(house: House) -> None:
    member, program = house.with_cookie(Role.MEMBER), house.with_token(Role.MEMBER, "contents:write")
    save(member, "signed.ipynb", notebook(True))
    content = program.ask("GET", "api/contents/signed.ipynb").json()["content"]
    save(program, "signed.ipynb", content)
    assert is_trusted(member, "signed.ipynb")
    content["cells"][0]["outputs"][0]["data"]["text/html"] += "<script>more()</script>"
    save(program, "signed.ipynb", content)
    assert not is_trusted(member, "signed.ipynb")
