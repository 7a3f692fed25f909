"""The table of rights, and what stands beside it: scopes, folders, terminals."""

from __future__ import annotations

from itertools import product

import pytest

from jupyter_totp_auth.core.model import Role, Terminals
from jupyter_totp_auth.core.rights import (
    ACCOUNT,
    ALL,
    PATH_SCOPES,
    SCOPES,
    TABLE,
    UNKNOWN,
    Action,
    Grants,
    Permit,
    Touch,
    may_touch,
    permits,
)

READ, WRITE, EXECUTE = Action
RESOURCES = [*TABLE, "never-heard-of"]
EVERYTHING = list(product(RESOURCES, Action))


@pytest.mark.parametrize(("resource", "action"), EVERYTHING)
def test_who_may_more_may_what_others_may(resource: str, action: Action) -> None:
    ranks = [
        permits(role, Grants(), action, resource) is Permit.YES
        for role in (Role.READER, Role.MEMBER, Role.ADMIN)
    ]
    assert ranks == sorted(ranks)
    assert ranks[-1]


@pytest.mark.parametrize("resource", [resource for resource in TABLE if resource != ACCOUNT])
def test_readers_change_and_run_nothing(resource: str) -> None:
    allowed = {
        action
        for action in (WRITE, EXECUTE)
        if permits(Role.READER, Grants(), action, resource) is Permit.YES
    }
    # A browser's report of what a page was kept from; and to be told of events, as every JupyterLab asks.
    assert allowed == {"csp": {WRITE, EXECUTE}, "events": {EXECUTE}}.get(resource, set())


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("resource", ["never-heard-of", UNKNOWN, "", "Contents", "proxy", "metrics"])
def test_what_nobody_knows_is_nothing_for_readers(resource: str, action: Action) -> None:
    assert permits(Role.READER, Grants(), action, resource) is Permit.ROLE
    assert permits(Role.MEMBER, Grants(), action, resource) is Permit.YES


@pytest.mark.parametrize("resource", ["server", "extensions"])
@pytest.mark.parametrize("action", [WRITE, EXECUTE])
def test_the_server_itself_is_the_administrators(resource: str, action: Action) -> None:
    assert permits(Role.MEMBER, Grants(), action, resource) is Permit.ROLE
    assert permits(Role.ADMIN, Grants(), action, resource) is Permit.YES


@pytest.mark.parametrize("action", [WRITE, EXECUTE])
@pytest.mark.parametrize("role", [Role.MEMBER, Role.ADMIN])
def test_terminals_are_the_accounts_own_matter(role: Role, action: Action) -> None:
    def asked(terminals: Terminals, *, fresh: bool = False, scopes: frozenset[str] | None = None) -> Permit:
        return permits(role, Grants(terminals, scopes, fresh), action, "terminals")

    assert asked(Terminals.YES) is Permit.YES
    assert asked(Terminals.NO) is asked(Terminals.NO, fresh=True) is Permit.TERMINALS
    assert asked(Terminals.STEP_UP) is Permit.STEP_UP
    assert asked(Terminals.STEP_UP, fresh=True) is Permit.YES
    # A program cannot step up, whatever it says of itself.
    assert asked(Terminals.STEP_UP, fresh=True, scopes=frozenset({ALL})) is Permit.TERMINALS


@pytest.mark.parametrize("terminals", Terminals)
def test_that_there_are_terminals_may_be_seen(terminals: Terminals) -> None:
    assert permits(Role.READER, Grants(terminals), READ, "terminals") is Permit.YES
    assert permits(Role.READER, Grants(terminals, fresh=True), EXECUTE, "terminals") is Permit.ROLE


EXPECTED = {
    "contents:read": {("contents", READ), ("nbconvert", READ)},
    "contents:write": {("contents", READ), ("contents", WRITE), ("nbconvert", READ)},
    "kernels:execute": {
        *product(["kernels", "sessions"], Action),
        ("events", EXECUTE),
    },
    "terminals:execute": set(product(["terminals"], Action)),
}
EVERY_TOKEN = {("api", READ), ("kernelspecs", READ)}


