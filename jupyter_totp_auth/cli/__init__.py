"""``jupyter totp VERB``: the operator's way in, on the same options and the same store as the server.

Nothing heavy is imported before a verb runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .context import Context
from .parser import parse
from .terminal import complain
from .verb import NotDone, WrongUsage

if TYPE_CHECKING:
    from ..core.passwords import Hasher
    from .parser import Command

__all__ = ["main"]

_REFUSED = 1


def main(
    argv: Sequence[str] | None = None,
    *,
    hasher: Hasher | None = None,
    clock: Callable[[], int] | None = None,
) -> int:
    """Run one command. 0: done; 1: refused, with one sentence on standard error; 2: wrong usage."""
    _let_nothing_break_a_line()
    try:
        command = parse(sys.argv[1:] if argv is None else argv)
        with Context(command.config_file, command.options, hasher=hasher, clock=clock) as context:
            return _run(command, context)
    except SystemExit as end:  # argparse has said why, or printed the help
        return end.code if isinstance(end.code, int) else _REFUSED
    except KeyboardInterrupt:
        return complain("Stopped.")


def _run(command: Command, context: Context) -> int:
    from ..core.accounts import Refused
    from ..core.passwords import CannotHash
    from ..store import StoreRefused, StoreUnavailable

    try:
        command.verb.run(command.arguments, context)
        if sys.stdout is not None:  # None where the shell has closed it
            sys.stdout.flush()
    except WrongUsage as wrong:
        command.parser.error(str(wrong))
    except (NotDone, Refused, StoreRefused) as refusal:
        return complain(str(refusal))
    except StoreUnavailable as error:
        return complain(f"The account store does not answer now ({error}). Try again.")
    except CannotHash:
        return complain("There is not enough memory to hash a password.")
    except BrokenPipeError:  # `jupyter totp log | head`: nobody listens any more, and Python shall not say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _REFUSED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return complain(f"{where}{error.strerror or error}.")
    return 0


def _let_nothing_break_a_line() -> None:
    """A terminal that cannot show a letter (LANG=C) gets its escape, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
