"""The first start: a one-time set-up link, printed and opened, until somebody is enrolled."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_core.paths import secure_write
from jupyter_server.utils import url_path_join

from . import json_log

_BOX = """
    No account is set up yet. Open this link, once, to become the admin of this server:

        {url}

    It is void after use, at the next start, and in 24 hours.
"""


_SENTENCE = " ".join(_BOX.split())


def announce(serverapp: Any, code: str, public_url: str, *, as_json: bool) -> None:
    """Print the set-up link on standard error, as Jupyter prints its own, once the port is known."""

    def tell() -> None:
        url = url_path_join(public_url or serverapp.connection_url, _page(code))
        if as_json:
            json_log.say(_SENTENCE.format(url=url))
        else:
            print(_BOX.format(url=url), file=sys.stderr, flush=True)  # noqa: T201

    serverapp.io_loop.add_callback(tell)


def open_browser_on_it(serverapp: Any, code: str) -> None:
    """Let ``jupyter lab`` on a desktop open the browser on the set-up page."""
    serverapp.default_url = url_path_join(serverapp.base_url, _page(code))
    if not serverapp.no_browser_open_file:
        # Jupyter writes this file 0644, and it will hold the link; a file that is there keeps its mode.
        with secure_write(serverapp.browser_open_file):
            pass


def _page(code: str) -> str:
    """In the fragment: browsers do not send it, so it is in no access log and no proxy's log."""
    return f"enroll#{code}"
