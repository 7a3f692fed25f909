"""The double-submit token, bound: to the login where there is one, else to this installation (R30).

The format, and the cookie's name and path, are tornado's: JupyterLab reads the cookie and Jupyter's own
handlers compare it. Only its 16 bytes are ours. So a pair that was made up, or that stems from before the
login, is recognised on our own endpoints, without a table of tokens.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from tornado.web import RequestHandler

from ..core.sealing import Purpose, Sealer

COOKIE = "_xsrf"
_BYTES = 16
_NONCE = 8


class Xsrf:
    """Makes and judges the pairs of one installation."""

    def __init__(self, sealer: Sealer, base_url: str) -> None:
        self._sealer = sealer
        self._base_url = base_url

    def token(self, handler: RequestHandler, *, login_id: str | None, secure: bool) -> str:
        """The token for a form. Sets the cookie where the browser has none, or one of another state."""
        _, raw, _ = _decode(handler, handler.get_cookie(COOKIE) or "")
        if raw is not None and self._is_genuine(raw, login_id):
            return _encode(handler, raw)
        return self.issue(handler, login_id=login_id, secure=secure)

    def issue(self, handler: RequestHandler, *, login_id: str | None, secure: bool) -> str:
        """A new pair: at each login and log-out."""
        raw = self._bound(login_id) if login_id else self._signed(secrets.token_bytes(_NONCE))
        text = _encode(handler, raw)
        flags: dict[str, Any] = {"secure": True} if secure else {}
        handler.set_cookie(COOKIE, text, path=self._base_url, samesite="Lax", **flags)
        return text

    def stand_by(self, handler: RequestHandler, *, login_id: str) -> None:
        """Have Jupyter's own handlers give a browser without a pair the one of its login.

        Not a random one, which each of them would make: a browser that kept the login and not the pair
        ("Stay signed in", and a restart) asks for many things at once, and the first act on an endpoint of
        ours would change the pair under an act of JupyterLab's that is on its way. Only for what reads: who
        acts has to bring the pair. The caller has seen that there is none (``Visitor.has_pair``).
        """
        if handler.request.method == "GET":
            handler._raw_xsrf_token = (None, self._bound(login_id), 0)  # noqa: SLF001 - None: the cookie is to be set

    def holds(self, handler: RequestHandler, submitted: str, *, login_id: str | None) -> bool:
        """Whether cookie and submitted token are a pair, and ours, for this very state."""
        _, in_cookie, _ = _decode(handler, handler.get_cookie(COOKIE) or "")
        _, given, _ = _decode(handler, submitted)
        if in_cookie is None or given is None or not hmac.compare_digest(in_cookie, given):
            return False
        return self._is_genuine(given, login_id)

    def _is_genuine(self, raw: bytes, login_id: str | None) -> bool:
        expected = self._bound(login_id) if login_id else self._signed(raw[:_NONCE])
        return hmac.compare_digest(raw, expected)

    def _bound(self, login_id: str) -> bytes:
        return self._sealer.mac(Purpose.XSRF, "login", login_id)[:_BYTES]

    def _signed(self, nonce: bytes) -> bytes:
        return nonce + self._sealer.mac(Purpose.XSRF, "visitor", nonce)[: _BYTES - _NONCE]


def jupyters_cookie(base_url: str) -> dict[str, Any]:
    """The flags of a pair that Jupyter's own handlers make where a browser has none: as those of ours.

    Left to itself it lasts thirty days, beyond any login, and goes along with other sites' requests.
    """
    return {"expires_days": None, "path": base_url, "samesite": "Lax"}


def _decode(handler: RequestHandler, text: str) -> tuple[Any, bytes | None, Any]:
    decoded: tuple[Any, bytes | None, Any] = handler._decode_xsrf_token(text)  # noqa: SLF001 - the one format there is
    return decoded


def _encode(handler: RequestHandler, raw: bytes) -> str:
    """tornado's masked form, a fresh mask each time (BREACH); given a version, it sets no cookie itself."""
    handler._raw_xsrf_token = (2, raw, 0)  # noqa: SLF001 - see _decode
    if hasattr(handler, "_xsrf_token"):
        del handler._xsrf_token  # noqa: SLF001
    return handler.xsrf_token.decode("ascii")
