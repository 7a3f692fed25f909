"""The keyring file: where it is looked for, and under which conditions it is read (M02, R40, R41)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_totp_auth.core.sealing import Keyring
from jupyter_totp_auth.store import StoreRefused, keyring_file
from tests.store.places import mode_of, permissions_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    keyring_file.create(tmp_path / "totp-key" / "keyring")
    return tmp_path / "totp-key" / "keyring"


def refusal(path: Path) -> str:
    with pytest.raises(StoreRefused) as caught:
        keyring_file.read(path)
    assert str(path.parent) in str(caught.value)
    return str(caught.value)


def test_what_was_made_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    made = keyring_file.create(path)
    assert keyring_file.read(path) == made
    assert permissions_of(tmp_path) == {"keyring": 0o600}


def test_where_there_is_no_keyring_none_is_read(tmp_path: Path) -> None:
    assert keyring_file.read(tmp_path / "keyring") is None
    assert keyring_file.read(tmp_path / "nowhere" / "keyring") is None


def test_a_keyring_is_never_replaced(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        keyring_file.create(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["keyring"]  # noqa: PTH208 - hidden files too


def test_a_keyring_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keyring"
    seen: list[bool] = []

    def fails(_: int) -> None:
        seen.append(path.exists())  # what another process would find at this moment
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        keyring_file.create(path)
    assert seen == [False]
    assert permissions_of(tmp_path) == {}


def test_a_keyring_is_never_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "keyring").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        keyring_file.create(tmp_path / "keyring")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_a_new_keyring_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        keyring_file.create(tmp_path / "keyring")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "keyring") == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o644, 0o660, 0o666, 0o777])
def test_a_keyring_that_others_can_reach_refuses(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert f"chmod 600 {path}" in refusal(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_keyring_is_read(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert keyring_file.read(path) is not None


def test_a_link_to_a_keyring_refuses(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))
    assert "symbolic link" in refusal(path)


@pytest.mark.timeout(10)
def test_what_is_no_regular_file_refuses(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)
    assert "not a regular file" in refusal(path)
    path.rmdir()
    os.mkfifo(path, 0o600)  # a plain open would wait for a writer, for ever
    assert "not a regular file" in refusal(path)


@as_root
def test_a_keyring_of_another_user_refuses(path: Path) -> None:
    os.chown(path, 65534, 65534)
    assert "another user" in refusal(path)


@as_root
def test_a_keyring_in_a_folder_of_another_user_refuses(path: Path) -> None:
    os.chown(path.parent, 65534, 65534)
    assert "another user" in refusal(path)


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o702])
def test_a_keyring_in_a_folder_that_everybody_may_write_in_refuses(path: Path, mode: int) -> None:
    path.parent.chmod(mode)
    assert f"chmod 700 {path.parent}" in refusal(path)


def test_a_keyring_in_a_sticky_folder_is_read(path: Path) -> None:
    path.parent.chmod(0o1777)  # as /tmp is: nobody can put another file in the place of ours
    assert keyring_file.read(path) is not None


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "7", "not json", '{"version": 1, "primary": "00", "keys": {}}', "\0" * 40, "ÿ"],
)
def test_what_is_no_keyring_refuses_without_quoting_it(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    message = refusal(path)
    assert "Restore it" in message
    assert len(text) < 3 or text not in message


def test_a_keyring_that_lost_its_primary_key_refuses(path: Path) -> None:
    ring = Keyring.parse(path.read_text())
    path.write_text(Keyring(b"\0\0\0\0", ring.keys).text())
    assert "damaged" in refusal(path)


# -- where it is ---------------------------------------------------------------------------------------


def test_the_configured_place_comes_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    default, configured = tmp_path / "default", tmp_path / "configured"
    assert keyring_file.locate(None, default) == default
    assert keyring_file.locate(configured, default) == configured


def test_the_credential_of_systemd_comes_before_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    credential = tmp_path / "jupyter-totp-keyring"
    assert keyring_file.locate(None, tmp_path / "default") == tmp_path / "default"
    keyring_file.create(credential)
    credential.chmod(0o440)  # as systemd makes it, in a folder that only the service can enter
    assert keyring_file.locate(tmp_path / "configured", tmp_path / "default") == credential
    assert keyring_file.read(credential) is not None


def test_only_the_credential_itself_is_read_on_systemds_word(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.chmod(0o644)
    for directory in (path.parent, str(path.parent)[:-1], "/"):
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))
        assert "chmod 600" in refusal(path)
