"""Read what is said with two keys: so many of several, what some require, a date and another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any as Anything

from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import AgoOp, AnchorOp, AnchorTest, Any, AtLeast, Condition, Fact, Not, Side, Span
from engine.terms.faults import did_you_mean

ReadCondition = Callable[[Sheet, Path, Anything], Condition | None]

PAIRS = (("at_least", "of"), ("when", "require"))
"""Keys that make one condition together."""

MOST_PARTS = 1_000
"""The most conditions of which so many must hold."""

PLAIN: Mapping[AnchorOp, AgoOp] = {
    "at_least": "at_least_ago", "more_than": "more_than_ago",
    "within": "within_last", "less_than": "less_than_ago",
}  # fmt: skip
"""How each length from another date is asked of the as-of date."""

ANCHORED: tuple[AnchorOp, ...] = tuple(PLAIN)


def at_least(
    read: ReadCondition, sheet: Sheet, path: Path, value: Mapping[str, Anything]
) -> Condition | None:
    """`{at_least: 2, of: [...]}`: so many of several conditions."""
    if not _only(sheet, path, value, ("at_least", "of")):
        return None
    count = sheet.whole_of((*path, "at_least"), value["at_least"], MOST_PARTS)
    listed = sheet.list_of((*path, "of"), value["of"], "conditions")
    parsed = [read(sheet, (*path, "of", i), one) for i, one in enumerate(listed)]
    whole = tuple(one for one in parsed if one is not None)
    if count is None or len(whole) != len(parsed):
        return None
    for i, one in enumerate(whole):
        if one in whole[:i]:
            what = "this condition stands here twice, and would count as two"
            sheet.fault((*path, "of", i), "condition", what, "each counts once: remove one")
            return None
    if not 1 <= count <= len(whole):
        what = f"{count} of {len(whole)} conditions cannot be asked for"
        hint = f"a whole number from 1 to {len(whole)}" if whole else "list the conditions"
        sheet.fault((*path, "at_least"), "range", what, hint)
        return None
    return AtLeast(count, whole, sheet.document.span((*path, "at_least"), key=True))


def when(
    read: ReadCondition, sheet: Sheet, path: Path, value: Mapping[str, Anything]
) -> Condition | None:
    """`{when: ..., require: ...}`: a requirement that applies only where a condition holds."""
    if not _only(sheet, path, value, ("when", "require")):
        return None
    place = sheet.document.span((*path, "when"), key=True)
    applies = read(sheet, (*path, "when"), value["when"])
    required = read(sheet, (*path, "require"), value["require"])
    if applies is None or required is None:
        return None
    return Any((Not(applies, applies.place), required), place, when=True)


def _only(sheet: Sheet, path: Path, value: Mapping[str, Anything], known: tuple[str, str]) -> bool:
    others = [key for key in value if key not in known]
    for key in others:
        what = f"`{shorten(key)}` does not go with `{known[0]}` and `{known[1]}`"
        hint = "join several with `all:` or `any:`"
        sheet.fault((*path, key), "condition", what, hint, key=True)
    return not others


def anchored(
    facts: Mapping[str, Fact],
    names: frozenset[str],
    sheet: Sheet,
    path: Path,
    fact: Fact,
    value: Mapping[str, Anything],
    place: Span,
) -> Condition | None:
    """A test of one date against another: `{at_least: 28 days, before: day_1}`."""
    sides = [key for key in value if key in ("before", "after")]
    ops = [key for key in value if key not in sides]
    if len(sides) != 1 or len(ops) > 1:
        what = "a test against another date has one of `before` and `after`, and one length"
        hint = "as in `{at_least: 28 days, before: day_1}`, or `{after: day_1}`"
        sheet.fault(path, "condition", what, hint)
        return None
    side: Side = "before" if sides == ["before"] else "after"
    anchor = _anchor(facts, names, sheet, (*path, side), fact, value[side])
    op: AnchorOp = "plain"
    duration = None
    if ops:
        if ops[0] not in ANCHORED:
            hint = did_you_mean(ops[0], ANCHORED) or "one of " + ", ".join(
                f"`{one}`" for one in ANCHORED
            )
            if ops[0] in PLAIN.values():
                right = next(one for one, ago in PLAIN.items() if ago == ops[0])
                hint = f"with `{side}` write `{right}`"
            what = f"`{shorten(ops[0])}` is not counted from another date"
            sheet.fault((*path, ops[0]), "unknown-operator", what, hint, key=True)
            return None
        op = next(one for one in ANCHORED if one == ops[0])
        duration = sheet.duration_of((*path, op), value[op])
        if duration is None:
            return None
        if op == "less_than" and not (duration.days or duration.months):
            sheet.fault((*path, op), "duration", "no date is less than 0 days from another")
            return None
    return AnchorTest(fact.name, op, duration, side, anchor, place) if anchor else None


def _anchor(
    facts: Mapping[str, Fact],
    names: frozenset[str],
    sheet: Sheet,
    path: Path,
    fact: Fact,
    value: Anything,
) -> str | None:
    """The name of the date that another is held against."""
    name = sheet.text_of(path, value, "a fact's name")
    if name is None:
        return None
    if name not in names:
        what = f"there is no fact `{shorten(name)}`"
        sheet.fault(path, "unknown-fact", what, did_you_mean(name, names))
        return None
    other = facts.get(name)
    if other is not None and other.type != "date":
        what = f"`{name}` is a {other.type}: a date is held against a date"
        sheet.fault(path, "misfit", what)
        return None
    if name == fact.name:
        sheet.fault(path, "misfit", f"`{name}` is held against itself")
        return None
    return name if other is not None else None
