"""Access tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update

from ..core.events import Event
from ..core.model import AccessToken, Account, Refusal
from .database import Database, again_after_deadlock
from .revision import Revisions, raise_revision
from .rows import ACCOUNT_COLUMNS, to_account, write_event
from .tables import access_token, account, login


class SqlAccessTokens(Revisions):
    """Implements ``core.ports.AccessTokenStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_after_deadlock
    def add(
        self, token: AccessToken, *, epoch: int, login_id: str, most: int, event: Event
    ) -> Refusal | None:
        """Keep a new token (None), while its maker's login lives and the account is as it was."""
        with self._database.write() as connection:
            refusal = _objection(connection, token, epoch, login_id, most)
            if refusal is not None:
                connection.rollback()
                return refusal
            connection.execute(
                insert(access_token).values(
                    digest=token.digest,
                    id=token.id,
                    account_id=token.account_id,
                    name=token.name,
                    scopes=" ".join(token.scopes),
                    created_at=token.created_at,
                    expires_at=token.expires_at,
                    last_used_at=token.last_used_at,
                    last_used_from=token.last_used_from,
                    path_prefix=token.path_prefix,
                )
            )
            write_event(connection, event)
        return None

    def find_many(self, digests: Iterable[bytes], *, at: int) -> dict[bytes, tuple[AccessToken, Account]]:
        """Those of the tokens that are alive, with their usable accounts."""
        query = (
            select(access_token, *ACCOUNT_COLUMNS)
            .join(account, account.c.id == access_token.c.account_id)
            .where(
                access_token.c.digest.in_(list(digests)),
                access_token.c.expires_at > at,
                account.c.disabled.is_(False),
                or_(account.c.expires_at.is_(None), account.c.expires_at > at),
            )
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {row._mapping[access_token.c.digest]: (_to_token(row), to_account(row)) for row in rows}

    def of_account(self, account_id: str, *, at: int) -> list[AccessToken]:
        """An account's live tokens, newest first."""
        query = (
            select(access_token)
            .where(access_token.c.account_id == account_id, access_token.c.expires_at > at)
            .order_by(access_token.c.created_at.desc(), access_token.c.id)
        )
        with self._database.read() as connection:
            return [_to_token(row) for row in connection.execute(query)]

    @again_after_deadlock
    def revoke(self, account_id: str, token_id: str, event: Event) -> bool:
        """End one token of the account; False where there is none alive of that id."""
        with self._database.write() as connection:
            raise_revision(connection, account_id)
            ended = connection.execute(
                delete(access_token).where(
                    access_token.c.account_id == account_id,
                    access_token.c.id == token_id,
                    access_token.c.expires_at > event.at,
                )
            )
            if ended.rowcount != 1:
                connection.rollback()
                return False
            write_event(connection, event)
        return True

    @again_after_deadlock
    def touch(self, seen: dict[bytes, tuple[int, str]]) -> None:
        """Write when tokens were last used, and from which address, in one batch."""
        if not seen:
            return
        same = access_token.c.digest == bindparam("seen")
        # Sorted: two processes that lock the same rows in different orders wait for each other.
        rows = [{"seen": digest, "at": at, "client": client} for digest, (at, client) in sorted(seen.items())]
        used: dict[str, Any] = {"last_used_at": bindparam("at"), "last_used_from": bindparam("client")}
        with self._database.write() as connection:
            connection.execute(update(access_token).where(same).values(**used), rows)


def _objection(
    connection: Connection, token: AccessToken, epoch: int, login_id: str, most: int
) -> Refusal | None:
    """Why not. Updates, not selects, so that the rows are locked: whatever ends them goes before or after.

    The account's lock also makes the count one that holds.
    """
    at = token.created_at
    same_account = update(account).where(
        account.c.id == token.account_id,
        account.c.epoch == epoch,
        account.c.disabled.is_(False),
        or_(account.c.expires_at.is_(None), account.c.expires_at > at),
    )
    if connection.execute(same_account.values(epoch=account.c.epoch)).rowcount != 1:
        return Refusal.UNKNOWN
    live_login = update(login).where(
        login.c.id == login_id,
        login.c.account_id == token.account_id,
        login.c.ended_at.is_(None),
        login.c.end_reason.is_(None),  # in its grace it makes no token, with which it would go on
        login.c.expires_at > at,
    )
    if connection.execute(live_login.values(expires_at=login.c.expires_at)).rowcount != 1:
        return Refusal.UNKNOWN
    live = select(func.count()).where(
        access_token.c.account_id == token.account_id, access_token.c.expires_at > at
    )
    return Refusal.TOO_MANY if connection.execute(live).scalar_one() >= most else None


def _to_token(row: Row[Any]) -> AccessToken:
    mapping = row._mapping
    return AccessToken(
        digest=mapping[access_token.c.digest],
        id=mapping[access_token.c.id],
        account_id=mapping[access_token.c.account_id],
        name=mapping[access_token.c.name],
        scopes=tuple(mapping[access_token.c.scopes].split()),
        created_at=mapping[access_token.c.created_at],
        expires_at=mapping[access_token.c.expires_at],
        last_used_at=mapping[access_token.c.last_used_at],
        last_used_from=mapping[access_token.c.last_used_from] or "",
        path_prefix=mapping[access_token.c.path_prefix] or "",
    )
