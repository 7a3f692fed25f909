"""Our URLs and their handlers; which of them are public stands in ``public_routes``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jupyter_server import DEFAULT_STATIC_FILES_PATH
from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web

from .. import public_routes as public
from .access_token_api import AccessTokensHandler, OneAccessTokenHandler
from .account_api import (
    HealthHandler,
    LoginHandler,
    LoginsHandler,
    NotFoundHandler,
    OneLoginHandler,
)
from .account_page import AccountPage, ActPage, StepUpPage
from .appearance import STATIC
from .enroll_pages import EnrollAccountPage, EnrollCodePage, EnrollDonePage, EnrollPhonePage
from .factors_api import (
    AuthenticatorsHandler,
    ConfirmHandler,
    EventsHandler,
    MyselfHandler,
    OneAuthenticatorHandler,
    PasswordHandler,
    RecoveryCodesHandler,
)
from .gate import PublicRoute
from .login_pages import CodePage, LoginPage, LogoutPage
from .notice_page import NoticePage
from .notices_api import NoticesHandler, OneNoticeHandler
from .people_api import (
    AccountsHandler,
    OneAccountHandler,
    ResetHandler,
    TheirLoginsHandler,
)
from .profile import ProfileHandler
from .rim import Rim
from .running_api import RunningHandler
from .session_api import ActivityHandler, LockHandler, StepUpHandler, UnlockHandler
from .unlock_page import UnlockPage


class PageFileHandler(web.StaticFileHandler):
    """The files of our pages, whose URLs carry a version so that they may be kept; favicon and robots.txt."""

    totp_body_limit = 0

    def set_default_headers(self) -> None:
        """For the pages of this server only, errors included; and what serves them is nobody's business."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")

    @allow_unauthenticated
    async def get(self, path: str, include_body: bool = True) -> None:  # noqa: FBT001, FBT002 - tornado's
        """The file."""
        await super().get(path, include_body)

    @allow_unauthenticated
    def head(self, path: str) -> Any:
        """Its headers."""
        return super().head(path)


_OWNERS: dict[str, type[Any]] = {
    r"login": LoginPage,
    r"login/code": CodePage,
    r"logout": LogoutPage,
    r"enroll": EnrollCodePage,
    r"enroll/account": EnrollAccountPage,
    r"enroll/phone": EnrollPhonePage,
    r"enroll/recovery-codes": EnrollDonePage,
    r"api/totp/health": HealthHandler,
    r"api/totp/login": LoginHandler,
}
# A public pattern that nobody owns ends the start here (KeyError): it must not become anybody's.
_PUBLIC_PAGES = [(pattern, _OWNERS[pattern]) for pattern in public.PAGES]

_ID = "([0-9a-f]{1,32})"

_PRIVATE: list[tuple[str, type[Any]]] = [
    (r"api/totp/me", MyselfHandler),
    (r"api/totp/password", PasswordHandler),
    (r"api/totp/authenticators", AuthenticatorsHandler),
    (rf"api/totp/authenticators/{_ID}", OneAuthenticatorHandler),
    (rf"api/totp/authenticators/{_ID}/confirm", ConfirmHandler),
    (r"api/totp/recovery-codes", RecoveryCodesHandler),
    (r"api/totp/events", EventsHandler),
    (r"api/totp/running", RunningHandler),
    (r"api/totp/accounts", AccountsHandler),
    (rf"api/totp/accounts/{_ID}", OneAccountHandler),
    (rf"api/totp/accounts/{_ID}/reset", ResetHandler),
    (rf"api/totp/accounts/{_ID}/logins", TheirLoginsHandler),
    (r"api/totp/logins", LoginsHandler),
    (rf"api/totp/logins/{_ID}", OneLoginHandler),
    (r"api/totp/notices", NoticesHandler),
    (rf"api/totp/notices/{_ID}", OneNoticeHandler),
    (r"api/totp/lock", LockHandler),
    (r"api/totp/unlock", UnlockHandler),
    (r"api/totp/step-up", StepUpHandler),
    (r"api/totp/activity", ActivityHandler),
    (r"login/unlock", UnlockPage),
    (r"login/notice", NoticePage),
    (r"account", AccountPage),
    (r"account/step-up", StepUpPage),
    (r"account/([a-z-]{1,32})", ActPage),
    (r"api/totp/access-tokens", AccessTokensHandler),
    (r"api/totp/access-tokens/([0-9a-f]{1,32})", OneAccessTokenHandler),
    (r"api/totp/.*", NotFoundHandler),
]


def handlers(rim: Rim) -> list[tuple[str, Any, dict[str, Any]]]:
    """What we add to the application; base_url is put before each pattern by Jupyter."""
    shared = {"rim": rim}
    ours = [(f"/{pattern}", owner, shared) for pattern, owner in [*_PUBLIC_PAGES, *_PRIVATE]]
    return [(f"/{public.STATIC}", PageFileHandler, {"path": str(STATIC)}), *ours]


def before_jupyters(base_url: str) -> list[tuple[str, type[Any], dict[str, Any]]]:
    """To stand before Jupyter's own handlers of the same paths.

    Jupyter's favicon and robots.txt ask for a login at base_url "/" and break below another; its ``api/me``
    writes the profile on the event loop.
    """
    return [
        (rf"{re.escape(base_url)}api/me", ProfileHandler, {}),
        (rf"{re.escape(base_url)}(robots\.txt)", PageFileHandler, {"path": str(STATIC)}),
        (rf"{re.escape(base_url)}(favicon\.ico)", PageFileHandler, {"path": DEFAULT_STATIC_FILES_PATH}),
    ]


def public_routes(extra: Sequence[str] = ()) -> list[PublicRoute]:
    """Everything that answers without a login, ``extra`` being ``TotpAuth.public_routes``."""
    return [
        *(PublicRoute(pattern, owner) for pattern, owner in _PUBLIC_PAGES),
        PublicRoute(public.STATIC, PageFileHandler),
        PublicRoute(public.WELL_KNOWN, PageFileHandler),
        *(PublicRoute(pattern, None) for pattern in extra),
    ]
