"""One-time probes: used once, over after a minute, made without a keyring, and never in a strange store."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.store import Store, StoreRefused, open_store
from jupyter_totp_auth.store.issuing import LIFETIME, probes
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.tables import probe
from tests.store.makers import AT, digest
from tests.store.test_schema import execute


def kept(store: Store) -> int:
    with store.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(probe)).scalar_one())


def test_it_is_used_once(sql: Store) -> None:
    sought = digest()
    sql.probes.add(sought, at=AT, expires_at=AT + LIFETIME)
    assert not sql.probes.claim(digest(), at=AT)
    assert sql.probes.claim(sought, at=AT)
    assert not sql.probes.claim(sought, at=AT)
    assert kept(sql) == 0


def test_it_ends_to_the_second_and_the_next_one_takes_it_away(sql: Store) -> None:
    over, good = digest(), digest()
    sql.probes.add(over, at=AT, expires_at=AT + LIFETIME)
    assert not sql.probes.claim(over, at=AT + LIFETIME)
    sql.probes.add(good, at=AT + LIFETIME, expires_at=AT + 2 * LIFETIME)
    assert kept(sql) == 1
    assert sql.probes.claim(good, at=AT + 2 * LIFETIME - 1)


@pytest.fixture
def places(empty_url: str, tmp_path: Path) -> Places:
    places = Places(empty_url, tmp_path / "totp-key" / "keyring")
    open_store(places, at=AT).close()
    return places


def test_it_is_made_with_no_keyring(places: Places) -> None:
    keyring = places.keyring.read_bytes()
    places.keyring.unlink()
    with probes(places) as issue:
        text = issue(AT)
    assert not places.keyring.exists()
    places.keyring.write_bytes(keyring)
    places.keyring.chmod(0o600)
    store = open_store(places, at=AT)
    sought = bearer.digest(Kind.PROBE, text)
    assert sought is not None
    assert store.probes.claim(sought, at=AT + LIFETIME - 1)
    store.close()


def test_none_is_made_in_a_store_of_another_version(places: Places) -> None:
    execute(places.database_url, "UPDATE alembic_version SET version_num = '0002'")
    with pytest.raises(StoreRefused, match="0002"), probes(places):
        pass


def test_no_store_is_made_for_one(tmp_path: Path) -> None:
    path = tmp_path / "totp.sqlite3"
    with (
        pytest.raises(StoreRefused, match="there is no file"),
        probes(Places(f"sqlite:///{path}", tmp_path / "keyring")),
    ):
        pass
    assert not path.exists()
