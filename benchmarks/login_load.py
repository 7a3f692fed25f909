"""Whole logins, many at once, as browsers that nobody knows make them: ours, Jupyter's own, and a hub's.

Every login is of another browser and another address (this program stands as a trusted proxy before our
server), with the right password and a fresh code: no throttle is touched, none is switched off.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from html import unescape
from http.cookies import SimpleCookie
from itertools import count
from urllib.parse import urlencode, urljoin, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from jupyter_totp_auth.core.passwords import Hasher
from tests.harness.backstage import backstage
from tests.harness.client import PASSWORD, STEP, Person
from tests.harness.server import JupyterServer

TRUSTED = "--TotpAuth.trusted_proxies=127.0.0.1/32"
PEOPLE = 100
_TIMEOUT = 120
_OK, _FOUND, _SEE_OTHER, _BUSY = 200, 302, 303, 503
_XSRF = re.compile(r'name="_xsrf" value="([^"]+)"')

_addresses = count()


class Refused(Exception):
    """The server has no place for this login now; after so many seconds it may come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


LogIn = Callable[[], Awaitable[None]]
"""One whole login of one new browser. Raises Refused."""


class Browser:
    """A browser that has never been here: its cookies, and an address of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._cookies: dict[str, str] = {}
        number = next(_addresses)
        self._headers = {
            "Origin": f"{parts.scheme}://{parts.netloc}",
            "X-Forwarded-For": f"198.{18 + number // 65_536 % 2}.{number // 256 % 256}.{number % 256}",
        }

    async def get(self, path: str) -> str:
        """A page's text."""
        answer = await self._ask(path, None)
        assert answer.code == _OK, (answer.code, answer.body)
        return answer.body.decode()

    async def post(self, path: str, form: dict[str, str]) -> HTTPResponse:
        """A form; redirects are not followed. Raises Refused."""
        answer = await self._ask(path, urlencode(form).encode())
        if answer.code == _BUSY:
            raise Refused(int(answer.headers["Retry-After"]))
        return answer

    def forget(self, part: str) -> None:
        """Drop the cookie with this in its name, and the pair that was bound to it."""
        self._cookies = {
            name: value for name, value in self._cookies.items() if part not in name and name != "_xsrf"
        }

    async def _ask(self, path: str, body: bytes | None) -> HTTPResponse:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        answer = await AsyncHTTPClient(max_clients=1000).fetch(
            urljoin(self.url, path),
            method="GET" if body is None else "POST",
            body=body,
            headers={**self._headers, **({"Cookie": cookie} if cookie else {})},
            follow_redirects=False,
            raise_error=False,
            connect_timeout=_TIMEOUT,
            request_timeout=_TIMEOUT,
        )
        for line in answer.headers.get_list("Set-Cookie"):
            self._cookies.update({name: one.value for name, one in SimpleCookie(line).items()})
        return answer


def token_in(page: str) -> str:
    """What a form carries against forgery."""
    found = _XSRF.search(page)
    assert found is not None, page
    return unescape(found[1])


# -- ours ----------------------------------------------------------------------------------------------


class People:
    """So many that each one's next code is never waited for."""

    def __init__(self, url: str, people: list[Person]) -> None:
        self._url = url
        self._rested = deque(people)
        self._known: deque[tuple[Person, Browser]] = deque()
        self.hashed: list[float] = []
        """When a password was found right."""

    async def log_in(self) -> None:
        """Both pages and both factors, by whoever has rested longest."""
        person = self._rested.popleft()
        try:
            await self._both_factors(Browser(self._url), person)
        finally:
            self._rested.append(person)

    async def make_known(self, number: int) -> None:
        """Let so many be known by their browsers, and log out."""
        for _ in range(number):
            person, browser = self._rested.popleft(), Browser(self._url)
            await self._both_factors(browser, person)
            browser.forget("-login-")
            self._known.append((person, browser))

    async def log_in_known(self) -> None:
        """One of them, from that browser; they are a stranger from then on."""
        person, browser = self._known.popleft()
        await self._both_factors(browser, person)
        self._rested.append(person)

    async def _both_factors(self, browser: Browser, person: Person) -> None:
        form = {"_xsrf": token_in(await browser.get("login")), "username": person.username}
        answer = await browser.post("login", {**form, "password": person.password})
        assert answer.code == _SEE_OTHER, (answer.code, answer.body)
        self.hashed.append(time.perf_counter())
        form = {"_xsrf": token_in(await browser.get("login/code"))}
        answer = await browser.post("login/code", {**form, "code": await _fresh_code(person)})
        assert answer.code == _SEE_OTHER, (answer.code, answer.body)


async def _fresh_code(person: Person) -> str:
    """As ``Phone.fresh_code``; the others go on where it has to be waited for."""
    await asyncio.sleep(max(person.phone.last_step * STEP - person.phone.clock(), 0))
    return person.phone.fresh_code()


class _OneHash(Hasher):
    """All have the same password: it is hashed once, with the product's parameters."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, str] = {}

    def hash(self, password: str) -> str:
        if not hasattr(self, "_known"):  # the dummy, of the constructor
            return super().hash(password)
        if password not in self._known:
            self._known[password] = super().hash(password)
        return self._known[password]


def enroll(server: JupyterServer, number: int = PEOPLE) -> People:
    """So many people with phones, in the store of a running server that trusts this program's addresses."""
    assert TRUSTED in server.arguments
    with backstage(server, hasher=_OneHash()) as behind:
        return People(server.url, [behind.enrolled(f"person-{one}") for one in range(number)])


# -- Jupyter's own -------------------------------------------------------------------------------------


async def stock_log_in(url: str) -> None:
    """Jupyter's page, and its password."""
    browser = Browser(url)
    form = {"_xsrf": token_in(await browser.get("login")), "password": PASSWORD}
    answer = await browser.post("login", form)
    assert answer.code == _FOUND, (answer.code, answer.body)


# -- many ----------------------------------------------------------------------------------------------


async def at_once(log_in: LogIn, number: int) -> list[float]:
    """So many at the same moment, until all are in; the seconds of each."""
    return await asyncio.gather(*(_patiently(log_in) for _ in range(number)))


async def for_a_while(log_in: LogIn, number: int, seconds: float) -> int:
    """So many all the time: whenever one is in, another one comes. How many were in when the time was up.

    Who was still waiting then is waited for: nothing of it is left for whoever measures next.
    """
    deadline, inside = time.perf_counter() + seconds, 0

    async def one_after_the_other() -> None:
        nonlocal inside
        while time.perf_counter() < deadline:
            try:
                await log_in()
                inside += time.perf_counter() < deadline
            except Refused as refused:
                await asyncio.sleep(min(refused.seconds, deadline - time.perf_counter()))

    await asyncio.gather(*(one_after_the_other() for _ in range(number)))
    return inside


async def _patiently(log_in: LogIn) -> float:
    """Come again as often as told to; the seconds from the first page until somebody was in."""
    begun = time.perf_counter()
    while True:
        try:
            await log_in()
        except Refused as refused:
            await asyncio.sleep(refused.seconds)
        else:
            return time.perf_counter() - begun
