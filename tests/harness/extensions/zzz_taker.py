"""The same, after ours in the alphabet: our link hook cannot see it."""

from __future__ import annotations

from aaa_taker import Taker, _link_jupyter_server_extension, _load_jupyter_server_extension

__all__ = ["Taker", "_link_jupyter_server_extension", "_load_jupyter_server_extension"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]