@pytest.mark.parametrize("scope", EXPECTED)
def test_a_scope_allows_this_and_nothing_else(scope: str) -> None:
    grants = Grants(scopes=frozenset({scope}))
    allowed = {
        (resource, action)
        for resource, action in EVERYTHING
        if permits(Role.ADMIN, grants, action, resource) is Permit.YES
    }
    assert allowed == EXPECTED[scope] | EVERY_TOKEN


def test_scopes_add_up_and_no_scope_is_nothing_more() -> None:
    both = Grants(scopes=frozenset({"contents:read", "kernels:execute"}))
    assert permits(Role.MEMBER, both, EXECUTE, "kernels") is Permit.YES
    assert permits(Role.MEMBER, both, READ, "contents") is Permit.YES
    assert permits(Role.MEMBER, both, WRITE, "contents") is Permit.SCOPE
    assert permits(Role.ADMIN, Grants(scopes=frozenset({"no-such"})), READ, "contents") is Permit.SCOPE
    assert permits(Role.ADMIN, Grants(scopes=frozenset()), READ, "contents") is Permit.SCOPE


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("resource", "action"), EVERYTHING)
def test_a_token_may_never_more_than_its_person(role: Role, resource: str, action: Action) -> None:
    person = permits(role, Grants(), action, resource)
    for scope in SCOPES:
        if permits(role, Grants(scopes=frozenset({scope})), action, resource) is Permit.YES:
            assert person is Permit.YES
    assert permits(role, Grants(scopes=frozenset({ALL})), action, resource) is person


def test_the_scopes_that_a_folder_can_limit_are_those_of_contents() -> None:
    assert {scope for scope in SCOPES if scope.startswith("contents:")} == PATH_SCOPES


@pytest.mark.parametrize("touch", Touch)
@pytest.mark.parametrize("role", Role)
def test_what_is_ones_own_or_nobodys_may_be_used_and_stopped(role: Role, touch: Touch) -> None:
    for owner in ("mine", None):
        assert may_touch(owner, asker_id="mine", role=role, touch=touch) is Permit.YES


@pytest.mark.parametrize(
    ("role", "touch", "expected"),
    [
        (Role.READER, Touch.USE, Permit.OWNER),
        (Role.READER, Touch.STOP, Permit.OWNER),
        (Role.MEMBER, Touch.USE, Permit.OWNER),
        (Role.MEMBER, Touch.STOP, Permit.OWNER),
        (Role.ADMIN, Touch.USE, Permit.OWNER),
        (Role.ADMIN, Touch.STOP, Permit.YES),
    ],
)
def test_what_is_anothers_is_stopped_by_administrators_and_used_by_nobody(
    role: Role, touch: Touch, expected: Permit
) -> None:
    assert may_touch("theirs", asker_id="mine", role=role, touch=touch) is expected


# -- a copy of one's own -------------------------------------------------------------------------------


@pytest.mark.parametrize(("resource", "action"), EVERYTHING)
def test_ones_own_copy_of_settings_and_workspaces_is_for_readers_to_write_and_nothing_else_is(
    resource: str, action: Action
) -> None:
    expected = permits(Role.READER, Grants(), action, resource)
    if resource in ("settings", "workspaces") and action is WRITE:
        expected = Permit.YES
    assert permits(Role.READER, Grants(own=True), action, resource) is expected


@pytest.mark.parametrize("resource", ["settings", "workspaces"])
def test_a_token_writes_its_persons_own_copy_only_where_it_may_everything(resource: str) -> None:
    narrow = Grants(scopes=frozenset({"contents:write"}), own=True)
    assert permits(Role.ADMIN, narrow, WRITE, resource) is Permit.SCOPE
    whole = Grants(scopes=frozenset({ALL}), own=True)
    assert permits(Role.READER, whole, WRITE, resource) is Permit.YES
