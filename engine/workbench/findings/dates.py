"""Findings about dates that may be `never`, and fields of lists that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass

from engine import terms as m
from engine.regions.asked import leaves_of
from engine.workbench.findings import Finding

_GOING_ON = re.compile(
    r"\b(?:taking|receiving|maintained on|treated (?:with|for)|(?:been )?on (?:a |an |the )?"
    r"(?:stable|treatment|therapy|maintenance)|for (?:at least|more than|≥|>=|>))",
    re.IGNORECASE,
)
_WASHED_OUT = re.compile(
    r"\b(?:since|after|before|elapsed|passed|prior|wash-?out|without|free|off|discontinu\w*"
    r"|stopped|no)\b",
    re.IGNORECASE,
)


def dates(protocol: m.Protocol) -> Iterator[Finding]:
    """What `never` comes to where an author may not have thought of it."""
    for one in protocol.criteria:
        tests = [
            leaf
            for leaf in leaves_of(one.holds_when, protocol.definitions)
            if not isinstance(leaf, m.Todo)
        ]
        guarded = {leaf.fact for leaf in tests if isinstance(leaf, m.EverTest)}
        lasting = _GOING_ON.search(one.text) and not _WASHED_OUT.search(one.text)
        said: set[str] = set()
        for leaf in tests:
            fact = protocol.facts[leaf.fact]
            if fact.name in said:
                continue
            said.add(fact.name)
            passed = isinstance(leaf, m.AgoTest) and leaf.op in ("at_least_ago", "more_than_ago")
            if passed and lasting and one.kind == "inclusion" and fact.name not in guarded:
                what = f"{one.id}: `{fact.name}` may be `never`, which passes this test, and the "
                what += "words speak of a treatment that is going on"
                hint = f"use `lasting`, or ask as well for `{fact.name}: {{ever: true}}`"
                yield Finding("never-lasts", leaf.place, what, hint, "read", (one.id,))
            if isinstance(fact.derive, m.DaysBetween):
                ends = (fact.derive.start, fact.derive.end)
                for name in ends:
                    if _of_list(protocol, name) and name not in guarded:
                        what = f"{one.id}: `{fact.name}` is unknown for everybody for whom "
                        what += f"`{name}` is `never`"
                        hint = "test the date itself, with `before:` or `after:`"
                        yield Finding("gap-of-never", leaf.place, what, hint, "read", (one.id,))


def _of_list(protocol: m.Protocol, name: str) -> bool:
    return isinstance(protocol.facts[name].derive, m.LatestOf | m.EarliestOf)


def unread_fields(
    protocol: m.Protocol, asked: Collection[str], graded: Collection[str]
) -> Iterator[Finding]:
    """A field of a list that no fact in use, and no outcome rule, reads.

    `asked`: the facts in use; `graded`: the names that outcome rules speak of. A text is there
    for people, who know an entry by it.
    """
    for records in protocol.records.values():
        own = [protocol.facts[name].derive for name in asked]
        mine = [one for one in own if getattr(one, "records", "") == records.name]
        read = {records.known_by, *(name for one in mine for name in _names(one))}
        for field in records.fields.values():
            spoken = {field.name, f"{records.name}.{field.name}"} & {*graded}
            if mine and field.type != "text" and field.name not in read and not spoken:
                what = f"no fact that a criterion asks about reads `{records.name}.{field.name}`"
                hint = "read it in a `where`, or remove it"
                yield Finding("unused-field", field.place, what, hint)


def _names(part: object) -> Iterator[str]:
    """Every name in a derivation."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping | tuple):
        for one in part:
            yield from _names(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _names(getattr(part, field.name))
