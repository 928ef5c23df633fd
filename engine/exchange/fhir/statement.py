"""What one FHIR resource says about a fact.

A result that is about a fact and cannot be used (its unit does not convert, its value is text,
it is preliminary, it is out of range) becomes `unknown: pending` with what is known of its day
and with the reason in its note. It is not dropped: an older result must not stand in for it
unseen. So too with its day: what cannot be dated is stated without a day, or with the last
day that it can be of, and counts as one that may be the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from engine.exchange.fhir.element import (
    codings,
    concept_codes,
    concept_words,
    day_text,
    days_of,
    misshapen,
    reversed_period,
)
from engine.exchange.fhir.limit import upper_limit
from engine.exchange.fhir.map import FactRule
from engine.exchange.fhir.path import Expression
from engine.exchange.fhir.status import (
    Around,
    Hit,
    Standing,
    clinical,
    modified,
    of_another,
    standing,
)
from engine.exchange.fhir.unit import Unusable, unit_of
from engine.exchange.recorded import Plain, clean, statement_faults
from engine.read.sheet import parse_days
from engine.read.source import Num
from engine.terms import Fact, Field, Protocol

ABSENT_REASONS: Mapping[str, Literal["pending", "not_done"]] = {
    # A result exists or may yet come, and this record does not hold it.
    "temp-unknown": "pending",
    "error": "pending",
    "as-text": "pending",
    "masked": "pending",
    "not-permitted": "pending",
    # Nobody has it.
    "unknown": "not_done",
    "asked-unknown": "not_done",
    "not-asked": "not_done",
    "asked-declined": "not_done",
    "not-applicable": "not_done",
    "unsupported": "not_done",
    "not-a-number": "not_done",
    "negative-infinity": "not_done",
    "positive-infinity": "not_done",
    "not-performed": "not_done",
}
"""Source: FHIR R4, code system data-absent-reason."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A hit that gives nothing, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a hit gives. `doubt`: why it says no more than that something is unknown.

    `future`: the day after the day of the import that it states, if it does.
    """

    plain: Plain
    doubt: str = ""
    future: str = ""


def statement(rule: FactRule, hit: Hit, protocol: Protocol, around: Around) -> Said | LeftOut:
    """What a hit says about a fact."""
    kind, words = standing(hit.resource)
    if kind == "never":
        return LeftOut(f"{words}: never counts")
    own, focus = of_another(hit.resource)
    if own is False:
        return LeftOut(focus)
    active, why_active = _active(rule, hit, around)
    if active is False:
        return LeftOut(why_active)
    notes: list[str] = []
    base: Plain = {}
    future = ""
    if hit.resource["resourceType"] != "Patient":
        base, notes, future = observed(hit, rule.paths.get("on"), around)
    base["source"] = hit.source
    if "by" in rule.paths:
        people = [clean(v) for v in hit.values(rule.paths["by"], whole=True) if isinstance(v, str)]
        if people:
            base["by"] = people[0]
    try:
        _refuse_unclear(rule, hit, kind, words, focus or (why_active if active is None else ""))
        absent = hit.values(rule.paths.get("absent"))
        if absent:
            return _absent(absent, base, notes, future)
        value = _value(rule, hit, notes, around)
    except Unusable as reason:
        if hit.resource["resourceType"] == "Condition" and rule.active_only:
            # What is active has no day that makes it older than anything.
            base = {k: v for k, v in base.items() if k not in ("on", "not_after")}
        return _unknown(base, notes, str(reason), future)
    said = {**value, **base}
    if notes:
        said["note"] = "; ".join(notes)
    if future:
        return _unknown(base, [], "; ".join(notes), future)
    faults = statement_faults(protocol, rule.fact.name, said)
    if faults:
        return _unknown(base, notes, faults[0].message, future)
    return Said(said)


def _active(rule: FactRule, hit: Hit, around: Around) -> tuple[bool | None, str]:
    """Whether a condition counts for a fact about what is active now."""
    if hit.resource["resourceType"] != "Condition" or not rule.active_only:
        return True, ""
    return clinical(hit.resource, around.today)


# --- the day ----------------------------------------------------------------------------


def observed(hit: Hit, path: Expression | None, around: Around) -> tuple[Plain, list[str], str]:
    """What is known of the day of a result: `on` or `not_after`, notes, a day in the future."""
    notes = []
    issued = days_of(hit.resource.get("issued"))
    values = hit.values(path, whole=True)
    stated = sorted({day for value in values if (day := day_text(value))})
    notes += [f"dated `{_shown(value)}`, which is no date" for value in values
              if not day_text(value)]  # fmt: skip
    odd = misshapen(hit.resource)
    notes += [why for key, why in odd.items() if key.startswith(("effective", "onset", "issued"))]
    if against := reversed_period(hit.resource):
        notes.append(f"not dated: {against}")
        stated = []
    days = [parse_days(day) for day in stated]
    future = next((day for day, one in zip(stated, days, strict=True)
                   if one.first > around.today), "")  # fmt: skip
    if issued is not None and issued.first > around.today:
        future = future or day_text(hit.resource["issued"])
        issued = None
    if future:
        what = f"dated {future}, which is after the day of the import, {around.today.isoformat()}"
        return {}, [*notes, what], future
    if around.born is not None and any(one.last < around.born.first for one in days):
        notes.append(f"dated {' and '.join(stated)}, before the patient was born")
        days = []
    if issued is not None and any(one.first.toordinal() > issued.last.toordinal() + 1
                                  for one in days):  # fmt: skip
        what = f"dated {' and '.join(stated)}, and issued on {day_text(hit.resource['issued'])}"
        return {}, [*notes, what], ""
    if len(days) == 1 and not notes:
        return {"on": stated[0]}, [], ""
    if len(days) > 1:
        notes.append("dated " + " and ".join(stated))
    last = max((one.last for one in days), default=None)
    if not days and issued is not None:
        last = issued.last
    return ({"not_after": last.isoformat()} if last is not None else {}), notes, ""


def _shown(value: Any) -> str:
    return clean(value if isinstance(value, str) else type(value).__name__)[:40]


# --- the value --------------------------------------------------------------------------


def _unknown(base: Plain, notes: list[str], why: str, future: str) -> Said:
    note = "; ".join([clean(why), *notes])
    return Said({"unknown": "pending", **base, "note": note}, clean(why), future)


def _refuse_unclear(rule: FactRule, hit: Hit, kind: Standing, words: str, active: str) -> None:
    """Raises: Unusable where the resource may not be read as it stands."""
    if kind == "expected":
        raise Unusable(f"{words}: the result is not final")
    if kind == "uncertain":
        raise Unusable(f"{words}: whether it is so is not known")
    odd = misshapen(hit.resource) | misshapen(hit.part or {})
    if hit.resource["resourceType"] == "Patient":
        odd = {key: why for key, why in odd.items() if _reads(rule, key)}
    if odd:
        raise Unusable(next(iter(odd.values())))
    if modifier := modified(hit.resource) or modified(hit.part or {}):
        raise Unusable(modifier)
    if "implicitRules" in hit.resource:
        raise Unusable("is made by rules (`implicitRules`) that are not understood")
    if active:
        raise Unusable(active)
    for doubt in rule.doubts:
        if doubt.when.holds(hit.resource):
            raise Unusable(doubt.because)


def _reads(rule: FactRule, element: str) -> bool:
    """Whether a rule looks at an element of a Patient."""
    root = "deceased" if element.startswith("deceased") else element
    read = [path.text for path in rule.paths.values()] + [one.when.text for one in rule.doubts]
    return any(text.startswith(root) for text in read)


def _absent(absent: list[Any], base: Plain, notes: list[str], future: str) -> Said:
    """A stated reason for having no value."""
    codes = [v for v in absent if isinstance(v, str)] or [
        code for value in absent for code in concept_codes(value)
    ]
    if future:
        return _unknown(base, [], "; ".join(notes), future)
    known = [ABSENT_REASONS.get(code, "pending") for code in codes] or ["pending"]
    why = f"no value: {clean(codes[0]) if codes else 'the reason is not coded'}"
    note = "; ".join([why, *notes])
    unknown = "pending" if "pending" in known else known[0]
    return Said({"unknown": unknown, **base, "note": note}, why)


def _value(rule: FactRule, hit: Hit, notes: list[str], around: Around) -> Plain:
    """`value`, and `unit` and `uln` of a quantity. Raises: Unusable."""
    fact = rule.fact
    if rule.constant is not None:
        return {"value": rule.constant}
    values = hit.values(rule.paths.get("value"))
    if fact.type == "quantity":
        text, unit = quantity(values, rule.paths, hit, rule.units, fact)
        found: Plain = {"value": text, "unit": unit}
        ranges = hit.values(rule.paths.get("uln"))
        holder = hit.resource if hit.part is None else hit.part
        if not isinstance(holder.get("referenceRange", []), list):
            ranges = [None]  # it says something that is not understood
        uln, why = upper_limit(ranges, unit, fact, hit, around)
        if why:
            notes.append(f"reference range not used: {why}")
        return found if uln is None else {**found, "uln": uln}
    if not values:
        raise Unusable(_no_value(hit))
    if fact.type == "choice":
        return {"value": _choice(rule, values)}
    if len(values) > 1:
        raise Unusable("has several values")
    if fact.type == "boolean":
        if not isinstance(values[0], bool):
            raise Unusable("its value is neither true nor false")
        return {"value": values[0]}
    if fact.type == "date":
        day = day_text(values[0])
        if not day:
            raise Unusable(f"`{_shown(values[0])}` is not a date")
        return {"value": day}
    if not isinstance(values[0], str) or not clean(values[0]):
        raise Unusable("its value is not text")
    return {"value": clean(values[0])}


def _no_value(hit: Hit) -> str:
    holder = hit.part if hit.part is not None else hit.resource
    other = [key for key in holder if key.startswith("value")]
    return f"its value ({other[0]}) is not of a kind that is read" if other else "has no value"


def quantity(
    values: list[Any],
    paths: Mapping[str, Expression],
    hit: Hit,
    units: Mapping[str, str],
    target: Fact | Field,
) -> tuple[str, str]:
    """A number, with its comparator, and its unit. Raises: Unusable."""
    if not values:
        raise Unusable(_no_value(hit))
    if len(values) > 1:
        raise Unusable("has several values")
    number = values[0]
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        raise Unusable("its value is not a number")
    text = format(number, "f") if isinstance(number, Decimal) else str(number)
    holder = (hit.part if hit.part is not None else hit.resource).get("valueQuantity")
    recorded = [v for v in hit.values(paths.get("unit")) if isinstance(v, str)]
    unit = unit_of(recorded, holder, units, target)
    signs = hit.values(paths.get("comparator"))
    if not signs and _off_scale(hit):
        raise Unusable("its interpretation says that it is off the scale, and its value does not")
    if not signs:
        return Num(text), unit
    if len(signs) > 1 or signs[0] not in ("<", "<=", ">", ">="):
        raise Unusable("its comparator is not one of <, <=, > and >=")
    return f"{signs[0]}{text}", unit


def _off_scale(hit: Hit) -> bool:
    """Whether the interpretation of a result is `<` or `>`: off the scale of the instrument."""
    said = (hit.part if hit.part is not None else hit.resource).get("interpretation")
    several = said if isinstance(said, list) else [said]
    words = {word.strip() for one in several for word in (*concept_codes(one), *concept_words(one))}
    return bool(words & {"<", ">", "<=", ">="})


def _choice(rule: FactRule, values: list[Any]) -> str:
    """The one choice that the value's codes or words mean. Raises: Unusable."""
    meant = {rule.words[v] for v in values if isinstance(v, str) and v in rule.words}
    found = {pair for value in values for pair in codings(value)}
    for code, choice in rule.choices:
        for system, word in found:
            if system == code.system and (
                word.startswith(code.code) if code.prefix else word == code.code
            ):
                meant.add(choice)
    if not meant:
        raise Unusable("has no code that the map gives a meaning")
    if len(meant) > 1:
        raise Unusable(f"its codes mean different things: {', '.join(sorted(meant))}")
    return meant.pop()
