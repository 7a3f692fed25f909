"""Whom each step of the revision is about, so that a process reads again what changed and not everything.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from jupyter_totp_auth.store.tables import MARIADB

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLE = "account_change"


def upgrade() -> None:
    """What version 0.5 adds."""
    # On MariaDB each statement is durable on its own, so each may find itself done already.
    if sa.inspect(op.get_bind()).has_table(_TABLE):
        return
    op.create_table(
        _TABLE,
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("revision", name=op.f(f"pk_{_TABLE}")),
        **MARIADB,
    )
