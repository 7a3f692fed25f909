"""The address that people type, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


class BadAddress(ValueError):
    """Not an address that people could type; in one sentence."""


@dataclass(frozen=True)
class Address:
    """Where a browser would go."""

    secure: bool
    host: str
    """A name, or an IP address without brackets."""
    port: int
    base_url: str
    """The path, with a slash at both ends."""
    http_port: int | None = None
    """Where plain http is expected, too; None where that cannot be known: https on a port of its own."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """From a whole URL. Raises BadAddress."""
        try:
            parts = urlsplit(text)
            port, host = parts.port, (parts.hostname or "").encode("idna").decode("ascii")
        except ValueError:  # a port that is none, brackets that do not close, a name that no DNS could hold
            raise BadAddress(f"{text!r} is no address.") from None
        if parts.scheme not in _PORTS or not host:
            raise BadAddress(f"{text!r} is no whole address, such as https://jupyter.example.org/.")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise BadAddress("The address is scheme, host and path alone: no name, no ? and no #.")
        secure = parts.scheme == "https"
        path = parts.path.strip("/")
        usual = port in (None, _PORTS["https"])
        return cls(
            secure,
            host,
            _PORTS[parts.scheme] if port is None else port,
            f"/{path}/" if path else "/",
            _PORTS["http"] if secure and usual else None,
        )

    @property
    def netloc(self) -> str:
        """As it stands in the Host header: without a port that goes without saying."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS["https" if self.secure else "http"]
        return name if self.port == usual else f"{name}:{self.port}"

    @property
    def origin(self) -> str:
        """As it stands in the Origin header."""
        return f"{'https' if self.secure else 'http'}://{self.netloc}"

    @property
    def url(self) -> str:
        """The whole of it."""
        return self.origin + self.base_url
