"""Puts the parts of this rim together: at the start, and what a reload makes anew."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Any

from ..core.passwords import Hasher
from ..settings import TotpAuth
from ..wiring import Services
from .appearance import Pages
from .client_address import ClientAddresses
from .cookies import Cookies
from .gate import Gate
from .hosts import Hosts, is_allowed_origin
from .neighbours import kept_from_neighbours
from .personal import apart
from .pool import BoundedPool, HashPool, NiceThread
from .probe import Probes
from .reading_along import ReadingAlong
from .rights import Rights
from .rim import Now, Rim
from .routes import public_routes
from .sockets import Sockets
from .tokens import TokenPlaces
from .who_ran_what import WhoRanWhat
from .xsrf import Xsrf

HASH_THREADS = 2
"""For logins, before and after their hash, which a thread of its own computes: one at a time (0020)."""
HASH_NICENESS = 5
"""Kernels and the event loop go first; with 10, nobody gets in while all processors compute (0020)."""
HASH_QUEUE = 36
"""Of which strangers have 32: they wait some six seconds on two processors, and are not sent away (0020)."""
_HASH_RESERVED = 4
_STORE_THREADS = 4
_MEMBER_THREADS = 2
_STORE_QUEUE = 256


def make_rim(
    serverapp: Any, settings: TotpAuth, services: Services, *, is_served: Callable[[str], bool], log: Any
) -> Rim:
    """What the handlers share. Raises BadLogo."""
    base_url, store = serverapp.base_url, services.store
    # Of the store, for hashes as well (N23): what hashes also asks the store, before and after.
    patience = store.database.patience
    member_pool = BoundedPool("member", threads=_MEMBER_THREADS, queue=_STORE_QUEUE, patience=patience)
    rights = Rights(services)
    rights.belongings.follow(settings)
    who_ran_what = make_who_ran_what(settings, services, rights, member_pool, log)
    return Rim(
        now=make_now(settings, services, base_url),
        base_url=base_url,
        cookies=Cookies(
            base_url,
            port=lambda: "sock" if serverapp.sock else str(serverapp.port),
            override=settings.cookie_name,
        ),
        xsrf=Xsrf(store.sealer, base_url),
        rights=rights,
        sockets=Sockets(is_served, ReadingAlong(rights), who_ran_what),
        hash_pool=HashPool(
            "hash",
            threads=HASH_THREADS,
            queue=HASH_QUEUE,
            reserved=_HASH_RESERVED,
            patience=patience,
        ),
        store_pool=BoundedPool("store", threads=_STORE_THREADS, queue=_STORE_QUEUE, patience=patience),
        member_pool=member_pool,
        log=log,
    )


def make_hasher() -> Hasher:
    """The server's: what it computes gives way to kernels and to the event loop."""
    return Hasher(compute=NiceThread("argon2", HASH_NICENESS))


def make_now(settings: TotpAuth, services: Services, base_url: str) -> Now:
    """What a reload makes anew for the handlers. Raises BadLogo."""
    pages = Pages(base_url, settings.appearance())
    return Now(services, settings.issuer, pages, settings.public_url)


def make_who_ran_what(
    settings: TotpAuth, services: Services, rights: Rights, pool: BoundedPool, log: Any
) -> WhoRanWhat | None:
    """Who records what runs; None where nobody asks for it."""
    if settings.audit_cells == "off" and not settings.audit_terminals:
        return None
    made = WhoRanWhat(
        settings,
        events=services.store.events,
        path_of=rights.belongings.path_of,
        pool=pool,
        log=log,
        clock=services.clock,
    )
    atexit.register(made.rows.finish)  # before the store is closed: the last registered runs first
    return made


def make_gate(app: Any, settings: TotpAuth, rim: Rim, *, find_handler: Callable[..., Any]) -> Gate:
    """The gate before ``find_handler``, the application's own look-up."""
    find_handler = kept_from_neighbours(find_handler, rim.cookies)
    if settings.personal_settings:
        find_handler = apart(find_handler)
    addresses = ClientAddresses(settings.proxy_networks(), trust_unix=settings.trusts_unix(), log=rim.log)
    return Gate(
        find_handler,
        base_url=rim.base_url,
        public=public_routes(settings.public_routes),
        logins=rim.services.logins,
        access_tokens=rim.services.access_tokens,
        token_places=TokenPlaces(rim.base_url, settings.token_in_url),
        cookies=rim.cookies,
        hosts=Hosts(settings.allowed_hosts, local=app.local_hostnames, sock=app.sock),
        addresses=addresses,
        rights=rim.rights,
        sockets=rim.sockets,
        pool=rim.store_pool,
        probes=Probes(
            app.web_app,
            rim.services.store.probes,
            base_url=rim.base_url,
            addresses=addresses,
            pool=rim.store_pool,
            clock=rim.services.clock,
        ),
        is_stale=rim.is_stale,
        allow_origin=lambda origin: is_allowed_origin(app, origin),
        log=rim.log,
    )
