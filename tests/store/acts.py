"""What hands do at one store in a race; functions of a module, so that other processes can run them."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.model import (
    Account,
    AccountChange,
    Claim,
    EndReason,
    Enrollment,
    EnrollmentCode,
    LoginSession,
    PendingLogin,
    Role,
    TotpAuthenticator,
)
from jupyter_totp_auth.core.policy import DAY, Throttle
from jupyter_totp_auth.store import Store, StoreRefused, open_store
from jupyter_totp_auth.store.opening import Places
from tests.store import makers
from tests.store.makers import AT, Parts, code_for, event

PATIENT = Throttle(free=1000, first_delay=1, cap=60, limit=10)
"""Never waits, closes after ten."""


def log_in(store: Parts, pending: PendingLogin, claim: Claim, session: LoginSession) -> bool:
    return makers.grant(
        store, pending, claim, session, known=None, refunds=[(pending.throttle_key, 1), (b"r" * 32, 1)]
    )


def add(store: Parts, account: Account, code: EnrollmentCode) -> bool:
    return store.accounts.add(account, code, [event(EventKind.ACCOUNT_ADDED)])


def enroll(store: Parts, begun: Enrollment, account: Account, session: LoginSession) -> bool:
    # Who comes second brings a phone and recovery codes of their own.
    mine = replace(begun, authenticator_id=makers.new_id())
    return makers.complete(store, mine, account, session=session)


def use_probe(store: Store, digest: bytes) -> bool:
    return store.probes.claim(digest, at=AT)


def begin(store: Parts, begun: Enrollment) -> bool:
    return store.enrollments.start(begun, at=AT)


def offer(store: Parts, code: EnrollmentCode) -> bool:
    store.enrollments.put_code(code, event(EventKind.SETUP_LINK))
    return True


def confirm(store: Parts, phone: TotpAuthenticator, by: LoginSession) -> bool:
    return store.factors.confirm(phone, event(EventKind.AUTHENTICATOR_ADDED), by=by, most=10)


def remove_phone(store: Parts, phone_id: str, by: LoginSession) -> bool:
    return store.factors.remove(phone_id, event(EventKind.AUTHENTICATOR_REMOVED), by=by)


def renew_recovery_codes(store: Parts, digests: list[bytes], by: LoginSession) -> bool:
    return store.factors.replace_recovery_codes(digests, event(EventKind.RECOVERY_CODES_MADE), by=by)


def demote(store: Parts, account_id: str) -> bool:
    return store.accounts.amend(account_id, AccountChange(role=Role.MEMBER), [event(EventKind.ROLE_CHANGED)])


def charge(store: Parts, key: bytes, times: int) -> int:
    """How many of so many charges were granted."""
    return sum(store.throttles.charge(key, PATIENT, at=AT) is None for _ in range(times))


def charge_whole(store: Parts, key: bytes, account_id: str, times: int) -> bool:
    for _ in range(times):
        store.throttles.charge(key, PATIENT, at=AT, account_id=account_id)
    return True


def spend_tries(store: Parts, digest: bytes, times: int) -> int:
    """How many tries of a pending login were had."""
    return sum(store.logins.spend_try(digest, at=AT) is not None for _ in range(times))


def spend_enrollment_tries(store: Parts, digest: bytes, times: int) -> int:
    return sum(store.enrollments.spend_try(digest, at=AT) is not None for _ in range(times))


def disable(store: Parts, account_id: str) -> bool:
    return store.accounts.set_disabled(account_id, event(EventKind.ACCOUNT_DISABLED), disabled=True)


def change_password(store: Parts, account_id: str) -> bool:
    told = event(EventKind.PASSWORD_SET)
    return store.accounts.set_password(account_id, b"new", told, reason=EndReason.PASSWORD_CHANGED)


def rehash(store: Parts, account_id: str, old: bytes, new: bytes) -> bool:
    return store.accounts.replace_hash(account_id, old=old, new=new)


def delete(store: Parts, account_id: str) -> bool:
    return store.accounts.delete(account_id, event(EventKind.ACCOUNT_DELETED))


def reset(store: Parts, account_id: str) -> bool:
    return store.accounts.reset(account_id, code_for(account_id), [event(EventKind.FACTOR_RESET)])


def unlock(store: Parts, account_id: str) -> bool:
    store.throttles.reset(account_id, event(EventKind.UNLOCKED))
    return True


def end(store: Parts, account_id: str, login_id: str) -> bool:
    return store.logins.end(account_id, login_id, EndReason.LOGGED_OUT, event(EventKind.LOGIN_ENDED))


def end_all(store: Parts, account_id: str) -> int:
    return store.logins.end_all(account_id, EndReason.ENDED_BY_ADMIN, event(EventKind.LOGINS_ENDED))


def touch(store: Parts, digests: list[bytes]) -> bool:
    store.logins.touch(dict.fromkeys(digests, AT + 1))
    return True


def purge(store: Parts) -> bool:
    store.logins.purge(at=AT + DAY, ended_before=AT)
    return True


def pend(store: Parts, pending: PendingLogin) -> bool:
    store.logins.add_pending(pending, event(EventKind.FIRST_FACTOR_PASSED))
    return True


def tell(store: Parts, text: str) -> bool:
    store.events.add(event(detail=text))
    return True


def nap(store: Parts, seconds: float) -> bool:
    del store
    time.sleep(seconds)
    return True


def count_accounts(store: Parts) -> int:
    return len(store.accounts.all())


def limit_files(_: Any, size: int) -> bool:
    """No file may grow beyond this, as on a disk that is full; -1 takes the limit off."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if size >= 0 else hard, hard))
    return True


# -- without a store: how one is opened ----------------------------------------------------------------


def open_once(_: Any, url: str, keyring: Path) -> str:
    """The instance's id, or how opening was refused."""
    try:
        opened = open_store(Places(url, keyring), at=AT)
    except StoreRefused as refused:
        return f"refused: {refused}"
    with opened.database.read() as connection:
        found = str(connection.exec_driver_sql("SELECT instance_id FROM instance").scalar_one())
    opened.close()
    return found


def become_nobody(_: Any, folder: Path) -> int:
    """Give root up, for good; what is imported on need is imported before. The user id afterwards."""
    open_once(None, f"sqlite:///{folder}/warm/up.sqlite3", folder / "warm" / "keyring")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    return os.geteuid()
