"""The list of sentinel mutants stays true: each still fits the product, and those who notice it exist (Q04)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants import runner
from tests.mutants.sentinels import SENTINELS, Sentinel

QUICK = ("after a restore the codes of yesterday open", "pages may be kept")
"""Run whole each time: they show that the runner kills."""

by_name = pytest.mark.parametrize("sentinel", SENTINELS, ids=[one.name for one in SENTINELS])


def test_Q04_there_are_thirty_and_more_under_different_names() -> None:
    assert len({one.name for one in SENTINELS}) == len(SENTINELS) >= 30


@by_name
def test_Q04_each_sentinel_fits_and_compiles(sentinel: Sentinel) -> None:
    for file in runner.files(sentinel):
        path = runner.ROOT / runner.PACKAGE / file
        before = path.read_text(encoding="utf-8")
        after = runner.broken(before, sentinel, file)
        if path.suffix != ".py":  # a template
            assert after != before
            continue
        compile(after, str(path), "exec")
        assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))


@by_name
def test_Q04_the_tests_that_have_to_notice_it_are_there(sentinel: Sentinel) -> None:
    assert sentinel.killers
    for killer in sentinel.killers:
        file, _, name = killer.partition("::")
        assert file.startswith(
            (
                "tests/attacks/",
                "tests/host/",
                "tests/hosting/",
                "tests/cli/",
                "tests/web/",
                "tests/rights/",
                "tests/together/",
            )
        )
        tree = ast.parse(Path(runner.ROOT, file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_Q04_a_text_that_is_not_there_once_is_an_error() -> None:
    sentinel = SENTINELS[0]
    (file,) = runner.files(sentinel)
    for text in ("", sentinel.edits[0].old * 2):
        with pytest.raises(ValueError, match="stands"):
            runner.broken(text, sentinel, file)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", QUICK)
def test_Q04_a_broken_product_is_noticed(name: str) -> None:
    (sentinel,) = (one for one in SENTINELS if one.name == name)
    verdict = runner.run(sentinel)
    assert verdict.killed, verdict.why


def test_Q04_an_error_or_a_timeout_is_no_notice(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="a"><error message="AssertionError: no server"/></testcase>'
        '<testcase name="b"><failure message="AssertionError: 200 == 403"/></testcase></testsuite></testsuites>'
    )
    assert runner._failures(report) == [
        ("a", "error: AssertionError: no server"),
        ("b", "AssertionError: 200 == 403"),
    ]
