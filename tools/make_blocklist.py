"""Rebuild the bundled blocklist from Django's and zxcvbn's lists; fetches and installs nothing.

    pip download --no-deps django==5.2.19 zxcvbn==4.5.0
    python tools/make_blocklist.py --django django-*.whl --zxcvbn zxcvbn-*.whl [--check]

Without the two options the packages installed in this environment are read. What is kept, what is
made and why stands in `BLOCKLIST.md` beside the list, with the numbers printed here.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import re
import string
import sys
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from itertools import product
from pathlib import Path

LIST = Path(__file__).parents[1] / "jupyter_totp_auth" / "factors" / "blocklist.txt.gz"
DJANGO_LIST = "django/contrib/auth/common-passwords.txt.gz"
ZXCVBN_LISTS = "zxcvbn/frequency_lists.py"
MIN_LENGTH = 12  # SECURITY.md R19: a shorter password is refused before the list is asked
MAX_LENGTH = 24  # of derived entries: a longer one would be nobody's habit
PIECE = 3  # letters or digits a part of a leaked entry must have to be called a word or a walk
MAX_BYTES = 250_000


def table(text: str) -> tuple[str, ...]:
    """A table of entries without spaces, several to a line."""
    return tuple(text.split())


# Words of this product: its own name is the first guess here (NIST: "context-specific words").
CONTEXT = table("""
    jupyter jupyterlab jupyterhub notebook ipython python server login admin root default changeme
    administrator superuser
""")
FAMOUS = [sep.join(("correct", "horse", "battery", "staple")) for sep in ("", " ", "-", "_")]

DIGITS = table("""
    1 2 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890 10 01 00 007 11 22 69 77 88
    99 111 321 4321 54321 654321 000 0000 1111 111111 000000 123123 112233 121212 abc abc123 a1b2c3
    qwe qwerty qwerty123 asdf xyz
""")
SYMBOLS = table("""
    ! !! !!! !@# !@#$ @123 @1234 @12345 @123456 #1 #123 #1234 _123 -123 .123 _1234 $123 *123 1! 12!
    123! 1234! 12345! 123456! 123@ 1234@ 123# 123$ 123. 1234. ? . @ # $ *
""")
YEARS = tuple(str(year) for year in range(1980, 2031))
RECENT = YEARS[-16:]
PREFIXES = table("""
    1 12 123 1234 12345 123456 123456789 my the mypassword password pass ilove iloveyou ihate iam
    thisis hello login admin new
""")
LEET = [
    str.maketrans(plain, leet)
    for plain, leet in zip(
        ("a", "o", "ao", "aeio", "s", "e", "i"),
        ("@", "0", "@0", "4310", "$", "3", "1"),
        strict=True,
    )
]

# zxcvbn files each word in one list only, so these stand among its passwords, not its names.
GIVEN_NAMES = table("""
    alejandra alejandro aleksandr alessandro alexandr alexis andrei andrey angel austin barney
    brandy carolina casper cassie charlie chelsea chester connor dakota dexter diana dmitry freddy
    ginger hannah harley isabelle jackson jasmine jasper jordan karina katerina madison maddie
    maggie maksim marina marley maximus maxwell mickey morgan nastya natasha nikita oksana oliver
    parker phoebe polina ronaldo ruslan sakura samantha samson sergey shelby sierra sophie stella
    svetlana sydney taylor trinity valentin veronika victoria vladimir willow winston xavier
