"""A file is put in its place whole, after it was shown, and what was there is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_totp_auth.hosting import Installation


def test_a_new_file_is_readable_and_has_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "nginx" / "a.conf"
    assert Installation(path, "one\n").write() is None
    assert path.read_text() == "one\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(path.parent) == ["a.conf"]  # noqa: PTH208 - hidden files too


def test_what_was_there_is_kept_each_time(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("mine\n")
    path.chmod(0o600)
    assert Installation(path, "one\n").write() == tmp_path / "a.conf.~1~"
    assert Installation(path, "two\n").write() == tmp_path / "a.conf.~2~"
    texts = {entry.name: (entry.read_text(), entry.stat().st_mode & 0o777) for entry in tmp_path.iterdir()}
    assert texts == {
        "a.conf": ("two\n", 0o600),
        "a.conf.~1~": ("mine\n", 0o600),
        "a.conf.~2~": ("one\n", 0o600),
    }


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "available").mkdir()
    (tmp_path / "available" / "a.conf").write_text("mine\n")
    link = tmp_path / "a.conf"
    link.symlink_to("available/a.conf")
    Installation(link, "one\n").write()
    assert link.is_symlink()
    assert (tmp_path / "available" / "a.conf").read_text() == "one\n"


def test_the_difference_is_shown_and_nothing_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    new = Installation(path, "one\ntwo\n").diff()
    assert new.startswith(f"--- /dev/null\n+++ {path}\n")
    assert "+one\n+two\n" in new
    path.write_text("one\nthree")
    changed = Installation(path, "one\ntwo\n").diff()
    assert changed.startswith(f"--- {path}\n+++ {path}\n")
    assert changed.endswith(" one\n-three\n+two\n")
    path.write_text("one\ntwo\n")
    assert Installation(path, "one\ntwo\n").diff() == ""


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.conf"
    path.write_text("mine\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        Installation(path, "one\n").write()
    assert os.listdir(tmp_path) == ["a.conf"]  # noqa: PTH208 - hidden files too
    assert path.read_text() == "mine\n"


def test_a_file_that_is_no_utf8_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(b"# caf\xe9\n")
    assert "-# caf" in Installation(path, "one\n").diff()
    backup = Installation(path, "one\n").write()
    assert backup is not None
    assert backup.read_bytes() == b"# caf\xe9\n"
