"""Whole histories against a small model: no login without both factors, each code once, no end undone."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.model import Denied, Issued, Refusal
from jupyter_totp_auth.core.policy import Policy, Throttle
from tests.core.reference import Model, ModelPerson
from tests.core.rig import HERE, Person, Rig

UNTHROTTLED = Throttle(free=10**9, first_delay=1, cap=1, limit=10**9)
PASSWORDS = ("orbit velvet tundra", "kiosk anvil heron", "maple quartz ember")
NAMES = ("alice", "bob")

names = st.sampled_from(NAMES)
indexes = st.integers(0, 10**6)
waits = st.sampled_from([0, 0, 1, 15, 30, 30, 45, 299, 300, 43_200, 86_400])
mostly = st.sampled_from([True, True, True, True, False])
kinds = st.sampled_from(
    ["step 0", "step 0", "step 1", "step -1", "step 2", "step -2", "code 0", "code 1", "junk"]
)


class Histories(RuleBasedStateMachine):
    """Two people with fixed phones, so that a history that failed fails again."""

    @initialize()
    def begin(self) -> None:
        self.rig = Rig(
            Policy(
                password_unknown=UNTHROTTLED,
                password_known=UNTHROTTLED,
                code_unknown=UNTHROTTLED,
                code_known=UNTHROTTLED,
            )
        )
        self.people: dict[str, Person] = {
            name: self.rig.person(name, password=PASSWORDS[0], secret=bytes([number + 1]) * 20)
            for number, name in enumerate(NAMES)
        }
        self.model = Model(self.rig.clock.now, people={name: ModelPerson({0, 1}) for name in NAMES})
        self.pending: list[str] = []
        self.logins: list[str] = []
        self.known: list[str | None] = [None]
        self.last: tuple[str, str, int, str] | None = None

    # -- the two pages -----------------------------------------------------------------------------

    @rule(name=st.sampled_from([*NAMES, "nobody"]), right=mostly, known=indexes)
    def first_page(self, name: str, right: bool, known: int) -> None:
        self.pend(name, right, known)

    @precondition(lambda self: self.pending)
    @rule(seconds=waits, back=st.sampled_from([0, 0, 0, 1, 2]), own=mostly, kind=kinds)
    def second_page(self, seconds: int, back: int, own: bool, kind: str) -> None:
        self.wait(seconds)
        self.prove(back, own, kind)

    @rule(seconds=waits, name=names, right=mostly, own=mostly, known=indexes, kind=kinds)
    def both_pages(self, seconds: int, name: str, right: bool, own: bool, known: int, kind: str) -> None:
        self.wait(seconds)
        if self.pend(name, right, known):
            self.prove(0, own, kind)

    @precondition(lambda self: self.last)
    @rule(known=indexes)
    def the_same_code_again(self, known: int) -> None:
        assert self.last is not None
        if self.pend(self.last[0], right=True, known=known):
            self.give(len(self.pending) - 1, *self.last)

    def wait(self, seconds: int) -> None:
        self.rig.clock.now += seconds
        self.model.now += seconds

    def pend(self, name: str, right: bool, known: int) -> bool:
        """The first page; whether it led on."""
        cookie = self.known[known % len(self.known)]
        person = self.model.people.get(name)
        password = person.password if person else 0
        password = password if right else (password + 1) % len(PASSWORDS)
        outcome = self.rig.first(name, PASSWORDS[password], known=cookie)
        if isinstance(outcome, Issued):
            self.pending.append(outcome.bearer)
            self.model.first_factor(name, password)
            return True
        # Told at once, and only to somebody who has been in.
        assert cookie is not None
        assert person is not None
        assert not right or person.disabled
        return False

    def prove(self, back: int, own: bool, kind: str) -> None:
        """The second page of one of the last pending logins, with one's own code or somebody else's."""
        index = max(len(self.pending) - 1 - back, 0)
        name = self.model.pending[index].name
        whose = name if own and name in NAMES else next(other for other in NAMES if other != name)
        self.last = (whose, *self.typed(whose, kind))
        self.give(index, *self.last)

    def typed(self, whose: str, kind: str) -> tuple[str, int, str]:
        """What kind of code, which one, and its text."""
        word, _, number = kind.partition(" ")
        if word == "step":
            step = self.rig.clock.now // 30 + int(number)
            return word, step, totp.code(self.people[whose].secret, step)
        if word == "code":
            return word, int(number), self.people[whose].recovery_codes[int(number)]
        return word, 0, "0000-0000-0000-0000-0000-0000"

    def give(self, index: int, whose: str, word: str, number: int, text: str) -> None:
        """Type a code into a pending login; the answer has to be the model's."""
        expected = self.model.second_factor(index, whose, word, number)
        outcome = self.rig.second(self.pending[index], text)
        if expected:
            assert isinstance(outcome, Issued), outcome
            self.logins.append(outcome.bearer)
            if outcome.value.known_browser is not None:
                self.known.append(outcome.value.known_browser)
        else:
            assert isinstance(outcome, Denied), outcome
            assert (outcome.refusal is Refusal.EXPIRED) is (expected is None)

    # -- what ends ---------------------------------------------------------------------------------

    @rule(
        name=names,
        act=st.sampled_from(["password", "disable", "enable", "end all", "log out"]),
        login=indexes,
    )
    def something_ends(self, name: str, act: str, login: int) -> None:
        accounts = self.rig.accounts
        if act == "password":
            password = (self.model.people[name].password + 1) % len(PASSWORDS)
            accounts.set_password(name, PASSWORDS[password], actor="operator")
            self.model.set_password(name, password)
        elif act == "end all":
            accounts.end_logins(name, actor="operator")
            self.model.end_all(name)
        elif act == "log out":
            self.log_out(login)
        else:
            accounts.set_disabled(name, disabled=act == "disable", actor="operator")
            self.model.set_disabled(name, act == "disable")

    def log_out(self, login: int) -> None:
        if not self.logins:
            return
        index = login % len(self.logins)
        live = self.rig.logins.load(self.logins[index])
        assert (live is not None) is self.model.lives(index)
        if live is not None:
            self.rig.logins.log_out(live, HERE.client)
            self.model.end(index)

    # -- what must always hold ---------------------------------------------------------------------

    @invariant()
    def exactly_the_logins_of_the_model_live(self) -> None:
        self.rig.logins.sync()
        for index, bearer in enumerate(self.logins):
            assert (self.rig.logins.load(bearer) is not None) is self.model.lives(index)
        digests = {login.session.digest for login in self.rig.logins}
        in_memory = {digest for digest in digests if self.rig.logins.live(digest) is not None}
        assert len(in_memory) == sum(self.model.lives(index) for index in range(len(self.logins)))

    @invariant()
    def a_pending_login_opens_nothing(self) -> None:
        for bearer in self.pending[-3:]:
            assert self.rig.logins.load(bearer) is None

    @invariant()
    def the_store_has_used_up_what_the_model_has(self) -> None:
        for name, person in self.people.items():
            model = self.model.people[name]
            assert person.last_step == model.last_step
            assert self.rig.store.accounts.recovery_codes_left(person.id) == len(model.recovery_codes)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
