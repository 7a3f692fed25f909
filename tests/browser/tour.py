"""A walk through every page of the project, as an administrator at the first start would see them."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page, expect

from tests.browser.people import invite, make_stale, put_login, throttle, try_to_be
from tests.harness.backstage import Backstage
from tests.harness.canary import note_shown
from tests.harness.client import PASSWORD, Phone
from tests.harness.server import JupyterServer

TITLES = {
    "enrollment-code": "Set up your account",
    "enrollment-code-refused": "Set up your account",
    "enrollment-link": "Set up your account",
    "account": "Create your account",
    "account-refused": "Create your account",
    "qr": "Add your phone",
    "qr-refused": "Add your phone",
    "recovery-codes": "Save your recovery codes",
    "notice": "Failed sign-ins",
    "security-phone": "Add a phone",
    "security-phone-refused": "Add a phone",
    "security": "Security",
    "security-refused": "Security",
    "security-codes": "Save your recovery codes",
    "security-token": "Your new access token",
    "security-invitation": "A link for grace",
    "security-unfolded": "Security",
    "security-confirm": "Confirm that it is you",
    "unlock": "Unlock",
    "unlock-refused": "Unlock",
    "log-out": "Log out",
    "logged-out": "Logged out",
    "password": "Choose a password",
    "login": "Sign in",
    "login-refused": "Sign in",
    "throttled": "Sign in",
    "code": "Enter your code",
    "code-refused": "Enter your code",
    "error": "Not a form",
}
"""Every page by a short name, in the order of the walk, with the words before the site's name."""


def tour(page: Page, server: JupyterServer, store: Backstage) -> Iterator[str]:
    """Show one page after the other and give its name. Needs a server where nobody is enrolled yet."""
    yield from _enrollment(page, server)
    yield from _notice(page, server, store)
    yield from _security(page, server, store)
    yield from _unlock(page, server)
    yield from _log_out(page, server)
    yield from _login(page, server, store)


