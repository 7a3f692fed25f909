"""Goal 8: a full load of JupyterLab in a browser takes no longer than without us.

python -m benchmarks.page_load [--full]

Two servers of the same JupyterLab, somebody signed in at each: ours with its extension of JupyterLab, stock
without. A full load is from the navigation until the launcher is there and the splash goes, by the page's own
clock, in a new tab. Warm: in a browser that has been there before (its cache kept); cold: in a new one. The
median of each is judged. Beside it: the processor time of the browser's main thread, which says more where
others use the machine, that of the server, and how many requests and bytes. The chart has the warm load over
longer ways, where each request that waits for another shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.cookies import SimpleCookie
from pathlib import Path
from statistics import median

from jupyter_core.paths import jupyter_path
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.contenders import OURS, STOCK, Contender, ours, stock
from benchmarks.measure import Sample, Study, in_turn, is_full
from tests.browser.chrome import PATIENCE, launch
from tests.services import parts

LOADED = "until the launcher, ms"
THREAD = "main thread, ms"
REQUESTS, BYTES, CPU = "requests", "KiB over the network", "server's processor, ms"
WARM, COLD = "warm: ", "cold: "
FAR = "warm load, ms, by the network's delay in ms"
MINE = "jupyter-totp-auth"

# By the page itself, every few milliseconds: how long Playwright takes to hear of it is not counted.
_LISTEN = """
  window.loaded = new Promise(resolve => {
    const timer = setInterval(() => {
      const splash = document.getElementById("jupyterlab-splash");
      const gone = splash === null || splash.classList.contains("splash-fade");
      if (gone && document.querySelector(".jp-LauncherCard") !== null) {
        clearInterval(timer);
        resolve(performance.now());
      }
    }, 4);
  });
"""
_FETCHED = """() => {
  const all = performance.getEntriesByType("resource");
  return [all.length, all.reduce((sum, one) => sum + one.transferSize, 0)];
}"""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    warm: int
    cold: int
    delays: tuple[int, ...]
    delay_rounds: int


QUICK = Size(warm=11, cold=5, delays=(100, 300), delay_rounds=2)
FULL = Size(warm=51, cold=25, delays=(20, 50, 100, 200, 300), delay_rounds=7)


def main(size: Size) -> None:
    """Both servers, one browser."""
    study = Study("page_load", "Goal 8 · a full load of JupyterLab")
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        there = [stack.enter_context(ours(Path(home, OURS), lean=False))]
        there.append(stack.enter_context(without_ours(Path(home, STOCK))))
        browser = launch(stack.enter_context(sync_playwright()), parts.find("chromium"))
        stack.callback(browser.close)
        known = {one.name: (one, stack.enter_context(signed_in(browser, one))) for one in there}
        warm = {name: partial(load, one, context) for name, (one, context) in known.items()}
        in_turn(warm, rounds=2)  # the first of each fills the caches, the second those of what was compiled
        study.add(in_turn(warm, rounds=size.warm), prefix=WARM)
        cold = {one.name: partial(first_load, browser, one) for one in there}
        study.add(in_turn(cold, rounds=size.cold), prefix=COLD)
        far(study, known, size)
    for state in (WARM, COLD):
        study.ratio(f"{state}{LOADED}", OURS, STOCK, at_most=1.0)
        study.ratio(f"{state}{THREAD}", OURS, STOCK)
        study.ratio(f"{state}{CPU}", OURS, STOCK)
    study.notes.append(
        "Ours looks at its store four times a second, for as long as a load takes: in its processor time."
    )
    study.report()


@contextmanager
def without_ours(home: Path) -> Iterator[Contender]:
    """Jupyter's own login, and a JupyterLab that has nothing of ours: not even what is switched off there."""
    others = home / "labextensions"
    others.mkdir(parents=True)
    for found in filter(Path.is_dir, (Path(place, "labextensions") for place in jupyter_path())):
        for one in found.iterdir():
            if one.name != MINE:
                (others / one.name).symlink_to(one)
    with stock(home, lean=False, more=f"c.LabApp.labextensions_path = [{str(others)!r}]\n") as started:
        yield started


@contextmanager
def signed_in(browser: Browser, one: Contender) -> Iterator[BrowserContext]:
    """A browser of somebody's own, with an empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    context.set_default_timeout(PATIENCE)
    context.add_init_script(_LISTEN)
    for morsel in SimpleCookie(one.headers["Cookie"]).values():
        context.add_cookies([{"name": morsel.key, "value": morsel.value, "url": one.url}])
    try:
        yield context
    finally:
        context.close()


def first_load(browser: Browser, one: Contender) -> Sample:
    """In a browser that has never been there."""
    with signed_in(browser, one) as context:
        return load(one, context)


def load(one: Contender, context: BrowserContext, *, delay: int = 0) -> Sample:
    """One full load in a new tab, with so many milliseconds before each answer."""
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    if delay:
        network = {"offline": False, "latency": delay, "downloadThroughput": -1, "uploadThroughput": -1}
        devtools.send("Network.enable")  # nothing is slowed down without
        devtools.send("Network.emulateNetworkConditions", network)
    before = one.cpu()
    page.goto(f"{one.url}lab", wait_until="commit")
    took = page.evaluate("() => window.loaded")
    used = (one.cpu() - before) * 1000
    count, fetched = page.evaluate(_FETCHED)
    metrics = {item["name"]: item["value"] for item in devtools.send("Performance.getMetrics")["metrics"]}
    assert (page.locator(".jp-totp-Badge").count() > 0) is (one.name == OURS)
    page.close()
    return {
        LOADED: took,
        THREAD: metrics["TaskDuration"] * 1000,
        REQUESTS: count,
        BYTES: fetched / 1024,
        CPU: used,
    }


def far(study: Study, known: dict[str, tuple[Contender, BrowserContext]], size: Size) -> None:
    """The warm load where the server is not next door."""
    drawn = {name: {0.0: study.median(f"{WARM}{LOADED}", name)} for name in known}
    study.points[FAR] = drawn
    for delay in size.delays:
        measures = {name: partial(load, one, context, delay=delay) for name, (one, context) in known.items()}
        for name, values in in_turn(measures, rounds=size.delay_rounds)[LOADED].items():
            drawn[name][delay] = median(values)


if __name__ == "__main__":
    main(FULL if is_full() else QUICK)
