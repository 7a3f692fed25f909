"""The identity provider: answers ``get_user`` from memory, and puts the gate up before anything is served.

Everything of Jupyter's own login is overridden as a whole, not extended: a plain subclass inherits the
token path, and ``?token=`` then opens the server with no factor at all.
"""

from __future__ import annotations

import atexit
import os
import warnings
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.utils import JupyterServerAuthWarning
from tornado import web
from traitlets import TraitError, Unicode

from ..core.access_tokens import LiveToken
from ..core.accounts import Refused
from ..core.logins import LiveLogin
from ..public_routes import patterns
from ..settings import DATABASE_URL_VARIABLE, KEY_FILE_VARIABLE, TotpAuth
from ..store import StoreRefused
from ..wiring import Services, build
from . import first_start, look_through, managers, start_checks
from .accepting import hurry
from .access_log import leave_out_unread
from .appearance import BadLogo
from .assembly import make_gate, make_hasher, make_rim
from .certificates import BadCertificate, Certificates
from .door import Door
from .exports import without_found_templates
from .gate import TOKENS_REFUSED
from .log_privacy import keep_secrets_out
from .login_pages import LoginPage, LogoutPage
from .notify import taken_from
from .routes import before_jupyters, handlers
from .service import Service
from .start_checks import UnsafeSetting
from .visitor import Visitor, as_user, copy_of, lives, visitor_of
from .xsrf import jupyters_cookie

_PROFILE_FIELDS = ("display_name", "initials", "color")


