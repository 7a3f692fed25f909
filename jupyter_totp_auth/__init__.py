"""Two-factor login for Jupyter. Here are only the hooks that Jupyter looks for.

Standard library only: an error at the import of this file would be logged by Jupyter, which then starts
with its own token login. Everything that can fail is imported inside the hooks, where a failure ends the
server instead.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .web.identity import TotpIdentityProvider

__all__ = ["TotpIdentityProvider", "__version__"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    # Only how the log looks: what matters is looked at by the hooks.
    with contextlib.suppress(Exception), _modules_stay():
        from .web import json_log

        json_log.begin_early()
    return [{"module": "jupyter_totp_auth"}]


def _link_jupyter_server_extension(serverapp: Any) -> None:
    """Runs before the identity provider is made: put ours in place, or end the server."""
    _or_end(serverapp, "link")


def _load_jupyter_server_extension(serverapp: Any) -> None:
    """Runs when everything is in place: look whether ours is still there, or end the server."""
    _or_end(serverapp, "load")


def _or_end(serverapp: Any, step: str) -> None:
    """Run a hook. Jupyter would log its failure and go on without us; ``exit`` does end the server."""
    try:
        with _modules_stay():
            from . import extension

            getattr(extension, step)(serverapp)
    except Exception as error:
        serverapp.log.critical(
            "jupyter_totp_auth failed (%s: %s), and Jupyter will not start without its two-factor login. "
            "Reinstall it, or disable it with: jupyter server extension disable jupyter_totp_auth",
            type(error).__name__,
            error,
            exc_info=True,
        )
        serverapp.exit(1)


@contextlib.contextmanager
def _modules_stay() -> Iterator[None]:
    """Keep the garbage collector from looking through what has been imported, now and later: none is garbage.

    It would go through all of JupyterLab once more while we are imported, which takes longer than that does.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def __getattr__(name: str) -> Any:
    """For ``c.ServerApp.identity_provider_class = "jupyter_totp_auth.TotpIdentityProvider"``."""
    if name == "TotpIdentityProvider":
        try:
            from .web.identity import TotpIdentityProvider
        except Exception as error:
            # Only an ImportError ends the start. Over any other, Jupyter drops the configuration file that
            # names us, and starts with its own token login.
            raise ImportError(f"{type(error).__name__}: {error}") from error
        return TotpIdentityProvider
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
