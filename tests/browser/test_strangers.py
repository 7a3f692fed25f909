"""I14, I20: what a page of another origin can do to somebody who is signed in here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import put_login
from tests.harness.backstage import Backstage


class EvilPage(BaseHTTPRequestHandler):
    """A page of somebody else's, without any policy."""

    def do_GET(self) -> None:
        """The page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>Cats</title><h1>Cats</h1>")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def evil_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EvilPage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


PATHS = [
    *(f"api/totp/{path}" for path in ("me", "logins", "authenticators", "access-tokens", "events", "health")),
    *("api/me", "api/contents", "files/mine.js", "files/mine.svg", "login", "enroll/phone", "lab"),
]

_TAKE_IN = """async ([url, paths]) => {
  const taken = [];
  const element = (tag, source) => new Promise(resolve => {
    const node = document.createElement(tag);
    node.onload = () => resolve(true);
    node.onerror = () => resolve(false);
    node.src = source;
    document.body.append(node);
  });
  for (const path of paths) {
    for (const mode of ["cors", "no-cors"]) {
      try { await fetch(url + path, { mode, credentials: "include" }); taken.push([path, mode]); } catch {}
    }
    if (await element("img", url + path)) taken.push([path, "img"]);
    if (await element("script", url + path)) taken.push([path, "script"]);
  }
  return [taken, window.stolen ?? null];
}"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another site", "another port"])
def test_i14_no_page_of_another_origin_takes_anything_in(
    page: Page, store: Backstage, evil_port: int, host: str
) -> None:
    (store.server.root / "mine.js").write_text("window.stolen = 'words';")
    (store.server.root / "mine.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>"
    )
    put_login(page.context, store, "admin")
    page.goto(f"http://{host}:{evil_port}/")
    taken, stolen = page.evaluate(_TAKE_IN, [store.server.url, PATHS])
    assert taken == []
    assert stolen is None
    # To a person it is there: else the above would show nothing.
    shown = page.goto(f"{store.server.url}api/contents/mine.js")
    assert shown is not None
    assert shown.status == 200


def test_i20_a_popup_of_another_site_has_no_hold_on_our_pages(
    page: Page, evil_port: int, url: Callable[[str], str]
) -> None:
    page.goto(f"http://localhost:{evil_port}/")
    with page.expect_popup() as opening:
        page.evaluate("(url) => { window.popup = window.open(url); }", url("login"))
    popup = opening.value
    expect(popup.locator("input[name=username]")).to_be_visible()
    assert popup.evaluate("window.opener") is None
    page.evaluate("window.popup.postMessage({ username: 'eve', next: 'https://evil.example' }, '*')")
    assert page.evaluate("window.popup.closed"), "the opener has lost it"
    page.evaluate("window.popup.location = 'about:blank'")
    expect(popup.locator("input[name=username]")).to_have_value("")
    assert popup.url == url("login")
