"""With somebody at a terminal: passwords, questions, QR codes, and an enrollment from end to end."""

from __future__ import annotations

import base64
import os
import pty
import re
import sqlite3
import time
from contextlib import closing

import pytest
from qrcode import QRCode, constants

from jupyter_totp_auth.cli.here import _clock_is_off
from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.enrollment import Stage
from jupyter_totp_auth.core.model import Issued
from jupyter_totp_auth.settings import TotpAuth
from jupyter_totp_auth.wiring import build
from tests.cli.desk import CHEAP, HERE, PASSWORD, Desk
from tests.cli.screen import CTRL_C, CTRL_D, Screen

STEP = 30
KEY = re.compile(r"type this key into it: ([A-Z2-7]{32})")
RECOVERY_CODE = re.compile(r"^    ((?:[0-9A-Z]{4}-){5}[0-9A-Z]{4})\r$", re.MULTILINE)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.now = int(time.time())
    return desk


def type_password(screen: Screen, password: str = PASSWORD) -> None:
    screen.wait_for("Password: ")
    screen.type(password)
    screen.wait_for("once more: ")
    screen.type(password)


def key_on(screen: Screen) -> bytes:
    screen.wait_for("The code that the app shows: ")
    found = KEY.search(screen.text)
    assert found, screen.text
    return base64.b32decode(found[1])


def modules_on(screen: Screen) -> list[list[bool]]:
    """The last drawn QR code, dark modules being true: on a terminal, what is not painted is dark."""
    rows: list[list[bool]] = []
    painted = {"\u00a0": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1), " ": (0, 0)}
    for line in screen.text.splitlines():
        found = re.search(r"\x1b\[38;5;255m([^\x1b]+)\x1b\[0m", line)
        if found:
            rows.extend([not painted[c][half] for c in found[1]] for half in (0, 1))
    return rows


def modules_of(text: str) -> list[list[bool]]:
    code = QRCode(error_correction=constants.ERROR_CORRECT_L, border=2)
    code.add_data(text)
    return [[bool(module) for module in row] for row in code.get_matrix()]


def test_adduser_here_enrolls_the_first_admin_without_a_browser(desk: Desk) -> None:
    with Screen("adduser", "ada", "--admin", "--here", env=desk.env) as screen:
        type_password(screen)
        secret = key_on(screen)
        uri = totp.uri(secret, username="ada", issuer="Jupyter")
        expected = modules_of(uri)
        assert modules_on(screen)[: len(expected)] == expected
        screen.type("12345")
        screen.wait_for("six digits")
        screen.type(totp.code(secret, totp.step_at(int(time.time())) - 4))
        screen.wait_for("clock is off by about 2 minutes")
        screen.type(totp.code(secret, totp.step_at(int(time.time()))))
        assert screen.finish() == 0
    codes = RECOVERY_CODE.findall(screen.text)
    assert len(codes) == len(set(codes)) == 10
    assert PASSWORD not in screen.text
    (ada,) = desk.do("list", "--json").document
    assert (ada["role"], ada["state"]) == ("admin", "active")
    # Nobody has signed in, and no browser is known.
    assert desk.do("logins", "ada", "--json").document == []
    with closing(sqlite3.connect(desk.database)) as connection:
        assert connection.execute("SELECT count(*) FROM known_browser").fetchone() == (0,)
    kinds = [event.kind.value for event in desk.events()]
    assert kinds == ["account-added", "enrollment-code", "enrollment-denied", "enrolled"]
    _log_in_by_recovery_code(desk, codes[0])


def _log_in_by_recovery_code(desk: Desk, code: str) -> None:
    services = build(TotpAuth())  # with the real hasher: the command in the terminal had it too
    try:
        pending = services.login.first_factor(typed_name="ada", typed_password=PASSWORD, origin=HERE)
        assert isinstance(pending, Issued)
        done = services.login.second_factor(pending_bearer=pending.bearer, typed_code=code, origin=HERE)
        assert isinstance(done, Issued), done
    finally:
        services.close()


