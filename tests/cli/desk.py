"""An operator's desk: throw-away Jupyter directories, a clock moved by hand, and `jupyter totp` on them."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import profiles

from jupyter_totp_auth.cli import main
from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.binding import Enrolled
from jupyter_totp_auth.core.enrollment import Stage
from jupyter_totp_auth.core.events import Event
from jupyter_totp_auth.core.model import Issued, Origin
from jupyter_totp_auth.core.passwords import Hasher
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.wiring import Services, build

PASSWORD = "orbit velvet tundra"
START = 1_800_000_000
"""2027-01-15 08:00 UTC, the beginning of a time step."""

COMMAND = [sys.executable, "-c", "import sys; from jupyter_totp_auth.cli import main; sys.exit(main())"]
"""What the console script does."""

CHEAP = Hasher(profiles.CHEAPEST)
HERE = Origin("192.0.2.1", "Firefox")


@dataclass
class Result:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output; nothing else may be there."""
        return json.loads(self.out)

    @property
    def code(self) -> str:
        """The enrollment code of the printed link."""
        found = re.findall(r"enroll#([A-Za-z0-9_-]{43})$", self.out, re.MULTILINE)
        assert len(found) == 1, self.out
        return str(found[0])


@dataclass
class Person:
    """Somebody who is enrolled."""

    username: str
    secret: bytes
    recovery_codes: tuple[str, ...]
    bearer: str
    """Of the login that opened with the enrollment."""


@dataclass
class Desk:
    """The directories of one operator."""

    home: Path
    now: int = START
    env: dict[str, str] = field(default_factory=dict)

    def clock(self) -> int:
        """Whole seconds, moved by hand."""
        return self.now

    # -- places ------------------------------------------------------------------------------------

    @property
    def database(self) -> Path:
        """The default store."""
        return self.home / "data" / "totp" / "totp.sqlite3"

    @property
    def keyring(self) -> Path:
        """The default keyring."""
        return self.home / "data" / "totp-key" / "keyring"

    def configure(self, text: str, name: str = "jupyter_server_config.py") -> Path:
        """Write a configuration file."""
        path = self.home / "config" / name
        path.write_text(text, encoding="utf-8")
        return path

    # -- commands ----------------------------------------------------------------------------------

    def run(self, *words: str, stdin: bytes | None = None) -> Result:
        """``jupyter totp …`` in this process, with no terminal."""
        out, err, before = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin or b""))
        try:
            with redirect_stdout(out), redirect_stderr(err):
                status = main(words, hasher=CHEAP, clock=self.clock)
        finally:
            sys.stdin = before
        return Result(status, out.getvalue(), err.getvalue())

    def do(self, *words: str, stdin: bytes | None = None) -> Result:
        """The same, where it must be done."""
        result = self.run(*words, stdin=stdin)
        assert (result.status, result.err) == (0, ""), result
        return result

    def spawn(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """``jupyter totp …`` as a process of its own, by the real clock."""
        settings: dict[str, Any] = {
            "env": {**os.environ, **self.env},
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            **options,
        }
        return subprocess.Popen([*COMMAND, *words], **settings)

    # -- what the web does -------------------------------------------------------------------------

    @contextmanager
    def services(self) -> Iterator[Services]:
        """The store as a running server has it open."""
        services = build(TotpAuth(), clock=self.clock, hasher=CHEAP)
        try:
            yield services
        finally:
            services.close()

    def add(self, username: str, *words: str, password: str = PASSWORD) -> Person:
        """``adduser``, and the person enrolls by the link."""
        return self.enroll(self.do("adduser", username, *words).code, username, password)

    def enroll(self, code: str, username: str, password: str = PASSWORD) -> Person:
        """What the pages do with an enrollment code."""
        with self.services() as services:
            flow = services.enrollment
            begun = flow.start(code, HERE)
            assert isinstance(begun, Issued), begun
            stage = flow.choose(begun.bearer, typed_name=username, typed_password=password)
            assert isinstance(stage, Stage), stage
            assert stage.secret is not None
            typed = totp.code(stage.secret, totp.step_at(self.now))
            done = flow.confirm(begun.bearer, typed_code=typed, origin=HERE)
            assert isinstance(done, Issued), done
            enrolled: Enrolled = done.value
            return Person(username, stage.secret, enrolled.recovery_codes, done.bearer)

    def log_in(self, person: Person, *, password: str = PASSWORD, code: str | None = None) -> str | None:
        """Both factors; the login's bearer, or None where it is denied."""
        with self.services() as services:
            pending = services.login.first_factor(
                typed_name=person.username, typed_password=password, origin=HERE
            )
            assert isinstance(pending, Issued), pending
            typed = code or totp.code(person.secret, totp.step_at(self.now))
            done = services.login.second_factor(pending_bearer=pending.bearer, typed_code=typed, origin=HERE)
            return done.bearer if isinstance(done, Issued) else None

    def lives(self, bearer: str) -> bool:
        """Whether a login is alive in the store."""
        with self.services() as services:
            return services.logins.load(bearer) is not None

    def events(self) -> list[Event]:
        """The audit log."""
        with self.services() as services:
            return [event for _, event in services.store.events.list()]
