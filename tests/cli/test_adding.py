"""adduser and reset: who is added, and the links that are handed out."""

from __future__ import annotations

import json
import os
import re
import stat

import pytest
from sqlalchemy import update

from jupyter_totp_auth.cli.parser import VERBS, parse
from jupyter_totp_auth.core.accounts import Accounts
from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.store.tables import account, login
from tests.cli.desk import PASSWORD, START, Desk

HOUR, DAY = 3600, 86400


def test_adduser_prints_a_link_that_enrolls_once(desk: Desk) -> None:
    result = desk.do("adduser", "ada")
    assert f"    http://localhost:8888/enroll#{result.code}\n" in result.out
    assert "█" not in result.out  # no QR code where no terminal is
    desk.enroll(result.code, "ada")
    with pytest.raises(AssertionError, match="UNKNOWN"):
        desk.enroll(result.code, "ada")


def test_adduser_as_json_is_one_document_with_these_keys(desk: Desk) -> None:
    document = desk.do("adduser", "ada", "--json").document
    code = document["enrollment_code"]
    assert document == {
        "username": "ada",
        "enrollment_code": code,
        "url": f"http://localhost:8888/enroll#{code}",
        "expires_at": "2027-01-16T08:00:00Z",
    }
    desk.enroll(code, "ada")


def test_adduser_takes_role_display_name_and_both_lives(desk: Desk) -> None:
    words = ("--role", "admin", "--display-name", "Ada L.", "--valid-for", "7d", "--expires", "2027-06-30")
    document = desk.do("adduser", "ada", *words, "--json").document
    assert document["expires_at"] == "2027-01-22T08:00:00Z"
    with desk.services() as services:
        account = services.accounts.named("ada")
    assert (account.role, account.display_name) == (Role.ADMIN, "Ada L.")
    listed = desk.do("list", "--json").document[0]
    assert listed["expires_at"] == "2027-06-30T23:59:59Z"


def test_admin_is_short_for_role_admin_and_they_do_not_go_together(desk: Desk) -> None:
    desk.do("adduser", "ada", "--admin")
    assert desk.do("list", "--json").document[0]["role"] == "admin"
    assert desk.run("adduser", "bob", "--admin", "--role", "member").status == 2


def test_a_password_that_is_piped_in_is_asked_for_at_the_enrollment(desk: Desk) -> None:
    code = desk.do("adduser", "ada", "--password-stdin", stdin=PASSWORD.encode() + b"\n").code
    with pytest.raises(AssertionError, match="DENIED"):
        desk.enroll(code, "ada", "another good password")
    desk.enroll(code, "ada", PASSWORD)


