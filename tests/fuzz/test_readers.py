"""The properties of fuzzing, for every run: over the seeds, and over what a die makes of them.

`make soak` lets atheris, which sees what is reached, look for minutes.
"""

from __future__ import annotations

import pytest

from tests.fuzz.dice import rolled
from tests.fuzz.targets import READERS, Reader

ROUNDS = 3_000


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_whatever_a_stranger_sends_its_reader_keeps_its_word(reader: Reader) -> None:
    for data in [b"", *reader.seeds, *rolled(reader.seeds, ROUNDS)]:
        try:
            reader.check(data)
        except Exception as error:
            raise AssertionError(f"{reader.name}: {data!r}") from error
