"""What every way of opening a login shares: lifetimes, and counters that cannot be mistaken."""

from __future__ import annotations

from jupyter_totp_auth.core import bearer, grants
from jupyter_totp_auth.core.bearer import Kind
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import Origin
from tests.core.rig import HERE, START, Person, Rig


def test_a_session_lives_as_long_as_the_policy_says(rig: Rig, alice: Person) -> None:
    fresh, session = grants.new_session(alice.account, HERE, rig.policy, START)
    assert session.digest == fresh.digest == bearer.digest(Kind.LOGIN, fresh.text)
    assert session.expires_at == START + rig.policy.login_lifetime
    assert len(session.id) == 16


def test_a_session_ends_with_its_account_at_the_latest(rig: Rig) -> None:
    for expires_at in (START + 5, START + 10**9):
        account = rig.person(f"p{expires_at}", expires_at=expires_at).account
        _, session = grants.new_session(account, HERE, rig.policy, START)
        assert session.expires_at == min(expires_at, START + rig.policy.login_lifetime)


def test_the_user_agent_fits_its_column(rig: Rig, alice: Person) -> None:
    _, session = grants.new_session(alice.account, Origin("x", "é" * 300), rig.policy, START)
    assert session.user_agent == "é" * 256


def test_a_known_browser_is_bound_to_account_and_epoch(rig: Rig, alice: Person) -> None:
    fresh, row = grants.new_known_browser(alice.account, rig.policy, START)
    assert row.digest == bearer.digest(Kind.KNOWN_BROWSER, fresh.text)
    assert (row.account_id, row.epoch) == (alice.id, alice.account.epoch)
    assert row.expires_at == START + 90 * 86_400


def test_the_event_of_a_login_says_who_and_where_from(rig: Rig, alice: Person) -> None:
    _, session = grants.new_session(alice.account, HERE, rig.policy, START)
    event = grants.login_event(alice.account, session, HERE, START)
    assert (event.kind, event.at, event.account_id) == (EventKind.LOGIN, START, alice.id)
    assert (event.account, event.actor, event.client) == ("alice", "alice", HERE.client)
    assert event.login == session.id


def test_no_two_counters_are_mistaken_for_one(rig: Rig) -> None:
    keys = [
        grants.password_key(rig.sealer, "alice"),
        grants.password_key(rig.sealer, "bob"),
        grants.password_key(rig.sealer, ""),
        grants.code_key(rig.sealer, "alice", 1),
        grants.code_key(rig.sealer, "alice", 2),
        grants.code_key(rig.sealer, "alice1", 1),
        grants.code_key(rig.sealer, "bob", 1),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_a_counter_is_named_by_a_keyed_digest_of_bounded_input(rig: Rig) -> None:
    assert grants.password_key(rig.sealer, "a" * 256) == grants.password_key(rig.sealer, "a" * 10**6)
    assert grants.password_key(rig.sealer, "a" * 255) != grants.password_key(rig.sealer, "a" * 256)
    assert grants.password_key(rig.sealer, "alice") != grants.password_key(Rig().sealer, "alice")
