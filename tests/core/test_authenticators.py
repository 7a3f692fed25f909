"""A further phone, its removal, new recovery codes: what an enrolled person adds and takes off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_totp_auth.core import totp
from jupyter_totp_auth.core.authenticators import Offer
from jupyter_totp_auth.core.events import EventKind
from jupyter_totp_auth.core.logins import LiveLogin
from jupyter_totp_auth.core.model import Denied, EndReason, Issued, Refusal, TotpAuthenticator
from tests.core.rig import HERE, OTHER_PASSWORD, Person, Rig, refusal


@pytest.fixture
def login(rig: Rig, alice: Person) -> LiveLogin:
    return opened(rig, alice)


def opened(rig: Rig, person: Person) -> LiveLogin:
    found = rig.logins.load(rig.log_in(person).bearer)
    assert found is not None
    rig.clock.now += 60
    return found


def begin(rig: Rig, login: LiveLogin, name: str = "Tablet") -> Offer:
    offer = rig.authenticators.begin(login, name=name, origin=HERE)
    assert isinstance(offer, Offer), offer
    return offer


def shown(rig: Rig, offer: Offer, *, steps: int = 0) -> str:
    return totp.code(offer.secret, totp.step_at(rig.clock.now) + steps)


def wrong(rig: Rig, offer: Offer) -> str:
    near = {shown(rig, offer, steps=steps) for steps in range(-11, 12)}
    return next(text for text in ("000000", "111111", "222222") if text not in near)


def confirm(rig: Rig, login: LiveLogin, new_id: str, digits: str) -> TotpAuthenticator | Denied:
    return rig.authenticators.confirm(login, new_id, digits=digits, origin=HERE)


def add(rig: Rig, login: LiveLogin, name: str = "Tablet") -> tuple[TotpAuthenticator, Offer]:
    offer = begin(rig, login, name)
    phone = confirm(rig, login, offer.id, shown(rig, offer))
    assert isinstance(phone, TotpAuthenticator), phone
    return phone, offer


def logs_in(rig: Rig, code: str) -> bool:
    return isinstance(rig.second(rig.pend(), code), Issued)


# -- adding ----------------------------------------------------------------------------------------


def test_a_phone_is_added_by_its_first_code(rig: Rig, alice: Person, login: LiveLogin) -> None:
    before = rig.store.logins.revision()
    phone, offer = add(rig, login)
    assert len(offer.secret) == totp.SECRET_BYTES
    assert (phone.name, phone.created_at, phone.last_used_at) == ("Tablet", rig.clock.now, rig.clock.now)
    assert [one.name for one in rig.authenticators.of_account(alice.id)] == ["Phone", "Tablet"]
    assert rig.kinds()[-2:] == [EventKind.AUTHENTICATOR_BEGUN, EventKind.AUTHENTICATOR_ADDED]
    last = rig.events[-1]
    assert (last.actor, last.client, last.login, last.detail) == (
        "alice",
        HERE.client,
        login.session.id,
        "Tablet",
    )
    assert rig.store.logins.revision() > before
    assert rig.store.rows.new_authenticators == {}
    rig.clock.now += 60
    assert logs_in(rig, shown(rig, offer))
    rig.clock.now += 60
    assert logs_in(rig, alice.code())


def test_adding_a_phone_ends_no_login_and_forgets_no_browser(
    rig: Rig, alice: Person, login: LiveLogin
) -> None:
    known = dict(rig.store.rows.known_browsers)
    other, epoch = opened(rig, alice), alice.account.epoch
    add(rig, login)
    rig.logins.sync()
    assert rig.logins.is_open(other.session.id)
    assert rig.logins.is_open(login.session.id)
    assert known.items() <= rig.store.rows.known_browsers.items()
    assert alice.account.epoch == epoch


def test_c08_the_confirming_code_opens_nothing(rig: Rig, login: LiveLogin) -> None:
    _, offer = add(rig, login)
    assert not logs_in(rig, shown(rig, offer))


def test_k04_until_it_is_confirmed_the_old_phone_works_and_the_new_one_does_not(
    rig: Rig, alice: Person, login: LiveLogin
) -> None:
    offer = begin(rig, login)
    assert not logs_in(rig, shown(rig, offer))
    assert logs_in(rig, alice.code())
    rig.clock.now += rig.policy.enrollment_lifetime
    assert refusal(confirm(rig, login, offer.id, shown(rig, offer))) is Refusal.UNKNOWN
    assert rig.store.rows.new_authenticators == {}
    assert len(rig.authenticators.of_account(alice.id)) == 1


def test_a_confirmation_is_good_to_the_last_second(rig: Rig, login: LiveLogin) -> None:
    offer = begin(rig, login)
    rig.clock.now += rig.policy.enrollment_lifetime - 1
    assert isinstance(confirm(rig, login, offer.id, shown(rig, offer)), TotpAuthenticator)


def test_k05_five_wrong_codes_end_it(rig: Rig, alice: Person, login: LiveLogin) -> None:
    offer = begin(rig, login)
    for _ in range(5):
        assert refusal(confirm(rig, login, offer.id, wrong(rig, offer))) is Refusal.DENIED
    assert rig.kinds()[-1] is EventKind.AUTHENTICATOR_DENIED
    assert refusal(confirm(rig, login, offer.id, shown(rig, offer))) is Refusal.UNKNOWN
    assert len(rig.authenticators.of_account(alice.id)) == 1


def test_the_fifth_try_may_be_right(rig: Rig, login: LiveLogin) -> None:
    offer = begin(rig, login)
    for _ in range(4):
        confirm(rig, login, offer.id, wrong(rig, offer))
    assert isinstance(confirm(rig, login, offer.id, shown(rig, offer)), TotpAuthenticator)


def test_a_code_of_another_minute_says_how_far_the_clock_is_off(rig: Rig, login: LiveLogin) -> None:
    offer = begin(rig, login)
    denied = confirm(rig, login, offer.id, shown(rig, offer, steps=4))
    assert isinstance(denied, Denied)
    assert denied.drift == 120


def test_a_new_offer_voids_the_one_before(rig: Rig, alice: Person, login: LiveLogin) -> None:
    first, second = begin(rig, login), begin(rig, opened(rig, alice))
    assert refusal(confirm(rig, login, first.id, shown(rig, first))) is Refusal.UNKNOWN
    assert isinstance(confirm(rig, login, second.id, shown(rig, second)), TotpAuthenticator)


def test_an_offer_is_confirmed_once(rig: Rig, login: LiveLogin) -> None:
    _, offer = add(rig, login)
    assert refusal(confirm(rig, login, offer.id, shown(rig, offer))) is Refusal.UNKNOWN


def test_nobody_confirms_somebody_elses_offer(rig: Rig, login: LiveLogin) -> None:
    offer = begin(rig, login)
    bob = opened(rig, rig.person("bob"))
    assert refusal(confirm(rig, bob, offer.id, shown(rig, offer))) is Refusal.UNKNOWN
    assert isinstance(confirm(rig, login, offer.id, shown(rig, offer)), TotpAuthenticator)


def test_there_are_ten_phones_at_most(rig: Rig, login: LiveLogin) -> None:
    for number in range(8):
        add(rig, login, f"Phone {number}")
    late = begin(rig, login)
    with_nine = rig.store.rows.new_authenticators[late.id]
    assert isinstance(confirm(rig, login, late.id, shown(rig, late)), TotpAuthenticator)
    assert refusal(rig.authenticators.begin(login, name="x", origin=HERE)) is Refusal.TOO_MANY
    rig.store.rows.new_authenticators[late.id] = with_nine  # begun while there was room
    assert refusal(confirm(rig, login, late.id, shown(rig, late))) is Refusal.TOO_MANY


def test_a_sealed_secret_that_was_altered_confirms_nothing(rig: Rig, login: LiveLogin) -> None:
    rows = rig.store.rows.new_authenticators
    first = begin(rig, login)
    moved = rows[first.id].sealed_secret
    offer = begin(rig, login)
    rows[offer.id] = replace(rows[offer.id], sealed_secret=moved)
    assert refusal(confirm(rig, login, offer.id, shown(rig, first))) is Refusal.UNKNOWN


def test_a_secret_has_no_repr(rig: Rig, login: LiveLogin) -> None:
    offer = begin(rig, login)
    assert repr(offer.secret) not in repr(offer)
    assert "sealed" not in repr(rig.store.rows.new_authenticators[offer.id])


# -- renaming and removing -------------------------------------------------------------------------


def test_a_phone_is_renamed(rig: Rig, alice: Person, login: LiveLogin) -> None:
    (phone,) = rig.authenticators.of_account(alice.id)
    renamed = rig.authenticators.rename(login, phone.id, name="Old phone", origin=HERE)
    assert isinstance(renamed, TotpAuthenticator)
    assert renamed.name == "Old phone"
    assert (rig.kinds()[-1], rig.events[-1].detail) == (EventKind.AUTHENTICATOR_RENAMED, "Old phone")


def test_k10_the_only_phone_stays(rig: Rig, alice: Person, login: LiveLogin) -> None:
    (phone,) = rig.authenticators.of_account(alice.id)
    denied = rig.authenticators.remove(login, phone.id, HERE)
    assert refusal(denied) is Refusal.LAST_FACTOR
    assert rig.authenticators.of_account(alice.id) == [phone]


def test_k11_a_removed_phone_opens_nothing_and_takes_all_other_logins_along(
    rig: Rig, alice: Person, login: LiveLogin
) -> None:
    (old,) = rig.authenticators.of_account(alice.id)
    other, epoch = opened(rig, alice), alice.account.epoch
    _, offer = add(rig, login)
    rig.clock.now += 60
    half = rig.pend()
    assert rig.authenticators.remove(login, old.id, HERE) is None
    assert (rig.kinds()[-1], rig.events[-1].detail) == (EventKind.AUTHENTICATOR_REMOVED, "Phone")
    assert rig.logins.sync() == {other.session.id}
    assert rig.logins.is_open(login.session.id)
    ended = rig.store.logins.ended(other.session.digest)
    assert ended is not None
    assert ended.reason is EndReason.FACTOR_RESET
    assert alice.account.epoch == epoch + 1
    assert rig.store.rows.known_browsers == {}
    assert not isinstance(rig.second(half, shown(rig, offer)), Issued)
    assert not logs_in(rig, alice.code())
    assert logs_in(rig, shown(rig, offer))


def test_nobody_touches_somebody_elses_phone(rig: Rig, alice: Person, login: LiveLogin) -> None:
    bob = rig.person("bob")
    (bobs,) = rig.authenticators.of_account(bob.id)
    add(rig, login)
    assert refusal(rig.authenticators.remove(login, bobs.id, HERE)) is Refusal.UNKNOWN
    assert refusal(rig.authenticators.rename(login, bobs.id, name="x", origin=HERE)) is Refusal.UNKNOWN
    assert rig.authenticators.of_account(bob.id) == [bobs]


# -- recovery codes --------------------------------------------------------------------------------


def test_new_recovery_codes_void_the_old_ones(rig: Rig, alice: Person, login: LiveLogin) -> None:
    other = opened(rig, alice)
    codes = rig.authenticators.new_recovery_codes(login, HERE)
    assert isinstance(codes, tuple)
    assert len(set(codes)) == rig.store.accounts.recovery_codes_left(alice.id) == 10
    assert rig.kinds()[-1] is EventKind.RECOVERY_CODES_MADE
    assert rig.events[-1].detail == ""
    rig.logins.sync()
    assert rig.logins.is_open(other.session.id)
    assert not logs_in(rig, alice.recovery_codes[0])
    assert logs_in(rig, codes[0])
    assert not logs_in(rig, codes[0])


def test_other_peoples_recovery_codes_stay(rig: Rig, login: LiveLogin) -> None:
    bob = rig.person("bob")
    rig.authenticators.new_recovery_codes(login, HERE)
    assert rig.store.accounts.recovery_codes_left(bob.id) == 2


# -- a login that is over --------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["ended", "locked", "disabled"])
def test_a_login_that_is_over_in_the_store_changes_nothing(
    rig: Rig, alice: Person, login: LiveLogin, over: str
) -> None:
    add(rig, login)
    offer = begin(rig, login)
    (phone, _) = rig.authenticators.of_account(alice.id)
    if over == "ended":
        rig.logins.log_out(login, "")
    elif over == "locked":
        rig.logins.lock(login, "")
    else:
        rig.store.rows.accounts[alice.id] = replace(alice.account, disabled=True)
    before, events = dict(rig.store.rows.recovery_codes), len(rig.events)
    acts = rig.authenticators
    assert refusal(acts.begin(login, name="x", origin=HERE)) is Refusal.EXPIRED
    assert refusal(acts.confirm(login, offer.id, digits=shown(rig, offer), origin=HERE)) is Refusal.UNKNOWN
    assert refusal(acts.rename(login, phone.id, name="x", origin=HERE)) is Refusal.UNKNOWN
    assert refusal(acts.remove(login, phone.id, HERE)) is Refusal.EXPIRED
    assert refusal(acts.new_recovery_codes(login, HERE)) is Refusal.EXPIRED
    assert rig.store.rows.recovery_codes == before
    assert len(rig.authenticators.of_account(alice.id)) == 2
    assert len(rig.events) == events


def test_what_is_half_done_ends_with_a_change_of_password(rig: Rig, login: LiveLogin) -> None:
    offer = begin(rig, login)
    rig.accounts.choose_password(login.account, OTHER_PASSWORD, by=login.session, client="")
    assert refusal(confirm(rig, login, offer.id, shown(rig, offer))) is Refusal.UNKNOWN
