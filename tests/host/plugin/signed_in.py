"""A pytest plugin for jupyter_server's own tests: its test server has our login, its client is signed in.

Loaded by name (``-p signed_in``) in an environment of its own, where ``tests`` is jupyter_server's folder.
With SIGNED_IN=no it only registers what those tests ask for, so that both runs are made alike.
"""

from __future__ import annotations

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """A marker of a plugin that is not needed to run them."""
    config.addinivalue_line("markers", "flaky: jupyter_server's own")


def pytest_collection(session: pytest.Session) -> None:
    """Register our fixtures after pytest-jupyter's: the last ones of a name wrap those before."""
    if os.environ.get("SIGNED_IN") != "no":
        import signed_in_fixtures

        session.config.pluginmanager.register(signed_in_fixtures)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Their ten seconds a test are for a machine that does nothing else; the run as a whole has its end."""
    for item in items:
        for node in item.listchain():
            node.own_markers = [mark for mark in node.own_markers if mark.name != "timeout"]
