"""The verb ``doctor``: what is unsafe or broken in this machine's set-up."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from .terminal import print_json, shown
from .verb import NotDone, Verb, takes_json

if TYPE_CHECKING:
    from .context import Context


class Doctor(Verb):
    """``jupyter totp doctor``."""

    name = "doctor"
    summary = "look for what is unsafe or broken in the set-up"
    about = (
        "Look at this machine's set-up: configuration, files, store, versions and people. Names what is "
        "unsafe or broken, why it matters, and the line to write. Run it as the server's user. It changes "
        "nothing, and it reads a broken configuration and a broken store as far as they can be read. Exit "
        "status 1 where anything is red."
    )
    example = "jupyter totp doctor"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_json(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..doctor.printing import counted, document, lines
        from ..doctor.run import examine
        from ..doctor.subject import Subject
        from .options import insist_on_file, insist_on_known

        config_file, options = context.config_file, context.words
        for option in options:
            insist_on_known(option)
        if config_file is not None:
            insist_on_file(config_file)
        findings = examine(Subject(context.clock(), config_file, tuple(options)))
        if arguments.json:
            print_json(document(findings))
        else:
            for line in lines(findings, shown, color=_shows_color()):
                print(line)
        red = counted(findings)["red"]
        if red:
            raise NotDone(f"Red: {red}.")


def _shows_color() -> bool:
    """On a terminal that can, unless the person wants none (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()
