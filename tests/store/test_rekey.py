"""rekey: a new key for everything that is sealed, while others work, and cut short anywhere (R40, M08)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, insert, select, update

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.sealing import Keyring, Purpose, key_id
from jupyter_totp_auth.store import Store, StoreRefused, keyring_file, open_store
from jupyter_totp_auth.store import rekey as module
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.rekey import SEALED, drop_old, rekey
from jupyter_totp_auth.store.tables import (
    account,
    enrollment,
    instance,
    metadata,
    new_authenticator,
    totp_authenticator,
)
from tests.store.makers import AT, added, enrolled, kinds, new_id, started
from tests.store.places import mode_of

ROOT = Path(__file__).parents[2]
PEOPLE = 3


@pytest.fixture
def places(empty_url: str, tmp_path: Path) -> Places:
    return Places(empty_url, tmp_path / "totp-key" / "keyring")


@pytest.fixture
def store(places: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with a sealed value in each place that there is."""
    monkeypatch.setattr(module, "_SETTLE_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_WRITE_S", 0.01)
    monkeypatch.setattr(module, "_BATCH", 2)
    opened = open_store(places, at=AT)
    fill(opened)
    yield opened
    opened.close()


def fill(store: Store) -> None:
    for number in range(PEOPLE):
        fresh = enrolled(store, f"user{number}")
        _, code = added(store)
        started(store, code)
        with store.database.write() as connection:
            connection.execute(
                insert(new_authenticator).values(
                    id=new_id(),
                    account_id=fresh.account.id,
                    name="Tablet",
                    secret=b"",
                    expires_at=AT + 600,
                    tries_left=5,
                )
            )
    with store.database.write() as connection:
        for place in SEALED:
            key = module._key(place.column.table)
            for row, who, item in connection.execute(select(key, place.account, place.item)).all():
                sealed = store.sealer.seal(plain(item), place.purpose, account=who, item=item)
                connection.execute(
                    update(place.column.table).where(key == row).values({place.column: sealed})
                )


def plain(item: str) -> bytes:
    return f"the secret of {item}".encode()


def values(store: Store) -> list[bytes]:
    """Every sealed value, after a look that each opens in its place."""
    found: list[bytes] = []
    with store.database.read() as connection:
        for place in SEALED:
            for sealed, who, item in connection.execute(select(place.column, place.account, place.item)):
                assert store.sealer.open(sealed, place.purpose, account=who, item=item) == plain(item)
                found.append(sealed)
        own = connection.execute(select(instance.c.key_check, instance.c.mac_key)).one()
    return [*found, *own]


def ring_of(places: Places) -> Keyring:
    return Keyring.parse(places.keyring.read_text())