class TotpIdentityProvider(IdentityProvider):
    """Password and TOTP code, asked by Jupyter itself.

    Made by the server application before its web application; a failure in here ends the server.
    """

    token = Unicode("", help="There is no token: it would be a way around both factors.")

    def __init__(self, **kwargs: Any) -> None:
        # As an argument it beats configuration and command line.
        super().__init__(**{**kwargs, "token": ""})
        try:
            self._build()
        except (StoreRefused, UnsafeSetting, BadLogo, TraitError) as refusal:
            self.log.critical("jupyter_totp_auth: not starting. %s", refusal)
            kwargs["parent"].exit(1)

    def _build(self) -> None:
        serverapp: Any = self.parent
        self.settings = TotpAuth(parent=serverapp)
        start_checks.refuse_unsafe_settings(serverapp, self.settings)
        self.updatable_fields = list(_PROFILE_FIELDS)
        start_checks.refuse_exposed_store(serverapp, self.settings.places())
        services = build(self.settings, hasher=make_hasher(), audit_log=self.log)
        # Else the last writes stay in SQLite's -wal, and a copy made by hand lacks them.
        atexit.register(services.close)
        _keep_from_kernels()
        self.rim = make_rim(serverapp, self.settings, services, is_served=self._is_served, log=self.log)
        self.service = Service(self, serverapp, taken_from(os.environ, pid=os.getpid()))
        self.certificates: Certificates | None = None
        self.door: Door | None = None
        self.setup_code: str | None = None
        # Ours from here on: the gate denies by default, and checks the Host itself.
        serverapp.allow_unauthenticated_access = False
        serverapp.allow_remote_access = True

    @property
    def services(self) -> Services:
        """Those of now: a reload changes their numbers."""
        return self.rim.services

    def _is_served(self, socket_key: str) -> bool:
        """For open sockets: a login or token that lives, as far as a store that answers can tell (R3)."""
        return lives(self.services, socket_key) and not self.rim.is_stale()

    def _tell_of_kernel(self, *what: Any) -> None:
        """Asked for at each: a reload can begin the record."""
        if self.rim.sockets.who_ran_what is not None:
            self.rim.sockets.who_ran_what.kernel(*what)

    # -- who is it ---------------------------------------------------------------------------------

    def get_user(self, handler: web.RequestHandler) -> User | None:
        """The person behind a request: from memory, with no database and no await (R26).

        The gate has looked the login up; here it is asked once more whether it still lives.
        """
        visitor = visitor_of(handler.request)
        if visitor is None:
            return None
        login, logins = visitor.login, self.rim.now.services.logins
        if login is not None and visitor.has_pair and logins.is_current(login):
            user = visitor.user
            return None if user is None else copy_of(user)
        return self._as_it_is_now(handler, visitor)

    def _as_it_is_now(self, handler: web.RequestHandler, visitor: Visitor) -> User | None:
        """The same for a token, and for a login that has changed since, or has no ``_xsrf`` yet."""
        services = self.services
        live: LiveLogin | LiveToken | None = None
        if visitor.token is not None:
            live = services.access_tokens.live(visitor.token.token.digest)
        elif visitor.login is not None:
            live = services.logins.live(visitor.login.session.digest)
            if live is None or live.locked:  # nobody, also where a path is public (R25)
                return None
            if not visitor.has_pair:
                self.rim.xsrf.stand_by(handler, login_id=live.session.id)
        return None if live is None else as_user(live.account)

    def get_user_token(self, handler: web.RequestHandler) -> None:  # type: ignore[override]
        """Nobody, ever."""
        del handler

    def get_user_cookie(self, handler: web.RequestHandler) -> User | None:
        """The same answer as :meth:`get_user`: there is one cookie, and it is ours."""
        return self.get_user(handler)

    def is_token_authenticated(self, handler: web.RequestHandler) -> bool:
        """Never: Jupyter would open CORS to every site; the gate spares tokens the _xsrf (``tokens.py``)."""
        del handler
        return False

    def process_login_form(self, handler: web.RequestHandler) -> None:
        """Nobody: the login page is ours, and the only one."""
        del handler

    def set_login_cookie(self, handler: web.RequestHandler, user: User) -> None:
        """Nothing: a login cookie is only put from a login that was granted (``cookies.py``)."""
        del handler, user

    # -- the profile -------------------------------------------------------------------------------

    def update_user(self, handler: web.RequestHandler, user_data: Any) -> User:
        """``PATCH /api/me``: display name, initials, colour. ValueError becomes Jupyter's 400.

        Synchronous, since Jupyter does not await it; :class:`ProfileHandler` calls it off the event loop.
        """
        visitor = visitor_of(handler.request)
        if visitor is not None and visitor.token is not None:
            raise web.HTTPError(403, TOKENS_REFUSED, reason="token")
        login = visitor.login if visitor else None
        if login is None or not isinstance(user_data, dict):
            raise ValueError("There is nobody to update.")
        self.check_update(user_data)
        account = login.account
        values = {name: user_data.get(name, getattr(account, name)) for name in _PROFILE_FIELDS}
        if not all(isinstance(value, str) for value in values.values()):
            raise ValueError("Every field has to be a string.")
        try:
            changed = self.services.accounts.set_profile(account, actor=account.username, **values)
        except Refused as refusal:
            raise ValueError(str(refusal)) from None
        self.services.logins.sync()
        return as_user(changed)

    # -- the server's start ------------------------------------------------------------------------

    def get_handlers(self) -> list[Any]:
        """Our pages and endpoints."""
        return handlers(self.rim)

    @property
    def login_available(self) -> bool:
        """There is a login page."""
        return True

    @property
    def auth_enabled(self) -> bool:
        """There is always authentication."""
        return True

    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:
        """Refuse what is unsafe, then put the gate up: after this, no handler runs for a stranger."""
        try:
            start_checks.refuse_plain_http(app, self.settings, tls=ssl_options is not None)
            start_checks.refuse_unsafe_application(app.web_app.settings)
            if ssl_options is not None:
                self.certificates = Certificates(ssl_options, self.log)
        except (UnsafeSetting, BadCertificate) as refusal:
            self.log.critical("jupyter_totp_auth: not starting. %s", refusal)
            app.exit(1)
        for name in start_checks.stock_secrets(app):
            self.log.warning("%s is set. It opens nothing here; remove it.", name)
        for sentence in start_checks.worth_a_warning(self.settings, app.base_url):
            self.log.warning(sentence)
        self._put_gate_up(app)
        self._go_on_with_loop(app)
        self.setup_code = self.services.enrollment.offer_setup()
        if self.setup_code is not None:
            self.rim.awaiting_setup = True
            as_json = self.settings.log_format == "json"
            first_start.announce(app, self.setup_code, self.settings.public_url, as_json=as_json)

    def _put_gate_up(self, app: Any) -> None:
        keep_secrets_out(app.web_app.settings, app.log)
        leave_out_unread(app.web_app.settings)
        without_found_templates(app.web_app.settings["config"])
        app.web_app.settings["xsrf_cookie_kwargs"] = jupyters_cookie(app.base_url)
        self.rim.rights.holds_folders = getattr(app.authorizer, "totp_holds_folders", False)
        self.door = Door(app.web_app)
        self.door.put(make_gate(app, self.settings, self.rim, find_handler=self.door.inner))
        app.web_app.add_handlers(".*$", before_jupyters(app.base_url))
        public = ", ".join(patterns(self.settings.public_routes))
        self.log.info("jupyter_totp_auth: answered without a login: %s", public)
        # Jupyter warns of each extension's handler without a rule of its own; the gate is that rule.
        warnings.filterwarnings("ignore", category=JupyterServerAuthWarning)

    def _go_on_with_loop(self, app: Any) -> None:
        # Once the loop runs, every extension has put its managers there.
        app.io_loop.add_callback(managers.watch, self.rim.rights, app.web_app.settings, self._tell_of_kernel)
        app.io_loop.add_callback(self.rim.start)
        app.io_loop.add_callback(hurry, app)
        app.io_loop.add_callback(self.service.begin)
        app.io_loop.add_callback(look_through.begin, self.services.store.database, self.log)

    def stands_guard(self, application: web.Application) -> bool:
        """Whether our gate is still before this application's handlers."""
        return self.door is not None and self.door.stands(application)

    login_handler_class = LoginPage
    logout_handler_class = LogoutPage


def _keep_from_kernels() -> None:
    """Kernels inherit the environment; a database URL can hold a password (R41)."""
    for variable in (DATABASE_URL_VARIABLE, KEY_FILE_VARIABLE):
        os.environ.pop(variable, None)
