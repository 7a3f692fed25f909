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
from ..wiring import build
from . import first_start, start_checks
from .accepting import accept_patiently
from .appearance import BadLogo, Pages
from .client_address import ClientAddresses
from .cookies import Cookies
from .gate import TOKENS_REFUSED, Gate
from .hosts import Hosts, is_allowed_origin
from .log_privacy import keep_secrets_out
from .login_pages import LoginPage, LogoutPage
from .pool import BoundedPool, HashPool
from .probe import Probes
from .rim import Rim
from .routes import before_jupyters, handlers, public_routes
from .sockets import Sockets
from .start_checks import UnsafeSetting
from .tokens import TokenPlaces
from .visitor import as_user, lives, visitor_of
from .who_ran_what import WhoRanWhat
from .xsrf import Xsrf, jupyters_cookie

_HASH_THREADS = 2
_HASH_QUEUE = 16
_HASH_RESERVED = 4
_HEADER_SECONDS = 20.0
"""Seconds for a request's headers, and for which an idle connection is kept."""

_STORE_THREADS = 4
_MEMBER_THREADS = 2
_STORE_QUEUE = 256

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
        self.services = build(self.settings, audit_log=self.log)
        # Else the last writes stay in SQLite's -wal, and a copy made by hand lacks them.
        atexit.register(self.services.close)
        _keep_from_kernels()
        self.rim = self._make_rim(serverapp)
        self.gate: Gate | None = None
        self.setup_code: str | None = None
        # Ours from here on: the gate denies by default, and checks the Host itself.
        serverapp.allow_unauthenticated_access = False
        serverapp.allow_remote_access = True

    def _make_rim(self, serverapp: Any) -> Rim:
        base_url = serverapp.base_url
        # Of the store, for hashes as well (N23): what hashes also asks the store, before and after.
        patience = self.services.store.database.patience
        member_pool = BoundedPool("member", threads=_MEMBER_THREADS, queue=_STORE_QUEUE, patience=patience)
        who_ran_what = self._make_who_ran_what(member_pool)
        return Rim(
            services=self.services,
            base_url=base_url,
            issuer=self.settings.issuer,
            cookies=Cookies(
                base_url,
                port=lambda: "sock" if serverapp.sock else str(serverapp.port),
                override=self.settings.cookie_name,
            ),
            xsrf=Xsrf(self.services.store.sealer, base_url),
            pages=Pages(base_url, self.settings.appearance()),
            sockets=Sockets(self._is_served, who_ran_what),
            hash_pool=HashPool(
                "hash",
                threads=_HASH_THREADS,
                queue=_HASH_QUEUE,
                reserved=_HASH_RESERVED,
                patience=patience,
            ),
            store_pool=BoundedPool("store", threads=_STORE_THREADS, queue=_STORE_QUEUE, patience=patience),
            member_pool=member_pool,
            log=self.log,
            public_url=self.settings.public_url,
        )

    def _make_who_ran_what(self, pool: BoundedPool) -> WhoRanWhat | None:
        services, settings = self.services, self.settings
        if settings.audit_cells == "off" and not settings.audit_terminals:
            return None
        made = WhoRanWhat(
            settings, events=services.store.events, pool=pool, log=self.log, clock=services.clock
        )
        atexit.register(made.rows.finish)  # before the store is closed: the last registered runs first
        return made

    def _is_served(self, socket_key: str) -> bool:
        """For open sockets: a login or token that lives, as far as a store that answers can tell (R3)."""
        return lives(self.services, socket_key) and not self.rim.is_stale()

    # -- who is it ---------------------------------------------------------------------------------

    def get_user(self, handler: web.RequestHandler) -> User | None:
        """The person behind a request: from memory, with no database and no await (R26).

        The gate has looked the login up; here it is asked once more whether it still lives.
        """
        visitor = visitor_of(handler.request)
        live: LiveLogin | LiveToken | None = None
        if visitor is not None and visitor.token is not None:
            live = self.services.access_tokens.live(visitor.token.token.digest)
        elif visitor is not None and visitor.login is not None:
            live = self.services.logins.live(visitor.login.session.digest)
            if live is not None and live.locked:  # nobody, also where a path is public (R25)
                live = None
            if live is not None:
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
        except UnsafeSetting as refusal:
            self.log.critical("jupyter_totp_auth: not starting. %s", refusal)
            app.exit(1)
        for name in start_checks.stock_secrets(app):
            self.log.warning("%s is set. It opens nothing here; remove it.", name)
        for sentence in start_checks.worth_a_warning(self.settings, app.base_url):
            self.log.warning(sentence)
        keep_secrets_out(app.web_app.settings, app.log)
        app.web_app.settings["xsrf_cookie_kwargs"] = jupyters_cookie(app.base_url)
        self.gate = self._make_gate(app)
        self.gate.install()
        app.web_app.add_handlers(".*$", before_jupyters(app.base_url))
        public = ", ".join(patterns(self.settings.public_routes))
        self.log.info("jupyter_totp_auth: answered without a login: %s", public)
        # Jupyter warns of each extension's handler without a rule of its own; the gate is that rule.
        warnings.filterwarnings("ignore", category=JupyterServerAuthWarning)
        app.io_loop.add_callback(self.rim.start)
        app.io_loop.add_callback(_hurry, app)
        self.setup_code = self.services.enrollment.offer_setup()
        if self.setup_code is not None:
            self.rim.awaiting_setup = True
            first_start.announce(app, self.setup_code, self.settings.public_url)

    def _make_gate(self, app: Any) -> Gate:
        rim, settings = self.rim, self.settings
        addresses = ClientAddresses(
            settings.proxy_networks(), trust_unix=settings.trusts_unix(), log=self.log
        )
        return Gate(
            app.web_app,
            base_url=rim.base_url,
            public=public_routes(settings.public_routes),
            logins=self.services.logins,
            access_tokens=self.services.access_tokens,
            token_places=TokenPlaces(rim.base_url, settings.token_in_url),
            cookies=rim.cookies,
            hosts=Hosts(settings.allowed_hosts, local=app.local_hostnames, sock=app.sock),
            addresses=addresses,
            sockets=rim.sockets,
            pool=rim.store_pool,
            probes=Probes(
                app.web_app,
                self.services.store.probes,
                base_url=rim.base_url,
                addresses=addresses,
                pool=rim.store_pool,
                clock=self.services.clock,
            ),
            is_stale=rim.is_stale,
            allow_origin=lambda origin: is_allowed_origin(app, origin),
            log=self.log,
        )

    def stands_guard(self, application: web.Application) -> bool:
        """Whether our gate is still before this application's handlers."""
        return self.gate is not None and self.gate.stands(application)

    login_handler_class = LoginPage
    logout_handler_class = LogoutPage


def _hurry(app: Any) -> None:
    """Close connections whose request does not come (G11). tornado waits an hour; Jupyter has no option.

    On the loop, since the HTTP server is made after the identity provider; each new connection asks anew.
    """
    server = getattr(app, "_http_server", None)
    if server is not None:
        server.conn_params.header_timeout = _HEADER_SECONDS
        # After what is queued already: Jupyter binds its port there.
        app.io_loop.add_callback(accept_patiently, server, app.log)


def _keep_from_kernels() -> None:
    """Kernels inherit the environment; a database URL can hold a password (R41)."""
    for variable in (DATABASE_URL_VARIABLE, KEY_FILE_VARIABLE):
        os.environ.pop(variable, None)
