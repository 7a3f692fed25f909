"""The verbs that hand out enrollment links: ``adduser`` and ``reset``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from . import times
from .accounts import ROLES
from .links import as_document, front_url, link, print_invitation
from .terminal import complain, is_interactive, piped_password, print_json, print_table, say
from .verb import ACTOR, NotDone, Verb, WrongUsage, takes_json, takes_name, takes_password

if TYPE_CHECKING:
    from ..core.accounts import Invitation
    from ..core.model import Role
    from .context import Context
    from .people_list import Person

_ABOUT_ADDUSER = """\
Add an account and print a one-time link: with it, the person chooses a password and sets up
the phone. Nothing is asked for here, unless --here is given.

A file for --csv has one person a line, in UTF-8, and these columns:

  username,role,display_name,expires

All but the first can be left out. A first line that begins with "username" names the columns,
which may then stand in another order. "expires" is a date, as for --expires. All lines are
checked first: where one is wrong, nobody is added."""


def _takes_valid_for(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--valid-for",
        metavar="TIME",
        type=times.length,
        help="the link's life: 10m to 30d; 24h unless told otherwise",
    )


class AddUser(Verb):
    """``jupyter totp adduser NAME``."""

    name = "adduser"
    summary = "add an account, and print the link that enrolls it"
    about = _ABOUT_ADDUSER
    example = 'jupyter totp adduser ada --role member --display-name "Ada Lovelace" --valid-for 7d'

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="NAME", nargs="?", help="a-z, 0-9, dot, dash, underscore")
        role = parser.add_mutually_exclusive_group()
        role.add_argument("--role", choices=ROLES, help="member unless told otherwise")
        role.add_argument(
            "--admin", action="store_const", dest="role", const="admin", help="the same as --role admin"
        )
        parser.add_argument("--display-name", metavar="TEXT", help="how others see the person")
        takes_password(parser)
        _takes_valid_for(parser)
        parser.add_argument(
            "--expires",
            metavar="DATE",
            type=times.moment,
            help="the account's last day (2027-01-31, in UTC), or its end as an ISO date-time",
        )
        parser.add_argument("--csv", metavar="FILE", type=Path, help="add everybody in this file")
        parser.add_argument(
            "--sheet",
            metavar="FILE",
            type=Path,
            help="with --csv: write a slip for each of them to print (HTML)",
        )
        parser.add_argument(
            "--here", action="store_true", help="set password and phone up at once, on this terminal"
        )
        takes_json(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..core.model import Role

        _insist_on_sense(arguments)
        role = Role(arguments.role or "member")
        if arguments.csv is not None:
            _add_list(arguments, role, context)
        elif arguments.here:
            from .here import enroll_here

            enroll_here(arguments, role, context)
        else:
            password = piped_password() if arguments.password_stdin else None
            invitation = context.services.accounts.add(
                arguments.username,
                role,
                actor=ACTOR,
                display_name=arguments.display_name or "",
                password=password,
                valid_for=arguments.valid_for,
                expires_at=arguments.expires,
            )
            print_invitation(invitation, context, as_json=arguments.json)


def _insist_on_sense(arguments: Namespace) -> None:
    """What does not go together. Raises WrongUsage."""
    if (arguments.username is None) == (arguments.csv is None):
        raise WrongUsage("give a NAME, or --csv FILE")
    if arguments.csv is not None and (
        arguments.here or arguments.password_stdin or arguments.display_name is not None
    ):
        raise WrongUsage("--csv does not go with --here, --password-stdin or --display-name")
    if arguments.sheet is not None and arguments.csv is None:
        raise WrongUsage("--sheet goes with --csv")
    if arguments.here and (arguments.password_stdin or arguments.json or arguments.valid_for):
        raise WrongUsage("--here does not go with --password-stdin, --valid-for or --json")
    if arguments.here and not is_interactive():
        raise WrongUsage("--here needs a terminal")


def _add_list(arguments: Namespace, role: Role, context: Context) -> None:
    from .people_list import read_people
    from .sheet import html, new_sheet

    accounts = context.services.accounts
    people = read_people(arguments.csv, accounts, role=role, expires_at=arguments.expires)
    front = front_url(context)
    # Before anybody is added: a link that cannot be written is lost.
    sheet = None if arguments.sheet is None else new_sheet(arguments.sheet)
    invitations: list[Invitation] = []
    missed = 0
    try:
        for person in people:
            invitation = _add_person(person, arguments.valid_for, context)
            missed += invitation is None
            invitations.extend([invitation] if invitation else [])
    finally:  # also where the store fails half-way
        _print_list(invitations, front, as_json=arguments.json)
        if sheet is not None:
            with sheet:
                sheet.write(html(invitations, front))
    if missed:
        raise NotDone(f"{missed} of {len(people)} were not added.")


def _add_person(person: Person, valid_for: int | None, context: Context) -> Invitation | None:
    from ..core.accounts import Refused

    try:
        return context.services.accounts.add(
            person.username,
            person.role,
            actor=ACTOR,
            display_name=person.display_name,
            valid_for=valid_for,
            expires_at=person.expires_at,
        )
    except Refused as refusal:  # the check was passed: somebody has added that name meanwhile
        complain(f"line {person.line}: {refusal}")
        return None


def _print_list(invitations: list[Invitation], front: str, *, as_json: bool) -> None:
    if as_json:
        print_json([as_document(invitation, front) for invitation in invitations])
        return
    rows = [
        (invitation.account.username, times.readable(invitation.expires_at), link(invitation, front))
        for invitation in invitations
    ]
    print_table(("NAME", "LINK IS GOOD UNTIL", "LINK"), rows)


class Reset(Verb):
    """``jupyter totp reset NAME``."""

    name = "reset"
    summary = "print a new link, to set up another phone"
    about = (
        "Print a new one-time link for an account whose phone is lost or replaced. It ends all logins. The "
        "old second factor stays on until a new phone is confirmed; a second factor is never taken off."
    )
    example = "jupyter totp reset ada --valid-for 1h"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_name(parser)
        _takes_valid_for(parser)
        takes_json(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        invitation = context.services.accounts.reset(
            arguments.username, actor=ACTOR, valid_for=arguments.valid_for
        )
        print_invitation(invitation, context, as_json=arguments.json)
        if not arguments.json and invitation.account.enrolled:
            say(f"All logins of {arguments.username} have ended.")
