"""The bundled list of passwords too common to accept; does not look at names or at strength."""

from __future__ import annotations

import gzip
import unicodedata
from functools import cache
from importlib.resources import files


@cache
def load() -> frozenset[str]:
    """Give every listed password: casefolded NFC, 12 code points or more; source: `BLOCKLIST.md`.

    Read at the first call, not at import: only the choice of a new password needs it.
    """
    packed = files(__package__).joinpath("blocklist.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().splitlines())


def is_listed(password: str) -> bool:
    """Whether this is a listed password, in any case (ASVS 6.2.4, NIST SP 800-63B-4 §3.1.1.2).

    The password as a whole, not a part or a stem of it, as NIST asks: a passphrase may contain a
    listed word. The caller has bounded the length.
    """
    # NFC once more after folding, because folding can take composed letters apart.
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", password).casefold())
    return folded in load()
