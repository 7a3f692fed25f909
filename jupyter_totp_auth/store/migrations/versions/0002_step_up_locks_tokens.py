"""Freshness, activity and locks of logins; access tokens; further phones; the key of the digests.

Revision: 0002
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
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
    """What version 0.2 adds."""
    _add("instance", sa.Column("mac_key", sa.LargeBinary(), nullable=True))
    _add("login", sa.Column("fresh_at", sa.BigInteger(), server_default="0", nullable=False))
    _add("login", sa.Column("active_at", sa.BigInteger(), server_default="0", nullable=False))
    _add("login", sa.Column("locked_at", sa.BigInteger(), nullable=True))
    _add("login", sa.Column("stays", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE login SET fresh_at = created_at, active_at = last_seen_at WHERE fresh_at = 0")
    _exchange("pending_login", "charged", sa.Column("charges", sa.String(length=255), nullable=False))
    op.create_index("ix_event_event", "event", ["event", "id"], if_not_exists=True)
    op.create_table(
        "new_authenticator",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        _belongs("new_authenticator"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_new_authenticator")),
        **_OPTIONS,
    )
    _index("new_authenticator", "account_id")
    _index("new_authenticator", "expires_at")
    op.create_table(
        "access_token",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        _belongs("access_token"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_token")),
        sa.UniqueConstraint("id", name=op.f("uq_access_token_id")),
        **_OPTIONS,
    )
    _index("access_token", "account_id")
    _index("access_token", "expires_at")


def _add(table: str, column: sa.Column[Any]) -> None:
    there = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in there:
        op.add_column(table, column)


def _exchange(table: str, old: str, new: sa.Column[Any]) -> None:
    """One column for another, in a table whose rows live for minutes: they go, so that nothing is copied."""
    there = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}
    if new.name not in there:
        op.execute(sa.delete(sa.table(table)))
    with op.batch_alter_table(table) as batch:  # SQLite before 3.35 cannot drop a column in place
        if new.name not in there:
            batch.add_column(new)
        if old in there:
            batch.drop_column(old)


def _belongs(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_account_id")
    return sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=name, ondelete="CASCADE")


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column], if_not_exists=True)
