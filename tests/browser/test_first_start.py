"""From the first start to a running cell, a terminal, and out again: directly, and through nginx."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chrome import OUTER_HOST, Watch, new_context
from tests.browser.lab import Lab
from tests.browser.picture import read_qr
from tests.browser.proxy import PROXY_ADDRESS, Certificate, ask, nginx_text, self_signed
from tests.harness.client import PASSWORD, Phone
from tests.harness.server import JupyterServer
from tests.services import missing_is_skip
from tests.services.nginx import Nginx, running_nginx
from tests.services.ports import free_port

RECOVERY_CODE = re.compile(r"([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}")
GOING_AWAY = 1001
CLOSES_WITHIN_MS = 1000
# How late the page itself runs, at worst: what a busy machine adds to what it sees.
WATCH_FOR_HOLD_UPS = """() => {
  window.heldUp = 0;
  let last = performance.now();
  setInterval(() => {
    window.heldUp = Math.max(window.heldUp, performance.now() - last - 50);
    last = performance.now();
  }, 50);
}"""
SOCKETS = {"kernel": r"/api/kernels/[^/]+/channels", "terminal": r"/terminals/websocket/"}


@dataclass
class Site:
    """A server, and the address that people know it by."""

    server: JupyterServer
    url: str
    certificate: Certificate | None = None
    nginx: Nginx | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def setup_link(self) -> str:
        """The link in the server's output."""
        code = self.server.setup_code()
        links = re.findall(r"(https?://\S+/enroll#\S+)", self.server.log)
        assert links[-1].endswith(f"#{code}")
        return str(links[-1])

    def at(self, path: str) -> str:
        """An address below this one."""
        return urljoin(self.url, path)

    def audit(self) -> list[dict[str, Any]]:
        """The audit lines in the server's log."""
        found = re.findall(r'(\{"audit": .*\})$', self.server.log, re.MULTILINE)
        return [json.loads(line)["audit"] for line in found]


def own_home(home: Path) -> dict[str, str]:
    """The terminal's shell must not write into the history of the person who runs the tests."""
    return {"HOME": str(home)}


@contextmanager
def directly(home: Path) -> Iterator[Site]:
    """``jupyter lab`` on this machine."""
    started = time.monotonic()
    with JupyterServer(home, app="lab", environment=own_home(home)) as server:
        yield Site(server, f"http://localhost:{server.port}/", started=started)


@contextmanager
def behind_nginx(home: Path, base_url: str) -> Iterator[Site]:
    """The same behind TLS, at the root of a host or below a path."""
    started, port, certificate = time.monotonic(), free_port(), self_signed(OUTER_HOST)
    url = f"https://{OUTER_HOST}:{port}{base_url}"
    config = f"""
c.TotpAuth.trusted_proxies = ["{PROXY_ADDRESS}/32"]
c.TotpAuth.allowed_hosts = ["{OUTER_HOST}"]
c.TotpAuth.public_url = "{url}"
"""
    with ExitStack() as stack:
        server = JupyterServer(home, app="lab", base_url=base_url, config=config, environment=own_home(home))
        text = nginx_text(port=port, host=OUTER_HOST, base_url=base_url, server_port=server.port)
        with missing_is_skip():
            nginx = stack.enter_context(running_nginx(text, port=port, files=certificate.files))
        stack.enter_context(server)
        yield Site(server, url, certificate, nginx, started)


PLACES = {
    "directly": directly,
    "nginx at the root": lambda home: behind_nginx(home, "/"),
    "nginx below a path": lambda home: behind_nginx(home, "/jupyterlab/"),
}


# Behind proxies a person works in test_behind_proxies.py, too, and Lab is loaded in tests/hosting.
AT_NIGHT = ("nginx at the root", "nginx below a path")


@pytest.fixture(
    params=[pytest.param(p, marks=pytest.mark.soak) if p in AT_NIGHT else p for p in PLACES], ids=list(PLACES)
)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with PLACES[request.param](tmp_path) as place:
        yield place


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_person_goes_from_the_first_start_to_a_cell_and_out_again(site: Site, browser: Browser) -> None:
    with new_context(browser, ignore_https_errors=True) as (context, watch):
        page = context.new_page()
        enroll(site, page)
        lab = Lab(page)
        lab.wait_until_loaded()
        assert page.url == site.at("lab")

        lab.new_notebook()
        expect(lab.run("print(6 * 7)")).to_have_text("42")
        print(f"from the start to the cell: {time.monotonic() - site.started:.1f} s")
        lab.save()
        run_in_terminal(site, lab)

        cookies_are_as_promised(site, context)
        bearer = login_cookie(context)
        cookie = {"Cookie": f"{bearer['name']}={bearer['value']}"}
        assert ask(site.at("api/contents"), certificate=site.certificate, headers=cookie).status == 200

        log_out_in_another_tab(site, context, page)

        nothing_is_left(site, context, cookie)
        nothing_leaked(site, watch)


def enroll(site: Site, page: Page) -> None:
    """The link, name and password, the QR, the recovery codes, Continue."""
    link = site.setup_link
    code = link.partition("#")[2]
    assert link == site.at(f"enroll#{code}")

    page.goto(link)
    assert page.url == site.at("enroll"), "the code is still in the address"
    assert page.evaluate("document.location.href") == site.at("enroll")
    # The empty tab and this page: no step back leads to the address with the code.
    assert page.evaluate("history.length") == 2
    expect(page.get_by_label("Enrollment code")).to_have_value(code)
    page.get_by_role("button", name="Continue").click()

    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()

    expect(page.locator(".qr")).to_be_visible()
    scanned = pyotp.parse_uri(read_qr(page))
    assert isinstance(scanned, pyotp.TOTP)
    assert (scanned.issuer, scanned.name) == ("Jupyter", "ada")
    assert page.locator("#totp-secret").inner_text() == scanned.secret
    page.get_by_label("Code", exact=True).fill(Phone(scanned.secret).fresh_code())
    page.get_by_role("button", name="Confirm").click()

    codes = page.locator(".recovery-code")
    expect(codes).to_have_count(10)
    texts = codes.all_inner_texts()
    assert len(set(texts)) == 10
    assert all(RECOVERY_CODE.fullmatch(text) for text in texts), texts
    page.get_by_role("button", name="Continue").click()


