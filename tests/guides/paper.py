"""What a guide says to do: its blocks, in order, and what becomes of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.guides.machine import Machine

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r" *```(\w*)$")
_COMMENT = re.compile(r"<!-- (file|into|or)(?:: (.*?))?(?: after: (.*))? -->")
_HEADING = re.compile(r"##+ (.*)")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str
    place: str
    """File and line, for whoever has to mend it."""
    comment: str = ""
    path: str = ""
    after: str = ""

    @property
    def is_run(self) -> bool:
        """Whether it is a block of commands that everybody types."""
        return self.language == "sh" and not self.comment


def blocks(file: Path, *, since: str = "", until: str = "") -> list[Block]:
    """All of a guide's, from a heading that begins with `since` to before one that begins with `until`."""
    return list(_blocks(file, since, until))


def _blocks(file: Path, since: str, until: str) -> Iterator[Block]:
    going, comment = not since, ("", "", "")
    lines = iter(enumerate(file.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if found := _HEADING.fullmatch(line):
            if until and found[1].startswith(until):
                return
            going = going or found[1].startswith(since)
        if found := _COMMENT.fullmatch(line.strip()):
            comment = (found[1], found[2] or "", found[3] or "")
        elif fence := _FENCE.fullmatch(line):
            text = "".join(_inside(lines, len(line) - len(line.lstrip())))
            if going:
                yield Block(fence[1], text, f"{file.relative_to(ROOT)}:{number}", *comment)
            comment = ("", "", "")
        elif line.strip():
            comment = ("", "", "")


def _inside(lines: Iterator[tuple[int, str]], indent: int) -> Iterator[str]:
    """To the end of the fence."""
    for _, line in lines:
        if line.strip() == "```":
            return
        yield line[indent:] + "\n"


def follow(machine: Machine, guide: str, *, since: str = "", until: str = "") -> None:
    """Do what a guide says, or these of its steps."""
    todo = blocks(DOCS / f"{guide}.md", since=since, until=until)
    assert todo, f"nothing to do from {since!r} to {until!r}"
    for block in todo:
        do(machine, block)


def do(machine: Machine, block: Block) -> None:
    """What one block says."""
    if block.comment == "file":
        machine.write(block.path, block.text)
    elif block.comment == "into":
        before, found, behind = machine.file(block.path).read_text().partition(block.after)
        assert found, f"{block.place}: no {block.after!r} in {block.path}"
        line, _, rest = behind.partition("\n")
        machine.write(block.path, f"{before}{found}{line}\n{block.text}{rest}")
    elif block.is_run:
        machine.run(block.text)