""")
ARTEFACTS = {"vqsablpzla", "exigent"}  # in both lists, from the accounts of one bot each
ADDRESS = r"@.+\.|://|www|\.(com|ru|net)"

# How far down the list of base words a pattern reaches.
TOP_REPEATED = 3000
TOP_PADDED = 1200
TOP_DIGITS = 700
TOP_SYMBOLS = 400
TOP_PREFIXED = 400
TOP_YEARS = 200
TOP_JOINED = 110
TOP_LEET = 40

# What a finger draws along the keys: rows, columns, zigzags, keypads, the alphabet, and well-known
# rows of numbers. Layouts: US, German, French, Russian.
WALKS = table(r"""
    1234567890-= !@#$%^&*()_+ 123456789012345678901234567890
    abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz qwertyuiop[]\ asdfghjkl;' zxcvbnm,./
    qwertyuiop[]asdfghjkl;'zxcvbnm,./ 1234567890qwertyuiopasdfghjklzxcvbnm
    qwertyuiopasdfghjklzxcvbnmqwertyuiop zxcvbnmasdfghjklqwertyuiop qwertyasdfghzxcvbn
    qwertasdfgzxcvb qwerasdfzxcv1234qwerasdfzxcv 123qweasdzxc123qweasdzxc zxcasdqwe123zxcasdqwe
    qazwsxedcrfvtgbyhnujmikolp qazxswedcvfrtgbnhyujmkiolp 1qazxsw23edcvfr45tgbnhy67ujm
    1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p
    zaq12wsxcde34rfvbgt56yhn zaq1xsw2cde3vfr4bgt5nhy6mju7 !qaz@wsx#edc$rfv%tgb^yhn
    1qaz!qaz2wsx@wsx3edc#edc !qaz2wsx#edc4rfv%tgb6yhn 1q2w3e4r5t6y7u8i9o0p-[=] q1w2e3r4t5y6u7i8o9p0
    1qw23er45ty67ui89op0 12qw34er56ty78ui90op qwaszxerdfcvtyghbn 12qwaszx34erdfcv56tyghbn
    qawsedrftgyhujikolp zaqwsxcderfvbgtyhnmju qweasdzxcrtyfghvbn a1s2d3f4g5h6j7k8l9 z1x2c3v4b5n6m7
    a1b2c3d4e5f6g7h8i9j0 1a2b3c4d5e6f7g8h9i0j 1a2s3d4f5g6h7j8k9l qwertzuiopü+ asdfghjklöä#
    yxcvbnm,.- qwertzuiopasdfghjklyxcvbnm 1qay2wsx3edc4rfv5tgb6zhn7ujm azertyuiopqsdfghjklmwxcvbn
    &é"'(-è_çà)= йцукенгшщзхъ фывапролджэ ячсмитьбю. йцукенгшщзхъфывапролджэячсмитьбю
    абвгдеёжзийклмнопрстуфхцчшщъыьэюя 147258369147258369 741852963741852963 789456123789456123
    159753159753159753 159357159357159357 0102030405060708090 1020304050607080900 101112131415161718
    123456789101112131415 112233445566778899 11223344556677889900 111222333444555666777888999
    122333444455555666666 31415926535897932384 27182818284590452353 112358132134558914
    36912151821242730 24681012141618 1357911131517192123 123698745123698745
""")


def canonical(text: str) -> str:
    """The form a password is compared in; `blocklist.is_listed` does the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def read(package: str, wheel: Path | None, member: str) -> tuple[bytes, str]:
    """One file of a package, and the package's version, without importing the package."""
    if wheel is not None:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member), wheel.name.split("-")[1]
    installed = distribution(package)
    return Path(str(installed.locate_file(member))).read_bytes(), installed.version


def frequency_lists(source: bytes) -> dict[str, list[str]]:
    """Read zxcvbn's lists as data: `"name": "a,b,c".split(","),` a line."""
    lines = re.findall(r'^ *"(\w+)": "(.*)"\.split', source.decode(), re.MULTILINE)
    return {name: words.split(",") for name, words in lines}


