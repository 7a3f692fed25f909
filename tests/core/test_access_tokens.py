"""Access tokens: the string, who may make one, and memory that is true to the store."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jupyter_totp_auth.core import access_tokens
from jupyter_totp_auth.core.access_tokens import AccessTokens, LiveToken, NewToken
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.logins import LiveLogin
from jupyter_totp_auth.core.model import Denied, EndReason, Refusal
from jupyter_totp_auth.core.policy import DAY
from tests.core.rig import OTHER_PASSWORD, Person, Rig
from tests.core.test_logins import Interrupted

# -- the string ------------------------------------------------------------------------------------


def test_a_token_is_forty_random_characters_and_their_checksum() -> None:
    made = {access_tokens.make() for _ in range(200)}
    assert len(made) == 200
    for text in made:
        assert re.fullmatch(r"jta_[0-9A-Za-z]{46}", text)
        number = 0
        for character in text[-6:]:
            number = number * 62 + access_tokens._ALPHABET.index(character)
        assert number == zlib.crc32(text[:-6].encode())
        assert access_tokens.digest(text) is not None
    seen = {character for text in made for character in text[4:44]}
    assert len(seen) == 62


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.lower(),
        lambda text: "jtb_" + text[4:],
        lambda text: text[:10] + ("a" if text[10] != "a" else "b") + text[11:],
        lambda text: text + "\n",
        lambda text: text[:-1] + "\uff11",
        lambda _text: "",
    ],
)
def test_what_cannot_be_a_token_has_no_digest(change: Callable[[str], str]) -> None:
    assert access_tokens.digest(change(access_tokens.make())) is None


def test_a_token_is_blanked_wherever_it_stands() -> None:
    text = access_tokens.make()
    clean = access_tokens.blanked(f"GET /x%2F{text}?a={text}&b=1")
    assert clean == "GET /x%2Fjta_[secret]?a=jta_[secret]&b=1"


def test_secrets_have_no_repr(rig: Rig, alice: Person) -> None:
    made = create(rig, login_of(rig, alice))
    assert made.text not in repr(made)
    assert made.token.digest.hex() not in repr(made)
    assert repr(made.token.digest) not in repr(made)


# -- making one ------------------------------------------------------------------------------------


def login_of(rig: Rig, person: Person) -> LiveLogin:
    login = rig.logins.load(rig.log_in(person).bearer)
    assert login is not None
    return login


def create(rig: Rig, by: LiveLogin, **options: Any) -> NewToken:
    made = rig.access_tokens.create(by, **{"name": "VS Code", "days": None, "client": "", **options})
    assert isinstance(made, NewToken), made
    return made


def refusal(rig: Rig, by: LiveLogin, **options: Any) -> Refusal:
    denied = rig.access_tokens.create(by, **{"name": "VS Code", "days": None, "client": "", **options})
    assert isinstance(denied, Denied)
    return denied.refusal


def test_a_token_lives_ninety_days_unless_told_otherwise(rig: Rig, alice: Person) -> None:
    by = login_of(rig, alice)
    made = create(rig, by, name="  VS Code  ", client="192.0.2.1").token
    assert (made.name, made.scopes, made.last_used_at) == ("VS Code", ("all",), None)
    assert made.expires_at == rig.clock.now + 90 * DAY
    assert create(rig, by, days=365).token.expires_at == rig.clock.now + 365 * DAY
    event = rig.store.rows.events[-2]
    assert (event.kind, event.detail, event.client) == (EventKind.TOKEN_MADE, made.id, "192.0.2.1")
    assert [token.id for token in rig.access_tokens.of_account(alice.id)].count(made.id) == 1


def test_a_token_does_not_outlive_its_account(rig: Rig, alice: Person) -> None:
    end = rig.clock.now + 7 * DAY
    rig.store.rows.accounts[alice.id] = replace(alice.account, expires_at=end)
    assert create(rig, login_of(rig, alice)).token.expires_at == end


@pytest.mark.parametrize("days", [0, -1, 366])
def test_every_token_ends_within_a_year(rig: Rig, alice: Person, days: int) -> None:
    assert refusal(rig, login_of(rig, alice), days=days) is Refusal.BAD_LIFETIME


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", "a\x1b[31m", "\u202eb", "\ud800"])
def test_a_name_is_one_line_of_printable_characters(rig: Rig, alice: Person, name: str) -> None:
    assert refusal(rig, login_of(rig, alice), name=name) is Refusal.BAD_NAME


def test_a_login_that_is_not_fresh_makes_none(rig: Rig, alice: Person) -> None:
    by = login_of(rig, alice)
    rig.clock.now += rig.policy.fresh_for
    create(rig, by)
    rig.clock.now += 1
    assert refusal(rig, by) is Refusal.STEP_UP


def test_there_are_fifty_at_most_and_expired_ones_do_not_count(rig: Rig, alice: Person) -> None:
    by = login_of(rig, alice)
    for _ in range(50):
        create(rig, by, days=1)
    assert refusal(rig, by) is Refusal.TOO_MANY
    assert len(rig.access_tokens.of_account(alice.id)) == 50
    rig.clock.now += DAY
    assert rig.access_tokens.of_account(alice.id) == []
    create(rig, login_of(rig, alice))


def test_a_login_that_ended_meanwhile_makes_none(rig: Rig, alice: Person) -> None:
    by = login_of(rig, alice)
    rig.logins.log_out(by, "")
    assert refusal(rig, by) is Refusal.UNKNOWN


# -- the live ones ---------------------------------------------------------------------------------


def loaded(rig: Rig, person: Person, **options: Any) -> bytes:
    digest = create(rig, login_of(rig, person), **options).token.digest
    assert rig.access_tokens.live(digest) is None
    assert rig.access_tokens.load(digest) is not None
    return digest


def test_a_known_token_is_answered_from_memory_to_the_second(rig: Rig, alice: Person) -> None:
    made = create(rig, login_of(rig, alice), days=1)
    digest = made.token.digest
    rig.access_tokens.load(digest)
    rig.store.rows.access_tokens.clear()
    assert rig.access_tokens.live(digest) == LiveToken(made.token, alice.account)
    rig.clock.now += DAY - 1
    assert rig.access_tokens.live(digest) is not None
    rig.clock.now += 1
    assert rig.access_tokens.live(digest) is None
    assert rig.access_tokens.load(digest) is None


def test_what_has_expired_is_forgotten(rig: Rig, alice: Person) -> None:
    digest = loaded(rig, alice, days=1)
    rig.access_tokens.forget_expired()
    assert rig.access_tokens._memory.get(digest) is not None
    rig.clock.now += DAY
    rig.access_tokens.forget_expired()
    assert rig.access_tokens._memory.get(digest) is None


@pytest.mark.parametrize(
    "end",
    [
        lambda rig: rig.accounts.set_disabled("alice", disabled=True, actor="operator"),
        lambda rig: rig.accounts.delete("alice", actor="operator"),
        lambda rig: rig.accounts.reset("alice", actor="operator"),
        lambda rig: rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator"),
    ],
)
def test_what_the_operator_does_after_a_theft_ends_tokens_for_good(
    rig: Rig, alice: Person, end: Callable[[Rig], object]
) -> None:
    digest = loaded(rig, alice)
    end(rig)
    rig.access_tokens.sync()
    assert rig.access_tokens.live(digest) is None
    if rig.store.accounts.by_id(alice.id) is not None:
        rig.accounts.set_disabled("alice", disabled=False, actor="operator")
    assert rig.access_tokens.load(digest) is None


def test_a_person_who_changes_the_own_password_keeps_the_tokens(rig: Rig, alice: Person) -> None:
    digest = loaded(rig, alice)
    event = rig.store.rows.events[-1]
    reason = EndReason.PASSWORD_CHANGED
    assert rig.store.accounts.set_password(alice.id, b"sealed", event, reason=reason, keep_tokens=True)
    rig.access_tokens.sync()
    live = rig.access_tokens.live(digest)
    assert live is not None
    assert live.account == alice.account


def test_a_token_is_revoked_by_its_owner_only(rig: Rig, alice: Person) -> None:
    bob = rig.person("bob")
    digest = loaded(rig, alice)
    (token,) = rig.access_tokens.of_account(alice.id)
    assert not rig.access_tokens.revoke(bob.account, token.id, actor="bob")
    assert not rig.access_tokens.revoke(alice.account, "0" * 16, actor="alice")
    assert rig.access_tokens.revoke(alice.account, token.id, actor="alice", client="192.0.2.1")
    rig.access_tokens.sync()
    assert rig.access_tokens.live(digest) is None
    event = rig.store.rows.events[-1]
    assert (event.kind, event.detail, event.actor) == (EventKind.TOKEN_REVOKED, token.id, "alice")


def test_a_thousand_uses_are_one_write(rig: Rig, alice: Person) -> None:
    digest = loaded(rig, alice)
    written: list[dict[bytes, tuple[int, str]]] = []
    store: Any = Interrupted(rig.store.access_tokens)
    rig.access_tokens._store = store
    store.touch = written.append
    for _ in range(1000):
        rig.access_tokens.seen(digest, "192.0.2.7")
    rig.access_tokens.flush()
    rig.access_tokens.flush()
    assert written == [{digest: (rig.clock.now, "192.0.2.7")}]
    rig.store.access_tokens.touch(written[0])
    (token,) = rig.access_tokens.of_account(alice.id)
    assert (token.last_used_at, token.last_used_from) == (rig.clock.now, "192.0.2.7")


def test_a_token_revoked_while_it_is_looked_up_does_not_stay(rig: Rig, alice: Person) -> None:
    store: Any = Interrupted(rig.store.access_tokens)
    tokens = AccessTokens(store, rig.policy, rig.clock)
    made = create(rig, login_of(rig, alice)).token

    def revoke_and_sync() -> None:
        assert rig.access_tokens.revoke(alice.account, made.id, actor="alice")
        tokens.sync()

    store.after["find_many"] = revoke_and_sync
    assert tokens.load(made.digest) is None
    assert tokens.live(made.digest) is None


@pytest.mark.parametrize("scopes", [(), ("all", "root"), ("contents:execute",), ("ALL",)])
def test_a_scope_that_nobody_knows_is_refused(rig: Rig, alice: Person, scopes: tuple[str, ...]) -> None:
    assert refusal(rig, login_of(rig, alice), scopes=scopes) is Refusal.BAD_SCOPE


def test_scopes_are_kept_once_and_in_their_order(rig: Rig, alice: Person) -> None:
    scopes = ("kernels:execute", "contents:read", "kernels:execute")
    made = create(rig, login_of(rig, alice), scopes=scopes)
    assert made.token.scopes == ("kernels:execute", "contents:read")


@pytest.mark.parametrize("prefix", ["..", "a/../b", "a//b", "./a", "a\\b", "a\nb", "x" * 256, "a/\u202e"])
def test_a_folder_that_is_none_is_refused(rig: Rig, alice: Person, prefix: str) -> None:
    scopes = ("contents:read",)
    assert refusal(rig, login_of(rig, alice), scopes=scopes, path_prefix=prefix) is Refusal.BAD_PREFIX


@pytest.mark.parametrize("scopes", [("all",), ("kernels:execute",), ("contents:read", "terminals:execute")])
def test_a_folder_holds_nothing_but_contents(rig: Rig, alice: Person, scopes: tuple[str, ...]) -> None:
    assert refusal(rig, login_of(rig, alice), scopes=scopes, path_prefix="a") is Refusal.BAD_PREFIX


def test_a_folder_is_kept_without_its_slashes(rig: Rig, alice: Person) -> None:
    made = create(rig, login_of(rig, alice), scopes=("contents:write",), path_prefix="/course/week 1/")
    assert made.token.path_prefix == "course/week 1"
    assert create(rig, login_of(rig, alice)).token.path_prefix == ""


def test_other_numbers_hold_for_new_tokens_and_those_that_are_there_live_on(rig: Rig, alice: Person) -> None:
    by = login_of(rig, alice)
    digest = loaded(rig, alice, days=90)
    rig.access_tokens.follow(replace(rig.policy, access_token_days_max=30))
    assert refusal(rig, by, days=31) is Refusal.BAD_LIFETIME
    assert create(rig, by, days=30)
    assert rig.access_tokens.live(digest) is not None
