"""Read a limit that is another fact, or stands in a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.read import files
from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import MILLION, ByTable, Fact, FactLimitTest, QuantityOp, Span
from engine.terms.faults import did_you_mean
from engine.terms.units import UnitError, conversion, months_each

KEYS = frozenset({"fact", "table"})
"""One of these says that a limit is no number."""


def fact_limit(
    sheet: Sheet,
    path: Path,
    fact: Fact,
    op: QuantityOp,
    value: Mapping[str, Any],
    place: Span,
    facts: Mapping[str, Fact],
    names: frozenset[str],
) -> FactLimitTest | None:
    """The test of a quantity against what a mapping names; None after a fault."""
    if "table" in value:
        top = sheet.mapping_of(path, value, files.TableLimitFile)
        named = sheet.given(path, top or {}, "table", sheet.text_of, "a table's name")
        key, times = "table", MILLION
    else:
        top = sheet.mapping_of(path, value, files.FactLimitFile)
        named = sheet.given(path, top or {}, "fact", sheet.text_of, "a fact's name")
        said = sheet.given(path, top or {}, "times", sheet.amount_of) if top else None
        key, times = "fact", MILLION if said is None else said
    if top is None or named is None:
        return None
    tables = {name for name, one in facts.items() if isinstance(one.derive, ByTable)}
    if named not in (tables if key == "table" else names):
        known = tables if key == "table" else names
        what = f"there is no {key} `{shorten(named)}`"
        sheet.fault((*path, key), "unknown-fact", what, did_you_mean(named, known))
        return None
    other = facts.get(named)
    if other is None:
        return None  # it has a fault of its own
    if key == "table":
        _check_by(sheet, path, top, other)
    if named == fact.name or other.type != "quantity":
        what = f"`{named}` is the fact itself" if named == fact.name else f"`{named}` is no number"
        sheet.fault((*path, key), "misfit", what)
        return None
    if times <= 0:
        sheet.fault((*path, "times"), "number", "how many times the other fact: above zero")
        return None
    if times != MILLION and fact.unit in ("Cel", "[degF]", "[degRe]"):
        what = f"`{fact.name}` is in `{fact.unit}`, a scale on which `times` means nothing"
        sheet.fault((*path, "times"), "misfit", what)
        return None
    if not _fits(sheet, (*path, key), fact, other):
        return None
    return FactLimitTest(fact.name, op, named, times, place)


def _check_by(sheet: Sheet, path: Path, top: Mapping[str, Any], table: Fact) -> None:
    """See that the test names the facts by which the table selects."""
    assert isinstance(table.derive, ByTable)
    said = top.get("by", [])
    listed = said if isinstance(said, list) else [said]
    by = [sheet.text_of((*path, "by"), one, "a fact's name") for one in listed]
    if sorted(filter(None, by)) != sorted(table.derive.by):
        what = f"the table `{table.name}` is by {', '.join(f'`{n}`' for n in table.derive.by)}"
        hint = f"write `by: [{', '.join(table.derive.by)}]`"
        sheet.fault((*path, "by") if "by" in top else path, "table", what, hint)


def _fits(sheet: Sheet, path: Path, fact: Fact, other: Fact) -> bool:
    """Whether a number of the other fact is one of the tested fact's, in another unit."""
    hint = f"`{fact.name}` is in `{fact.unit}`, `{other.name}` in `{other.unit}`"
    try:
        _, offset = conversion(other.unit, fact.unit, fact.molar_mass)
    except UnitError as error:
        sheet.fault(path, "unit", str(error), hint)
        return False
    if months_each(other.unit, fact.unit) or months_each(fact.unit, other.unit):
        sheet.fault(path, "unit", "a month has no fixed number of days", hint)
        return False
    if offset or (other.molar_mass and other.molar_mass != fact.molar_mass):
        what = "these are scales with different zeros" if offset else "the molar masses differ"
        sheet.fault(path, "unit", what, hint)
        return False
    return True
