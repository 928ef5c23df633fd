"""Whether two versions of a pack read alike, and accept the same files, by inspection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine import terms as m
from engine.regions.asked import leaves_of
from engine.terms.condition import inlined
from engine.terms.dictionary import derived_from
from engine.terms.protocol import is_birth_date


def same_to_read(old: m.Protocol, before: m.Condition, new: m.Protocol, after: m.Condition) -> bool:
    """Whether two conditions are one, over dictionary entries that are one.

    Definitions are written out. Then nothing that a truth depends on differs, whatever is
    recorded, and there is nothing to work out.
    """
    written = inlined(before, old.definitions)
    if written != inlined(after, new.definitions):
        return False
    names = (name for leaf in leaves_of(written, {}) for name in m.facts_of(leaf))
    return read_alike(old, new, names)


def read_alike(old: m.Protocol, new: m.Protocol, names: Iterable[str]) -> bool:
    """Whether facts that both versions have are read the same, with what they rest on."""
    todo, seen = list(names), set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        one, other = old.facts[name], new.facts[name]
        if _read_by(one) != _read_by(other):
            return False
        todo += derived_from(one)
        derive = one.derive
        if isinstance(derive, m.FromList):
            lists = (old.records[derive.records], new.records[derive.records])
            used = m.fields_read(derive)
            if lists[0].valid_for != lists[1].valid_for:
                return False
            if any(_read_by(lists[0].fields[f]) != _read_by(lists[1].fields[f]) for f in used):
                return False
    return True


def _read_by(one: m.Fact | m.Field) -> m.Fact | m.Field:
    """An entry of the dictionary without what only people read: questions, labels, effort."""
    choices = tuple(m.Choice(choice.code, "") for choice in one.choices)
    if isinstance(one, m.Fact):
        return replace(one, ask="", found_in="", effort=None, choices=choices)
    return replace(one, ask="", choices=choices)


def accepts_alike(old: m.Protocol, new: m.Protocol) -> bool:
    """Whether the dictionaries differ in nothing by which one version may reject a subject
    file that the other accepts. It may err on the side of no."""
    if _accepted(old) != _accepted(new):
        return False
    ranged = [
        {fact.name for fact in one.facts.values() if fact.derive and fact.range_u}
        for one in (old, new)
    ]
    # An amount that is worked out is held against its range as it is read.
    return ranged[0] == ranged[1] and read_alike(old, new, ranged[0])


def _accepted(protocol: m.Protocol) -> object:
    """What a subject file may state: by fact, and by field of each list."""

    def values(one: m.Fact | m.Field) -> object:
        codes = frozenset(choice.code for choice in one.choices)
        return one.type, codes, one.unit, one.molar_mass, one.also_in, one.range_u

    facts = {
        fact.name: (values(fact), is_birth_date(protocol, fact))
        for fact in protocol.facts.values()
        if fact.derive is None
    }
    lists = {
        listed.name: {f.name: (values(f), f.many) for f in listed.fields.values()}
        for listed in protocol.records.values()
    }
    return facts, lists


def mistakable(old: m.Protocol, new: m.Protocol, records: str) -> list[str]:
    """Names that are a field of a list in one version and a fact in the other."""
    if old.outcomes is None or new.outcomes is None:
        return []
    one, other = old.outcomes.scopes[records], new.outcomes.scopes[records]
    return [n for n in one.facts if n in other.facts and (n in one.fields) != (n in other.fields)]
