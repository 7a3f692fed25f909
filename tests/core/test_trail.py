"""What each act leaves in the audit log, field by field, and the words in which it is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.accounts import Refused
from jupyter_totp_auth.core.bearer import Kind, digest
from jupyter_totp_auth.core.events import Event, EventKind
from jupyter_totp_auth.core.logins import LiveLogin
from jupyter_totp_auth.core.model import AccountChange, Denied, EndReason, Issued, Refusal, Role
from jupyter_totp_auth.core.policy import Policy
from jupyter_totp_auth.core.sealing import Purpose
from tests.core.rig import AWAY, HERE, OTHER_PASSWORD, PASSWORD, START, Person, Rig, refusal

CLIENT = "198.51.100.9"


@dataclass
class Scene:
    """Alice, with a login that is in memory, and the events since then."""

    rig: Rig
    alice: Person
    login: LiveLogin
    bearer: str

    def __post_init__(self) -> None:
        self._before = len(self.rig.events)

    @property
    def events(self) -> list[Event]:
        return self.rig.events[self._before :]

    def told(
        self,
        kind: EventKind,
        actor: str = "",
        *,
        client: str = "",
        login: str | None = None,
        detail: str = "",
        who: str | None = "alice",
    ) -> Event:
        """An event of now, about Alice, or about nobody who is known."""
        account_id = self.alice.id if who else None
        return Event(kind, self.rig.clock.now, account_id, who, actor, client, login, detail)

    @property
    def id(self) -> str:
        return self.login.session.id


@pytest.fixture
def scene(rig: Rig, alice: Person) -> Scene:
    done = rig.log_in(alice)
    login = rig.logins.load(done.bearer)
    assert login is not None
    rig.clock.now += 60
    return Scene(rig, alice, login, done.bearer)


# -- what operators and administrators do ----------------------------------------------------------

Act = Callable[[Scene], object]
Told = Callable[[Scene], list[Event]]

ACCOUNT_ACTS: dict[str, tuple[Act, Told]] = {
    "set_password": (
        lambda s: s.rig.accounts.set_password("alice", OTHER_PASSWORD, actor="operator"),
        lambda s: [s.told(EventKind.PASSWORD_SET, "operator")],
    ),
    "choose_password": (
        lambda s: s.rig.accounts.choose_password(
            s.alice.account, OTHER_PASSWORD, by=s.login.session, client=CLIENT
        ),
        lambda s: [s.told(EventKind.PASSWORD_SET, "alice", client=CLIENT, login=s.id)],
    ),
    "set_role": (
        lambda s: s.rig.accounts.set_role("alice", Role.ADMIN, actor="operator"),
        lambda s: [s.told(EventKind.ROLE_CHANGED, "operator", detail="admin")],
    ),
    "disable": (
        lambda s: s.rig.accounts.set_disabled("alice", disabled=True, actor="operator"),
        lambda s: [s.told(EventKind.ACCOUNT_DISABLED, "operator")],
    ),
    "enable": (
        lambda s: s.rig.accounts.set_disabled("alice", disabled=False, actor="operator"),
        lambda s: [s.told(EventKind.ACCOUNT_ENABLED, "operator")],
    ),
    "change": (
        lambda s: s.rig.accounts.change(
            s.alice.id,
            AccountChange(role=Role.ADMIN, disabled=False, expires_at=START + 86_400),
            actor="root",
            client=CLIENT,
        ),
        lambda s: [
            s.told(EventKind.ROLE_CHANGED, "root", client=CLIENT, detail="admin"),
            s.told(EventKind.ACCOUNT_ENABLED, "root", client=CLIENT),
            s.told(EventKind.EXPIRY_CHANGED, "root", client=CLIENT, detail="2027-01-16T08:00:00Z"),
        ],
    ),
    "change to no end": (
        lambda s: s.rig.accounts.change(s.alice.id, AccountChange(endless=True), actor="root", client=""),
        lambda s: [s.told(EventKind.EXPIRY_CHANGED, "root", detail="never")],
    ),
    "delete": (
        lambda s: s.rig.accounts.delete("alice", actor="operator"),
        lambda s: [s.told(EventKind.ACCOUNT_DELETED, "operator")],
    ),
    "remove": (
        lambda s: s.rig.accounts.remove(s.alice.id, actor="root", client=CLIENT),
        lambda s: [s.told(EventKind.ACCOUNT_DELETED, "root", client=CLIENT)],
    ),
    "reset": (
        lambda s: s.rig.accounts.reset("alice", actor="operator"),
        lambda s: [s.told(kind, "operator") for kind in (EventKind.FACTOR_RESET, EventKind.ENROLLMENT_CODE)],
    ),
    "reset by an administrator": (
        lambda s: s.rig.accounts.reset("alice", actor="root", client=CLIENT),
        lambda s: [
            s.told(kind, "root", client=CLIENT)
            for kind in (EventKind.FACTOR_RESET, EventKind.ENROLLMENT_CODE)
        ],
    ),
    "unlock": (
        lambda s: s.rig.accounts.unlock("alice", actor="operator"),
        lambda s: [s.told(EventKind.UNLOCKED, "operator")],
    ),
    "set_profile": (
        lambda s: s.rig.accounts.set_profile(
            s.alice.account, display_name="A", initials="A", color="red", actor="alice", client=CLIENT
        ),
        lambda s: [s.told(EventKind.PROFILE_CHANGED, "alice", client=CLIENT)],
    ),
    "set_profile from nowhere": (
        lambda s: s.rig.accounts.set_profile(
            s.alice.account, display_name="A", initials="A", color="red", actor="alice"
        ),
        lambda s: [s.told(EventKind.PROFILE_CHANGED, "alice")],
    ),
    "end one login": (
        lambda s: s.rig.accounts.end_logins("alice", actor="operator", login_id=s.id),
        lambda s: [s.told(EventKind.LOGIN_ENDED, "operator", login=s.id)],
    ),
    "end all logins": (
        lambda s: s.rig.accounts.end_logins("alice", actor="root", client=CLIENT),
        lambda s: [s.told(EventKind.LOGINS_ENDED, "root", client=CLIENT)],
    ),
}


@pytest.mark.parametrize("act", ACCOUNT_ACTS)
def test_an_act_on_an_account_is_told_whole(scene: Scene, act: str) -> None:
    scene.rig.accounts.set_role(scene.rig.person("root").name, Role.ADMIN, actor="operator")
    begun = Scene(scene.rig, scene.alice, scene.login, scene.bearer)
    do, told = ACCOUNT_ACTS[act]
    do(begun)
    assert begun.events == told(begun)


@pytest.mark.parametrize(("actor", "client"), [("operator", ""), ("root", CLIENT)])
def test_a_new_account_is_told_whole(rig: Rig, actor: str, client: str) -> None:
    more = {"client": client} if client else {}
    account = rig.accounts.add("bob", Role.ADMIN, actor=actor, **more).account  # type: ignore[arg-type]
    assert account.created_at == START
    assert rig.events == [
        Event(EventKind.ACCOUNT_ADDED, START, account.id, "bob", actor, client, None, "admin"),
        Event(EventKind.ENROLLMENT_CODE, START, account.id, "bob", actor, client, None, ""),
    ]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is set by the environment")
def test_times_in_the_log_are_utc_wherever_the_server_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.rig.accounts.set_role(scene.rig.person("root").name, Role.ADMIN, actor="operator")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        change = AccountChange(expires_at=START + 86_400)
        scene.rig.accounts.change(scene.alice.id, change, actor="root", client="")
    time.tzset()
    assert scene.events[-1].detail == "2027-01-16T08:00:00Z"


REFUSALS: dict[str, tuple[Act, str, Refusal]] = {
    "a taken name": (
        lambda s: s.rig.accounts.add("alice", Role.MEMBER, actor="root"),
        "There is an account named alice already.",
        Refusal.NAME_TAKEN,
    ),
    "a taken name in a list": (
        lambda s: s.rig.accounts.check("alice"),
        "There is an account named alice already.",
        Refusal.NAME_TAKEN,
    ),
    "a name that is none": (
        lambda s: s.rig.accounts.check("Bob"),
        (
            "'Bob' cannot be a user name: 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a "
            "letter or digit, not ending in a dot."
        ),
        Refusal.BAD_NAME,
    ),
    "an expiry in the past": (
        lambda s: s.rig.accounts.check("bob", expires_at=s.rig.clock.now),
        "That expiry date has passed already.",
        Refusal.DENIED,
    ),
    "an id that nobody has": (
        lambda s: s.rig.accounts.of_id("x"),
        "There is no such account.",
        Refusal.UNKNOWN,
    ),
    "a name that nobody has": (
        lambda s: s.rig.accounts.named("bob"),
        "There is no account named 'bob'.",
        Refusal.UNKNOWN,
    ),
    "the last administrator": (
        lambda s: s.rig.accounts.remove(s.alice.id, actor="root", client=""),
        "alice is the last administrator who can log in. Make another one first.",
        Refusal.LAST_ADMIN,
    ),
    "a color that is none": (
        lambda s: s.rig.accounts.set_profile(
            s.alice.account, display_name="A", initials="A", color="!", actor="alice"
        ),
        "A colour is #rrggbb, a colour name, or one of JupyterLab's collaborator colours.",
        Refusal.DENIED,
    ),
    "a link that is valid too long": (
        lambda s: s.rig.accounts.reset("alice", actor="root", valid_for=10**9),
        "An enrollment link can be valid for 10 minutes to 30 days.",
        Refusal.DENIED,
    ),
    "a login that is not there": (
        lambda s: s.rig.accounts.end_logins("alice", actor="root", login_id="x"),
        "alice has no login 'x'.",
        Refusal.DENIED,
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_an_act_is_refused_in_these_words(scene: Scene, what: str) -> None:
    scene.rig.accounts.set_role("alice", Role.ADMIN, actor="operator")
    do, sentence, word = REFUSALS[what]
    with pytest.raises(Refused) as refused:
        do(scene)
    assert (str(refused.value), refused.value.refusal) == (sentence, word)


def test_a_disabled_account_is_not_reset_in_these_words(scene: Scene) -> None:
    scene.rig.accounts.set_disabled("alice", disabled=True, actor="operator")
    with pytest.raises(Refused) as refused:
        scene.rig.accounts.reset("alice", actor="operator")
    sentence = "The account alice is disabled, so nobody could enroll. Enable it first."
    assert (str(refused.value), refused.value.refusal) == (sentence, Refusal.CLOSED)


def test_a_login_that_has_ended_chooses_no_password_in_these_words(scene: Scene) -> None:
    scene.rig.accounts.end_logins("alice", actor="operator")
    with pytest.raises(Refused) as refused:
        scene.rig.accounts.choose_password(
            scene.alice.account, OTHER_PASSWORD, by=scene.login.session, client=""
        )
    assert (str(refused.value), refused.value.refusal) == ("This login has ended.", Refusal.EXPIRED)


@pytest.mark.parametrize(
    ("act", "promise"),
    [
        ("set_password", "set_password"),
        ("set_role", "set_role"),
        ("disable", "set_disabled"),
        ("delete", "delete"),
        ("reset", "reset"),
        ("set_profile", "set_profile"),
    ],
)
def test_an_account_that_goes_meanwhile_is_gone_in_these_words(
    scene: Scene, act: str, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.rig.store.accounts, promise, lambda *_, **__: False)
    with pytest.raises(Refused) as refused:
        ACCOUNT_ACTS[act][0](scene)
    assert (str(refused.value), refused.value.refusal) == ("The account alice is gone.", Refusal.UNKNOWN)


def test_ones_own_new_password_keeps_ones_access_tokens_and_an_operators_does_not(scene: Scene) -> None:
    rig, other = scene.rig, scene.rig.log_in(scene.alice)
    live = rig.logins.load(other.bearer)
    assert live is not None
    assert not isinstance(rig.access_tokens.create(live, name="x", days=1, client=""), Denied)
    rig.accounts.choose_password(scene.alice.account, OTHER_PASSWORD, by=live.session, client="")
    why = rig.logins.why_ended(scene.bearer)
    assert why is not None
    assert why.reason is EndReason.PASSWORD_CHANGED
    assert len(rig.access_tokens.of_account(scene.alice.id)) == 1
    rig.accounts.set_password("alice", PASSWORD, actor="operator")
    assert rig.access_tokens.of_account(scene.alice.id) == []


# -- what people do with their logins --------------------------------------------------------------


def test_the_ends_of_logins_are_told_whole(scene: Scene) -> None:
    rig, other = scene.rig, scene.rig.log_in(scene.alice)
    begun = Scene(rig, scene.alice, scene.login, scene.bearer)
    assert rig.logins.end_others(scene.login, CLIENT) == 1
    why = rig.logins.why_ended(other.bearer)
    assert why is not None
    assert (why.ended_at, why.reason) == (rig.clock.now, EndReason.ENDED_ELSEWHERE)
    rig.logins.log_out(scene.login, CLIENT)
    assert begun.events == [
        scene.told(EventKind.LOGINS_ENDED, "alice", client=CLIENT, detail="others"),
        scene.told(EventKind.LOGIN_ENDED, "alice", client=CLIENT, login=scene.id, detail="logged-out"),
    ]


def test_a_token_has_an_id_of_its_own_and_a_name_of_up_to_64_characters(scene: Scene) -> None:
    create = scene.rig.access_tokens.create
    made = create(scene.login, name="x" * 64, days=None, client="")
    assert not isinstance(made, Denied)
    assert len(bytes.fromhex(made.token.id)) == 8
    assert made.token.expires_at == scene.rig.clock.now + 90 * 86_400
    too_long = create(scene.login, name="x" * 65, days=1, client="")
    assert isinstance(too_long, Denied)
    assert (too_long.refusal, too_long.text) == (
        Refusal.BAD_NAME,
        "A name has 1 to 64 printable characters.",
    )
    for days in (0, 366):
        denied = create(scene.login, name="x", days=days, client="")
        assert isinstance(denied, Denied)
        assert (denied.refusal, denied.text) == (
            Refusal.BAD_LIFETIME,
            "An access token lives for 1 to 365 days.",
        )


def test_a_token_that_is_revoked_is_told_whole(scene: Scene) -> None:
    rig = scene.rig
    made = rig.access_tokens.create(scene.login, name="x", days=1, client=CLIENT)
    assert not isinstance(made, Denied)
    account = scene.alice.account
    assert rig.access_tokens.revoke(account, made.token.id, actor="operator")
    assert not rig.access_tokens.revoke(account, made.token.id, actor="operator", client=CLIENT)
    assert scene.events == [
        scene.told(EventKind.TOKEN_MADE, "alice", client=CLIENT, detail=made.token.id),
        scene.told(EventKind.TOKEN_REVOKED, "operator", detail=made.token.id),
    ]


def test_further_phones_are_told_whole(scene: Scene) -> None:
    rig, flow = scene.rig, scene.rig.authenticators

    def of_this_login(kind: EventKind, detail: str = "") -> Event:
        return scene.told(kind, "alice", client=HERE.client, login=scene.id, detail=detail)

    offer = flow.begin(scene.login, name="Tablet", origin=HERE)
    assert not isinstance(offer, Denied)
    assert len(bytes.fromhex(offer.id)) == 16
    rig.clock.now += 30  # each event is of its own moment
    begun = scene.events[0]
    wrong = Person(rig, scene.alice.id, "alice", offer.secret, []).wrong_code()
    assert isinstance(flow.confirm(scene.login, offer.id, digits=wrong, origin=HERE), Denied)
    assert scene.events[1:] == [of_this_login(EventKind.AUTHENTICATOR_DENIED, "Tablet")]
    code = totp.code(offer.secret, rig.clock.now // 30)
    phone = flow.confirm(scene.login, offer.id, digits=code, origin=HERE)
    assert not isinstance(phone, Denied)
    renamed = flow.rename(scene.login, phone.id, name="Old tablet", origin=HERE)
    assert not isinstance(renamed, Denied)
    assert flow.remove(scene.login, phone.id, HERE) is None
    assert not isinstance(flow.new_recovery_codes(scene.login, HERE), Denied)
    rest = scene.events[2:]
    rig.clock.now -= 30
    assert begun == of_this_login(EventKind.AUTHENTICATOR_BEGUN, "Tablet")
    rig.clock.now += 30
    assert rest == [
        of_this_login(EventKind.AUTHENTICATOR_ADDED, "Tablet"),
        of_this_login(EventKind.AUTHENTICATOR_RENAMED, "Old tablet"),
        of_this_login(EventKind.AUTHENTICATOR_REMOVED, "Old tablet"),
        of_this_login(EventKind.RECOVERY_CODES_MADE),
    ]


def test_a_lock_is_told_whole(scene: Scene) -> None:
    assert scene.rig.logins.lock(scene.login, CLIENT)
    assert scene.events == [scene.told(EventKind.LOGIN_LOCKED, "alice", client=CLIENT, login=scene.id)]


def test_enrolling_is_told_whole(rig: Rig) -> None:
    invitation = rig.accounts.add("bob", Role.MEMBER, actor="operator")
    before, who = len(rig.events), invitation.account.id
    assert isinstance(rig.enrollment.start("A" * 43, AWAY), Denied)
    begun = rig.enrollment.start(invitation.code, AWAY)
    assert isinstance(begun, Issued)
    stage = rig.enrollment.choose(begun.bearer, typed_name="", typed_password=PASSWORD)
    assert not isinstance(stage, Denied)
    assert stage.secret is not None
    bob = Person(rig, who, "bob", stage.secret, [])
    confirm = rig.enrollment.confirm
    assert isinstance(confirm(begun.bearer, typed_code=bob.wrong_code(), origin=AWAY), Denied)
    done = confirm(begun.bearer, typed_code=bob.code(), origin=AWAY)
    assert isinstance(done, Issued)
    client, opened = AWAY.client, done.value.session.id
    (phone,) = rig.store.accounts.authenticators(who)
    assert (phone.name, phone.created_at, phone.last_used_at) == ("Phone", START, START)
    assert rig.events[before:] == [
        Event(EventKind.ENROLLMENT_DENIED, START, client=client),
        Event(EventKind.ENROLLMENT_DENIED, START, who, "bob", client=client),
        Event(EventKind.ENROLLED, START, who, "bob", "bob", client),
        Event(EventKind.LOGIN, START, who, "bob", "bob", client, opened),
    ]


def test_the_first_set_up_is_told_whole(rig: Rig) -> None:
    text = rig.enrollment.offer_setup()
    assert text is not None
    begun = rig.enrollment.start(text, AWAY)
    assert isinstance(begun, Issued)
    stage = rig.enrollment.choose(begun.bearer, typed_name="ada", typed_password=PASSWORD)
    assert not isinstance(stage, Denied)
    assert stage.secret is not None
    ada = Person(rig, begun.value.account_id, "ada", stage.secret, [])
    confirm = rig.enrollment.confirm_without_login
    assert isinstance(confirm(begun.bearer, typed_code=ada.wrong_code(), origin=AWAY), Denied)
    assert not isinstance(confirm(begun.bearer, typed_code=ada.code(), origin=AWAY), Denied)
    assert ada.account.created_at == START
    assert rig.events == [
        Event(EventKind.SETUP_LINK, START),
        Event(EventKind.ENROLLMENT_DENIED, START, client=AWAY.client),
        Event(EventKind.ENROLLED, START, ada.id, "ada", "ada", AWAY.client),
    ]


def test_a_name_is_refused_at_the_first_set_up_in_these_words(rig: Rig) -> None:
    text = rig.enrollment.offer_setup()
    assert text is not None
    begun = rig.enrollment.start(text, HERE)
    assert isinstance(begun, Issued)
    rig.accounts.add("bob", Role.MEMBER, actor="operator")
    refused = [
        rig.enrollment.choose(begun.bearer, typed_name=name, typed_password=PASSWORD)
        for name in ("b b", "bob")
    ]
    assert [(one.refusal, one.text) for one in refused if isinstance(one, Denied)] == [
        (
            Refusal.BAD_NAME,
            (
                "A user name has 1 to 64 of the characters a-z, 0-9, dot, dash and underscore; it begins "
                "with a letter or digit and does not end in a dot."
            ),
        ),
        (Refusal.NAME_TAKEN, "That name is taken. Please choose another."),
    ]


def test_an_account_that_has_an_end_enrolls_until_then(rig: Rig) -> None:
    code = rig.accounts.add("bob", Role.MEMBER, actor="operator", expires_at=START + 100).code
    begun = rig.enrollment.start(code, HERE)
    assert isinstance(begun, Issued)
    stage = rig.enrollment.choose(begun.bearer, typed_name="", typed_password=PASSWORD)
    assert not isinstance(stage, Denied)
    assert stage.secret is not None
    bob = Person(rig, begun.value.account_id, "bob", stage.secret, [])
    rig.clock.now += 100
    assert (
        refusal(rig.enrollment.confirm(begun.bearer, typed_code=bob.code(), origin=HERE)) is Refusal.EXPIRED
    )
    rig.clock.now -= 1
    done = rig.enrollment.confirm(begun.bearer, typed_code=bob.code(), origin=HERE)
    assert isinstance(done, Issued)
    assert done.value.session.expires_at == START + 100


def test_a_wrong_password_at_an_enrollment_is_counted_for_its_account(rig: Rig, alice: Person) -> None:
    code = rig.accounts.reset("alice", actor="operator").code
    begun = rig.enrollment.start(code, HERE)
    assert isinstance(begun, Issued)
    denied = rig.enrollment.choose(begun.bearer, typed_name="", typed_password=OTHER_PASSWORD)
    assert refusal(denied) is Refusal.DENIED
    assert rig.password_failures("alice") == 1
    assert {counter.account_id for counter in rig.store.rows.counters.values()} == {alice.id}


# -- step-up and locks -----------------------------------------------------------------------------


def denied(scene: Scene, kind: EventKind) -> Event:
    return scene.told(kind, "alice", client=HERE.client, login=scene.id)


def test_steps_up_and_unlocks_are_told_whole(scene: Scene) -> None:
    rig, alice = scene.rig, scene.alice
    step_up, login = rig.stepup.step_up, scene.login
    assert isinstance(
        step_up(login, typed_password="wrong here too", typed_code=alice.code(), origin=HERE), Denied
    )
    assert isinstance(
        step_up(login, typed_password=PASSWORD, typed_code=alice.recovery_codes[0], origin=HERE), Issued
    )
    rig.logins.sync()
    renewed = next(iter(rig.logins))
    assert rig.logins.lock(renewed, HERE.client)
    assert rig.stepup.unlock_by_password(renewed, typed_password="wrong here too", origin=HERE) is not None
    assert rig.stepup.unlock_by_password(renewed, typed_password=PASSWORD, origin=HERE) is None
    assert rig.stepup.unlock_by_password(renewed, typed_password=PASSWORD, origin=HERE) is not None
    assert scene.events == [
        denied(scene, EventKind.STEP_UP_DENIED),
        denied(scene, EventKind.STEP_UP),
        denied(scene, EventKind.RECOVERY_CODE_USED),
        denied(scene, EventKind.LOGIN_LOCKED),
        denied(scene, EventKind.UNLOCK_DENIED),
        denied(scene, EventKind.LOGIN_UNLOCKED),
        denied(scene, EventKind.UNLOCK_DENIED),
    ]


def test_a_spent_code_that_steps_up_costs_exactly_no_try(scene: Scene) -> None:
    rig, alice = scene.rig, scene.alice

    def failures() -> int:
        key = rig.sealer.mac(Purpose.THROTTLE, "code-stepup", scene.id)
        counter = rig.store.rows.counters.get(key)
        return counter.failures if counter else 0

    def give(code: str) -> None:
        outcome = rig.stepup.unlock_by_code(scene.login, typed_code=code, origin=HERE)
        assert isinstance(outcome, Denied)

    rig.clock.now -= 60  # the login's own step
    for expected in (1, 2):
        give(alice.wrong_code())
        assert failures() == expected
    give(alice.code())
    assert rig.kinds()[-1] is EventKind.CODE_REPLAYED
    assert failures() == 2


def test_a_password_that_was_not_looked_at_since_the_code_waits_is_not_counted(scene: Scene) -> None:
    rig, alice = scene.rig, scene.alice

    def failures(what: str) -> int:
        counter = rig.store.rows.counters.get(rig.sealer.mac(Purpose.THROTTLE, f"{what}-stepup", scene.id))
        return counter.failures if counter else 0

    for _ in range(5):
        rig.stepup.unlock_by_code(scene.login, typed_code=alice.wrong_code(), origin=HERE)
    rig.stepup.unlock_by_password(scene.login, typed_password=OTHER_PASSWORD, origin=HERE)
    assert (failures("password"), failures("code")) == (1, 5)
    outcome = rig.stepup.step_up(scene.login, typed_password=PASSWORD, typed_code=alice.code(), origin=HERE)
    assert refusal(outcome) is Refusal.THROTTLED
    assert (failures("password"), failures("code")) == (1, 5)


def test_of_two_step_ups_with_one_code_the_slower_is_denied_and_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, alice = scene.rig, scene.alice
    monkeypatch.setattr(rig.store.logins, "renew", lambda *_: False)
    outcome = rig.stepup.step_up(scene.login, typed_password=PASSWORD, typed_code=alice.code(), origin=HERE)
    assert refusal(outcome) is Refusal.DENIED
    assert scene.events == [denied(scene, EventKind.STEP_UP_DENIED)]


def test_a_broken_seal_behind_a_login_is_told_whole(scene: Scene) -> None:
    rig, alice = scene.rig, scene.alice
    _move_the_secret(rig, alice)
    assert rig.stepup.unlock_by_code(scene.login, typed_code=alice.code(), origin=HERE) is not None
    first = scene.events[0]
    assert first == scene.told(EventKind.SEAL_BROKEN, detail="totp-secret: altered, or moved from its place")


def test_a_broken_seal_at_a_login_is_told_whole(scene: Scene) -> None:
    rig, alice = scene.rig, scene.alice
    pending = rig.pend()
    _move_the_secret(rig, alice)
    assert refusal(rig.second(pending, alice.code())) is Refusal.DENIED
    broken = [event for event in scene.events if event.kind is EventKind.SEAL_BROKEN]
    assert broken == [
        scene.told(EventKind.SEAL_BROKEN, detail="totp-secret: altered, or moved from its place")
    ]


def _move_the_secret(rig: Rig, alice: Person) -> None:
    """Put a secret that was sealed for another place into Alice's phone."""
    ((phone_id, phone),) = rig.store.rows.authenticators.items()
    elsewhere = rig.phone("somebody else", phone_id, alice.secret)
    rig.store.rows.authenticators[phone_id] = replace(phone, sealed_secret=elsewhere.sealed_secret)


