"""What answers without a login, as plain data: the gate opens these paths, `jupyter totp routes` prints them.

Patterns are regular expressions of whole paths behind base_url, without the leading slash.
"""

from __future__ import annotations

from collections.abc import Sequence

STATIC_FILES = ("page.css", "page.js")

PAGES = (
    r"login",
    r"login/code",
    r"logout",
    r"enroll",
    r"enroll/account",
    r"enroll/phone",
    r"enroll/recovery-codes",
    r"api/totp/health",
    r"api/totp/login",
)
STATIC = r"login/static/({})".format("|".join(name.replace(".", r"\.") for name in STATIC_FILES))
WELL_KNOWN = r"(robots\.txt|favicon\.ico)"


def patterns(extra: Sequence[str] = ()) -> list[str]:
    """All of them, ``extra`` being ``TotpAuth.public_routes``."""
    return [*PAGES, STATIC, WELL_KNOWN, *extra]
