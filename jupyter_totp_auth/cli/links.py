"""The one-time link of an invitation: where it leads, and how it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .running import running_servers
from .terminal import draw_qr, print_json, say
from .times import readable

if TYPE_CHECKING:
    from ..core.accounts import Invitation
    from .context import Context

_NO_SERVER = "http://localhost:8888"


def front_url(context: Context) -> str:
    """Where the server is reached, ending in a slash: as configured, else as it runs, else by default."""
    configured = context.settings.public_url
    if configured:
        return f"{configured.rstrip('/')}/"
    urls = [server.url for server in running_servers() if server.url]
    return urls[0] if urls else f"{_NO_SERVER}{context.options.base_url}"


def as_document(invitation: Invitation, front: str) -> dict[str, object]:
    """For ``--json``."""
    from ..wiring import as_invitation

    return as_invitation(invitation, front)


def link(invitation: Invitation, front: str) -> str:
    """For people."""
    from ..wiring import enrollment_link

    return enrollment_link(invitation, front)


def print_invitation(invitation: Invitation, context: Context, *, as_json: bool) -> None:
    """The link and its QR, or the document. It cannot be shown again: only its digest is stored."""
    front = front_url(context)
    if as_json:
        print_json(as_document(invitation, front))
        return
    name, until = invitation.account.username, readable(invitation.expires_at)
    url = link(invitation, front)
    say(f"With this link, {name} enrolls, once, until {until}:")
    say("")
    say(f"    {url}")
    say("")
    draw_qr(url)
