"""Read `washed_out`: the lengths of time that must be over after every entry of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.read import files
from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.read.where import read_where
from engine.terms import MILLION, Duration, FieldTimes, RecordList, WashedOut
from engine.terms.faults import did_you_mean
from engine.terms.units import UnitError, conversion, months_each

_EXAMPLE = "as in `for: [28 days, {field: half_life, times: 5}]`"


def read_washout(
    sheet: Sheet,
    path: Path,
    value: Any,
    records: Mapping[str, RecordList],
    fact_name: Callable[[Sheet, Path, Any], str | None],
) -> WashedOut | None:
    """The derivation in a mapping; None after a fault."""
    top = sheet.mapping_of(path, value, files.WashedOutFile)
    if top is None:
        return None
    said = sheet.given(path, top, "list", sheet.text_of, "a record list's name") or ""
    name, _, field = said.partition(".")
    record = records.get(name)
    if record is None:
        if said:
            what = f"there is no record list `{shorten(name)}`"
            sheet.fault((*path, "list"), "unknown-record", what, did_you_mean(name, records))
        return None
    dates = [one.name for one in record.fields.values() if one.type == "date"]
    field = field or (dates[0] if len(dates) == 1 else "")
    if field not in dates:
        what = f"`{shorten(said)}` does not say which date is the end"
        options = " or ".join(f"`{name}.{one}`" for one in dates)
        sheet.fault((*path, "list"), "derive", what, f"write {options}" if options else "")
        return None
    parts = top.get("for", [])
    many = isinstance(parts, list)
    lengths = [
        _length(sheet, (*path, "for", i) if many else (*path, "for"), record, part)
        for i, part in enumerate(parts if many else [parts])
    ]
    which = sheet.given(path, top, "whichever", sheet.option_of, ("longer", "shorter"))
    if "for" in top and not lengths:
        sheet.fault((*path, "for"), "empty", "no length of time stands here", _EXAMPLE)
    if (len(lengths) > 1) != ("whichever" in top):
        what = "of several lengths, `whichever` says which counts; of one, nothing"
        sheet.fault(path, "derive", what, "`whichever: longer`, or `shorter`")
    before = fact_name(sheet, (*path, "before"), top["before"]) if "before" in top else ""
    asked = read_where(sheet, (*path, "where"), record, top.get("where"))
    whole = tuple(one for one in lengths if one is not None)
    if not whole or len(whole) < len(lengths) or before is None:
        return None
    return WashedOut(name, field, asked, whole, which != "shorter", before)


def _length(
    sheet: Sheet, path: Path, record: RecordList, value: Any
) -> Duration | FieldTimes | None:
    if not isinstance(value, dict):
        return sheet.duration_of(path, value)
    top = sheet.mapping_of(path, value, files.FieldTimesFile)
    name = sheet.given(path, top or {}, "field", sheet.text_of, "a field's name")
    if top is None or name is None:
        return None
    field = record.fields.get(name)
    at = (*path, "field")
    if field is None:
        what = f"`{record.name}` has no field `{shorten(name)}`"
        sheet.fault(at, "unknown-field", what, did_you_mean(name, record.fields))
        return None
    said = sheet.given(path, top, "times", sheet.amount_of)
    times = MILLION if said is None else said
    if times <= 0:
        sheet.fault((*path, "times"), "number", "how many times the field: above zero")
        return None
    try:
        fits = field.type == "quantity" and not months_each(field.unit, "d")
        conversion(field.unit if fits else "", "d", None)
    except UnitError:
        what = f"the field `{name}` is no length of time in days, weeks or hours"
        sheet.fault(at, "misfit", what, "give it `type: quantity` and `unit: d`, `wk` or `h`")
        return None
    return FieldTimes(name, times)
