"""The upper limit of normal that is printed with a result, where it is the patient's.

A range for another age, or for some people (`appliesTo`), is not taken for the patient's own.
Where a range is printed and none can be relied on, no limit is known: the dictionary's is for
results that carry none.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import Any

from engine.exchange.fhir.element import concept_codes, concept_understood, days_of
from engine.exchange.fhir.status import Around, Hit
from engine.exchange.fhir.unit import same_unit
from engine.read.source import Num
from engine.terms import Days, Fact, Field

NONE = "none"
"""What a statement says whose limit of normal is not known."""

_OTHER_RANGES = frozenset({"recommended", "treatment", "therapeutic"})
"""Ranges that say nothing of what is normal. Source: R4, referencerange-meaning."""

_ANOTHER = re.compile(
    r"critical|panic|alert|alarm|danger|toxic|lethal|therap|treat|recommend|target|goal"
    r"|desir|optim|\baction|report|detect|linear|measur",
    re.IGNORECASE,
)
"""Words of a range that states no type and is not of what is normal."""

_AGES = {"a": "years", "mo": "months", "wk": "weeks", "d": "days"}


def upper_limit(
    ranges: list[Any], unit: str, target: Fact | Field, hit: Hit, around: Around
) -> tuple[Num | str | None, str]:
    """The limit, `NONE` where none can be relied on, None where none is printed; and why."""
    if not ranges:
        return None, ""
    if not all(isinstance(one, dict) for one in ranges):
        return NONE, "it is not understood"
    if any("modifierExtension" in one for one in ranges):
        return NONE, "it carries a modifier that is not understood"
    normal = [one for one in ranges if not _of_another_kind(one)]
    if not any("high" in one or "text" in one for one in normal):
        return None, ""
    fitting = []
    for one in normal:
        fits = _fits(one, hit, around)
        if fits is None:
            return NONE, "it is for an age or for people that are not understood"
        if fits:
            fitting.append(one)
    if not fitting:
        return NONE, "it is for other people"
    if len(fitting) > 1:
        return NONE, "there are several"
    return _high(fitting[0], unit, target)


def _of_another_kind(one: dict[str, Any]) -> bool:
    codes = set(concept_codes(one.get("type")))
    return bool(codes) and codes <= _OTHER_RANGES


def _fits(one: dict[str, Any], hit: Hit, around: Around) -> bool | None:
    """Whether a range is for the patient; None where that cannot be told."""
    kind = one.get("type")
    text = one.get("text", "")
    if kind is None and (not isinstance(text, str) or _ANOTHER.search(text)):
        return None
    known_kind = kind is None or (concept_understood(kind) and "normal" in concept_codes(kind))
    if not known_kind or ("appliesTo" in one and one["appliesTo"] != []):
        return None
    if "age" not in one:
        return True
    day = days_of(hit.resource.get("effectiveDateTime")) or days_of(
        hit.resource.get("effectiveInstant")
    )
    if not isinstance(one["age"], dict) or day is None or around.born is None:
        return None
    ends = [_reached(one["age"].get(key), around.born, day, upper=key == "high")
            for key in ("low", "high") if key in one["age"]]  # fmt: skip
    if not ends:
        return None
    if False in ends:
        return False
    return None if None in ends else True


def _reached(age: Any, born: Days, day: Days, *, upper: bool) -> bool | None:
    """Whether the patient's age on a day is within one end of a range; None: cannot be told."""
    value = age.get("value") if isinstance(age, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or "comparator" in age:
        return None
    unit = _AGES.get(str(age.get("code", age.get("unit"))))
    if unit is None or value != int(value) or not 0 <= value <= 200_000:
        return None
    earliest, latest = (_after(one, int(value), unit) for one in (born.first, born.last))
    if upper:  # to the day itself is within it; up to a unit more is told differently
        beyond = _after(born.last, int(value) + 1, unit)
        if day.last <= earliest:
            return True
        return False if day.first >= beyond else None
    if day.first >= latest:
        return True
    return False if day.last < earliest else None


def _after(born: date, value: int, unit: str) -> date:
    """The day on which somebody born then comes to be so old."""
    if unit in ("weeks", "days"):
        days = value if unit == "days" else 7 * value
        return date.fromordinal(min(born.toordinal() + days, date.max.toordinal()))
    months = 12 * born.year + born.month - 1 + (12 * value if unit == "years" else value)
    year, month = divmod(months, 12)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(born.day, monthrange(year, month + 1)[1]))


def _high(one: dict[str, Any], unit: str, target: Fact | Field) -> tuple[Num | str | None, str]:
    high, low = one.get("high"), one.get("low")
    value = high.get("value") if isinstance(high, dict) else None
    below = low.get("value") if isinstance(low, dict) else None
    if not isinstance(high, dict):
        return NONE, "its upper end is not a number above zero"
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
        return NONE, "its upper end is not a number above zero"
    if isinstance(below, int | Decimal) and below >= value:
        return NONE, "its ends are the wrong way round"
    if "comparator" in high or not same_unit(high, unit, target):
        return NONE, "it is not in the unit of the result"
    return Num(format(Decimal(value), "f")), ""
