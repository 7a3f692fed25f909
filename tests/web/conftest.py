"""One small server and one enrolled person a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_totp_auth.core.model import Role
from tests.harness.client import Client, Person
from tests.web.small_server import SmallServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallServer]:
    with SmallServer(tmp_path_factory.mktemp("small")) as running:
        yield running


@pytest.fixture(scope="module")
def ada(server: SmallServer) -> Person:
    """The first account. Her phone's clock is the server's."""
    code = server.services.enrollment.offer_setup()
    assert code is not None
    return Client(server.url).enroll(code, clock=server.clock)


@pytest.fixture
def client(server: SmallServer) -> Client:
    """A browser that has never been here."""
    return Client(server.url)


@pytest.fixture
def signed_in(server: SmallServer, ada: Person) -> Client:
    """A browser that is signed in as Ada. The clock moves on, so that no test waits for a code."""
    server.clock.offset += 60
    server.services.accounts.unlock("ada", actor="test")
    browser = Client(server.url)
    page = browser.follow(browser.first_factor("ada"))
    assert browser.post_form(page, {"code": ada.phone.fresh_code()}).status_code == 303
    return browser


@pytest.fixture
def bob(server: SmallServer, ada: Person) -> Iterator[Person]:
    """A member of this test's own."""
    del ada  # the administrator
    code = server.services.accounts.add("bob", Role.MEMBER, actor="test").code
    yield Client(server.url).enroll(code, username="bob", clock=server.clock)
    for account in server.services.accounts.all():
        if account.username != "ada":
            server.services.accounts.delete(account.username, actor="test")
