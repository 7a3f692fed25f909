"""The promises about the source itself that no linter checks."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jupyter_totp_auth"


def imported(tree: ast.AST) -> set[str]:
    """Every module that is imported anywhere in the tree; our own ones begin with a dot."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def test_the_front_door_imports_only_the_standard_library_and_us() -> None:
    # Jupyter fails open: whatever fails at import of __init__ would leave the stock login in place.
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    strangers = {
        name
        for name in imported(tree)
        if not name.startswith((".", "jupyter_totp_auth"))
        and name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert strangers == set()


def test_the_front_door_imports_of_ours_only_the_version_until_a_hook_is_called() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    outside = ast.Module([node for node in tree.body if not is_lazy(node)], type_ignores=[])
    ours = {name for name in imported(outside) if name.startswith((".", "jupyter_totp_auth"))}
    assert ours <= {"._version", "jupyter_totp_auth._version"}


def is_lazy(node: ast.stmt) -> bool:
    """Say whether this runs only when called, or never (imports for type checkers)."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name):
        return node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    bare = {str(path) for path in folders if not (path / "__init__.py").exists()}
    assert {path for path in bare if "migrations" not in path} == set()


def test_every_ignored_rule_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignore = text.split("\nignore = [\n", 1)[1].split("\n]", 1)[0]
    assert [line for line in ignore.splitlines() if "#" not in line] == []


def test_the_lowest_python_is_the_same_for_all_tools() -> None:
    # Not tomllib: it came with 3.11.
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert 'requires-python = ">=3.10"' in lines
    assert 'target-version = "py310"' in lines
    assert 'python_version = "3.10"' in lines


# -- a light house: the sizes of STYLE ----------------------------------------------------------------

MODULE_LINES = 300
FUNCTION_LINES = 40


def sources() -> list[Path]:
    """Every module of the package but the migrations: one of those tells a whole schema in one go."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts]


def test_every_module_of_the_core_has_a_test_file() -> None:
    modules = {path.name for path in (PACKAGE / "core").glob("*.py")} - {"__init__.py"}
    tested = {path.name.removeprefix("test_") for path in (ROOT / "tests" / "core").glob("test_*.py")}
    assert modules - tested == set()


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources()
    }
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    lengths = {
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}
