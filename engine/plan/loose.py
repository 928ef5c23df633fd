"""Tests that plans do not cut: each stands as a fact of its own, which holds or does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from engine import terms as m
from engine.record.wording import leaf_text, leaf_words
from engine.regions.free import is_free
from engine.terms.dictionary import derived_from

LOOSE = "test: "
"""What the names of such facts begin with; no name of a pack has a blank."""


def loosened(protocol: m.Protocol) -> m.Protocol:
    """The protocol with a fact in place of each test that is not cut.

    What such a fact may come to is more than can be recorded, so plans over it are not exact.
    """
    facts: dict[str, m.Fact] = {}

    def stand_in(condition: m.Condition) -> m.Condition:
        if isinstance(condition, m.Group):
            return replace(condition, children=tuple(map(stand_in, condition.children)))
        if isinstance(condition, m.Not):
            return replace(condition, child=stand_in(condition.child))
        if isinstance(condition, m.Defined | m.Todo):
            return condition
        if not is_free(protocol, condition) and not _counts_from_entries(protocol, condition):
            return condition
        name = LOOSE + leaf_text(condition, protocol.facts)
        ask = leaf_words(condition, protocol.facts)
        facts[name] = m.Fact(name, ask, "boolean", stands_for=condition)
        return m.BooleanTest(name, True, condition.place)

    definitions = {name: stand_in(one) for name, one in protocol.definitions.items()}
    criteria = tuple(replace(c, holds_when=stand_in(c.holds_when)) for c in protocol.criteria)
    if not facts:
        return protocol
    known = {**protocol.facts, **facts}
    return replace(protocol, definitions=definitions, criteria=criteria, facts=known)


def _counts_from_entries(protocol: m.Protocol, test: m.Test) -> bool:
    """Whether a test is on days from or to an entry of a list: what is under way, or may be, ends
    on any day, which no single day of a list stands for."""
    fact = protocol.facts[test.fact]
    return isinstance(fact.derive, m.DaysBetween) and any(
        isinstance(protocol.facts[end].derive, m.ListDerivation) for end in derived_from(fact)
    )


def is_loose(root: str) -> bool:
    """Whether a root is a test that stands as a fact."""
    return root.startswith(LOOSE)


def behind(protocol: m.Protocol, roots: Collection[str]) -> Iterator[str]:
    """The facts that tests look at which stand as facts."""
    for root in roots:
        test = protocol.facts[root].stands_for if is_loose(root) else None
        yield from m.facts_of(test) if test is not None else ()
