"""A path that a routing pattern matches, so that every rule of a server can be tried."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

# sre_parse until 3.10, re._parser since.
_parser: Any = importlib.import_module("re._parser" if hasattr(re, "_parser") else "sre_parse")


def example_of(pattern: str) -> str:
    """Some text that ``pattern`` matches as a whole. Fails where this simple writer finds none."""
    text = _written(_parser.parse(pattern))
    assert re.fullmatch(pattern.removesuffix("$"), text), f"teach regexes.py this pattern: {pattern}"
    return text


def _written(parsed: Any) -> str:
    return "".join(_one(str(op), argument) for op, argument in parsed)


def _one(op: str, argument: Any) -> str:
    if op in ("AT", "ASSERT", "ASSERT_NOT"):
        return ""
    if op in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inner = argument
        return _written(inner) * (least or min(int(most), 1))
    write = _WRITERS.get(op)
    assert write is not None, f"teach regexes.py {op}"
    return write(argument)


def _member(choices: Any) -> str:
    (op, argument), *_ = choices
    match str(op):
        case "LITERAL":
            return chr(argument)
        case "RANGE":
            return chr(argument[0])
        case "CATEGORY":
            return "1" if "DIGIT" in str(argument) or "WORD" in str(argument) else "x"
        case "NEGATE":
            forbidden = {chr(value) for kind, value in choices[1:] if str(kind) == "LITERAL"}
            return next(letter for letter in "xyz" if letter not in forbidden)
    raise AssertionError(f"teach regexes.py {op}")


_WRITERS: dict[str, Callable[[Any], str]] = {
    "LITERAL": chr,
    "NOT_LITERAL": lambda argument: "y" if chr(argument) == "x" else "x",
    "ANY": lambda _argument: "x",
    "IN": _member,
    "BRANCH": lambda argument: _written(argument[1][0]),
    "SUBPATTERN": lambda argument: _written(argument[3]),
}
