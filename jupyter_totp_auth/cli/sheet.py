"""A sheet to print, with a slip for each person: name, link and QR code. For a course."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .links import link
from .times import readable
from .verb import NotDone

if TYPE_CHECKING:
    from ..core.accounts import Invitation

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Enrollment links</title>
<meta name="referrer" content="no-referrer">
<style>
body {{ margin: 1cm; color: #000; background: #fff; font: 11pt/1.4 system-ui, sans-serif; }}
.slip {{ display: flex; gap: 8mm; align-items: center; padding: 6mm 0; border-bottom: 1px dashed #666;
  break-inside: avoid; }}
.slip svg {{ width: 42mm; height: 42mm; flex: none; }}
h2 {{ margin: 0 0 2mm; font-size: 14pt; }}
p {{ margin: 0 0 2mm; }}
code {{ font-size: 9pt; overflow-wrap: anywhere; }}
</style>
</head>
<body>
{slips}
</body>
</html>
"""
_SLIP = """\
<section class="slip">
{svg}
<div>
<h2>{shown}</h2>
<p>User name: <strong>{name}</strong></p>
<p>Open this once, until {until}. Choose a password, and scan the code that comes with an authenticator
app:</p>
<p><code>{url}</code></p>
</div>
</section>"""


def new_sheet(path: Path) -> IO[str]:
    """The empty file, for its owner alone: the links open accounts. Raises NotDone where one is there."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise NotDone(f"{path} exists already.") from None
    except OSError as error:
        raise NotDone(f"{path} cannot be written: {error.strerror}.") from None


def html(invitations: Sequence[Invitation], front: str) -> str:
    """The whole page; nothing in it is fetched from anywhere."""
    return _PAGE.format(slips="\n".join(_slip(invitation, front) for invitation in invitations))


def _slip(invitation: Invitation, front: str) -> str:
    from ..core import qr

    url, account = link(invitation, front), invitation.account
    return _SLIP.format(
        svg=qr.svg(url),
        shown=escape(account.display_name or account.username),
        name=escape(account.username),
        until=readable(invitation.expires_at),
        url=escape(url),
    )
