"""A list of people to add, read from a CSV file and checked as a whole."""

from __future__ import annotations

import csv
from argparse import ArgumentTypeError
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..core.accounts import Accounts, Refused
from ..core.model import Role
from . import times
from .terminal import note
from .verb import NotDone

COLUMNS = ("username", "role", "display_name", "expires")


@dataclass(frozen=True)
class Person:
    """One line of the file."""

    line: int
    username: str
    role: Role
    display_name: str
    expires_at: int | None


def read_people(path: Path, accounts: Accounts, *, role: Role, expires_at: int | None) -> list[Person]:
    """Everybody in the file, or NotDone after every wrong line was told; ``role`` where a line has none."""
    people: list[Person] = []
    wrong = 0
    first: dict[str, int] = {}
    for line, columns, cells in _lines(path):
        try:
            person = _person(line, _by_column(columns, cells), role, expires_at)
            accounts.check(person.username, expires_at=person.expires_at)
            _insist_on_first(person, first)
            people.append(person)
        except (Refused, ArgumentTypeError, ValueError) as error:
            note(f"line {line}: {error}")
            wrong += 1
    if wrong:
        raise NotDone(f"Nobody was added: {wrong} of the lines in {path} cannot be used.")
    return people


def read_names(path: Path, accounts: Accounts) -> list[str]:
    """The names in the file, all of accounts that are there; or NotDone after every other was told."""
    names: list[str] = []
    wrong = 0
    for line, columns, cells in _lines(path):
        try:
            names.append(accounts.named(_by_column(columns, cells)["username"]).username)
        except (Refused, ValueError) as error:
            note(f"line {line}: {error}")
            wrong += 1
    if wrong:
        raise NotDone(f"Nothing was done: {wrong} of the lines in {path} cannot be used.")
    return list(dict.fromkeys(names))


def _person(line: int, values: dict[str, str], role: Role, expires_at: int | None) -> Person:
    """Raises ArgumentTypeError and ValueError."""
    if values["role"]:
        names = [known.value for known in Role]
        if values["role"] not in names:
            raise ValueError(f"{values['role']!a} is no role: {', '.join(names)}.")
        role = Role(values["role"])
    if values["expires"]:
        expires_at = times.moment(values["expires"])
    return Person(line, values["username"], role, values["display_name"], expires_at)


def _insist_on_first(person: Person, first: dict[str, int]) -> None:
    """``first`` holds where each name stood first. Raises ValueError."""
    line = first.setdefault(person.username, person.line)
    if line != person.line:
        raise ValueError(f"{person.username} stands in line {line} already.")


def _by_column(columns: tuple[str, ...], cells: list[str]) -> dict[str, str]:
    """Raises ValueError."""
    if len(cells) > len(columns):
        raise ValueError(f"There are {len(cells)} cells for {len(columns)} columns.")
    return {**dict.fromkeys(COLUMNS, ""), **dict(zip(columns, cells, strict=False))}


def _lines(path: Path) -> Iterator[tuple[int, tuple[str, ...], list[str]]]:
    """Each line's number, its columns and cells; blank lines are left out. Raises NotDone."""
    columns: tuple[str, ...] = COLUMNS
    try:
        # utf-8-sig: spreadsheet programs put a byte order mark before the first name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for number, row in enumerate(reader):
                cells = [cell.strip() for cell in row]
                if number == 0 and cells[:1] == ["username"]:
                    columns = _insist_on_columns(cells)
                elif any(cells):
                    yield reader.line_num, columns, cells
    except (csv.Error, UnicodeDecodeError) as error:
        raise NotDone(f"{path} is no CSV file in UTF-8 ({error}).") from None


def _insist_on_columns(head: list[str]) -> tuple[str, ...]:
    if not set(head) <= set(COLUMNS) or len(set(head)) != len(head):
        raise NotDone(f"The columns can be {', '.join(COLUMNS)}.")
    return tuple(head)
