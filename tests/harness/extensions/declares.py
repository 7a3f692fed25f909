"""An extension that tells which handlers this server has, and what each says it is about.

Once everything is loaded, the file named by DECLARES gets a line of JSON for each.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tornado.routing import Router

from jupyter_totp_auth.web.resources import resource_of

LATE_SECONDS = 0.5


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "declares"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    def late() -> None:
        application = serverapp.web_app
        found = [
            {
                "name": f"{kind.__module__}.{kind.__qualname__}",
                "says": getattr(kind, "auth_resource", None),
                "taken_for": resource_of(kind),
            }
            for router in (application.default_router, application.wildcard_router)
            for kind in _handlers(router)
        ]
        place = Path(os.environ["DECLARES"])
        place.with_suffix(".new").write_text(json.dumps(found))
        place.with_suffix(".new").rename(place)

    serverapp.io_loop.call_later(LATE_SECONDS, late)


def _handlers(router: Any) -> list[type[Any]]:
    found: list[type[Any]] = []
    for rule in router.rules:
        if isinstance(rule.target, Router):
            found += _handlers(rule.target)
        elif isinstance(rule.target, type):
            found.append(rule.target)
    return found
