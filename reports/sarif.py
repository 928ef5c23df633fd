"""Findings and faults as SARIF 2.1.0, which editors and code reviews read.

Source: OASIS Standard, Static Analysis Results Interchange Format (SARIF) Version 2.1.0,
27 March 2020; section 3 names the properties used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import __version__
from engine.terms import Span
from engine.terms.faults import Fault
from engine.workbench.findings import CODES, Finding

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(findings: Sequence[Finding], faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """One SARIF log with one run."""
    codes = sorted({f.code for f in findings} | {f.code for f in faults})
    rules = [_rule(code) for code in codes]
    results = [_fault(fault, codes) for fault in faults]
    results += [_finding(finding, codes) for finding in findings]
    driver = {"name": "eligo", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    severity, words = CODES.get(code, ("error", "a fault of an input file"))
    return {
        "id": code,
        "shortDescription": {"text": words},
        "defaultConfiguration": {"level": severity},
    }


def _location(place: Span) -> dict[str, Any]:
    # A region without a line is left out: lines count from 1.
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.path)}}
    if place.line:
        physical["region"] = {"startLine": place.line, "startColumn": max(1, place.column)}
    return {"physicalLocation": physical}


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path, safe="/:")


def _fault(fault: Fault, codes: Sequence[str]) -> dict[str, Any]:
    return {
        "ruleId": fault.code,
        "ruleIndex": codes.index(fault.code),
        "level": "error",
        "message": {"text": _message(fault.message, fault.hint)},
        "locations": [_location(fault.span)],
    }


def _finding(finding: Finding, codes: Sequence[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {"basis": finding.basis, "criteria": list(finding.criteria)}
    if finding.witness is not None:
        properties["witness"] = {
            "as_of": finding.witness.as_of.isoformat(),
            "subject": finding.witness.recorded,
        }
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity,
        "message": {"text": _message(finding.message, finding.hint)},
        "locations": [_location(finding.place)],
        "properties": properties,
    }


def _message(message: str, hint: str) -> str:
    return f"{message} ({hint})" if hint else message
