"""Behind a trusted proxy: one network's tries are bounded, and known browsers pass; the clock counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_totp_auth.core.model import Role
from tests.harness.client import PASSWORD, Client, Person
from tests.web.small_server import SmallServer

ATTACKER = "203.0.113.7"
_names = (f"nobody-{number}" for number in range(10_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallServer]:
    with SmallServer(tmp_path_factory.mktemp("crowd"), proxies=("127.0.0.1/32",)) as running:
        yield running


@pytest.fixture(autouse=True)
def full_buckets(server: SmallServer) -> None:
    server.clock.offset += 600


def behind(server: SmallServer, address: str) -> Client:
    return Client(server.url, **{"X-Forwarded-For": address})


def log_in(client: Client, person: Person) -> None:
    page = client.follow(client.first_factor(person.username))
    assert client.post_form(page, {"code": person.phone.fresh_code()}).status_code == 303


def statuses(client: Client, count: int) -> list[int]:
    """Wrong logins, each of another name."""
    return [client.first_factor(next(_names), "wrong").status_code for _ in range(count)]


def test_twenty_logins_of_an_address_and_then_the_words_of_every_other_wait(server: SmallServer) -> None:
    client = behind(server, ATTACKER)
    assert statuses(client, 20) == [303] * 20
    answer = client.first_factor(next(_names), "wrong")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "6")
    assert "Too many tries. Please wait 6 seconds, then try again." in answer.text
    assert statuses(behind(server, "203.0.113.8"), 1) == [303]
    server.clock.offset += 60
    assert statuses(client, 12) == [303] * 10 + [429] * 2


def test_the_api_takes_from_the_same_bucket(server: SmallServer) -> None:
    client = behind(server, ATTACKER)
    client.get("login")
    assert statuses(client, 19) == [303] * 19
    document = {"username": next(_names), "password": "wrong", "code": "123456"}
    assert client.request("POST", "api/totp/login", json=document).status_code == 401
    answer = client.request("POST", "api/totp/login", json=document)
    assert answer.status_code == 429
    assert answer.json() == {"message": "Too many tries. Wait 6 seconds.", "reason": "throttled"}
    assert answer.headers["Retry-After"] == "6"


def test_enrollment_codes_have_a_bucket_of_their_own(server: SmallServer) -> None:
    client = behind(server, ATTACKER)
    statuses(client, 21)
    for _ in range(20):
        assert client.post_form(client.get("enroll"), {"enrollment_code": "A" * 43}).status_code == 401
    answer = client.post_form(client.get("enroll"), {"enrollment_code": "A" * 43})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "6")
    assert "Please wait 6 seconds" in answer.text


@pytest.mark.parametrize(
    ("addresses", "passed"),
    [
        ([f"2001:db8:7:7::{host:x}" for host in range(30)], 20),
        (["198.51.100.3", "::ffff:198.51.100.3"] * 15, 20),
        ([f"198.51.100.{host}" for host in range(30)], 30),
    ],
)
def test_what_is_one_network_has_one_bucket(server: SmallServer, addresses: list[str], passed: int) -> None:
    seen = [statuses(behind(server, address), 1)[0] for address in addresses]
    assert seen == [303] * passed + [429] * (len(addresses) - passed)


def test_what_a_client_says_of_itself_gives_it_no_other_bucket(server: SmallServer) -> None:
    seen = []
    for number in range(30):
        forged = f"192.0.2.{number}"
        headers = {
            "X-Forwarded-For": f"{forged}, {ATTACKER}",
            "X-Real-IP": forged,
            "Forwarded": f"for={forged}",
        }
        seen += statuses(Client(server.url, **headers), 1)
    assert seen == [303] * 20 + [429] * 10


def test_a_known_browser_of_the_same_address_passes(server: SmallServer) -> None:
    code = server.services.enrollment.offer_setup()
    assert code is not None
    office = behind(server, ATTACKER)
    ada = office.enroll(code, clock=server.clock)
    office.log_out()
    other = behind(server, ATTACKER)
    assert statuses(other, 21)[-1] == 429
    assert other.first_factor("ada").status_code == 429, "unknown there, and told nothing"
    server.clock.offset += 3
    for _ in range(5):
        server.clock.offset += 30
        statuses(other, 30)
        log_in(office, ada)
        office.log_out()
    stolen = behind(server, ATTACKER)
    stolen.session.cookies.update(office.session.cookies)
    assert stolen.first_factor("bob").status_code == 429, "it is known for ada, not for bob"
    assert stolen.first_factor("ada", "wrong").status_code == 401


def test_a_slip_on_the_api_is_given_back_when_the_same_browser_gets_in(
    server: SmallServer, enrolled: Person
) -> None:
    client = Client(server.url)
    client.get("login")
    document = {"username": enrolled.username, "password": PASSWORD}
    server.services.accounts.unlock(enrolled.username, actor="test")
    for code in ("000000", "000001", enrolled.phone.fresh_code()):
        answer = client.request("POST", "api/totp/login", json={**document, "code": code})
    assert answer.status_code == 200
    account = server.services.accounts.named(enrolled.username).id
    query = f"SELECT failures FROM throttle WHERE account_id = '{account}' ORDER BY failures"
    with server.services.store.database.read() as connection:
        counts = connection.exec_driver_sql(query).scalars().all()
    assert counts == [0, 2], "of the codes none is left; the password was charged at each call"


@pytest.fixture
def enrolled(server: SmallServer) -> Person:
    """Somebody new, enrolled by the pages."""
    name = next(_names)
    code = server.services.accounts.add(name, Role.MEMBER, actor="test").code
    person = Client(server.url).enroll(code, username=name, clock=server.clock)
    person.username = name
    server.clock.offset += 90
    return person


def test_me_tells_of_the_login_before_and_of_what_failed(server: SmallServer, enrolled: Person) -> None:
    client = behind(server, "192.0.2.44")
    log_in(client, enrolled)
    assert client.get("api/totp/me").json()["last_login"]["client"] == "127.0.0.1"
    for address in ("198.51.100.9", "198.51.100.9", "198.51.100.10"):
        behind(server, address).first_factor(enrolled.username, "wrong")
    server.clock.offset += 90
    again = behind(server, "192.0.2.45")
    log_in(again, enrolled)
    me = again.get("api/totp/me").json()
    assert me["last_login"]["client"] == "192.0.2.44"
    assert me["last_login"]["at"].endswith("Z")
    assert me["failed_since_last_login"] == {"count": 3, "clients": ["198.51.100.9", "198.51.100.10"]}


def test_k25_a_login_leads_over_what_others_have_tried(server: SmallServer, enrolled: Person) -> None:
    for address in ("198.51.100.9", "198.51.100.9", "2001:db8::9"):
        behind(server, address).first_factor(enrolled.username, "wrong")
    thief = behind(server, "203.0.113.66")
    page = thief.follow(thief.first_factor(enrolled.username))
    assert thief.post_form(page, {"code": "000000"}).status_code == 401
    server.clock.offset += 90
    client = behind(server, "192.0.2.45")
    page = client.follow(client.first_factor(enrolled.username, next_url="/private?x=1"))
    answer = client.post_form(page, {"code": enrolled.phone.fresh_code()})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login/notice?next=%2Fprivate%3Fx%3D1")
    assert client.get("private").status_code == 200, "it tells, it does not stand in the way"
    told = client.follow(answer)
    assert told.status_code == 200
    for words in ("4 tries", "198.51.100.9", "2001:db8::9", "203.0.113.66", "In 1 of them the password was"):
        assert words in told.text, words
    assert "127.0.0.1</p>" not in told.text
    assert 'href="/private?x=1"' in told.text

    client.log_out()
    server.clock.offset += 90
    page = client.follow(client.first_factor(enrolled.username))
    answer = client.post_form(page, {"code": enrolled.phone.fresh_code()})
    assert answer.headers["Location"] == "/", "told once"
    assert client.get("login/notice?next=/private").headers["Location"] == "/private"


def test_k25_ones_own_slips_are_not_held_up_to_anybody(server: SmallServer, enrolled: Person) -> None:
    client = behind(server, "192.0.2.46")
    client.first_factor(enrolled.username, "wrong")
    page = client.follow(client.first_factor(enrolled.username))
    answer = client.post_form(page, {"code": enrolled.phone.fresh_code()})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_k25_the_notice_is_for_its_owner(server: SmallServer) -> None:
    answer = Client(server.url).get("login/notice", headers={"Sec-Fetch-Mode": "navigate"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=%2Flogin%2Fnotice")


def test_with_a_clock_set_back_codes_get_503_and_recovery_codes_work(
    server: SmallServer, enrolled: Person
) -> None:
    log_in(Client(server.url), enrolled)
    server.clock.offset -= 3600
    try:
        client = Client(server.url)
        page = client.follow(client.first_factor(enrolled.username))
        answer = client.post_form(page, {"code": enrolled.phone.code()})
        assert answer.status_code == 503
        assert "clock is wrong" in answer.text
        api = Client(server.url)
        api.get("login")
        document = {"username": enrolled.username, "password": PASSWORD, "code": enrolled.phone.code()}
        refused = api.request("POST", "api/totp/login", json=document)
        assert (refused.status_code, refused.json()["reason"]) == (503, "clock")
        assert client.post_form(page, {"code": enrolled.recovery_codes[0]}).status_code == 303
    finally:
        server.clock.offset += 3600
