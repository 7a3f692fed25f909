"""One-time probes of the doctor, which asks from outside how its requests arrive.

Revision: 0003
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
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
    """What version 0.3 adds."""
    op.create_table(
        "probe",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_probe")),
        **_OPTIONS,
    )
    op.create_index(op.f("ix_probe_expires_at"), "probe", ["expires_at"], if_not_exists=True)
