"""axe-core, the judge of accessibility, put into a page that is open."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

from tests.services.parts import Missing

_SCRIPT = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
_SERIOUS = {"serious", "critical"}


@cache
def _script() -> str:
    if not _SCRIPT.exists():
        name = "axe-core"
        raise Missing(name, "npm install in labextension/")
    return _SCRIPT.read_text(encoding="utf-8")


def serious_faults(page: Page, selector: str) -> dict[str, list[str]]:
    """What axe finds within ``selector`` that keeps somebody out: by rule, with the elements."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_script())
    found = page.evaluate(
        "(selector) => axe.run(selector, {resultTypes: ['violations', 'incomplete']})", selector
    )
    return {
        fault["id"]: [f"{node['html'][:200]} {node['failureSummary'][:300]}" for node in fault["nodes"]]
        for fault in found["violations"]
        if fault["impact"] in _SERIOUS
    }
