"""Findings: what is worth an author's look in a pack that has no faults.

A finding never stops a screening. Here is what a finding is; each module of this folder makes
those about one subject, and `engine.workbench.analysis` has the list of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from engine import terms as m
from engine.workbench.witness import Witness

Severity = Literal["error", "warning", "note"]
Basis = Literal["proved", "witnessed", "undecided", "read"]
"""How a finding is known: proved over all regions; shown by a witness; not decided within
the limit; or plain from the text."""

BASE = date(2026, 1, 15)
"""The as-of date of witnesses, where a pack does not say from when it is in effect."""

CODES: Mapping[str, tuple[Severity, str]] = {
    "never-passed": ("error", "a criterion that no subject can pass"),
    "never-failed": ("warning", "a criterion that no subject can fail"),
    "never-decided": ("error", "a criterion that can never be decided"),
    "todo": ("warning", "a condition that nobody has written yet"),
    "never-eligible": ("error", "no subject at all can be eligible"),
    "implied": ("note", "a criterion that another already ensures"),
    "contradicted": ("error", "two criteria that no subject passes together"),
    "overlap": ("warning", "an inclusion and an exclusion that hold together"),
    "never-matters": ("warning", "a condition that makes no difference in its criterion"),
    "never-together": ("warning", "two conditions of one `all` that never hold together"),
    "always-holds": ("warning", "an `any` that holds whatever its facts are"),
    "gap": ("warning", "a gap between the steps of an ordered list"),
    "step-overlap": ("warning", "two steps of an ordered list that overlap"),
    "window-beyond-validity": ("warning", "a window longer than its fact is relied on"),
    "no-validity": ("warning", "a fact that may change, without `valid_for`"),
    "limit-outside-range": ("warning", "a limit outside its fact's range"),
    "unused-fact": ("warning", "a fact that no criterion asks about"),
    "unused-field": ("warning", "a field that no fact in use reads"),
    "unused-list": ("warning", "a list that no fact in use comes from"),
    "unused-definition": ("warning", "a definition that no criterion uses"),
    "unused-choice": ("warning", "a code that no condition and no case names"),
    "vague-word": ("warning", "a vague word without an interpretation"),
    "never-lasts": ("warning", "a treatment that lasts, which `never` passes too"),
    "gap-of-never": ("warning", "days from or to a date that may be `never`"),
    "number-untested": ("warning", "a number in a criterion's words that no test has"),
    "number-unworded": ("warning", "a limit that a criterion's words do not name"),
    "case-fault": ("error", "a case that contradicts the dictionary"),
    "misnamed-file": ("warning", "a file in a pack's folder that nothing reads"),
    "undecided": ("note", "a question that was not decided within the limit"),
}
"""Every finding: how bad it is, and what it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `criteria`: those it is about; `witness`: a subject that shows it."""

    code: str
    place: m.Span
    message: str
    hint: str = ""
    basis: Basis = "read"
    criteria: tuple[str, ...] = ()
    witness: Witness | None = None

    @property
    def severity(self) -> Severity:
        return CODES[self.code][0]
