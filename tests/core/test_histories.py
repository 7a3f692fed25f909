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
JUNK = "0000-0000-0000-0000-0000-0000"

names = st.sampled_from(NAMES)
passwords = st.integers(0, len(PASSWORDS) - 1)
indexes = st.integers(0, 10**6)
recent = st.sampled_from([0, 0, 1, 2])
mostly = st.sampled_from([True, True, True, False])


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
        self.model = Model(self.rig.clock.now, {name: ModelPerson({0, 1}) for name in NAMES})
        self.pending: list[str] = []
        self.logins: list[str] = []
        self.known: list[str | None] = [None]

    # -- time --------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 15, 30, 45, 299, 300, 43_200, 86_400]))
    def wait(self, seconds: int) -> None:
        self.rig.clock.now += seconds
        self.model.now += seconds

    # -- the two pages -----------------------------------------------------------------------------

    @rule(name=st.sampled_from([*NAMES, "nobody"]), right=mostly, known=indexes)
    def first_factor(self, name: str, right: bool, known: int) -> None:
        cookie = self.known[known % len(self.known)]
        person = self.model.people.get(name)
        password = person.password if person else 0
        password = password if right else (password + 1) % len(PASSWORDS)
        outcome = self.rig.first(name, PASSWORDS[password], known=cookie)
        if isinstance(outcome, Issued):
            self.pending.append(outcome.bearer)
            self.model.first_factor(name, password)
        else:  # told at once, and only to somebody who has been in
            assert cookie is not None
            assert person is not None
            assert not right or person.disabled

    @precondition(lambda self: self.pending)
    @rule(back=recent, own=mostly, steps=st.sampled_from([0, 0, 1, -1, 2, -2]))
    def second_factor(self, back: int, own: bool, steps: int) -> None:
        index, whose = self.choose(back, own)
        step = self.rig.clock.now // 30 + steps
        expected = self.model.give_step(index, whose, step)
        self.answer(index, totp.code(self.people[whose].secret, step), expected)

    @precondition(lambda self: self.pending)
    @rule(back=recent, own=mostly, number=st.integers(0, 1))
    def recovery_code(self, back: int, own: bool, number: int) -> None:
        index, whose = self.choose(back, own)
        expected = self.model.give_recovery_code(index, whose, number)
        self.answer(index, self.people[whose].recovery_codes[number], expected)

    @precondition(lambda self: self.pending)
    @rule(back=recent, typed=st.sampled_from([JUNK, "", "12345"]))
    def junk(self, back: int, typed: str) -> None:
        index, _ = self.choose(back, own=True)
        self.answer(index, typed, self.model.give_junk(index))

    def choose(self, back: int, own: bool) -> tuple[int, str]:
        """One of the last pending logins, and whose code is typed: the person's own, or another's."""
        index = max(len(self.pending) - 1 - back, 0)
        name = self.model.pending[index].name
        others = [other for other in NAMES if other != name]
        return index, name if own and name in NAMES else others[0]

    def answer(self, index: int, typed: str, expected: bool | None) -> None:
        outcome = self.rig.second(self.pending[index], typed)
        if expected:
            assert isinstance(outcome, Issued), outcome
            self.logins.append(outcome.bearer)
            if outcome.value.known_browser is not None:
                self.known.append(outcome.value.known_browser)
        else:
            assert isinstance(outcome, Denied), outcome
            assert (outcome.refusal is Refusal.EXPIRED) is (expected is None)

    # -- what ends ---------------------------------------------------------------------------------

    @rule(name=names, password=passwords)
    def set_password(self, name: str, password: int) -> None:
        self.rig.accounts.set_password(name, PASSWORDS[password], actor="operator")
        self.model.set_password(name, password)

    @rule(name=names, disabled=st.booleans())
    def set_disabled(self, name: str, disabled: bool) -> None:
        self.rig.accounts.set_disabled(name, disabled=disabled, actor="operator")
        self.model.set_disabled(name, disabled)

    @rule(name=names)
    def end_all(self, name: str) -> None:
        self.rig.accounts.end_logins(name, actor="operator")
        self.model.end_all(name)

    @precondition(lambda self: self.logins)
    @rule(login=indexes)
    def log_out(self, login: int) -> None:
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
        digests = {login.session.digest for login in self.rig.logins._live.values()}
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
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
