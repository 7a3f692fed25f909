"""What the documentation tells people to type can be typed, and where it sends them, something is."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_totp_auth.cli.parser import parse
from tests.guides.paper import DOCS, ROOT, Block, blocks

PAGES = sorted({*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("config/**/*.md")})
_COMMAND = re.compile(r"(?:\bjupyter totp|/jupyter-totp|^(?:sudo )?jupyter-totp) (?=[a-z-])(.*)")
_END = {"|", ">", ">>", "&&", ";", "<", "||"}


def all_blocks(*languages: str) -> Iterator[Block]:
    """Of every page."""
    for page in PAGES:
        yield from (block for block in blocks(page) if block.language in languages)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Where a `jupyter totp …` stands, and its words."""
    for block in all_blocks("sh", "console"):
        text = re.sub(r"<<'END'\n.*?\nEND\n", "\n", block.text, flags=re.DOTALL).replace("\\\n", " ")
        for line in text.splitlines():
            typed = line.removeprefix("$ ") if block.language == "console" else line
            is_typed = block.language == "sh" or line.startswith("$ ")
            if is_typed and (found := _COMMAND.search(typed)):
                words = shlex.split(found[1], comments=True)
                end = next((at for at, word in enumerate(words) if word in _END), len(words))
                yield f"{block.place} {typed}", words[:end]


def is_taken(words: list[str]) -> bool:
    """Whether the command line makes sense of it."""
    try:
        parse(words)
    except SystemExit as end:
        return end.code == 0
    return True


def test_every_command_of_the_package_is_one_that_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    there = list(commands())
    assert len(there) > 40
    for place, words in there:
        assert is_taken(words), f"{place}\n{capsys.readouterr().err}"


def test_every_block_of_commands_is_a_shells() -> None:
    for block in all_blocks("sh"):
        said = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
        assert said.returncode == 0, f"{block.place}\n{said.stderr}"


def anchor(heading: str) -> str:
    """As GitHub names it."""
    bare = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", bare.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """What can stand behind `#`."""
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    named = re.findall(r'<a id="([^"]+)">', text)
    return {*named, *(anchor(heading) for heading in re.findall(r"(?m)^#+ (.*)$", text))}


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, part = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page}: {link}"
            assert not part or part in anchors(target), f"{page}: {link}"


def test_every_guide_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for folder in ("tutorial", "how-to", "explanation", "reference"):
        for page in (DOCS / folder).glob("*.md"):
            assert f"]({folder}/{page.name})" in index, page
