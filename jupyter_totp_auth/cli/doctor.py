"""The verb ``doctor``: what is unsafe or broken in this machine's set-up, or on the way to it."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from .terminal import print_json, shown
from .verb import NotDone, Verb, WrongUsage, takes_json

if TYPE_CHECKING:
    from ..doctor.finding import Finding
    from ..doctor.subject import Subject
    from .context import Context

_LONGEST_IDLE = 600


class Doctor(Verb):
    """``jupyter totp doctor``."""

    name = "doctor"
    summary = "look for what is unsafe or broken in the set-up"
    about = (
        "Look at this machine's set-up: configuration, files, store, versions and people. With URL, walk "
        "the way that a browser takes, through the proxy to this server. Names what is unsafe or broken, why "
        "it matters, and the line to write, in the language of the proxy that answers. Run it as the "
        "server's user. It changes nothing, and it reads a broken configuration and a broken store as far as "
        "they can be read. Exit status 1 where anything is red."
    )
    example = "jupyter totp doctor https://jupyter.example.org/ --idle 75"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", metavar="URL", nargs="?", help="the address that people type, whole")
        parser.add_argument(
            "--idle",
            metavar="SECONDS",
            type=_seconds,
            help="how long a WebSocket has to survive silence",
        )
        takes_json(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..doctor.printing import counted, document, lines
        from ..doctor.subject import Subject
        from .options import insist_on_file, insist_on_known

        config_file, options = context.config_file, context.words
        for option in options:
            insist_on_known(option)
        if config_file is not None:
            insist_on_file(config_file)
        findings = _found(arguments, Subject(context.clock(), config_file, tuple(options)))
        if arguments.json:
            print_json(document(findings))
        else:
            for line in lines(findings, shown, color=_shows_color()):
                print(line)
        red = counted(findings)["red"]
        if red:
            raise NotDone(f"Red: {red}.")


def _found(arguments: Namespace, subject: Subject) -> list[Finding]:
    """Of the walk, or of the machine."""
    if arguments.url is None:
        from ..doctor.run import examine

        if arguments.idle is not None:
            raise WrongUsage("--idle goes with the address to walk to")
        return examine(subject)
    from ..doctor.walk.address import Address, BadAddress
    from ..doctor.walk.run import walk

    try:
        return walk(subject, Address.parse(arguments.url), idle=arguments.idle or 0)
    except BadAddress as error:
        raise WrongUsage(str(error)) from None


def _seconds(text: str) -> int:
    """For ``--idle``: up to ten minutes."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= _LONGEST_IDLE:
        raise ArgumentTypeError(f"a number of seconds from 1 to {_LONGEST_IDLE}, not {text!r}")
    return number


def _shows_color() -> bool:
    """On a terminal that can, unless the person wants none (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()
