"""Rights as people meet them: given by an admin, asked for by a terminal, held to by readers and tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from jupyter_totp_auth.core.model import AccountChange, Role, Terminals
from tests.browser.chrome import PATIENCE, new_context
from tests.browser.lab import Lab
from tests.browser.lab_tour import open_panel, section
from tests.browser.people import make_stale, put_login
from tests.harness.backstage import Backstage
from tests.harness.canary import note
from tests.harness.client import PASSWORD, Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MAY_ONLY_READ = "Your account may read here, but not change or run anything."


@contextmanager
def in_lab(
    browser: Browser, store: Backstage, username: str, path: str = "lab?reset"
) -> Iterator[tuple[Page, Lab]]:
    """A browser of its own in which somebody is signed in."""
    with new_context(browser) as (context, _):
        put_login(context, store, username)
        page = context.new_page()
        page.goto(f"{store.server.url}{path}")
        yield page, Lab(page)


def change(store: Backstage, username: str, **changes: Role | Terminals) -> None:
    """As an administrator does."""
    account = store.services.accounts.named(username)
    store.services.accounts.change(account.id, AccountChange(**changes), actor="operator", client="")  # type: ignore[arg-type]


def told(page: Page) -> Locator:
    """JupyterLab's messages in the corner."""
    return page.locator(".Toastify__toast")


def test_an_admin_gives_a_role_and_terminals_in_the_panel(
    browser: Browser, store: Backstage, somebody: Person, new_name: Callable[[], str]
) -> None:
    store.services.accounts.set_role("admin", Role.ADMIN, actor="operator")
    name, added = somebody.username, new_name()
    with in_lab(browser, store, "admin") as (page, lab):
        lab.wait_until_loaded()
        open_panel(page)
        people = section(page, "People")
        people.locator("[name=username]").fill(added)
        people.locator("form [name=role]").select_option("reader")
        page.locator("[data-totp=add-account]").click()
        note("enrollment-code", people.locator("code").first.inner_text().partition("#")[2])
        expect(people.get_by_role("listitem").filter(has_text=added)).to_contain_text("reader")
        people.locator("[name=search]").fill(name)
        row = people.get_by_role("listitem")
        expect(row).to_have_count(1)
        people.get_by_role("button", name=f"Manage {name}").click()
        row.get_by_label("Role").select_option("reader")
        expect(people).to_contain_text(f"{name} has the role reader now.")
        row.get_by_label("Terminals").select_option("after password and code")
        expect(people).to_contain_text(f"Terminals for {name}: after password and code.")
    accounts = store.services.accounts
    changed = accounts.named(name)
    assert (changed.role, changed.terminals) == (Role.READER, Terminals.STEP_UP)
    assert accounts.named(added).role is Role.READER


def test_a_reader_sees_what_a_member_runs_and_is_told_in_words_what_is_not_theirs(
    browser: Browser, store: Backstage, somebody: Person, new_name: Callable[[], str]
) -> None:
    reader = store.enrolled(new_name(), role=Role.READER).username
    with in_lab(browser, store, somebody.username) as (page, lab):
        lab.wait_until_loaded()
        lab.new_notebook()
        lab.run("print(6 * 7)")
        lab.save()
        file = page.locator(".lm-DockPanel-tabBar .lm-mod-current").inner_text()
        with in_lab(browser, store, reader, f"lab/tree/{file}?reset") as (theirs, along):
            output = theirs.locator(".jp-OutputArea-output")
            expect(output).to_have_text("42", timeout=PATIENCE)
            # The member's kernel, joined: none could be started. JupyterLab learns its state at the next run.
            lab.run("6 * 8")
            joined = theirs.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| Idle$"))
            expect(joined).to_be_visible(timeout=PATIENCE)
            theirs.locator(".jp-Notebook .cm-content").first.click()
            theirs.keyboard.press("Shift+Enter")
            expect(output).to_have_text("PermissionError: Your account may read here, but not run anything.")
            theirs.keyboard.press("Control+s")
            expect(told(theirs).filter(has_text="read-only")).to_be_visible()
            along.menu("File", "New", "Terminal")
            expect(told(theirs).filter(has_text=MAY_ONLY_READ)).to_be_visible()
            expect(theirs.locator(".jp-Dialog")).to_have_count(0)
    assert '"42' in (store.server.root / file).read_text(), "as the member saved it"


def test_a_terminal_after_a_step_up_asks_for_both_and_then_opens(
    browser: Browser, store: Backstage, somebody: Person
) -> None:
    change(store, somebody.username, terminals=Terminals.STEP_UP)
    with in_lab(browser, store, somebody.username) as (page, lab):
        lab.wait_until_loaded()
        make_stale(store)
        with page.expect_websocket(
            lambda one: "/terminals/websocket/" in one.url, timeout=PATIENCE
        ) as opened:
            lab.menu("File", "New", "Terminal")
            confirm(page, somebody.phone.fresh_code())
        page.locator(".jp-Terminal .xterm-screen").click()
        lab.run_in_terminal(opened.value, "echo it is $((40+2))", expected="it is 42")

        make_stale(store)  # and JupyterLab keeps the layout meanwhile
        page.goto(f"{store.server.url}lab")  # the terminal is still there, and its socket is refused
        confirm(page, somebody.recovery_codes[0])  # nobody waits for the next code
        opens = "() => window.sockets.some(one => /terminals/.test(one.url) && one.opened)"
        page.wait_for_function(opens, timeout=PATIENCE)
        expect(page.locator(".jp-Dialog")).to_have_count(0)


def confirm(page: Page, code: str) -> None:
    """Both factors, in the dialog that asks for them."""
    dialog = page.locator(".jp-Dialog")
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.locator("[name=code]").fill(code)
    dialog.get_by_role("button", name="Confirm").click()


def test_a_token_of_one_scope_and_one_folder_is_made_in_the_panel_and_held_to_them(
    browser: Browser, store: Backstage, somebody: Person
) -> None:
    folder = f"course-{somebody.username}"
    (store.server.root / folder).mkdir()
    (store.server.root / folder / "a.txt").write_text("mine")
    with in_lab(browser, store, somebody.username) as (page, lab):
        lab.wait_until_loaded()
        open_panel(page)
        tokens = section(page, "Access tokens")
        scope = {name: tokens.locator(f"[name=scopes][value='{name}']") for name in ("all", "contents:read")}
        expect(scope["all"]).to_be_checked()
        expect(tokens.locator("[name=path_prefix]")).to_be_disabled()
        tokens.locator("[name=name]").fill("sync")
        scope["all"].uncheck()
        page.locator("[data-totp=create-token]").click()
        expect(tokens.get_by_role("alert")).to_have_text("Tick what the token may do.")
        scope["contents:read"].check()
        tokens.locator("[name=path_prefix]").fill(folder)
        page.locator("[data-totp=create-token]").click()
        made = tokens.locator("code").first.inner_text()
        note("access-token", made)
        words = f"Read files and notebooks (contents:read); only in the folder {folder}"
        expect(tokens.get_by_role("listitem")).to_contain_text(words)

    def ask(method: str, path: str) -> int:
        headers = {"Authorization": f"token {made}"}
        return requests.request(method, f"{store.server.url}{path}", headers=headers, timeout=30).status_code

    assert ask("GET", f"api/contents/{folder}/a.txt") == 200
    assert ask("GET", "api/contents/elsewhere.txt") == 403
    assert ask("DELETE", f"api/contents/{folder}/a.txt") == 403
    assert ask("POST", "api/kernels") == 403
