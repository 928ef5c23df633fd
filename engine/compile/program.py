"""A compiled protocol: rules over whole numbers, the nodes that they conclude, what they read."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from engine import terms as m

Op = Literal["==", "!=", "<", "<=", ">", ">="]
Test = tuple[str, Op, int]
"""Property, comparison, constant."""

PROPERTIES = (
    *("id", "sid", "g", "k", "known", "low", "high", "near", "far", "mnear", "mfar"),
    *("snear", "efar", "uknown", "ulf", "ulc", "uhf", "uhc", "t", "f", "u", "block", "digit"),
    *("pair", "dl", "dh"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: it matches a fact of kind `kind` that passes every test.

    `counts_as`: what its conclusion adds to its parents' tallies: 0 true (a criterion:
    passed), 1 false (failed), 2 unknown (open).
    """

    name: str
    node: int
    truth: m.Truth
    kind: int
    tests: tuple[Test, ...]
    concluded: str
    counts_as: int = 2


NodeKind = Literal["leaf", "all", "any", "at_least", "not", "criterion", "section", "verdict"]


@dataclass(slots=True)
class Node:
    """Something concluded: a leaf, a group, a criterion, a section or the verdict.

    `criterion`: the criterion that this node's rules conclude; a node of kind `criterion` is
    there only for a condition that others use too. `count`: how many of an `at_least` must hold.
    """

    index: int
    kind: NodeKind
    name: str
    children: tuple[int, ...] = ()
    parents: list[int] = field(default_factory=list)
    leaf: m.Leaf | None = None
    criterion: str = ""
    count: int = 0
    fact_kind: int = -1
    ruleset: int = 0


Against = tuple[m.Side | Fraction, str]
"""The fact that another is held against, after the side of it, or how many times it."""


@dataclass(frozen=True, slots=True)
class ReadingKind:
    """One reading in a fact of kind `kind`: whose, and the properties its rules look at.

    A reading fact carries several readings; `slot` is this one's place in it, and stands at
    the end of its properties' names (`low3`). `against`: the date that it is held against, and
    the side of that on which it lies; or the quantity, and how many of it are the limit, in the
    unit of `fact`.
    """

    kind: int
    slot: int
    fact: str
    properties: tuple[str, ...]
    ruleset: int
    against: Against | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled protocol. `rulesets` hold rule numbers; `paths` maps condition paths to nodes."""

    nodes: tuple[Node, ...]
    rules: tuple[Rule, ...]
    rulesets: tuple[tuple[int, ...], ...]
    readings: tuple[ReadingKind, ...]
    paths: Mapping[str, int]
    criteria: Mapping[str, int]
    statuses: Mapping[tuple[str, m.Truth], m.Status]
    verdict: int


UNWRITTEN = ""
"""The stand-in fact of `todo`: its reading is never known."""

_COMPARE: Mapping[Op, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(rule: Rule, fact: Mapping[str, int]) -> bool:
    """Whether a rule should match a fact: the self-test's expectation, never a verdict's."""
    for name, op, constant in rule.tests:
        value = fact.get(name)
        if value is None or not _COMPARE[op](value, constant):
            return False
    return rule.kind == fact["k"]
