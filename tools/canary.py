"""Look for every secret that the tests used, in all that the run left on the disk: canary.py FOLDER MORE…

FOLDER is that of one run (run_tests.py makes it): the notes of tests/harness/canary.py, the tests' own
folders, the logs of services and the rows of their databases. Says file and kind of what it finds, never the
secret (M01, Q08).

Not looked for: six digits, which stand anywhere by chance (tests of groups B and C look for them where they
could be), and what is shorter than fifteen bytes. Needs only the standard library.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

SHORTEST = 15
# A key that a test makes of one letter over and over stands in every file: zeros, mostly.
FEWEST_BYTES = 6
"""In bytes: what holds so many holds one whole block, wherever it begins."""
BLOCK = 8
CHUNK = 1 << 22
AROUND = 256

# Said by the code itself, to nobody's harm (core/passwords.py).
NOT_SECRET = {b"no account has this password"}

BASE32_LENGTH = 32
"""Of a TOTP secret as a page shows it."""

RAW_KINDS = {"totp", "key"}
TYPED_KINDS = {"password"}


class Needle(NamedTuple):
    """One way in which a secret could have been written down."""

    text: bytes
    kind: str
    form: str


class Hit(NamedTuple):
    """Where one stands."""

    path: Path
    needle: Needle
    before: bytes
    """What stands in front of it."""


# -- where one may stand, and why ----------------------------------------------------------------------

Exception_ = tuple[str, Callable[[Hit], bool]]

ON_PURPOSE: list[Exception_] = [
    (
        "a keyring is where the keys are",
        lambda hit: hit.needle.kind == "key" and is_keyring(hit.path.read_bytes()),
    ),
    (
        "the link of the first set-up is printed, since nobody can be signed in yet",
        lambda hit: (
            hit.needle.kind == "enrollment-code"
            and hit.path.name.endswith(".log")
            and hit.before.endswith(b"enroll#")
        ),
    ),
    (
        "a sheet to print has the links of a course on it, for whoever asked for it alone",
        lambda hit: (
            hit.needle.kind == "enrollment-code"
            and hit.path.name == "sheet.html"
            and hit.path.stat().st_mode & 0o077 == 0
            and hit.before.endswith(b"enroll#")
        ),
    ),
]


BEFORE_THE_RUN = {"pyvenv.cfg", "PKG-INFO"}
"""Stand at the top of an environment, and of an unpacked sdist."""


# -- needles -------------------------------------------------------------------------------------------


def noted(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the tests noted, and the keys of every keyring that is left."""
    for notes in folder.glob("canaries-*"):
        for line in notes.read_text(encoding="ascii").splitlines():
            kind, _, secret = line.partition(" ")
            yield kind, bytes.fromhex(secret)
    for path in files_below([folder]):
        if "keyring" in path.name and is_keyring(content := path.read_bytes()):
            for key in json.loads(content)["keys"].values():
                yield "key", base64.b64decode(key)


def is_keyring(content: bytes) -> bool:
    """Whether this is a keyring file, whole."""
    with suppress(ValueError, KeyError, TypeError):
        return set(json.loads(content)) == {"version", "primary", "keys"}
    return False


def needles_of(kind: str, secret: bytes) -> Iterator[Needle]:
    """The forms of one secret that are long enough not to be met by chance."""
    for form, text in sorted(forms(kind, secret).items()):
        if len(text) >= SHORTEST and len(set(text)) >= FEWEST_BYTES:
            yield Needle(text, kind, form)


def forms(kind: str, secret: bytes) -> dict[str, bytes]:
    """A secret as bytes and as text, in the encodings that a log or a row could have."""
    if kind in RAW_KINDS:
        if kind == "totp" and len(secret) == BASE32_LENGTH:
            secret = base64.b32decode(secret)
        return {"raw": secret, **encoded(secret)}
    found = {"text": secret}
    if kind in TYPED_KINDS:
        typed = secret.decode("utf-8", "replace")
        found |= {"url": quote(typed).encode(), "form": quote_plus(typed).encode()}
        found |= {
            "json": json.dumps(typed)[1:-1].encode(),
            "repr": repr(typed)[1:-1].encode("utf-8", "replace"),
        }
        found["base64"] = base64.b64encode(secret).rstrip(b"=")
    elif kind == "recovery-code":
        plain = secret.replace(b"-", b"")
        found |= {"plain": plain, "lower": plain.lower(), "lower-dashes": secret.lower()}
    elif kind != "access-token":
        with suppress(ValueError):
            found["raw"] = base64.urlsafe_b64decode(secret + b"=" * (-len(secret) % 4))
            found["hex"] = found["raw"].hex().encode()
    return {form: text for form, text in found.items() if form == "text" or text != secret}


def encoded(secret: bytes) -> dict[str, bytes]:
    """Bytes as text."""
    base32 = base64.b32encode(secret).rstrip(b"=")
    return {
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "base32": base32,
        "base32-lower": base32.lower(),
        "base64": base64.b64encode(secret).rstrip(b"="),
        "base64url": base64.urlsafe_b64encode(secret).rstrip(b"="),
    }


# -- the search ----------------------------------------------------------------------------------------


