"""The login in a browser: by keyboard, clipboard and password manager, and when things go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import Browser, Page, expect

from tests.browser.chrome import new_context
from tests.browser.hands import (
    VERDICT,
    WANTED,
    field,
    give_code,
    give_password,
    is_in,
    is_in_lab,
    press,
    shows,
)
from tests.browser.people import invite, put_login, throttle
from tests.harness.backstage import Backstage
from tests.harness.client import PASSWORD, Person


def test_password_managers_and_phones_know_the_fields(
    page: Page, store: Backstage, url: Callable[[str], str]
) -> None:
    def said(label: str, *attributes: str) -> list[str | None]:
        return [field(page, label).get_attribute(name) for name in attributes]

    page.goto(url("login"))
    assert said("Username", "name", "autocomplete", "autocapitalize", "type") == [
        "username",
        "username",
        "none",
        "text",
    ]
    assert said("Password", "name", "autocomplete", "type") == ["password", "current-password", "password"]
    give_password(page, "nobody-here")
    assert said("Code", "name", "autocomplete", "inputmode") == ["code", "one-time-code", "numeric"]

    page.goto(url(f"enroll#{invite(store, 'newcomer')}"))
    press(page, "Continue")
    assert said("Username", "autocomplete", "readonly") == ["username", ""]
    assert said("Password", "name", "autocomplete") == ["password", "new-password"]
    assert said("Password again", "name", "autocomplete") == ["password_again", "new-password"]
    field(page, "Password").fill(PASSWORD)
    field(page, "Password again").fill(PASSWORD)
    press(page, "Continue")
    assert said("Code", "name", "autocomplete", "inputmode") == ["code", "one-time-code", "numeric"]


def test_what_is_pasted_is_taken(browser: Browser, somebody: Person, url: Callable[[str], str]) -> None:
    with new_context(browser, permissions=["clipboard-read", "clipboard-write"]) as (context, _):
        page = context.new_page()
        page.goto(url(f"login?next=/{WANTED}"))

        def paste(label: str, text: str) -> None:
            page.evaluate("text => navigator.clipboard.writeText(text)", text)
            field(page, label).focus()
            page.keyboard.press("Control+v")

        paste("Username", f" {somebody.username.upper()} ")
        paste("Password", somebody.password)
        page.keyboard.press("Enter")
        expect(field(page, "Code")).to_be_focused()
        code = somebody.phone.fresh_code()
        paste("Code", f"{code[:3]} {code[3:]}")  # as authenticator apps show and copy it
        page.keyboard.press("Enter")
        is_in(page, url(WANTED))


def test_a_person_signs_in_by_keyboard_alone(page: Page, somebody: Person, url: Callable[[str], str]) -> None:
    page.goto(url(f"login?next=/{WANTED}"))
    expect(field(page, "Username")).to_be_focused()
    page.keyboard.type(somebody.username)
    names = walk(page, 4)
    assert names == ["password", "Show password", "Sign in", "I have an enrollment code"]
    for _ in names[1:]:
        page.keyboard.press("Shift+Tab")
    page.keyboard.type(somebody.password)
    page.keyboard.press("Enter")

    expect(field(page, "Code")).to_be_focused()
    names = walk(page, 4)
    assert names == ["Use a recovery code instead", "stay", "Sign in", "Start again"]
    for _ in names:
        page.keyboard.press("Shift+Tab")
    page.keyboard.type(somebody.phone.fresh_code())
    page.keyboard.press("Enter")
    is_in(page, url(WANTED))


def walk(page: Page, steps: int) -> list[str]:
    """Press Tab; the names of what has the focus then, which must be seen to have it."""
    names = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        ring = focused.evaluate("e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]")
        assert ring[0] == "solid", focused
        assert float(ring[1].removesuffix("px")) >= 2
        names.append(focused.evaluate("e => e.name || e.getAttribute('aria-label') || e.textContent"))
    return names


def test_a_password_can_be_looked_at_and_is_hidden_before_it_is_sent(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url("login"))
    field(page, "Username").fill(somebody.username)
    field(page, "Password").fill("not it")
    eye = page.get_by_role("button", name="Show password")
    eye.click()
    expect(field(page, "Password")).to_have_attribute("type", "text")
    expect(eye).to_have_attribute("aria-pressed", "true")
    types = "types = []; document.forms[0].addEventListener('submit', () => types.push(password.type))"
    page.evaluate(f"{types}; addEventListener('pagehide', () => sessionStorage.types = types)")
    press(page, "Sign in")
    expect(field(page, "Code")).to_be_visible()
    assert page.evaluate("sessionStorage.types") == "password"


def test_a_double_click_sends_one_form(page: Page, somebody: Person, url: Callable[[str], str]) -> None:
    page.goto(url(f"login?next=/{WANTED}"))
    give_password(page, somebody.username)
    field(page, "Code").fill(somebody.phone.fresh_code())
    page.get_by_role("button", name="Sign in").dblclick()
    is_in(page, url(WANTED))


def test_an_unknown_browser_gets_one_verdict_at_the_end(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    shown = []
    tries = [
        ("nobody-at-all", PASSWORD, "123456"),
        (somebody.username, "a wrong password", somebody.phone.fresh_code()),
        (somebody.username, somebody.password, "123456"),
    ]
    for username, password, code in tries:
        page.goto(url("login"))
        give_password(page, username, password)
        expect(page).to_have_url(url("login/code"))
        give_code(page, code)
        shows(page, VERDICT)
        shown.append(page.locator("main").inner_text())
    assert len(set(shown)) == 1


def test_a_known_browser_is_told_at_once_and_told_of_its_clock(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{WANTED}"))
    give_password(page, somebody.username)
    give_code(page, somebody.phone.fresh_code())
    is_in(page, url(WANTED))
    page.goto(url("logout"))
    press(page, "Log out")
    page.get_by_role("link", name="Sign in again").click()

    give_password(page, somebody.username, "a wrong password")
    shows(page, "That password is wrong.")
    expect(page).to_have_url(url("login"))
    expect(field(page, "Username")).to_have_value(somebody.username)
    expect(field(page, "Password")).to_have_value("")
    expect(field(page, "Password")).to_be_focused()

    give_password(page, somebody.username)
    give_code(page, somebody.phone.code(shift=-4))
    message = page.locator("#message")
    # Four steps, or five where one begins while the code is typed.
    expect(message).to_contain_text(re.compile("clock is off by about [23] minutes"))
    expect(field(page, "Code")).to_be_visible()


def test_a_stale_form_is_shown_again_with_what_was_typed(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{WANTED}"))
    page.context.clear_cookies(name="_xsrf")
    give_password(page, somebody.username)
    shows(page, "This page had been open for too long. Please try again.")
    expect(field(page, "Username")).to_have_value(somebody.username)
    expect(field(page, "Password")).to_be_focused()
    give_password(page, somebody.username)

    page.context.clear_cookies(name="_xsrf")
    page.get_by_label("Stay signed in on this browser").check()
    code = somebody.phone.fresh_code()
    give_code(page, code)
    shows(page, "This page had been open for too long. Please try again.")
    expect(page.get_by_label("Stay signed in on this browser")).to_be_checked()
    give_code(page, code)
    is_in(page, url(WANTED))


def test_a_pending_login_that_is_gone_begins_again(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{WANTED}"))
    give_password(page, somebody.username)
    pending = next(c["name"] for c in page.context.cookies() if "-pending-" in c["name"])
    page.context.clear_cookies(name=pending)
    give_code(page, somebody.phone.code())
    shows(page, "That took too long, or too many codes were wrong. Please sign in again.")
    give_password(page, somebody.username)
    give_code(page, somebody.phone.fresh_code())
    is_in(page, url(WANTED))


def test_a_code_that_was_used_is_refused_and_a_recovery_code_lets_in(
    browser: Browser, page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    code = somebody.phone.fresh_code()
    with new_context(browser) as (elsewhere, _):
        other = elsewhere.new_page()
        other.goto(url(f"login?next=/{WANTED}"))
        give_password(other, somebody.username)
        give_code(other, code)
        is_in(other, url(WANTED))

    page.goto(url(f"login?next=/{WANTED}"))
    give_password(page, somebody.username)
    give_code(page, code)
    shows(page, VERDICT)
    press(page, "Use a recovery code instead")
    typed = field(page, "Recovery code")
    expect(typed).to_be_focused()
    expect(typed).to_have_attribute("inputmode", "text")
    expect(typed).to_have_attribute("autocomplete", "off")
    expect(page.locator("#code-hint")).to_contain_text("24 letters and digits")
    typed.fill(somebody.recovery_codes[0].lower().replace("-", " "))
    press(page, "Sign in")
    is_in(page, url(WANTED))


def test_something_else_than_a_code_is_told_and_costs_nothing(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{WANTED}"))
    give_password(page, somebody.username)
    for slip in ("12345", "١٢٣٤٥٦", "my code is 123456"):
        give_code(page, slip)
        shows(
            page, "A code is the six digits that your app shows; a recovery code has 24 letters and digits."
        )
    give_code(page, somebody.phone.fresh_code())
    is_in(page, url(WANTED))


def test_who_must_wait_is_told_how_long_whether_the_name_exists_or_not(
    page: Page, store: Backstage, somebody: Person, url: Callable[[str], str]
) -> None:
    shown = []
    for username in (somebody.username, "no-such-person"):
        throttle(store, username, seconds=590)
        page.goto(url("login"))
        with page.expect_response(url("login")) as answered:
            give_password(page, username)
        shows(page, "Too many tries. Please wait 10 minutes, then try again.")
        assert answered.value.status == 429
        assert 500 < int(answered.value.headers["retry-after"]) <= 590
        expect(field(page, "Username")).to_have_value(username)
        shown.append(page.locator("main").inner_text())
    assert len(set(shown)) == 1


def test_next_survives_every_turn_of_the_login(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    wanted = f"/{WANTED}?a=1&b=%2Fx"
    page.goto(url(wanted[1:]))
    expect(page).to_have_url(url(f"login?next={quote(wanted, safe='')}"))
    page.context.clear_cookies(name="_xsrf")
    give_password(page, somebody.username)
    expect(page.locator("#message")).to_be_visible()
    give_password(page, somebody.username)
    give_code(page, "123456")
    shows(page, VERDICT)
    page.get_by_role("link", name="Start again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    give_password(page, somebody.username)
    give_code(page, "no code at all")
    expect(page.locator("#message")).to_be_visible()
    give_code(page, somebody.phone.fresh_code())
    is_in(page, url(wanted[1:]))


def test_who_is_signed_in_already_goes_on_at_once(
    page: Page, store: Backstage, url: Callable[[str], str]
) -> None:
    put_login(page.context, store, "admin")
    for asked in ("login", "login/code"):
        page.goto(url(f"{asked}?next=/{WANTED}"))
        is_in(page, url(WANTED))
    page.goto(url("login?next=https://evil.example/"))
    is_in_lab(page, url(""))
