"""Q02: each thing that counts once, asked for by many at the same moment: one gets it.

The last byte of every request is held back until all the others are there; behind several processes, each gets
its share. A thousand rounds by `make soak`. An account's name and a migration are raced for by processes at a
barrier, in tests/store/test_races.py and test_upgrade.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import pytest

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.model import Issued
from jupyter_totp_auth.web.cookies import Cookie
from tests.attacks.stage import HERE, Half, Opener, Stage
from tests.harness.backstage import cookie_name
from tests.harness.client import PASSWORD, Person, Phone
from tests.harness.volley import Answer, form, volley

HANDS = 16

Request = tuple[str, bytes]
Round = Callable[[Stage, Person], None]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, open_here: Opener) -> Iterator[Stage]:
    with open_here(tmp_path_factory.mktemp("q"), cheap=True) as found:
        yield found


def halves(stage: Stage, person: Person, bearers: Sequence[str]) -> list[Half]:
    """A browser for each pending login, its process the next in turn."""
    stage.unlock(person)
    servers = stage.servers
    return [stage.half(one, url=servers[turn % len(servers)].url) for turn, one in enumerate(bearers)]


def pendings(stage: Stage, person: Person, number: int) -> list[str]:
    """So many pending logins; each charge of a password is forgiven before the next."""
    made = []
    for _ in range(number):
        stage.unlock(person)
        made.append(stage.pending(person.username))
    return made


def insist_on_one(stage: Stage, person: Person, requests: Sequence[Request]) -> list[Answer]:
    """All at once: one login more, one cookie, and nobody hears of trouble."""
    before = stage.logins_of(person)
    with stage.clock.standing():  # on a machine with other things to do, a code would grow old on its way
        answers = volley(requests)
    signed_in = [answer for answer in answers if any("-login-" in c for c in answer.all("Set-Cookie"))]
    assert len(signed_in) == 1, [(answer.status, answer.text[-1500:]) for answer in answers[:2]]
    assert {answer.status for answer in answers} <= {200, 303, 401}
    assert stage.logins_of(person) == before + 1
    return answers


# -- the things -----------------------------------------------------------------------------------------------


def one_step(stage: Stage, ada: Person) -> None:
    """A code, by many pending logins."""
    browsers = halves(stage, ada, pendings(stage, ada, HANDS))
    code = stage.code(ada)
    insist_on_one(stage, ada, [(half.url, half.code(code)) for half in browsers])


def one_recovery_code(stage: Stage, ada: Person) -> None:
    """A recovery code, by many pending logins."""
    browsers = halves(stage, ada, pendings(stage, ada, HANDS))
    code = ada.recovery_codes.pop()
    insist_on_one(stage, ada, [(half.url, half.code(code)) for half in browsers])
    assert stage.recovery_codes_left(ada) == len(ada.recovery_codes)


def one_pending_login(stage: Stage, ada: Person) -> None:
    """A pending login, by every code that would open it: each of the five tries another one."""
    stage.code(ada)
    step = stage.clock.start_of_step(2)
    ada.phone.last_step = step + 1
    codes = [ada.phone.code_of(step - 1), ada.phone.code_of(step), ada.phone.code_of(step + 1)]
    codes += [ada.recovery_codes.pop(), ada.recovery_codes.pop()]
    browsers = halves(stage, ada, pendings(stage, ada, 1) * len(codes))
    before = stage.recovery_codes_left(ada)
    tried = zip(browsers, codes, strict=True)
    insist_on_one(stage, ada, [(half.url, half.code(code)) for half, code in tried])
    assert before - stage.recovery_codes_left(ada) in {0, 1}, "the losers' codes were not used up"


def one_confirmation(stage: Stage, _: Person) -> None:
    """A half-done enrollment, by many confirmations: one phone, ten recovery codes, one login."""
    name, code = stage.invite()
    flow = stage.services.enrollment
    begun = flow.start(code, HERE)
    assert isinstance(begun, Issued)
    chosen = flow.choose(begun.bearer, typed_name=name, typed_password=PASSWORD)
    phone = Phone(totp.to_base32(chosen.secret), clock=stage.clock.time)  # type: ignore[union-attr]
    bob = Person(name, PASSWORD, phone)
    fields = {"code": stage.code(bob)}
    requests = [enroll(stage, turn, "enroll/phone", fields, begun.bearer) for turn in range(HANDS)]
    insist_on_one(stage, bob, requests)
    assert len(stage.services.store.accounts.authenticators(stage.account_id(bob))) == 1
    assert stage.recovery_codes_left(bob) == 10


def one_enrollment_code(stage: Stage, _: Person) -> None:
    """An enrollment code, by many who begin: the last voids the others, and one of them can go on."""
    _, code = stage.invite()
    requests = [enroll(stage, turn, "enroll", {"enrollment_code": code}, "") for turn in range(HANDS)]
    answers = volley(requests)
    assert {answer.status for answer in answers} == {303}
    begun = [cookie_of(answer, "-enroll-") for answer in answers]
    assert sum(stage.services.enrollment.stage(bearer) is not None for bearer in begun) == 1


def enroll(stage: Stage, turn: int, page: str, fields: dict[str, str], bearer: str) -> Request:
    """A form of the enrollment, to the next process in turn."""
    url = stage.servers[turn % len(stage.servers)].url
    half = stage.half("", url=url)
    cookies = {"_xsrf": half.token, cookie_name(url, Cookie.ENROLLMENT): bearer}
    path = f"{urlsplit(url).path}{page}"
    return url, form(url, path, {"_xsrf": half.token, **fields}, cookies)


def cookie_of(answer: Answer, part: str) -> str:
    """The value of the cookie with ``part`` in its name."""
    (found,) = (cookie for cookie in answer.all("Set-Cookie") if part in cookie)
    return found.partition("=")[2].partition(";")[0]


THINGS: dict[str, Round] = {
    "step": one_step,
    "recovery code": one_recovery_code,
    "pending login": one_pending_login,
    "confirmation": one_confirmation,
    "enrollment code": one_enrollment_code,
}


@pytest.mark.race
@pytest.mark.timeout(2 * 3600)
@pytest.mark.parametrize("rounds", [3, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("thing", THINGS)
def test_Q02_of_many_at_once_one_gets_it(stage: Stage, thing: str, rounds: int) -> None:
    ada = stage.person()
    for _ in range(rounds):
        if len(ada.recovery_codes) < 2:
            ada = stage.person()
        THINGS[thing](stage, ada)
