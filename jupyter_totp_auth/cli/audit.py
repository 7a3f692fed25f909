"""The verbs that look at what happens: ``logins`` and ``log``."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .terminal import note, print_json, print_table, say
from .times import grace, readable
from .verb import ACTOR, NotDone, Verb, WrongUsage, takes_json, takes_name

if TYPE_CHECKING:
    from ..core.events import Event
    from ..core.model import LoginSession
    from ..store import Store
    from .context import Context

_POLL_S = 0.5
_BEFORE_FOLLOWING = 20
_OVERLAP = 100
_NAMED = ("token", "kernel", "path", "terminal")
"""What of the detail has a place of its own in a line for people."""


class LoginsVerb(Verb):
    """``jupyter totp logins NAME``."""

    name = "logins"
    summary = "list an account's logins, or end them"
    about = (
        "List the logins of an account that are open now, or end one or all of them. A login that is ended "
        "is over within two seconds on every server, or after a grace in which its pages save their "
        "documents; its kernels run on."
    )
    example = "jupyter totp logins ada --end-all"

    def arguments(self, parser: ArgumentParser) -> None:
        takes_name(parser)
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--end", metavar="ID", help="end the login of this id")
        end.add_argument("--end-all", action="store_true", help="end all logins of the account")
        parser.add_argument(
            "--grace", metavar="SECONDS", type=grace, default=0, help="end them so much later; at most 3600"
        )
        takes_json(parser)

    def run(self, arguments: Namespace, context: Context) -> None:
        services, username, seconds = context.services, arguments.username, arguments.grace
        if arguments.end is not None or arguments.end_all:
            which = {"login_id": arguments.end, "grace": seconds}
            count = services.accounts.end_logins(username, actor=ACTOR, **which)
            if arguments.json:
                print_json({"ending" if seconds else "ended": count})
                return
            logins = f"{count} login{'' if count == 1 else 's'} of {username}"
            say(f"{logins} will have ended in {seconds} seconds." if seconds else f"Ended {logins}.")
            return
        if seconds:
            raise WrongUsage("--grace is for --end and --end-all")
        sessions = services.logins.of_account(services.accounts.named(username).id)
        if arguments.json:
            print_json([_as_document(session) for session in sessions])
        else:
            _print_sessions(sessions)


def _as_document(session: LoginSession) -> dict[str, object]:
    from ..wiring import iso

    return {
        "id": session.id,
        "client": session.client,
        "user_agent": session.user_agent,
        "created_at": iso(session.created_at),
        "last_seen_at": iso(session.last_seen_at),
        "expires_at": iso(session.expires_at),
    }


def _print_sessions(sessions: list[LoginSession]) -> None:
    head = ("ID", "CLIENT", "SINCE", "LAST SEEN", "UNTIL", "BROWSER")
    rows = [
        (
            session.id,
            session.client,
            readable(session.created_at),
            readable(session.last_seen_at),
            readable(session.expires_at),
            session.user_agent,
        )
        for session in sessions
    ]
    print_table(head, rows)


class Log(Verb):
    """``jupyter totp log``."""

    name = "log"
    summary = "print the audit log"
    about = (
        "Print the audit log, oldest entries first: logins, failures, and what was done to accounts. With "
        "--follow, print the newest entries, then go on as they happen, until Ctrl-C."
    )
    example = "jupyter totp log --account ada --follow"

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="only what concerns this account")
        parser.add_argument("--kernel", metavar="ID", help="only what was done with this kernel")
        parser.add_argument("--follow", action="store_true", help="go on as it happens")
        parser.add_argument(
            "--json",
            action="store_true",
            help="print one JSON document (with --follow: one a line)",
        )

    def run(self, arguments: Namespace, context: Context) -> None:
        store, username = context.services.store, arguments.account
        if username is not None and store.accounts.by_name(username) is None:
            _insist_on_past(store, username)
        if arguments.follow:
            _follow(store, username, arguments.kernel, as_json=arguments.json)
            return
        listed = (event for _, event in store.events.list(username=username))
        events = [event for event in listed if _is_of(event, arguments.kernel)]
        if arguments.json:
            from ..wiring import as_document

            print_json([as_document(event) for event in events])
        for event in () if arguments.json else events:
            say(_as_line(event))


def _insist_on_past(store: Store, username: str) -> None:
    """A deleted account has no row any more, but what happened to it can be read."""
    if not store.events.list(username=username, limit=1):
        raise NotDone(f"There is no account named {username[:80]!a}, and there was none.")


def _is_of(event: Event, kernel: str | None) -> bool:
    return kernel is None or _about_kernel(event).get("kernel") == kernel


def _about_kernel(event: Event) -> dict[str, Any]:
    """The detail of who ran what, unpacked; empty for all other events."""
    from ..core.events import WHO_RAN_WHAT

    if event.kind not in WHO_RAN_WHAT or not event.detail:
        return {}
    try:
        found = json.loads(event.detail)
    except ValueError:  # written by another hand
        return {}
    return found if isinstance(found, dict) else {}


def _in_line(value: object) -> str:
    """As it stands, or in quotes: a notebook's path is somebody's text, and may look like a line."""
    text = str(value)
    return text if text.isascii() and text.isprintable() and " " not in text else json.dumps(text)


def _follow(store: Store, username: str | None, kernel: str | None, *, as_json: bool) -> None:
    from ..wiring import as_document

    try:
        for event in _as_they_happen(store, username):
            if not _is_of(event, kernel):
                continue
            if as_json:
                print_json(as_document(event), on_one_line=True)
            else:
                say(_as_line(event))
                sys.stdout.flush()
    except KeyboardInterrupt:
        note("")


def _as_they_happen(store: Store, username: str | None) -> Iterator[Event]:
    """The newest events, then each new one."""
    found = store.events.list(username=username, limit=_BEFORE_FOLLOWING)
    yield from (event for _, event in found)
    last = found[-1][0] if found else 0
    seen = set(range(last - _OVERLAP, last + 1))
    while True:
        time.sleep(_POLL_S)
        # A little back each time: on a database server a lower number can become visible after a higher.
        for number, event in store.events.list(username=username, after=max(last - _OVERLAP, 0)):
            if number not in seen:
                seen.add(number)
                last = max(last, number)
                yield event
        seen = {number for number in seen if number > last - _OVERLAP}


def _as_line(event: Event) -> str:
    """For people: only what there is."""
    from ..wiring import iso

    parts, about = [iso(event.at), event.kind.value], _about_kernel(event)
    detail = {name: value for name, value in about.items() if name not in _NAMED}
    labelled = [
        ("account", event.account),
        ("by", event.actor),
        ("from", event.client),
        ("login", event.login),
        *((name, _in_line(about[name])) for name in _NAMED if name in about),
        ("detail", (json.dumps(detail) if detail else "") if about else event.detail),
    ]
    return "  ".join([*parts, *(f"{label} {value}" for label, value in labelled if value)])
