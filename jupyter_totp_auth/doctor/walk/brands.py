"""Which proxy answers: by the header in which it names itself, else by what it says to nonsense.

Caddy says to that what every program in Go does; but it always names itself.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from .wire import Answer, NoAnswer

_NONSENSE = b"GET / HTTP/1.1\r\nHost: a b\r\nContent-Length: x\r\n\r\n"


class Brand(str, Enum):
    """A proxy whose language is spoken here."""

    NGINX = "nginx"
    APACHE = "Apache"
    HAPROXY = "HAProxy"
    CADDY = "Caddy"
    UNKNOWN = "the proxy"

    @property
    def is_known(self) -> bool:
        """Whether there are lines for it."""
        return self is not Brand.UNKNOWN


_NAMES = {"nginx": Brand.NGINX, "openresty": Brand.NGINX, "apache": Brand.APACHE, "caddy": Brand.CADDY}
_TELLING: tuple[tuple[bytes, Brand], ...] = (
    (b"<center>nginx", Brand.NGINX),
    (b"server: nginx", Brand.NGINX),
    (b"server: apache", Brand.APACHE),
    (b"your browser sent a request that this server could not understand", Brand.APACHE),
    (b"your browser sent an invalid request", Brand.HAPROXY),
)
"""In small letters. The bodies are the programs' own words: `server_tokens off` leaves them."""


def brand_of(answer: Answer | None, say: Callable[[bytes], bytes]) -> Brand:
    """Who is in front. ``say`` puts nonsense to it, and gives what comes back."""
    if answer is not None:
        named = " ".join([*answer.all("Server"), *answer.all("Via")]).lower()
        for word, brand in _NAMES.items():
            if word in named:
                return brand
    try:
        said = say(_NONSENSE).lower()
    except NoAnswer:
        return Brand.UNKNOWN
    return next((brand for words, brand in _TELLING if words in said), Brand.UNKNOWN)
