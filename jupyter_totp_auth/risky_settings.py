"""Settings of Jupyter's own that matter to a second factor, as plain data: for start and doctor."""

from __future__ import annotations

import re

OPEN_VARIABLE = "JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS"

STOCK_SECRETS = (
    ("IdentityProvider", "token"),
    ("TotpIdentityProvider", "token"),
    ("PasswordIdentityProvider", "token"),
    ("IdentityProvider", "hashed_password"),
    ("TotpIdentityProvider", "hashed_password"),
    ("PasswordIdentityProvider", "hashed_password"),
    ("ServerApp", "token"),
    ("ServerApp", "password"),
    ("NotebookApp", "token"),
    ("NotebookApp", "password"),
)
STOCK_VARIABLES = ("JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE")

LOGIN_HANDLERS = tuple(
    (section, name)
    for name in ("login_handler_class", "logout_handler_class")
    for section in ("ServerApp", "IdentityProvider", "TotpIdentityProvider")
)
"""Each would take the place of the two-factor login's pages."""

OUR_PROVIDERS = (
    "jupyter_totp_auth.TotpIdentityProvider",
    "jupyter_totp_auth.web.identity.TotpIdentityProvider",
)

DEAR = ("api/contents", "api/kernels", "api/terminals", "terminals/websocket/1")
"""What nobody means to have without a login."""

_NOBODYS_ORIGIN = "https://nobody.has.this.origin.invalid"


def matches_anybody(origin_pattern: str | None) -> bool:
    """Whether ``allow_origin_pat`` is only another way to write ``*``."""
    return bool(origin_pattern and re.fullmatch(origin_pattern, _NOBODYS_ORIGIN))
