"""What holds for every page there is: structure, names for screen readers, the strict CSP, 320 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chrome import new_context
from tests.browser.tour import TITLES, tour
from tests.harness.backstage import backstage
from tests.harness.server import JupyterServer

NARROW = 320
"""CSS pixels: 1280 at 400 % (WCAG 2.2, 1.4.10)."""
SMALLEST_TARGET = 24
"""CSS pixels (WCAG 2.2, 2.5.8)."""

_LOOK = """() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const shown = (element) => element.checkVisibility() && element.type !== "hidden";
  const html = (elements) => elements.map((element) => element.outerHTML.slice(0, 200));
  const name = (element) =>
    (element.getAttribute("aria-label") || element.textContent || element.getAttribute("alt") || "").trim();
  const ids = all("[id]").map((element) => element.id);
  const referred = all("[aria-describedby], [aria-labelledby], label[for]").flatMap((element) =>
    ["aria-describedby", "aria-labelledby", "for"]
      .flatMap((attribute) => (element.getAttribute(attribute) || "").split(" ").filter(Boolean)));
  const inText = (element) => element.tagName === "A" || element.classList.contains("link");
  return {
    lang: document.documentElement.lang,
    headings: all("h1").map((heading) => heading.textContent.trim()),
    landmarks: all("main").length,
    fieldsWithoutLabel: html(all("input").filter((field) => shown(field) && !field.labels.length)),
    namelessControls: html(all("button, a").filter((control) => shown(control) && !name(control))),
    ids: ids.filter((id, at) => ids.indexOf(id) !== at),
    lostReferences: referred.filter((id) => !ids.includes(id)),
    pictures: html(all("img:not([alt]), svg:not([aria-hidden]):not([role] svg)")),
    autofocus: all("[autofocus]").length,
    inline: html(all("*").filter((element) =>
      element.getAttributeNames().some((attribute) => attribute === "style" || attribute.startsWith("on")))),
    blocks: html(all("style, script:not([src]), script:not([nonce]), link[rel=stylesheet]:not([nonce])")),
    foreign: all("[src], link[href]").map((element) => element.src || element.href)
      .filter((address) => !address.startsWith(location.origin) && !address.startsWith("data:")),
    small: html(all("input, button, a").filter((control) => {
      const box = (control.closest("label") || control).getBoundingClientRect();
      const isSmall = box.width < SMALLEST || box.height < SMALLEST;
      return isSmall && shown(control) && !inText(control);
    })),
    unhidden: html(all("[hidden]").filter((element) => getComputedStyle(element).display !== "none")),
    width: document.documentElement.scrollWidth,
  };
}""".replace("SMALLEST", str(SMALLEST_TARGET))

_NOTHING = (
    "fieldsWithoutLabel",
    "namelessControls",
    "ids",
    "lostReferences",
    "pictures",
    "inline",
    "blocks",
    "foreign",
    "small",
    "unhidden",
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_page_is_well_made_and_fits_320_pixels(tmp_path: Path, browser: Browser) -> None:
    with (
        JupyterServer(tmp_path) as server,
        backstage(server) as store,
        new_context(browser, viewport={"width": NARROW, "height": 640}) as (context, watch),
    ):
        page = context.new_page()
        seen = []
        for name in tour(page, server, store):
            seen.append(name)
            assert page.title() == f"{TITLES[name]} · Jupyter"
            faults = faults_of(page)
            assert not faults, f"{name}: {faults}"
        assert seen == list(TITLES), "a page was left out"
        # A refusal has its status, and Chromium notes that; anything else is a fault of ours.
        complaints = watch.complaints_of_our_pages(server.url)
        assert [text for _, text in complaints if "responded with a status of" not in text] == []


def faults_of(page: Page) -> dict[str, Any]:
    """What is wrong with the page that is shown; by name, with the elements."""
    look = page.evaluate(_LOOK)
    faults = {what: look[what] for what in _NOTHING if look[what]}
    wanted = {"lang": look["lang"] == "en", "landmarks": look["landmarks"] == 1}
    wanted["headings"] = len(look["headings"]) == 1 and bool(look["headings"][0])
    wanted["autofocus"] = look["autofocus"] <= 1
    wanted["width"] = look["width"] <= NARROW
    return faults | {what: look[what] for what, good in wanted.items() if not good}
