"""Mutants: a pack with one mistake that an author could make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from engine import terms as m
from engine.regions.asked import leaves_of, pack_leaves
from engine.terms.condition import parts_of
from engine.terms.dictionary import derived_from
from engine.terms.protocol import condition_paths
from engine.workbench.edits import replaced, users
from engine.workbench.slips import Kind, slips
from engine.workbench.wording import brief


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


BY_VERDICT = frozenset[Kind](("dropped-criterion", "kind"))
"""Mistakes that only a verdict shows: the answer is gone, or stays what it was."""


def mutants(protocol: m.Protocol) -> list[Mutant]:
    """Every mutant of a pack, in its order; no two of them are the same pack."""
    found: dict[tuple[object, ...], Mutant] = {}
    for one in _all(protocol):
        found.setdefault(_meaning(protocol, one.protocol, one.lenient), one)
    found.pop(_meaning(protocol, protocol, ""), None)
    return list(found.values())


def _meaning(protocol: m.Protocol, edited: m.Protocol, lenient: str) -> tuple[object, ...]:
    """What makes two mutants one: the same is changed, and into the same."""
    changed = [
        (part, name, getattr(now.get(name), "derive", now.get(name)))
        for part, (old, now) in enumerate(zip(_parts(protocol), _parts(edited), strict=True))
        for name, one in old.items()
        if now.get(name) is not one and now.get(name) != one
    ]
    return (*changed, lenient)


def _parts(protocol: m.Protocol) -> tuple[Mapping[str, object], ...]:
    return protocol.definitions, {c.id: c for c in protocol.criteria}, protocol.facts


def _all(protocol: m.Protocol) -> Iterator[Mutant]:
    tests = (leaf for leaf in pack_leaves(protocol) if not isinstance(leaf, m.Todo))
    asked = frozenset(name for leaf in tests for name in m.facts_of(leaf))
    for path, condition in condition_paths(protocol).items():
        using = users(protocol, path)
        if using and _asks(condition, protocol):
            for kind, words, other in slips(protocol, condition, asked):
                pack = replaced(protocol, path, other)
                yield Mutant(kind, f"{path}: {words}", condition.place, pack, using)
            yield from _without_part(protocol, path, condition, using)
    for number, criterion in enumerate(protocol.criteria):
        if _asks(criterion.holds_when, protocol):
            yield from _of_criterion(protocol, number, criterion)
    for fact in protocol.facts.values():
        using = _readers(protocol, fact.name)
        for kind, words, way in _other_ways(protocol, fact.derive) if using else ():
            facts = {**protocol.facts, fact.name: replace(fact, derive=way)}
            if not _circular(facts, fact.name):
                pack = replace(protocol, facts=facts)
                yield Mutant(kind, f"{fact.name}: {words}", fact.place, pack, using)


def _without_part(
    protocol: m.Protocol, path: str, condition: m.Condition, using: frozenset[str]
) -> Iterator[Mutant]:
    parts = parts_of(condition)
    if isinstance(condition, m.AtLeast) and condition.count == len(parts):
        return  # of fewer so many could not hold
    for i, child in enumerate(parts if len(parts) > 1 else (), start=1):
        if _asks(child, protocol):
            words = f"{path}: without `{brief(child, protocol)}`"
            pack = replaced(protocol, f"{path}.{i}", None)
            yield Mutant("dropped-condition", words, child.place, pack, using)


def _of_criterion(protocol: m.Protocol, number: int, criterion: m.Criterion) -> Iterator[Mutant]:
    id_, place, mine = criterion.id, criterion.place, frozenset([criterion.id])
    before, after = protocol.criteria[:number], protocol.criteria[number + 1 :]
    if before or after:
        less = replace(protocol, criteria=(*before, *after))
        yield Mutant("dropped-criterion", f"without {id_}", place, less, mine)
    yield Mutant("unknown-as-met", f"{id_}: unknown taken as met", place, protocol, mine, id_)
    kind: m.Kind = "exclusion" if criterion.kind == "inclusion" else "inclusion"
    swapped = replace(protocol, criteria=(*before, replace(criterion, kind=kind), *after))
    yield Mutant("kind", f"{id_}: taken as {kind}", place, swapped, mine)


def _asks(condition: m.Condition, protocol: m.Protocol) -> bool:
    """Whether a condition tests anything, and is not still `todo` throughout."""
    leaves = leaves_of(condition, protocol.definitions)
    return any(not isinstance(leaf, m.Todo) for leaf in leaves)


def _other_ways(
    protocol: m.Protocol, derive: m.Derivation | None
) -> Iterator[tuple[Kind, str, m.Derivation]]:
    """Mistakes in how a fact is derived: the wrong date, the wrong field of a list."""
    if derive is None:
        return
    if isinstance(derive, m.CompletedYears):
        dates = [fact.name for fact in protocol.facts.values() if fact.type == "date"]
        for other in [name for name in dates if name != derive.since][:1]:
            words = f"years since `{other}`, not `{derive.since}`"
            yield "reference-date", words, m.CompletedYears(other)
    elif isinstance(derive, m.Completed):
        units: tuple[Literal["a", "mo", "wk"], ...] = ("a", "mo", "wk")
        for unit in units:
            if unit != derive.unit:
                words = f"counted in `{unit}`, not `{derive.unit}`"
                yield "unit", words, replace(derive, unit=unit)
        if derive.on:
            yield "reference-date", "to the day of screening", replace(derive, on="")
            swapped = replace(derive, since=derive.on, on=derive.since)
            yield "reference-date", "the two dates swapped", swapped
    elif isinstance(derive, m.DaysBetween):
        yield "reference-date", "from and to swapped", m.DaysBetween(derive.end, derive.start)
    elif isinstance(derive, m.ListDerivation):
        yield from _of_list(protocol.records[derive.records], derive)
    elif not isinstance(
        derive,
        m.ByTable | m.WashedOut | m.Distinct | m.Formula | m.OfSeveral | m.OfValues | m.Stable,
    ):
        assert_never(derive)


def _of_list(
    record: m.RecordList, derive: m.ListDerivation
) -> Iterator[tuple[Kind, str, m.Derivation]]:
    if isinstance(derive, m.LatestOf | m.EarliestOf):
        last = isinstance(derive, m.LatestOf)
        words = "the first taken for the last" if last else "the last taken for the first"
        turned = m.EarliestOf if last else m.LatestOf
        yield "reference-date", words, turned(derive.records, derive.field, derive.where)
        for field in record.fields.values():
            if field.type == "date" and field.name != derive.field:
                words = f"field `{field.name}`, not `{derive.field}`"
                yield "record-field", words, replace(derive, field=field.name)
    for i, where in enumerate(derive.where):
        if not isinstance(where, m.Where):
            continue
        before, after = derive.where[:i], derive.where[i + 1 :]
        words = f"entries of any `{where.field}`"
        yield "record-field", words, replace(derive, where=(*before, *after))
        for value in where.values if len(where.values) > 1 else ():
            fewer = replace(where, values=tuple(v for v in where.values if v != value))
            words = f"without `{where.field}: {value}`"
            yield "record-field", words, replace(derive, where=(*before, fewer, *after))


def _circular(facts: Mapping[str, m.Fact], name: str) -> bool:
    seen, todo = set[str](), [name]
    while todo:
        after = set(derived_from(facts[todo.pop()])) - seen
        seen |= after
        todo += after
    return name in seen


def _readers(protocol: m.Protocol, name: str) -> frozenset[str]:
    """The criteria that ask about a fact, or about one derived from it."""
    facts, asked = protocol.facts, {name}
    for _ in facts:
        asked |= {one for one in facts if asked.intersection(derived_from(facts[one]))}
    return frozenset(
        user
        for path, leaf in condition_paths(protocol).items()
        if isinstance(leaf, m.Leaf) and asked.intersection(m.facts_of(leaf))
        for user in users(protocol, path)
    )
