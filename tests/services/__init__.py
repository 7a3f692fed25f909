"""Real services for tests: databases, a proxy and a browser, each in a folder of its own.

What a machine does not have is `Missing`; `missing_is_skip` turns that into a skip, or with CI=true
into a failure. This package needs nothing but the standard library until a service is started.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.services.parts import Missing

__all__ = ["Missing", "missing_is_skip", "must_be_complete"]


def must_be_complete() -> bool:
    """Say whether a missing part is a failure: under CI nothing may be left out."""
    return os.environ.get("CI", "").strip().lower() in {"1", "true", "yes", "on"}


@contextmanager
def missing_is_skip() -> Iterator[None]:
    """Skip the test when a part of this machine is missing; fail it when CI=true.

    The words "missing: " at the start of the reason are what tools/run_tests.py looks for.
    """
    import pytest  # only here: tools/ read parts.py on machines without pytest

    reason = ""
    try:
        yield
    except Missing as missing:
        reason = f"missing: {missing}"
    # Outside the handler, so that the report shows one reason and not two exceptions.
    if reason and must_be_complete():
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)
