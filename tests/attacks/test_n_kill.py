"""Group N: kill -9 at any instant, a power cut, and 200 logins at once (N10, N11, N13)."""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import pytest
import requests

from jupyter_totp_auth.core import bearer
from jupyter_totp_auth.core.bearer import Kind
from tests.attacks.faults import assert_quiet, code_page, traced
from tests.attacks.fleet import PROCESSES, Fleet, fleet
from tests.attacks.stage import Stage, open_stage
from tests.harness.backstage import wait_until
from tests.harness.client import Client, Person
from tests.harness.server import START_SECONDS, JupyterServer
from tests.harness.volley import message, volley

A_FEW, MANY = 4, 200


# -- N10: kill -9 --------------------------------------------------------------------------------------


@dataclass
class Said:
    """What a server acknowledged before it was killed, and what it may or may not have done."""

    people: list[Person] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    logins: list[tuple[Person, str]] = field(default_factory=list)
    ended: list[tuple[Person, str]] = field(default_factory=list)
    spent: list[tuple[Person, str, int]] = field(default_factory=list)
    """Codes that opened a login, and the phone's last time step."""
    enrolled: list[tuple[str, Person]] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)


class Siege:
    """Servers that are killed at work, one after the other, and come back while the others serve."""

    def __init__(self, found: Fleet) -> None:
        self.stage, self.servers = found
        self.said = Said()
        self._dice = random.Random()  # noqa: S311 - when to kill
        self.admin = self.stage.services
        self._last: tuple[Person, str] | None = None

    def round(self, server: JupyterServer) -> None:
        """Work on one server until it is killed in the midst of it; then have it come back."""
        wait_until(server.is_ready, START_SECONDS, "the start")
        person = self.stage.person()
        self.said.people.append(person)
        timer = Timer(self._dice.uniform(0.02, 1.5), server.kill)
        acts = [self.log_in, self.recover, self.revoke, self.enroll]
        self._dice.shuffle(acts)
        acts[0](server, person)
        timer.start()  # from the end of the first act on: also a slow machine is killed at work
        try:
            while True:
                for act in acts:
                    self._act = act.__name__
                    act(server, person)
        except requests.RequestException:
            self.said.cut[self._act] += 1
        timer.join()
        server.process.wait(15)  # type: ignore[union-attr]
        server.launch()
        self.use_again()

    def half(self, server: JupyterServer, person: Person) -> Client:
        self.stage.unlock(person)
        client = self.stage.client(server.url)
        client.get("login")
        half = self.stage.half(self.stage.pending(person.username), url=server.url)
        for name, value in half.cookies.items():
            client.session.cookies.set(name, value, domain=urlsplit(server.url).hostname, path="/")
        return client

    def log_in(self, server: JupyterServer, person: Person) -> Client:
        client, code = self.half(server, person), self.stage.code(person)
        self.spend(client, person, code)
        return client

    def recover(self, server: JupyterServer, person: Person) -> None:
        if person.recovery_codes:
            self.spend(self.half(server, person), person, person.recovery_codes.pop())

    def spend(self, client: Client, person: Person, code: str) -> None:
        give = code_page(client)
        self._last = (person, code)
        answer = give(code)
        assert answer.status_code == 303, answer.status_code
        assert client.login_cookie is not None
        self.said.spent.append((person, code, person.phone.last_step))
        self.said.logins.append((person, client.login_cookie))

    def revoke(self, server: JupyterServer, person: Person) -> None:
        client = self.log_in(server, person)
        cookie = client.login_cookie or ""
        page = client.get("logout")
        self.said.logins.remove((person, cookie))  # from here on it may be over
        assert client.post_form(page, {}).status_code == 200
        self.said.ended.append((person, cookie))

    def enroll(self, server: JupyterServer, person: Person) -> None:
        del person
        username, code = self.stage.invite()
        self.said.added.append(username)
        client = self.stage.client(server.url)
        fresh = client.enroll(code, username=username, clock=self.stage.clock.time)
        self.said.enrolled.append((code, fresh))

    # -- afterwards --------------------------------------------------------------------------------

    def check(self) -> None:
        """Every acknowledged write is there, and nothing that was used can be used again."""
        stage, said = self.stage, self.said
        names = {account.username for account in self.admin.store.accounts.all()}
        assert {person.username for person in said.people} <= names
        assert set(said.added) <= names
        logins, at = self.admin.store.logins, stage.clock.now()
        for person, cookie in said.logins:
            digest = bearer.digest(Kind.LOGIN, cookie)
            assert digest is not None
            assert logins.find(digest, at=at) is not None, f"a login of {person.username} is lost"
        for _, cookie in said.ended:
            digest = bearer.digest(Kind.LOGIN, cookie)
            assert digest is not None
            assert logins.find(digest, at=at) is None, "a login that was ended lives"
        for person, code, step in said.spent:
            if code.isdecimal():
                (phone,) = self.admin.store.accounts.authenticators(stage.account_id(person))
                assert phone.last_step >= step, "it could be used again"
            else:
                before = self.opened(person)
                self.half(self.servers[0], person).second_factor(code)
                assert self.opened(person) == before, "a recovery code that was used opens again"
        for code, person in said.enrolled:
            assert not self.opens_enrollment(code), "an enrollment code that was used opens again"
            stage.log_in(person)

    def use_again(self) -> None:
        """The last code, at another server: whether it was taken or not, it opens one login in all."""
        if self._last is None:
            return
        person, code = self._last
        wait_until(lambda: any(server.is_ready() for server in self.servers), START_SECONDS, "a start")
        other = next(server for server in self.servers if server.is_ready())
        self.half(other, person).second_factor(code)
        heard = sum(one is person for one, _, _ in self.said.spent)
        unheard = 0 if any((one, text) == (person, code) for one, text, _ in self.said.spent) else 1
        assert heard <= self.opened(person) <= heard + unheard, "a code opened two logins"
        self._last = None

    def opened(self, person: Person) -> int:
        listed = self.admin.store.events.list(account_id=self.stage.account_id(person))
        return sum(event.kind.value == "login" for _, event in listed)

    def opens_enrollment(self, code: str) -> bool:
        client = self.stage.client(self.servers[0].url)
        answer = client.post_form(client.get("enroll"), {"enrollment_code": code})
        return answer.status_code == 303


