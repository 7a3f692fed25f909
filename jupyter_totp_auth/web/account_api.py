"""The JSON API of one's own account: ``health``, ``login``, ``me``, ``logins``."""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Sequence
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web

from ..core import recovery, totp
from ..core.logins import LiveLogin
from ..core.model import Denied, LoginSession, Refusal
from ..wiring import iso, notice_document
from .acts import end_login, end_other_logins, refused
from .asking import ApiError, Asking
from .failing import COME_AGAIN, Stopping
from .login_pages import first_factor, second_factor, sign_in
from .request_shape import is_of_type

_JSON = "application/json"


class ApiHandler(Asking):
    """JSON in, JSON out; every state change needs our own page or its token (R30)."""

    def insist_on_own_request(self) -> None:
        """403 for a state change that another site, or a stale page, asks for."""
        token = self.request.headers.get("X-XSRFToken") or self.request.headers.get("X-CSRFToken")
        if not self.is_own_request(token or ""):
            self.xsrf_value()  # the cookie is put right, so that a second try holds
            raise ApiError(403, "xsrf", "The _xsrf cookie and the X-XSRFToken header must be a pair.")

    def document(self, *names: str, optional: Sequence[str] = ()) -> dict[str, Any]:
        """The body, an object with these fields. 400 for anything else, 415 for no JSON."""
        document = self.parsed()
        if not document or set(document) - set(optional) != set(names):
            also = f" (and may have: {', '.join(optional)})" if optional else ""
            raise ApiError(400, "malformed", f"The body has to have exactly: {', '.join(names)}{also}.")
        return document

    def strings(self, *names: str) -> list[str]:
        """The body's fields, all of them strings and no others. 400 for anything else, 415 for no JSON."""
        document = self.document(*names)
        return [text(document[name]) for name in names]

    def one_string(self, *names: str) -> tuple[str, str]:
        """The body's one field, which is one of ``names``, and its value."""
        items = list(self.parsed().items())
        if len(items) != 1 or items[0][0] not in names:
            raise ApiError(400, "malformed", f"The body has to have exactly one of: {', '.join(names)}.")
        return items[0][0], text(items[0][1])

    def parsed(self) -> dict[str, Any]:
        """The body, a JSON object. 415 for another media type, 400 for anything else."""
        if not is_of_type(self.request, _JSON):
            raise ApiError(415, "media-type", "The body has to be application/json, in UTF-8.")
        return _parse(self.request.body)

    def answer(self, document: dict[str, Any], status: int = 200) -> None:
        """A JSON document."""
        self.set_status(status)
        self.set_header("Content-Type", _JSON)
        self.finish(json.dumps(document))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The contract's error; no trace, no detail."""
        error = kwargs.get("exc_info", (None, None))[1]
        retry_after = COME_AGAIN if status_code == 503 else None  # noqa: PLR2004
        if isinstance(error, ApiError):
            message, reason = error.sentence, error.word
            retry_after = error.retry_after or retry_after
        elif isinstance(error, Stopping):
            message, reason, retry_after = error.sentence, "stopping", error.retry_after
        else:
            message = http.client.responses.get(status_code, "Error")
            reason = _WORDS.get(status_code, "error")
        if retry_after is not None:  # here, not before the raise: tornado clears the headers in between
            self.set_header("Retry-After", str(retry_after))
        self.answer({"message": message, "reason": reason}, status_code)


_WORDS = {400: "malformed", 404: "not-found", 405: "method", 503: "unavailable"}


def _parse(body: bytes) -> dict[str, Any]:
    """A JSON object: no duplicate keys, no number that JSON has no word for, no depth that could hurt."""
    malformed = ApiError(400, "malformed", "The body is not a JSON object.")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(items)) != len(items):
            raise malformed
        return dict(items)

    def number(literal: str) -> float:
        if not math.isfinite(float(literal)):  # NaN by name, and 1e999, which Python makes infinite
            raise malformed
        return float(literal)

    try:
        document = json.loads(
            body.decode("utf-8"), object_pairs_hook=pairs, parse_constant=number, parse_float=number
        )
    except (ValueError, RecursionError):
        raise malformed from None
    if not isinstance(document, dict):
        raise malformed
    return document


def text(value: Any) -> str:
    """A string, and Unicode: JSON can carry lone surrogates."""
    try:
        value.encode("utf-8")
    except (AttributeError, UnicodeEncodeError):
        raise ApiError(400, "malformed", "Every field has to be a string.") from None
    return str(value)


