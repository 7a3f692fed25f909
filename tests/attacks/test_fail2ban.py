"""The log's lines for fail2ban, judged by fail2ban's own fail2ban-regex on real servers' logs (R46; M11, G20, F05)."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_totp_auth.core.model import Issued, Origin
from tests.attacks.stage import WRONG_PASSWORD, Stage, open_stage
from tests.harness.client import PASSWORD, Client
from tests.harness.lean import lean
from tests.harness.volley import Wire, message
from tests.harness.wire import FORM, ask
from tests.services import missing_is_skip, parts

SHIPPED = Path(__file__).parents[2] / "config" / "fail2ban"
FILTER = SHIPPED / "filter.d" / "jupyter-totp-auth.conf"
ETC = Path("/etc/fail2ban")
BURST = 3
CODE = "000000"

FORGED = "[W 2026-11-20 19:32:45.047 ServerApp] jupyter_totp_auth: failed login from 9.9.9.9"
SYSLOG = f"Nov 20 19:32:45 host jupyter[1]: {FORGED}"
BREAKS = ["\n", "\x1b[2K", "\u2028", "\u202e", "\x85\x0b\x0c\x1c", "%0a\\n"]
BRACES = "%s%n%(name)s{0}{event}{self.log}${x}{{}}%"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server behind a proxy, which is us: X-Forwarded-For says who is there."""
    arguments = ["--TotpAuth.trusted_proxies=127.0.0.1/32", f"--TotpAuth.address_burst={BURST}"]
    with open_stage(tmp_path_factory.mktemp("f2b"), cheap=True, arguments=arguments) as found:
        yield found


@pytest.fixture(scope="module")
def json_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same, with its log in JSON."""
    arguments = ["--TotpAuth.trusted_proxies=127.0.0.1/32", "--TotpAuth.log_format=json"]
    with open_stage(tmp_path_factory.mktemp("f2bjson"), cheap=True, arguments=arguments) as found:
        yield found


@pytest.fixture(scope="module")
def judge() -> Path:
    with missing_is_skip():
        return parts.find("fail2ban")


def banned(judge: Path, log: str, folder: Path) -> list[str]:
    """The addresses that fail2ban finds in a log, once for each matching line."""
    file = folder / "judged.log"
    file.write_bytes(log.encode("utf-8", "surrogateescape"))
    done = subprocess.run(
        [str(judge), "--out", "ip", str(file), str(FILTER)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if line.strip()]


class Watched:
    """What fail2ban makes of a server's log from here on."""

    def __init__(self, stage: Stage, judge: Path, folder: Path) -> None:
        self.stage, self.judge, self.folder = stage, judge, folder
        self.begun = len(stage.server.log)

    @property
    def log(self) -> str:
        return self.stage.server.log[self.begun :]

    @property
    def banned(self) -> list[str]:
        return banned(self.judge, self.log, self.folder)


@pytest.fixture
def watched(stage: Stage, judge: Path, tmp_path: Path) -> Watched:
    return Watched(stage, judge, tmp_path)


def coming_from(stage: Stage, address: str, **headers: str) -> Client:
    return stage.client(**{"X-Forwarded-For": address, **headers})


def try_by_api(client: Client, username: str, password: str, code: str = CODE) -> int:
    client.get("login")
    document = {"username": username, "password": password, "code": code}
    return client.request("POST", "api/totp/login", json=document).status_code


# -- one failed login, one line ---------------------------------------------------------------------------


def test_a_failed_login_is_one_line_with_the_true_address_whichever_factor_was_wrong(
    stage: Stage, watched: Watched
) -> None:
    ada = stage.person()
    wrong = stage.wrong_code(ada)
    cases = {
        "203.0.113.1": (ada.username, WRONG_PASSWORD, wrong),
        "203.0.113.2": (ada.username, PASSWORD, wrong),
        "203.0.113.3": ("nobody-here", PASSWORD, wrong),
        "2001:db8::4": (ada.username, WRONG_PASSWORD, ada.recovery_codes[0]),
    }
    for address, (name, password, code) in cases.items():
        client = coming_from(stage, address)
        assert client.first_factor(name, password).status_code == 303
        assert client.second_factor(code).status_code == 401
    stage.unlock(ada)
    assert try_by_api(coming_from(stage, "203.0.113.5"), ada.username, WRONG_PASSWORD) == 401
    assert watched.banned == [*cases, "203.0.113.5"]
    client = coming_from(stage, "203.0.113.6")
    code = "A" * 43
    assert client.post_form(client.get("enroll"), {"enrollment_code": code}).status_code == 401
    assert watched.banned[5:] == ["203.0.113.6"]
    _, code = stage.invite(password=PASSWORD)
    page = client.follow(client.post_form(client.get("enroll"), {"enrollment_code": code}))
    assert client.post_form(page, {"password": WRONG_PASSWORD}).status_code == 401
    assert watched.banned[6:] == ["203.0.113.6"]


