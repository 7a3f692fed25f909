"""A real server's access log: the lines that somebody reads are there, and all requests are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.backstage import backstage
from tests.harness.lean import lean


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_a_request_that_went_well_has_a_line_where_it_is_read_and_counts_anyway(
    tmp_path: Path, level: str
) -> None:
    with lean(tmp_path, arguments=[f"--ServerApp.log_level={level}"]) as server, backstage(server) as behind:
        behind.enrolled("ada")
        browser = behind.signed_in("ada")
        assert browser.get("api/kernelspecs").ok
        assert browser.get("api/contents/nowhere").status_code == 404
        metrics = browser.get("metrics").text
    assert ("200 GET /api/kernelspecs (ada@127.0.0.1)" in server.log) is (level == "DEBUG")
    assert "404 GET /api/contents/nowhere (ada@127.0.0.1)" in server.log
    assert re.search(r'duration_seconds_count\{handler="[\w.]*MainKernelSpecHandler".*\} 1\.0', metrics)
