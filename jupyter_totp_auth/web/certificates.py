"""The certificate of a server that speaks TLS itself, renewed under it.

tornado, given file names, reads them again for each connection: one that is being written, or broken, then
fails everybody. Here they are read once, and again when they have changed; what cannot be used is told of,
and the certificate stays as it was.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tornado.netutil import ssl_options_to_context

from .log_privacy import Log

LOOK_EVERY = 60.0
"""Seconds, for who renews without telling."""

_FILES = ("certfile", "keyfile", "ca_certs")


class BadCertificate(Exception):
    """Certificate and key cannot be used; the message is a sentence that names them."""


class Certificates:
    """The files that ``ssl_options`` name. ``context`` is what they were at the last good look."""

    def __init__(self, ssl_options: Mapping[str, Any], log: Log) -> None:
        """Raises BadCertificate."""
        self._options, self._log = dict(ssl_options), log
        self._seen = self._stamps()
        self.context = self._read()

    def show_on(self, server: Any) -> None:
        """Have a tornado HTTP server show it on connections from now on; open ones are as they were."""
        server.ssl_options = self.context

    def renew(self, server: Any) -> bool:
        """Read the files again; whether they have changed. Raises BadCertificate: then it is as it was."""
        stamps = self._stamps()
        changed, self._seen = stamps != self._seen, stamps
        self.context = self._read()
        self.show_on(server)
        return changed

    def look(self, server: Any) -> None:
        """Renew if the files have changed since the last look, good or bad."""
        if self._stamps() == self._seen:
            return
        told = logging.INFO, "the certificate has changed, and the new one is shown."
        try:
            self.renew(server)
        except BadCertificate as bad:
            told = logging.ERROR, f"{bad} The one before is shown on."
        self._log.log(told[0], "jupyter_totp_auth: %s", told[1])

    def _read(self) -> ssl.SSLContext:
        try:
            return ssl_options_to_context(dict(self._options), server_side=True)
        except (OSError, ValueError, TypeError) as error:  # ssl.SSLError is an OSError
            files = " and ".join(str(self._options[name]) for name in _FILES if self._options.get(name))
            raise BadCertificate(f"The certificate cannot be used ({files}): {error}.") from None

    def _stamps(self) -> list[tuple[int, ...] | None]:
        """What changes with a file's content, or with where a symbolic link leads."""
        return [_stamp(self._options.get(name)) for name in _FILES]


def _stamp(name: Any) -> tuple[int, ...] | None:
    try:
        status = Path(name).stat()
    except (OSError, TypeError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev
