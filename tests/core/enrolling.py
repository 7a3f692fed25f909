"""The pages of an enrollment as a person goes through them; shared by the tests of both halves."""

from __future__ import annotations

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.binding import Enrolled
from jupyter_totp_auth.core.enrollment import Stage
from jupyter_totp_auth.core.model import Denied, Enrollment, Issued, Role
from tests.core.rig import (
    HERE,
    PASSWORD,
    Person,
    Rig,
)


def setup_code(rig: Rig) -> str:
    code = rig.enrollment.offer_setup()
    assert code is not None
    return code


def invited(rig: Rig, name: str = "bob", *, password: str | None = None, role: Role = Role.MEMBER) -> str:
    """An account made by the operator; its enrollment code."""
    return rig.accounts.add(name, role, actor="operator", password=password).code


def begun(rig: Rig, code: str) -> str:
    """Page 1; the bearer of the half-done enrollment."""
    outcome = rig.enrollment.start(code, HERE)
    assert isinstance(outcome, Issued), outcome
    assert isinstance(outcome.value, Enrollment)
    return outcome.bearer


def choose(rig: Rig, half: str | None, name: str = "ada", password: str = PASSWORD) -> Stage | Denied:
    """Page 2."""
    return rig.enrollment.choose(half, typed_name=name, typed_password=password)


def chosen(rig: Rig, half: str, name: str = "ada", password: str = PASSWORD) -> bytes:
    """Page 2, which has to lead on; the secret in the QR."""
    stage = choose(rig, half, name, password)
    assert isinstance(stage, Stage), stage
    assert stage.secret is not None
    return stage.secret


def confirm(rig: Rig, half: str | None, typed: str) -> Issued[Enrolled] | Denied:
    """Page 3."""
    return rig.enrollment.confirm(half, typed_code=typed, origin=HERE)


def shown(rig: Rig, secret: bytes, *, steps: int = 0) -> str:
    """What a phone with that secret shows."""
    return totp.code(secret, totp.step_at(rig.clock.now) + steps)


def wrong(rig: Rig, secret: bytes) -> str:
    near = {shown(rig, secret, steps=steps) for steps in range(-11, 12)}
    return next(text for text in ("000000", "111111", "222222") if text not in near)


def enrolled(rig: Rig, code: str, name: str = "ada", password: str = PASSWORD) -> Issued[Enrolled]:
    half = begun(rig, code)
    outcome = confirm(rig, half, shown(rig, chosen(rig, half, name, password)))
    assert isinstance(outcome, Issued), outcome
    return outcome


def person_of(rig: Rig, done: Enrolled, secret: bytes, password: str = PASSWORD) -> Person:
    return Person(rig, done.account.id, done.account.username, secret, list(done.recovery_codes), password)
