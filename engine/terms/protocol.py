"""The protocol: its criteria, with the dictionary and the outcome rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from engine.terms.condition import Condition, parts_of
from engine.terms.dictionary import Completed, CompletedYears, Fact, RecordList
from engine.terms.outcomes import Outcomes
from engine.terms.values import NOWHERE, Basis, Span

Kind = Literal["inclusion", "exclusion"]
About = Literal["criterion", "class", "event", "death"]
"""What a criterion concludes: whether a subject may enter, or of an outcome whether an entry is of
a class, whether it shows an event, whether a toxicity was the cause of a death."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One numbered statement of the protocol, in its own words, with its condition."""

    id: str
    kind: Kind
    text: str
    holds_when: Condition
    interpretation: str = ""
    basis: Basis = "stated"
    source: str = ""
    place: Span = field(default=NOWHERE, compare=False)
    about: About = "criterion"


@dataclass(frozen=True, slots=True)
class Protocol:
    """One pack: identity, data dictionary, definitions and criteria, in file order.

    `digest` is `sha256:` and the SHA-256 of the pack's manifest.
    """

    id: str
    version: str
    title: str
    effective: date | None
    source: Mapping[str, str]
    facts: Mapping[str, Fact]
    records: Mapping[str, RecordList]
    definitions: Mapping[str, Condition]
    criteria: tuple[Criterion, ...]
    digest: str = ""
    outcomes: Outcomes | None = None


def is_birth_date(protocol: Protocol, fact: Fact) -> bool:
    """Whether a fact is a birth date: see SEMANTICS section 4."""
    if fact.type != "date" or fact.derive is not None:
        return False
    if fact.name == "birth_date":
        return True
    readers = (f.derive for f in protocol.facts.values())
    return fact.changes == "never" and any(
        isinstance(d, CompletedYears | Completed) and d.since == fact.name for d in readers
    )


def condition_paths(protocol: Protocol) -> dict[str, Condition]:
    """Every condition by its path: criterion id or definition name, then `.1`, `.2`, ..."""
    found: dict[str, Condition] = {}

    def walk(path: str, condition: Condition) -> None:
        found[path] = condition
        for number, part in enumerate(parts_of(condition), start=1):
            walk(f"{path}.{number}", part)

    for name, condition in protocol.definitions.items():
        walk(name, condition)
    for criterion in protocol.criteria:
        walk(criterion.id, criterion.holds_when)
    return found