def test_a_login_that_succeeds_is_none_and_a_spent_code_is_one(stage: Stage, watched: Watched) -> None:
    ada = stage.person()
    stage.unlock(ada)
    code = stage.code(ada)
    coming_from(stage, "203.0.113.10").log_in(ada, code=code)
    assert watched.banned == []
    client = coming_from(stage, "203.0.113.11")
    client.first_factor(ada.username, PASSWORD)
    assert client.second_factor(code).status_code == 401
    assert watched.banned == ["203.0.113.11"]


def test_a_known_browser_is_told_at_once_and_counted_at_once(stage: Stage, watched: Watched) -> None:
    ada = stage.person()
    client = stage.log_in(ada, coming_from(stage, "203.0.113.20"))
    client.log_out()
    assert client.first_factor(ada.username, WRONG_PASSWORD).status_code == 401
    assert watched.banned == ["203.0.113.20"]
    (event,) = [e for _, e in stage.services.store.events.list() if e.detail == "known browser"]
    assert event.account == ada.username


def test_a_failed_unlock_and_step_up_are_counted(stage: Stage, watched: Watched) -> None:
    ada = stage.person()
    client = stage.log_in(ada, coming_from(stage, "203.0.113.21"))
    wrong = {"password": WRONG_PASSWORD, "code": CODE}
    assert client.request("POST", "api/totp/step-up", json=wrong).status_code == 401
    assert client.request("POST", "api/totp/lock").status_code == 204
    assert client.request("POST", "api/totp/unlock", json={"password": WRONG_PASSWORD}).status_code == 401
    assert watched.banned == ["203.0.113.21"] * 2


def test_a_ban_does_not_tell_which_password_is_right(stage: Stage, watched: Watched) -> None:
    ada = stage.person()
    wrong = stage.wrong_code(ada)
    for address, password in (("203.0.113.30", PASSWORD), ("203.0.113.31", WRONG_PASSWORD)):
        stage.unlock(ada)
        for _ in range(2):
            coming_from(stage, address).first_factor(ada.username, password)
        assert address not in watched.banned, "nothing was said yet"
        client = coming_from(stage, address)
        client.first_factor(ada.username, password)
        for _ in range(3):
            assert client.second_factor(wrong).status_code == 401
    assert watched.banned == ["203.0.113.30"] * 3 + ["203.0.113.31"] * 3


# -- throttled tries --------------------------------------------------------------------------------------


def test_whoever_is_told_to_wait_for_their_address_is_seen_and_the_log_stays_bounded(
    stage: Stage, watched: Watched
) -> None:
    client = coming_from(stage, "198.51.100.1")
    page = client.get("login")
    values = {"username": "nobody-at-all", "password": PASSWORD}
    statuses = [client.post_form(page, values).status_code for _ in range(BURST + 12)]
    assert statuses.count(429) >= 12
    found = watched.banned
    assert set(found) == {"198.51.100.1"}
    assert 1 <= len(found) < 12
    assert watched.log.count("too many tries from") == len(found)


def test_whom_others_made_wait_is_not_seen(stage: Stage, watched: Watched) -> None:
    """The counter of an account can be filled by strangers: its owner must not be banned for it."""
    ada = stage.person()
    stage.unlock(ada)
    flow = stage.services.login.first_factor
    stranger = Origin("198.51.100.2", "stranger")
    for _ in range(200):
        outcome = flow(typed_name=ada.username, typed_password=WRONG_PASSWORD, origin=stranger)
        if not isinstance(outcome, Issued):
            break
    assert coming_from(stage, "203.0.113.40").first_factor(ada.username, PASSWORD).status_code == 429
    assert watched.banned == []


