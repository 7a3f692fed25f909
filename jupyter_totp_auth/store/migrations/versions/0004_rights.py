"""Who may have terminals; where access tokens were used, and the folder that they are for.

Revision: 0004
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What version 0.4 adds."""
    _add("account", sa.Column("terminals", sa.String(length=16), server_default="yes", nullable=False))
    _add("access_token", sa.Column("last_used_from", sa.String(length=64), nullable=True))
    _add("access_token", sa.Column("path_prefix", sa.String(length=255), nullable=True))


def _add(table: str, column: sa.Column[Any]) -> None:
    # On MariaDB each statement is durable on its own, so each may find itself done already.
    there = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in there:
        op.add_column(table, column)
