"""The verb that looks at an account's access tokens: ``tokens``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from .terminal import print_json, print_table, say
from .times import readable
from .verb import ACTOR, NotDone, Verb, takes_json, takes_name

if TYPE_CHECKING:
    from ..core.model import AccessToken
    from .context import Context


class TokensVerb(Verb):
    """``jupyter totp tokens NAME``."""

    name = "tokens"
    summary = "list an account's access tokens, or revoke one"
    about = (
        "List the access tokens of an account that are good now, or revoke one. A revoked token, and every "
        "WebSocket opened with it, is over within two seconds on every server."
    )
    example = "jupyter totp tokens ada --revoke 0123456789abcdef"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_name(parser)
        parser.add_argument("--revoke", metavar="ID", help="revoke the token of this id")
        takes_json(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        services, username = context.services, arguments.username
        account = services.accounts.named(username)
        if arguments.revoke is None:
            tokens = services.access_tokens.of_account(account.id)
            _print_documents(tokens) if arguments.json else _print_tokens(tokens)
            return
        if not services.access_tokens.revoke(account, arguments.revoke, actor=ACTOR):
            raise NotDone(f"{username} has no access token {arguments.revoke[:80]!a}.")
        if arguments.json:
            print_json({"revoked": arguments.revoke})
        else:
            say(f"The access token {arguments.revoke} of {username} is revoked.")


def _print_documents(tokens: list[AccessToken]) -> None:
    from ..wiring import iso

    print_json(
        [
            {
                "id": token.id,
                "name": token.name,
                "scopes": list(token.scopes),
                "path_prefix": token.path_prefix or None,
                "created_at": iso(token.created_at),
                "expires_at": iso(token.expires_at),
                "last_used_at": None if token.last_used_at is None else iso(token.last_used_at),
                "last_used_from": token.last_used_from or None,
            }
            for token in tokens
        ]
    )


def _print_tokens(tokens: list[AccessToken]) -> None:
    head = ("ID", "NAME", "SCOPES", "SINCE", "LAST USED", "UNTIL")
    rows = [
        (
            token.id,
            token.name,
            " ".join(token.scopes),
            readable(token.created_at),
            "" if token.last_used_at is None else readable(token.last_used_at),
            readable(token.expires_at),
        )
        for token in tokens
    ]
    print_table(head, rows)
