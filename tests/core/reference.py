"""What a login is allowed to do, in as few words as possible: the model that the state machines compare with.

Of throttles it knows nothing; both machines keep them out of the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PENDING_LIFETIME = 300
LOGIN_LIFETIME = 86_400
FRESH = 300
CLOCK_TOLERANCE = 300
TRIES = 5
STEP = 30


@dataclass
class ModelPerson:
    recovery_codes: set[int]
    password: int = 0
    epoch: int = 0
    last_step: int = -1
    disabled: bool = False


@dataclass
class ModelPending:
    name: str
    right: bool
    epoch: int
    expires_at: int
    void: bool = False
    tries: int = TRIES


@dataclass
class ModelLogin:
    name: str
    expires_at: int
    fresh_at: int
    ended: bool = False
    locked: bool = False


@dataclass
class ModelToken:
    name: str
    expires_at: int
    ended: bool = False


@dataclass
class Model:
    """People, and what is pending, open, or a token, by the index at which it came."""

    now: int
    sure_at: int = 0
    """The newest time that is sure: of a login."""
    people: dict[str, ModelPerson] = field(default_factory=dict)
    pending: list[ModelPending] = field(default_factory=list)
    logins: list[ModelLogin] = field(default_factory=list)
    tokens: list[ModelToken] = field(default_factory=list)
    spent: set[tuple[str, str, int]] = field(default_factory=set)

    # -- both factors ------------------------------------------------------------------------------

    def first_factor(self, name: str, password: int) -> None:
        person = self.people.get(name)
        epoch = person.epoch if person else 0
        self.pending.append(
            ModelPending(name, self.password_is_right(name, password), epoch, self.now + PENDING_LIFETIME)
        )

    def password_is_right(self, name: str, password: int) -> bool:
        person = self.people.get(name)
        return person is not None and person.password == password and not person.disabled

    def refuses_for_the_clock(self, word: str) -> bool:
        """Whether a code of the phone is refused before it is looked at: the clock was set back."""
        return word == "step" and self.now < self.sure_at - CLOCK_TOLERANCE

    def second_factor(self, index: int, whose: str, word: str, number: int) -> bool | None:
        """None: begin again. Else whether that code (of whom, which kind, which one) opens a login."""
        pending = self.pending[index]
        if pending.void or pending.tries == 0 or pending.expires_at <= self.now:
            return None
        pending.tries -= 1
        person = self.people.get(pending.name)
        may = person is not None and pending.right and not person.disabled and pending.epoch == person.epoch
        if not may or not self._use_up(pending.name, whose, word, number):
            return False
        pending.void = True
        self.logins.append(ModelLogin(pending.name, self.now + LOGIN_LIFETIME, self.now))
        self.sure_at = self.now
        return True

    def _use_up(self, name: str, whose: str, word: str, number: int) -> bool:
        """Whether this code of ``whose`` is a right one for ``name``; then it never is again."""
        person = self.people[name]
        if word == "step":
            right = abs(number - self.now // STEP) <= 1 and number > person.last_step
        else:
            right = word == "code" and number in person.recovery_codes
        if whose != name or not right:
            return False
        if word == "step":
            person.last_step = number
        else:
            person.recovery_codes.remove(number)
        assert (name, word, number) not in self.spent, "the model itself let something in twice"
        self.spent.add((name, word, number))
        return True

    # -- with a login ------------------------------------------------------------------------------

    def lives(self, index: int) -> bool:
        """Whether it is served, or would be once it is unlocked."""
        login = self.logins[index]
        return not login.ended and login.expires_at > self.now

    def serves(self, index: int) -> bool:
        return self.lives(index) and not self.logins[index].locked

    def is_fresh(self, index: int) -> bool:
        return self.now - self.logins[index].fresh_at <= FRESH

    def step_up(self, index: int, password: int, whose: str, word: str, number: int) -> bool:
        """Both factors again, of one who is served; whether the login is fresh now, under a new bearer."""
        name = self.logins[index].name
        if not self.password_is_right(name, password) or not self._use_up(name, whose, word, number):
            return False
        self.logins[index].fresh_at = self.now
        return True

    def lock(self, index: int) -> None:
        self.logins[index].locked = True

    def unlock_by_code(self, index: int, whose: str, word: str, number: int) -> bool:
        """One that is not locked is left as it is, and so is the code."""
        login = self.logins[index]
        login.locked = login.locked and not self._use_up(login.name, whose, word, number)
        return not login.locked

    def unlock_by_password(self, index: int, password: int) -> bool:
        login = self.logins[index]
        login.locked = login.locked and not self.password_is_right(login.name, password)
        return not login.locked

    def end(self, index: int) -> None:
        self.logins[index].ended = True

    def end_others(self, index: int) -> None:
        """All of the person's but this one; pending ones go on."""
        for other, login in enumerate(self.logins):
            login.ended |= login.name == self.logins[index].name and other != index

    # -- access tokens -----------------------------------------------------------------------------

    def make_token(self, index: int, days: int) -> None:
        self.tokens.append(ModelToken(self.logins[index].name, self.now + days * 86_400))

    def token_serves(self, index: int) -> bool:
        token = self.tokens[index]
        return not token.ended and token.expires_at > self.now

    # -- what an operator does -----------------------------------------------------------------------

    def set_password(self, name: str, password: int) -> None:
        person = self.people[name]
        person.password = password
        person.epoch += 1
        self.end_all(name, tokens=True)

    def set_disabled(self, name: str, disabled: bool) -> None:
        self.people[name].disabled = disabled
        if disabled:
            self.end_all(name, tokens=True)

    def end_all(self, name: str, *, tokens: bool = False) -> None:
        for pending in self.pending:
            pending.void |= pending.name == name
        for login in self.logins:
            login.ended |= login.name == name
        for token in self.tokens:
            token.ended |= tokens and token.name == name
