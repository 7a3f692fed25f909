"""The tables. A change here needs a migration beside it, and a new ``HEAD`` in ``schema.py``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# How MariaDB keeps them (InnoDB, a binary collation) stands in the migrations, which make them: said here as
# well, it would have SQLAlchemy import that dialect at every start.


class Digest(TypeDecorator[bytes]):
    """32 bytes kept as 64 hex digits: a key that every database can index alike."""

    impl = String(64)
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> str | None:
        """To the database."""
        del dialect
        return None if value is None else value.hex()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> bytes | None:
        """From the database."""
        del dialect
        return None if value is None else bytes.fromhex(value)


# SQLite only counts up by itself on INTEGER; the others need the width.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

instance = Table(
    "instance",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("instance_id", String(32), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("key_check", LargeBinary),
    # What digests of recovery codes and names of counters are made with: sealed, so that a new key in the
    # keyring does not void them. Made when the store is first opened.
    Column("mac_key", LargeBinary),
)

# Whose logins a step of the revision is about, for as long as processes may ask: one row a step.
account_change = Table(
    "account_change",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    # No foreign key: that an account is deleted is a change too. Null: everybody.
    Column("account_id", String(32)),
)

account = Table(
    "account",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("display_name", String(64), nullable=False),
    Column("initials", String(8), nullable=False),
    Column("color", String(40), nullable=False),
    Column("role", String(16), nullable=False, index=True),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("enrolled", Boolean, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("password", LargeBinary),
    Column("terminals", String(16), nullable=False, server_default="yes"),
)


def _account_id(**options: Any) -> Column[Any]:
    return Column("account_id", String(32), ForeignKey("account.id", ondelete="CASCADE"), **options)


totp_authenticator = Table(
    "totp_authenticator",
    metadata,
    Column("id", String(32), primary_key=True),
    _account_id(nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
)

# A further phone, until its first code is confirmed; the account's own phones go on meanwhile.
new_authenticator = Table(
    "new_authenticator",
    metadata,
    Column("id", String(32), primary_key=True),
    _account_id(nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("tries_left", Integer, nullable=False),
)

access_token = Table(
    "access_token",
    metadata,
    Column("digest", Digest, primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    _account_id(nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("scopes", String(128), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("last_used_at", BigInteger),
    Column("last_used_from", String(64)),
    Column("path_prefix", String(255)),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("digest", Digest, primary_key=True),
    _account_id(nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

enrollment_code = Table(
    "enrollment_code",
    metadata,
    Column("digest", Digest, primary_key=True),
    _account_id(nullable=True, index=True),
    Column("expires_at", BigInteger, nullable=False),
)

enrollment = Table(
    "enrollment",
    metadata,
    Column("digest", Digest, primary_key=True),
    Column(
        "code_digest",
        Digest,
        ForeignKey("enrollment_code.digest", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    # No foreign key: on a first set-up the account comes into being at the end.
    Column("account_id", String(32), nullable=False),
    Column("creates_account", Boolean, nullable=False),
    Column("username", String(64)),
    Column("authenticator_id", String(32), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("tries_left", Integer, nullable=False),
    Column("password", LargeBinary),
    Column("secret", LargeBinary),
)

pending_login = Table(
    "pending_login",
    metadata,
    Column("digest", Digest, primary_key=True),
    _account_id(nullable=True, index=True),
    Column("password_ok", Boolean, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("known_browser", Boolean, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("tries_left", Integer, nullable=False),
    Column("throttle_key", Digest, nullable=False),
    # The times at which wrong codes were charged, each with a comma behind it.
    Column("charges", String(255)),
)

login = Table(
    "login",
    metadata,
    Column("digest", Digest, primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    _account_id(nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    # When both factors were given last: at the login, or at a step-up.
    Column("fresh_at", BigInteger, nullable=False, server_default="0"),
    # When a person did something last, and since when nothing is served until one factor is given.
    Column("active_at", BigInteger, nullable=False, server_default="0"),
    Column("locked_at", BigInteger),
    Column("stays", Boolean),
    Column("client", String(64), nullable=False),
    Column("user_agent", String(256), nullable=False),
    Column("ended_at", BigInteger, index=True),
    # Beside no ended_at: it ends before its time, for this, at expires_at; until then its pages save.
    Column("end_reason", String(32)),
)

known_browser = Table(
    "known_browser",
    metadata,
    Column("digest", Digest, primary_key=True),
    _account_id(nullable=False, index=True),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

throttle = Table(
    "throttle",
    metadata,
    Column("digest", Digest, primary_key=True),
    # No foreign key: the counters of names without an account look just the same.
    Column("account_id", String(32), index=True),
    Column("failures", Integer, nullable=False),
    Column("next_try_at", BigInteger, nullable=False),
    Column("forget_at", BigInteger, index=True),
)

# By which the doctor, asking from outside, shows that it may be told how its request arrived.
probe = Table(
    "probe",
    metadata,
    Column("digest", Digest, primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

# What administrators tell everybody who has a page open.
notice = Table(
    "notice",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("message", Text, nullable=False),
    # The display name that the sender had: it stays when the account goes. Empty: the operator.
    Column("sender", String(64), nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("event", String(32), nullable=False),
    # No foreign key: what happened stays when the account goes.
    Column("account_id", String(32)),
    Column("account", String(64)),
    Column("actor", String(64), nullable=False),
    Column("client", String(64), nullable=False),
    Column("login", String(16)),
    Column("detail", Text, nullable=False),
)
Index("ix_event_account_id", event.c.account_id, event.c.id)
Index("ix_event_event", event.c.event, event.c.id)