def test_the_code_that_confirmed_opens_no_login_afterwards(desk: Desk) -> None:
    with Screen("adduser", "ada", "--here", env=desk.env) as screen:
        type_password(screen)
        secret = key_on(screen)
        code = totp.code(secret, totp.step_at(int(time.time())))
        screen.type(code)
        assert screen.finish() == 0
    services = build(TotpAuth(), clock=lambda: int(time.time()))
    try:
        pending = services.login.first_factor(typed_name="ada", typed_password=PASSWORD, origin=HERE)
        assert isinstance(pending, Issued)
        done = services.login.second_factor(pending_bearer=pending.bearer, typed_code=code, origin=HERE)
        assert not isinstance(done, Issued)
    finally:
        services.close()


def test_enrolling_here_voids_the_set_up_link_of_the_first_start(desk: Desk) -> None:
    with desk.services() as server:
        link = server.enrollment.offer_setup()
        assert link
        with Screen("adduser", "ada", "--admin", "--here", env=desk.env) as screen:
            type_password(screen)
            secret = key_on(screen)
            screen.type(totp.code(secret, totp.step_at(int(time.time()))))
            assert screen.finish() == 0
        assert not isinstance(server.enrollment.start(link, HERE), Issued)
        assert server.enrollment.offer_setup() is None


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_stopped_half_way_it_says_how_to_go_on(desk: Desk, key: str) -> None:
    with Screen("adduser", "ada", "--here", env=desk.env) as screen:
        type_password(screen)
        key_on(screen)
        screen.press(key)
        assert screen.finish() == 1
    assert "jupyter totp reset ada" in screen.text
    assert "Traceback" not in screen.text
    assert desk.do("list", "--json").document[0]["state"] == "not enrolled"
    # And so it does go on, with the password chosen anew.
    desk.enroll(desk.do("reset", "ada").code, "ada", "kiosk anvil heron")


def test_stopped_before_the_account_was_made_nothing_is_changed(desk: Desk) -> None:
    with Screen("adduser", "ada", "--here", env=desk.env) as screen:
        screen.wait_for("Password: ")
        screen.press(CTRL_C)
        assert screen.finish() == 1
    assert "Traceback" not in screen.text
    assert desk.do("list", "--json").document == []


def test_too_many_wrong_codes_end_it(desk: Desk) -> None:
    with Screen("adduser", "ada", "--here", env=desk.env) as screen:
        type_password(screen)
        secret = key_on(screen)
        near = {totp.code(secret, totp.step_at(int(time.time())) + shift) for shift in range(-15, 16)}
        wrong = next(code for code in ("000000", "111111", "222222") if code not in near)
        for _ in range(4):
            screen.type(wrong)
            screen.wait_for("does not fit")
        screen.type(wrong)
        assert screen.finish() == 1
    assert "jupyter totp reset ada" in screen.text


def test_a_name_that_cannot_be_is_refused_before_a_password_is_asked_for(desk: Desk) -> None:
    desk.do("adduser", "bob")
    for name in ("Ada", "bob"):
        with Screen("adduser", name, "--here", env=desk.env) as screen:
            assert screen.finish() == 1
        assert "Password" not in screen.text


def test_a_link_made_meanwhile_voids_the_enrollment_at_the_terminal(desk: Desk) -> None:
    with Screen("adduser", "ada", "--here", env=desk.env) as screen:
        type_password(screen)
        secret = key_on(screen)
        code = desk.do("reset", "ada").code
        screen.type(totp.code(secret, totp.step_at(int(time.time()))))
        assert screen.finish() == 1
    assert "jupyter totp reset ada" in screen.text
    desk.enroll(code, "ada")


def test_here_does_not_print_secrets_into_a_file(desk: Desk) -> None:
    master, slave = pty.openpty()
    try:
        process = desk.spawn("adduser", "ada", "--here", stdin=slave)
        out, err = process.communicate(timeout=60)
    finally:
        os.close(master)
        os.close(slave)
    assert (process.returncode, out) == (2, "")
    assert "terminal" in err
    assert desk.do("list", "--json").document == []


# -- passwords, questions, links -------------------------------------------------------------------