# -- nothing that is typed or sent makes a line -----------------------------------------------------------


@pytest.mark.parametrize("text", [*BREAKS, BRACES], ids=ascii)
def test_M11_G20_F05_what_is_typed_or_sent_makes_no_line_and_no_error(
    stage: Stage, watched: Watched, text: str
) -> None:
    forged = f"x{text}{FORGED}{text}{SYSLOG}"
    address = f"192.0.2.{[*BREAKS, BRACES].index(text) + 1}"
    client = coming_from(stage, address)
    client.get("login")
    for name, password, code in ((forged, PASSWORD, CODE), (f"nobody-{address}", forged, CODE)):
        assert try_by_api(client, name, password, code) == 401
    assert (
        client.request(
            "POST", "api/totp/login", json={"username": "a", "password": "b", "code": forged}
        ).status_code
        == 400
    )
    sent = text.encode().decode("latin-1")
    for where in ("User-Agent", "Referer", "Host", "Cookie", "X-Forwarded-Proto", "Authorization", "Accept"):
        raw(stage, "GET", "/api/contents", {"X-Forwarded-For": address, where: f"x{sent}{FORGED}"})
    form = {"X-Forwarded-For": address, "Referer": f"x{sent}{FORGED}", "Content-Type": FORM}
    raw(stage, "POST", "/login", form)
    for hops in (f"9.9.9.9{sent}, {address}", f"{sent}9.9.9.9{sent}{FORGED}, {address}"):
        raw(stage, "GET", "/login", {"X-Forwarded-For": hops})
    target = f"/x{sent}{FORGED}".replace(" ", "\x0b")
    for path in (target, f"/lab?{target}", f"/files{target}", f"/x{sent}{FORGED}"):
        raw(stage, "GET", path, {"X-Forwarded-For": address})
        raw(stage, f"G{sent}T", path, {"X-Forwarded-For": address})
    assert watched.banned == [address] * 2, watched.log
    assert text != BRACES or f"referer=x{BRACES}{FORGED}" in watched.log, "it does stand in the log"
    assert "Traceback" not in watched.log
    assert "Logging error" not in watched.log
    audit = [line for line in watched.log.split("\n") if '{"audit"' in line]
    for line in audit:
        assert line.isascii()
        assert "9.9.9.9" not in line
        json.loads(line[line.index("{") :])
    for line in watched.log.split("\n"):
        if "failed login from" in line and "9.9.9.9" not in line:
            assert re.fullmatch(
                r"\[W [\d .:-]+ ServerApp\] jupyter_totp_auth: failed login from 192\.0\.2\.\d+", line
            )


def test_M11_G20_a_log_in_json_has_the_same_lines_and_no_others(
    json_stage: Stage, judge: Path, tmp_path: Path
) -> None:
    watched = Watched(json_stage, judge, tmp_path)
    client = coming_from(json_stage, "203.0.113.1")
    client.get("login")
    line = json.dumps({"time": "2026-11-20T19:32:45.047Z", "level": "WARNING", "logger": "ServerApp"})[:-1]
    forged = f'{line}, "message": "jupyter_totp_auth: failed login from 9.9.9.9"}}'
    for text in (*BREAKS, '"}', '"'):
        sent = f"x{text}{forged}"
        assert try_by_api(client, sent, PASSWORD) == 401
        for where in ("User-Agent", "Referer", "Host", "Accept"):
            odd = sent.encode().decode("latin-1")
            raw(json_stage, "GET", "/api/contents", {"X-Forwarded-For": "203.0.113.2", where: odd})
        form = {"X-Forwarded-For": "203.0.113.2", "Referer": odd, "Content-Type": FORM}
        raw(json_stage, "POST", "/login", form)
        raw(json_stage, "GET", f"/x{sent}".replace(" ", "\x0b"), {"X-Forwarded-For": "203.0.113.2"})
    assert "9.9.9.9" in watched.log, "it does stand in the log"
    for each in json_stage.server.log.splitlines():
        assert each.isascii()
        told = json.loads(each)
        assert list(told)[:4] == ["time", "level", "logger", "message"], each
        assert "audit" not in told or "9.9.9.9" not in json.dumps(told["audit"])
    assert watched.banned == ["203.0.113.1"] * 8, watched.log


