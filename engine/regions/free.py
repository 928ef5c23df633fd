"""Tests that regions do not cut: each may come out in any way, whatever else is recorded.

That is more than can be recorded, so what is never met with them free is never met; what is met
only by a choice of theirs is shown by nothing, and stays undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from engine import terms as m
from engine.regions.asked import NUMBER, truths_of
from engine.regions.cells import ALL, Cell, Variable
from engine.terms.dictionary import facts_behind

CUT = (m.BooleanTest, m.ChoiceTest, m.LimitTest, m.BetweenTest, m.UlnTest, m.AgoTest,
          m.DayTest, m.EverTest)  # fmt: skip
_TYPES = ("boolean", "choice", "quantity", "date", "text")


def is_free(protocol: m.Protocol, leaf: m.Leaf) -> bool:
    """Whether regions do not cut what a test asks about."""
    if isinstance(leaf, m.Todo):
        return False
    return not isinstance(leaf, CUT) or not all(map(_is_cut, _behind(protocol, leaf)))


def _is_cut(fact: m.Fact) -> bool:
    """Whether regions cut what a fact is recorded as, or how it follows from others."""
    derive = fact.derive
    if isinstance(derive, m.ListDerivation):
        return all(isinstance(one, m.Where) for one in derive.where)
    counted = derive is None or isinstance(derive, m.CompletedYears | m.DaysBetween)
    return counted and fact.type in _TYPES


def _behind(protocol: m.Protocol, leaf: m.Test) -> list[m.Fact]:
    """The facts that a test looks at, and those that they are derived from."""
    return [protocol.facts[name] for name in sorted(facts_behind(protocol.facts, [leaf]))]


def variables(
    protocols: Sequence[m.Protocol], leaves: Iterable[tuple[int, m.Leaf]], as_of: date
) -> Iterator[Variable]:
    """A variable for each test of some packs that is free; one for a test that means the same in
    two of them. It is real only where a subject with nothing recorded leaves it open."""
    joined: dict[m.Test, list[list[int]]] = {}
    for number, leaf in leaves:
        assert not isinstance(leaf, m.Todo)
        for numbers in joined.setdefault(leaf, []):
            if _meaning(protocols[number], leaf) == _meaning(protocols[numbers[0]], leaf):
                numbers.append(number)
                break
        else:
            joined[leaf].append([number])
    nothing: dict[str, object] = {"facts": {}, "records": {}}
    for leaf, apart in joined.items():
        for numbers in apart:
            mine = tuple((number, leaf) for number in numbers)
            found = truths_of(protocols, nothing, mine, as_of)
            cells = [
                Cell((truth,) * len(mine), nothing if found and {*found[0]} == {truth} else None,
                     {}, {})
                for truth in NUMBER.values()
            ]  # fmt: skip
            facts = tuple(fact.name for fact in _behind(protocols[numbers[0]], leaf))
            yield Variable(facts, mine, tuple(cells), ALL, timeless=True, free=True)


def _meaning(protocol: m.Protocol, leaf: m.Test) -> tuple[object, ...]:
    """What a test comes down to: its facts and their lists, without what only people read."""
    facts = [replace(one, ask="", effort=None, found_in="") for one in _behind(protocol, leaf)]
    lists = {records for fact in facts for records in [getattr(fact.derive, "records", "")]}
    return (*facts, *(protocol.records.get(name) for name in sorted(lists)))
