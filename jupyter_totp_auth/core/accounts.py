"""What an operator may do to accounts. Each act is one transaction and one event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from . import bearer, endings, names
from .bearer import Kind
from .events import Event, EventKind
from .grants import password_key
from .local_passwords import LocalPasswords
from .model import Account, AccountChange, EndReason, EnrollmentCode, LoginSession, Refusal, Role
from .passwords import Hasher
from .policy import DAY, MINUTE, Policy
from .ports import AccountStore, LoginStore, ThrottleStore
from .profiles import INITIALS_LENGTH, clean_display_name, is_color, new_account
from .sealing import Sealer

SHORTEST_VALIDITY = 10 * MINUTE
LONGEST_VALIDITY = 30 * DAY


class Refused(Exception):
    """An act that cannot be done, in a sentence for the person who asked, and in a word."""

    def __init__(self, sentence: str, refusal: Refusal = Refusal.DENIED) -> None:
        super().__init__(sentence)
        self.refusal = refusal


@dataclass(frozen=True)
class Invitation:
    """An enrollment code to hand over, shown once."""

    account: Account
    code: str = field(repr=False)
    expires_at: int


class Accounts:
    """Adding, changing and ending accounts. ``clock`` is read once per public method."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        logins: LoginStore,
        throttles: ThrottleStore,
        hasher: Hasher,
        sealer: Sealer,
        policy: Policy,
        clock: Callable[[], int],
        listed: Callable[[str], bool],
    ) -> None:
        self._accounts = accounts
        self._logins = logins
        self._throttles = throttles
        self._passwords = LocalPasswords(accounts=accounts, hasher=hasher, sealer=sealer, policy=policy)
        self._sealer = sealer
        self._policy = policy
        self._clock = clock
        self._listed = listed

    def named(self, username: str) -> Account:
        """The account of that exact name. Raises Refused."""
        account = self._accounts.by_name(username) if names.is_name(username) else None
        if account is None:
            raise Refused(f"There is no account named {printable(username)}.", Refusal.UNKNOWN)
        return account

    def of_id(self, account_id: str) -> Account:
        """The account of that id. Raises Refused."""
        account = self._accounts.by_id(account_id)
        if account is None:
            raise Refused("There is no such account.", Refusal.UNKNOWN)
        return account

    def all(self) -> list[Account]:
        """Every account, by name."""
        return self._accounts.all()

    def add(
        self,
        username: str,
        role: Role,
        *,
        actor: str,
        display_name: str = "",
        password: str | None = None,
        valid_for: int | None = None,
        expires_at: int | None = None,
        client: str = "",
    ) -> Invitation:
        """A new account and the code that enrolls it. Raises Refused (bad or taken name, weak password)."""
        at = self._clock()
        self._check(username, expires_at, at)
        account = new_account(
            username,
            role,
            at=at,
            display_name=clean_display_name(display_name),
            expires_at=expires_at,
        )
        if password is not None:
            account = replace(account, sealed_password=self._sealed(account, password))
        text, code = self._new_code(account, at, valid_for)
        events = [
            self._event(EventKind.ACCOUNT_ADDED, account, actor, at, role.value, client=client),
            self._event(EventKind.ENROLLMENT_CODE, account, actor, at, client=client),
        ]
        if not self._accounts.add(account, code, events):
            raise Refused(f"There is an account named {username} already.", Refusal.NAME_TAKEN)
        return Invitation(account, text, code.expires_at)

    def check(self, username: str, *, expires_at: int | None = None) -> None:
        """Raises Refused where :meth:`add` would, as far as one can tell beforehand: for whole lists."""
        self._check(username, expires_at, self._clock())
        if self._accounts.by_name(username) is not None:
            raise Refused(f"There is an account named {username} already.", Refusal.NAME_TAKEN)

    def _check(self, username: str, expires_at: int | None, at: int) -> None:
        if not names.is_name(username):
            raise Refused(
                f"{printable(username)} cannot be a user name: 1 to 64 of a-z, 0-9, dot, dash and "
                "underscore, beginning with a letter or digit, not ending in a dot.",
                Refusal.BAD_NAME,
            )
        self._check_expiry(expires_at, at)

    @staticmethod
    def _check_expiry(expires_at: int | None, at: int) -> None:
        if expires_at is not None and expires_at <= at:
            raise Refused("That expiry date has passed already.")

    def password_objection(self, password: str, *, username: str) -> str | None:
        """Why ``username`` may not choose ``password``, in a sentence: for a prompt that asks again."""
        return self._passwords.objection(password, username=username, listed=self._listed)

    def set_password(self, username: str, password: str, *, actor: str) -> None:
        """A new password. Ends all logins and forgets known browsers; the second factor stays on (R22)."""
        at, account = self._clock(), self.named(username)
        sealed = self._sealed(account, password)
        event = self._event(EventKind.PASSWORD_SET, account, actor, at)
        done = self._accounts.set_password(account.id, sealed, event, reason=EndReason.PASSWORD_CHANGED)
        self._insist(done, username)
        key = password_key(self._sealer, account.username)
        self._throttles.reopen(key, self._policy.password_unknown, at=at)

    def choose_password(self, account: Account, password: str, *, by: LoginSession, client: str) -> None:
        """One's own new password: ends all other logins, forgets known browsers (R22). Raises Refused."""
        at, who = self._clock(), account.username
        sealed = self._sealed(account, password)
        event = Event(EventKind.PASSWORD_SET, at, account.id, who, who, client, by.id)
        done = self._accounts.set_password(
            account.id, sealed, event, reason=EndReason.PASSWORD_CHANGED, but=by.id, keep_tokens=True
        )
        if not done:
            raise Refused("This login has ended.", Refusal.EXPIRED)

    def set_role(self, username: str, role: Role, *, actor: str) -> None:
        """Another role, effective at the account's next request."""
        at, account = self._clock(), self.named(username)
        event = self._event(EventKind.ROLE_CHANGED, account, actor, at, role.value)
        self._insist(self._accounts.set_role(account.id, role, event), username)

    def set_disabled(self, username: str, *, disabled: bool, actor: str) -> None:
        """Close the account (its logins end) or open it again."""
        at, account = self._clock(), self.named(username)
        kind = EventKind.ACCOUNT_DISABLED if disabled else EventKind.ACCOUNT_ENABLED
        event = self._event(kind, account, actor, at)
        self._insist(self._accounts.set_disabled(account.id, event, disabled=disabled), username)

    def change(self, account_id: str, change: AccountChange, *, actor: str, client: str) -> Account:
        """Role, terminals, expiry, open or closed, by an administrator: all or nothing. Raises Refused."""
        at, account = self._clock(), self.of_id(account_id)
        self._check_expiry(change.expires_at, at)
        facts: list[tuple[EventKind, str]] = []
        if change.role is not None:
            facts.append((EventKind.ROLE_CHANGED, change.role.value))
        if change.terminals is not None:
            facts.append((EventKind.TERMINALS_CHANGED, change.terminals.value))
        if change.disabled is not None:
            closed = change.disabled
            facts.append((EventKind.ACCOUNT_DISABLED if closed else EventKind.ACCOUNT_ENABLED, ""))
        if change.endless or change.expires_at is not None:
            facts.append((EventKind.EXPIRY_CHANGED, _readable(change.expires_at)))
        events = [self._event(kind, account, actor, at, said, client=client) for kind, said in facts]
        if not self._accounts.amend(account.id, change, events):
            raise self._last_admin(account_id)
        return self.of_id(account_id)

    def _last_admin(self, account_id: str) -> Refused:
        name = self.of_id(account_id).username
        sentence = f"{name} is the last administrator who can log in. Make another one first."
        return Refused(sentence, Refusal.LAST_ADMIN)

    def delete(self, username: str, *, actor: str) -> None:
        """Remove the account and everything bound to it; the audit log keeps its past."""
        at, account = self._clock(), self.named(username)
        event = self._event(EventKind.ACCOUNT_DELETED, account, actor, at)
        self._insist(self._accounts.delete(account.id, event), username)

    def remove(self, account_id: str, *, actor: str, client: str) -> None:
        """The same by an administrator: never the last one. Raises Refused."""
        at, account = self._clock(), self.of_id(account_id)
        event = self._event(EventKind.ACCOUNT_DELETED, account, actor, at, client=client)
        if not self._accounts.delete(account.id, event, keep_admin=True):
            raise self._last_admin(account_id)

    def reset(
        self, username: str, *, actor: str, valid_for: int | None = None, client: str = ""
    ) -> Invitation:
        """A new enrollment code. The old second factor works until the new phone is confirmed."""
        at, account = self._clock(), self.named(username)
        if account.disabled:
            sentence = f"The account {username} is disabled, so nobody could enroll. Enable it first."
            raise Refused(sentence, Refusal.CLOSED)
        text, code = self._new_code(account, at, valid_for)
        events = [
            self._event(EventKind.FACTOR_RESET, account, actor, at, client=client),
            self._event(EventKind.ENROLLMENT_CODE, account, actor, at, client=client),
        ]
        self._insist(self._accounts.reset(account.id, code, events), username)
        return Invitation(account, text, code.expires_at)

    def unlock(self, username: str, *, actor: str) -> None:
        """Forget every failed try of the account."""
        at, account = self._clock(), self.named(username)
        self._throttles.reset(account.id, self._event(EventKind.UNLOCKED, account, actor, at))

    def set_profile(
        self, account: Account, *, display_name: str, initials: str, color: str, actor: str, client: str = ""
    ) -> Account:
        """Display name, initials, colour. Raises Refused for what could be more than text in a page."""
        at = self._clock()
        shown = clean_display_name(display_name) or account.username
        short = clean_display_name(initials, INITIALS_LENGTH)
        if not is_color(color):
            raise Refused("A colour is #rrggbb, a colour name, or one of JupyterLab's collaborator colours.")
        event = self._event(EventKind.PROFILE_CHANGED, account, actor, at, client=client)
        done = self._accounts.set_profile(
            account.id, display_name=shown, initials=short, color=color, event=event
        )
        self._insist(done, account.username)
        return self.named(account.username)

    def end_logins(
        self, username: str, *, actor: str, login_id: str | None = None, client: str = "", grace: int = 0
    ) -> int:
        """End one login (by id) or all of the account; how many. Raises Refused for an unknown id."""
        at, account = self._clock(), self.named(username)
        kind, why = EventKind.LOGIN_ENDED if login_id else EventKind.LOGINS_ENDED, EndReason.ENDED_BY_ADMIN
        event = self._event(kind, account, actor, at, client=client, login=login_id)
        count = endings.end(self._logins, why, event, account_id=account.id, only=login_id, grace=grace)
        if login_id is not None and not count:
            raise Refused(f"{username} has no login {printable(login_id)}.")
        return count

    def _sealed(self, account: Account, password: str) -> bytes:
        text = self._passwords.objection(password, username=account.username, listed=self._listed)
        if text is not None:
            raise Refused(text, Refusal.WEAK_PASSWORD)
        return self._passwords.seal(account.id, password)

    def _new_code(self, account: Account, at: int, valid_for: int | None) -> tuple[str, EnrollmentCode]:
        lifetime = self._policy.enrollment_code_lifetime if valid_for is None else valid_for
        if not SHORTEST_VALIDITY <= lifetime <= LONGEST_VALIDITY:
            raise Refused("An enrollment link can be valid for 10 minutes to 30 days.")
        fresh = bearer.issue(Kind.ENROLLMENT_CODE)
        return fresh.text, EnrollmentCode(fresh.digest, account.id, at + lifetime)

    @staticmethod
    def _event(
        kind: EventKind,
        account: Account,
        actor: str,
        at: int,
        detail: str = "",
        *,
        client: str = "",
        login: str | None = None,
    ) -> Event:
        return Event(kind, at, account.id, account.username, actor, client, login, detail)

    @staticmethod
    def _insist(done: object, username: str) -> None:
        if not done:
            raise Refused(f"The account {username} is gone.", Refusal.UNKNOWN)


def _readable(at: int | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def printable(text: str) -> str:
    """``text`` escaped for a terminal or a log line, in quotes (CWE-117)."""
    return ascii(text[:80])
