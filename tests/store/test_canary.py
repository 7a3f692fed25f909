"""What is secret stands nowhere in the database: not in its file, its log, its backup, nor in any row."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from argon2 import profiles

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.enrollment import Stage
from jupyter_totp_auth.core.model import Issued, Origin, Role
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.store.backup import backup
from jupyter_totp_auth.store.tables import metadata
from jupyter_totp_auth.wiring import Services, build
from tests.store.makers import AT

HERE = Origin("192.0.2.1", "Firefox")
PASSWORDS = ("orbit velvet tundra", "kiosk anvil heron", "marble quartz lagoon", "guessed wrong zebra")


@dataclass
class Run:
    """A script that uses everything once, and notes each secret it meets."""

    services: Services
    now: list[int]
    texts: list[str] = field(default_factory=lambda: list(PASSWORDS))
    raw: list[bytes] = field(default_factory=list)

    def play(self) -> None:
        self.enroll_first()
        secret = self.raw[0]
        for number in range(3):
            self.now[0] += 60
            typed = totp.code(secret, totp.step_at(self.now[0])) if number else self.texts[-1]
            self.log_in("laurent", PASSWORDS[0], typed)
        self.now[0] += 60
        self.log_in("laurent", PASSWORDS[3], "000000")
        self.log_in(PASSWORDS[3], PASSWORDS[0], "000000")  # a password in the field of the name
        self.invite()

    def note(self, *texts: str | None) -> None:
        self.texts += [text for text in texts if text]

    def enroll_first(self) -> None:
        flow = self.services.enrollment
        code = flow.offer_setup()
        assert code is not None
        begun = flow.start(code, HERE)
        assert isinstance(begun, Issued)
        stage = flow.choose(begun.bearer, typed_name="laurent", typed_password=PASSWORDS[0])
        assert isinstance(stage, Stage)
        assert stage.secret is not None
        self.raw.append(stage.secret)
        typed = totp.code(stage.secret, totp.step_at(self.now[0]))
        done = flow.confirm(begun.bearer, typed_code=typed, origin=HERE)
        assert isinstance(done, Issued)
        self.note(code, begun.bearer, done.bearer, done.value.known_browser)
        for shown in done.value.recovery_codes:
            self.note(shown, shown.replace("-", ""))
        self.note(done.value.recovery_codes[0])

    def log_in(self, name: str, password: str, code: str) -> None:
        flow = self.services.login
        half = flow.first_factor(typed_name=name, typed_password=password, origin=HERE)
        assert isinstance(half, Issued)
        self.note(half.bearer)
        done = flow.second_factor(pending_bearer=half.bearer, typed_code=code, origin=HERE)
        if isinstance(done, Issued):
            self.note(done.bearer, done.value.known_browser)

    def invite(self) -> None:
        """Somebody whose enrollment is left half done, with a password and a secret in it."""
        invited = self.services.accounts.add("ada", Role.MEMBER, actor="laurent", password=PASSWORDS[1])
        again = self.services.accounts.reset("ada", actor="laurent")
        self.services.accounts.set_password("laurent", PASSWORDS[2], actor="operator")
        begun = self.services.enrollment.start(again.code, HERE)
        assert isinstance(begun, Issued)
        stage = self.services.enrollment.choose(begun.bearer, typed_name="", typed_password=PASSWORDS[1])
        assert isinstance(stage, Stage)
        assert stage.secret is not None
        self.raw.append(stage.secret)
        self.note(invited.code, again.code, begun.bearer)

    def needles(self) -> set[bytes]:
        """Every form in which a secret could have been written down."""
        raw = [*self.raw, *(text.encode() for text in self.texts)]
        found = {form for one in raw for form in forms(one)}
        return {form for form in found if len(form) > 7}


def forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield from (secret.hex().encode(), secret.hex().upper().encode())
    yield from (base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret).rstrip(b"="))
    yield from (base64.b32encode(secret).rstrip(b"="), base64.b32encode(secret).rstrip(b"=").lower())
    yield from (secret.upper(), secret.lower())


@pytest.fixture
def run(empty_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Run]:
    caplog.set_level(logging.DEBUG)
    now = [AT]
    settings = TotpAuth(database_url=empty_url, key_file=str(tmp_path / "totp-key" / "keyring"))
    services = build(
        settings,
        clock=lambda: now[0],
        hasher=Hasher(profiles.CHEAPEST),
        audit_log=logging.getLogger("audit"),
    )
    yield Run(services, now)
    services.close()


def test_no_secret_stands_in_the_database(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run.play()
    store = run.services.store
    ring = json.loads((tmp_path / "totp-key" / "keyring").read_text())
    needles = run.needles() | {b"$argon2"}
    for key in ring["keys"].values():
        needles |= set(forms(base64.b64decode(key)))

    haystacks = {"rows": rows_of(run)}
    if store.database.path is not None:
        backup(store.database, tmp_path / "totp" / "backup")
        haystacks |= {path.name: path.read_bytes() for path in (tmp_path / "totp").iterdir()}
        assert {"totp.sqlite3", "totp.sqlite3-wal", "backup"} <= haystacks.keys()
    haystacks["log"] = caplog.text.encode()

    for name, haystack in haystacks.items():
        assert [needle for needle in needles if needle in haystack] == [], name
    # The search is sharp: what is no secret is found.
    for name in haystacks.keys() & {"rows", "backup", "totp.sqlite3-wal", "log"}:
        assert b"laurent" in haystacks[name], name
    assert len(needles) > 200


def rows_of(run: Run) -> bytes:
    """Every value of every row of every table."""
    words: list[bytes] = []
    with run.services.store.database.read() as connection:
        for table in metadata.sorted_tables:
            columns = ", ".join(column.name for column in table.c)
            for row in connection.exec_driver_sql(f"SELECT {columns} FROM {table.name}"):
                words += [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row]
    return b"\n".join(words)
