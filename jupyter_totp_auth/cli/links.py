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


def link(invitation: Invitation, front: str) -> str:
    """The code stands in the fragment, which reaches no server's log."""
    return f"{front}enroll#{invitation.code}"


def as_document(invitation: Invitation, front: str) -> dict[str, object]:
    """For ``--json``."""
    from ..wiring import iso

    return {
        "username": invitation.account.username,
        "enrollment_code": invitation.code,
        "url": link(invitation, front),
        "expires_at": iso(invitation.expires_at),
    }


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
