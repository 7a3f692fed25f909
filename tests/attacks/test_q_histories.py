"""Q01: whole histories against a real server and the small model of tests/core/reference.py.

Two people, two browsers, an operator, a clock that goes forwards and back, and kill -9. After each step the
server serves exactly those logins and access tokens that the model does, each step of a phone and each
recovery code has been of use once, and what has ended stays so. Throttles are not part of it: the addresses
have no limit, and the counters are emptied before each try (group D is theirs).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from jupyter_totp_auth.core.accounts import Accounts
from jupyter_totp_auth.web.cookies import Cookie
from tests.attacks.stage import Stage, open_stage
from tests.core.reference import Model, ModelPerson
from tests.harness.backstage import cookie_name, put_login
from tests.harness.client import Client, Person

PASSWORDS = ("orbit velvet tundra", "kiosk anvil heron", "maple quartz ember")
JUNK = "0000-0000-0000-0000-0000-0000"
BACK = 600
"""So far the clock goes back at most: then nothing has been purged that could be asked for again."""
OTHER_PROCESS = 30
"""Seconds in which a server has to hear of what another process did. The promise is 2, on a machine that has
nothing else to do."""
LOOKED_AT = 6


@dataclass(frozen=True)
class What:
    """What one step is drawn from; each takes of it what it needs."""

    browser: int
    name: int
    which: int
    seconds: int
    right: bool
    own: bool
    kind: str


mostly = st.sampled_from([True, True, True, True, False])
whats = st.builds(
    What,
    browser=st.sampled_from([0, 1]),
    name=st.sampled_from([0, 1]),
    which=st.integers(0, 10**6),
    seconds=st.sampled_from([30, 30, 0, 0, 0, 45, 299, 301, 43_200, 86_400, -30, -200, -600]),
    right=mostly,
    own=mostly,
    kind=st.sampled_from(
        [
            *("step 0", "step 0", "step 0", "step 1", "step -1", "step 2", "step -2"),
            *("code 0", "code 1", "junk"),
        ]
    ),
)
ACTS = (
    *("both_pages",) * 4,
    *("second_page_again", "the_same_code_again", "a_used_pending_cookie"),
    *("steps_up",) * 2,
    *("locks",) * 2,
    *("unlocks",) * 2,
    *("makes_a_token",) * 2,
    *("revokes_a_token", "logs_out", "ends_the_others"),
    *("operator_enables",) * 2,
    *("operator_sets_a_password", "operator_disables", "operator_ends_all", "the_server_is_killed"),
)
"""Each as often as it should happen. One rule chooses, not a rule each: Hypothesis leaves rules out at random,
and a history without logins says little."""


@dataclass
class Browser:
    """Where somebody signs in: its cookies, and what the model knows them by."""

    client: Client
    pair: str
    pending: int | None = None
    known: tuple[str, int] | None = None


@dataclass
class Tab:
    """A login that was opened, with its cookies."""

    client: Client
    bearer: str


class Histories(RuleBasedStateMachine):
    """``stage`` is a running server whose clock stands still, for all examples the same."""

    stage: ClassVar[Stage]
    kills: ClassVar[int]
    """Every so many steps the server may be killed."""

    steps = 0

    @initialize()
    def begin(self) -> None:
        stage, self.behind, self.elsewhere = self.stage, 0, False
        stage.clock.move(BACK + 3600)
        self.people: list[Person] = [stage.person(password=PASSWORDS[0]) for _ in range(2)]
        self.model = Model(
            stage.clock.now(),
            stage.services.store.events.last_sure_time(),
            {p.username: ModelPerson(set(range(10)), last_step=p.phone.last_step) for p in self.people},
        )
        self.browsers = [self.new_browser() for _ in range(2)]
        self.tabs: list[Tab] = []
        self.dead: list[str] = []
        self.spent_pending: list[tuple[str, int]] = []
        self.tokens: list[tuple[str, str]] = []
        self.last: tuple[str, str, int, str]
        self.wait(60)
        for browser, person in zip(self.browsers, self.people, strict=True):
            assert self.first_page(browser, person.username, right=True)
            self.second_page(browser, own=True, kind="step 0")
        assert len(self.tabs) == 2

    @rule(act=st.sampled_from(ACTS), what=whats)
    def something_happens(self, act: str, what: What) -> None:
        getattr(self, act)(what)

    def new_browser(self) -> Browser:
        client = self.stage.client()
        client.get("login")
        return Browser(client, client.xsrf)

    # -- the two pages -----------------------------------------------------------------------------

    def both_pages(self, what: What) -> None:
        self.wait(what.seconds)
        browser = self.browsers[what.browser]
        if self.first_page(browser, self.people[what.name].username, what.right):
            self.second_page(browser, what.own, what.kind)

    def second_page_again(self, what: What) -> None:
        self.wait(what.seconds)
        browser = self.browsers[what.browser]
        if browser.pending is not None:
            self.second_page(browser, what.own, what.kind)

    def the_same_code_again(self, what: What) -> None:
        browser = self.browsers[what.browser]
        if self.first_page(browser, self.last[0], right=True):
            self.give(browser, *self.last)

    def first_page(self, browser: Browser, name: str, right: bool) -> bool:
        """Name and password; whether it led on."""
        self.forgive()
        person = self.model.people[name]
        password = person.password if right else (person.password + 1) % len(PASSWORDS)
        data = {"_xsrf": browser.pair, "username": name, "password": PASSWORDS[password]}
        answer = browser.client.request("POST", "login", data=data)
        if browser.known == (name, person.epoch) and not self.model.password_is_right(name, password):
            assert answer.status_code == 401, "a known browser is told at once"
            return False
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login/code")
        self.model.first_factor(name, password)
        browser.pending = len(self.model.pending) - 1
        return True

    def second_page(self, browser: Browser, own: bool, kind: str) -> None:
        """One's own code or somebody else's, for what is pending in this browser."""
        assert browser.pending is not None
        name = self.model.pending[browser.pending].name
        self.last = self.typed(name if own else self.other(name), kind)
        self.give(browser, *self.last)

    def give(self, browser: Browser, whose: str, word: str, number: int, text: str) -> None:
        assert browser.pending is not None
        self.forgive()
        index, bearer = browser.pending, browser.client.cookie("-pending-") or ""
        answer = self.send_code(browser, text)
        if self.model.refuses_for_the_clock(word):
            assert answer.status_code == 503
            return
        known = browser.known
        pending = self.model.pending[index]
        expected = self.model.second_factor(index, whose, word, number)
        if expected is None:
            self.begins_again(answer)
            browser.pending = None
        elif not expected:
            assert (answer.status_code, 'name="code"' in answer.text) == (401, True), answer.text
            assert browser.client.login_cookie is None
        else:
            assert answer.status_code == 303, answer.text
            self.spent_pending.append((bearer, index))
            browser.pending = None
            if known != (pending.name, pending.epoch):
                browser.known = (pending.name, pending.epoch)
            self.tabs.append(self.move_to_a_tab(browser))

    def send_code(self, browser: Browser, text: str) -> requests.Response:
        return browser.client.request("POST", "login/code", data={"_xsrf": browser.pair, "code": text})

    @staticmethod
    def begins_again(answer: requests.Response) -> None:
        assert (answer.status_code, 'name="username"' in answer.text) == (401, True), answer.text

    def move_to_a_tab(self, browser: Browser) -> Tab:
        """Take the login out of the browser, which can then sign somebody else in."""
        jar, tab = browser.client.session.cookies, self.stage.client()
        bearer = browser.client.login_cookie or ""
        put_login(tab, bearer)
        tab.session.cookies.set("_xsrf", browser.client.xsrf, domain="127.0.0.1", path="/")
        jar.clear("127.0.0.1", "/", browser.client.cookie_name("-login-"))
        jar.set("_xsrf", browser.pair, domain="127.0.0.1", path="/")
        return Tab(tab, bearer)

    def a_used_pending_cookie(self, what: What) -> None:
        bearer, index = self.spent_pending[what.which % len(self.spent_pending)]
        _, word, _, text = self.typed(self.model.pending[index].name, what.kind)
        thief = self.new_browser()
        name = cookie_name(thief.client.url, Cookie.PENDING)
        thief.client.session.cookies.set(name, bearer, domain="127.0.0.1", path="/")
        answer = self.send_code(thief, text)
        if self.model.refuses_for_the_clock(word):
            assert answer.status_code == 503
        else:
            self.begins_again(answer)
        assert thief.client.login_cookie is None

    # -- with a login ------------------------------------------------------------------------------

    def logs_out(self, what: What) -> None:
        index, tab, model = self.pick(what)
        if model.lives(index):
            answer = tab.client.request("POST", "logout", data={"_xsrf": tab.client.xsrf})
            assert answer.status_code == 200
            model.end(index)
            self.dead.append(tab.bearer)
            put_login(tab.client, tab.bearer)  # the answer took it; whoever copied it has it still

    def ends_the_others(self, what: What) -> None:
        index, tab, model = self.pick(what)
        answer = tab.client.request("DELETE", "api/totp/logins")
        assert answer.status_code == (204 if model.serves(index) else 403), answer.text
        if answer.ok:
            model.end_others(index)

    def locks(self, what: What) -> None:
        index, tab, model = self.pick(what)
        answer = tab.client.request("POST", "api/totp/lock")
        assert answer.status_code == (204 if model.serves(index) else 403), answer.text
        if answer.ok:
            model.lock(index)

    def steps_up(self, what: What) -> None:
        self.wait(what.seconds)
        self.forgive()
        index, tab, model = self.pick(what)
        name = model.logins[index].name
        password = (model.people[name].password + (not what.right)) % len(PASSWORDS)
        self.last = self.typed(name if what.own else self.other(name), what.kind)
        whose, word, number, text = self.last
        document = {"password": PASSWORDS[password], "code": text}
        answer = tab.client.request("POST", "api/totp/step-up", json=document)
        if not model.serves(index):
            assert answer.status_code == 403, answer.text
        elif model.step_up(index, password, whose, word, number):
            assert answer.status_code == 200, answer.text
            self.dead.append(tab.bearer)
            tab.bearer = tab.client.login_cookie or ""
            assert tab.bearer not in self.dead
        else:
            assert answer.status_code == 401, answer.text

    def unlocks(self, what: What) -> None:
        self.forgive()
        locked = [index for index in range(len(self.tabs)) if self.model.logins[index].locked]
        index = locked[what.which % len(locked)] if locked else what.which % len(self.tabs)
        model, name = self.model, self.model.logins[index].name
        arguments: tuple[Any, ...]
        if what.which % 2:
            arguments = ((model.people[name].password + (not what.right)) % len(PASSWORDS),)
            unlock, document = model.unlock_by_password, {"password": PASSWORDS[arguments[0]]}
        else:
            *arguments, text = self.typed(name if what.own else self.other(name), what.kind)  # type: ignore[assignment]
            unlock, document = model.unlock_by_code, {"code": text}  # type: ignore[assignment]
        answer = self.tabs[index].client.request("POST", "api/totp/unlock", json=document)
        if not model.lives(index):
            assert answer.status_code == 403, answer.text
            return
        assert answer.status_code == (204 if unlock(index, *arguments) else 401), answer.text

    def makes_a_token(self, what: What) -> None:
        index, tab, model = self.pick(what)
        document = {"name": "Script", "expires_in_days": 1}
        answer = tab.client.request("POST", "api/totp/access-tokens", json=document)
        may = model.serves(index) and model.is_fresh(index)
        assert answer.status_code == (201 if may else 403), answer.text
        if may:
            self.tokens.append((answer.json()["id"], answer.json()["token"]))
            model.make_token(index, 1)

    def revokes_a_token(self, what: What) -> None:
        """Of whomever: one's own goes, somebody else's is not there."""
        if not self.tokens:
            return
        index, tab, model = self.pick(what)
        number = what.which % len(self.tokens)
        answer = tab.client.request("DELETE", f"api/totp/access-tokens/{self.tokens[number][0]}")
        if not model.serves(index):
            assert answer.status_code == 403, answer.text
            return
        mine = model.tokens[number].name == model.logins[index].name
        assert answer.ok is (mine and model.token_serves(number)), answer.text
        model.tokens[number].ended |= answer.ok

    # -- what an operator does, and what happens to machines -----------------------------------------

    def operator_sets_a_password(self, what: What) -> None:
        username = self.people[what.name].username
        password = (self.model.people[username].password + 1) % len(PASSWORDS)
        self.accounts.set_password(username, PASSWORDS[password], actor="operator")
        self.model.set_password(username, password)
        self.elsewhere = True

    def operator_ends_all(self, what: What) -> None:
        username = self.people[what.name].username
        self.accounts.end_logins(username, actor="operator")
        self.model.end_all(username)
        self.elsewhere = True

    def operator_disables(self, what: What, *, disabled: bool = True) -> None:
        username = self.people[what.name].username
        self.accounts.set_disabled(username, disabled=disabled, actor="operator")
        self.model.set_disabled(username, disabled)
        self.elsewhere = True

    def operator_enables(self, what: What) -> None:
        for name in (0, 1):
            self.operator_disables(replace(what, name=name), disabled=False)

    @property
    def accounts(self) -> Accounts:
        return self.stage.services.accounts

    def the_server_is_killed(self, _what: What) -> None:
        if self.steps >= self.kills:
            self.steps = 0
            self.restart()

    def restart(self) -> None:
        self.stage.server.kill()
        self.stage.server.start()

    def wait(self, seconds: int) -> None:
        """Move the clock; back no further than ``BACK`` behind where it has been."""
        seconds = max(seconds, self.behind - BACK)
        self.behind = max(self.behind - seconds, 0)
        self.stage.clock.move(seconds)
        self.model.now += seconds

    def forgive(self) -> None:
        with self.stage.sql() as connection:
            connection.execute("DELETE FROM throttle")

    # -- small things --------------------------------------------------------------------------------

    def pick(self, what: What) -> tuple[int, Tab, Model]:
        """One of the logins, more often of the newest: most of the others are over."""
        index = max(len(self.tabs) - 1 - what.which % 4, 0) if what.own else what.which % len(self.tabs)
        return index, self.tabs[index], self.model

    def other(self, name: str) -> str:
        return next(person.username for person in self.people if person.username != name)

    def typed(self, whose: str, kind: str) -> tuple[str, str, int, str]:
        """Whose, what kind of code, which one, and its text."""
        person = next(person for person in self.people if person.username == whose)
        word, _, number = kind.partition(" ")
        if word == "step":
            step = self.stage.clock.step + int(number)
            return whose, word, step, person.phone.code_of(step)
        if word == "code":
            return whose, word, int(number), person.recovery_codes[int(number)]
        return whose, word, 0, JUNK

    # -- what must always hold -----------------------------------------------------------------------

    @invariant()
    def the_server_serves_whom_the_model_serves(self) -> None:
        self.steps += 1
        newest = range(max(len(self.tabs) - LOOKED_AT, 0), len(self.tabs))
        tokens = range(max(len(self.tokens) - LOOKED_AT, 0), len(self.tokens))

        def wrong() -> list[str]:
            return [
                *filter(None, map(self.login_is_wrong, newest)),
                *filter(None, map(self.token_is_wrong, tokens)),
            ]

        deadline = time.monotonic() + (OTHER_PROCESS if self.elsewhere else 0)
        while (found := wrong()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.elsewhere = False
        assert found == []

    def login_is_wrong(self, index: int) -> str:
        answer = self.tabs[index].client.get("api/contents?content=0")
        said = "served" if answer.ok else str(answer.json()["reason"])
        served = "served" if self.model.serves(index) else "locked"
        expected = served if self.model.lives(index) else "signed-out"
        return "" if said == expected else f"login {index} is {said}, not {expected}"

    def token_is_wrong(self, index: int) -> str:
        header = {"Authorization": f"token {self.tokens[index][1]}"}
        answer = self.stage.client().get("api/contents?content=0", headers=header)
        return "" if answer.ok is self.model.token_serves(index) else f"token {index}: {answer.status_code}"

    @invariant()
    def the_store_has_used_up_what_the_model_has(self) -> None:
        store = self.stage.services.store.accounts
        for person in self.people:
            account, model = self.stage.account_id(person), self.model.people[person.username]
            assert [phone.last_step for phone in store.authenticators(account)] == [model.last_step]
            assert store.recovery_codes_left(account) == len(model.recovery_codes)

    def teardown(self) -> None:
        """Killed once more, and all of it is as it was; no bearer of before opens anything."""
        if self.steps < 2:  # Hypothesis tries an empty history, too
            return
        self.restart()
        assert [*filter(None, map(self.login_is_wrong, range(len(self.tabs))))] == []
        assert [*filter(None, map(self.token_is_wrong, range(len(self.tokens))))] == []
        thief = self.stage.client()
        for bearer in self.dead:
            put_login(thief, bearer)
            assert thief.get("api/contents").status_code == 403, "an old cookie revived"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("histories")
    with open_stage(folder, arguments=["--TotpAuth.address_burst=0", "--TotpAuth.idle_timeout=0"]) as found:
        yield found


def play(stage: Stage, *, examples: int, steps: int, kills: int) -> None:
    """So many histories of so many steps. Not shrunk: that would take as long again, a hundred times."""

    class OnThisServer(Histories):
        pass

    OnThisServer.stage, OnThisServer.kills = stage, kills
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with stage.clock.standing():
        run_state_machine_as_test(OnThisServer, settings=chosen)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_Q01_a_history_on_a_real_server_is_that_of_the_model(stage: Stage) -> None:
    play(stage, examples=2, steps=20, kills=10**9)


@pytest.mark.soak
@pytest.mark.timeout(5 * 3600)
def test_Q01_ten_thousand_steps_on_a_real_server_are_those_of_the_model(stage: Stage) -> None:
    play(stage, examples=200, steps=50, kills=25)
