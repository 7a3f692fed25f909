"""logins and log."""

from __future__ import annotations

import json
import signal
from itertools import pairwise

from jupyter_totp_auth.core.events import Event, EventKind
from tests.cli.desk import Desk


def test_logins_lists_those_that_are_open(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.now += 60
    desk.log_in(ada)
    newest, oldest = desk.do("logins", "ada", "--json").document
    assert set(newest) == {"id", "client", "user_agent", "created_at", "last_seen_at", "expires_at"}
    assert newest["created_at"] == "2027-01-15T08:01:00Z"
    assert (oldest["client"], oldest["user_agent"]) == ("192.0.2.1", "Firefox")
    lines = desk.do("logins", "ada").out.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", newest["id"], oldest["id"]]


def test_one_login_is_ended_by_its_id_and_the_other_lives(desk: Desk) -> None:
    ada = desk.add("ada")
    (only,) = desk.do("logins", "ada", "--json").document
    desk.now += 60
    second = desk.log_in(ada)
    desk.do("logins", "ada", "--end", only["id"])
    assert not desk.lives(ada.bearer)
    assert second
    assert desk.lives(second)
    assert desk.run("logins", "ada", "--end", only["id"]).status == 1
    assert desk.run("logins", "ada", "--end", "\x1b[31m").status == 1


def test_a_login_of_somebody_else_is_not_ended(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.add("bob")
    (login,) = desk.do("logins", "ada", "--json").document
    assert desk.run("logins", "bob", "--end", login["id"]).status == 1
    assert desk.lives(ada.bearer)


def test_all_logins_are_ended_and_counted(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.now += 60
    desk.log_in(ada)
    assert desk.do("logins", "ada", "--end-all", "--json").document == {"ended": 2}
    assert desk.do("logins", "ada", "--json").document == []
    assert desk.do("logins", "ada", "--end-all").out == "Ended 0 logins of ada.\n"
    assert desk.run("logins", "ada", "--end-all", "--end", "x").status == 2


def test_the_log_as_json_has_these_keys_and_is_in_order(desk: Desk) -> None:
    ada = desk.add("ada")
    desk.now += 60
    assert desk.log_in(ada, code="000000") is None
    log = desk.do("log", "--json").document
    assert all(set(one) == {"at", "event", "account", "actor", "client", "login", "detail"} for one in log)
    assert [one["event"] for one in log] == [
        "account-added",
        "enrollment-code",
        "enrolled",
        "login",
        "first-factor-passed",
        "second-factor-denied",
    ]
    assert log[0] == {
        "at": "2027-01-15T08:00:00Z",
        "event": "account-added",
        "account": "ada",
        "actor": "operator",
        "client": "",
        "login": None,
        "detail": "member",
    }
    assert all(earlier["at"] <= later["at"] for earlier, later in pairwise(log))


def test_the_log_for_people_has_a_line_an_event(desk: Desk) -> None:
    desk.add("ada")
    lines = desk.do("log").out.splitlines()
    assert len(lines) == 4
    assert lines[0] == "2027-01-15T08:00:00Z  account-added  account ada  by operator  detail member"


def ran(desk: Desk, kernel: str, **more: str) -> Event:
    """A cell that was run."""
    detail = {"kernel": kernel, "channel": "shell", "sha256": "5e", "length": 1, **more}
    return Event(
        EventKind.CELL_RUN, desk.now, "1" * 32, "ada", "ada", "192.0.2.1", "3614", json.dumps(detail)
    )


def test_a_run_has_account_login_and_kernel_in_its_line_and_the_log_of_one_kernel_has_its_own(
    desk: Desk,
) -> None:
    desk.add("ada")
    odd = "a b\n  login \x1b[31m.ipynb"
    events = [
        ran(desk, "k-1", path="work/a.ipynb"),
        ran(desk, "k-2", path=odd),
        ran(desk, "k-1", token="9d1c"),
    ]
    opened = Event(EventKind.TERMINAL_OPENED, desk.now, account="ada", detail='{"terminal": "1"}')
    torn = Event(EventKind.CELL_RUN, desk.now, account="ada", detail='{"kernel": "k-1"')
    with desk.services() as services:
        services.store.events.add(*events, opened, torn)
    lines = [line.partition("  ")[2] for line in desk.do("log").out.splitlines()[-5:]]
    who = "cell-run  account ada  by ada  from 192.0.2.1  login 3614"
    rest = 'detail {"channel": "shell", "sha256": "5e", "length": 1}'
    assert lines == [
        f"{who}  kernel k-1  path work/a.ipynb  {rest}",
        f'{who}  kernel k-2  path "a b\\n  login \\u001b[31m.ipynb"  {rest}',
        f"{who}  token 9d1c  kernel k-1  {rest}",
        "terminal-opened  account ada  terminal 1",
        'cell-run  account ada  detail {"kernel": "k-1"',
    ]
    one = desk.do("log", "--kernel", "k-1", "--json").document
    assert [json.loads(each["detail"])["kernel"] for each in one] == ["k-1", "k-1"]
    assert desk.do("log", "--kernel", "none", "--json").document == []
    with desk.spawn("log", "--follow", "--kernel", "k-2") as follower:
        assert follower.stdout is not None
        assert "kernel k-2" in follower.stdout.readline()
        follower.terminate()
        follower.communicate(timeout=20)


def test_the_log_of_one_account_outlives_the_account(desk: Desk) -> None:
    desk.do("adduser", "ada")
    desk.do("adduser", "bob")
    desk.do("deluser", "ada", "--yes")
    log = desk.do("log", "--account", "ada", "--json").document
    assert [one["event"] for one in log] == ["account-added", "enrollment-code", "account-deleted"]
    assert {one["account"] for one in log} == {"ada"}
    desk.do("adduser", "cleo")
    assert desk.run("log", "--account", "dan").status == 1


def test_the_log_is_followed_until_ctrl_c(desk: Desk) -> None:
    desk.do("adduser", "ada")
    with desk.spawn("log", "--follow", "--json") as follower:
        assert follower.stdout is not None
        first = [json.loads(follower.stdout.readline())["event"] for _ in range(2)]
        assert first == ["account-added", "enrollment-code"]
        desk.do("disable", "ada")
        desk.do("adduser", "bob")
        then = [json.loads(follower.stdout.readline()) for _ in range(3)]
        assert [one["event"] for one in then] == ["account-disabled", "account-added", "enrollment-code"]
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=20)
    assert (follower.returncode, out, err.strip()) == (0, "", "")


def test_following_one_account_shows_nothing_of_the_others(desk: Desk) -> None:
    desk.do("adduser", "ada")
    with desk.spawn("log", "--follow", "--account", "ada") as follower:
        assert follower.stdout is not None
        for _ in range(2):
            follower.stdout.readline()
        desk.do("adduser", "bob")
        desk.do("disable", "ada")
        assert "account-disabled  account ada" in follower.stdout.readline()
        follower.terminate()
        follower.communicate(timeout=20)


def test_following_starts_with_the_newest_and_repeats_nothing(desk: Desk) -> None:
    desk.do("adduser", "ada")
    for _ in range(15):
        desk.do("disable", "ada")
        desk.do("enable", "ada")
    with desk.spawn("log", "--follow", "--json") as follower:
        assert follower.stdout is not None
        begun = [json.loads(follower.stdout.readline())["event"] for _ in range(20)]
        assert begun == ["account-disabled", "account-enabled"] * 10
        desk.do("role", "ada", "admin")
        assert json.loads(follower.stdout.readline())["event"] == "role-changed"
        follower.terminate()
        follower.communicate(timeout=20)


def test_a_reader_that_goes_away_leaves_no_traceback(desk: Desk) -> None:
    desk.do("adduser", "ada")
    for _ in range(40):
        desk.do("role", "ada", "admin")
    with desk.spawn("log") as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.close()
        assert writer.stderr.read() == ""
        assert writer.wait(20) == 1
