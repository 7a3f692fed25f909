"""The verbs that list accounts, change them and take them away."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .terminal import given_password, insist_on_consent, print_json, print_table, say
from .times import readable
from .verb import ACTOR, Verb, WrongUsage, takes_json, takes_name, takes_password, takes_yes

if TYPE_CHECKING:
    from ..core.model import Account
    from .context import Context

ROLES = ("admin", "member", "reader")


class List(Verb):
    """``jupyter totp list``."""

    name = "list"
    summary = "list the accounts"
    about = "List all accounts: their names, roles, and whether they can log in."
    example = "jupyter totp list --json"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_json(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        at = context.clock()
        accounts = context.services.accounts.all()
        if arguments.json:
            print_json([_as_document(account, at) for account in accounts])
            return
        head = ("NAME", "DISPLAY NAME", "ROLE", "STATE", "CREATED", "EXPIRES")
        rows = [
            (
                account.username,
                account.display_name,
                account.role.value,
                state(account, at),
                readable(account.created_at),
                "" if account.expires_at is None else readable(account.expires_at),
            )
            for account in accounts
        ]
        print_table(head, rows)


def state(account: Account, at: int) -> str:
    """In a word or two: whether it can log in, and if not, why."""
    if account.disabled:
        return "disabled"
    if account.expires_at is not None and account.expires_at <= at:
        return "expired"
    return "active" if account.enrolled else "not enrolled"


def _as_document(account: Account, at: int) -> dict[str, object]:
    from ..wiring import iso

    return {
        "username": account.username,
        "display_name": account.display_name,
        "role": account.role.value,
        "state": state(account, at),
        "created_at": iso(account.created_at),
        "expires_at": None if account.expires_at is None else iso(account.expires_at),
        "enrolled": account.enrolled,
    }


class Passwd(Verb):
    """``jupyter totp passwd NAME``."""

    name = "passwd"
    summary = "set an account's password"
    about = (
        "Set a password, asked for twice on the terminal. It ends all logins of the account; the second "
        "factor stays as it is."
    )
    example = "jupyter totp passwd ada"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_name(parser)
        takes_password(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        services, username = context.services, arguments.username
        services.accounts.named(username)  # nobody is asked for the password of an account that is not there

        def objection(password: str) -> str | None:
            return services.accounts.password_objection(password, username=username)

        password = given_password(arguments, objection)
        services.accounts.set_password(username, password, actor=ACTOR)
        say(f"The password of {username} is set. All logins of {username} have ended.")


class RoleVerb(Verb):
    """``jupyter totp role NAME ROLE``."""

    name = "role"
    summary = "give an account another role"
    about = "Give an account another role. It holds from its next request on."
    example = "jupyter totp role ada admin"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_name(parser)
        parser.add_argument("role", metavar="ROLE", choices=ROLES, help=" or ".join(ROLES))

    def run(self, arguments: Namespace, context: Context) -> None:
        from ..core.model import Role

        context.services.accounts.set_role(arguments.username, Role(arguments.role), actor=ACTOR)
        say(f"{arguments.username} has the role {arguments.role} now.")


class Disable(Verb):
    """``jupyter totp disable NAME``."""

    name = "disable"
    summary = "close an account, and end its logins"
    about = (
        "Close an account: its logins end within two seconds, also on running servers; nothing is deleted. "
        "With --csv, all accounts of a list: the one that added them will do."
    )
    example = "jupyter totp disable --csv course.csv"

    def arguments(self, parser: ArgumentParser) -> None:
        _takes_name_or_list(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        for username in _names(arguments, context):
            context.services.accounts.set_disabled(username, disabled=True, actor=ACTOR)
            say(f"{username} is disabled, and all its logins have ended.")


class Enable(Verb):
    """``jupyter totp enable NAME``."""

    name = "enable"
    summary = "open a disabled account again"
    about = "Open a disabled account again, with the password and the second factor that it had."
    example = "jupyter totp enable ada"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_name(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        context.services.accounts.set_disabled(arguments.username, disabled=False, actor=ACTOR)
        say(f"{arguments.username} is enabled.")


class DelUser(Verb):
    """``jupyter totp deluser NAME``."""

    name = "deluser"
    summary = "delete an account"
    about = (
        "Delete an account with its password, second factor, recovery codes and logins. The audit log keeps "
        "its past. Files and kernels are not touched. With --csv, all accounts of a list."
    )
    example = "jupyter totp deluser ada --yes"

    def arguments(self, parser: ArgumentParser) -> None:
        _takes_name_or_list(parser)
        takes_yes(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        accounts, names = context.services.accounts, _names(arguments, context)
        which = f"the account {names[0]}" if len(names) == 1 else f"these {len(names)} accounts"
        insist_on_consent(f"Delete {which} for good?", yes=arguments.yes)
        for username in names:
            accounts.delete(username, actor=ACTOR)
            say(f"{username} is deleted.")


def _takes_name_or_list(parser: ArgumentParser) -> None:
    parser.add_argument("username", metavar="NAME", nargs="?", help="the account's user name")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="all accounts in this file")


def _names(arguments: Namespace, context: Context) -> list[str]:
    """Whom it is about; all of them are there. Raises WrongUsage, NotDone and Refused."""
    if (arguments.username is None) == (arguments.csv is None):
        raise WrongUsage("give a NAME, or --csv FILE")
    accounts = context.services.accounts
    if arguments.csv is None:
        return [accounts.named(arguments.username).username]
    from .people_list import read_names

    return read_names(arguments.csv, accounts)


class Unlock(Verb):
    """``jupyter totp unlock NAME``."""

    name = "unlock"
    summary = "forget an account's failed tries"
    about = "Forget all failed tries of an account, so that it can log in at once after too many of them."
    example = "jupyter totp unlock ada"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_name(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        context.services.accounts.unlock(arguments.username, actor=ACTOR)
        say(f"{arguments.username} can try again at once.")


VERBS: tuple[type[Verb], ...] = (List, Passwd, RoleVerb, Disable, Enable, DelUser, Unlock)
