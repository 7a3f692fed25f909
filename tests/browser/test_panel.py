"""The panel *Security*: phones, recovery codes, tokens, password, people; each in a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import pytest
import requests
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from jupyter_totp_auth.core.model import Role
from tests.browser.chrome import PATIENCE, new_context
from tests.browser.hands import begin_enrolling, confirm
from tests.browser.lab import Lab
from tests.browser.people import make_stale, put_login
from tests.harness.backstage import Backstage
from tests.harness.canary import note
from tests.harness.client import PASSWORD, Client, Person, Phone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SECRET_KEYS = re.compile(r"[A-Z2-7]{32}")


@pytest.fixture
def page(browser: Browser, store: Backstage, somebody: Person) -> Iterator[Page]:
    with new_context(browser) as (context, _):
        yield opened(context.new_page(), store, somebody.username)


def opened(page: Page, store: Backstage, username: str) -> Page:
    """The panel, of a login that is fresh."""
    put_login(page.context, store, username)
    page.goto(f"{store.server.url}lab?reset")
    Lab(page).wait_until_loaded()
    page.set_viewport_size({"width": 1280, "height": 2200})
    page.locator(".jp-totp-Badge").click()
    page.get_by_role("menuitem", name="Security").click()
    expect(page.get_by_role("heading", name="My history")).to_be_visible()
    return page


def section(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


def read_picture(image: Locator) -> str:
    """The text of a QR code on the screen."""
    with Image.open(io.BytesIO(image.screenshot())) as picture:
        found = zxingcpp.read_barcodes(picture.convert("L"))
    assert len(found) == 1
    return found[0].text


def test_a_phone_is_added_from_the_picture_and_opens_a_login(
    page: Page, store: Backstage, somebody: Person
) -> None:
    phones = section(page, "Phones and apps")
    phones.locator("[name=name]").fill("Tablet")
    page.locator("[data-totp=add-authenticator]").click()
    uri = read_picture(phones.get_by_role("img"))
    secret = re.search(r"secret=([A-Z2-7]+)", uri)
    assert secret is not None
    note("totp", secret[1])
    tablet = Phone(secret[1])
    phones.locator("[name=code]").fill("000000")
    page.locator("[data-totp=confirm-authenticator]").click()
    expect(phones.get_by_role("alert").filter(has_text="wrong")).to_be_visible()
    phones.locator("[name=code]").fill(tablet.fresh_code())
    page.locator("[data-totp=confirm-authenticator]").click()
    expect(phones.get_by_role("listitem").filter(has_text="Tablet")).to_be_visible()
    expect(phones.get_by_role("img")).to_have_count(0)
    assert SECRET_KEYS.search(page.content()) is None, "nothing secret stays in the page"

    elsewhere = Client(store.server.url)
    elsewhere.log_in(Person(somebody.username, PASSWORD, tablet, []))
    assert elsewhere.is_signed_in()
    page.get_by_role("button", name="Remove Tablet").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Remove").click()
    expect(phones.get_by_role("listitem")).to_have_count(1)
    assert not elsewhere.is_signed_in()
    expect(page.locator("[data-totp=remove-authenticator]")).to_be_disabled()


def test_new_recovery_codes_are_shown_once(page: Page) -> None:
    codes = section(page, "Recovery codes")
    expect(codes).to_contain_text("10 recovery codes left")
    page.locator("[data-totp=new-recovery-codes]").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Make new ones").click()
    expect(codes.get_by_role("listitem")).to_have_count(10)
    shown = codes.get_by_role("listitem").all_inner_texts()
    note("recovery-code", *shown)
    codes.get_by_role("button", name="Done").click()
    assert not any(code in page.content() for code in shown)


def test_a_token_is_made_used_and_revoked(page: Page, store: Backstage) -> None:
    tokens = section(page, "Access tokens")
    tokens.locator("[name=name]").fill("VS Code")
    page.locator("[data-totp=create-token]").click()
    made = tokens.locator("code").first.inner_text()
    note("access-token", made)
    assert re.fullmatch(r"jta_[0-9A-Za-z]{46}", made)

    def status() -> int:
        headers = {"Authorization": f"token {made}"}
        return requests.get(f"{store.server.url}api/contents", headers=headers, timeout=30).status_code

    assert status() == 200
    tokens.get_by_role("button", name="Done").click()
    assert made not in page.content()
    page.locator("[data-totp=revoke-token]").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Revoke").click()
    expect(tokens).to_contain_text("No token yet.")
    assert status() == 403


def test_a_login_that_is_not_fresh_is_asked_once_and_what_was_asked_goes_on(
    page: Page, store: Backstage, somebody: Person
) -> None:
    make_stale(store)
    tokens = section(page, "Access tokens")
    tokens.locator("[name=name]").fill("script")
    page.locator("[data-totp=create-token]").click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.locator("[name=code]").fill("000000")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.locator("[name=code]").fill(somebody.phone.fresh_code())
    dialog.get_by_role("button", name="Confirm").click()
    made = tokens.locator("code").first
    expect(made).to_have_text(re.compile("^jta_"), timeout=PATIENCE)
    note("access-token", made.inner_text())


def test_the_password_is_changed_and_a_weak_one_is_not(
    page: Page, store: Backstage, somebody: Person
) -> None:
    new = "a quite different password 7"
    password = section(page, "Password")
    for text, words in (("short", "12"), (new, "counts from now on")):
        for field in password.locator("[name=password]").all():
            field.fill(text)
        password.get_by_role("button", name="Change").click()
        expect(password).to_contain_text(words)
    elsewhere = Client(store.server.url)
    elsewhere.log_in(Person(somebody.username, new, somebody.phone, []))
    assert elsewhere.is_signed_in()


def test_an_admin_adds_a_person_by_link_who_enrolls_in_another_browser(
    browser: Browser, store: Backstage, new_name: Callable[[], str]
) -> None:
    name = new_name()
    store.services.accounts.set_role("admin", Role.ADMIN, actor="operator")
    with new_context(browser) as (context, _), new_context(browser) as (theirs, _):
        page = opened(context.new_page(), store, "admin")
        people = section(page, "People")
        people.locator("[name=username]").fill(name)
        page.locator("[data-totp=add-account]").click()
        link = people.locator("code").first.inner_text()
        note("enrollment-code", link.partition("#")[2])
        row = people.get_by_role("listitem").filter(has_text=name)
        expect(row).to_contain_text("not enrolled yet")  # above the picture, which it moves down
        assert read_picture(people.get_by_role("img")) == link
        people.get_by_role("button", name="Done").click()

        enrolling = theirs.new_page()
        begin_enrolling(enrolling, link)
        confirm(enrolling)
        people.get_by_role("button", name=f"Manage {name}").click()
        row.get_by_role("button", name="Disable").click()
        expect(row).to_contain_text("disabled")
        enrolling.goto(f"{store.server.url}lab")
        expect(enrolling).to_have_url(re.compile("/login"))


def test_a_member_sees_no_people(page: Page) -> None:
    expect(page.get_by_role("region", name="People")).to_have_count(0)


def test_a_phone_is_renamed_and_replaced_and_the_old_one_opens_nothing(
    page: Page, store: Backstage, somebody: Person
) -> None:
    phones = section(page, "Phones and apps")
    page.get_by_role("button", name="Rename Phone").click()
    phones.locator("[name=name]").first.fill("Old one")
    phones.get_by_role("button", name="Save").click()
    expect(phones).to_contain_text("“Phone” is called “Old one” now.")
    page.get_by_role("button", name="Replace Old one").click()
    fresh = scanned(phones)
    phones.locator("[name=code]").fill(fresh.fresh_code())
    page.locator("[data-totp=confirm-authenticator]").click()
    expect(phones).to_contain_text("“Old one” is replaced.")
    expect(phones.get_by_role("listitem")).to_have_count(1)
    for phone, opens in ((somebody.phone, False), (fresh, True)):
        elsewhere = Client(store.server.url)
        elsewhere.first_factor(somebody.username, PASSWORD)
        elsewhere.second_factor(phone.fresh_code())
        assert elsewhere.is_signed_in() is opens


def scanned(place: Locator) -> Phone:
    """A phone with the secret of the picture that is shown."""
    secret = re.search(r"secret=([A-Z2-7]+)", read_picture(place.get_by_role("img")))
    assert secret is not None
    note("totp", secret[1])
    return Phone(secret[1])


def test_a_picture_that_nobody_confirms_is_gone_when_left_and_after_ten_minutes(
    browser: Browser, store: Backstage, somebody: Person
) -> None:
    with new_context(browser) as (context, _):
        tab = context.new_page()
        tab.clock.install()
        page = opened(tab, store, somebody.username)
        phones = section(page, "Phones and apps")
        page.locator("[data-totp=add-authenticator]").click()
        scanned(phones)
        page.get_by_role("tab", name="Launcher").click()
        page.get_by_role("tab", name="Security").click()
        expect(phones.get_by_role("img")).to_have_count(0)
        page.locator("[data-totp=add-authenticator]").click()
        scanned(phones)
        page.clock.fast_forward("10:01")
        expect(phones).to_contain_text("Nobody has confirmed the new phone within ten minutes")
        expect(phones.get_by_role("img")).to_have_count(0)
        assert SECRET_KEYS.search(page.content()) is None


def test_an_act_without_a_server_says_so_and_works_when_it_is_there_again(page: Page) -> None:
    phones = section(page, "Phones and apps")
    page.context.set_offline(True)
    page.locator("[data-totp=add-authenticator]").click()
    expect(phones.get_by_role("alert")).to_contain_text("The server does not answer.")
    page.context.set_offline(False)
    page.locator("[data-totp=add-authenticator]").click()
    scanned(phones)


def test_people_come_from_a_list_are_found_and_get_role_end_and_a_new_link(
    browser: Browser, store: Backstage, somebody: Person, new_name: Callable[[], str]
) -> None:
    store.services.accounts.set_role("admin", Role.ADMIN, actor="operator")
    names = [new_name(), new_name()]
    table = "username,role\n" + "".join(f"{name},member\n" for name in names)
    with new_context(browser) as (context, _):
        page = opened(context.new_page(), store, "admin")
        people = section(page, "People")
        file = {"name": "people.csv", "mimeType": "text/csv", "buffer": table.encode()}
        people.locator("[type=file]").set_input_files([file])
        people.get_by_role("button", name="Add them").click()
        expect(people).to_contain_text("2 people added.")
        expect(people.get_by_role("img")).to_have_count(2)
        note("enrollment-code", *(x.partition("#")[2] for x in people.locator("code").all_inner_texts()))
        people.get_by_role("button", name="Done").click()

        people.locator("[name=search]").fill(somebody.username)
        row = people.get_by_role("listitem")
        expect(row).to_have_count(1)
        people.get_by_role("button", name=f"Manage {somebody.username}").click()
        row.get_by_label("Role").select_option("admin")
        expect(people).to_contain_text(f"{somebody.username} has the role admin now.")
        row.get_by_label("Ends").fill("2099-12-31")
        row.get_by_role("button", name="Set the end").click()
        expect(people).to_contain_text(f"The account {somebody.username} ends on 2099-12-31.")
        row.get_by_role("button", name="Reset second factor").click()
        page.locator(".jp-Dialog").get_by_role("button", name="Reset").click()
        expect(people.get_by_role("img")).to_have_count(1)
        note("enrollment-code", people.locator("code").first.inner_text().partition("#")[2])
    changed = store.services.accounts.named(somebody.username)
    assert changed.role is Role.ADMIN
    assert changed.expires_at is not None
