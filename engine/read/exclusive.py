"""Prove that two statements can never both be true, by trying every case that differs.

A test's truth changes only at its limits, so for each fact it is enough to try the limits
and a millionth to either side, or each code of a choice. Facts are taken as independent of
each other, which can only find more overlaps than there are, never fewer.
"""

from __future__ import annotations

from datetime import date
from itertools import product

from engine.record.wording import amount_text
from engine.reference import evaluator as reference
from engine.terms import (
    BetweenTest,
    BooleanTest,
    ChoiceTest,
    Condition,
    Criterion,
    Defined,
    Leaf,
    LimitTest,
    ListScope,
    Protocol,
    Reading,
    Todo,
)
from engine.terms.condition import ends_of

MOST_CASES = 20_000
_NO_DAY = date(2000, 1, 1)  # no test here looks at the date


def leaves_of(scope: ListScope, condition: Condition) -> list[Leaf]:
    """Every leaf of a condition, definitions opened."""
    found: list[Leaf] = []
    for one in ends_of(condition):
        if isinstance(one, Defined):
            found += leaves_of(scope, scope.definitions[one.name])
        else:
            found.append(one)
    return found


def _points(leaf: Leaf) -> set[int] | None:
    """Where a leaf's truth may change; None where that cannot be told from the leaf."""
    if isinstance(leaf, LimitTest):
        return {leaf.limit_u - 1, leaf.limit_u, leaf.limit_u + 1}
    if isinstance(leaf, BetweenTest):
        return {end + step for end in (leaf.low_u, leaf.high_u) for step in (-1, 0, 1)}
    if isinstance(leaf, BooleanTest):
        return {0, 1}
    return set() if isinstance(leaf, ChoiceTest) else None


def overlap(scope: ListScope, first: Condition, second: Condition) -> str | None:
    """A case in which both hold, or why the cases cannot be tried; None if none can."""
    points: dict[str, set[int]] = {}
    for leaf in (*leaves_of(scope, first), *leaves_of(scope, second)):
        found = _points(leaf)
        if found is None or isinstance(leaf, Todo):
            return "a test on a date, on a limit of normal or `todo` cannot be tried"
        fact = scope.facts[leaf.fact]
        if fact.type == "choice":
            found = set(range(len(fact.choices)))
        points.setdefault(leaf.fact, set()).update(found)
    cases = 1
    for tried in points.values():
        cases *= len(tried)
    if cases > MOST_CASES:
        return f"there are {cases} cases, more than {MOST_CASES}"
    protocol = Protocol(
        id="",
        version="",
        title="",
        effective=None,
        source={},
        facts=scope.facts,
        records={},
        definitions=scope.definitions,
        criteria=(
            Criterion("1", "inclusion", "", first),
            Criterion("2", "inclusion", "", second),
        ),
    )
    unknown = {
        name: Reading(name, None, None, "not_recorded")
        for name, fact in scope.facts.items()
        if fact.type != "text"
    }
    for values in product(*(sorted(tried) for tried in points.values())):
        case = dict(zip(points, values, strict=True))
        readings = {**unknown, **{n: Reading(n, v, v, None) for n, v in case.items()}}
        truths = reference.truths(protocol, readings, _NO_DAY)
        if truths["1"] == truths["2"] == "true":
            return "both hold for " + ", ".join(_case(scope, n, v) for n, v in case.items())
    return None


def _case(scope: ListScope, name: str, value: int) -> str:
    fact = scope.facts[name]
    if fact.type == "choice":
        return f"{name} {fact.choices[value].code}"
    if fact.type == "boolean":
        return f"{name} {'true' if value else 'false'}"
    return f"{name} {amount_text(value, fact.unit)}"
