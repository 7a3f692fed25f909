"""What is printed and asked. Text from the store, or typed by anybody, reaches the terminal escaped (F05)."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from .verb import NotDone, WrongUsage

_TRIES = 3
_LONGEST_PASSWORD = 64 * 1024


def shown(text: str) -> str:
    """``text`` with everything escaped that could move a cursor, hide, or turn the reading direction."""
    # isprintable is false for all control, format, separator and unassigned characters but the space.
    escaped = (c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
    return "".join(escaped)


def say(text: str) -> None:
    """One line on standard output."""
    print(shown(text))


def complain(text: str) -> int:
    """One line on standard error; the exit status that goes with it."""
    print(f"jupyter totp: {shown(text)}", file=sys.stderr)
    return 1


def note(text: str) -> None:
    """One line on standard error, beside a result that programs may read."""
    print(shown(text), file=sys.stderr)


def print_json(document: object, *, on_one_line: bool = False) -> None:
    """ASCII only, so that nothing in it reaches the terminal raw."""
    print(json.dumps(document, ensure_ascii=True, indent=None if on_one_line else 2), flush=True)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns, as wide as they need to be."""
    lines = [[shown(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def is_interactive() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def insist_on_consent(question: str, *, yes: bool) -> None:
    """``--yes``, or a yes typed on a terminal. Raises NotDone and WrongUsage."""
    if yes:
        return
    if not is_interactive():
        raise WrongUsage("there is no terminal to ask on: say --yes")
    try:
        answer = input(f"{shown(question)} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise NotDone("Nothing was changed.")


def given_password(arguments: Namespace, objection: Callable[[str], str | None]) -> str:
    """The password: from standard input, else asked for. Raises NotDone and WrongUsage."""
    return piped_password() if arguments.password_stdin else new_password(objection)


def piped_password() -> str:
    """Standard input but for one line end. Raises NotDone and WrongUsage."""
    if is_interactive():
        raise WrongUsage("leave --password-stdin out: on a terminal the password is asked for, unseen")
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise NotDone("There is no standard input to read the password from.")
    try:
        text = stream.read(_LONGEST_PASSWORD).decode("utf-8")
    except UnicodeDecodeError:
        raise NotDone("The password on standard input is not UTF-8.") from None
    for end in ("\r\n", "\n"):
        if text.endswith(end):
            return str(text.removesuffix(end))
    return str(text)


def new_password(objection: Callable[[str], str | None]) -> str:
    """A password typed twice, unseen; asked again where it may not be chosen.

    Raises NotDone and WrongUsage.
    """
    if not is_interactive():
        raise WrongUsage("there is no terminal to ask on: pipe the password in, with --password-stdin")
    for _ in range(_TRIES):
        password = _unseen("Password: ")
        reason = objection(password)
        if reason is None and _unseen("Password, once more: ") == password:
            return password
        note(reason or "The two passwords are not the same.")
    raise NotDone("Nothing was changed.")


def _unseen(prompt: str) -> str:
    from getpass import getpass

    try:
        return getpass(prompt)
    except EOFError:
        raise NotDone("Nothing was changed.") from None


def draw_qr(text: str) -> None:
    """The QR code of ``text`` on a terminal that can show one; else nothing."""
    from qrcode import QRCode, constants

    if not sys.stdout.isatty() or not _can_show("█▀▄"):
        return
    code = QRCode(error_correction=constants.ERROR_CORRECT_L, border=2)
    code.add_data(text)
    # Black on white by colour codes: a phone does not read the inverted code of a dark terminal.
    code.print_ascii(sys.stdout, tty=os.environ.get("TERM", "dumb") != "dumb")


def _can_show(letters: str) -> bool:
    try:
        letters.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True
