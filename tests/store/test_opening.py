"""Which halves of the store are there at a start, and what that means: ``store.opening``, row by row."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, func, select, text, update

from jupyter_totp_auth.core.sealing import Keyring, Purpose, Sealer, key_id
from jupyter_totp_auth.store import Store, StoreRefused, StoreUnavailable, files, keyring_file, open_store
from jupyter_totp_auth.store.opening import Places
from jupyter_totp_auth.store.tables import instance
from tests.harness.backstage import wait_until
from tests.store import acts
from tests.store.crowd import Processes
from tests.store.makers import AT, added, enrolled
from tests.store.places import mode_of, permissions_of

# -- the table -----------------------------------------------------------------------------------------


@pytest.fixture
def places(empty_url: str, tmp_path: Path) -> Places:
    """Where nothing has been made yet, on each of the three databases."""
    return Places(empty_url, tmp_path / "totp-key" / "keyring")


@contextmanager
def opened(places: Places, *, new: bool = False) -> Iterator[Store]:
    store = open_store(places, at=AT, new=new)
    try:
        yield store
    finally:
        store.close()


def refusal(places: Places, *, new: bool = False) -> str:
    """What a person reads where the store may not be opened."""
    with pytest.raises(StoreRefused) as caught:
        open_store(places, at=AT, new=new)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sealed_by(store: Store) -> bytes:
    return store.sealer.seal(b"secret", Purpose.TOTP_SECRET, account="a", item="b")


def test_a_first_start_makes_both_halves_and_the_next_finds_them(places: Places) -> None:
    with opened(places) as store:
        assert store.found_schema is None
        sealed = sealed_by(store)
        ada = enrolled(store, "ada")
    keyring = places.keyring.read_bytes()
    with opened(places) as store:
        assert store.found_schema is not None
        assert store.sealer.open(sealed, Purpose.TOTP_SECRET, account="a", item="b") == b"secret"
        assert store.accounts.by_name("ada") == ada.account
    assert places.keyring.read_bytes() == keyring


def test_a_keyring_without_a_database_refuses(places: Places) -> None:
    places.keyring.parent.mkdir(mode=0o700)
    places.keyring.write_text(Keyring.generate().text())
    places.keyring.chmod(0o600)
    before = places.keyring.read_bytes()
    assert "init --new-store" in refusal(places)
    assert "init --new-store" in refusal(places)  # the first refusal made nothing that the second could find
    assert places.keyring.read_bytes() == before
    with opened(places, new=True) as store:
        added(store, "ada")
    assert places.keyring.read_bytes() == before
    with opened(places) as store:
        assert store.accounts.by_name("ada") is not None


def test_a_new_store_is_not_made_over_an_old_one(places: Places) -> None:
    with opened(places) as store:
        added(store, "ada")
    assert "move it away" in refusal(places, new=True)
    with opened(places) as store:
        assert store.accounts.by_name("ada") is not None


def unsealed(places: Places) -> None:
    """A store as a start leaves it that was cut short before the key check was written."""
    with opened(places) as store, store.database.write() as connection:
        connection.execute(update(instance).values(key_check=None))


def test_a_start_cut_short_before_the_keyring_goes_on(places: Places) -> None:
    unsealed(places)
    places.keyring.unlink()
    with opened(places) as store:
        sealed = sealed_by(store)
    with opened(places) as store:
        assert store.sealer.open(sealed, Purpose.TOTP_SECRET, account="a", item="b") == b"secret"


def test_a_start_cut_short_after_the_keyring_goes_on_with_it(places: Places) -> None:
    unsealed(places)
    before = places.keyring.read_bytes()
    with opened(places):
        assert places.keyring.read_bytes() == before
    places.keyring.unlink()
    assert "is missing" in refusal(places)  # the seal was written


def test_a_lost_keyring_refuses_and_no_new_one_is_made(places: Places) -> None:
    with opened(places):
        pass
    places.keyring.unlink()
    for _ in range(2):
        message = refusal(places)
        assert "is missing" in message
        assert str(places.keyring) in message
        assert not places.keyring.exists()


def test_a_keyring_of_another_store_refuses(places: Places, tmp_path: Path) -> None:
    with opened(places):
        pass
    places.keyring.write_text(Keyring.generate().text())
    assert "does not fit" in refusal(places)


def test_a_store_of_another_installation_refuses_our_keyring(places: Places) -> None:
    with opened(places) as store, store.database.write() as connection:
        connection.execute(update(instance).values(instance_id=secrets.token_hex(16)))
    assert "does not fit" in refusal(places)


def test_an_added_key_does_not_shut_the_store(places: Places) -> None:
    with opened(places) as store:
        sealed = sealed_by(store)
    ring, other = Keyring.parse(places.keyring.read_text()), Keyring.generate()
    rotated = Keyring(other.primary, {**ring.keys, **other.keys})
    places.keyring.write_text(rotated.text())
    with opened(places) as store:
        assert store.sealer.open(sealed, Purpose.TOTP_SECRET, account="a", item="b") == b"secret"


def test_the_root_of_digests_is_random_in_a_new_store_and_outlives_a_new_primary(places: Places) -> None:
    with opened(places) as store:
        mac = store.sealer.mac(Purpose.RECOVERY_CODE, "a", "CODE")
    ring = Keyring.parse(places.keyring.read_text())
    assert mac != Sealer(lambda: ring, "", mac_root=ring.keys[ring.primary]).mac(
        Purpose.RECOVERY_CODE, "a", "CODE"
    )
    keyring_file.replace(places.keyring, ring.rotated())
    with opened(places) as store:
        assert store.sealer.mac(Purpose.RECOVERY_CODE, "a", "CODE") == mac


def test_a_store_of_the_first_schema_takes_its_first_key_as_the_root(places: Places) -> None:
    with opened(places) as store, store.database.write() as connection:
        connection.execute(update(instance).values(mac_key=None))
    first = Keyring.parse(places.keyring.read_text())
    keyring_file.replace(places.keyring, Keyring.generate())
    assert "does not fit" in refusal(places)  # and no root is made of another store's key
    keyring_file.replace(places.keyring, first.rotated())  # the key check tells which one was the first
    then = Sealer(lambda: first, "", mac_root=first.keys[first.primary])
    for _ in range(2):
        with opened(places) as store:
            assert store.sealer.mac(Purpose.THROTTLE, "ada") == then.mac(Purpose.THROTTLE, "ada")


def test_a_root_that_was_moved_or_altered_refuses(places: Places) -> None:
    with opened(places) as store, store.database.write() as connection:
        connection.execute(update(instance).values(mac_key=instance.c.key_check))
    assert "does not fit" in refusal(places)


def test_a_running_process_sees_a_keyring_that_was_replaced_and_survives_one_that_is_gone(
    places: Places,
) -> None:
    with opened(places) as store:
        before = sealed_by(store)
        fresh = Keyring.parse(places.keyring.read_text()).rotated()
        keyring_file.replace(places.keyring, fresh)
        after = sealed_by(store)
        assert (key_id(before) in fresh.keys, key_id(after)) == (True, fresh.primary)
        text = places.keyring.read_text()
        places.keyring.unlink()
        assert key_id(sealed_by(store)) == fresh.primary
        places.keyring.write_text(text)  # readable by all, perhaps
        places.keyring.chmod(0o644)
        for sealed in (before, after):
            assert store.sealer.open(sealed, Purpose.TOTP_SECRET, account="a", item="b") == b"secret"


@pytest.mark.slow
def test_four_first_starts_at_once_all_come_to_one_store(
    request: pytest.FixtureRequest, processes: Processes, tmp_path: Path
) -> None:
    for kind in ("sqlite", "postgresql", "mariadb"):
        for number in range(3):
            folder = tmp_path / f"{kind}{number}"
            if kind == "sqlite":
                url = f"sqlite:///{folder}/totp/totp.sqlite3"
            else:
                url = request.getfixturevalue(kind).create_database()
            keyring = folder / "totp-key" / "keyring"
            found = processes.at(None).at_once([(acts.open_once, (url, keyring))] * 4)
            assert len(set(found)) == 1, found
            assert len(found[0]) == 32, found
            assert sorted(entry.name for entry in keyring.parent.iterdir()) == ["keyring"]
            with opened(Places(url, keyring)) as store, store.database.read() as connection:
                assert connection.execute(select(func.count()).select_from(instance)).scalar_one() == 1


# -- SQLite's file -------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Places:
    """A SQLite store that somebody uses."""
    places = Places(f"sqlite:///{tmp_path}/totp/totp.sqlite3", tmp_path / "totp-key" / "keyring")
    with opened(places) as store:
        for number in range(30):
            enrolled(store, f"user{number}")
    return places


def path_of(places: Places) -> Path:
    return Path(places.database_url.removeprefix("sqlite:///"))


def test_every_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    places = Places(f"sqlite:///{tmp_path}/a/b/totp.sqlite3", tmp_path / "c" / "d" / "keyring")
    before = os.umask(0)
    try:
        with opened(places) as store:
            added(store)
            made = permissions_of(tmp_path)
    finally:
        os.umask(before)
    assert made == {
        "a": 0o700,
        "a/b": 0o700,
        "a/b/totp.sqlite3": 0o600,
        "a/b/totp.sqlite3-shm": 0o600,
        "a/b/totp.sqlite3-wal": 0o600,
        "a/b/totp.sqlite3.lock": 0o600,
        "c": 0o700,
        "c/d": 0o700,
        "c/d/keyring": 0o600,
    }


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_reach_refuses(file: Places, mode: int) -> None:
    path_of(file).chmod(mode)
    assert f"chmod 600 {path_of(file)}" in refusal(file)


@pytest.mark.parametrize("mode", [0o777, 0o707])
def test_a_file_in_a_folder_that_everybody_may_write_in_refuses(file: Places, mode: int) -> None:
    path_of(file).parent.chmod(mode)
    assert f"chmod 700 {path_of(file).parent}" in refusal(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_a_file_or_folder_of_another_user_refuses(file: Places, folder: bool) -> None:
    os.chown(path_of(file).parent if folder else path_of(file), 65534, 65534)
    assert "another user" in refusal(file)


def test_a_link_is_as_safe_as_what_it_leads_to(file: Places, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite3"
    link.symlink_to(path_of(file))
    linked = Places(f"sqlite:///{link}", file.keyring)
    with opened(linked) as store:
        assert len(store.accounts.all()) == 30
    path_of(file).parent.chmod(0o777)
    assert f"chmod 700 {path_of(file).parent}" in refusal(linked)


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:40 / /home rw,relatime shared:7 master:2 - {kind} server:/export rw,vers=4.2
41 22 0:41 / /home/with\\040blank/deep rw - {kind} x rw
42 22 0:42 / /home/local rw - {kind} x rw
43 42 8:3 / /home/local rw - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"])
def test_a_network_filesystem_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(kind=kind))
    monkeypatch.setattr(files, "_MOUNTS", mounts)
    for there in ("/home/ada/totp/totp.sqlite3", "/home/with blank/deep/x.sqlite3"):
        message = refusal(Places(f"sqlite:///{there}", tmp_path / "keyring"))
        assert f"network filesystem ({kind})" in message
        assert "PostgreSQL" in message
        assert not Path(there).exists()
    for here in ("/var/lib/totp.sqlite3", "/homework/totp.sqlite3", "/home/local/totp.sqlite3"):
        files.insist_on_local_disk(Path(here))


@pytest.mark.parametrize("kind", ["ext4", "overlay", "btrfs", "tmpfs", "fuse.gocryptfs", "9p", "zfs"])
def test_a_local_filesystem_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(kind=kind))
    monkeypatch.setattr(files, "_MOUNTS", mounts)
    files.insist_on_local_disk(Path("/home/ada/totp.sqlite3"))
    monkeypatch.setattr(files, "_MOUNTS", tmp_path / "nothing")  # no Linux
    files.insist_on_local_disk(Path("/home/ada/totp.sqlite3"))


@pytest.mark.parametrize("rubbish", [b"\0" * 4096, os.urandom(4096)], ids=["zeros", "noise"])
def test_a_damaged_file_refuses_wherever_the_damage_is(file: Places, rubbish: bytes) -> None:
    path = path_of(file)
    sound = path.read_bytes()
    assert len(sound) > 20 * 4096
    for page in range(len(sound) // 4096):
        path.write_bytes(sound[: page * 4096] + rubbish + sound[(page + 1) * 4096 :])
        message = refusal(file)
        assert "damaged" in message, page
        assert "restore" in message
    path.write_bytes(sound)
    with opened(file) as store:
        assert len(store.accounts.all()) == 30


def test_a_file_cut_off_refuses(file: Places) -> None:
    path = path_of(file)
    path.write_bytes(path.read_bytes()[:50_000])
    assert "damaged" in refusal(file)


def test_what_is_no_database_refuses(file: Places) -> None:
    path_of(file).write_bytes(b"a letter to grandmother" * 1000)
    assert "damaged" in refusal(file)


def test_an_emptied_file_is_a_lost_store(file: Places) -> None:
    path_of(file).write_bytes(b"")
    assert "lost" in refusal(file)


def test_a_folder_in_the_place_of_the_file_refuses(tmp_path: Path) -> None:
    (tmp_path / "totp").mkdir(mode=0o700)
    assert "no file" in refusal(Places(f"sqlite:///{tmp_path}/totp", tmp_path / "keyring"))


def test_a_link_that_leads_nowhere_refuses_and_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "totp.sqlite3").symlink_to(tmp_path / "elsewhere.sqlite3")
    refusal(Places(f"sqlite:///{tmp_path}/totp.sqlite3", tmp_path / "keyring"))
    assert not (tmp_path / "elsewhere.sqlite3").exists()


def test_a_file_where_a_folder_should_be_is_one_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refusal(Places(f"sqlite:///{tmp_path}/file/totp.sqlite3", tmp_path / "keyring"))
    assert str(tmp_path / "file" / "totp.sqlite3") in message
    message = refusal(Places(f"sqlite:///{tmp_path}/totp.sqlite3", tmp_path / "file" / "keyring"))
    assert str(tmp_path / "file" / "keyring") in message


@pytest.mark.parametrize("name", ["a b#c%41é.sqlite3", "%2e%2e.sqlite3", "a;b&c=d.sqlite3"])
def test_the_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    url = URL.create("sqlite", database=str(tmp_path / name)).render_as_string()
    places = Places(url, tmp_path / "keyring")
    with opened(places) as store:
        added(store, "ada")
    assert mode_of(tmp_path / name) == 0o600
    with opened(places) as store:
        assert store.accounts.by_name("ada") is not None


def test_a_file_named_from_the_working_folder_stays_the_same_when_that_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with opened(Places("sqlite:///here.sqlite3", tmp_path / "keyring")) as store:
        added(store, "ada")
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        store.database.engine.dispose()
        assert store.accounts.by_name("ada") is not None


# -- as a plain user -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nobody() -> Iterator[Processes]:
    """A process without root's rights, and a folder in which it may read what the tests make."""
    from tests.services.process import folder

    crowd = Processes(1).at(None)
    with folder("totp-warm-") as warm:
        crowd.at_once([(acts.become_nobody, (warm,))])
    yield crowd
    crowd.close()