def insist_on_nothing_lost(found: Fleet, kills: int) -> None:
    siege, begun = Siege(found), time.monotonic()
    for number in range(kills):
        siege.round(siege.servers[number % PROCESSES])
    for server in siege.servers:
        wait_until(server.is_ready, START_SECONDS, "the start")
    siege.check()
    said = siege.said
    assert said.spent
    print(
        f"N10: {kills} kills in {time.monotonic() - begun:.0f} s, cut in {dict(said.cut)}; acknowledged: "
        f"{len(said.logins)} logins, {len(said.ended)} ends, {len(said.enrolled)} enrollments, "
        f"{len(said.people) + len(said.added)} people; {len(said.spent)} codes tried again"
    )
    for server in siege.servers:
        assert_quiet(server)


def insist_on_integrity(stage: Stage) -> None:
    with stage.services.store.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").all() == [("ok",)]
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as found:
        yield found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_N10_a_few_kills_lose_nothing_and_give_nothing_back(on_sqlite: Fleet) -> None:
    insist_on_nothing_lost(on_sqlite, A_FEW)
    insist_on_integrity(on_sqlite[0])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_N10_two_hundred_kills_on_sqlite(tmp_path: Path) -> None:
    with fleet(tmp_path) as found:
        insist_on_nothing_lost(found, MANY)
        insist_on_integrity(found[0])


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_N10_two_hundred_kills_on_servers(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    with fleet(tmp_path, request.getfixturevalue(f"{kind}_url")) as found:
        insist_on_nothing_lost(found, MANY)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_N10_an_adduser_that_is_killed_adds_whole_accounts_or_none(tmp_path: Path) -> None:
    dice = random.Random()  # noqa: S311 - when to kill
    with open_stage(tmp_path) as stage:
        begun = time.monotonic()
        assert stage.server.totp("adduser", "eve").returncode == 0
        whole, added, killed = time.monotonic() - begun, ["eve"], 0
        for number in range(20):
            command = [stage.server.python, "-m", "jupyter", "totp", "adduser", f"eve-{number}"]
            with subprocess.Popen(
                command, env=stage.server.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as child:
                timer = Timer(whole * dice.uniform(0.5, 1.2), child.kill)
                timer.start()
                out = child.communicate()[0]
                timer.cancel()
            killed += child.returncode != 0
            if "enroll#" in out:
                added.append(f"eve-{number}")
        names = {account.username for account in stage.services.store.accounts.all()}
        assert set(added) <= names
        insist_on_integrity(stage)
        print(f"N10: adduser killed {killed} of 20 times, {len(added)} said that they had added")


# -- N11: a power cut ----------------------------------------------------------------------------------

_WRITE = re.compile(
    r'^(\d+) +pwrite64\((\d+)<((?:\\x[0-9a-f]{2})+)>, "((?:\\x[0-9a-f]{2})*)", \d+, (\d+)\) += (\d+)'
)
_SYNC = re.compile(r"^(\d+) +(?:fdatasync|fsync)\((\d+)<((?:\\x[0-9a-f]{2})+)>\) += 0")
_ANSWER = re.compile(
    r'^(\d+) +(?:sendto|write|sendmsg)\(\d+<[^>]*>, "\\x48\\x54\\x54\\x50\\x2f\\x31\\x2e\\x31\\x20\\x33\\x30\\x33'
)
_CUT = " <unfinished ...>"


def whole(lines: list[str]) -> Iterator[str]:
    """The lines of a trace, with those that another thread interrupted put together, at their end."""
    begun: dict[str, str] = {}
    for line in lines:
        thread = line.split(" ", 1)[0]
        if line.endswith(_CUT):
            begun[thread] = line.removesuffix(_CUT)
        elif "resumed>" in line and thread in begun:
            yield begun.pop(thread) + line.split("resumed>", 1)[1]
        else:
            yield line


def from_hex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def what_a_power_cut_leaves(trace: Path, place: Path, image: Path) -> None:
    """The files as they were last synced before the 303 was sent; all later writes are lost."""
    files: dict[str, bytearray] = {}
    safe: dict[str, bytes] = {}
    for line in whole(trace.read_text().splitlines()):
        if _ANSWER.match(line):
            break
        if found := _WRITE.match(line):
            path, data, offset = Path(from_hex(found[3]).decode()), from_hex(found[4]), int(found[5])
            if path.parent == place:
                content = files.setdefault(path.name, bytearray((image / path.name).read_bytes()))
                content[len(content) :] = bytes(max(0, offset - len(content)))
                content[offset : offset + len(data)] = data
        elif found := _SYNC.match(line):
            name = Path(from_hex(found[3]).decode()).name
            safe.update({name: bytes(files[name])} if name in files else {})
    else:
        raise AssertionError(f"no answer in the trace:\n{trace.read_text()[-2000:]}")
    assert safe, "nothing was synced before the answer was sent"
    for name, synced in safe.items():
        (image / name).write_bytes(synced)


def test_N11_what_was_answered_is_there_after_a_power_cut(tmp_path: Path) -> None:
    with open_stage(tmp_path / "home") as stage:
        ada = stage.person()
        half, code = stage.half_in(ada.username), stage.code(ada)
        give = code_page(half)
        place = stage.server.database
        image = tmp_path / "image"
        image.mkdir()
        options = ["-y", "-xx", "-s", "1000000", "-e", "trace=pwrite64,fdatasync,fsync,sendto,sendmsg,write"]
        with traced(stage.server, *options, log=tmp_path / "trace"):
            for end in ("", "-wal"):
                shutil.copy(place.with_name(place.name + end), image / (place.name + end))
            assert give(code).status_code == 303
        what_a_power_cut_leaves(tmp_path / "trace", place.parent, image)
        with closing(sqlite3.connect(image / place.name)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            digest = bearer.digest(Kind.LOGIN, half.login_cookie or "")
            assert digest is not None
            kept = connection.execute("SELECT count(*) FROM login WHERE digest = ?", (digest.hex(),))
            assert kept.fetchone() == (1,), "the login is there"
            account = stage.account_id(ada)
            spent = "SELECT last_step FROM totp_authenticator WHERE account_id = ?"
            assert connection.execute(spent, (account,)).fetchone() == (ada.phone.last_step,)


# -- N13: all at once ----------------------------------------------------------------------------------


def insist_on_all_let_in(found: Fleet, crowd: int) -> None:
    """So many whole logins at once over four processes; who is told to come again does."""
    stage, servers = found
    people = [stage.person() for _ in range(crowd)]
    token = {}
    for server in servers:
        client = stage.client(server.url)
        client.get("login")
        token[server.url] = client.xsrf
    left, statuses, begun, rounds = list(enumerate(people)), Counter[int](), time.monotonic(), 0
    while left:
        rounds += 1
        assert rounds < 60
        step = stage.clock.start_of_step(1)
        answers = volley(
            [
                (
                    url := servers[number % PROCESSES].url,
                    by_api(url, token[url], person, person.phone.code_of(step)),
                )
                for number, person in left
            ]
        )
        statuses.update(answer.status for answer in answers)
        assert set(statuses) <= {200, 503}, statuses
        for answer in answers:
            if answer.status == 503:
                assert int(answer.header("Retry-After")) > 0
        left = [one for one, answer in zip(left, answers, strict=True) if answer.status == 503]
        time.sleep(0.5 if left else 0)
    print(
        f"N13: {crowd} logins at once in {time.monotonic() - begun:.1f} s and {rounds} rounds: {dict(statuses)}"
    )
    for server in servers:
        assert "database is locked" not in server.log
        assert_quiet(server)


def by_api(url: str, token: str, person: Person, code: str) -> bytes:
    body = json.dumps({"username": person.username, "password": person.password, "code": code}).encode()
    headers = {"Content-Type": "application/json", "X-XSRFToken": token}
    path = "/api/totp/login"
    return message(url, "POST", path, cookies={"_xsrf": token}, headers=headers, body=body)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_N13_two_hundred_logins_at_once_over_four_processes(tmp_path: Path) -> None:
    with fleet(tmp_path) as found:
        insist_on_all_let_in(found, 200)
