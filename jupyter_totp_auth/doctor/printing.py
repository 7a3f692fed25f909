"""Findings for a person, and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from .finding import Finding, Severity

_WIDTH = 96
_COLORS = {Severity.RED: "31", Severity.YELLOW: "33", Severity.GREEN: "32"}
_WORST_FIRST = tuple(Severity)


def document(findings: Sequence[Finding]) -> dict[str, object]:
    """For ``--json``: the fields of this are a contract."""
    entries = [
        {"id": f.id, "severity": f.severity.value, "what": f.what, "why": f.why, "line": f.line}
        for f in findings
    ]
    return {**counted(findings), "findings": entries}


def counted(findings: Sequence[Finding]) -> dict[str, int]:
    """How many there are of each severity."""
    count = Counter(finding.severity for finding in findings)
    return {severity.value: count[severity] for severity in _WORST_FIRST}


def lines(findings: Sequence[Finding], escape: Callable[[str], str], *, color: bool) -> Iterator[str]:
    """The worst first; of what is as it should be, only how much. ``escape`` takes control characters out."""
    for severity in (Severity.RED, Severity.YELLOW):
        for finding in findings:
            if finding.severity is severity:
                yield from _block(finding, escape, color=color)
    counts = ", ".join(f"{severity}: {number}" for severity, number in counted(findings).items())
    yield f"{counts}."


def _block(finding: Finding, escape: Callable[[str], str], *, color: bool) -> Iterator[str]:
    mark = finding.severity.value
    yield f"{_painted(mark, finding.severity) if color else mark}  {finding.id}"
    for text in (finding.what, finding.why):
        yield from wrap(
            escape(text), _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False
        )
    if finding.line:
        yield f"    → {escape(finding.line)}"
    yield ""


def _painted(text: str, severity: Severity) -> str:
    return f"\x1b[1;{_COLORS[severity]}m{text}\x1b[0m"