def run_in_terminal(site: Site, lab: Lab) -> None:
    """A command whose output comes back to the screen."""
    terminal = lab.new_terminal()
    lab.run_in_terminal(terminal, "echo $((6 * 7)) > answer; cat answer", expected="42")
    assert (site.server.root / "answer").read_text() == "42\n"
    assert "print(6 * 7)" in (site.server.root / "Untitled.ipynb").read_text()


def login_cookie(context: BrowserContext) -> dict[str, Any]:
    """The one that opens everything."""
    return next(dict(c) for c in context.cookies() if "-login-" in c["name"])


def cookies_are_as_promised(site: Site, context: BrowserContext) -> None:
    """Names and flags, for http and https, at the root and below a path."""
    path = urlsplit(site.url).path
    secure = site.certificate is not None
    prefix = ("__Host-" if path == "/" else "__Secure-") if secure else ""
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    port = site.server.port
    ours = sorted(name for name in cookies if "totp" in name)
    kinds = [re.fullmatch(rf"{prefix}jupyter-totp-(\w+)-{port}-[0-9a-f]{{8}}", name) for name in ours]
    assert [kind and kind.group(1) for kind in kinds] == ["known", "login"], ours
    for name in ours:
        cookie = cookies[name]
        assert cookie["path"] == path
        assert cookie["secure"] is secure
        assert cookie["httpOnly"] is True
        assert cookie["sameSite"] == "Lax"
        assert cookie["domain"] == urlsplit(site.url).hostname  # no leading dot: of this host alone
    assert login_cookie(context)["expires"] == -1, "the login would outlive the browser"
    assert cookies["_xsrf"]["path"] == path
    assert cookies["_xsrf"]["secure"] is secure


def log_out_in_another_tab(site: Site, context: BrowserContext, first: Page) -> None:
    """File ▸ Log Out in a second tab: what the first one had open is closed."""
    living = [at for at, s in enumerate(first.evaluate("sockets")) if s["opened"] and s["code"] is None]
    urls = [first.evaluate("at => sockets[at].url", at) for at in living]
    for kind, part in SOCKETS.items():
        assert any(re.search(part, url) for url in urls), f"no {kind} socket: {urls}"

    first.evaluate(WATCH_FOR_HOLD_UPS)
    second = context.new_page()
    second.goto(f"{site.at('lab')}?reset")  # without what the first one has open, if that is saved
    lab = Lab(second)
    lab.wait_until_loaded()
    lab.log_out()
    assert second.url == site.at("logout")
    assert second.title() == "Logged out · Jupyter"
    expect(second.get_by_role("heading", level=1)).to_have_text("You are logged out")
    # When the answer began to arrive, the login had ended.
    ended = second.evaluate(
        "performance.timeOrigin + performance.getEntriesByType('navigation')[0].responseStart"
    )

    first.wait_for_function("living => living.every(at => sockets[at].code !== null)", arg=living)
    closed = [first.evaluate("at => sockets[at]", at) for at in living]
    assert {s["code"] for s in closed} == {GOING_AWAY}, closed
    held_up = first.evaluate("heldUp")
    assert max(s["closedAt"] - ended for s in closed) < CLOSES_WITHIN_MS + held_up, (ended, held_up, closed)


def nothing_is_left(site: Site, context: BrowserContext, cookie: dict[str, str]) -> None:
    """The old cookie is gone here, and dead wherever it was copied to."""
    assert not [c["name"] for c in context.cookies() if "-login-" in c["name"]]
    refused = ask(site.at("api/contents"), certificate=site.certificate, headers=cookie)
    assert refused.status == 403
    assert json.loads(refused.body)["reason"] == "signed-out"
    sent_away = ask(site.at("lab"), certificate=site.certificate, headers=cookie)
    path = urlsplit(site.url).path
    wanted = quote(f"{path}lab", safe="")
    assert (sent_away.status, sent_away.location) == (302, f"{path}login?next={wanted}")

    first = context.pages[0]
    first.goto(site.at("lab"))
    expect(first).to_have_title("Sign in · Jupyter")
    assert first.url.startswith(site.at("login?next="))


def nothing_leaked(site: Site, watch: Watch) -> None:
    """No complaint of our pages, no way to another host, no code in a log, and the true address in ours."""
    assert watch.complaints_of_our_pages(site.url) == []
    assert watch.redirects, "no redirect was seen at all"
    assert watch.strange_redirects(site.url) == []

    # In the output the link stands alone; a request would be logged with its method.
    code = site.server.setup_code()
    requests = [line for line in site.server.log.splitlines() if re.search(r"\d{3} (GET|POST) ", line)]
    assert requests
    assert not [line for line in requests if code in line]
    if site.nginx is not None:
        access = site.nginx.access_log("/logout")
        assert "/logout" in access
        assert code not in access

    audit = site.audit()
    assert {"enrolled", "login", "login-ended"} <= {line["event"] for line in audit}
    assert {line["client"] for line in audit if line["client"]} == {"127.0.0.1"}