def test_passwd_asks_twice_and_shows_nothing(desk: Desk) -> None:
    desk.add("ada")
    new = "kiosk anvil heron"
    with Screen("passwd", "ada", env=desk.env) as screen:
        type_password(screen, new)
        assert screen.finish() == 0
    assert new not in screen.text
    services = build(TotpAuth(), hasher=CHEAP)
    try:
        flow = services.enrollment
        begun = flow.start(desk.do("reset", "ada").code, HERE)
        assert isinstance(begun, Issued)
        assert isinstance(flow.choose(begun.bearer, typed_name="ada", typed_password=new), Stage)
    finally:
        services.close()


def test_passwd_asks_again_after_a_weak_one_and_after_two_that_differ(desk: Desk) -> None:
    desk.do("adduser", "ada")
    with Screen("passwd", "ada", env=desk.env) as screen:
        screen.wait_for("Password: ")
        screen.type("short")
        screen.wait_for("too short")
        screen.wait_for("Password: ")
        screen.type(PASSWORD)
        screen.wait_for("once more: ")
        screen.type("something else")
        screen.wait_for("not the same")
        type_password(screen)
        assert screen.finish() == 0


def test_passwd_gives_up_after_three_tries_and_at_ctrl_d(desk: Desk) -> None:
    desk.do("adduser", "ada")
    with Screen("passwd", "ada", env=desk.env) as screen:
        for _ in range(3):
            screen.wait_for("Password: ")
            screen.type("short")
        assert screen.finish() == 1
    with Screen("passwd", "ada", env=desk.env) as screen:
        screen.wait_for("Password: ")
        screen.press(CTRL_D)
        assert screen.finish() == 1
    assert "Traceback" not in screen.text
    assert "password-set" not in [event.kind.value for event in desk.events()]


def test_on_a_terminal_password_stdin_is_refused_since_it_would_be_seen(desk: Desk) -> None:
    with Screen("adduser", "ada", "--password-stdin", env=desk.env) as screen:
        assert screen.finish() == 2
    assert desk.do("list", "--json").document == []


def test_adduser_asks_for_no_password_and_draws_the_link(desk: Desk) -> None:
    with Screen("adduser", "ada", env=desk.env) as screen:
        assert screen.finish() == 0
    assert "Password" not in screen.text
    found = re.search(r"^    (\S+enroll#\S+)\r$", screen.text, re.MULTILINE)
    assert found
    expected = modules_of(found[1])
    assert modules_on(screen)[: len(expected)] == expected


def test_a_terminal_that_cannot_show_the_blocks_gets_the_link_alone(desk: Desk) -> None:
    env = {**desk.env, "PYTHONIOENCODING": "ascii"}
    with Screen("adduser", "ada", "--display-name", "Ådå", env=env) as screen:
        assert screen.finish() == 0
    assert "enroll#" in screen.text
    with Screen("list", env=env) as screen:
        assert screen.finish() == 0
    assert "\\xc5d\\xe5" in screen.text


@pytest.mark.parametrize(
    ("answer", "status"), [("y", 0), ("YES", 0), ("n", 1), ("", 1), (CTRL_D, 1), (CTRL_C, 1)]
)
def test_deluser_asks_on_a_terminal(desk: Desk, answer: str, status: int) -> None:
    desk.do("adduser", "ada")
    with Screen("deluser", "ada", env=desk.env) as screen:
        screen.wait_for("[y/N] ")
        if answer in (CTRL_C, CTRL_D):
            screen.press(answer)
        else:
            screen.type(answer)
        assert screen.finish() == status
    assert "Traceback" not in screen.text
    assert bool(desk.do("list", "--json").document) == bool(status)


def test_restore_asks_on_a_terminal(desk: Desk) -> None:
    desk.do("adduser", "ada")
    backup = desk.home / "backup.sqlite3"
    desk.do("backup", str(backup))
    desk.do("adduser", "bob")
    for answer, left in (("n", 2), ("y", 1)):
        with Screen("restore", str(backup), env=desk.env) as screen:
            screen.wait_for("[y/N] ")
            screen.type(answer)
            assert screen.finish() == left - 1
        assert len(desk.do("list", "--json").document) == left


def test_the_clocks_difference_is_told_in_words() -> None:
    assert "about a minute" in _clock_is_off(-60)
    assert "about 5 minutes" in _clock_is_off(300)