class Sources:
    """The public lists, and what they say about one entry."""

    def __init__(self, django: list[str], zxcvbn: dict[str, list[str]]) -> None:
        self.passwords = list(dict.fromkeys(django + zxcvbn["passwords"]))
        self.words = [*zxcvbn["english_wikipedia"], *zxcvbn["us_tv_and_film"]]
        self.given_names = {*zxcvbn["female_names"], *zxcvbn["male_names"], *GIVEN_NAMES}
        self.names = self.given_names | {*zxcvbn["surnames"]}
        everything = {*self.passwords, *self.words, *self.names}
        self.known = {word for word in everything if len(word) >= PIECE and word.isalpha()}
        listed = {word for words in zxcvbn.values() for word in words} - ARTEFACTS
        # In both lists: each alone carries artefacts of single leaks (cut words, names of bots).
        agreed = [word for word in django if word in listed and re.fullmatch("[a-z]{3,11}", word)]
        self.bases = list(dict.fromkeys([*CONTEXT, *agreed]))
        self._walks = tuple(line for walk in WALKS for line in (walk, walk[::-1]))

    def _in_pieces(self, text: str, pieces: int) -> bool:
        """Whether text is at most so many list words, keyboard walks and repeated characters."""
        if not text:
            return True
        return pieces > 0 and any(
            self._in_pieces(text[end:], pieces - 1)
            for end in range(len(text), PIECE - 1, -1)
            if self._is_piece(text[:end])
        )

    def _is_piece(self, text: str) -> bool:
        return text in self.known or len(set(text)) == 1 or self._is_walk(text)

    def _is_walk(self, text: str) -> bool:
        return any(text in walk for walk in self._walks)

    def names_a_person(self, text: str) -> bool:
        """Whether a given name and four or more letters meet, as in a full name (or a brand)."""
        return any(
            text[:cut] in self.given_names or text[cut:] in self.given_names
            for cut in range(4, len(text) - 3)
        )

    def is_impersonal(self, entry: str) -> bool:
        """Whether an entry of a leaked list holds only words and habits, and nobody's data.

        Refused: addresses, sentences about people, full names, words with a year or a date,
        telephone and serial numbers, and digits nothing explains, which may be one person's secret.
        """
        if not re.fullmatch(r"[a-z0-9!#$*+,./;=?@\[\]\\^_~-]+", entry) or re.search(ADDRESS, entry):
            return False
        if entry.isalpha():
            return not self.names_a_person(entry)
        if self._is_piece(entry) or (not re.search("[a-z]", entry) and self._in_pieces(entry, 3)):
            return True
        runs = re.findall(r"[a-z]+|\d+|[^a-z\d]+", entry)
        if runs[2:] and not all(self._is_walk(run) for run in runs):
            return False  # "word12word": somebody made that up
        return all(self._run_is_impersonal(run) for run in runs)

    def _run_is_impersonal(self, run: str) -> bool:
        if run.isalpha():
            return self._in_pieces(run, 3) and not self.names_a_person(run)
        drawn = len(run) > PIECE and self._is_piece(run) and not re.match(r"(19|20)\d\d", run)
        return len(run) == 1 or run in DIGITS or drawn


def long_enough(entries: Iterable[str], most: int = MAX_LENGTH) -> set[str]:
    """The entries a person could choose under the policy, in the form they are compared in."""
    return {entry for entry in map(canonical, entries) if MIN_LENGTH <= len(entry) <= most}


