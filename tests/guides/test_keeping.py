"""What an operator does later: back up, restore, a new key, a lost phone, an upgrade and the way back."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jupyter_totp_auth.store.schema import HEAD
from tests.guides.machine import Machine
from tests.guides.paper import DOCS, blocks, do, follow
from tests.guides.person import Visitor, enrolled, link_in, signed_in
from tests.harness.client import PASSWORD, Person
from tests.store import first_schema

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

URL = "https://jupyter.example.org/"
STORE = "/srv/jupyter/.local/share/jupyter/totp/totp.sqlite3"
NEXT = f"{int(HEAD) + 1:04}"
NEWER = f"""\
import sqlite3
store = sqlite3.connect("{STORE}")
store.execute("UPDATE alembic_version SET version_num = '{NEXT}'")
store.commit()
"""


@pytest.fixture
def home(a_machine: Callable[..., Machine]) -> tuple[Machine, Person]:
    """The fresh Debian machine, and its first account."""
    machine = a_machine("jupyter.example.org")
    follow(machine, "tutorial/fresh-debian", until="8.")
    _, ada = enrolled(machine, machine.said("journalctl"), "ada")
    follow(machine, "tutorial/fresh-debian", since="8.", until="9.")
    return machine, ada


def test_back_up_and_restore(home: tuple[Machine, Person]) -> None:
    machine, ada = home
    first, night, restore = (block for block in blocks(DOCS / "how-to/backup-and-restore.md") if block.is_run)
    do(machine, first)
    do(machine, night)
    machine.run("run-parts --test /etc/cron.daily | grep jupyter-totp; /etc/cron.daily/jupyter-totp")
    assert len(list(machine.file("/var/backups/jupyter").iterdir())) == 2
    machine.run("jupyter-totp deluser grace --yes")
    visitor = signed_in(machine, URL, ada)
    do(machine, restore)
    assert not visitor.is_signed_in()
    assert "grace" in machine.run("jupyter-totp list").output
    assert signed_in(machine, URL, later(ada)).is_signed_in()
    # The disk with the store is lost.
    machine.run(f"systemctl stop jupyter; rm -r {STORE.rpartition('/')[0]}")
    machine.run("systemctl start jupyter", fails=True)
    do(machine, restore)
    machine.run("systemctl start jupyter")
    assert signed_in(machine, URL, later(ada)).is_signed_in()


def test_a_new_key(home: tuple[Machine, Person]) -> None:
    machine, ada = home
    visitor = signed_in(machine, URL, ada)
    (block,) = (block for block in blocks(DOCS / "how-to/rotate-the-keyring.md") if block.is_run)
    before = machine.file("/etc/jupyter/jupyter-totp-keyring").read_text()
    do(machine, block)
    both = machine.file("/etc/jupyter/jupyter-totp-keyring").read_text()
    machine.run(block.text.replace("totp rekey ", "totp rekey --drop-old "))
    after = machine.file("/etc/jupyter/jupyter-totp-keyring").read_text()
    assert len(before) == len(after) < len(both)
    assert before != after
    assert not machine.file("/etc/jupyter/rekey").exists()
    assert visitor.is_signed_in()
    assert signed_in(machine, URL, ada).is_signed_in()


def test_a_lost_phone_and_a_stolen_one(home: tuple[Machine, Person]) -> None:
    machine, ada = home
    code = ada.recovery_codes[0]
    Visitor(URL, machine).log_in(ada, code=code)
    (block,) = (block for block in blocks(DOCS / "how-to/lost-phone.md") if block.is_run)
    text = block.text.replace("jupyter totp", "sudo jupyter-totp").replace("grace", "ada")
    visitor = signed_in(machine, URL, ada)
    shown = machine.answer(text, "another long password", "another long password")
    assert not visitor.is_signed_in()
    new = Visitor(URL, machine)
    again = new.enroll(link_in(shown)[1], username="ada", password="another long password")
    assert new.is_signed_in()
    refused = Visitor(URL, machine)
    refused.follow(refused.first_factor("ada", PASSWORD))
    assert not refused.is_signed_in()
    assert signed_in(machine, URL, again).is_signed_in()


def later(person: Person) -> Person:
    """The same, when the codes of this half minute are over: a restore makes them worthless."""
    person.phone.last_step = max(person.phone.last_step, int(time.time()) // 30)
    return person


def test_an_upgrade_and_the_way_back(home: tuple[Machine, Person]) -> None:
    machine, ada = home
    visitor = signed_in(machine, URL, ada)
    follow(machine, "how-to/upgrade", until="Several servers")
    assert "red: 0" in machine.said("doctor")
    assert visitor.is_signed_in()  # a restart drops no login
    # A newer version has been here.
    machine.run("systemctl stop jupyter")
    machine.write("/root/newer.py", NEWER)
    machine.run(f"python3 newer.py; chown jupyter: {STORE}*")
    refused = machine.run("systemctl start jupyter", fails=True).output
    text = (DOCS / "how-to/upgrade.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"(?m)^The store's schema \(.*", text)
    assert re.sub(r"\(\d+\)", "(…)", sentence) in re.sub(r"\(\d+\)", "(…)", refused)
    follow(machine, "how-to/upgrade", since="Go back")
    assert not visitor.is_signed_in()
    assert signed_in(machine, URL, later(ada)).is_signed_in()


def test_an_older_store_is_kept_and_brought_up_to_date(home: tuple[Machine, Person], tmp_path: Path) -> None:
    machine, _ = home
    machine.run(f"systemctl stop jupyter; rm {STORE}*")
    keyring = machine.file("/etc/jupyter/jupyter-totp-keyring")
    first_schema.make(f"sqlite:///{tmp_path}/old.sqlite3", tmp_path / "key" / "keyring")
    shutil.copyfile(tmp_path / "old.sqlite3", machine.file(STORE))
    keyring.write_bytes((tmp_path / "key" / "keyring").read_bytes())
    machine.run(f"chown jupyter: {STORE}; chmod 600 {STORE}; systemctl start jupyter")
    (copy,) = machine.file(STORE).parent.glob(f"*.before-{HEAD}-*")
    kept = shutil.copyfile(copy, tmp_path / "kept.sqlite3")
    with closing(sqlite3.connect(kept)) as store:
        assert store.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    assert Visitor(URL, machine).get("api/totp/health").json() == {"status": "ok"}