# -- the login itself ------------------------------------------------------------------------------


def test_a_login_is_told_whole(scene: Scene) -> None:
    rig, alice = scene.rig, scene.alice
    rig.first("nobody", origin=AWAY)
    rig.first("alice", OTHER_PASSWORD, origin=AWAY)
    outcome = rig.first(origin=AWAY)
    assert isinstance(outcome, Issued)
    rig.second(outcome.bearer, alice.wrong_code(), origin=AWAY)
    done = rig.second(outcome.bearer, alice.recovery_codes[0], origin=AWAY)
    assert isinstance(done, Issued)
    client, opened = AWAY.client, done.value.session.id
    assert scene.events == [
        scene.told(EventKind.FIRST_FACTOR_DENIED, client=client, detail="unknown name", who=None),
        scene.told(EventKind.FIRST_FACTOR_DENIED, client=client),
        scene.told(EventKind.FIRST_FACTOR_PASSED, client=client),
        scene.told(EventKind.SECOND_FACTOR_DENIED, client=client),
        scene.told(EventKind.LOGIN, "alice", client=client, login=opened),
        scene.told(EventKind.RECOVERY_CODE_USED, "alice", client=client, login=opened),
    ]


def test_a_login_that_was_locked_for_being_idle_is_told_whole() -> None:
    rig = Rig(Policy(idle_timeout=900))
    alice = rig.person()
    done = rig.log_in(alice)
    assert rig.logins.load(done.bearer) is not None
    rig.clock.now += 899
    assert rig.logins.sync() == set()
    rig.clock.now += 1
    session = done.value.session
    assert rig.logins.sync() == {session.id}
    assert rig.events[-1] == Event(
        EventKind.LOGIN_LOCKED, rig.clock.now, alice.id, "alice", "alice", "", session.id, "idle"
    )


