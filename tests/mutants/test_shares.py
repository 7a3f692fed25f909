"""How the share of noticed changes is counted: nothing is left out of it (Q05)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutants import shares


def results(folder: Path, **modules: list[int | None]) -> Path:
    for name, codes in modules.items():
        keys = {f"{name}.x_f__mutmut_{number}": code for number, code in enumerate(codes)}
        (folder / f"{name}.py.meta").write_text(json.dumps({"exit_code_by_key": keys}))
    return folder


def test_Q05_what_no_test_reaches_or_nobody_ran_was_not_noticed(tmp_path: Path) -> None:
    modules = shares.counts(results(tmp_path, totp=[1, 3, 36, 0], qr=[33, None, -9, 1], model=[]))
    assert set(modules) == {"totp", "qr"}
    assert modules["totp"] == {"killed": 2, "endless": 1, "alive": 1}
    assert modules["qr"] == {"killed": 1, "alive": 2, "not run": 1}
    assert shares.share(modules) == pytest.approx(4 / 8)
    assert "50.0% noticed" in shares.table(modules)


def test_Q05_no_result_at_all_is_not_enough(tmp_path: Path) -> None:
    assert shares.share(shares.counts(tmp_path)) == 0 < shares.LEAST
