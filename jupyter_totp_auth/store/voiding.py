"""What ends when a copy becomes the store: a backup from earlier (R45), or what another database held."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select, update

from ..core import totp
from ..core.model import EndReason
from .tables import (
    access_token,
    account,
    enrollment,
    enrollment_code,
    instance,
    known_browser,
    login,
    new_authenticator,
    notice,
    pending_login,
    probe,
    recovery_code,
    totp_authenticator,
)

_REVISION_GAP = 1_000_000
"""What is written to the old store until it is replaced stays below: each change raises it by one."""


@dataclass(frozen=True)
class Past:
    """What the store that is being replaced knew and the backup cannot: what has been used up since."""

    revision: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    good_recovery: frozenset[bytes] | None = field(default=None, repr=False)
    """The recovery codes that it knew as unused; None where it cannot tell any more."""

    open_codes: tuple[bytes, ...] = field(default=(), repr=False)


def void_the_past(connection: Connection, past: Past, at: int) -> None:
    """End what was open, and spend again what was spent since, so that nothing works a second time."""
    open_login = login.c.ended_at.is_(None)
    connection.execute(
        update(login).where(open_login).values(ended_at=at, end_reason=EndReason.RESTORED.value)
    )
    for table in (pending_login, known_browser, enrollment, new_authenticator, access_token, probe, notice):
        connection.execute(delete(table))
    # Those that the old store still knew are unused; any other may have been used since the backup.
    connection.execute(delete(enrollment_code).where(enrollment_code.c.digest.not_in(past.open_codes)))
    connection.execute(update(account).values(epoch=account.c.epoch + 1))
    now = totp.step_at(at)
    _raise_steps(connection, dict.fromkeys(_authenticator_ids(connection), now))
    _raise_steps(connection, past.steps)
    if past.good_recovery is not None:
        _spend_recovery_codes(connection, past.good_recovery, at)
    backed_up = int(connection.execute(select(instance.c.revision)).scalar_one())
    revision = max(backed_up, past.revision) + _REVISION_GAP
    connection.execute(update(instance).values(revision=revision))


def _spend_recovery_codes(connection: Connection, good: frozenset[bytes], at: int) -> None:
    """All but ``good``: a code that the old store had no more was used, or voided, since the backup."""
    unused = recovery_code.c.used_at.is_(None)
    backed_up = set(connection.execute(select(recovery_code.c.digest).where(unused)).scalars())
    for digest in backed_up - good:
        same = recovery_code.c.digest == digest
        connection.execute(update(recovery_code).where(same).values(used_at=at))


def _authenticator_ids(connection: Connection) -> list[str]:
    return list(connection.execute(select(totp_authenticator.c.id)).scalars())


def _raise_steps(connection: Connection, floors: dict[str, int]) -> None:
    """No code of a step up to these opens anything any more (R9)."""
    for authenticator_id, step in floors.items():
        connection.execute(
            update(totp_authenticator)
            .where(totp_authenticator.c.id == authenticator_id, totp_authenticator.c.last_step < step)
            .values(last_step=step)
        )
