"""Mutants: a pack with one mistake that an author could make, and whether the cases notice.

A mutant that no case notices either means the same as the pack (it is *equivalent*, proved
over all regions of what can be recorded) or *survives*; then a subject on which the two come
out differently is found, and written as a case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from engine import terms as m
from engine.workbench.witness import Witness

Kind = Literal[
    "limit",
    "boundary",
    "unit",
    "window",
    "group",
    "negation",
    "dropped-condition",
    "dropped-criterion",
    "unknown-as-met",
    "kind",
    "reference-date",
    "record-field",
]
Fate = Literal["killed", "survived", "equivalent", "undecided"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A pack with one mistake. `criteria`: those it may change; `lenient`: the one whose
    unknown it takes as met ("" for the others)."""

    kind: Kind
    words: str
    place: m.Span
    protocol: m.Protocol
    criteria: frozenset[str]
    lenient: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant and what became of it. `by` names the case that noticed it; a survivor has a
    witness, and the answers of `criterion` under the pack and under the mutant."""

    mutant: Mutant
    fate: Fate
    by: str = ""
    witness: Witness | None = None
    criterion: str = ""
    answer: m.Answer | None = None
    mistaken: str = ""


BY_VERDICT = frozenset[Kind](("dropped-criterion", "kind"))
"""Mistakes that only a verdict shows: the answer is gone, or stays what it was."""


def counts(judged: Iterable[Judged]) -> dict[Fate, int]:
    """How many met each fate."""
    fates = [one.fate for one in judged]
    return {fate: fates.count(fate) for fate in get_args(Fate)}