def test_every_column_of_bytes_is_one_that_rekey_knows() -> None:
    sealed = {
        column
        for table in metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    own = {instance.c.key_check, instance.c.mac_key}
    assert sealed == {place.column for place in SEALED} | own
    assert {place.column.table for place in SEALED} == {
        account,
        totp_authenticator,
        new_authenticator,
        enrollment,
    }


def test_everything_is_under_the_new_key_and_opens_in_the_running_process(
    store: Store, places: Places
) -> None:
    before, mac = ring_of(places), store.sealer.mac(Purpose.RECOVERY_CODE, "a", "CODE")
    done = rekey(store.database, places.keyring, at=AT, actor="operator")
    ring = ring_of(places)
    assert ring.keys.keys() == {*before.keys, ring.primary}
    assert ring.primary not in before.keys
    assert {key_id(value) for value in values(store)} == {ring.primary}
    assert (done.key, done.resumed, done.broken) == (ring.primary.hex(), False, 0)
    assert done.values == len(values(store)) - 2
    assert mode_of(places.keyring) == 0o600
    assert [entry.name for entry in places.keyring.parent.iterdir()] == ["keyring"]
    assert kinds(store)[-1] is EventKind.STORE_REKEYED
    again = open_store(places, at=AT)
    assert again.sealer.mac(Purpose.RECOVERY_CODE, "a", "CODE") == mac
    again.close()


def test_old_keys_go_when_asked_and_everything_still_opens(store: Store, places: Places) -> None:
    rekey(store.database, places.keyring, at=AT, actor="operator")
    rekey(store.database, places.keyring, at=AT, actor="operator")
    assert len(ring_of(places).keys) == 3
    assert drop_old(store.database, places.keyring, at=AT, actor="operator") == 2
    assert list(ring_of(places).keys) == [ring_of(places).primary]
    assert values(store)
    assert kinds(store)[-1] is EventKind.OLD_KEYS_DROPPED
    open_store(places, at=AT).close()
    with pytest.raises(StoreRefused, match="no old key"):
        drop_old(store.database, places.keyring, at=AT, actor="operator")


def test_old_keys_stay_while_anything_is_under_them(store: Store, places: Places) -> None:
    keyring_file.replace(places.keyring, ring_of(places).rotated())
    with pytest.raises(StoreRefused, match="rekey first"):
        drop_old(store.database, places.keyring, at=AT, actor="operator")
    old = store.accounts.by_name("user0")
    assert old is not None
    rekey(store.database, places.keyring, at=AT, actor="operator")
    with store.database.write() as connection:  # as a server does that was in the middle of it
        connection.execute(update(account).where(account.c.id == old.id).values(password=old.sealed_password))
    with pytest.raises(StoreRefused, match="under an old key: 1"):
        drop_old(store.database, places.keyring, at=AT, actor="operator")
    assert len(ring_of(places).keys) == 2


def test_what_changes_meanwhile_is_not_written_over(
    store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = store.accounts.by_name("user1")
    assert who is not None
    swap, newer = module._swap, []

    def overtaken(*arguments: object) -> None:
        if not newer:
            newer.append(store.sealer.seal(plain(who.id), Purpose.PASSWORD_HASH, account=who.id, item=who.id))
            store.accounts.replace_hash(who.id, old=who.sealed_password or b"", new=newer[0])
        swap(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_swap", overtaken)
    rekey(store.database, places.keyring, at=AT, actor="operator")
    found = store.accounts.by_id(who.id)
    assert found is not None
    assert found.sealed_password == newer[0]


def test_what_comes_late_under_the_old_key_is_sealed_anew(
    store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = store.accounts.by_name("user1")
    assert who is not None
    naps: list[float] = []

    def late(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 1:
            with store.database.write() as connection:
                connection.execute(
                    update(account).where(account.c.id == who.id).values(password=who.sealed_password)
                )

    monkeypatch.setattr(module.time, "sleep", late)
    rekey(store.database, places.keyring, at=AT, actor="operator")
    assert len(naps) == 2
    assert {key_id(value) for value in values(store)} == {ring_of(places).primary}


def test_a_server_that_never_stops_sealing_under_an_old_key_is_named(
    store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = store.accounts.by_name("user1")
    assert who is not None

    def late(_: float) -> None:
        with store.database.write() as connection:
            connection.execute(
                update(account).where(account.c.id == who.id).values(password=who.sealed_password)
            )

    monkeypatch.setattr(module.time, "sleep", late)
    with pytest.raises(StoreRefused, match="keyring file of its own"):
        rekey(store.database, places.keyring, at=AT, actor="operator")


def test_a_value_that_does_not_open_is_left_and_counted_and_keeps_the_old_keys(
    store: Store, places: Places
) -> None:
    who = store.accounts.by_name("user1")
    assert who is not None
    damaged = (who.sealed_password or b"")[:-1] + b"\0\0"
    with store.database.write() as connection:
        connection.execute(update(account).where(account.c.id == who.id).values(password=damaged))
    for _ in range(2):
        done = rekey(store.database, places.keyring, at=AT, actor="operator")
        assert (done.broken, done.resumed) == (1, False)
    assert replace(who, sealed_password=damaged) == store.accounts.by_id(who.id)
    with pytest.raises(StoreRefused, match="cannot open"):
        drop_old(store.database, places.keyring, at=AT, actor="operator")


def test_one_that_was_cut_short_goes_on_with_its_key(
    store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_finish", cut)
        with pytest.raises(KeyboardInterrupt):
            rekey(store.database, places.keyring, at=AT, actor="operator")
    ring = ring_of(places)
    leftover = places.keyring.with_name(".keyring.0123456789abcdef")
    leftover.write_text(ring.text())
    other = places.keyring.with_name(".keyring.mine")
    other.write_text("")
    done = rekey(store.database, places.keyring, at=AT, actor="operator")
    assert (done.resumed, done.key) == (True, ring.primary.hex())
    assert ring_of(places) == ring
    assert not leftover.exists()
    assert other.exists()


# -- the file ------------------------------------------------------------------------------------------


def test_a_credential_of_systemd_is_not_changed(
    store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = places.keyring.with_name(keyring_file.CREDENTIAL)
    places.keyring.rename(credential)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credential.parent))
    before = credential.read_bytes()
    with pytest.raises(StoreRefused, match=r"credential of systemd.*TotpAuth\.key_file"):
        rekey(store.database, credential, at=AT, actor="operator")
    assert credential.read_bytes() == before
    assert EventKind.STORE_REKEYED not in kinds(store)


def test_a_keyring_that_cannot_be_written_is_a_clear_refusal_and_nothing_changes(
    store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = places.keyring.read_bytes()

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(keyring_file, "_write_new", read_only)
    with pytest.raises(StoreRefused, match="cannot be changed: Read-only file system"):
        rekey(store.database, places.keyring, at=AT, actor="operator")
    assert places.keyring.read_bytes() == before
    assert {key_id(value) for value in values(store)} == {ring_of(places).primary}


def test_owner_and_mode_of_the_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "totp-key" / "keyring"
    ring = keyring_file.create(path)
    path.chmod(0o400)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    before = path.stat()
    keyring_file.replace(path, ring.rotated())
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


# -- kill -9 -------------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from jupyter_totp_auth.store import open_store, rekey
from jupyter_totp_auth.store.opening import Places
rekey._SETTLE_S, rekey._BATCH = 0.05, 1
url, keyring = sys.argv[1:]
store = open_store(Places(url, Path(keyring)), at=1_800_000_000)
print("begun", flush=True)
rekey.rekey(store.database, Path(keyring), at=1_800_000_000, actor="operator")
"""


@pytest.mark.slow
@pytest.mark.parametrize("times", [4, pytest.param(40, marks=pytest.mark.soak)])
def test_killed_at_any_instant_it_goes_on_and_everything_opens_throughout(
    store: Store, places: Places, times: int
) -> None:
    failures: list[BaseException] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            try:
                values(store)
            except BaseException as error:  # noqa: BLE001 - told below
                failures.append(error)
                return

    looking = threading.Thread(target=look)
    looking.start()
    for number in range(times):
        command = [sys.executable, "-c", CHILD, places.database_url, str(places.keyring)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"begun\n"
            time.sleep(number / times * 0.2)
            child.send_signal(signal.SIGKILL)
            child.wait(10)
    done = rekey(store.database, places.keyring, at=AT, actor="operator")
    over.set()
    looking.join()
    assert failures == []
    assert done.broken == 0
    assert {key_id(value) for value in values(store)} == {ring_of(places).primary}
    assert [entry.name for entry in places.keyring.parent.iterdir()] == ["keyring"]
    drop_old(store.database, places.keyring, at=AT, actor="operator")
    assert values(store)
