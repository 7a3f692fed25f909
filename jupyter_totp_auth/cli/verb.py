"""What every verb is: a name, a help that says something, its arguments, and what it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .context import Context

ACTOR = "operator"
"""Who acts, in the audit log: whoever may use this command may read and write the store anyway."""


class NotDone(Exception):
    """Exit status 1; the message is one sentence for the person."""


class WrongUsage(Exception):
    """Exit status 2; the message says what is missing or does not go together."""


class Verb(ABC):
    """One verb of ``jupyter totp``."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """Its line in the list of verbs."""
    about: ClassVar[str]
    """What ``--help`` says."""
    example: ClassVar[str]

    def arguments(self, parser: ArgumentParser) -> None:
        """Declare what it takes; nothing, unless a verb says otherwise."""
        del parser

    @abstractmethod
    def run(self, arguments: Namespace, context: Context) -> None:
        """Do it. Raises NotDone, WrongUsage, and whatever the services raise."""


def takes_name(parser: ArgumentParser) -> None:
    """The account, as an argument."""
    parser.add_argument("username", metavar="NAME", help="the account's user name")


def takes_json(parser: ArgumentParser) -> None:
    """The choice of a document for programs."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def takes_yes(parser: ArgumentParser) -> None:
    """The consent that is asked for on a terminal."""
    parser.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")


def takes_password(parser: ArgumentParser) -> None:
    """A password that is piped in. There is no option for the password itself: others could read it there."""
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input; one line end is taken off, nothing else",
    )
