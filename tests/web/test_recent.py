"""What is remembered of a request is whose it is, never that it may."""

from __future__ import annotations

import http.client

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from jupyter_totp_auth.core.model import Origin, Role
from jupyter_totp_auth.web import recent
from jupyter_totp_auth.web.recent import Recent, traits_of
from jupyter_totp_auth.web.visitor import Visitor, copy_of, visitor_of
from tests.harness.client import Client, Person
from tests.web.small_server import PrivateHandler, SmallServer


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> list[Visitor | None]:
    """Who the handler was told that it serves."""
    seen: list[Visitor | None] = []

    def get(self: PrivateHandler) -> None:
        seen.append(visitor_of(self.request))
        self.write("private")

    monkeypatch.setattr(PrivateHandler, "get", get)
    return seen


def another(server: SmallServer, ada: Person) -> Client:
    """One more browser of hers; the clock moves on, so that no test waits for a code."""
    server.clock.offset += 60
    client = Client(server.url)
    page = client.follow(client.first_factor("ada"))
    assert client.post_form(page, {"code": ada.phone.fresh_code()}).status_code == 303
    return client


def cookies(client: Client) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.session.cookies)


def asked(connection: http.client.HTTPConnection, headers: dict[str, str]) -> int:
    connection.request("GET", "/private", headers={"Sec-Fetch-Mode": "cors", **headers})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_the_same_request_has_the_same_visitor(signed_in: Client, visits: list[Visitor | None]) -> None:
    for _ in range(3):
        signed_in.get("private")
    assert len({id(visitor) for visitor in visits}) == 1


def test_two_people_on_one_connection_are_told_apart(
    server: SmallServer, ada: Person, signed_in: Client, visits: list[Visitor | None]
) -> None:
    other = another(server, ada)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for headers in ({"Cookie": cookies(signed_in)}, {"Cookie": cookies(other)}) * 2:
        assert asked(connection, headers) == 200
    assert asked(connection, {}) == 403
    connection.close()
    ids = [visitor.login_id for visitor in visits if visitor]
    assert ids[0] == ids[2] != ids[1] == ids[3]


def test_a_login_that_ended_is_not_served_from_it(
    server: SmallServer, ada: Person, visits: list[Visitor | None]
) -> None:
    client = another(server, ada)
    assert [client.get("private").status_code for _ in range(2)] == [200, 200]
    server.services.accounts.end_logins("ada", actor="operator")
    server.services.logins.sync()
    assert client.get("private").status_code == 302


def test_nor_one_whose_time_is_over_or_that_is_idle(
    server: SmallServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = another(server, ada)
    assert [client.get("private").status_code for _ in range(2)] == [200, 200]
    policy = server.services.policy
    monkeypatch.setattr(server.clock, "offset", server.clock.offset + policy.idle_timeout)
    assert client.get("private").headers["Location"].startswith("/login/unlock")
    monkeypatch.setattr(server.clock, "offset", server.clock.offset + policy.login_lifetime)
    assert client.get("private").headers["Location"].startswith("/login?")


def test_an_account_that_changed_is_seen_anew(
    server: SmallServer, ada: Person, signed_in: Client, visits: list[Visitor | None]
) -> None:
    signed_in.get("private")
    server.services.accounts.set_role("ada", Role.READER, actor="operator")
    server.services.logins.sync()
    assert signed_in.get("private").status_code == 403  # a raw handler is nothing for readers
    server.services.accounts.set_role("ada", Role.ADMIN, actor="operator")
    server.services.logins.sync()
    assert signed_in.get("private").status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"User-Agent": "another"},
        {"Host": "evil.example"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-Proto": "https"},
        {"Authorization": "token x"},
    ],
)
def test_whatever_tells_visitors_apart_counts(changed: dict[str, str]) -> None:
    headers = {"Cookie": "a=b", "User-Agent": "one", "Host": "localhost"}
    assert traits_of(request_with(headers)) == traits_of(request_with(headers))
    assert traits_of(request_with(headers)) != traits_of(request_with({**headers, **changed}))


def test_one_header_cannot_stand_for_another() -> None:
    agent = request_with({"Cookie": "a=b", "User-Agent": "203.0.113.9"})
    client = request_with({"Cookie": "a=b", "X-Forwarded-For": "203.0.113.9"})
    assert traits_of(agent) != traits_of(client)


def test_two_cookie_headers_and_none_are_looked_at_each_time() -> None:
    twice = HTTPHeaders({"Cookie": "a=b"})
    twice.add("Cookie", "a=c")
    assert traits_of(request_with(twice)) is None
    assert traits_of(request_with({})) is None


def test_another_address_is_another_visitor() -> None:
    here, there = request_with({"Cookie": "a=b"}), request_with({"Cookie": "a=b"}, address="127.0.0.2")
    assert traits_of(here) != traits_of(there)


def test_strangers_leave_nothing_and_the_oldest_goes_first(
    server: SmallServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "_MOST", 2)
    server.services.logins.sync()
    client = another(server, ada)
    client.get("private")
    login = next(iter(server.services.logins))
    kept = Recent(server.services.logins)
    stranger = Visitor(Origin("127.0.0.1", ""), secure=False)
    kept.put(("nobody",), stranger)
    kept.put(None, stranger)
    assert kept.get(("nobody",)) is None
    known = Visitor(Origin("127.0.0.1", ""), secure=False, login=login)
    for name in ("first", "second", "third"):
        kept.put((name,), known)
    assert [kept.get((name,)) is known for name in ("first", "second", "third")] == [False, True, True]


def test_what_an_extension_writes_into_a_user_is_its_own(server: SmallServer, ada: Person) -> None:
    client = another(server, ada)
    client.get("private")
    login = next(iter(server.services.logins))
    visitor = Visitor(Origin("127.0.0.1", ""), secure=False, login=login)
    assert visitor.user is not None
    copy_of(visitor.user).username = "somebody-else"
    assert copy_of(visitor.user) == visitor.user
    assert visitor.user.username == login.account.username


class _Context:
    def __init__(self, address: str) -> None:
        self.address, self.protocol = (address, 4711), "http"


class _Connection:
    def __init__(self, address: str) -> None:
        self.context = _Context(address)


def request_with(headers: dict[str, str] | HTTPHeaders, *, address: str = "127.0.0.1") -> HTTPServerRequest:
    all_headers = HTTPHeaders(headers)
    if "Host" not in all_headers:
        all_headers["Host"] = "localhost"
    return HTTPServerRequest(
        start_line=RequestStartLine("GET", "/private", "HTTP/1.1"),
        headers=all_headers,
        connection=_Connection(address),  # type: ignore[arg-type] - what is read of one
    )
