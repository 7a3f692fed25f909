"""The bundled blocklist: its shape as data, and what it refuses."""

from __future__ import annotations

import gzip
import hashlib
import re
import unicodedata
from importlib.resources import files
from itertools import pairwise

import pytest

from jupyter_totp_auth.factors import blocklist

FOLDER = files(blocklist.__package__)
PACKED = FOLDER.joinpath("blocklist.txt.gz").read_bytes()
TEXT = gzip.decompress(PACKED).decode()
ENTRIES = TEXT.removesuffix("\n").split("\n")


def test_it_has_at_least_ten_thousand_entries_and_load_gives_all_of_them() -> None:
    assert len(ENTRIES) >= 10_000
    assert blocklist.load() == set(ENTRIES)


def test_every_entry_is_of_policy_length() -> None:
    assert [entry for entry in ENTRIES if not 12 <= len(entry) <= 1024] == []


def test_every_entry_is_in_the_form_it_is_compared_in() -> None:
    # Else it could never match: is_listed folds what was typed, not what is listed.
    assert [entry for entry in ENTRIES if entry != entry.lower()] == []
    assert [entry for entry in ENTRIES if entry != entry.casefold()] == []
    assert [entry for entry in ENTRIES if not unicodedata.is_normalized("NFC", entry)] == []
    assert [entry for entry in ENTRIES if not entry.isprintable()] == []


def test_entries_are_sorted_and_unique() -> None:
    assert all(one < after for one, after in pairwise(ENTRIES))


def test_the_file_is_small_and_carries_no_time_and_no_name() -> None:
    assert len(PACKED) < 250_000
    assert PACKED[3] == 0, "gzip FLG: no file name"
    assert PACKED[4:8] == bytes(4), "gzip MTIME"


def test_no_entry_is_an_address_or_a_date_beside_a_word() -> None:
    address = re.compile(r"[^@ ]+@[^@ ]+\.[a-z]{2,}|://|www\.")
    date = re.compile(r"[a-z]((19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01]))$")
    assert [entry for entry in ENTRIES if address.search(entry) or date.search(entry)] == []


def test_the_notes_beside_it_describe_this_very_list() -> None:
    notes = FOLDER.joinpath("BLOCKLIST.md").read_text(encoding="utf-8")
    assert f"{len(ENTRIES):,} entries" in notes
    assert hashlib.sha256(TEXT.encode()).hexdigest() in notes


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "123456789012",
        "qwertyuiop12",
        "password1234",
        "Password1234!",
        "P@ssw0rd2024!",
        "1qaz2wsx3edc",
        "aaaaaaaaaaaa",
        "123123123123",
        "jupyterlab123",
        "iloveyouforever",
        "correct horse battery staple",
        "йцукенгшщзхъ",
    ],
)
def test_what_many_people_choose_is_listed(password: str) -> None:
    assert blocklist.is_listed(password)


def test_case_and_composition_do_not_hide_a_listed_password() -> None:
    assert blocklist.is_listed("PASSWORDpassword")
    composed = next(e for e in ENTRIES if unicodedata.normalize("NFD", e) != e)
    assert blocklist.is_listed(unicodedata.normalize("NFD", composed))
    assert blocklist.is_listed(composed.upper())


@pytest.mark.parametrize(
    "password",
    [
        "orbit velvet tundra kiosk",
        "anvil-maple-quartz-heron",
        "passwordpassword orbit",
        " passwordpassword",
        "Vq7#mL2x!rT9",
        "password",
        "",
    ],
)
def test_only_a_whole_password_of_the_list_is_listed(password: str) -> None:
    assert not blocklist.is_listed(password)