@pytest.fixture
def shared() -> Iterator[Path]:
    from tests.services.process import Account, folder

    account = Account(65534, 65534) if os.geteuid() == 0 else Account()
    with folder("totp-shared-", account) as path:
        yield path


def as_nobody(nobody: Processes, places: Places) -> str:
    (answer,) = nobody.at_once([(acts.open_once, (places.database_url, places.keyring))])
    assert isinstance(answer, str)
    return answer


def test_a_folder_that_cannot_be_written_is_one_clear_refusal(nobody: Processes, shared: Path) -> None:
    places = Places(f"sqlite:///{shared}/totp/totp.sqlite3", shared / "key" / "keyring")
    shared.chmod(0o500)
    assert as_nobody(nobody, places) == (
        f"refused: The account store {shared}/totp/totp.sqlite3 cannot be made: Permission denied."
    )
    shared.chmod(0o700)
    assert len(as_nobody(nobody, places)) == 32
    assert len(as_nobody(nobody, places)) == 32


def test_a_keyring_whose_folder_cannot_be_written_is_one_clear_refusal(
    nobody: Processes, shared: Path
) -> None:
    (shared / "key").mkdir()
    if os.geteuid() == 0:
        os.chown(shared / "key", 0, 0)
    (shared / "key").chmod(0o555)
    places = Places(f"sqlite:///{shared}/totp/totp.sqlite3", shared / "key" / "keyring")
    assert as_nobody(nobody, places) == (
        f"refused: The keyring {shared}/key/keyring cannot be made: Permission denied."
    )


