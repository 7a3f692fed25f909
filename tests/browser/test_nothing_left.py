"""P02: what was shown once is nowhere in the browser afterwards, not even in the memory of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.chrome import new_context
from tests.browser.lab import Lab
from tests.browser.lab_tour import open_panel, section
from tests.browser.people import put_login
from tests.harness.backstage import Backstage
from tests.harness.canary import note
from tests.harness.client import PASSWORD, Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_STORED = """async () => {
  const databases = await indexedDB.databases();
  const rows = await Promise.all(databases.map(({name}) => new Promise((resolve) => {
    const opening = indexedDB.open(name);
    opening.onsuccess = () => {
      const stores = Array.from(opening.result.objectStoreNames);
      if (!stores.length) return resolve([]);
      const transaction = opening.result.transaction(stores);
      Promise.all(stores.map((store) => new Promise((done) => {
        transaction.objectStore(store).getAll().onsuccess = (event) => done(event.target.result);
      }))).then(resolve);
    };
  })));
  return JSON.stringify([{...localStorage}, {...sessionStorage}, rows, document.cookie]);
}"""


@pytest.fixture
def page(browser: Browser, store: Backstage, somebody: Person) -> Iterator[Page]:
    with new_context(browser) as (context, _):
        put_login(context, store, somebody.username)
        page = context.new_page()
        page.goto(f"{store.server.url}lab?reset")
        Lab(page).wait_until_loaded()
        open_panel(page)
        yield page


def shown_once(page: Page) -> dict[str, str]:
    """Have everything shown that is shown once, and put away again; what it was."""
    phones, codes, tokens = (
        section(page, title) for title in ("Phones and apps", "Recovery codes", "Access tokens")
    )
    page.locator("[data-totp=add-authenticator]").click()
    grouped = phones.locator("code").inner_text()
    phones.get_by_role("button", name="Cancel").click()
    page.locator("[data-totp=new-recovery-codes]").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Make new ones").click()
    expect(codes.get_by_role("listitem")).to_have_count(10)
    recovery = codes.get_by_role("listitem").first.inner_text()
    tokens.locator("[name=name]").fill("a program")
    page.locator("[data-totp=create-token]").click()
    token = tokens.locator("code").first.inner_text()
    password = section(page, "Password").locator("[name=password]").first
    password.fill("this is typed and not sent 1")
    password.fill("")
    note("totp", grouped.replace(" ", ""))
    note("recovery-code", recovery)
    note("access-token", token)
    return {"key": grouped.replace(" ", ""), "grouped": grouped, "recovery code": recovery, "token": token}


def heap_strings(session: CDPSession) -> str:
    """The text of a heap snapshot, taken after the garbage has gone."""
    chunks: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: chunks.append(event["chunk"]))
    session.send("HeapProfiler.enable")
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False, "captureNumericValue": False})
    return "".join(chunks)


def test_p02_nothing_secret_is_left_when_the_panel_is_closed(page: Page, somebody: Person) -> None:
    secrets = shown_once(page)
    session = page.context.new_cdp_session(page)
    before = heap_strings(session)
    assert secrets["token"] in before, "the search finds what is there"
    page.locator(".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").click()
    expect(page.locator(".jp-totp-Panel")).to_have_count(0)
    page.locator(".jp-LauncherCard").first.hover()
    page.wait_for_timeout(2000)
    places = {
        "page": page.content(),
        "storage": page.evaluate(_STORED),
        "memory": heap_strings(page.context.new_cdp_session(page)),
    }
    left = [
        (what, where) for where, text in places.items() for what, value in secrets.items() if value in text
    ]
    assert left == []


@pytest.mark.soak
def test_p02_nothing_secret_is_left_when_the_cover_is_gone(
    page: Page, store: Backstage, somebody: Person
) -> None:
    store.end_logins(somebody.username)
    cover = page.locator(".jp-totp-Cover")
    code = somebody.phone.fresh_code()
    cover.locator("[name=password]").fill(PASSWORD)
    cover.locator("[name=code]").fill(code)
    page.locator("[data-totp=sign-in]").click()
    expect(cover).to_have_count(0)
    page.locator(".jp-totp-Panel h1").hover()
    page.wait_for_timeout(2000)
    memory = heap_strings(page.context.new_cdp_session(page))
    assert PASSWORD not in page.content() + page.evaluate(_STORED) + memory
    assert re.search(rf'"{code}"', memory) is None
