"""The services start, serve, keep tests apart, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.services import Missing, missing_is_skip, must_be_complete, parts
from tests.services.mariadb import MariaDB
from tests.services.nginx import Nginx, running_nginx
from tests.services.ports import accepts, free_port
from tests.services.postgresql import PostgreSQL
from tests.services.process import DidNotStart, running


def write_and_count(url: str) -> int:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE word (text VARCHAR(9) PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO word VALUES ('été')"))
    with engine.connect() as connection:
        count = len(connection.execute(sa.text("SELECT * FROM word WHERE text = 'été'")).all())
    engine.dispose()
    return count


def test_postgresql_gives_an_empty_database(postgresql_url: str) -> None:
    assert postgresql_url.startswith("postgresql+psycopg://")
    assert write_and_count(postgresql_url) == 1


def test_postgresql_databases_are_quick_and_apart(postgresql: PostgreSQL) -> None:
    began = time.monotonic()
    with postgresql.database() as one, postgresql.database() as two:
        assert [write_and_count(one), write_and_count(two)] == [1, 1]
    assert time.monotonic() - began < 5
    with pytest.raises(sa.exc.OperationalError):
        write_and_count(one)


def test_postgresql_asks_for_the_password(postgresql_url: str) -> None:
    with pytest.raises(sa.exc.OperationalError, match="password"):
        write_and_count(without_password(postgresql_url))


def test_mariadb_gives_an_empty_database(mariadb_url: str) -> None:
    assert mariadb_url.startswith("mariadb+pymysql://")
    assert write_and_count(mariadb_url) == 1


def test_mariadb_databases_are_quick_and_apart(mariadb: MariaDB) -> None:
    began = time.monotonic()
    with mariadb.database() as one, mariadb.database() as two:
        assert [write_and_count(one), write_and_count(two)] == [1, 1]
    assert time.monotonic() - began < 5
    with pytest.raises(sa.exc.OperationalError):
        write_and_count(one)


def test_mariadb_asks_for_the_password(mariadb_url: str) -> None:
    with pytest.raises(sa.exc.OperationalError, match="Access denied"):
        write_and_count(without_password(mariadb_url))


def without_password(url: str) -> str:
    parsed = sa.make_url(url).set(password="wrong")
    return parsed.render_as_string(hide_password=False)


def test_nginx_serves_the_text_it_is_given(start_nginx: Callable[..., Nginx]) -> None:
    port = free_port()
    text = f"server {{ listen 127.0.0.1:{port}; location / {{ root .; }} }}"
    nginx = start_nginx(text, port=port, files={"hello.txt": b"hello"})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello.txt?a=b") as answer:
        assert answer.read() == b"hello"
    line = '"GET /hello.txt?a=b HTTP/1.1" 200'
    assert line in nginx.access_log(containing=line)


def test_nginx_takes_a_body_that_it_must_put_aside(start_nginx: Callable[..., Nginx]) -> None:
    port, behind = free_port(), free_port()
    text = f"""
        server {{ listen 127.0.0.1:{port}; client_max_body_size 1m;
                  location / {{ proxy_pass http://127.0.0.1:{behind}; }} }}
        server {{ listen 127.0.0.1:{behind}; location / {{ return 200 behind; }} }}
    """
    start_nginx(text, port=port)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", data=b"x" * 100_000)
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"behind"


def test_a_mistake_in_the_text_is_told_with_the_words_of_nginx() -> None:
    with (
        missing_is_skip(),
        pytest.raises(DidNotStart, match="unknown directive"),
        running_nginx("nonsense on;", port=free_port()),
    ):
        pass


def test_chromium_is_a_program(chromium: Path) -> None:
    assert os.access(chromium, os.X_OK)


def test_a_process_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "print('no room'); raise SystemExit(3)"]
    with (
        running(argv, log=tmp_path / "log") as process,
        pytest.raises(DidNotStart, match=r"(?s)ended with 3.*no room"),
    ):
        process.wait_until(lambda: False, seconds=10)


def test_a_process_that_stays_silent_is_given_up(tmp_path: Path) -> None:
    with (
        running(["sleep", "60"], log=tmp_path / "log") as process,
        pytest.raises(DidNotStart, match=r"not ready after 0\.2 s"),
    ):
        process.wait_until(lambda: False, seconds=0.2)
    assert process.returncode is not None


def test_a_process_that_will_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"
    with running(["sh", "-c", script], log=tmp_path / "log") as process:
        process.wait_until(lambda: process.output().endswith("\n"), seconds=10)
        grandchild = int(process.output())
        process.stop(grace=0.3)
    assert process.returncode == -signal.SIGKILL
    assert ends_within(grandchild, seconds=5)


def test_a_service_ends_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    script = """
import pathlib, time
from tests.services.process import running
with running(["sleep", "60"], log=pathlib.Path("log")) as process:
    print(process.pid, flush=True)
    time.sleep(60)
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        service = int(run.stdout.readline())
        # Without the promise of the kernel, the child may just be about to ask for it.
        time.sleep(0.3)
        run.kill()
    assert ends_within(service, seconds=5)


def ends_within(pid: int, *, seconds: float) -> bool:
    """Wait for a process that is not our child; a zombie that nobody collects counts as ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in {"Z", "X"}:
            return True
        time.sleep(0.05)
    return False


def test_ports_are_free_and_never_the_same() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert not any(accepts(port) for port in ports)


def test_a_missing_program_is_named_with_its_package() -> None:
    unknown = parts.Part("unobtainium", ("unobtainium-core",), ("no-such-program",))
    with pytest.raises(Missing, match=r"unobtainium \(apt package unobtainium-core\)"):
        unknown.find()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip), ("true", pytest.fail)])
def test_a_missing_part_is_a_skip_and_in_ci_a_failure(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: Callable[..., None]
) -> None:
    monkeypatch.setenv("CI", ci)
    assert must_be_complete() is (ci == "true")
    expected: type[BaseException] = outcome.Exception  # type: ignore[attr-defined]
    with pytest.raises(expected, match="missing: postgresql"), missing_is_skip():
        raise Missing("postgresql", "apt package postgresql")
