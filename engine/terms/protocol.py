"""The protocol: its criteria, with the dictionary and the outcome rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from engine.terms.condition import Condition
from engine.terms.dictionary import Fact, RecordList
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
