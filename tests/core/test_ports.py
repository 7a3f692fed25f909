"""Every store has every method of the ports, with the same parameters."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

from jupyter_totp_auth.core import authenticators, model, notices, ports
from jupyter_totp_auth.store.access_tokens import SqlAccessTokens
from jupyter_totp_auth.store.accounts import SqlAccounts
from jupyter_totp_auth.store.enrollments import SqlEnrollments
from jupyter_totp_auth.store.events import SqlEvents
from jupyter_totp_auth.store.factors import SqlFactors
from jupyter_totp_auth.store.logins import SqlLogins
from jupyter_totp_auth.store.notices import SqlNotices
from jupyter_totp_auth.store.revision import Revisions
from jupyter_totp_auth.store.throttles import SqlThrottles
from tests.core import memory_store

IMPLEMENTED = (
    (ports.Revisions, memory_store.MemoryRevisions, Revisions),
    (ports.AccountStore, memory_store.MemoryAccounts, SqlAccounts),
    (ports.LoginStore, memory_store.MemoryLogins, SqlLogins),
    (ports.AccessTokenStore, memory_store.MemoryAccessTokens, SqlAccessTokens),
    (ports.EnrollmentStore, memory_store.MemoryEnrollments, SqlEnrollments),
    (authenticators.FactorStore, memory_store.MemoryFactors, SqlFactors),
    (ports.ThrottleStore, memory_store.MemoryThrottles, SqlThrottles),
    (ports.EventStore, memory_store.MemoryEvents, SqlEvents),
    (notices.NoticeStore, memory_store.MemoryNotices, SqlNotices),
)


def methods(kind: type) -> Iterator[tuple[str, object]]:
    return ((name, value) for name, value in vars(kind).items() if not name.startswith("_"))


def shape(method: object) -> list[tuple[object, object]]:
    """How a method is called: each keyword by its name, the rest by their order."""
    assert callable(method)
    parameters = inspect.signature(method).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    return sorted(
        (one.name if one.kind is keyword else str(number), one.default)
        for number, one in enumerate(parameters)
    )


@pytest.mark.parametrize("kinds", IMPLEMENTED, ids=lambda kinds: kinds[0].__name__)
def test_each_store_keeps_to_its_port(kinds: tuple[type, ...]) -> None:
    port, *stores = kinds
    for store in stores:
        expected = {name: shape(method) for name, method in methods(port)}
        found = {name: shape(getattr(store, name)) for name in expected}
        assert found == expected


def test_all_ports_are_implemented() -> None:
    protocols = {
        value
        for module in (authenticators, notices, ports)
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and getattr(value, "_is_protocol", False)
    }
    assert protocols == {kinds[0] for kinds in IMPLEMENTED}


def test_a_claim_is_of_a_step_or_of_a_recovery_code() -> None:
    claim = model.Claim()
    assert (claim.authenticator_id, claim.step, claim.recovery_digest) == (None, None, None)
