"""A store full of people who are all signed in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import insert, text

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.core.policy import DAY
from jupyter_totp_auth.store.tables import account, login
from jupyter_totp_auth.wiring import Services

MANY = 100_000
_BATCH = 20_000


def fill(services: Services, size: int) -> list[str]:
    """Write so many accounts, each with an open login; the logins' bearers."""
    made = people(services.clock(), size)
    bearers: list[str] = []
    while batch := list(islice(made, _BATCH)):
        with services.store.database.write() as connection:
            connection.execute(insert(account), [person for person, _, _ in batch])
            connection.execute(insert(login), [session for _, session, _ in batch])
        bearers.extend(one for _, _, one in batch)
    if services.store.database.engine.dialect.name == "postgresql":
        # What its autovacuum, which the tests' server has not, does within a minute of so many new rows.
        with services.store.database.write() as connection:
            connection.execute(text("ANALYZE"))
    return bearers


def people(at: int, size: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Rows of accounts and of their logins, and the logins' bearers."""
    for number in range(size):
        name = hashlib.sha256(str(number).encode()).hexdigest()
        fresh = bearer.issue(Kind.LOGIN)
        person = {
            "id": name[:32],
            "username": f"person-{number}",
            "display_name": f"Person {number}",
            "initials": "P",
            "color": "teal",
            "role": "member",
            "disabled": False,
            "created_at": at,
            "enrolled": True,
            "epoch": 1,
            "password": b"sealed",
            "terminals": "yes",
        }
        session = {
            "digest": fresh.digest,
            "id": name[:16],
            "account_id": name[:32],
            "created_at": at,
            "last_seen_at": at,
            "expires_at": at + DAY,
            "fresh_at": at,
            "active_at": at,
            "client": "127.0.0.1",
            "user_agent": "benchmark",
            "stays": False,
        }
        yield person, session, fresh.text
