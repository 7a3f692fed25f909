"""The numbers, each as its requirement has it, and how failures grow into waiting."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.policy import DAY, HOUR, MINUTE, Policy, Throttle

POLICY = Policy()


def delays(rule: Throttle, failures: range) -> list[int]:
    return [rule.delay(count) for count in failures]


def test_five_passwords_are_free_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    rule = POLICY.password_unknown
    assert delays(rule, range(5)) == [0, 0, 0, 0, 0]
    assert delays(rule, range(5, 16)) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]
    assert set(delays(rule, range(16, 100))) == {900}
    assert rule.limit == 100


def test_ten_codes_are_free_and_then_the_wait_doubles_up_to_an_hour() -> None:
    rule = POLICY.code_unknown
    assert set(delays(rule, range(10))) == {0}
    assert delays(rule, range(10, 20)) == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert rule.limit == 20


def test_a_known_browser_has_ten_passwords_of_its_own() -> None:
    assert set(delays(POLICY.password_known, range(10))) == {0}
    assert POLICY.password_known.limit == 10
    assert POLICY.code_known.limit == 100


@pytest.mark.parametrize("failures", [100, 10_000, 10**9])
def test_no_number_of_failures_waits_longer_than_the_cap(failures: int) -> None:
    assert Throttle(free=5, first_delay=1, cap=900, limit=100).delay(failures) == 900


def test_passwords_are_forgiven_after_a_month_without_a_try_and_codes_never() -> None:
    assert POLICY.password_unknown.memory == POLICY.password_known.memory == 30 * DAY
    assert POLICY.code_unknown.memory is None


def test_a_guess_at_the_code_succeeds_less_than_once_in_sixteen_thousand() -> None:
    steps_open = 2 * POLICY.totp_window + 1
    assert POLICY.code_unknown.limit * steps_open / 10**6 <= 6e-5


def test_the_other_numbers_are_those_of_the_requirements() -> None:
    assert (POLICY.password_min, POLICY.password_max) == (12, 1024)
    assert POLICY.totp_window == 1
    assert (POLICY.pending_lifetime, POLICY.pending_tries) == (5 * MINUTE, 5)
    assert (POLICY.enrollment_lifetime, POLICY.enrollment_tries) == (10 * MINUTE, 5)
    assert POLICY.enrollment_code_lifetime == DAY
    assert POLICY.login_lifetime == 24 * HOUR
    assert POLICY.idle_timeout == HOUR
    assert POLICY.known_browser_lifetime == 90 * DAY
    assert POLICY.fresh_for == 5 * MINUTE
    assert POLICY.recovery_codes == 10
