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
    heading: str
    comment: str = ""
    path: str = ""
    after: str = ""

    @property
    def is_run(self) -> bool:
        """Whether it is a block of commands that everybody types."""
        return self.language == "sh" and not self.comment


def blocks(file: Path) -> list[Block]:
    """All of a guide's."""
    return list(_blocks(file))


def _blocks(file: Path) -> Iterator[Block]:
    heading, comment = "", ("", "", "")
    lines = iter(enumerate(file.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if found := _HEADING.fullmatch(line):
            heading = found[1]
        if found := _COMMENT.fullmatch(line.strip()):
            comment = (found[1], found[2] or "", found[3] or "")
        elif fence := _FENCE.fullmatch(line):
            indent = len(line) - len(line.lstrip())
            text = ""
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                text += inner[indent:] + "\n"
            yield Block(fence[1], text, f"{file.relative_to(ROOT)}:{number}", heading, *comment)
            comment = ("", "", "")
        elif line.strip():
            comment = ("", "", "")


def follow(machine: Machine, guide: str, *, since: str = "", until: str = "") -> None:
    """Do what a guide says, from the heading that begins with `since` to before the one with `until`."""
    going = not since
    for block in blocks(DOCS / f"{guide}.md"):
        going = (going or block.heading.startswith(since)) if since else going
        if until and block.heading.startswith(until):
            break
        if going:
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
