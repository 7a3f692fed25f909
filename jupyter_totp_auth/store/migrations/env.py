"""Alembic's environment: always run by ``store.schema`` on a connection it hands over."""

from __future__ import annotations

from alembic import context

from jupyter_totp_auth.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