class Search:
    """Looks for any number of needles at once: a file is cut into blocks, and each block is looked up.

    Wherever a needle of fifteen bytes begins, one of its first eight windows is such a block.
    """

    def __init__(self, needles: list[Needle]) -> None:
        self._by_window: dict[int, list[Needle]] = {}
        for needle in needles:
            for start in range(BLOCK):
                window = int.from_bytes(needle.text[start : start + BLOCK], sys.byteorder)
                self._by_window.setdefault(window, []).append(needle)
        self._windows = set(self._by_window)
        self.files = self.bytes = 0

    def look(self, path: Path) -> Iterator[Hit]:
        """Every needle in a file, each once."""
        self.files += 1
        found: set[bytes] = set()
        with path.open("rb") as file:
            before = b""
            while chunk := file.read(CHUNK):
                self.bytes += len(chunk)
                for window in self._windows.intersection(blocks(chunk)):
                    after = peek(file)
                    for needle in self._by_window[window]:
                        text = before + chunk + after
                        at = text.find(needle.text)
                        if at >= 0 and needle.text not in found:
                            found.add(needle.text)
                            yield Hit(path, needle, text[max(at - AROUND, 0) : at])
                before = chunk[-AROUND:]


def blocks(chunk: bytes) -> memoryview:
    """A chunk as whole numbers of eight bytes."""
    return memoryview(chunk + b"\0" * (-len(chunk) % BLOCK)).cast("Q")


def peek(file: object) -> bytes:
    """What comes next, left where it is."""
    return file.peek(AROUND)[:AROUND]  # type: ignore[attr-defined, no-any-return]


def files_below(places: list[Path]) -> Iterator[Path]:
    """Every regular file, but for the notes themselves, and for what was there before any test ran.

    That is what pip has put into an environment, and an sdist that a test unpacks: with the tests' own data.
    """
    for place in places:
        if place.is_file():
            yield place
        for folder, folders, names in os.walk(place):
            if not BEFORE_THE_RUN.isdisjoint(names):
                folders.clear()
            for path in (Path(folder, name) for name in sorted(names)):
                if path.is_file() and not path.is_symlink() and not is_the_tests_own(path):
                    yield path


def is_the_tests_own(path: Path) -> bool:
    """What a test itself has written a secret into, or that is no trace of a run."""
    own = {
        "token",  # a stock token file (A07): it has to open nothing
        "history.sqlite",  # of a kernel: a test types an access token into a cell
        "first-browser.copy",  # what a desktop's browser was given at the first start: the set-up link
    }
    # Sources: copies of the package, with words that some test has for a password.
    return path.name.startswith("canaries-") or path.suffix == ".py" or path.name in own


# -- the check -----------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Search, and report; the exit status is 0 only where nothing is found and something was looked at."""
    began = time.monotonic()
    folder, *more = map(Path, arguments)
    kind_of = {secret: kind for kind, secret in noted(folder) if secret not in NOT_SECRET}
    needles = {needle.text: needle for secret, kind in kind_of.items() for needle in needles_of(kind, secret)}
    search = Search(list(needles.values()))
    if not is_sharp(search, list(needles.values()), folder):
        return 1
    search.files = search.bytes = 0
    allowed: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for path in files_below([folder, *more]):
        for hit in search.look(path):
            if reason := next((reason for reason, fits in ON_PURPOSE if fits(hit)), ""):
                allowed[reason] += 1
            else:
                bad[f"{hit.path}: {hit.needle.kind} ({hit.needle.form})"] += 1
    return report(Counter(kind_of.values()), len(needles), search, allowed, bad, time.monotonic() - began)


def is_sharp(search: Search, needles: list[Needle], folder: Path) -> bool:
    """Whether one planted secret of each kind, in each form, is found; and at any place of a block."""
    planted = list({(needle.kind, needle.form): needle for needle in needles}.values())
    bait = folder / "planted"
    # The first lies across two chunks, the others at any place of a block.
    bait.write_bytes(b"x" * (CHUNK - BLOCK) + b"x".join(needle.text for needle in planted))
    found = {hit.needle for hit in search.look(bait)}
    bait.unlink()
    lost = [f"{needle.kind} ({needle.form})" for needle in planted if needle not in found]
    if lost or not planted:
        print(f"the search is blunt: it does not find {', '.join(lost) or 'anything, as nothing was noted'}")
    return bool(planted) and not lost


def report(
    kinds: Counter[str],
    needles: int,
    search: Search,
    allowed: Counter[str],
    bad: Counter[str],
    seconds: float,
) -> int:
    """Say what was looked for, where, and what was found."""
    print("looked for " + ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())))
    megabytes = search.bytes / 1e6
    print(f"{needles} forms in {search.files} files of {megabytes:.0f} MB, {seconds:.1f} s")
    for reason, number in allowed.items():
        print(f"{number} where they belong: {reason}")
    for line, number in sorted(bad.items())[:100]:
        print(f"FOUND {line}" + (f", {number} of them" if number > 1 else ""))
    print(f"{sum(bad.values())} secrets where none may be")
    if not search.files:
        print("there was nothing to look through")
    return 1 if bad or not search.files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
