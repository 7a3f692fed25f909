"""export and import: from each database to each, everything or nothing, and nothing spent lives again."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.sealing import Keyring, Purpose
from jupyter_totp_auth.store import Store, StoreRefused, StoreUnavailable, keyring_file, open_store
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.tables import access_token, instance, metadata
from jupyter_totp_auth.store.transfer import _TABLES, export, import_
from tests.store.conftest import DATABASES
from tests.store.makers import (
    AT,
    added,
    digest,
    enrolled,
    event,
    grant,
    logged_in,
    pended,
    session_of,
)
from tests.store.places import mode_of

LATER = AT + 3600


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "totp.jsonl"


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "totp-key" / "keyring"


@pytest.fixture
def source(empty_url: str, keyring: Path) -> Places:
    """A filled store in each database."""
    places = Places(empty_url, keyring)
    with_store(places, fill)
    return places


@pytest.fixture
def target(tmp_path: Path, keyring: Path) -> Places:
    return Places(f"sqlite:///{tmp_path}/other/totp.sqlite3", keyring)


def with_store(places: Places, act: Callable[[Store], Any]) -> Any:
    store = open_store(places, at=LATER)
    try:
        return act(store)
    finally:
        store.close()


def fill(store: Store) -> None:
    ada = enrolled(store, "ada", display_name="Ada ✓ \u2028 Lovelace")
    login = logged_in(store, ada)
    assert grant(store, pended(store, ada.account), ada.recovery_code(), session_of(ada.account))
    added(store, "invited", sealed_password=None, expires_at=LATER + 10)
    store.events.add(event(EventKind.SEAL_BROKEN, account="ada", detail='"\n\x1b'))
    with store.database.write() as connection:
        connection.execute(
            insert(access_token).values(
                digest=digest(),
                id="0" * 16,
                account_id=ada.account.id,
                name="VS Code",
                scopes="all",
                created_at=AT,
                expires_at=AT + 10**6,
            )
        )
    assert store.logins.find(login.digest, at=AT) is not None


def exported(places: Places, file: Path) -> None:
    with_store(places, lambda store: export(store.database, file))


def rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    with store.database.read() as connection:
        return {
            table.name: [
                dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in metadata.sorted_tables
        }


@pytest.mark.parametrize("to", DATABASES)
def test_everything_arrives_in_each_database_and_what_was_open_has_ended(
    source: Places, to: str, tmp_path: Path, file: Path, keyring: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/other/totp.sqlite3"
    if to != "sqlite":
        url = request.getfixturevalue(to).create_database()
    target = Places(url, keyring)
    exported(source, file)
    assert mode_of(file) == 0o600
    assert import_(target, file, at=LATER, actor="operator") == 2
    before, after = with_store(source, rows), with_store(target, rows)
    for table in ("pending_login", "login", "known_browser", "access_token", "enrollment_code", "enrollment"):
        assert after[table] == [], table
    for one in before["account"]:
        one["epoch"] += 1
    for one in before["totp_authenticator"]:
        one["last_step"] = max(one["last_step"], LATER // 30)
    for table in ("account", "totp_authenticator", "recovery_code", "throttle"):
        assert after[table] == before[table], table
    (own,), (was,) = after["instance"], before["instance"]
    assert own["revision"] > was["revision"] + 1000
    assert {**own, "revision": 0} == {**was, "revision": 0}
    strip = [{**one, "id": 0} for one in before["event"]]
    assert [{**one, "id": 0} for one in after["event"]][: len(strip)] == strip
    assert after["event"][-1]["event"] == "store-imported"
    with_store(target, lambda store: store.events.add(event()))  # the numbers go on behind the imported ones


def test_the_digests_root_goes_along(source: Places, target: Places, file: Path) -> None:
    def mac(store: Store) -> bytes:
        return store.sealer.mac(Purpose.RECOVERY_CODE, "a", "CODE")

    exported(source, file)
    import_(target, file, at=LATER, actor="operator")
    assert with_store(source, mac) == with_store(target, mac)


def test_a_fresh_store_takes_it_and_a_server_on_it_notices(
    source: Places, target: Places, file: Path
) -> None:
    exported(source, file)
    fresh = open_store(target, at=AT, new=True)
    fresh.logins.revision()
    import_(target, file, at=LATER, actor="operator")
    with pytest.raises(StoreUnavailable, match="another store"):
        fresh.logins.revision()
    fresh.close()


def test_a_store_with_accounts_is_left_alone(source: Places, file: Path) -> None:
    exported(source, file)
    before = with_store(source, rows)
    with pytest.raises(StoreRefused, match="accounts already"):
        import_(source, file, at=LATER, actor="operator")
    assert with_store(source, rows) == before


def test_another_keyring_or_none_refuses_before_anything_is_made(
    source: Places, target: Places, file: Path, keyring: Path
) -> None:
    exported(source, file)
    keyring_file.replace(keyring, Keyring.generate())
    with pytest.raises(StoreRefused, match="does not fit"):
        import_(target, file, at=LATER, actor="operator")
    keyring.unlink()
    with pytest.raises(StoreRefused, match="is missing"):
        import_(target, file, at=LATER, actor="operator")
    assert not keyring.exists()
    assert not (file.parent / "other").exists()


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


DAMAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "no JSON": lambda text: "x" + text,
    "another format": lambda text: changed(text, "jupyter-totp-auth export", "something"),
    "another version": lambda text: changed(text, '"version": 1', '"version": 2'),
    "cut off": lambda text: text[: len(text) // 2],
    "a line less": lambda text: (
        "".join(text.splitlines(keepends=True)[:-2]) + text.splitlines(keepends=True)[-1]
    ),
    "no end": lambda text: "".join(text.splitlines(keepends=True)[:-1]),
    "altered": lambda text: changed(text, '"ada"', '"eve"'),
    "another table": lambda text: changed(text, '"table": "account"', '"table": "login"'),
    "a column more": lambda text: changed(text, '"row": {', '"row": {"more": 1, '),
    "a text for a number": lambda text: changed(text, '"epoch": ', '"epoch": "1", "was": '),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_refuses_before_anything_is_made(
    tmp_path: Path, keyring: Path, target: Places, file: Path, how: str
) -> None:
    places = Places(f"sqlite:///{tmp_path}/totp/totp.sqlite3", keyring)
    with_store(places, fill)
    exported(places, file)
    file.write_text(DAMAGE[how](file.read_text()))
    with pytest.raises(StoreRefused, match="damaged, or no export"):
        import_(target, file, at=LATER, actor="operator")
    assert not (tmp_path / "other").exists()


def test_another_schema_is_named(tmp_path: Path, keyring: Path, target: Places, file: Path) -> None:
    places = Places(f"sqlite:///{tmp_path}/totp/totp.sqlite3", keyring)
    with_store(places, fill)
    exported(places, file)
    file.write_text(changed(file.read_text(), '"schema": "', '"schema": "9'))
    with pytest.raises(StoreRefused, match="with the same version"):
        import_(target, file, at=LATER, actor="operator")


def test_an_import_that_fails_half_way_leaves_no_account(
    source: Places, target: Places, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_totp_auth.store import transfer

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    exported(source, file)
    monkeypatch.setattr(transfer, "void_the_past", fail)
    with pytest.raises(KeyboardInterrupt):
        import_(target, file, at=LATER, actor="operator")
    monkeypatch.undo()
    found = with_store(target, rows)
    assert [name for name, held in found.items() if held] == ["instance"]
    assert import_(target, file, at=LATER, actor="operator") == 2


def test_no_file_is_replaced_and_none_is_left_half_written(
    source: Places, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_totp_auth.store import transfer

    file.write_text("precious")
    with pytest.raises(StoreRefused, match="exists already"):
        exported(source, file)
    assert file.read_text() == "precious"
    file.unlink()

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(transfer, "_write", fail)
    with pytest.raises(KeyboardInterrupt):
        exported(source, file)
    assert not file.exists()


def test_every_table_is_exported_or_ended_by_an_import() -> None:
    short_lived = {
        "access_token",
        "account_change",
        "enrollment",
        "enrollment_code",
        "known_browser",
        "login",
        "new_authenticator",
        "notice",
        "pending_login",
        "probe",
    }
    assert metadata.tables.keys() == {table.name for table in _TABLES} | short_lived | {instance.name}


def test_nothing_plain_is_in_the_file(source: Places, file: Path) -> None:
    exported(source, file)
    text, ring = file.read_text(), Keyring.parse(source.keyring.read_text())
    root = with_store(source, lambda store: store.sealer._mac_root)
    for secret in (*ring.keys.values(), root):
        assert secret.hex() not in text
        assert base64.b64encode(secret).decode() not in text
