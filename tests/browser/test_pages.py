"""How the pages behave in a browser: without a script, by keyboard, with a password manager, and when things go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser.chrome import launch, new_context
from tests.browser.people import invite, put_login, throttle
from tests.browser.picture import read_qr
from tests.harness.backstage import Backstage, backstage
from tests.harness.client import PASSWORD, Person, Phone
from tests.harness.server import JupyterServer

VERDICT = "That did not work: the user name, the password or the code is wrong."
HELLO = "files/hello.txt"
"""Where people want to go in these tests: a page of the server that loads at once."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    """A server with an admin, and its store."""
    with JupyterServer(tmp_path_factory.mktemp("lab"), app="lab") as server, backstage(server) as opened:
        (server.root / "hello.txt").write_text("hello")
        opened.enrolled("admin")
        yield opened


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture
def somebody(store: Backstage, numbers: Iterator[int]) -> Person:
    """A person of this test's own: a code opens only one login, and failures count."""
    return store.enrolled(f"person{next(numbers)}")


@pytest.fixture
def url(store: Backstage) -> Callable[[str], str]:
    return lambda path: store.server.url + path


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True)


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def give_password(page: Page, username: str, password: str = PASSWORD) -> None:
    """Fill in the login form and send it."""
    field(page, "Username").fill(username)
    field(page, "Password").fill(password)
    press(page, "Sign in")


def give_code(page: Page, code: str) -> None:
    """Fill in the code form and send it."""
    field(page, "Code").fill(code)
    press(page, "Sign in")


def shows(page: Page, message: str) -> None:
    """The page has this message."""
    expect(page.locator("#message")).to_have_text(message)


def is_in(page: Page, at: str) -> None:
    """The person has arrived where they wanted to go."""
    expect(page).to_have_url(at)
    expect(page.locator("body")).to_have_text("hello")


# -- without JavaScript ----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_first_start_and_the_login_need_no_script(tmp_path: Path, scriptless: Page) -> None:
    page = scriptless
    with JupyterServer(tmp_path, app="lab") as server:
        (server.root / "hello.txt").write_text("hello")
        page.goto(f"{server.url}enroll#{server.setup_code()}")
        expect(page.get_by_text("the code is what stands after the # in the address")).to_be_visible()
        field(page, "Enrollment code").fill(server.setup_code())
        press(page, "Continue")
        field(page, "Username").fill("ada")
        field(page, "Password").fill(PASSWORD)
        field(page, "Password again").fill(PASSWORD)
        press(page, "Continue")

        scanned = pyotp.parse_uri(read_qr(page))
        assert page.locator("#totp-secret").inner_text() == scanned.secret
        phone = Phone(scanned.secret)
        field(page, "Code").fill(phone.fresh_code())
        press(page, "Confirm")
        expect(page.locator(".recovery-code")).to_have_count(10)
        for button in ("Copy", "Download", "Print"):
            expect(page.get_by_role("button", name=button)).to_be_hidden()
        press(page, "Continue to JupyterLab")
        expect(page).to_have_url(f"{server.url}lab")

        page.goto(f"{server.url}logout")
        press(page, "Log out")
        page.get_by_role("link", name="Sign in again").click()
        page.goto(f"{server.url}{HELLO}")
        give_password(page, "ada")
        expect(page.get_by_role("button", name="Use a recovery code instead")).to_be_hidden()
        give_code(page, phone.fresh_code())
        is_in(page, f"{server.url}{HELLO}")


# -- password managers, phones, the clipboard, the keyboard ----------------------------------------


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
        page.goto(url(f"login?next=/{HELLO}"))

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
        is_in(page, url(HELLO))


