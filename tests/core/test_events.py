"""The audit log's vocabulary is a contract with whoever reads the log."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.events import (
    BEHIND_A_WRONG_PASSWORD,
    KNOWN_BROWSER,
    Event,
    EventKind,
    Notice,
    is_failed_try,
)

# Add a line with a new kind; a line that has to go, or to change, breaks somebody's alert.
KINDS = {
    "setup-link",
    "account-added",
    "account-deleted",
    "account-disabled",
    "account-enabled",
    "role-changed",
    "terminals-changed",
    "profile-changed",
    "password-set",
    "enrollment-code",
    "enrolled",
    "enrollment-denied",
    "factor-reset",
    "unlocked",
    "first-factor-passed",
    "first-factor-denied",
    "second-factor-denied",
    "code-replayed",
    "recovery-code-used",
    "login",
    "login-ended",
    "logins-ended",
    "seal-broken",
    "authenticator-begun",
    "authenticator-added",
    "authenticator-denied",
    "authenticator-renamed",
    "authenticator-removed",
    "recovery-codes-made",
    "expiry-changed",
    "store-made",
    "store-backed-up",
    "store-restored",
    "store-rekeyed",
    "old-keys-dropped",
    "store-exported",
    "store-imported",
    "cell-run",
    "terminal-opened",
    "terminal-closed",
    "runs-lost",
}


def test_no_kind_of_event_is_ever_renamed() -> None:
    assert {kind.value for kind in EventKind} >= KINDS


def test_no_two_kinds_share_a_word_and_each_fits_its_column() -> None:
    assert len({kind.value for kind in EventKind}) == len(EventKind.__members__)
    assert all(len(kind.value) <= 32 for kind in EventKind)


def test_an_event_of_a_stranger_names_nobody() -> None:
    event = Event(EventKind.FIRST_FACTOR_DENIED, 1)
    assert (event.account_id, event.account, event.actor, event.login) == (None, None, "", None)


@pytest.mark.parametrize(
    ("failed", "own", "is_news"),
    [(0, 0, False), (1, 1, False), (5, 5, False), (6, 6, True), (1, 0, True), (3, 2, True)],
)
def test_a_slip_or_two_of_ones_own_are_no_news(failed: int, own: int, is_news: bool) -> None:
    assert Notice(None, failed, own=own).is_news is is_news


def test_a_failed_try_is_whatever_was_said_to_be_wrong_and_nothing_else() -> None:
    said = {
        EventKind.SECOND_FACTOR_DENIED,
        EventKind.CODE_REPLAYED,
        EventKind.ENROLLMENT_DENIED,
        EventKind.UNLOCK_DENIED,
        EventKind.STEP_UP_DENIED,
    }
    assert {kind for kind in EventKind if is_failed_try(Event(kind, 1))} == said
    for detail in ("", "closed", BEHIND_A_WRONG_PASSWORD):
        assert is_failed_try(Event(EventKind.SECOND_FACTOR_DENIED, 1, detail=detail))
    assert is_failed_try(Event(EventKind.FIRST_FACTOR_DENIED, 1, detail=KNOWN_BROWSER))
    assert not is_failed_try(Event(EventKind.FIRST_FACTOR_DENIED, 1, detail="unknown name"))
