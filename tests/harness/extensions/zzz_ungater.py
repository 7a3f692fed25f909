"""Puts the application's own look-up of handlers back: our gate would be gone."""

from __future__ import annotations

from typing import Any

from tornado.web import Application


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _link_jupyter_server_extension(serverapp: Any) -> None:
    """After ``validate_security``, which put the gate up, and before our load hook."""
    stock = serverapp.init_signal

    def init_signal() -> None:
        serverapp.web_app.find_handler = Application.find_handler.__get__(serverapp.web_app)
        stock()

    serverapp.init_signal = init_signal


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Nothing more."""
