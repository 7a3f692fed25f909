"""What a login is allowed to do, in as few words as possible: the model the state machine compares with."""

from __future__ import annotations

from dataclasses import dataclass, field

PENDING_LIFETIME = 300
LOGIN_LIFETIME = 86_400
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
    ended: bool = False


@dataclass
class Model:
    """People, what is pending, and the logins, by the index at which they came."""

    now: int
    people: dict[str, ModelPerson] = field(default_factory=dict)
    pending: list[ModelPending] = field(default_factory=list)
    logins: list[ModelLogin] = field(default_factory=list)
    spent: set[tuple[str, str, int]] = field(default_factory=set)

    def first_factor(self, name: str, password: int) -> None:
        person = self.people.get(name)
        right = person is not None and person.password == password and not person.disabled
        epoch = person.epoch if person else 0
        self.pending.append(ModelPending(name, right, epoch, self.now + PENDING_LIFETIME))

    def try_pending(self, index: int) -> ModelPending | None:
        """The pending login with a try less, or None where it is over."""
        pending = self.pending[index]
        if pending.void or pending.tries == 0 or pending.expires_at <= self.now:
            return None
        pending.tries -= 1
        return pending

    def give_step(self, index: int, whose: str, step: int) -> bool | None:
        """None: begin again. Else whether the code of that step of that phone opens a login."""
        pending = self.try_pending(index)
        if pending is None:
            return None
        person = self.people.get(pending.name)
        inside = abs(step - self.now // STEP) <= 1
        if person is None or whose != pending.name or not inside or step <= person.last_step:
            return False
        if not self._may_open(pending, person):
            return False
        person.last_step = step
        self._open(pending, "step", step)
        return True

    def give_recovery_code(self, index: int, whose: str, number: int) -> bool | None:
        pending = self.try_pending(index)
        if pending is None:
            return None
        person = self.people.get(pending.name)
        if person is None or whose != pending.name or number not in person.recovery_codes:
            return False
        if not self._may_open(pending, person):
            return False
        person.recovery_codes.remove(number)
        self._open(pending, "recovery", number)
        return True

    def give_junk(self, index: int) -> bool | None:
        return None if self.try_pending(index) is None else False

    @staticmethod
    def _may_open(pending: ModelPending, person: ModelPerson) -> bool:
        return pending.right and not person.disabled and pending.epoch == person.epoch

    def _open(self, pending: ModelPending, kind: str, number: int) -> None:
        used = (pending.name, kind, number)
        assert used not in self.spent, "the model itself let something in twice"
        self.spent.add(used)
        pending.void = True
        self.logins.append(ModelLogin(pending.name, self.now + LOGIN_LIFETIME))

    def set_password(self, name: str, password: int) -> None:
        person = self.people[name]
        person.password = password
        person.epoch += 1
        self.end_all(name)

    def set_disabled(self, name: str, disabled: bool) -> None:
        self.people[name].disabled = disabled
        if disabled:
            self.end_all(name)

    def end_all(self, name: str) -> None:
        for pending in self.pending:
            pending.void |= pending.name == name
        for login in self.logins:
            login.ended |= login.name == name

    def end(self, index: int) -> None:
        self.logins[index].ended = True

    def lives(self, index: int) -> bool:
        login = self.logins[index]
        return not login.ended and login.expires_at > self.now