@pytest.mark.parametrize(
    "words", [("--valid-for", "9m"), ("--valid-for", "31d"), ("--expires", "2027-01-14")]
)
def test_a_life_out_of_bounds_is_refused(desk: Desk, words: tuple[str, str]) -> None:
    assert desk.run("adduser", "ada", *words).status == 1
    assert desk.do("list", "--json").document == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("ada", "--csv", "people.csv"),
        ("ada", "--valid-for", "tomorrow"),
        ("ada", "--valid-for", "24"),
        ("ada", "--valid-for", "-1h"),
        ("ada", "--valid-for", "\u0663h"),  # an Arabic digit
        ("ada", "--expires", "31.12.2027"),
        ("ada", "--expires", "2027-02-30"),
        ("ada", "--role", "king"),
        ("ada", "--password", "secret"),
        ("ada", "--pass", "secret"),
        ("ada", "bob"),
        ("ada", "--here"),
        ("ada", "--here", "--json"),
        ("--csv", "people.csv", "--here"),
        ("--csv", "people.csv", "--display-name", "A"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2_and_adds_nobody(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.run("adduser", *words)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("usage: jupyter totp adduser")
    assert "secret" not in result.err
    assert desk.do("list", "--json").document == []


@pytest.mark.parametrize("expires", ["2027-02-01", "2027-02-01T23:59:59", "2027-02-02T00:59:59+01:00"])
def test_a_date_is_its_whole_day_in_utc(desk: Desk, expires: str) -> None:
    desk.do("adduser", "ada", "--expires", expires)
    assert desk.do("list", "--json").document[0]["expires_at"] == "2027-02-01T23:59:59Z"


# -- names: F01, F02, F05 --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Ada", "ADA", "ａｄａ", "ada ", " ada"])  # noqa: RUF001
def test_f01_a_name_that_differs_only_in_case_or_width_is_refused(desk: Desk, name: str) -> None:
    desk.do("adduser", "ada")
    assert desk.run("adduser", name).status == 1
    assert len(desk.do("list", "--json").document) == 1


@pytest.mark.parametrize("name", ["аda", "adaο", "ädа", "ada.", ".ada", "_ada", "a" * 65, ""])  # noqa: RUF001
def test_f02_a_name_of_look_alikes_or_wrong_form_is_refused(desk: Desk, name: str) -> None:
    result = desk.run("adduser", "--", name)
    assert result.status == 1
    assert "cannot be a user name" in result.err
    assert desk.do("list", "--json").document == []


NASTY = ["a\x1b[2Jb", "a\u202eb", "a\u200db", "a\u2028b", "a\nb", "a\tb", "a\x7fb", "a\x9bb", "a\udcffb"]


@pytest.mark.parametrize("name", NASTY, ids=ascii)
def test_f05_a_name_with_control_characters_is_refused_and_shown_escaped(desk: Desk, name: str) -> None:
    result = desk.run("adduser", name)
    assert result.status == 1
    assert result.err.isascii()
    assert result.err.replace("\n", "").isprintable()


@pytest.mark.parametrize("word", NASTY, ids=ascii)
def test_f05_what_makes_no_sense_is_shown_escaped_too(desk: Desk, word: str) -> None:
    for words in [(word,), ("list", word), ("adduser", "ada", "--expires", word), ("list", f"--T.x{word}")]:
        result = desk.run(*words)
        assert result.status == 2
        assert result.err.isascii()
        assert result.err.replace("\n", "").isprintable()


def test_f05_text_that_is_in_the_store_all_the_same_is_shown_escaped(desk: Desk) -> None:
    desk.add("ada")
    with desk.services() as services, services.store.database.write() as connection:
        connection.execute(update(account).values(display_name="A\x1b]0;x\x07da\u202e"))
        connection.execute(update(login).values(user_agent="\x1b[31mFire\nfox"))
    for words in [("list",), ("list", "--json"), ("logins", "ada"), ("logins", "ada", "--json")]:
        out = desk.do(*words).out
        assert out.replace("\n", "").isprintable()
        assert "\\x1b" in out or "\\u001b" in out


# -- lists -----------------------------------------------------------------------------------------


def people(desk: Desk, text: str) -> str:
    path = desk.home / "people.csv"
    path.write_bytes(text.encode("utf-8"))
    return str(path)


def test_a_csv_file_adds_everybody_with_what_each_line_says(desk: Desk) -> None:
    path = people(desk, 'ada,admin,"Lovelace, Ada",2027-06-30\r\n\r\nbob\r\ncleo,,Cléo\r\n')
    added = desk.do(
        "adduser", "--csv", path, "--json", "--valid-for", "7d", "--expires", "2027-12-31"
    ).document
    assert [one["username"] for one in added] == ["ada", "bob", "cleo"]
    assert all(one["url"].endswith(f"enroll#{one['enrollment_code']}") for one in added)
    assert {one["expires_at"] for one in added} == {"2027-01-22T08:00:00Z"}
    listed = [
        (one["username"], one["role"], one["display_name"], one["expires_at"][:10])
        for one in desk.do("list", "--json").document
    ]
    assert listed == [
        ("ada", "admin", "Lovelace, Ada", "2027-06-30"),
        ("bob", "member", "bob", "2027-12-31"),
        ("cleo", "member", "Cléo", "2027-12-31"),
    ]
    desk.enroll(added[1]["enrollment_code"], "bob")


def test_a_first_line_that_begins_with_username_names_the_columns(desk: Desk) -> None:
    path = people(desk, "\ufeffusername,expires,display_name\nada,2027-06-30,Ada\nbob,,\n")
    lines = desk.do("adduser", "--csv", path).out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "ada", "bob"]
    assert all("http://localhost:8888/enroll#" in line for line in lines[1:])
    assert desk.do("list", "--json").document[0]["expires_at"] == "2027-06-30T23:59:59Z"


def test_nobody_is_added_when_one_line_is_wrong_and_every_wrong_line_is_told(desk: Desk) -> None:
    desk.do("adduser", "taken")
    path = people(
        desk,
        "good\nBad\ngood2,king\ngood3,,x,y,z\ngood4,,,tomorrow\ngood5,,,2026-01-01\ntaken\ngood\ng6,,,,\n"
        "a\x1b[31mb\n",
    )
    result = desk.run("adduser", "--csv", path)
    assert (result.status, result.out) == (1, "")
    wrong = [line.partition(":")[0] for line in result.err.splitlines()[:-1]]
    assert wrong == [f"line {number}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 10)]
    assert result.err.replace("\n", "").isprintable()
    assert [one["username"] for one in desk.do("list", "--json").document] == ["taken"]


@pytest.mark.parametrize(
    "content",
    [b"username,shoe size\nada,39\n", b"username,role,role\nada,,\n", b"ada,\xff\n", b'"ada\n', b"a\x00b\n"],
)
def test_a_file_that_is_no_such_list_is_refused(desk: Desk, content: bytes) -> None:
    path = desk.home / "people.csv"
    path.write_bytes(content)
    result = desk.run("adduser", "--csv", str(path))
    assert (result.status, result.out) == (1, "")
    assert desk.do("list", "--json").document == []


def test_a_list_that_is_not_there_is_one_sentence(desk: Desk) -> None:
    result = desk.run("adduser", "--csv", str(desk.home / "none.csv"))
    assert result.status == 1
    assert result.err == f"jupyter totp: {desk.home}/none.csv: No such file or directory.\n"


def test_a_name_that_is_taken_meanwhile_is_told_and_the_others_keep_their_links(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.do("adduser", "bob")
    monkeypatch.setattr(Accounts, "check", lambda *_args, **_kwargs: None)
    result = desk.run("adduser", "--csv", people(desk, "ada\nbob\ncleo\n"), "--json")
    assert result.status == 1
    assert [one["username"] for one in result.document] == ["ada", "cleo"]
    assert "line 2: There is an account named bob already." in result.err


# -- reset -----------------------------------------------------------------------------------------


def test_reset_gives_a_new_link_and_never_takes_the_second_factor_off(desk: Desk) -> None:
    ada = desk.add("ada")
    document = desk.do("reset", "ada", "--json", "--valid-for", "10m").document
    assert document["username"] == "ada"
    assert document["expires_at"] == "2027-01-15T08:10:00Z"
    assert not desk.lives(ada.bearer)
    desk.now += 30
    assert desk.log_in(ada)  # the old phone, until a new one is confirmed
    desk.now += 30
    new = desk.enroll(document["enrollment_code"], "ada")
    desk.now += 30
    assert desk.log_in(ada) is None
    assert desk.log_in(new)


def test_a_second_reset_voids_the_first_link(desk: Desk) -> None:
    desk.add("ada")
    first, second = desk.do("reset", "ada").code, desk.do("reset", "ada").code
    with pytest.raises(AssertionError, match="UNKNOWN"):
        desk.enroll(first, "ada")
    desk.enroll(second, "ada")


# -- where a link leads ----------------------------------------------------------------------------


def base_of(desk: Desk, *words: str) -> str:
    url: str = desk.do("reset", "ada", "--json", *words).document["url"]
    return url.partition("enroll#")[0]


def test_a_link_leads_to_public_url_else_to_base_url(desk: Desk) -> None:
    desk.do("adduser", "ada")
    assert base_of(desk) == "http://localhost:8888/"
    desk.configure('{"ServerApp": {"base_url": "lab"}}', "jupyter_server_config.json")
    assert base_of(desk) == "http://localhost:8888/lab/"
    desk.configure("c.TotpAuth.public_url = 'https://jupyter.example/lab'")
    assert base_of(desk) == "https://jupyter.example/lab/"
    assert base_of(desk, "--TotpAuth.public_url=https://other.example/") == "https://other.example/"


def test_files_of_servers_that_are_gone_or_are_no_such_files_are_passed_over(desk: Desk) -> None:
    desk.do("adduser", "ada")
    runtime = desk.home / "runtime"
    alive = {"pid": os.getpid(), "port": 1, "sock": "", "hostname": "localhost", "url": "http://localhost:1/"}
    gone, broken = {**alive, "pid": 2**22 + 1}, {**alive, "pid": "x"}
    for number, text in enumerate([*map(json.dumps, [gone, alive, broken, {}, []]), "["]):
        (runtime / f"jpserver-{number}.json").write_text(text)
    assert base_of(desk) == "http://localhost:8888/"
    assert len(list(runtime.iterdir())) == 6  # they are Jupyter's to delete


def test_a_password_stands_in_no_argument_list() -> None:
    for verb in VERBS:
        for option in ("--password", "--password=x", "-p"):
            with pytest.raises(SystemExit) as end:
                parse([verb.name, "ada", option, "x"])
            assert end.value.code == 2


def test_times_are_what_the_store_gets(desk: Desk) -> None:
    desk.do("adduser", "ada", "--expires", "2027-01-15T08:00:01Z")
    desk.now = START + 1
    assert desk.do("list", "--json").document[0]["state"] == "expired"


# -- a course ------------------------------------------------------------------------------------------


def test_a_sheet_has_a_slip_for_each(desk: Desk) -> None:
    path, sheet = people(desk, "ada,,<b>Ada</b> Lovelace\nmary\n"), desk.home / "sheet.html"
    printed = desk.do("adduser", "--csv", path, "--sheet", str(sheet), "--json").document
    text = sheet.read_text()
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert text.count('<section class="slip">') == text.count("<svg") == 2
    assert all(f"<code>{one['url']}</code>" in text for one in printed)
    assert "&lt;b&gt;Ada&lt;/b&gt; Lovelace" in text
    assert "<b>" not in text
    assert not re.search(r"""(src|href)=|url\(|@import""", text), "it fetches nothing"


def test_where_a_sheet_cannot_be_written_nobody_is_added(desk: Desk) -> None:
    path, sheet = people(desk, "ada\n"), desk.home / "sheet.html"
    sheet.write_text("mine")
    result = desk.run("adduser", "--csv", path, "--sheet", str(sheet))
    assert (result.status, result.out) == (1, "")
    assert "exists already" in result.err
    assert desk.run("adduser", "--csv", path, "--sheet", str(desk.home / "no" / "x.html")).status == 1
    assert desk.run("adduser", "ada", "--sheet", str(desk.home / "x.html")).status == 2
    assert (desk.do("list", "--json").document, sheet.read_text()) == ([], "mine")


@pytest.mark.parametrize("verb", ["disable", "deluser"])
def test_a_course_is_ended_in_one_command(desk: Desk, verb: str) -> None:
    path = people(desk, "username,display_name\nada,Ada\nmary,Mary\nada,Ada\n")
    for name in ("ada", "mary", "grace"):
        desk.do("adduser", name)
    yes = ["--yes"] if verb == "deluser" else []
    told = desk.do(verb, "--csv", path, *yes).out
    assert told.count("ada is ") == told.count("mary is ") == 1
    left = {one["username"]: one["state"] for one in desk.do("list", "--json").document}
    assert left["grace"] != "disabled"
    assert {name: left.get(name) for name in ("ada", "mary")} == dict.fromkeys(
        ("ada", "mary"), "disabled" if verb == "disable" else None
    )


@pytest.mark.parametrize("verb", ["disable", "deluser"])
def test_a_list_with_somebody_unknown_ends_nobody(desk: Desk, verb: str) -> None:
    desk.do("adduser", "ada")
    yes = ["--yes"] if verb == "deluser" else []
    result = desk.run(verb, "--csv", people(desk, "ada\nnobody\nBad Name\n"), *yes)
    assert (result.status, result.out) == (1, "")
    assert [line.partition(":")[0] for line in result.err.splitlines()[:-1]] == ["line 2", "line 3"]
    assert desk.do("list", "--json").document[0]["state"] != "disabled"
    for words in ((), ("ada", "--csv", "x")):
        assert desk.run(verb, *words, *yes).status == 2