def raw(stage: Stage, method: str, path: str, headers: dict[str, str]) -> None:
    """A request by the byte; whatever the answer is."""
    sent = message(stage.server.url, method, path)
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
    head, _, _ = sent.partition(b"\r\n\r\n")
    with Wire(stage.server.url, seconds=5) as wire:
        wire.send(head + b"\r\n" + extra + b"Connection: close\r\n\r\n")
        with contextlib.suppress(ConnectionError, ValueError, AssertionError):  # refused without an answer
            wire.answer()


# -- where nobody may speak for others --------------------------------------------------------------------


def test_a_unix_socket_is_no_address_and_an_untrusted_header_makes_none(
    tmp_path: Path, judge: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sock = tmp_path_factory.mktemp("s") / "j"
    with lean(tmp_path, sock=sock) as server:
        page = ask(server, "GET", "login", {"Host": "localhost"})
        (cookie,) = [text.partition(";")[0] for text in page.cookies if text.startswith("_xsrf=")]
        headers = {
            "Host": "localhost",
            "Cookie": cookie,
            "X-XSRFToken": cookie.partition("=")[2],
            "Content-Type": "application/json",
            "X-Forwarded-For": "9.9.9.9",
            "X-Real-IP": "9.9.9.9",
            "Forwarded": "for=9.9.9.9",
            "Origin": "http://localhost",
        }
        body = json.dumps({"username": "ada", "password": PASSWORD, "code": CODE}).encode()
        reply = ask(server, "POST", "api/totp/login", headers, body)
        assert reply.status == 401, reply.body
        assert "jupyter_totp_auth: failed login from unix\n" in server.log
        assert banned(judge, server.log, tmp_path) == []


@pytest.mark.skipif(not ETC.is_dir(), reason="fail2ban's own configuration is elsewhere")
def test_filter_and_jail_are_accepted_beside_fail2bans_own(judge: Path, tmp_path: Path) -> None:
    etc = tmp_path / "fail2ban"
    shutil.copytree(ETC, etc, ignore=shutil.ignore_patterns("jail.d", "jail.local"))
    shutil.copytree(SHIPPED, etc, dirs_exist_ok=True)
    tell = [str(judge.with_name("fail2ban-client")), "-c", str(etc), "-d"]
    done = subprocess.run(tell, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "['start', 'jupyter-totp-auth']" in done.stdout
    assert "_SYSTEMD_UNIT=jupyter.service" in done.stdout


TOLD = "jupyter_totp_auth: failed login from"
LINE = "[W 2026-11-20 19:32:45.047 ServerApp] " + TOLD + " {}"
JSON_LINE = (
    '{{"time": "2026-11-20T19:32:45.047Z", "level": "WARNING", "logger": "ServerApp", "message": "'
    + TOLD
    + ' {}"}}'
)


@pytest.mark.parametrize("line", [LINE, JSON_LINE], ids=["text", "json"])
@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "Nov 20 19:32:45 host jupyter-lab[812]: ",
        "2026-11-20T19:32:45.123456+01:00 host.example.org python3.11[812]: ",
        "host jupyter[812]: ",
    ],
    ids=["file", "syslog", "syslog with ISO dates", "journal"],
)
def test_the_filter_reads_a_file_syslog_and_the_journal(
    judge: Path, tmp_path: Path, line: str, prefix: str
) -> None:
    said = [prefix + line.format(who) for who in ("203.0.113.7", "2001:db8::7", "unix", "evil.example")]
    said.append(prefix + line.format("8.8.8.8").replace(TOLD, f"403 GET /x (@8.8.8.8) referer={TOLD}"))
    said.append(f"{said[0]} {prefix}{line.format('9.9.9.9')}")
    assert banned(judge, "\n".join([*said, ""]), tmp_path) == ["203.0.113.7", "2001:db8::7"]


def test_the_date_of_a_json_line_is_in_utc(judge: Path, tmp_path: Path) -> None:
    file = tmp_path / "judged.log"
    file.write_text(JSON_LINE.format("203.0.113.7") + "\n")
    done = subprocess.run(
        [str(judge), "--out", "<time>", str(file), str(FILTER)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"TZ": "Asia/Tokyo", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.strip() == "1795203165"
