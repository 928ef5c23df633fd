"""Roots: what a person would record, and what is counted from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine import terms as m
from engine.reference.evaluator import elapsed, truth_of
from engine.reference.measures import completed_years
from engine.terms.dictionary import derived_from

Root = str
"""A recorded fact's name, or a record list's name after `records.`."""

Truth3 = int
"""0 false, 1 unknown, 2 true."""
TRUTH3: Mapping[str, Truth3] = {"false": 0, "unknown": 1, "true": 2}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an axis: the values from `low` to `high`, and of a ratio to its limit."""

    low: int
    high: int
    times: tuple[Fraction | None, Fraction | None] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One way in which a root may come out, and the pieces of its axis that it stands for.

    `readings`: what the facts of this root alone come to, each a point.
    """

    readings: Mapping[str, m.Reading]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Ways:
    """Every way in which a root may come out; `exact` is false where some were left out."""

    states: tuple[State, ...]
    exact: bool = True


class Roots:
    """The roots of a protocol's facts, and the tests that look at them."""

    def __init__(self, protocol: m.Protocol, tests: Sequence[m.Test]) -> None:
        self.protocol = protocol
        self.of: dict[str, tuple[Root, ...]] = {}
        for name, fact in protocol.facts.items():
            if fact.type != "text":
                self._find(name)
        self.whole: dict[Root, Ways] = {}
        """Ways of roots of which nothing is known; kept for those that no day changes."""
        self.tests: dict[str, list[m.Test]] = {}
        for test in tests:
            self.tests.setdefault(test.fact, []).append(test)
        self.looked_at = self._looked_at()
        self.facts: dict[Root, list[str]] = {}
        for name in protocol.facts:
            if name in self.looked_at:
                for root in self.of[name]:
                    self.facts.setdefault(root, []).append(name)
        # A date that is counted to or from another date is never cut short.
        self.linked = {
            end
            for name in self.looked_at
            if isinstance(derive := protocol.facts[name].derive, m.DaysBetween)
            for end in (derive.start, derive.end)
        }

    def _find(self, name: str) -> tuple[Root, ...]:
        if name not in self.of:
            derive = self.protocol.facts[name].derive
            if derive is None:
                self.of[name] = (name,)
            elif isinstance(derive, m.FromList):
                self.of[name] = (f"records.{derive.records}",)
            else:
                others = derived_from(self.protocol.facts[name])
                every = (root for other in others for root in self._find(other))
                self.of[name] = tuple(dict.fromkeys(every))
        return self.of[name]

    def _looked_at(self) -> set[str]:
        """The facts that tests look at, and those that they are counted from."""
        found: set[str] = set()

        def look(name: str) -> None:
            found.add(name)
            for other in derived_from(self.protocol.facts[name]):
                look(other)

        for name in self.tests:
            look(name)
        return found

    def alone(self, root: Root) -> list[str]:
        """The facts that come from this root and no other."""
        return [name for name in self.facts[root] if self.of[name] == (root,)]

    def vector(
        self, readings: Mapping[str, m.Reading], names: Iterable[str], today: int
    ) -> tuple[Truth3, ...]:
        """The truths of every test on some facts."""
        facts = self.protocol.facts
        return tuple(
            TRUTH3[truth_of(test, readings[name], facts[name], today)]
            for name in names
            for test in self.tests.get(name, ())
        )


def derived(
    protocol: m.Protocol, name: str, readings: Mapping[str, m.Reading], today: int
) -> m.Reading:
    """The reading of a fact that is counted from dates, from the readings of those dates."""
    fact = protocol.facts[name]
    if isinstance(fact.derive, m.CompletedYears):
        now = m.Reading("", today, today, None)
        return elapsed(fact, readings[fact.derive.since], now, completed_years)
    assert isinstance(fact.derive, m.DaysBetween)
    start, end = readings[fact.derive.start], readings[fact.derive.end]
    return elapsed(fact, start, end, lambda a, b: (b - a, b - a))


def with_derived(
    roots: Roots, names: Iterable[str], readings: dict[str, m.Reading], today: int
) -> dict[str, m.Reading]:
    """`readings` and those of `names` that are counted from them."""

    def find(name: str) -> None:
        derive = roots.protocol.facts[name].derive
        if isinstance(derive, m.CompletedYears | m.DaysBetween) and name not in readings:
            for other in derived_from(roots.protocol.facts[name]):
                find(other)
            readings[name] = derived(roots.protocol, name, readings, today)

    for name in names:
        find(name)
    return readings