def _send(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def _enrollment(page: Page, server: JupyterServer) -> Iterator[str]:
    page.goto(f"{server.url}enroll")
    yield "enrollment-code"
    page.get_by_label("Enrollment code").fill("not-a-code")
    _send(page, "Continue")
    expect(page.locator("#message")).to_be_visible()
    yield "enrollment-code-refused"
    page.goto(f"{server.url}enroll#{server.setup_code()}")
    expect(page.get_by_label("Enrollment code")).to_have_value(server.setup_code())
    yield "enrollment-link"
    _send(page, "Continue")

    page.get_by_label("Username").fill("ada")
    yield "account"
    for label in ("Password", "Password again"):
        page.get_by_label(label, exact=True).fill("password1234")
    _send(page, "Continue")
    expect(page.locator("#message")).to_be_visible()
    yield "account-refused"
    for label in ("Password", "Password again"):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    _send(page, "Continue")

    expect(page.locator(".qr")).to_be_visible()
    yield "qr"
    page.get_by_label("Code", exact=True).fill("000000")
    _send(page, "Confirm")
    expect(page.locator("#message")).to_be_visible()
    yield "qr-refused"
    phone = Phone(page.locator("#totp-secret").inner_text())
    page.get_by_label("Code", exact=True).fill(phone.fresh_code())
    _send(page, "Confirm")
    expect(page.locator(".recovery-code")).to_have_count(10)
    yield "recovery-codes"


def _notice(page: Page, server: JupyterServer, store: Backstage) -> Iterator[str]:
    """In a second login, so that there is one before it."""
    put_login(page.context, store, "ada")
    try_to_be(store, "ada")
    page.goto(f"{server.url}login/notice?next=/lab")
    expect(page.get_by_role("link", name="Continue")).to_be_visible()
    yield "notice"


def _security(page: Page, server: JupyterServer, store: Backstage) -> Iterator[str]:
    """Every answer of the account page; the login of the notice is fresh."""
    account = f"{server.url}account"
    yield from _new_phone(page, account)
    page.goto(account)
    yield "security"
    page.locator("#people [name=username]").fill("no name!")
    page.locator("[data-totp=add-account]").click()
    expect(page.locator("#people #message")).to_be_visible()
    yield "security-refused"
    page.locator("[data-totp=new-recovery-codes]").click()
    expect(page.locator(".recovery-code")).to_have_count(10)
    note_shown(page.content())
    yield "security-codes"
    page.goto(account)
    page.locator("#access-tokens [name=name]").fill("VS Code on the laptop in the lecture hall")
    page.locator("[data-totp=create-token]").click()
    note_shown(page.content())
    yield "security-token"
    page.goto(account)
    page.locator("#people [name=username]").fill("grace")
    page.locator("[data-totp=add-account]").click()
    note_shown(page.content())
    yield "security-invitation"
    page.goto(account)
    for summary in page.locator("summary").all():
        summary.click()
    yield "security-unfolded"
    yield from _confirm(page, store)
    store.services.accounts.delete("grace", actor="operator")


def _confirm(page: Page, store: Backstage) -> Iterator[str]:
    make_stale(store)
    page.locator("[data-totp=new-recovery-codes]").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    yield "security-confirm"


def _new_phone(page: Page, account: str) -> Iterator[str]:
    page.goto(account)
    page.locator("[data-totp=add-authenticator]").click()
    expect(page.locator(".qr")).to_be_visible()
    yield "security-phone"
    phone = Phone(page.locator("#totp-secret").inner_text())
    page.get_by_label("Code", exact=True).fill("000000")
    _send(page, "Confirm")
    expect(page.locator("#message")).to_be_visible()
    yield "security-phone-refused"
    page.get_by_label("Code", exact=True).fill(phone.fresh_code())
    _send(page, "Confirm")
    expect(page.locator("#phones #message")).to_be_visible()


def _unlock(page: Page, server: JupyterServer) -> Iterator[str]:
    """Locked as a person does it, by the API: our pages themselves may not send requests."""
    page.goto(f"{server.url}logout")
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "_xsrf")  # type: ignore[typeddict-item]
    headers = {"X-XSRFToken": token, "Origin": server.url.rstrip("/")}
    assert page.context.request.post(f"{server.url}api/totp/lock", headers=headers).status == 204
    page.goto(f"{server.url}logout")
    page.goto(f"{server.url}lab")
    expect(page).to_have_url(f"{server.url}login/unlock?next=%2Flab")
    yield "unlock"
    page.get_by_text("Use my password instead").click()
    page.get_by_label("Password", exact=True).fill("not ada's password")
    page.locator("details").get_by_role("button", name="Unlock").click()
    expect(page.locator("#message")).to_be_visible()
    yield "unlock-refused"


def _log_out(page: Page, server: JupyterServer) -> Iterator[str]:
    page.goto(f"{server.url}logout")
    yield "log-out"
    _send(page, "Log out")
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    yield "logged-out"


def _login(page: Page, server: JupyterServer, store: Backstage) -> Iterator[str]:
    page.goto(f"{server.url}enroll#{invite(store, 'grace')}")
    _send(page, "Continue")
    expect(page.get_by_label("Username")).to_have_value("grace")
    yield "password"

    page.goto(f"{server.url}login")
    yield "login"
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill("not ada's password")
    _send(page, "Sign in")
    expect(page.locator("#message")).to_be_visible()
    yield "login-refused"
    throttle(store, "nobody", seconds=300)
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password", exact=True).fill("anything at all")
    _send(page, "Sign in")
    expect(page.locator("#message")).to_contain_text("Too many tries")
    yield "throttled"
    page.goto(f"{server.url}login")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    _send(page, "Sign in")
    expect(page.get_by_label("Code", exact=True)).to_be_visible()
    yield "code"
    page.get_by_label("Code", exact=True).fill("000000")
    _send(page, "Sign in")
    expect(page.locator("#message")).to_be_visible()
    yield "code-refused"
    with page.expect_navigation():
        page.evaluate("form = document.forms[0]; form.enctype = 'text/plain'; form.submit()")
    yield "error"
