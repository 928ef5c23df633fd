"""The protocol: its criteria, with the dictionary and the outcome rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from engine.terms.condition import Condition
from engine.terms.dictionary import CompletedYears, Fact, RecordList
from engine.terms.outcomes import Outcomes
from engine.terms.values import NOWHERE, Basis, Span

Kind = Literal["inclusion", "exclusion"]


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
        isinstance(d, CompletedYears) and d.since == fact.name for d in readers
    )
