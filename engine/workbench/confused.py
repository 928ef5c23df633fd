"""The units that a limit is mistaken for, and what it comes to in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache

from engine import terms as m
from engine.terms.units import UnitError, conversion

CONFUSED: Mapping[str, str] = {
    "mg/dL": "umol/L mmol/L g/L mg/L", "mg/L": "mg/dL ug/L", "mg/mL": "mg/dL g/mL",
    "g/dL": "g/L mg/dL", "g/L": "g/dL mg/dL", "g/mL": "mg/mL g/L", "ug/dL": "ug/L nmol/L mg/dL",
    "ug/L": "ug/dL mg/L", "ug/mL": "ng/mL mg/dL", "ng/dL": "ng/mL nmol/L pmol/L",
    "ng/L": "ng/dL ng/mL", "ng/mL": "ng/dL ug/mL", "pg/mL": "ng/mL pmol/L pg/dL",
    "pg/dL": "pg/mL ng/dL", "nmol/L": "ng/mL umol/L pmol/L", "umol/L": "mg/dL mmol/L",
    "mmol/L": "mg/dL umol/L", "pmol/L": "ng/dL nmol/L", "mol/L": "mmol/L umol/L",
    "meq/L": "eq/L meq/dL", "mmol/mol": "mol/mol", "mg/g": "mg/mmol ug/g",
    "mg/mmol": "mg/g g/mmol", "mosm/kg": "osm/kg", "U/L": "ukat/L U/mL", "U/mL": "U/L",
    "ukat/L": "U/L nkat/L", "[IU]/L": "[IU]/mL m[IU]/L", "[IU]/mL": "[IU]/L m[IU]/mL",
    "m[IU]/L": "m[IU]/mL [IU]/L", "m[IU]/mL": "m[IU]/L [IU]/mL", "u[IU]/mL": "u[IU]/L m[IU]/mL",
    "/uL": "10*9/L /mL", "/mL": "/uL /L", "/L": "/mL /uL", "10*9/L": "/uL 10*12/L",
    "10*12/L": "10*9/L 10*3/uL", "10*6/L": "10*9/L /mL", "10*3/uL": "/uL 10*6/uL",
    "10*6/uL": "10*3/uL /uL", "10*6/kg": "10*5/kg 10*8/kg", "10*5/kg": "10*6/kg 10*8/kg",
    "10*8/kg": "10*6/kg 10*5/kg", "mm[Hg]": "kPa cm[H2O]", "kPa": "mm[Hg] cm[H2O]",
    "cm[H2O]": "mm[Hg] kPa", "Cel": "[degF] K", "[degF]": "Cel", "K": "Cel",
    "mL/min": "mL/s L/h", "L/min": "mL/min L/h", "mL/s": "mL/min", "mL/h": "mL/min L/h",
    "L/h": "mL/min mL/h", "mL/d": "L/d mL/h", "mL/min/{1.73_m2}": "mL/s/{1.73_m2}",
    "mL/s/{1.73_m2}": "mL/min/{1.73_m2}", "mg": "ug g", "ug": "mg ng", "ng": "ug pg",
    "g": "mg kg", "kg": "[lb_av] g", "[lb_av]": "kg [oz_av]", "mg/kg": "ug/kg g/kg",
    "ug/kg": "mg/kg ng/kg", "mg/m2": "ug/m2 g/m2", "mg/kg/d": "ug/kg/d mg/kg/h",
    "mg/m2/d": "ug/m2/d mg/m2/h", "mg/d": "g/d ug/d", "g/d": "mg/d", "kg/m2": "[lb_av]/[in_i]2",
    "/min": "/s /h", "cm": "[in_i] m", "m": "cm [ft_i]", "mm": "cm m", "[in_i]": "cm [ft_i]",
    "m2": "cm2", "mm/h": "cm/h", "L": "mL dL", "mL": "L uL", "dL": "L mL", "Gy": "cGy mGy",
    "cGy": "Gy", "mGy": "Gy", "ms": "s", "s": "ms min", "min": "h s", "h": "min d",
    "d": "wk mo", "wk": "d mo", "mo": "a wk", "a": "mo wk",
}  # fmt: skip
"""For a unit, those that its limits are mistaken for, the likeliest first."""

MOST_UNITS = 2
"""How many of them a limit is read in."""

_NOTE = re.compile(r"\{(?![0-9])[^}]*\}")
_PREFIXES = ("k", "", "m", "u", "n", "p", "f")


def is_counted(fact: m.Fact) -> bool:
    """Whether a fact comes in whole years, days or entries."""
    counted = m.CompletedYears | m.Completed | m.DaysBetween | m.Count | m.Distinct
    return isinstance(fact.derive, counted)


def _whole(fact: m.Fact, limit: int) -> bool:
    return not is_counted(fact) or limit % m.MILLION == 0


def in_other_units(fact: m.Fact, *limits: int) -> list[tuple[int, ...]]:
    """What limits come to if they were meant in a unit that is easily confused with the fact's,
    or where they cannot be so, if they were turned into that unit and the fact's is kept."""
    found: list[tuple[int, ...]] = []
    for both_ways in _conversions(fact.unit, fact.molar_mass):
        for factor, offset in both_ways:
            moved = tuple(round(limit * factor + offset * m.MILLION) for limit in limits)
            if (
                moved not in (limits, *found)
                and all(abs(one) <= m.LARGEST and _whole(fact, one) for one in moved)
                # What rounds to nothing is no limit that anybody would write.
                and all(one or not before for one, before in zip(moved, limits, strict=True))
            ):
                found.append(moved)
                break
        if len(found) == MOST_UNITS:
            break
    return found


@cache
def _conversions(
    unit: str, molar_mass: Decimal | None
) -> tuple[tuple[tuple[Fraction, Fraction], ...], ...]:
    """For units easily confused with a fact's: how a number of theirs, and a number meant for
    them, is turned into the fact's."""
    found = []
    for other in _easily_taken_for(unit):
        try:
            both = (conversion(other, unit, molar_mass), conversion(unit, other, molar_mass))
        except UnitError:
            continue
        found.append(both)
    return tuple(found)


def _easily_taken_for(unit: str) -> list[str]:
    listed = CONFUSED.get(unit) or CONFUSED.get(_NOTE.sub("", unit))
    return listed.split() if listed else list(_thousandfold(unit))


def _thousandfold(unit: str) -> Iterator[str]:
    """What a unit that is not listed may be confused with: it with the next metric prefix.
    Some of these are no units."""
    if unit[:1] in _PREFIXES and (unit[1:2].isalpha() or unit[1:2] == "["):
        at = _PREFIXES.index(unit[0])
        near = (*_PREFIXES[max(at - 1, 0) : at], *_PREFIXES[at + 1 : at + 2])
        yield from (prefix + unit[1:] for prefix in near)
    if unit[:1].isalpha() or unit[:1] == "[":
        yield from (prefix + unit for prefix in "mk")
