"""What two versions of a pack differ in beside their conditions: a line a difference.

The protocol's identity, its definitions, the dictionary, and outcome rules in what is no
condition on an entry; `path: old -> new`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, assert_never

from engine import terms as m
from engine.record.wording import decimal_text, group_word, leaf_text, list_words
from engine.terms.condition import defined_in, parts_of
from engine.terms.dictionary import COMPLETED
from engine.workbench.alike import mistakable


def outcome_lines(old: m.Protocol, new: m.Protocol) -> Iterator[str]:
    """Outcome rules that differ in what is not a condition on an entry."""
    if (old.outcomes is None) != (new.outcomes is None):
        yield "outcome rules: " + ("added" if old.outcomes is None else "removed")
        return
    if old.outcomes is None or new.outcomes is None:
        return
    for records in new.outcomes.scopes:
        if records in old.outcomes.scopes:
            names = mistakable(old, new, records)
            if names:
                yield (
                    f"{records}: {', '.join(names)} is a field in one version and a fact in the"
                    " other, so the classes are not compared"
                )
    for name in ("start", "died", "response", "events", "endpoints", "toxicities", "in_order"):
        before, after = getattr(old.outcomes, name), getattr(new.outcomes, name)
        yield from _differences(name.replace("_", " "), before, after, (old, new))
    yield from _differences(
        "scales", _without_rules(old.outcomes), _without_rules(new.outcomes), (old, new)
    )


def _without_rules(outcomes: m.Outcomes) -> Mapping[str, Mapping[str, object]]:
    """What a scale says beside its classes' rules and words, which are compared one by one."""

    def one(scale: m.Scale) -> Mapping[str, object]:
        return {
            "ask": scale.ask,
            "over": f"{scale.records}.{scale.dated}",
            "order": "stated" if scale.stated else "none stated",
            "classes": tuple(c.id for c in scale.classes),
            # A class without a text goes by its label, which is its wording then.
            "labels": {c.id: c.words.label for c in scale.classes if c.words.text},
        }

    return {name: one(scale) for name, scale in outcomes.scales.items()}


def identity_lines(old: m.Protocol, new: m.Protocol) -> Iterator[str]:
    """What a protocol is called, where it comes from and since when it is in effect."""
    for name in ("id", "version", "title", "effective"):
        yield from _differences(name, getattr(old, name), getattr(new, name), (old, new))
    for key in dict.fromkeys([*old.source, *new.source]):
        before, after = old.source.get(key, ""), new.source.get(key, "")
        yield from _differences(f"source: {key}", before, after, (old, new))


def definition_lines(old: m.Protocol, new: m.Protocol) -> Iterator[str]:
    yield from _differences("definitions", old.definitions, new.definitions, (old, new))


def used_line(id_: str, old: m.Condition, new: m.Condition) -> Iterator[str]:
    """Where one rule is written with other definitions."""
    before, after = (tuple(dict.fromkeys(defined_in(one))) for one in (old, new))
    if before != after:
        yield f"{id_}: definitions: {_brief(before)} -> {_brief(after)}"


def dictionary_lines(old: m.Protocol, new: m.Protocol) -> Iterator[str]:
    for name in dict.fromkeys([*old.facts, *new.facts]):
        one, other = old.facts.get(name), new.facts.get(name)
        yield from _differences(name, one, other, (old, new))
    for name in dict.fromkeys([*old.records, *new.records]):
        before, after = old.records.get(name), new.records.get(name)
        yield from _differences(f"the list {name}", before, after, (old, new))