def test_a_person_signs_in_by_keyboard_alone(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{HELLO}"))
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
    is_in(page, url(HELLO))


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
    page.goto(url(f"login?next=/{HELLO}"))
    give_password(page, somebody.username)
    field(page, "Code").fill(somebody.phone.fresh_code())
    page.get_by_role("button", name="Sign in").dblclick()
    is_in(page, url(HELLO))


# -- wrong, late, again ----------------------------------------------------------------------------


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
    page.goto(url(f"login?next=/{HELLO}"))
    give_password(page, somebody.username)
    give_code(page, somebody.phone.fresh_code())
    is_in(page, url(HELLO))
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
    expect(message).to_contain_text("clock is off by about 2 minutes")
    expect(field(page, "Code")).to_be_visible()


def test_a_stale_form_is_shown_again_with_what_was_typed(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{HELLO}"))
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
    is_in(page, url(HELLO))


def test_a_pending_login_that_is_gone_begins_again(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{HELLO}"))
    give_password(page, somebody.username)
    pending = next(c["name"] for c in page.context.cookies() if "-pending-" in c["name"])
    page.context.clear_cookies(name=pending)
    give_code(page, somebody.phone.code())
    shows(page, "That took too long, or too many codes were wrong. Please sign in again.")
    give_password(page, somebody.username)
    give_code(page, somebody.phone.fresh_code())
    is_in(page, url(HELLO))


def test_a_code_that_was_used_is_refused_and_a_recovery_code_lets_in(
    browser: Browser, page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    code = somebody.phone.fresh_code()
    with new_context(browser) as (elsewhere, _):
        other = elsewhere.new_page()
        other.goto(url(f"login?next=/{HELLO}"))
        give_password(other, somebody.username)
        give_code(other, code)
        is_in(other, url(HELLO))

    page.goto(url(f"login?next=/{HELLO}"))
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
    is_in(page, url(HELLO))


def test_a_recovery_code_fits_into_the_one_field_as_it_is(
    scriptless: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    scriptless.goto(url(f"login?next=/{HELLO}"))
    give_password(scriptless, somebody.username)
    give_code(scriptless, somebody.recovery_codes[0])
    is_in(scriptless, url(HELLO))


def test_something_else_than_a_code_is_told_and_costs_nothing(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    page.goto(url(f"login?next=/{HELLO}"))
    give_password(page, somebody.username)
    for slip in ("12345", "١٢٣٤٥٦", "my code is 123456"):
        give_code(page, slip)
        shows(page, "A code is the six digits that your app shows; a recovery code has 24 letters and digits.")
    give_code(page, somebody.phone.fresh_code())
    is_in(page, url(HELLO))


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


# -- where to --------------------------------------------------------------------------------------


def test_next_survives_every_turn_of_the_login(
    page: Page, somebody: Person, url: Callable[[str], str]
) -> None:
    wanted = f"/{HELLO}?a=1&b=%2Fx"
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
        page.goto(url(f"{asked}?next=/{HELLO}"))
        is_in(page, url(HELLO))
    page.goto(url("login?next=https://evil.example/"))
    expect(page).to_have_url(re.compile(re.escape(url("lab"))))


def test_a_link_in_another_site_does_not_log_out(
    page: Page, store: Backstage, url: Callable[[str], str]
) -> None:
    put_login(page.context, store, "admin")
    page.goto(f"data:text/html,<a href='{url('logout')}'>a picture of a cat</a>")
    page.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log out of Jupyter?")
    page.get_by_role("link", name="Stay signed in").click()
    expect(page).to_have_url(re.compile(re.escape(url("lab"))))


# -- secrets on the screen -------------------------------------------------------------------------


@pytest.fixture
def newcomer(page: Page, store: Backstage, numbers: Iterator[int], url: Callable[[str], str]) -> Page:
    """A page with the QR of somebody who is just enrolling."""
    page.goto(url(f"enroll#{invite(store, f'newcomer{next(numbers)}')}"))
    press(page, "Continue")
    field(page, "Password").fill(PASSWORD)
    field(page, "Password again").fill(PASSWORD)
    press(page, "Continue")
    expect(page.locator("#totp-secret")).to_be_visible()
    return page


def confirm(page: Page) -> list[str]:
    """Type the code; the recovery codes."""
    field(page, "Code").fill(Phone(page.locator("#totp-secret").inner_text()).fresh_code())
    press(page, "Confirm")
    expect(page.locator(".recovery-code")).to_have_count(10)
    return page.locator(".recovery-code").all_inner_texts()


def test_a_second_link_in_the_same_tab_takes_the_place_of_the_first(
    page: Page, url: Callable[[str], str]
) -> None:
    page.goto(url("enroll#first"))
    press(page, "Continue")
    expect(page.locator("#message")).to_be_visible()
    page.goto(url("enroll#second"))
    expect(field(page, "Enrollment code")).to_have_value("second")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    expect(page.locator("#message")).to_have_count(0)
    assert page.url == url("enroll")


def test_two_different_passwords_are_told_before_they_are_sent_and_after(
    page: Page, scriptless: Page, store: Backstage, numbers: Iterator[int], url: Callable[[str], str]
) -> None:
    code = invite(store, f"newcomer{next(numbers)}")
    for browser_page in (page, scriptless):
        browser_page.goto(url("enroll"))
        field(browser_page, "Enrollment code").fill(code)
        press(browser_page, "Continue")
        field(browser_page, "Password").fill(PASSWORD)
        field(browser_page, "Password again").fill(f"{PASSWORD}2")
        press(browser_page, "Continue")
    again = field(page, "Password again")
    assert again.evaluate("e => e.validationMessage") == "The two passwords are not the same."
    expect(page.locator("#message")).to_have_count(0)
    shows(scriptless, "The two passwords are not the same.")


def test_the_key_and_the_recovery_codes_can_be_copied_saved_and_printed(
    browser: Browser, store: Backstage, numbers: Iterator[int], url: Callable[[str], str]
) -> None:
    with new_context(browser, permissions=["clipboard-read", "clipboard-write"]) as (context, _):
        page = context.new_page()
        name = f"newcomer{next(numbers)}"
        page.goto(url(f"enroll#{invite(store, name)}"))
        press(page, "Continue")
        field(page, "Password").fill(PASSWORD)
        field(page, "Password again").fill(PASSWORD)
        press(page, "Continue")
        press(page, "Copy the key")
        expect(page.locator("#said")).to_have_text("Copied")
        assert clipboard(page) == page.locator("#totp-secret").inner_text()

        codes = confirm(page)
        press(page, "Copy")
        expect(page.locator("#said")).to_have_text("Copied")
        assert clipboard(page).splitlines() == codes
        with page.expect_download() as saved:
            press(page, "Download")
        assert saved.value.suggested_filename == f"recovery-codes-{name}.txt"
        lines = Path(saved.value.path()).read_text().splitlines()
        assert lines[0].startswith(f"Recovery codes of {name} for Jupyter.")
        assert lines[2:] == codes
        page.evaluate("window.print = () => { window.printed = true }")
        press(page, "Print")
        assert page.evaluate("window.printed") is True
        page.emulate_media(media="print")
        expect(page.locator(".recovery-code").first).to_be_visible()
        expect(page.get_by_text(f"Recovery codes of {name} for Jupyter.")).to_be_visible()
        expect(page.get_by_role("button", name="Continue")).to_be_hidden()


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_the_qr_can_be_looked_at_again_until_it_is_confirmed_and_never_after(
    newcomer: Page, url: Callable[[str], str]
) -> None:
    secret = newcomer.locator("#totp-secret").inner_text()
    newcomer.reload()
    expect(newcomer.locator("#totp-secret")).to_have_text(secret)
    codes = confirm(newcomer)
    for asked in ("enroll/phone", "enroll/recovery-codes", "enroll/account"):
        newcomer.goto(url(asked))
        assert not leaks(newcomer, [secret, *codes])


@pytest.fixture(params=["as tests do", "with the back/forward cache"])
def cautious(
    request: pytest.FixtureRequest, playwright: Playwright, browser: Browser, chromium: Path
) -> Iterator[BrowserContext]:
    """A browser as Playwright starts it, and one as people have it: pages come back as they were left."""
    if request.param == "as tests do":
        with new_context(browser) as (context, _):
            yield context
        return
    with_cache = launch(playwright, chromium, ignore_default_args=["--disable-back-forward-cache"])
    with new_context(with_cache) as (context, _):
        yield context
    with_cache.close()


def test_the_way_back_shows_no_secret(
    cautious: BrowserContext, store: Backstage, numbers: Iterator[int], url: Callable[[str], str]
) -> None:
    page = cautious.new_page()
    page.goto(url(f"enroll#{invite(store, f'newcomer{next(numbers)}')}"))
    press(page, "Continue")
    field(page, "Password").fill(PASSWORD)
    field(page, "Password again").fill(PASSWORD)
    press(page, "Continue")
    secret = page.locator("#totp-secret").inner_text()
    secrets = [secret, *confirm(page), PASSWORD]
    press(page, "Continue to JupyterLab")
    expect(page).to_have_url(re.compile(re.escape(url("lab"))))
    page.goto(url("logout"))
    press(page, "Log out")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are logged out")
    steps = page.evaluate("history.length") - 1
    assert steps >= 5
    for _ in range(steps):
        step_back(page)
        assert not leaks(page, secrets), page.url
        assert page.locator("#main.jp-LabShell").count() == 0, "JupyterLab came back"


def step_back(page: Page) -> None:
    """One page back. Chromium may refuse to ask again for what a form had sent: that is fine."""
    try:
        page.go_back(wait_until="load")
    except PlaywrightError as error:
        assert "ERR_CACHE_MISS" in str(error), error


def leaks(page: Page, secrets: list[str]) -> list[str]:
    """Which of these texts the page holds, in its text or in its fields."""
    held = page.content() + " ".join(
        page.evaluate("Array.from(document.querySelectorAll('input'), field => field.value)")
    )
    return [secret for secret in secrets if secret in held]