def test_whom_another_process_saw_a_moment_ago_is_not_locked_by_this_one() -> None:
    rig = Rig(Policy(idle_timeout=900))
    done = rig.log_in(rig.person())
    assert rig.logins.load(done.bearer) is not None
    rig.clock.now += 900
    session = done.value.session
    assert rig.store.logins.set_active(session.id, at=rig.clock.now)
    assert rig.logins.sync() == set()
    assert rig.kinds()[-1] is not EventKind.LOGIN_LOCKED
    key = digest(Kind.LOGIN, done.bearer)
    assert key is not None
    live = rig.logins.live(key)
    assert live is not None
    assert live.session.locked_at is None


def test_whom_another_process_sees_between_the_look_and_the_lock_is_not_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(Policy(idle_timeout=900))
    done = rig.log_in(rig.person())
    assert rig.logins.load(done.bearer) is not None
    rig.clock.now += 900
    session, look = done.value.session, rig.store.logins.find_many

    def look_and_then_somebody_types(login_ids: Iterable[str], *, at: int):
        found = look(login_ids, at=at)
        assert rig.store.logins.set_active(session.id, at=at)
        return found

    monkeypatch.setattr(rig.store.logins, "find_many", look_and_then_somebody_types)
    assert rig.logins.sync() == set()
    assert EventKind.LOGIN_LOCKED not in rig.kinds()


def test_what_was_chosen_at_an_enrollment_is_what_is_kept(rig: Rig) -> None:
    text = rig.enrollment.offer_setup()
    assert text is not None
    begun = rig.enrollment.start(text, HERE)
    assert isinstance(begun, Issued)
    assert len(bytes.fromhex(begun.value.account_id)) == 16
    assert len(bytes.fromhex(begun.value.authenticator_id)) == 16
    stage = rig.enrollment.choose(begun.bearer, typed_name="ada", typed_password=PASSWORD)
    assert not isinstance(stage, Denied)
    again = rig.enrollment.stage(begun.bearer)
    assert again is not None
    assert again.enrollment == stage.enrollment
    assert stage.enrollment.expires_at == START + 600
