"""The verb that tells everybody something: ``notice``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from .terminal import print_json, print_table, say
from .times import length, readable
from .verb import ACTOR, NotDone, Verb, WrongUsage, takes_json

if TYPE_CHECKING:
    from .context import Context


class NoticeVerb(Verb):
    """``jupyter totp notice TEXT``."""

    name = "notice"
    summary = "tell everybody something in JupyterLab"
    about = (
        "Show a text to everybody who has JupyterLab or Notebook open, on every server of this store, within "
        "a few seconds, and to whoever comes later, until it is over or withdrawn. Without a TEXT, list the "
        "notices that are shown now. It is text and nothing else, at most 500 characters; the newest five "
        "are shown."
    )
    example = 'jupyter totp notice "The server stops at 18:00 for an update." --valid-for 2h'

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text", metavar="TEXT", nargs="?", help="what everybody is told")
        parser.add_argument(
            "--valid-for", metavar="TIME", type=length, help="how long it is shown: 10m, 2h, 7d (default: 1d)"
        )
        takes_json(parser)
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--list", action="store_true", help="list the notices that are shown now")
        other.add_argument("--withdraw", metavar="ID", help="take the notice of this id back")
        other.add_argument("--clear", action="store_true", help="take all notices back")

    def run(self, arguments: Namespace, context: Context) -> None:
        others = (arguments.list, arguments.withdraw is not None, arguments.clear)
        if any(others) and (arguments.text is not None or arguments.valid_for is not None):
            raise WrongUsage("give a TEXT, or one of --list, --withdraw and --clear")
        if arguments.text is None and arguments.valid_for is not None:
            raise WrongUsage("--valid-for goes with a TEXT")
        if arguments.text is not None:
            _send(arguments, context)
        elif arguments.clear or arguments.withdraw is not None:
            _withdraw(arguments, context)
        else:
            _list(arguments, context)


def _send(arguments: Namespace, context: Context) -> None:
    notices = context.services.notices
    notice = notices.send(arguments.text, by=None, actor=ACTOR, valid_for=arguments.valid_for)
    if arguments.json:
        from ..wiring import notice_document

        print_json(notice_document(notice))
    else:
        say(f"Everybody is told until {readable(notice.expires_at)}. To take it back:")
        say(f"jupyter totp notice --withdraw {notice.id}")


def _withdraw(arguments: Namespace, context: Context) -> None:
    notices, notice_id = context.services.notices, arguments.withdraw
    if arguments.clear:
        count = notices.withdraw_all(by=None, actor=ACTOR)
    elif any(notice.id == notice_id for notice in notices.of_store()):
        notices.withdraw(notice_id, by=None, actor=ACTOR)
        count = 1
    else:
        raise NotDone(f"There is no notice {notice_id[:80]!a}.")
    if arguments.json:
        print_json({"withdrawn": count})
    else:
        say(f"Took {count} notice{'' if count == 1 else 's'} back.")


def _list(arguments: Namespace, context: Context) -> None:
    notices = context.services.notices.of_store()
    if arguments.json:
        from ..wiring import notice_document

        print_json([notice_document(notice) for notice in notices])
        return
    rows = [
        (one.id, one.sender or ACTOR, readable(one.sent_at), readable(one.expires_at), one.message)
        for one in notices
    ]
    print_table(("ID", "BY", "SINCE", "UNTIL", "NOTICE"), rows)
