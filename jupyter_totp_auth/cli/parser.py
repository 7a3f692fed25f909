"""From the words of a command line to a verb and its arguments."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import NoReturn

from .._version import __version__
from .accounts import VERBS as ACCOUNT_VERBS
from .adding import AddUser, Reset
from .audit import Log, LoginsVerb
from .config import ConfigVerb
from .doctor import Doctor
from .notice import NoticeVerb
from .servers import Routes, Stop
from .stores import VERBS as STORE_VERBS
from .terminal import shown
from .tokens import TokensVerb
from .verb import Verb

VERBS: tuple[type[Verb], ...] = (
    AddUser,
    *ACCOUNT_VERBS,
    Reset,
    LoginsVerb,
    TokensVerb,
    NoticeVerb,
    Log,
    *STORE_VERBS,
    ConfigVerb,
    Doctor,
    Routes,
    Stop,
)

_ABOUT = """\
Accounts, logins and the store of Jupyter's two-factor login.

The same options hold as for the server: they are read from jupyter_server_config.py and .json."""

_OPTIONS = """\
options of the server, for this command only:
  --TotpAuth.OPTION=VALUE   such as --TotpAuth.public_url=https://jupyter.example/

exit status: 0 done, 1 refused, 2 wrong usage"""

_WIDTH = 90
_OPTION = re.compile(r"--[A-Za-z_]\w*\.\w+(=.*)?", re.DOTALL)


class _Parser(ArgumentParser):
    """An argparse parser that takes no abbreviations and prints nothing raw."""

    def error(self, message: str) -> NoReturn:
        """Exit status 2."""
        super().error(shown(message))


@dataclass(frozen=True)
class Command:
    """What was asked for."""

    verb: Verb
    arguments: Namespace
    parser: ArgumentParser
    config_file: str | None
    options: list[str]
    """``--TotpAuth.x=y``, as Jupyter's own applications take them."""


def parse(words: Sequence[str]) -> Command:
    """The command, or SystemExit: 0 after a help, 2 where it makes no sense."""
    options = [word for word in words if _OPTION.fullmatch(word)]
    parser = _parser()
    for option in options:
        if "=" not in option:
            parser.error(f"write {option}=VALUE")
    arguments, unknown = parser.parse_known_args([word for word in words if word not in options])
    if unknown:
        arguments.parser.error(_objection(unknown))
    config_file = getattr(arguments, "config", None)
    return Command(arguments.verb, arguments, arguments.parser, config_file, options)


def _objection(unknown: Sequence[str]) -> str:
    """What is wrong with these words. Their values are not repeated: one can be a password."""
    option = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
    if option is None:
        return "there are too many arguments"
    if option.startswith("--pass"):
        return "a password is never an argument: it is asked for, or piped in with --password-stdin"
    return f"there is no option {option if option.startswith('--') else option[:2]}"


def _parser() -> ArgumentParser:
    common = _Parser(add_help=False)
    # No default: the one of the verb's parser would undo what stood before the verb.
    common.add_argument("--config", metavar="FILE", default=SUPPRESS, help="a configuration file to read")
    parser = _Parser(
        prog="jupyter totp",
        description=_ABOUT,
        epilog=_OPTIONS,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=__version__)
    group = parser.add_subparsers(metavar="VERB", required=True, title="verbs", parser_class=_Parser)
    for verb_class in VERBS:
        verb = verb_class()
        sub = group.add_parser(
            verb.name,
            help=verb.summary,
            description=_wrapped(verb.about),
            epilog=f"example:\n  {verb.example}\n\n{_OPTIONS}",
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
            parents=[common],
        )
        verb.arguments(sub)
        sub.set_defaults(verb=verb, parser=sub)
    return parser


def _wrapped(text: str) -> str:
    """One paragraph gets its lines here; a text that has its own keeps them."""
    return text if "\n" in text else fill(text, _WIDTH)
