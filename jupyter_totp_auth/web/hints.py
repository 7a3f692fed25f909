"""How open pages are told that it is time to look at ``api/totp/me``.

Down the socket of Jupyter's events, which every page of JupyterLab and Notebook holds open: a channel of our
own would be one more socket a page. Nobody can send these by ``POST api/events``, where such a schema is
unknown; and they say nothing by themselves.
"""

from __future__ import annotations

import json

from jupyter_server.services.events.handlers import SubscribeWebsocket

from .sockets import HINT, Sockets
from .visitor import key_of_login

NEWS = json.dumps({"schema_id": "jupyter-totp-auth/news"})


def tell_of_the_stop(sockets: Sockets) -> None:
    """The server is about to stop."""
    sockets.tell(SubscribeWebsocket, HINT)


def tell_everybody(sockets: Sockets) -> None:
    """Something is new for all: a notice."""
    sockets.tell(SubscribeWebsocket, NEWS)


def tell_login(sockets: Sockets, login_id: str) -> None:
    """Something is new for one login: its end."""
    sockets.tell(SubscribeWebsocket, NEWS, key=key_of_login(login_id))
