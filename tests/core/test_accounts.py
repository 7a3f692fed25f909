"""What an operator may do: each act one transaction and one event, each refusal a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jupyter_totp_auth.core.accounts import Refused, printable
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Account, AccountChange, EndReason, Issued, Refusal, Role, Terminals
from tests.core.rig import HERE, LISTED, OTHER_PASSWORD, PASSWORD, START, Person, Rig

DAY = 86_400


def add(rig: Rig, name: str = "bob", role: Role = Role.MEMBER, **options):
    return rig.accounts.add(name, role, actor="operator", **options)


# -- adding ----------------------------------------------------------------------------------------


def test_a_new_account_comes_with_a_code_that_enrolls_it(rig: Rig) -> None:
    invitation = add(rig, "bob", Role.ADMIN, display_name=" Bob  the\nBuilder ")
    account = rig.accounts.named("bob")
    assert account == invitation.account
    assert (account.role, account.enrolled, account.expires_at) == (Role.ADMIN, False, None)
    assert (account.display_name, account.initials) == ("Bob theBuilder", "BT")
    assert invitation.expires_at == START + DAY
    outcome = rig.enrollment.start(invitation.code, HERE)
    assert isinstance(outcome, Issued)
    assert outcome.value.account_id == account.id
    assert rig.kinds() == [EventKind.ACCOUNT_ADDED, EventKind.ENROLLMENT_CODE]
    assert (rig.events[0].actor, rig.events[0].account, rig.events[0].detail) == ("operator", "bob", "admin")


def test_a_new_account_has_no_password_unless_one_is_given(rig: Rig) -> None:
    assert add(rig, "bob").account.sealed_password is None
    sealed = add(rig, "eve", password=PASSWORD).account.sealed_password
    assert sealed is not None
    assert PASSWORD.encode() not in sealed


@pytest.mark.parametrize("name", ["Bob", "BOB", "bob.", "", "b b", "ｂob", "b\u043eb", "bob\n", "x" * 65])  # noqa: RUF001
def test_a_name_that_cannot_be_one_is_refused_and_shown_escaped(rig: Rig, name: str) -> None:
    with pytest.raises(Refused, match="cannot be a user name") as refused:
        add(rig, name)
    assert str(refused.value).isascii()
    assert "\n" not in str(refused.value)
    assert rig.accounts.all() == []


def test_a_taken_name_is_refused_and_changes_nothing(rig: Rig) -> None:
    first = add(rig, "bob")
    with pytest.raises(Refused, match="already"):
        add(rig, "bob", Role.ADMIN)
    assert rig.accounts.all() == [first.account]
    assert isinstance(rig.enrollment.start(first.code, HERE), Issued)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"password": "short"}, "too short"),
        ({"password": LISTED}, "attackers try first"),
        ({"password": "bobbobbobbob1"}, "user name"),
        ({"valid_for": 599}, "10 minutes to 30 days"),
        ({"valid_for": 30 * DAY + 1}, "10 minutes to 30 days"),
        ({"expires_at": START}, "passed already"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(rig: Rig, options: dict, words: str) -> None:
    with pytest.raises(Refused, match=words):
        add(rig, **options)
    assert rig.accounts.all() == []
    assert rig.events == []


@pytest.mark.parametrize("valid_for", [600, 30 * DAY])
def test_a_code_is_valid_for_ten_minutes_to_thirty_days(rig: Rig, valid_for: int) -> None:
    invitation = add(rig, valid_for=valid_for)
    assert invitation.expires_at == START + valid_for
    rig.clock.now += valid_for - 1
    assert isinstance(rig.enrollment.start(invitation.code, HERE), Issued)
    rig.clock.now += 1
    assert not isinstance(rig.enrollment.start(invitation.code, HERE), Issued)


def test_an_account_can_have_an_end(rig: Rig) -> None:
    assert add(rig, expires_at=START + 1).account.expires_at == START + 1


def test_a_list_of_accounts_is_checked_before_any_is_made(rig: Rig) -> None:
    add(rig, "bob")
    rig.accounts.check("eve", expires_at=START + 1)
    for name, expires_at, words in (
        ("bob", None, "already"),
        ("Eve", None, "cannot be a user name"),
        ("eve", START, "passed already"),
    ):
        with pytest.raises(Refused, match=words):
            rig.accounts.check(name, expires_at=expires_at)


def test_a_prompt_can_ask_whether_a_password_will_do(rig: Rig) -> None:
    assert rig.accounts.password_objection(PASSWORD, username="bob") is None
    assert "too short" in (rig.accounts.password_objection("short", username="bob") or "")


def test_an_invitation_has_no_repr_of_its_code(rig: Rig) -> None:
    invitation = add(rig)
    assert invitation.code not in repr(invitation)


# -- changing --------------------------------------------------------------------------------------


def test_accounts_are_listed_by_name(rig: Rig) -> None:
    for name in ("eve", "bob", "ada"):
        add(rig, name)
    assert [account.username for account in rig.accounts.all()] == ["ada", "bob", "eve"]


def test_a_new_password_ends_all_logins_and_leaves_the_second_factor_on(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator")
    assert rig.logins.load(done.bearer) is None
    ended = rig.logins.why_ended(done.bearer)
    assert ended is not None
    assert ended.reason is EndReason.PASSWORD_CHANGED
    assert rig.store.rows.known_browsers == {}
    assert rig.kinds()[-1] is EventKind.PASSWORD_SET
    rig.clock.now += 60
    assert not isinstance(rig.second(rig.pend("alice", PASSWORD), alice.code()), Issued)
    assert not isinstance(rig.second(rig.pend("alice", OTHER_PASSWORD), alice.wrong_code()), Issued)
    assert isinstance(rig.second(rig.pend("alice", OTHER_PASSWORD), alice.code()), Issued)


def test_a_weak_password_is_not_set(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    with pytest.raises(Refused, match="too short"):
        rig.accounts.set_password("alice", "short", actor="operator")
    assert rig.logins.load(done.bearer) is not None


def test_a_role_is_changed(rig: Rig, alice: Person) -> None:
    rig.accounts.set_role("alice", Role.ADMIN, actor="operator")
    assert rig.accounts.named("alice").role is Role.ADMIN
    assert (rig.events[-1].kind, rig.events[-1].detail) == (EventKind.ROLE_CHANGED, "admin")
    rig.accounts.set_role("alice", Role.READER, actor="operator")
    assert rig.accounts.named("alice").role is Role.READER


def test_a_disabled_account_is_closed_until_it_is_enabled(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    rig.accounts.set_disabled("alice", disabled=True, actor="operator")
    ended = rig.logins.why_ended(done.bearer)
    assert ended is not None
    assert ended.reason is EndReason.DISABLED
    assert rig.logins.load(done.bearer) is None
    rig.clock.now += 60
    assert not isinstance(rig.second(rig.pend(), alice.code()), Issued)
    rig.accounts.set_disabled("alice", disabled=False, actor="operator")
    assert rig.logins.load(done.bearer) is None
    assert isinstance(rig.second(rig.pend(), alice.code()), Issued)
    said = [kind for kind in rig.kinds() if kind.value.startswith("account-")]
    assert said == [EventKind.ACCOUNT_DISABLED, EventKind.ACCOUNT_ENABLED]


def test_a_deleted_account_leaves_nothing_but_its_past(rig: Rig, alice: Person) -> None:
    rig.log_in(alice)
    rig.first("alice", OTHER_PASSWORD)
    rig.accounts.reset("alice", actor="operator")
    before = len(rig.events)
    rig.accounts.delete("alice", actor="operator")
    rows = rig.store.rows
    for table in (rows.accounts, rows.authenticators, rows.recovery_codes, rows.codes, rows.enrollments):
        assert table == {}
    for table in (rows.pending, rows.logins, rows.known_browsers, rows.counters):
        assert table == {}
    assert len(rig.events) == before + 1
    assert (rig.events[-1].kind, rig.events[-1].account) == (EventKind.ACCOUNT_DELETED, "alice")


def test_a_reset_gives_a_code_and_says_so(rig: Rig, alice: Person) -> None:
    done = rig.log_in(alice)
    invitation = rig.accounts.reset("alice", actor="operator", valid_for=3600)
    assert invitation.expires_at == rig.clock.now + 3600
    assert isinstance(rig.enrollment.start(invitation.code, HERE), Issued)
    assert rig.kinds()[-2:] == [EventKind.FACTOR_RESET, EventKind.ENROLLMENT_CODE]
    ended = rig.logins.why_ended(done.bearer)
    assert ended is not None
    assert ended.reason is EndReason.FACTOR_RESET
    assert len(rig.store.accounts.authenticators(alice.id)) == 1


def test_a_second_reset_voids_the_first(rig: Rig, alice: Person) -> None:
    first = rig.accounts.reset("alice", actor="operator").code
    rig.accounts.reset("alice", actor="operator")
    assert not isinstance(rig.enrollment.start(first, HERE), Issued)


def test_a_disabled_account_is_not_reset(rig: Rig, alice: Person) -> None:
    rig.accounts.set_disabled("alice", disabled=True, actor="operator")
    before = alice.account
    with pytest.raises(Refused, match="Enable it first"):
        rig.accounts.reset("alice", actor="operator")
    assert (alice.account, rig.store.rows.codes) == (before, {})


def test_unlocking_says_so_and_touches_nobody_else(rig: Rig, alice: Person) -> None:
    rig.person("bob")
    for name in ("alice", "bob"):
        for _ in range(5):
            rig.first(name, OTHER_PASSWORD)
    rig.accounts.unlock("alice", actor="operator")
    assert rig.kinds()[-1] is EventKind.UNLOCKED
    assert isinstance(rig.first("alice"), Issued)
    assert not isinstance(rig.first("bob"), Issued)


# -- one's own password ------------------------------------------------------------------------------


def test_ones_own_new_password_ends_all_other_logins(rig: Rig, alice: Person) -> None:
    mine, other = rig.log_in(alice), rig.log_in(alice)
    by = mine.value.session
    rig.accounts.choose_password(alice.account, OTHER_PASSWORD, by=by, client="192.0.2.1")
    last = rig.events[-1]
    assert (last.kind, last.actor, last.client, last.login) == (
        EventKind.PASSWORD_SET,
        "alice",
        "192.0.2.1",
        by.id,
    )
    assert rig.logins.load(mine.bearer) is not None
    assert rig.logins.load(other.bearer) is None
    assert rig.store.rows.known_browsers == {}
    rig.clock.now += 60
    assert isinstance(rig.second(rig.pend("alice", OTHER_PASSWORD), alice.code()), Issued)


def test_a_login_that_is_over_sets_no_password(rig: Rig, alice: Person) -> None:
    mine = rig.log_in(alice)
    rig.accounts.end_logins("alice", actor="operator")
    before = alice.account
    with pytest.raises(Refused, match="has ended") as refused:
        rig.accounts.choose_password(before, OTHER_PASSWORD, by=mine.value.session, client="")
    assert refused.value.refusal is Refusal.EXPIRED
    assert alice.account == before


def test_one_cannot_choose_a_weak_password(rig: Rig, alice: Person) -> None:
    by = rig.log_in(alice).value.session
    with pytest.raises(Refused, match="too short") as refused:
        rig.accounts.choose_password(alice.account, "short", by=by, client="")
    assert refused.value.refusal is Refusal.WEAK_PASSWORD


# -- what an administrator changes --------------------------------------------------------------------


@pytest.fixture
def root(rig: Rig) -> Person:
    """An administrator."""
    root = rig.person("root")
    rig.accounts.set_role("root", Role.ADMIN, actor="operator")
    rig.events.clear()
    return root


def change(rig: Rig, who: Person, by: str = "root", **changes: Any) -> Account:
    return rig.accounts.change(who.id, AccountChange(**changes), actor=by, client="192.0.2.9")


def test_an_administrator_changes_several_things_at_once(rig: Rig, root: Person, alice: Person) -> None:
    del root
    done = rig.log_in(alice)
    rig.events.clear()
    until = rig.clock.now + 3600
    now = change(rig, alice, role=Role.ADMIN, disabled=True, expires_at=until)
    assert (now.role, now.disabled, now.expires_at) == (Role.ADMIN, True, until)
    assert [(event.kind, event.actor, event.client) for event in rig.events] == [
        (kind, "root", "192.0.2.9")
        for kind in (EventKind.ROLE_CHANGED, EventKind.ACCOUNT_DISABLED, EventKind.EXPIRY_CHANGED)
    ]
    assert rig.events[-1].detail == "2027-01-15T09:01:00Z"
    assert rig.logins.load(done.bearer) is None
    now = change(rig, alice, disabled=False, endless=True)
    assert (now.disabled, now.expires_at) == (False, None)
    assert [event.kind for event in rig.events[-2:]] == [EventKind.ACCOUNT_ENABLED, EventKind.EXPIRY_CHANGED]
    assert rig.events[-1].detail == "never"


def test_an_earlier_expiry_shortens_open_logins(rig: Rig, root: Person, alice: Person) -> None:
    roots, done = rig.log_in(root), rig.log_in(alice)
    change(rig, alice, expires_at=rig.clock.now + 60)
    assert rig.logins.load(done.bearer) is not None
    rig.clock.now += 60
    assert rig.logins.load(done.bearer) is None
    assert rig.logins.load(roots.bearer) is not None


@pytest.mark.parametrize("changes", [{"role": Role.MEMBER}, {"disabled": True}, {"expires_at": "tomorrow"}])
def test_the_last_administrator_stays(rig: Rig, root: Person, changes: dict[str, Any]) -> None:
    before = root.account
    if "expires_at" in changes:
        changes = {"expires_at": rig.clock.now + 86_400}
    with pytest.raises(Refused, match="root is the last administrator") as refused:
        change(rig, root, **changes)
    assert refused.value.refusal is Refusal.LAST_ADMIN
    assert (root.account, rig.events) == (before, [])
    rig.person("eve")
    rig.accounts.set_role("eve", Role.ADMIN, actor="operator")
    change(rig, root, **changes)


def test_the_last_administrator_is_not_deleted_by_another_one(rig: Rig, root: Person, alice: Person) -> None:
    with pytest.raises(Refused, match="last administrator"):
        rig.accounts.remove(root.id, actor="root", client="")
    rig.accounts.remove(alice.id, actor="root", client="192.0.2.9")
    assert rig.store.accounts.by_id(alice.id) is None
    assert (rig.events[-1].kind, rig.events[-1].client) == (EventKind.ACCOUNT_DELETED, "192.0.2.9")


def test_what_cannot_be_changed_is_refused(rig: Rig, root: Person, alice: Person) -> None:
    del root
    with pytest.raises(Refused, match="passed already"):
        change(rig, alice, expires_at=1)


@pytest.mark.parametrize("terminals", Terminals)
def test_terminals_are_allowed_or_not(rig: Rig, root: Person, alice: Person, terminals: Terminals) -> None:
    del root
    assert change(rig, alice, terminals=terminals).terminals is terminals
    assert (rig.events[-1].kind, rig.events[-1].detail) == (EventKind.TERMINALS_CHANGED, terminals.value)


def test_an_id_without_an_account_is_said_to_be_unknown(rig: Rig, root: Person, alice: Person) -> None:
    del root
    rig.accounts.delete("alice", actor="operator")
    for act in (
        lambda: change(rig, alice, disabled=True),
        lambda: rig.accounts.remove(alice.id, actor="root", client=""),
        lambda: rig.accounts.of_id(alice.id),
    ):
        with pytest.raises(Refused, match="no such account") as refused:
            act()
        assert refused.value.refusal is Refusal.UNKNOWN


# -- the profile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("color", ["#fff", "#A1b2C3", "rebeccapurple", "var(--jp-collaborator-color7)"])
def test_a_profile_is_changed(rig: Rig, alice: Person, color: str) -> None:
    changed = rig.accounts.set_profile(
        alice.account, display_name="Alice  A.", initials="Ali ce", color=color, actor="alice"
    )
    assert (changed.display_name, changed.initials, changed.color) == ("Alice A.", "Ali", color)
    assert changed == alice.account
    assert (rig.events[-1].kind, rig.events[-1].actor) == (EventKind.PROFILE_CHANGED, "alice")


def test_an_empty_display_name_falls_back_to_the_user_name(rig: Rig, alice: Person) -> None:
    changed = rig.accounts.set_profile(
        alice.account, display_name=" \u200b", initials="", color="red", actor="alice"
    )
    assert (changed.display_name, changed.initials) == ("alice", "")


@pytest.mark.parametrize("color", ["", "red;background:url(//evil)", "#fff'onload='"])
def test_a_color_that_is_more_than_a_color_is_refused(rig: Rig, alice: Person, color: str) -> None:
    with pytest.raises(Refused, match="colour"):
        rig.accounts.set_profile(alice.account, display_name="A", initials="A", color=color, actor="alice")
    assert alice.account.display_name == "alice"


def test_what_was_typed_is_printed_escaped_and_short() -> None:
    assert printable("a\x1b[2J\n\u202e'") == ascii("a\x1b[2J\n\u202e'")
    assert printable("x" * 10_000) == ascii("x" * 80)


# -- logins ----------------------------------------------------------------------------------------


def test_an_operator_ends_one_login_or_all(rig: Rig, alice: Person) -> None:
    one, two, three = (rig.log_in(alice) for _ in range(3))
    ended = rig.accounts.end_logins("alice", actor="operator", login_id=two.value.session.id)
    assert ended == 1
    assert rig.logins.load(two.bearer) is None
    assert (rig.events[-1].kind, rig.events[-1].login) == (EventKind.LOGIN_ENDED, two.value.session.id)
    assert rig.logins.load(one.bearer) is not None
    assert rig.accounts.end_logins("alice", actor="operator") == 2
    assert rig.kinds()[-1] is EventKind.LOGINS_ENDED
    why = rig.logins.why_ended(three.bearer)
    assert why is not None
    assert why.reason is EndReason.ENDED_BY_ADMIN


def test_a_login_that_is_not_there_cannot_be_ended(rig: Rig, alice: Person) -> None:
    bobs = rig.log_in(rig.person("bob")).value.session.id
    for login_id in (bobs, "x\n"):
        with pytest.raises(Refused, match=r"has no login '[0-9a-fx\\n]*'"):
            rig.accounts.end_logins("alice", actor="operator", login_id=login_id)


# -- names without an account ----------------------------------------------------------------------

ACTS: dict[str, Callable[[Rig, str], object]] = {
    "named": lambda rig, name: rig.accounts.named(name),
    "set_password": lambda rig, name: rig.accounts.set_password(name, PASSWORD, actor="operator"),
    "set_role": lambda rig, name: rig.accounts.set_role(name, Role.ADMIN, actor="operator"),
    "set_disabled": lambda rig, name: rig.accounts.set_disabled(name, disabled=True, actor="operator"),
    "delete": lambda rig, name: rig.accounts.delete(name, actor="operator"),
    "reset": lambda rig, name: rig.accounts.reset(name, actor="operator"),
    "unlock": lambda rig, name: rig.accounts.unlock(name, actor="operator"),
    "end_logins": lambda rig, name: rig.accounts.end_logins(name, actor="operator"),
}


@pytest.mark.parametrize("act", ACTS)
def test_every_act_on_a_name_without_an_account_is_refused(rig: Rig, alice: Person, act: str) -> None:
    for name in ("nobody", "Alice", "alice\n", "\ud800\x1b[2J"):
        with pytest.raises(Refused, match="There is no account named") as refused:
            ACTS[act](rig, name)
        assert str(refused.value).isascii()
    assert rig.events == []


@pytest.mark.parametrize("act", ["set_password", "set_role", "set_disabled", "delete", "reset"])
def test_an_account_that_goes_meanwhile_is_said_to_be_gone(
    rig: Rig, alice: Person, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig.store.accounts, act, lambda *_, **__: False)
    with pytest.raises(Refused, match="is gone"):
        ACTS[act](rig, "alice")