def _differences(
    where: str, old: Any, new: Any, packs: tuple[m.Protocol, m.Protocol], key: str = ""
) -> Iterator[str]:
    """What differs between two values of a pack, a line each: `where: old -> new`.

    `key` is the field that they stand in: one that ends in `_u` holds millionths.
    """
    if old == new:
        return
    before, after = _named(old), _named(new)
    if _nested(old) and _nested(new) and type(old) is type(new):
        for field in fields(old):
            if field.compare and field.name != "name":
                inner = "" if field.name == "words" else f": {field.name.removesuffix('_u')}"
                one, other = getattr(old, field.name), getattr(new, field.name)
                yield from _differences(where + inner, one, other, packs, field.name)
    elif before is not None and after is not None:
        for name in dict.fromkeys([*before, *after]):
            if name in before and name in after:
                yield from _differences(f"{where}: {name}", before[name], after[name], packs)
            else:
                yield f"{where}: {name}: {'removed' if name in before else 'added'}"
        kept = [[n for n in one if n in before and n in after] for one in (before, after)]
        if kept[0] != kept[1] and not isinstance(old, Mapping):
            yield f"{where}: in order: {' '.join(kept[0])} -> {' '.join(kept[1])}"
    elif old is None and _entire(new):
        yield f"{where}: added"
    elif new is None and _entire(old):
        yield f"{where}: removed"
    elif key == "" and _chains(old) and _chains(new):
        for sign, some, others in (("removed", old, new), ("added", new, old)):
            yield from (f"{where}: {_brief(c)}: {sign}" for c in some if c not in others)
        if set(old) == set(new):
            yield f"{where}: the same chains in another order"
    else:
        said = [_brief(value, key, pack) for value, pack in zip((old, new), packs, strict=True)]
        yield f"{where}: {said[0]} -> {said[1]}"


def _nested(value: object) -> bool:
    """Whether a value is gone into, rather than shown whole."""
    return is_dataclass(value) and not isinstance(value, m.Duration | m.Derivation | m.Condition)


def _entire(value: object) -> bool:
    """Whether a value is one that is added or removed as a whole."""
    return isinstance(value, m.Fact | m.RecordList | m.Field)


def _chains(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, tuple) for one in value)


def _named(value: object) -> Mapping[str, Any] | None:
    """Several things by name; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple) and value and all(is_dataclass(one) for one in value):
        if all(isinstance(one, m.Choice) for one in value):
            return {one.code: one for one in value}
        if all(hasattr(one, "id") for one in value):
            return {one.id: one for one in value}
    return None


def _brief(value: Any, key: str = "", pack: m.Protocol | None = None) -> str:
    """A value of a pack in few words."""
    if value is None or value == "" or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return decimal_text(value) if key.endswith("_u") else str(value)
    if isinstance(value, m.Duration):
        return value.text or f"{value.months or value.days} {'months' if value.months else 'days'}"
    if isinstance(value, m.CompletedYears):
        return f"completed_years_since {value.since}"
    if isinstance(value, m.Completed):
        until = f" on {value.on}" if value.on else ""
        return f"{COMPLETED[value.unit]} {value.since}{until}"
    if isinstance(value, m.DaysBetween):
        return f"days_between {value.start} and {value.end}"
    if isinstance(value, m.OfValues):
        within = f" within the last {_brief(value.within)}" if value.within else ""
        least = f" of at least {value.least}" if value.least else ""
        return f"{value.way} {value.fact}{least}{within}"
    if isinstance(value, m.FromList):
        return list_words(value, pack.records[value.records].fields if pack is not None else {})
    if isinstance(value, tuple):
        words = [_brief(one, key) for one in value]
        return " to ".join(words) if key == "range_u" else ", ".join(words)
    if isinstance(value, m.Condition) and pack is not None:
        return _in_one_line(pack, value)
    if is_dataclass(value):
        named = (getattr(value, key, "") for key in ("code", "id", "name"))
        return next((str(one) for one in named if one), "there")
    return str(value)


def _in_one_line(protocol: m.Protocol, condition: m.Condition) -> str:
    if isinstance(condition, m.Defined):
        return condition.name
    if isinstance(condition, m.Group | m.Not):
        word = group_word(condition)
        return f"{word} ({'; '.join(_in_one_line(protocol, c) for c in parts_of(condition))})"
    if isinstance(condition, m.Leaf):
        scopes = protocol.outcomes.scopes.values() if protocol.outcomes is not None else ()
        known = (protocol.facts, *(scope.facts for scope in scopes))
        return leaf_text(condition, {name: fact for one in known for name, fact in one.items()})
    assert_never(condition)
