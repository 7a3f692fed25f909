"""What these groups share: a real server whose clock they move, people, and pending logins in any number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import requests
from argon2 import profiles

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.binding import Bound
from jupyter_totp_auth.core.model import Issued, Origin, Role
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.web.cookies import Cookie
from jupyter_totp_auth.wiring import Services, build
from tests.attacks.places import fleet
from tests.harness.backstage import Backstage, cookie_name
from tests.harness.client import PASSWORD, Client, Person, Phone
from tests.harness.clock import Clock
from tests.harness.lean import CHEAP_HASHES, lean
from tests.harness.server import JupyterServer
from tests.harness.volley import Answer, form, message
from tests.services import missing_is_skip

HERE = Origin("127.0.0.1", "test")
WRONG_PASSWORD = "not the password of anybody here"


@dataclass(frozen=True)
class Half:
    """A browser between the factors, for requests by the byte: its server and its cookies."""

    url: str
    cookies: dict[str, str]
    token: str

    def code(self, code: str, *, query: str = "", **more: str) -> bytes:
        """The code page's form."""
        path = f"{urlsplit(self.url).path}login/code{query}"
        return form(self.url, path, {"_xsrf": self.token, "code": code, **more}, self.cookies)

    def get(self, path: str) -> bytes:
        """Any GET of this browser."""
        return message(self.url, "GET", path, cookies=self.cookies)


class Stage(Backstage):
    """A server, or several on one store, their clock, and their store held open beside them."""

    def __init__(
        self, servers: Sequence[JupyterServer], services: Services, clock: Clock, *, url: str = ""
    ) -> None:
        super().__init__(servers[0], services)
        self.servers = servers
        self.clock = clock
        self._url = url
        self._people = 0
        self._pairs: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where browsers go: to the server, or to each of several in turn."""
        return self._url or self.server.url

    @property
    def log(self) -> str:
        """What all of them printed so far."""
        return "".join(server.log for server in self.servers)

    # -- people ------------------------------------------------------------------------------------

    def client(self, url: str = "", **headers: str) -> Client:
        """A browser that was never here."""
        return Client(url or self.url, **headers)

    def name(self) -> str:
        """A name that nobody has yet."""
        self._people += 1
        return f"ada-{self._people}"

    def invite(self, username: str = "", *, password: str | None = None) -> tuple[str, str]:
        """An account without a phone: its name and the code that enrolls it."""
        username = username or self.name()
        invited = self.services.accounts.add(username, Role.MEMBER, actor="operator", password=password)
        return username, invited.code

    def person(self, username: str = "", *, password: str = PASSWORD) -> Person:
        """Somebody enrolled, through the flow but without pages; the clock stands at an unused step."""
        username, code = self.invite(username)
        flow = self.services.enrollment
        begun = flow.start(code, HERE)
        assert isinstance(begun, Issued), begun
        chosen = flow.choose(begun.bearer, typed_name=username, typed_password=password)
        phone = Phone(totp.to_base32(chosen.secret), clock=self.clock.time)  # type: ignore[union-attr]
        done = flow.confirm_without_login(begun.bearer, typed_code=phone.fresh_code(), origin=HERE)
        assert isinstance(done, Bound), done
        return Person(username, password, phone, list(done.recovery_codes))

    def code(self, person: Person) -> str:
        """A code not used yet. The clock moves on where the phone has none: nobody waits."""
        if person.phone.last_step >= self.clock.step:
            self.clock.set((person.phone.last_step + 1) * 30 + 1)
        elif self.clock.now() % 30 > 20:
            self.clock.start_of_step(1)
        person.phone.last_step = self.clock.step
        return person.phone.code_of(self.clock.step)

    def wrong_code(self, person: Person, prefix: str = "") -> str:
        """Six digits that are none of this phone's, for hours around."""
        near = {person.phone.code(shift) for shift in range(-120, 121)}
        found = (f"{prefix}{number:0{6 - len(prefix)}d}" for number in range(10 ** (6 - len(prefix))))
        return next(code for code in found if code not in near)

    def log_in(self, person: Person, client: Client | None = None) -> Client:
        """Both factors, by the pages; the client that is signed in."""
        client = client or self.client()
        client.log_in(person, code=self.code(person))
        return client

    def unlock(self, person: Person | str) -> None:
        """As ``jupyter totp unlock`` does."""
        name = person if isinstance(person, str) else person.username
        self.services.accounts.unlock(name, actor="operator")

    def account_id(self, person: Person | str) -> str:
        """The account's random id."""
        name = person if isinstance(person, str) else person.username
        return self.services.accounts.named(name).id

    # -- between the factors -----------------------------------------------------------------------

    def pending(self, name: str, password: str = PASSWORD, *, known: str | None = None) -> str:
        """The bearer of a pending login, made by the flow itself: no form, and no wait of a counter."""
        first = self.services.login.first_factor(
            typed_name=name, typed_password=password, origin=HERE, known_browser=known
        )
        assert isinstance(first, Issued), first
        return first.bearer

    def half(self, bearer: str, *, url: str = "") -> Half:
        """The browser that holds a pending login."""
        url = url or self.url
        if url not in self._pairs:
            client = Client(url)
            client.get("login")
            self._pairs[url] = client.xsrf
        pair = self._pairs[url]
        return Half(url, {"_xsrf": pair, cookie_name(url, Cookie.PENDING): bearer}, pair)

    def half_in(self, name: str, password: str = PASSWORD) -> Client:
        """A client between the factors, by the page."""
        client = self.client()
        answer = client.first_factor(name, password)
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].endswith("login/code")
        return client

    # -- what the store says -----------------------------------------------------------------------

    def logins_of(self, person: Person | str) -> int:
        """How many logins the account ever had."""
        account = self.account_id(person)
        return len(self.rows(f"SELECT digest FROM login WHERE account_id = '{account}'"))

    def recovery_codes_left(self, person: Person | str) -> int:
        """How many recovery codes of the account are unused."""
        return self.services.store.accounts.recovery_codes_left(self.account_id(person))

    def failures(self, person: Person | str) -> list[int]:
        """What the account's counters show, the largest first."""
        account = self.account_id(person)
        rows = self.rows(f"SELECT failures FROM throttle WHERE account_id = '{account}'")
        return sorted((int(str(row[0])) for row in rows), reverse=True)

    def events_of(self, person: Person | str) -> list[str]:
        """The account's audit events, oldest first."""
        listed = self.services.store.events.list(account_id=self.account_id(person))
        return [event.kind.value for _, event in listed]