def test_a_file_that_can_only_be_read_refuses(nobody: Processes, shared: Path) -> None:
    places = Places(f"sqlite:///{shared}/totp.sqlite3", shared / "keyring")
    as_nobody(nobody, places)
    (shared / "totp.sqlite3").chmod(0o400)
    assert "read and write" in as_nobody(nobody, places)


def test_a_keyring_that_cannot_be_read_refuses(nobody: Processes, shared: Path) -> None:
    places = Places(f"sqlite:///{shared}/totp.sqlite3", shared / "keyring")
    as_nobody(nobody, places)
    (shared / "keyring").chmod(0o000)
    assert as_nobody(nobody, places) == (
        f"refused: The keyring {shared}/keyring cannot be read: Permission denied."
    )


# -- servers -------------------------------------------------------------------------------------------


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(20)
        yield int(listening.getsockname()[1])


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_server_that_is_not_there_refuses_without_its_password(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("psycopg" if kind == "postgresql" else "pymysql")
    places = Places(f"{kind}://totp:hunter2@127.0.0.1:{closed_port()}/totp", tmp_path / "keyring")
    message = refusal(places)
    assert "hunter2" not in message
    assert "TotpAuth.database_url" in message
    assert not places.keyring.exists()


def test_a_server_that_does_not_answer_refuses_within_seconds(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    pytest.importorskip("pymysql")
    took: dict[str, float] = {}

    def start(kind: str, port: int) -> None:
        begun = time.monotonic()
        try:
            open_store(Places(f"{kind}://totp:hunter2@127.0.0.1:{port}/totp", tmp_path / kind), at=AT)
        except StoreRefused as refused:
            if "hunter2" not in str(refused):
                took[kind] = time.monotonic() - begun

    with silent_server() as port:
        threads = [threading.Thread(target=start, args=(kind, port)) for kind in ("postgresql", "mariadb")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert took.keys() == {"postgresql", "mariadb"}
    assert max(took.values()) < 7


@pytest.mark.parametrize(("kind", "module"), [("postgresql", "psycopg"), ("mariadb", "pymysql")])
def test_a_driver_that_is_not_installed_is_named_by_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    places = Places(f"{kind}://totp:hunter2@127.0.0.1/totp", tmp_path / "keyring")
    message = refusal(places)
    assert f"pip install 'jupyter-totp-auth[{kind}]'" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not a database URL"),
        ("totp.sqlite3", "not a database URL"),
        ("oracle://scott:hunter2@db/orcl", "oracle"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite+aiosqlite:////tmp/x.sqlite3", "write sqlite://"),
        ("postgresql+asyncpg://totp:hunter2@db/totp", "write postgresql://"),
        ("mysql+mysqldb://totp:hunter2@db/totp", "write mysql://"),
    ],
)
def test_what_cannot_be_a_store_is_said_in_a_sentence(tmp_path: Path, url: str, says: str) -> None:
    message = refusal(Places(url, tmp_path / "keyring"))
    assert says in message
    assert "hunter2" not in message


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_may_be_named_in_each_of_its_ways(
    postgresql_url: str, tmp_path: Path, scheme: str
) -> None:
    rest = postgresql_url.partition("://")[2]
    with opened(Places(f"{scheme}://{rest}", tmp_path / "keyring")) as store:
        added(store)


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_mariadb_may_be_named_in_each_of_its_ways(mariadb_url: str, tmp_path: Path, scheme: str) -> None:
    rest = mariadb_url.partition("://")[2]
    with opened(Places(f"{scheme}://{rest}", tmp_path / "keyring")) as store:
        added(store, "ada")
        assert store.accounts.by_name("Ada") is None  # whatever the scheme, the names are our own


def test_a_refused_start_leaves_no_connection_behind(postgresql_url: str, tmp_path: Path) -> None:
    places = Places(postgresql_url, tmp_path / "keyring")
    with opened(places) as store:
        places.keyring.unlink()
        for _ in range(3):
            refusal(places)
        query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")

        def are_gone() -> bool:
            with store.database.read() as connection:
                return bool(connection.execute(query).scalar_one() <= len_of_pool(store))

        # A closed connection's process at the server ends in its own time.
        wait_until(are_gone, 5, "the end of the others' connections")


def len_of_pool(store: Store) -> int:
    return int(store.database.engine.pool.checkedin()) + 1  # type: ignore[attr-defined]


def test_a_database_that_is_damaged_under_a_running_server_grants_nothing(file: Places) -> None:
    with opened(file) as store:
        path = path_of(file)
        store.database.engine.dispose()
        size = path.stat().st_size
        with path.open("r+b") as raw:
            raw.seek(4096)
            raw.write(os.urandom(size - 4096))
        with pytest.raises(StoreUnavailable):
            store.accounts.all()
        with pytest.raises(StoreUnavailable):
            enrolled(store, "late")
