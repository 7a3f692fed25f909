"""Faults of files: real modes, real places."""

from __future__ import annotations

import os
import pwd
import shutil
import site
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_totp_auth.doctor import files
from tests.cli.desk import Desk
from tests.doctor.looking import alone, green, not_root, red, yellow


@pytest.fixture
def store(desk: Desk) -> Desk:
    """With a store and its keyring."""
    desk.do("init")
    return desk


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_modes_of_keyring_and_store(store: Desk, mode: int) -> None:
    store.keyring.chmod(mode)
    red(store, "keyring-mode", str(store.keyring))
    store.keyring.chmod(0o400)
    green(store, "keyring-mode")
    store.database.chmod(mode)
    red(store, "store-mode", str(store.database))
    store.database.chmod(0o600)
    green(store, "store-mode")
    wal = store.database.with_name("totp.sqlite3-wal")
    wal.touch(mode)
    wal.chmod(mode)
    red(store, "store-mode", str(wal))


def test_folders_of_keyring_and_store(store: Desk) -> None:
    green(store, "keyring-folder")
    store.keyring.parent.chmod(0o777)
    red(store, "keyring-folder", str(store.keyring.parent))
    green(store, "store-folder")
    store.database.parent.chmod(0o777)
    red(store, "store-folder", str(store.database.parent))


def test_a_keyring_that_is_a_link(store: Desk) -> None:
    store.keyring.rename(store.home / "elsewhere")
    store.keyring.symlink_to(store.home / "elsewhere")
    red(store, "keyring-mode", "symbolic link")


def test_a_credential_of_systemd_has_its_own_modes(store: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store.home / "credentials"
    folder.mkdir()
    credential = folder / "jupyter-totp-keyring"
    store.keyring.rename(credential)
    credential.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    green(store, "keyring-mode")
    green(store, "store-halves")


def test_old_copies(store: Desk) -> None:
    green(store, "store-copies")
    copy = store.database.with_name("totp.sqlite3.before-restore-20270101T000000Z")
    shutil.copyfile(store.database, copy)
    copy.chmod(0o600)
    yellow(store, "store-copies", str(copy))
    copy.chmod(0o644)
    red(store, "store-copies", str(copy))


def test_both_halves_in_one_folder(store: Desk) -> None:
    green(store, "key-beside-store")
    together = store.database.with_name("keyring")
    store.keyring.rename(together)
    store.configure(f"c.TotpAuth.key_file = '{together}'")
    red(store, "key-beside-store", str(store.database.parent))


def test_what_a_killed_rekey_left(store: Desk) -> None:
    green(store, "keyring-leftovers")
    left = store.keyring.with_name(".keyring.0123456789abcdef")
    shutil.copyfile(store.keyring, left)
    yellow(store, "keyring-leftovers", str(left))


def test_a_store_in_the_notebook_folder(store: Desk) -> None:
    store.configure(f"c.ServerApp.root_dir = '{store.home}'")
    red(store, "store-in-notebooks", "notebook folder")
    hidden = store.home / ".hidden"
    hidden.mkdir()
    store.configure(
        f"c.ServerApp.root_dir = '{store.home}'\nc.TotpAuth.key_file = '{hidden}/k'\n"
        f"c.TotpAuth.database_url = 'sqlite:///{hidden}/d'"
    )
    green(store, "store-in-notebooks")


def test_a_store_in_the_folder_where_a_server_may_start(store: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store.home / "config")
    green(store, "store-in-notebooks")
    monkeypatch.chdir(store.home)
    yellow(store, "store-in-notebooks", str(store.home))


def test_configuration_that_others_write(desk: Desk) -> None:
    path = desk.configure("")
    green(desk, "config-writable")
    path.chmod(0o666)
    red(desk, "config-writable", str(path))
    path.chmod(0o600)
    folder = desk.home / "config" / "jupyter_server_config.d"
    folder.mkdir()
    folder.chmod(0o777)
    red(desk, "config-writable", str(folder))


@pytest.mark.parametrize(
    "text",
    [
        "c.TotpAuth.database_url = 'sqlite:////x?password=canary'",
        "c.TotpAuth.database_url = 'postgresql://totp:canary@127.0.0.1:9/totp'",
        "c.ServerApp.token = 'canary'",
    ],
)
def test_a_password_that_others_read(desk: Desk, text: str) -> None:
    path = desk.configure(text)
    path.chmod(0o644)
    red(desk, "config-secret", str(path))
    path.chmod(0o600)
    green(desk, "config-secret")


def test_a_group_counts_where_somebody_else_is_in_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.configure("c.ServerApp.token = 'canary'")
    path.chmod(0o660)
    me = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(pwd, "getpwall", lambda: [me])
    green(desk, "config-writable")
    green(desk, "config-secret")
    other = pwd.struct_passwd(("bob", "x", 4711, path.stat().st_gid, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwall", lambda: [me, other])
    red(desk, "config-writable", str(path))
    red(desk, "config-secret", str(path))


def test_data_that_others_write(desk: Desk) -> None:
    green(desk, "data-writable")
    kernel = desk.home / "data" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text("{}")
    kernel.chmod(0o666)
    red(desk, "data-writable", str(kernel))


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in a place that every user reaches."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        monkeypatch.setattr(files, "_PACKAGE", place / "package")
        (place / "package").mkdir()
        yield place / "package"


def test_code_that_others_write(code: Path) -> None:
    assert alone("code-writable").severity != "red"
    code.chmod(0o777)
    found = alone("code-writable")
    assert (found.severity, str(code) in found.what) == ("red", True)


def test_code_that_its_own_user_writes(users_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    package = users_desk.home / "package"
    package.mkdir()
    monkeypatch.setattr(files, "_PACKAGE", package)
    with not_root(users_desk):
        yellow(users_desk, "code-writable", str(package))


def test_modules_of_the_users_own_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    yellow(desk, "user-site", "site-packages")
    monkeypatch.setattr(site, "ENABLE_USER_SITE", False)
    green(desk, "user-site")


def test_a_tls_key_that_everybody_reads(desk: Desk) -> None:
    path = desk.home / "key.pem"
    path.write_text("")
    desk.configure(f"c.ServerApp.keyfile = '{path}'")
    path.chmod(0o644)
    red(desk, "tls-key-mode", str(path))
    path.chmod(0o640)
    green(desk, "tls-key-mode")


def test_a_user_who_may_be_root(users_desk: Desk) -> None:
    with not_root(users_desk):
        green(users_desk, "root")
        yellow(users_desk, "root", "allow_root", "--ServerApp.allow_root=True")


def test_root(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    red(desk, "root", "root")
