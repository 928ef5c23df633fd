"""Mutants: a pack with one mistake that an author could make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.asked import leaves_of, pack_leaves
from engine.terms.dictionary import derived_from
from engine.terms.protocol import condition_paths
from engine.workbench.edits import replaced, users
from engine.workbench.slips import Kind, slips


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
    before: list[Mapping[str, object]] = [
        protocol.definitions, {c.id: c for c in protocol.criteria}, protocol.facts,
    ]  # fmt: skip
    after: list[Mapping[str, object]] = [
        edited.definitions, {c.id: c for c in edited.criteria}, edited.facts,
    ]  # fmt: skip
    changed = [
        (part, name, getattr(now.get(name), "derive", now.get(name)))
        for part, (old, now) in enumerate(zip(before, after, strict=True))
        for name, one in old.items()
        if now.get(name) is not one and now.get(name) != one
    ]
    return (*changed, lenient)


def _all(protocol: m.Protocol) -> Iterator[Mutant]:
    tests = (leaf for leaf in pack_leaves(protocol) if not isinstance(leaf, m.Todo))
    asked = frozenset(leaf.fact for leaf in tests)
    for path, condition in condition_paths(protocol).items():
        using = users(protocol, path)
        if not using or not _asks(condition, protocol):
            continue
        for kind, words, other in _edited(protocol, condition, asked):
            place = condition.place
            yield Mutant(kind, f"{path}: {words}", place, replaced(protocol, path, other), using)
        if isinstance(condition, m.All | m.Any) and len(condition.children) > 1:
            for i, child in enumerate(condition.children, start=1):
                if not _asks(child, protocol):
                    continue
                words = f"{path}: without `{_words(child, protocol)}`"
                other_pack = replaced(protocol, f"{path}.{i}", None)
                yield Mutant("dropped-condition", words, child.place, other_pack, using)
    for number, criterion in enumerate(protocol.criteria):
        if not _asks(criterion.holds_when, protocol):
            continue
        rest = (*protocol.criteria[:number], *protocol.criteria[number + 1 :])
        mine = frozenset([criterion.id])
        if rest:
            without = replace(protocol, criteria=rest)
            words = f"without {criterion.id}"
            yield Mutant("dropped-criterion", words, criterion.place, without, mine)
        words = f"{criterion.id}: unknown taken as met"
        yield Mutant("unknown-as-met", words, criterion.place, protocol, mine, criterion.id)
        other_kind: m.Kind = "exclusion" if criterion.kind == "inclusion" else "inclusion"
        changed = replace(criterion, kind=other_kind)
        swapped = (*protocol.criteria[:number], changed, *protocol.criteria[number + 1 :])
        words = f"{criterion.id}: taken as {other_kind}"
        yield Mutant("kind", words, criterion.place, replace(protocol, criteria=swapped), mine)
    yield from _dictionary(protocol)


def _asks(condition: m.Condition, protocol: m.Protocol) -> bool:
    """Whether a condition tests anything, and is not still `todo` throughout."""
    leaves = leaves_of(condition, protocol.definitions)
    return any(not isinstance(leaf, m.Todo) for leaf in leaves)


def _words(condition: m.Condition, protocol: m.Protocol) -> str:
    if isinstance(condition, m.Defined):
        return f"defined {condition.name}"
    if isinstance(condition, m.All | m.Any | m.Not):
        return {m.All: "all", m.Any: "any", m.Not: "not"}[type(condition)] + " ..."
    return leaf_text(condition, protocol.facts)


def _edited(
    protocol: m.Protocol, condition: m.Condition, asked: frozenset[str]
) -> Iterator[tuple[Kind, str, m.Condition]]:
    """One condition with one mistake in it. `asked`: the facts that the pack tests."""
    if isinstance(condition, m.All | m.Any):
        if len(condition.children) > 1:
            other: m.Condition
            if isinstance(condition, m.All):
                other = m.Any(condition.children, condition.place)
            else:
                other = m.All(condition.children, condition.place)
            words = "`all` read as `any`" if isinstance(condition, m.All) else "`any` read as `all`"
            yield "group", words, other
        return
    if isinstance(condition, m.Not):
        yield "negation", "without its `not`", condition.child
        return
    if isinstance(condition, m.Defined | m.Todo):
        return
    fact = protocol.facts[condition.fact]
    for kind, leaf in slips(protocol, condition, fact, asked):
        before, after = leaf_text(condition, protocol.facts), _text(leaf, protocol)
        yield kind, f"`{before}` read as `{after}`", leaf


def _text(condition: m.Condition, protocol: m.Protocol) -> str:
    if isinstance(condition, m.Not):
        return f"not {_text(condition.child, protocol)}"
    if isinstance(condition, m.All):
        return " and ".join(_text(child, protocol) for child in condition.children)
    return _words(condition, protocol)


def _dictionary(protocol: m.Protocol) -> Iterator[Mutant]:
    """Mistakes in how a fact is derived: the wrong date, the wrong field of a list."""
    for name, fact in protocol.facts.items():
        derive = fact.derive
        if derive is None:
            continue
        using = _readers(protocol, name)
        if not using:
            continue
        others: list[tuple[Kind, str, m.Derivation]] = []
        if isinstance(derive, m.CompletedYears):
            for other in protocol.facts.values():
                if other.type == "date" and other.name != derive.since:
                    words = f"years since `{other.name}`, not `{derive.since}`"
                    others.append(("reference-date", words, m.CompletedYears(other.name)))
                    break
        elif isinstance(derive, m.DaysBetween):
            swapped = m.DaysBetween(derive.end, derive.start)
            others.append(("reference-date", "from and to swapped", swapped))
        elif isinstance(derive, m.ListDerivation):
            record = protocol.records[derive.records]
            if isinstance(derive, m.LatestOf | m.EarliestOf):
                opposite = m.EarliestOf if isinstance(derive, m.LatestOf) else m.LatestOf
                words = (
                    "the first taken for the last"
                    if opposite is m.EarliestOf
                    else "the last taken for the first"
                )
                again = opposite(derive.records, derive.field, derive.where)
                others.append(("reference-date", words, again))
                for field in record.fields.values():
                    if field.type == "date" and field.name != derive.field:
                        words = f"field `{field.name}`, not `{derive.field}`"
                        others.append(("record-field", words, replace(derive, field=field.name)))
            for i, where in enumerate(derive.where):
                rest = (*derive.where[:i], *derive.where[i + 1 :])
                words = f"entries of any `{where.field}`"
                others.append(("record-field", words, replace(derive, where=rest)))
                for value in where.values if len(where.values) > 1 else ():
                    fewer = replace(where, values=tuple(v for v in where.values if v != value))
                    changed = (*derive.where[:i], fewer, *derive.where[i + 1 :])
                    words = f"without `{where.field}: {value}`"
                    others.append(("record-field", words, replace(derive, where=changed)))
        else:
            assert_never(derive)
        for kind, words, other_way in others:
            facts = {**protocol.facts, name: replace(fact, derive=other_way)}
            if not _circular(facts, name):
                pack = replace(protocol, facts=facts)
                yield Mutant(kind, f"{name}: {words}", fact.place, pack, using)


def _circular(facts: Mapping[str, m.Fact], name: str) -> bool:
    seen, todo = set[str](), [name]
    while todo:
        after = derived_from(facts[todo.pop()])
        if name in after:
            return True
        todo += [one for one in after if one not in seen]
        seen |= set(after)
    return False


def _readers(protocol: m.Protocol, name: str) -> frozenset[str]:
    """The criteria that ask about a fact, or about one derived from it."""
    asked = {name}
    for _ in protocol.facts:
        asked |= {n for n, fact in protocol.facts.items() if asked & {*derived_from(fact)}}
    return frozenset(
        user
        for path, leaf in condition_paths(protocol).items()
        if getattr(leaf, "fact", None) in asked
        for user in users(protocol, path)
    )
