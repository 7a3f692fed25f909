"""The account page in a browser without JavaScript: a phone from the picture, a step-up that goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import field, give_code, give_password, press
from tests.browser.people import make_stale, put_login
from tests.browser.picture import read_qr
from tests.harness.backstage import Backstage
from tests.harness.canary import note_shown
from tests.harness.client import PASSWORD, Client, Person, Phone

pytestmark = pytest.mark.slow


def test_a_phone_is_added_from_the_picture_and_opens_a_login_without_script(
    scriptless: Page, store: Backstage, somebody: Person, url: Callable[[str], str]
) -> None:
    page = scriptless
    page.goto(url("account"))
    give_password(page, somebody.username)
    give_code(page, somebody.phone.fresh_code())
    expect(page).to_have_url(url("account"))
    expect(page.locator("main")).to_contain_text("10 recovery codes left")
    field(page, "Name of the new phone").fill("Tablet")
    press(page, "Add a phone")
    scanned = pyotp.parse_uri(read_qr(page))
    assert scanned.name == somebody.username
    tablet = Phone(scanned.secret)
    field(page, "Code").fill(tablet.fresh_code())
    press(page, "Confirm")
    expect(page.locator("#phones #message")).to_have_text(
        "The phone is added. Its codes open logins from now on."
    )
    expect(page.locator("#phones #message")).to_be_in_viewport()
    assert tablet.secret not in page.content()

    elsewhere = Client(store.server.url)
    elsewhere.log_in(Person(somebody.username, PASSWORD, tablet))
    page.reload()
    page.locator("[data-totp=end-login]").first.click()
    expect(page.locator("#logins #message")).to_have_text("That login is ended.")
    assert not elsewhere.is_signed_in()


def test_an_old_login_confirms_and_goes_on_without_script(
    scriptless: Page, store: Backstage, somebody: Person, url: Callable[[str], str]
) -> None:
    page = scriptless
    put_login(page.context, store, somebody.username)
    make_stale(store)
    page.goto(url("account"))
    page.locator("#access-tokens [name=name]").fill("script")
    page.locator("[data-totp=create-token]").click()
    field(page, "Password").fill(PASSWORD)
    field(page, "Code").fill(somebody.phone.fresh_code())
    press(page, "Confirm")
    expect(page.locator("#access-token")).to_be_visible()
    note_shown(page.content())
    made = page.locator("#access-token").inner_text()
    program = Client(store.server.url, Authorization=f"token {made}")
    assert program.is_signed_in()
    page.get_by_role("link", name="I have saved it").click()
    assert made not in page.content()
    page.locator("summary", has_text="Revoke").click()
    press(page, "Revoke script")
    expect(page.locator("#access-tokens #message")).to_contain_text("revoked")
    assert not program.is_signed_in()


def test_a_name_is_changed_without_script_and_a_bad_colour_is_not(
    scriptless: Page, store: Backstage, somebody: Person, url: Callable[[str], str]
) -> None:
    page = scriptless
    put_login(page.context, store, somebody.username)
    page.goto(url("account"))
    section = page.locator("#name")
    section.get_by_label("Name", exact=True).fill("Grace Hopper")
    section.get_by_label("Initials").fill("")
    section.get_by_label("Colour").select_option("green")
    page.locator("[data-totp=change-name]").click()
    expect(section.locator("#message")).to_have_text("This is how others see you from now on.")
    expect(page.locator(".who")).to_contain_text(f"Grace Hopper ({somebody.username})")
    account = store.services.accounts.named(somebody.username)
    assert (account.initials, account.color) == ("GH", "var(--jp-collaborator-color3)")

    option = section.locator("option").first
    page.route(
        "**/account/change-name*", lambda route: route.continue_(post_data=bad(route.request.post_data))
    )
    section.get_by_label("Colour").select_option(option.get_attribute("value"))
    page.locator("[data-totp=change-name]").click()
    expect(section.locator("#message")).to_contain_text("A colour is #rrggbb")
    assert store.services.accounts.named(somebody.username).color == "var(--jp-collaborator-color3)"


def bad(form: str | None) -> str:
    """The form with a colour that would be more than one."""
    return re.sub("color=[^&]*", "color=red%3Bbackground%3Aurl(%2F%2Fevil)", form or "")
