"""Read the derivations over several values: the highest, a mean, the last, how many differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any as Anything
from typing import cast, get_args

from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.read.where import read_where
from engine.terms import (
    Distinct,
    Fact,
    FactType,
    Field,
    OfSeveral,
    OfValues,
    RecordList,
    Stable,
    Way,
)
from engine.terms.dictionary import COMPLETED
from engine.terms.faults import did_you_mean

WAYS: tuple[str, ...] = get_args(Way)
BESIDE = (
    *("where", "on", "distinct", "by", "at_least_entries", "within_last", "within"),
    *("for", "from", "to"),
)
"""The keys that stand beside the one that says what is derived."""

GOES_WITH: Mapping[str, tuple[str, ...]] = {
    "where": ("latest", "earliest", "exists", "count", "stable", *WAYS),
    "on": tuple(COMPLETED.values()),
    **dict.fromkeys(("for", "from", "to"), ("stable",)),
    "distinct": ("count",),
    "by": ("last", "first"),
    "at_least_entries": WAYS,
    "within_last": WAYS,
    "within": ("formula",),
}
_MOST_ENTRIES = 1_000


def check_beside(sheet: Sheet, path: Path, way: str, top: Mapping[str, Anything]) -> None:
    """See that what stands beside a derivation goes with it."""
    for key in BESIDE:
        if key in top and way not in GOES_WITH[key]:
            sheet.fault((*path, key), "misfit", f"`{key}` does not go with `{way}`", key=True)


def read_distinct(
    sheet: Sheet, path: Path, record: RecordList, top: Mapping[str, Anything]
) -> Distinct | None:
    """`{count: LIST, distinct: FIELD}`."""
    at = (*path, "distinct")
    name = sheet.text_of(at, top["distinct"], "a field's name")
    field = name and field_of(sheet, at, record, name)
    if not field:
        return None
    if field.many:
        what = f"an entry has several codes of `{field.name}`"
        sheet.fault(at, "misfit", what, "count by a field of which an entry has one")
        return None
    where = read_where(sheet, (*path, "where"), record, top.get("where"))
    return Distinct(record.name, field.name, where)


def read_several(
    sheet: Sheet, path: Path, record: RecordList, name: str, way: str, top: Mapping[str, Anything]
) -> OfSeveral | None:
    """`{mean: LIST.FIELD}` and its like."""
    if "within_last" in top:
        dates = [one.name for one in record.fields.values() if one.type == "date"]
        hint = f"write `where: {{{dates[0] if dates else 'DATE'}: {{within_last: ...}}}}`"
        what = "`within_last` goes with a fact; of a list, `where` asks about days"
        sheet.fault((*path, "within_last"), "misfit", what, hint, key=True)
    field = field_of(sheet, (*path, way), record, name, "quantity")
    by = ""
    if "by" in top:
        said = sheet.text_of((*path, "by"), top["by"], "a field's name")
        dated = said and field_of(sheet, (*path, "by"), record, said, "date")
        by = dated.name if dated else ""
    elif way in GOES_WITH["by"]:
        dates = [one.name for one in record.fields.values() if one.type == "date"]
        hint = f"write `by: {dates[0] if len(dates) == 1 else 'DATE_FIELD'}`"
        sheet.fault(path, "derive", f"`{way}` does not say by which date", hint)
    where = read_where(sheet, (*path, "where"), record, top.get("where"))
    least = read_least(sheet, path, top)
    return OfSeveral(cast(Way, way), record.name, field.name, where, by, least) if field else None


def read_stable(
    sheet: Sheet, path: Path, record: RecordList, name: str, top: Mapping[str, Anything]
) -> Stable | None:
    """`{stable: LIST.FIELD, for: LENGTH, from: DATE_FIELD, to: DATE_FIELD}`."""
    field = field_of(sheet, (*path, "stable"), record, name)
    if field is not None and (field.type == "date" or field.many):
        what = f"`stable` takes a field of one value, and `{name}` is no such"
        sheet.fault((*path, "stable"), "misfit", what, "a dose, a name, a choice")
    ends = []
    for key in ("from", "to"):
        if key in top:
            said = sheet.text_of((*path, key), top[key], "a field's name")
            ends.append(field_of(sheet, (*path, key), record, said, "date") if said else None)
        else:
            what = f"`stable` does not say {key} which day an entry lasts"
            sheet.fault(path, "derive", what, f"write `{key}: DATE_FIELD`")
    lasting = sheet.given(path, top, "for", sheet.duration_of)
    if "for" not in top:
        sheet.fault(path, "derive", "`stable` does not say for how long", "write `for: 3 months`")
    elif lasting is not None and not (lasting.days or lasting.months):
        sheet.fault((*path, "for"), "duration", "`stable` for 0 days says nothing")
    where = read_where(sheet, (*path, "where"), record, top.get("where"))
    start, stop = ends if len(ends) == 2 else (None, None)
    if not (field and lasting and start and stop):
        return None
    return Stable(record.name, field.name, where, lasting, start.name, stop.name)


def read_least(sheet: Sheet, path: Path, top: Mapping[str, Anything]) -> int:
    """How many values must be recorded; 0 where nothing is said."""
    if "at_least_entries" not in top:
        return 0
    at = (*path, "at_least_entries")
    least = sheet.whole_of(at, top["at_least_entries"], _MOST_ENTRIES)
    if least == 0:
        sheet.fault(at, "number", "`at_least_entries` is above zero", "or leave it out")
    return least or 0


def read_values(
    sheet: Sheet, path: Path, name: str, way: str, top: Mapping[str, Anything]
) -> OfValues:
    """`{mean: FACT}` and its like; `settle` sees to the fact."""
    for key in ("where", "by"):
        if key in top:
            what = f"`{key}` goes with a list; `{name}` is a fact"
            sheet.fault((*path, key), "misfit", what, key=True)
    within = sheet.given(path, top, "within_last", sheet.duration_of)
    return OfValues(cast(Way, way), name, within, read_least(sheet, path, top))


def settle(sheet: Sheet, facts: dict[str, Fact]) -> None:
    """Give facts over the values of another its unit; see that it is a recorded quantity."""
    for name, fact in facts.items():
        source = facts.get(fact.derive.fact) if isinstance(fact.derive, OfValues) else None
        if source is None or not isinstance(fact.derive, OfValues):
            continue
        path = ("facts", name, "derive", fact.derive.way)
        if source.type != "quantity" or source.derive is not None:
            what = f"`{source.name}` is no recorded quantity"
            sheet.fault(path, "misfit", what, "a number that is stated, with its day")
            continue
        if fact.unit not in ("", source.unit):
            what = f"this derivation gives a number of `{source.unit}`"
            sheet.fault(("facts", name, "unit"), "unit", what, f"write `unit: {source.unit}`")
        facts[name] = replace(fact, unit=source.unit, molar_mass=source.molar_mass)


def field_of(
    sheet: Sheet, path: Path, record: RecordList, name: str, kind: FactType | None = None
) -> Field | None:
    """A field of a list, of a type if that matters; None after a fault."""
    field = record.fields.get(name)
    if field is None:
        what = f"`{record.name}` has no field `{shorten(name)}`"
        sheet.fault(path, "unknown-field", what, did_you_mean(name, record.fields))
        return None
    if kind is not None and field.type != kind:
        fits = [one.name for one in record.fields.values() if one.type == kind]
        what = f"the field `{name}` of `{record.name}` is not a {kind}"
        sheet.fault(path, "misfit", what, did_you_mean(name, fits))
        return None
    return field