def repeats() -> Iterator[str]:
    """One key held down, and short blocks typed over and over."""
    signs = string.ascii_lowercase + string.digits + "!@#$%^&*.,-_=+?~/ "
    yield from (sign * length for sign in signs for length in range(MIN_LENGTH, 25))
    for alphabet, size in ((string.digits, 2), (string.digits, 3), (string.ascii_lowercase, 2)):
        for block in map("".join, product(alphabet, repeat=size)):
            yield from (block * count for count in (MIN_LENGTH // size, MIN_LENGTH // size + 1))
    for first, second in zip(string.digits, string.digits[1:] + "0", strict=True):
        yield from (first * count + second * count for count in (6, 7, 8))


def walks() -> Iterator[str]:
    """Stretches of the keyboard walks, both ways; short ones repeated, or there and back."""
    for line in (line for walk in WALKS for line in (walk, walk[::-1])):
        for start in range(len(line)):
            yield from (line[start : start + length] for length in (*range(MIN_LENGTH, 17), 20))
        yield line
        for length in range(3, 13):
            yield from (line[:length] * count for count in (2, 3, 4))
            yield line[:length] + line[:length][::-1]


def joined(firsts: Iterable[str], seconds: Iterable[str]) -> Iterator[str]:
    """Every first before every second."""
    return map("".join, product(firsts, seconds))


def times(word: str) -> int:
    """How often a word is typed to reach the minimum, at least twice."""
    return max(2, -(-MIN_LENGTH // len(word)))


def padded(word: str) -> Iterator[str]:
    """A word filled up to exactly the minimum with the first thing at hand."""
    missing = MIN_LENGTH - len(word)
    yield from (word + filler * missing for filler in ("1", "0", "!", word[-1]))
    yield word + "1234567890"[:missing]
    yield word + "1234567890"[: missing - 1] + "!"
    yield "1234567890"[:missing] + word


def verbatim(sources: Sources) -> dict[str, set[str]]:
    """Take what the lists hold at policy length, in the form it is compared in."""
    leaked = long_enough(sources.passwords, 1024)
    kept = {entry for entry in leaked if sources.is_impersonal(entry)}
    print(f"kept of the password lists: {len(kept)} of {len(leaked)}")
    words = {word for word in long_enough(sources.words, 1024) if re.fullmatch("[a-z]+", word)}
    return {"verbatim: password lists": kept, "verbatim: dictionary words": words}


def derive(sources: Sources) -> dict[str, set[str]]:
    """The patterns, each over the most common base words.

    Names are repeated and padded, but not joined to words, years or each other: the result would
    look like a person.
    """
    bases = sources.bases
    things = [word for word in bases if word not in sources.names and not sources.names_a_person(word)]
    swapped = (word.translate(swap) for word in things[:TOP_LEET] for swap in LEET)
    leet = [word for word in swapped if word not in things]
    shouted = [f"{year}!" for year in RECENT]
    suffixes = (*DIGITS, *SYMBOLS, *RECENT, *shouted)
    made: dict[str, Iterable[str]] = {
        "keyboard walks": walks(),
        "repeated keys and blocks": repeats(),
        "a word repeated": (word * times(word) for word in bases[:TOP_REPEATED]),
        "a word filled up to 12": (e for word in bases[:TOP_PADDED] for e in padded(word)),
        "a word and digits or letters": joined(bases[:TOP_DIGITS], DIGITS),
        "a word and symbols": joined(bases[:TOP_SYMBOLS], SYMBOLS),
        "a word and a year": joined(things[:TOP_YEARS], (*YEARS, *shouted)),
        "a word after another": joined(PREFIXES, things[:TOP_PREFIXED]),
        "two words joined": joined(things[:TOP_JOINED], things[:TOP_JOINED]),
        "a word in leet and more": (word + end for word in leet for end in (*suffixes, word)),
    }
    return {name: long_enough(entries) for name, entries in made.items()} | {"famous": set(FAMOUS)}


def compress(text: str) -> bytes:
    """gzip without a name or a time in its header, so that the same list gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as out:
        out.write(text.encode())
    return buffer.getvalue()


def main() -> int:
    """Print what each group yields, and write or compare the list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--django", type=Path, metavar="WHEEL", help="else the installed one")
    parser.add_argument("--zxcvbn", type=Path, metavar="WHEEL", help="else the installed one")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if it differs")
    args = parser.parse_args()
    common, django_version = read("django", args.django, DJANGO_LIST)
    frequencies, zxcvbn_version = read("zxcvbn", args.zxcvbn, ZXCVBN_LISTS)
    sources = Sources(gzip.decompress(common).decode().split("\n"), frequency_lists(frequencies))

    groups = {**verbatim(sources), **derive(sources)}
    print(f"Django {django_version}, zxcvbn {zxcvbn_version}; base words: {len(sources.bases)}")
    seen: set[str] = set()
    for name, entries in groups.items():
        print(f"{len(entries):7} {len(entries - seen):7} new  {name}")
        seen |= entries
    text = "".join(f"{entry}\n" for entry in sorted(seen))
    data = compress(text)
    print(f"{len(seen)} entries, {len(data)} bytes")
    print(f"sha256 of the text: {hashlib.sha256(text.encode()).hexdigest()}")
    if len(data) >= MAX_BYTES:
        raise SystemExit(f"over {MAX_BYTES} bytes: shorten a pattern's reach")
    if args.check:
        return int(gzip.decompress(LIST.read_bytes()).decode() != text)
    LIST.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
