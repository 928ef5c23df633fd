"""Read what the dictionary says of a quantity: its unit, its range, its other units."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.read import files
from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import MILLION
from engine.terms.faults import did_you_mean
from engine.terms.spellings import spelled
from engine.terms.units import (
    COMMON_UNITS,
    AlsoIn,
    UnitError,
    conversion,
    known_unit,
    months_each,
)

_AMOUNTS = ("molar_mass", "uln", "resolution")
_EXAMPLE = "as in `mmol/mol: {times: 0.0915, plus: 2.15}`"


def quantity_keys(sheet: Sheet, path: Path, top: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a quantity that facts and fields share, as their values are called."""
    unit = sheet.words_of(path, top, "unit") or "1"
    result: dict[str, Any] = {"unit": unit}
    if "unit" in top and not known_unit(unit):
        near = did_you_mean(spelled(unit), COMMON_UNITS)
        what = f"`{shorten(unit)}` is not a UCUM unit"
        sheet.fault((*path, "unit"), "unit", what, near)
    for key in ("molar_mass", "also_in"):
        if key in top and "unit" not in top:
            sheet.fault((*path, key), "misfit", f"`{key}` needs a `unit`", key=True)
    for key in _AMOUNTS:
        amount = sheet.given(path, top, key, sheet.amount_of)
        if amount is not None and amount <= 0:
            what = "a molar mass" if key == "molar_mass" else f"`{key}`"
            sheet.fault((*path, key), "number", f"{what} is above zero")
        elif amount is not None and key == "molar_mass":
            result[key] = Decimal(amount) / MILLION
        elif amount is not None:
            result[f"{key}_u"] = amount
    if "also_in" in top and "unit" in top and known_unit(unit):
        mass = result.get("molar_mass")
        result["also_in"] = _also_in(sheet, (*path, "also_in"), top["also_in"], unit, mass)
    for key in ("range", "usual"):
        ends = sheet.given(path, top, key, _ends, sheet, key)
        if ends is not None:
            result[f"{key}_u"] = ends
    if "range_u" in result and "usual_u" in result:
        low, high = result["range_u"]
        if not low <= result["usual_u"][0] <= result["usual_u"][1] <= high:
            what = "what is usual reaches beyond the range"
            sheet.fault((*path, "usual"), "range", what, "a usual value is a plausible one")
    said = result["unit_required"] = bool(sheet.given(path, top, "unit_required", sheet.boolean_of))
    if said and "unit" not in top:
        what = "`unit_required` needs a `unit`"
        sheet.fault((*path, "unit_required"), "misfit", what, key=True)
    return result


def _ends(path: Path, value: Any, sheet: Sheet, key: str) -> tuple[int, int] | None:
    """The two ends of a `range`, or of what is `usual`."""
    ends = sheet.list_of(path, value, "two numbers")
    amounts = [sheet.amount_of((*path, i), end) for i, end in enumerate(ends)]
    if len(ends) != 2:
        what = "a range is a low and a high number"
        sheet.fault(path, "range", what if key == "range" else what.replace("a range", f"`{key}`"))
    elif amounts[0] is not None and amounts[1] is not None:
        if amounts[0] > amounts[1]:
            sheet.fault(path, "range", "the range's low end is above its high end")
        return (amounts[0], amounts[1])
    return None


def _also_in(
    sheet: Sheet, path: Path, value: Any, unit: str, molar_mass: Decimal | None
) -> tuple[AlsoIn, ...]:
    """The conversions that a dictionary states for a quantity in `unit`."""
    found: list[AlsoIn] = []
    if value == {}:
        sheet.fault(path, "empty", "an empty `also_in` says nothing", "leave it out", key=True)
    for other, said in sheet.names_of(path, value, "units to how they are turned").items():
        here = (*path, other)
        if not known_unit(other):
            sheet.fault(here, "unit", f"`{shorten(other)}` is not a UCUM unit", _EXAMPLE, key=True)
            continue
        against = [(unit, molar_mass), *((one.unit, None) for one in found)]
        if months_each(other, unit) or any(_converts(other, *one) for one in against):
            what = f"`{other}` converts to `{unit}` without `also_in`"
            if not months_each(other, unit) and not _converts(other, unit, molar_mass):
                what = f"`{other}` converts by another unit of this `also_in`"
            sheet.fault(here, "unit", what, "leave it out", key=True)
            continue
        top = sheet.mapping_of(here, said, files.AlsoInFile)
        if top is None:
            continue
        times = sheet.given(here, top, "times", sheet.amount_of)
        plus = sheet.given(here, top, "plus", sheet.amount_of)
        if times is not None and times <= 0:
            what = "`times` is above zero"
            sheet.fault((*here, "times"), "number", what, _EXAMPLE)
        elif times is not None:
            found.append(AlsoIn(other, Decimal(times) / MILLION, Decimal(plus or 0) / MILLION))
    return tuple(found)


def _converts(source: str, target: str, molar_mass: Decimal | None) -> bool:
    try:
        conversion(source, target, molar_mass)
    except UnitError:
        return False
    return True
