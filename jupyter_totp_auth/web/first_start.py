"""The first start: a one-time set-up link, printed and opened, until somebody is enrolled."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_core.paths import secure_write
from jupyter_server.utils import url_path_join

from .identity import TotpIdentityProvider

_BOX = """
    No account is set up yet. Open this link, once, to become the admin of this server:

        {url}

    It is void after use, at the next start, and in 24 hours.
"""


def announce(serverapp: Any, provider: TotpIdentityProvider) -> None:
    """Print the set-up link when the port is known, and let ``jupyter lab`` open the browser on it."""
    code = provider.services.enrollment.offer_setup()
    if code is None:
        return
    page = f"enroll#{code}"
    serverapp.default_url = url_path_join(serverapp.base_url, page)
    if not serverapp.no_browser_open_file:
        # Jupyter writes this file 0644, and it will hold the link; a file that is there keeps its mode.
        with secure_write(serverapp.browser_open_file):
            pass
    serverapp.io_loop.add_callback(_tell, serverapp, provider, page)


def _tell(serverapp: Any, provider: TotpIdentityProvider, page: str) -> None:
    """On standard error, as Jupyter prints its own link; in no log handler's way."""
    public = provider.settings.public_url
    front = public if public else serverapp.connection_url
    print(_BOX.format(url=url_path_join(front, page)), file=sys.stderr, flush=True)  # noqa: T201