class HealthHandler(ApiHandler):
    """Whether logins can be served, and nothing more."""

    totp_refuses_tokens = False

    @allow_unauthenticated
    async def get(self) -> None:
        """From memory: a health check every second must cost nothing."""
        if not self.rim.can_log_in():
            raise ApiError(503, "unavailable", "Logins cannot be served at the moment.")
        self.answer({"status": "ok"})

    @allow_unauthenticated
    async def head(self) -> None:
        """The same without a body, as some monitors ask."""
        await self.get()


class LoginHandler(ApiHandler):
    """Both factors in one call: the same flow and the same charges as the pages."""

    totp_signs_in = True

    @allow_unauthenticated
    async def post(self) -> None:
        """200 and the cookie, or 401: wrong, whichever it was."""
        self.insist_on_own_request()
        name, password, code = self.strings("username", "password", "code")
        if totp.read(code) is None and recovery.read(code) is None:
            raise ApiError(400, "malformed", "The code is neither six digits nor a recovery code.")
        first = await first_factor(self, name, password)
        if isinstance(first, Denied):
            raise refused(first)
        second = await second_factor(self, first.bearer, code)
        if isinstance(second, Denied):
            if second.refusal is Refusal.SERVER_CLOCK:
                self.tell_of_the_clock()
            self.rim.cookies.put_pending(self, first)  # so that the next try is known for the same browser's
            raise refused(second)
        await sign_in(self, second)
        live = LiveLogin(second.value.session, second.value.account)
        self.answer(await self.storing(describe, self, live))


class MeHandler(ApiHandler):
    """Who I am here."""

    @web.authenticated
    async def get(self) -> None:
        """Account, factors, counts, login."""
        self.answer(await self.storing(describe, self, self.login))


def describe(handler: ApiHandler, live: LiveLogin) -> dict[str, Any]:
    """What ``GET me`` says of a login and its account. Reads the store."""
    account, session = live.account, live.session
    store, policy = handler.now.services.store.accounts, handler.now.services.policy
    notice = handler.now.services.store.events.notice(account.id, session.id)
    last = notice.last_login
    return {
        "username": account.username,
        "display_name": account.display_name,
        "initials": account.initials,
        "color": account.color,
        "role": account.role.value,
        "terminals": account.terminals.value,
        "authenticators": len(store.authenticators(account.id)),
        "recovery_codes_left": store.recovery_codes_left(account.id),
        "locked": session.locked_at is not None,
        "notices": [notice_document(one) for one in handler.now.services.notices.live()],
        "stops_at": None if handler.rim.stops_at is None else iso(handler.rim.stops_at),
        "last_login": {"at": iso(last.at), "client": last.client} if last else None,
        "failed_since_last_login": {"count": notice.failed, "clients": list(notice.clients)},
        "login": {
            "id": session.id,
            "expires_at": iso(session.expires_at),
            "ending": None if session.ending is None else session.ending.value,
            "idle_at": iso(session.active_at + policy.idle_timeout) if policy.idle_timeout else None,
            "fresh_until": iso(session.fresh_at + policy.fresh_for),
        },
    }


class LoginsHandler(ApiHandler):
    """Where I am logged in."""

    @web.authenticated
    async def get(self) -> None:
        """My live logins, newest first."""
        mine = self.login
        sessions = await self.storing(self.now.services.logins.of_account, mine.account.id)
        self.answer({"logins": [_as_login(session, mine) for session in sessions]})

    @web.authenticated
    async def delete(self) -> None:
        """End all others."""
        self.insist_on_own_request()
        await end_other_logins(self)
        self.set_status(204)


class OneLoginHandler(ApiHandler):
    """One of my logins."""

    @web.authenticated
    async def delete(self, login_id: str) -> None:
        """End it, maybe ``?grace=`` seconds from now. Somebody else's is not there."""
        self.insist_on_own_request()
        await end_login(self, login_id, grace=self.grace)
        self.set_status(204)


def _as_login(session: LoginSession, mine: LiveLogin) -> dict[str, Any]:
    return {
        "id": session.id,
        "current": session.id == mine.session.id,
        "client": session.client,
        "user_agent": session.user_agent,
        "created_at": iso(session.created_at),
        "last_seen_at": iso(session.last_seen_at),
        "expires_at": iso(session.expires_at),
    }


class NotFoundHandler(ApiHandler):
    """Everything else under ``api/totp/``: the contract's 404, not Jupyter's page."""

    async def prepare(self) -> None:
        """Whatever the method."""
        raise ApiError(404, "not-found", "There is no such endpoint.")
