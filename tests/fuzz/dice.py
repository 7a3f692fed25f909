"""What a die makes of a text: the poor man's fuzzer, the same at every run."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_SPLICES = [
    *(
        b"/",
        b"//",
        b"\\",
        b"%2e",
        b"..",
        b"%00",
        b"\x00",
        b"\r\n",
        b"\t",
        b" ",
        b"?",
        b"#",
        b"@",
        b":",
        b";",
        b"&",
    ),
    *(b"=", b",", b'"', b"\\", b"%", b"[", b"]", b"{", b"}", b"-", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80"),
    *("\u2028".encode(), "\ufeff".encode(), "\u202e".encode(), "\uff11".encode(), "\u0130".encode()),
    *(b"1e999", b"-0", b"null", b"\\ud800", b"token=", b"jta_", b"localhost", b"evil.example", b"http://"),
]


def rolled(seeds: Sequence[bytes], rounds: int, *, start: int = 1) -> Iterator[bytes]:
    """So many texts, each a seed that was changed one to five times."""
    dice = random.Random(start)  # noqa: S311 - the same at every run is the point
    for _ in range(rounds):
        text = dice.choice(seeds)
        for _ in range(dice.randint(1, 5)):
            text = _changed(text, dice, seeds)
        yield text


def _changed(text: bytes, dice: random.Random, seeds: Sequence[bytes]) -> bytes:
    begin = dice.randint(0, len(text))
    end = min(begin + dice.choice((0, 1, 1, 2, 8)), len(text))
    new = dice.choice(
        (b"", bytes([dice.randrange(256)]), dice.choice(_SPLICES), dice.choice(seeds), text[begin:end] * 3)
    )
    return text[:begin] + new + text[end:]