Opener: TypeAlias = Callable[..., AbstractContextManager[Stage]]
"""Opens a stage as ``open_stage`` does, at a place that was chosen before."""


@contextmanager
def open_stage(
    home: Path,
    *,
    labs: bool = False,
    cheap: bool = False,
    zone: str = "UTC",
    arguments: Sequence[str] = (),
    processes: int = 1,
    database_url: str = "",
) -> Iterator[Stage]:
    """Start a server with a clock of its own, with or without the big front ends; or several on one store.

    ``cheap``: its hashes cost next to nothing.

    Without libfaketime the tests that ask for it are left out.
    """
    with ExitStack() as stack:
        with missing_is_skip():
            clock = Clock(home / "clock", first=CHEAP_HASHES if cheap else "")
        environment = {**clock.environment, "TZ": zone}
        servers, url = [], ""
        if processes > 1:
            made = fleet(home, processes, environment=environment, arguments=arguments, url=database_url)
            servers, url = stack.enter_context(made)
        else:
            if database_url:
                environment["JUPYTER_TOTP_DATABASE_URL"] = database_url
            make = JupyterServer if labs else lean
            server = make(home, environment=environment, arguments=list(arguments))
            servers = [stack.enter_context(server)]
        services = store_of(servers[0], clock)
        stack.callback(services.close)
        yield Stage(servers, services, clock, url=url)


def store_of(server: JupyterServer, clock: Clock, *, profile: object = profiles.CHEAPEST) -> Services:
    """The store of a server, opened as the command line opens it, under the server's clock.

    Cheap hashes, since a hundred pending logins are a hundred of them; the server knows only its own
    profile, and hashes anew at the first login.
    """
    environment = server.environment
    settings = TotpAuth(
        database_url=environment.get("JUPYTER_TOTP_DATABASE_URL", f"sqlite:///{server.database}"),
        key_file=environment.get("JUPYTER_TOTP_KEY_FILE", str(server.home / "data" / "totp-key" / "keyring")),
    )
    return build(settings, clock=clock.now, hasher=Hasher(profile))


# -- verdicts -------------------------------------------------------------------------------------------

_SECRETS = re.compile(r'nonce-[\w-]+|nonce="[\w-]+"|name="_xsrf" value="[^"]+"')
_VALUE = re.compile(r"^([^=;]+)=[^;]*")
_EXPIRY = re.compile(r"(?i)expires=[^;]*")


def same(answer: requests.Response | Answer) -> tuple[int, tuple[tuple[str, str], ...], str]:
    """An answer without what is random or of the moment: nonce, ``_xsrf``, cookie values, Date, ETag."""
    if isinstance(answer, Answer):
        status, headers, text = answer.status, list(answer.headers), answer.text
    else:
        raw = answer.raw.headers  # the merged view of requests would hide repeated headers
        status, headers, text = answer.status_code, list(raw.items()), answer.text
    kept = []
    for name, value in headers:
        if name.lower() == "date":
            continue
        shown = _SECRETS.sub("…", value)
        if name.lower() == "set-cookie":
            shown = _EXPIRY.sub("…", _VALUE.sub(r"\1=…", value))
        kept.append((name, "…" if name.lower() == "etag" else shown))
    return status, tuple(kept), _SECRETS.sub("…", text)


def is_denied(answer: requests.Response | Answer) -> bool:
    """DENY of ATTACKS.md: 401/403, or a redirect to the login; and no login cookie."""
    if isinstance(answer, Answer):
        status, location, cookies = answer.status, answer.header("Location"), answer.all("Set-Cookie")
    else:
        status = answer.status_code
        location = answer.headers.get("Location", "")
        cookies = [answer.headers.get("Set-Cookie", "")]
    if any("-login-" in cookie for cookie in cookies):
        return False
    return status in {401, 403} or (status in {302, 303} and urlsplit(location).path.endswith("/login"))
