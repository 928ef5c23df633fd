"""Conditions: tests on one fact, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from engine.terms.values import MILLION, NOWHERE, Duration, Span

QuantityOp = Literal["at_least", "above", "at_most", "below"]
UlnOp = Literal["at_least_uln", "above_uln", "at_most_uln", "below_uln"]
AgoOp = Literal["at_least_ago", "more_than_ago", "within_last", "less_than_ago"]
DayOp = Literal["on_or_after", "on_or_before"]
AnchorOp = Literal["at_least", "more_than", "within", "less_than", "plain"]
Side = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class BooleanTest:
    """The boolean fact is `expected`."""

    fact: str
    expected: bool
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ChoiceTest:
    """The choice fact is one of `codes`."""

    fact: str
    codes: tuple[str, ...]
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LimitTest:
    """The quantity against one limit, in millionths of the fact's unit."""

    fact: str
    op: QuantityOp
    limit_u: int
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class BetweenTest:
    """The quantity lies between two limits, both included (millionths of the fact's unit)."""

    fact: str
    low_u: int
    high_u: int
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class UlnTest:
    """The quantity against `times_u` millionths of its upper limit of normal."""

    fact: str
    op: UlnOp
    times_u: int
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class FactLimitTest:
    """The quantity against `times_u` millionths of another one, `against`, in any unit of it."""

    fact: str
    op: QuantityOp
    against: str
    times_u: int = MILLION
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AgoTest:
    """The date against the as-of date less a duration."""

    fact: str
    op: AgoOp
    duration: Duration
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class DayTest:
    """The date against a fixed day."""

    fact: str
    op: DayOp
    day: date
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class EverTest:
    """Whether the date has come to pass (`expected` true) or never has."""

    fact: str
    expected: bool
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AnchorTest:
    """The date against another date, `anchor`: so long before it or after it.

    `plain`, without a duration: on an earlier day (`before`), or on a later one.
    """

    fact: str
    op: AnchorOp
    duration: Duration | None
    side: Side
    anchor: str
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LastingTest:
    """What began on the date has gone on for a duration; `never` has not."""

    fact: str
    duration: Duration
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Todo:
    """A condition nobody has written yet: always unknown."""

    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class All:
    """Every child holds."""

    children: tuple[Condition, ...]
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one child holds.

    `when`: it was written as a requirement that applies only where a condition holds: not that
    condition, or what is required.
    """

    children: tuple[Condition, ...]
    place: Span = field(default=NOWHERE, compare=False)
    when: bool = False


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least `count` children hold."""

    count: int
    children: tuple[Condition, ...]
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The child does not hold."""

    child: Condition
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Defined:
    """The condition named `name` under `definitions`."""

    name: str
    place: Span = field(default=NOWHERE, compare=False)


Test = (
    BooleanTest
    | ChoiceTest
    | LimitTest
    | BetweenTest
    | UlnTest
    | FactLimitTest
    | AgoTest
    | DayTest
    | EverTest
    | AnchorTest
    | LastingTest
)
Leaf = Test | Todo
Group = All | Any | AtLeast
Condition = Leaf | Group | Not | Defined


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that one is made of: none for a test, `todo` and a definition's name."""
    if isinstance(condition, Group):
        return condition.children
    return (condition.child,) if isinstance(condition, Not) else ()


def ends_of(condition: Condition) -> Iterator[Leaf | Defined]:
    """The tests, the `todo` and the names of definitions that a condition comes down to."""
    if isinstance(condition, Group | Not):
        for part in parts_of(condition):
            yield from ends_of(part)
    else:
        yield condition


def inlined(condition: Condition, definitions: Mapping[str, Condition]) -> Condition:
    """The condition with every definition written out."""
    if isinstance(condition, Defined):
        return inlined(definitions[condition.name], definitions)
    if isinstance(condition, Group):
        children = tuple(inlined(child, definitions) for child in condition.children)
        return replace(condition, children=children)
    if isinstance(condition, Not):
        return replace(condition, child=inlined(condition.child, definitions))
    return condition


def defined_in(condition: Condition) -> tuple[str, ...]:
    """The definitions a condition refers to directly."""
    return tuple(one.name for one in ends_of(condition) if isinstance(one, Defined))


def facts_of(leaf: Leaf) -> tuple[str, ...]:
    """The facts that a test looks at, the one that it tests first; none for `todo`."""
    if isinstance(leaf, Todo):
        return ()
    if isinstance(leaf, FactLimitTest):
        return (leaf.fact, leaf.against)
    return (leaf.fact, leaf.anchor) if isinstance(leaf, AnchorTest) else (leaf.fact,)


def limits_named(leaf: Leaf) -> tuple[int, ...]:
    """The limits that a test on a quantity names, in millionths; none for other tests."""
    if isinstance(leaf, LimitTest):
        return (leaf.limit_u,)
    return (leaf.low_u, leaf.high_u) if isinstance(leaf, BetweenTest) else ()
