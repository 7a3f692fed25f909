"""An extension that starts and stops kernels and terminals, by itself and for others."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join


class ForgeHandler(APIHandler):
    """Does by an id in the query, or in the path, what it is asked for."""

    async def post(self, act: str) -> None:
        kernels, terminals = self.kernel_manager, self.settings["terminal_manager"]
        answer: dict[str, Any] = {}
        if act == "kernel":
            (made,) = await asyncio.gather(kernels.start_kernel())  # in a task of its own
            answer["id"] = made
        elif act == "terminal":
            answer["name"] = terminals.create()["name"]
        elif act == "stop-kernel":
            await ensure_async(kernels.shutdown_kernel(self.get_argument("id")))
        elif act == "stop-terminal":
            await terminals.terminate(self.get_argument("name"), force=True)
        self.finish(answer)


class ForgeKernelHandler(APIHandler):
    """Something with a kernel that its URL names, as extensions that run notebooks have it."""

    def post(self, kernel_id: str) -> None:
        self.finish({"ran in": kernel_id})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    base = serverapp.web_app.settings["base_url"]
    rules = [
        (url_path_join(base, r"forge/([\w-]+)/anything"), ForgeKernelHandler),
        (url_path_join(base, r"forge/([a-z-]+)"), ForgeHandler),
    ]
    serverapp.web_app.add_handlers(".*$", rules)

    async def start_one() -> None:
        made = await serverapp.kernel_manager.start_kernel()
        Path(os.environ["DOORS_JOURNAL"]).with_name("forged").write_text(made)

    serverapp.io_loop.add_callback(start_one)
