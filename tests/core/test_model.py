"""The frozen values: what is usable, and that no secret has a repr."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from jupyter_totp_auth.core.bearer import Bearer
from jupyter_totp_auth.core.binding import Bound, Enrolled
from jupyter_totp_auth.core.enrollment import Stage
from jupyter_totp_auth.core.grants import NewLogin
from jupyter_totp_auth.core.model import (
    Account,
    Claim,
    EndReason,
    Enrollment,
    EnrollmentCode,
    Issued,
    KnownBrowserRow,
    LoginSession,
    PendingLogin,
    Refusal,
    Role,
    TotpAuthenticator,
)
from jupyter_totp_auth.core.profiles import new_account

NOW = 1_800_000_000
SECRET = "S3CRET"
ACCOUNT = new_account("ada", Role.MEMBER, at=NOW, enrolled=True)


def test_an_enrolled_account_is_usable() -> None:
    assert ACCOUNT.usable(at=NOW)


@pytest.mark.parametrize("change", [{"enrolled": False}, {"disabled": True}, {"expires_at": NOW}])
def test_an_account_is_unusable_for_one_reason_each(change: dict) -> None:
    assert not replace(ACCOUNT, **change).usable(at=NOW)


def test_an_account_is_usable_until_the_second_it_expires() -> None:
    account = replace(ACCOUNT, expires_at=NOW)
    assert account.usable(at=NOW - 1)
    assert not account.usable(at=NOW + 1)


SECRETS = (
    (Account, {"sealed_password"}),
    (TotpAuthenticator, {"sealed_secret"}),
    (PendingLogin, {"digest", "throttle_key"}),
    (LoginSession, {"digest"}),
    (Enrollment, {"digest", "code_digest", "sealed_password", "sealed_secret"}),
    (EnrollmentCode, {"digest"}),
    (Issued, {"bearer"}),
    (Bearer, {"text", "digest"}),
    (KnownBrowserRow, {"digest"}),
    (Claim, {"recovery_digest"}),
    (NewLogin, {"known_browser"}),
    (Stage, {"secret"}),
    (Enrolled, {"known_browser", "recovery_codes"}),
    (Bound, {"recovery_codes"}),
)


@pytest.mark.parametrize(("kind", "secret"), SECRETS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_secret_has_no_repr(kind: type, secret: set[str]) -> None:
    value = kind(**{one.name: SECRET if one.name in secret else "open" for one in fields(kind)})
    assert SECRET not in repr(value)
    assert repr(value).count("open") == len(fields(kind)) - len(secret)


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        ACCOUNT.disabled = True  # type: ignore[misc]


def test_the_words_that_are_stored_and_shown_are_never_renamed() -> None:
    assert {role.value for role in Role} == {"admin", "member", "reader"}
    assert {reason.value for reason in EndReason} >= {
        "logged-out",
        "ended-elsewhere",
        "ended-by-admin",
        "expired",
        "account-disabled",
        "account-deleted",
        "password-changed",
        "factor-reset",
        "store-restored",
    }
    assert len({refusal.value for refusal in Refusal}) == len(Refusal)
