"""A path that a routing pattern matches, so that every rule of a server can be tried."""

from __future__ import annotations

import importlib
import re
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
    match op:
        case "LITERAL":
            return chr(argument)
        case "NOT_LITERAL":
            return "x" if chr(argument) != "x" else "y"
        case "ANY":
            return "x"
        case "IN":
            return _member(argument)
        case "BRANCH":
            return _written(argument[1][0])
        case "SUBPATTERN":
            return _written(argument[3])
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, inner = argument
            return _written(inner) * (least or min(int(most), 1))
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return ""
    raise AssertionError(f"teach regexes.py {op}")


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
