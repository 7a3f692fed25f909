"""Whom each step of the revision is about, so that a process reads again what changed and not everything.

Revision: 0006
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As in 0001: on MariaDB each statement is durable on its own, so each may find itself done already.
_OPTIONS: dict[str, Any] = {
    "if_not_exists": True,
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
}


def upgrade() -> None:
    """What version 0.5 adds."""
    op.create_table(
        "account_change",
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_account_change")),
        **_OPTIONS,
    )
    # For what is dropped, and for the last administrator, among a million.
    op.create_index(op.f("ix_login_ended_at"), "login", ["ended_at"], if_not_exists=True)
    op.create_index(op.f("ix_account_role"), "account", ["role"], if_not_exists=True)
