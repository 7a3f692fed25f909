"""Rows in memory: true to the store, bounded, also when something ends at the worst moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from jupyter_totp_auth.core import remembered as module
from jupyter_totp_auth.core.remembered import Remembered


class Source:
    """A store of words that something can happen to while it answers."""

    def __init__(self) -> None:
        self.rows = {b"a": "a", b"b": "b", b"c": "c"}
        self.number = 0
        self.changed: frozenset[str] | None = None
        self.looked_at: list[bytes] = []
        self.then: Callable[[], object] = lambda: None

    def revision(self) -> int:
        return self.number

    def changed_accounts(self, since: int, until: int) -> frozenset[str] | None:
        return self.changed

    def find_many(self, digests: Sequence[bytes]) -> dict[bytes, str]:
        self.looked_at.extend(digests)
        found = {digest: self.rows[digest] for digest in digests if digest in self.rows}
        then, self.then = self.then, lambda: None
        then()
        return found

    def end(self, digest: bytes) -> None:
        del self.rows[digest]
        self.number += 1


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def memory(source: Source) -> Remembered[str]:
    return Remembered(revisions=source, find_many=source.find_many, account_of=lambda row: f"{row}'s", most=2)


def test_no_more_than_the_most_are_kept_and_the_oldest_goes(memory: Remembered[str]) -> None:
    for digest in (b"a", b"b", b"c"):
        assert memory.load(digest) == digest.decode()
    assert [memory.get(digest) for digest in (b"a", b"b", b"c")] == [None, "b", "c"]


def test_what_is_not_in_the_store_is_dropped_at_a_look_up(memory: Remembered[str], source: Source) -> None:
    memory.load(b"a")
    source.end(b"a")
    assert memory.load(b"a") is None
    assert memory.get(b"a") is None


def test_only_what_is_of_the_changed_accounts_is_read_again(memory: Remembered[str], source: Source) -> None:
    memory.load(b"a")
    memory.load(b"b")
    memory.sync()
    source.end(b"b")
    source.changed = frozenset({"b's", "nobody's"})
    source.looked_at.clear()
    memory.sync()
    assert source.looked_at == [b"b"]
    assert [memory.get(digest) for digest in (b"a", b"b")] == ["a", None]


def test_a_sync_takes_over_changes_and_ends(
    memory: Remembered[str], source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 1)
    memory.load(b"a")
    memory.load(b"b")
    memory.sync()
    source.rows[b"b"] = "changed"
    source.end(b"a")
    memory.sync()
    assert (memory.get(b"a"), memory.get(b"b")) == (None, "changed")


def test_each_batch_is_asked_for_once(
    memory: Remembered[str], source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    asked: list[list[bytes]] = []
    monkeypatch.setattr(memory, "_compare", asked.append)
    memory._rows = {b"a": "a", b"b": "b", b"c": "c"}
    memory.sync()
    assert asked == [[b"a", b"b"], [b"c"]]


def test_a_look_up_after_a_sync_finds_what_is_there(memory: Remembered[str]) -> None:
    memory.sync()
    assert memory.load(b"a") == "a"


def test_what_lives_is_found_although_a_sync_passes_meanwhile(
    memory: Remembered[str], source: Source
) -> None:
    def change_and_sync() -> None:
        source.number += 1
        memory.sync()

    source.then = change_and_sync
    assert memory.load(b"a") == "a"
    assert memory.get(b"a") == "a"


def test_nothing_is_compared_while_nothing_changed(memory: Remembered[str], source: Source) -> None:
    memory.load(b"a")
    memory.sync()
    source.then = lambda: pytest.fail("compared")
    memory.sync()


def test_an_end_between_look_up_and_memory_is_seen(memory: Remembered[str], source: Source) -> None:
    def end_and_sync() -> None:
        source.end(b"a")
        memory.sync()

    source.then = end_and_sync
    assert memory.load(b"a") is None


def test_a_store_that_never_rests_gives_nobody(memory: Remembered[str], source: Source) -> None:
    def change_and_sync() -> None:
        source.number += 1
        memory.sync()
        source.then = change_and_sync

    source.then = change_and_sync
    assert memory.load(b"a") is None


def test_what_was_dropped_during_a_sync_does_not_come_back(memory: Remembered[str], source: Source) -> None:
    memory.load(b"a")
    source.number += 1
    source.then = lambda: memory.forget(lambda _row: True)
    memory.sync()
    assert memory.get(b"a") is None


def test_beside_what_was_dropped_during_a_sync_the_others_are_compared(
    memory: Remembered[str], source: Source
) -> None:
    memory.load(b"a")
    memory.load(b"b")
    source.rows[b"b"] = "changed"
    source.number += 1
    source.then = lambda: memory.forget(lambda row: row == "a")
    memory.sync()
    assert (memory.get(b"a"), memory.get(b"b")) == (None, "changed")


def test_after_a_sync_that_failed_a_look_up_works(memory: Remembered[str], source: Source) -> None:
    memory.load(b"a")
    source.number += 1

    def fail() -> None:
        raise OSError("gone")

    source.then = fail
    with pytest.raises(OSError, match="gone"):
        memory.sync()
    assert memory.load(b"b") == "b"


def test_a_sync_that_failed_is_done_again(memory: Remembered[str], source: Source) -> None:
    memory.load(b"a")
    source.end(b"a")

    def fail() -> None:
        raise OSError("gone")

    source.then = fail
    with pytest.raises(OSError, match="gone"):
        memory.sync()
    memory.sync()
    assert memory.get(b"a") is None
