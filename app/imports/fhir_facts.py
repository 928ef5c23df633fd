"""What one FHIR resource says: a statement about a fact, an entry of a list, or nothing.

A result that is about a fact, counts, and yet cannot be used (its unit does not convert,
its value is text, it is out of range) becomes `unknown: pending` on its own day, with the
reason in its note. It is not dropped: an older result must not stand in for it unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from app.imports.fhir_map import EntryRule, FactRule, FieldRule
from app.imports.fhir_path import Expression, Resource
from app.imports.recorded import Plain, clean, entry_faults, statement_faults
from engine.model import Protocol
from engine.sheet import NotThat, parse_days
from engine.source import Num

UCUM = "http://unitsofmeasure.org"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

Standing = Literal["counts", "under_way", "uncertain", "never"]

STATUSES: Mapping[str, Mapping[str, Standing]] = {
    "Observation": {
        "final": "counts",
        "amended": "counts",
        "corrected": "counts",
        "registered": "never",
        "preliminary": "never",
        "cancelled": "never",
        "entered-in-error": "never",
        "unknown": "never",
    },
    "Procedure": {
        "completed": "counts",
        "stopped": "counts",
        "in-progress": "under_way",
        "on-hold": "uncertain",
        "unknown": "uncertain",
        "preparation": "never",
        "not-done": "never",
        "entered-in-error": "never",
    },
    "MedicationAdministration": {
        "completed": "counts",
        "stopped": "counts",
        "in-progress": "under_way",
        "on-hold": "uncertain",
        "unknown": "uncertain",
        "not-done": "never",
        "entered-in-error": "never",
    },
    "MedicationStatement": {
        "completed": "counts",
        "stopped": "counts",
        "active": "under_way",
        "on-hold": "uncertain",
        "unknown": "uncertain",
        "intended": "never",
        "not-taken": "never",
        "entered-in-error": "never",
    },
}
"""What each status means here. Source: FHIR R4 (4.0.1), the value sets of `status`."""

VERIFIED: Mapping[str, Standing] = {
    "confirmed": "counts",
    "unconfirmed": "never",
    "provisional": "never",
    "differential": "never",
    "refuted": "never",
    "entered-in-error": "never",
}
"""Condition.verificationStatus; one that states none is a condition as recorded."""

ACTIVE = frozenset({"active", "recurrence", "relapse"})
INACTIVE = frozenset({"inactive", "remission", "resolved"})

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
    """What a hit gives. `doubt`: why it says no more than that something is unknown."""

    plain: Plain
    doubt: str = ""


class Unusable(Exception):
    """A value that cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A resource that a rule selects. `part`: the component that does, and its place."""

    resource: Resource
    source: str
    part: Resource | None = None
    label: str = ""

    def values(self, path: Expression | None, *, whole: bool = False) -> list[Any]:
        """A path's values on the part, if there is one, else on the resource."""
        if path is None:
            return []
        if self.part is None or whole:
            return path.values(self.resource)
        return path.values(self.part, "Observation.component")


def standing(resource: Resource) -> tuple[Standing, str]:
    """Whether a resource counts by its status, and the status in words."""
    kind = str(resource.get("resourceType"))
    if kind == "Patient":
        return "counts", ""
    if kind == "Condition":
        codes = concept_codes(resource.get("verificationStatus"))
        if not codes:
            return "counts", ""
        standings: list[Standing] = [VERIFIED.get(code, "never") for code in codes]
        worst: Standing = "counts" if set(standings) == {"counts"} else "never"
        return worst, f"verification status {codes[0]}"
    status = resource.get("status")
    found = STATUSES.get(kind, {}).get(status) if isinstance(status, str) else None
    if found is None:
        return "never", "no status that FHIR R4 knows"
    return found, f"status {status}"


def concept_codes(concept: Any) -> list[str]:
    """The codes of a CodeableConcept, whatever their systems."""
    return [code for _, code in codings(concept)]


def codings(concept: Any) -> list[tuple[str, str]]:
    """(system, code) of each coding of a CodeableConcept, or of a Coding."""
    if not isinstance(concept, dict):
        return []
    several = concept.get("coding", [concept])
    return [
        (str(one.get("system", "")), one["code"])
        for one in (several if isinstance(several, list) else [])
        if isinstance(one, dict) and isinstance(one.get("code"), str)
    ]


def concept_label(concept: Any) -> str:
    """What people read of a CodeableConcept: a display, its text, or its first code."""
    if not isinstance(concept, dict):
        return ""
    several = concept.get("coding", [concept])
    for one in several if isinstance(several, list) else []:
        if isinstance(one, dict) and isinstance(one.get("display"), str) and one["display"]:
            return clean(one["display"])
    if isinstance(concept.get("text"), str) and concept["text"]:
        return clean(concept["text"])
    found = codings(concept)
    return clean(" ".join(found[0])) if found else ""


def day_text(value: Any) -> str:
    """The calendar date in a FHIR date, dateTime or instant, as written there; "" if none.

    The date is the one the record states in its own time zone; it is never shifted.
    """
    if not isinstance(value, str):
        return ""
    text = value.partition("T")[0]
    try:
        parse_days(text)
    except NotThat:
        return ""
    return text


def full_day(text: str) -> date | None:
    """The day of a full date; None for a partial one and for none."""
    return date.fromisoformat(text) if len(text) == 10 else None


# --- statements -------------------------------------------------------------------------


def statement(rule: FactRule, hit: Hit, protocol: Protocol) -> Said | LeftOut:
    """What a hit says about a fact."""
    kind, words = standing(hit.resource)
    if kind == "never":
        return LeftOut(f"{words}: never counts")
    if hit.resource.get("focus"):
        return LeftOut("about something else than the patient (`focus`)")
    base: Plain = {}
    notes = []
    stated = _stated_days(hit, rule.paths.get("on"))
    if len(stated) == 1 and full_day(stated[0]):
        base["on"] = stated[0]
    elif stated:
        notes.append("dated " + " and ".join(stated))
    else:
        unread = [v for v in hit.values(rule.paths.get("on"), whole=True) if isinstance(v, str)]
        notes += [f"dated `{clean(text)[:40]}`, which is no date" for text in unread]
    base["source"] = hit.source
    if "by" in rule.paths:
        people = [clean(v) for v in hit.values(rule.paths["by"], whole=True) if isinstance(v, str)]
        if people:
            base["by"] = people[0]
    try:
        _refuse_unclear(rule, hit, kind, words)
        absent = hit.values(rule.paths.get("absent"))
        if absent:
            return _absent(rule, absent, base, notes)
        value = _value(rule, hit, notes)
    except Unusable as reason:
        return _unknown(base, notes, str(reason))
    said = {**value, **base}
    if notes:
        said["note"] = "; ".join(notes)
    faults = statement_faults(protocol, rule.fact.name, said)
    if faults:
        return _unknown(base, notes, faults[0].message)
    return Said(said)


def _stated_days(hit: Hit, path: Expression | None) -> list[str]:
    found = (day_text(value) for value in hit.values(path, whole=True))
    return sorted({day for day in found if day})


def _unknown(base: Plain, notes: list[str], why: str) -> Said:
    note = "; ".join([clean(why), *notes])
    return Said({"unknown": "pending", **base, "note": note}, clean(why))


def _refuse_unclear(rule: FactRule, hit: Hit, kind: Standing, words: str) -> None:
    """Raises: Unusable where the resource may not be read as it stands."""
    if kind == "uncertain":
        raise Unusable(f"{words}: whether it happened is not known")
    if hit.resource.get("modifierExtension") or (hit.part or {}).get("modifierExtension"):
        raise Unusable("carries a modifier that is not understood")
    if hit.resource["resourceType"] == "Condition" and rule.active_only:
        clinical = set(concept_codes(hit.resource.get("clinicalStatus")))
        if not clinical & (ACTIVE | INACTIVE):
            raise Unusable("does not state whether it is active")
        if clinical & INACTIVE:
            raise Unusable("states both active and inactive")
    for doubt in rule.doubts:
        if doubt.when.holds(hit.resource):
            raise Unusable(doubt.because)


def inactive(rule: FactRule, resource: Resource) -> str:
    """Why a condition does not count for a fact about what is active now; "" if it may."""
    if resource["resourceType"] != "Condition" or not rule.active_only:
        return ""
    clinical = concept_codes(resource.get("clinicalStatus"))
    past = clinical and set(clinical) <= INACTIVE
    return f"clinical status {clinical[0]}: not active" if past else ""


def _absent(rule: FactRule, absent: list[Any], base: Plain, notes: list[str]) -> Said:
    """A stated reason for having no value."""
    codes = [v for v in absent if isinstance(v, str)] or [
        code for value in absent for code in concept_codes(value)
    ]
    code = codes[0] if codes else "unknown"
    why = f"no value: {clean(code)}"
    note = "; ".join([why, *notes])
    return Said({"unknown": ABSENT_REASONS.get(code, "not_done"), **base, "note": note}, why)


def _value(rule: FactRule, hit: Hit, notes: list[str]) -> Plain:
    """`value`, and `unit` and `uln` of a quantity. Raises: Unusable."""
    fact = rule.fact
    if rule.constant is not None:
        return {"value": rule.constant}
    values = hit.values(rule.paths.get("value"))
    if fact.type == "quantity":
        text, unit = _quantity(values, rule.paths, hit, rule.units)
        found: Plain = {"value": text, "unit": unit}
        uln = _upper_limit(hit.values(rule.paths.get("uln")), unit, notes)
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
            raise Unusable(f"`{clean(str(values[0]))[:40]}` is not a date")
        return {"value": day}
    if not isinstance(values[0], str) or not clean(values[0]):
        raise Unusable("its value is not text")
    return {"value": clean(values[0])}


def _no_value(hit: Hit) -> str:
    holder = hit.part if hit.part is not None else hit.resource
    other = [key for key in holder if key.startswith("value")]
    return f"its value ({other[0]}) is not of a kind that is read" if other else "has no value"


def _quantity(
    values: list[Any], paths: Mapping[str, Expression], hit: Hit, units: Mapping[str, str]
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
    recorded = [v for v in hit.values(paths.get("unit")) if isinstance(v, str)]
    code = recorded[0] if len(recorded) == 1 else ""
    unit = units.get(code, code)
    if not unit:
        raise Unusable("states no UCUM unit")
    signs = hit.values(paths.get("comparator"))
    if not signs:
        return Num(text), unit
    if len(signs) > 1 or signs[0] not in ("<", "<=", ">", ">="):
        raise Unusable("its comparator is not one of <, <=, > and >=")
    return f"{signs[0]}{text}", unit


def _upper_limit(ranges: list[Any], unit: str, notes: list[str]) -> Num | None:
    """The upper limit of normal printed with a result; None where none can be relied on."""
    normal = [
        one
        for one in ranges
        if isinstance(one, dict)
        and "high" in one
        and ("type" not in one or "normal" in concept_codes(one["type"]))
    ]
    if not normal:
        return None
    why = ""
    high, low = normal[0]["high"], normal[0].get("low")
    high = high if isinstance(high, dict) else {}
    value = high.get("value")
    below = low.get("value") if isinstance(low, dict) else None
    if len(normal) > 1:
        why = "there are several"
    elif isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
        why = "its upper end is not a number above zero"
    elif isinstance(below, int | Decimal) and below >= value:
        why = "its ends are the wrong way round"
    elif high.get("system") != UCUM or high.get("code") != unit:
        why = "it is not in the unit of the result"
    if why:
        notes.append(f"reference range not used: {why}")
        return None
    return Num(format(Decimal(str(value)), "f"))


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


# --- entries ----------------------------------------------------------------------------


def entry(rule: EntryRule, hit: Hit, protocol: Protocol) -> Said | LeftOut:
    """What a hit says in a record list.

    Where it is not known whether something happened, only the entry's text is kept: such an
    entry may match anything and rules nothing out.
    """
    kind, words = standing(hit.resource)
    if kind == "never":
        return LeftOut(f"{words}: never counts")
    doubt = ""
    if kind == "uncertain":
        doubt = f"{words}: whether it happened is not known"
    elif hit.resource.get("modifierExtension"):
        doubt = "carries a modifier that is not understood"
    plain: Plain = {}
    notes = [doubt] if doubt else []
    for one in rule.fields:
        if doubt and one.field.type != "text":
            continue
        try:
            value = _field(one, rule, hit, under_way=kind == "under_way")
        except Unusable as reason:
            notes.append(f"{one.field.name}: {reason}")
            continue
        if value in (None, ""):
            continue
        faults = entry_faults(protocol, rule.record.name, {one.field.name: value})
        if faults:
            notes.append(f"{one.field.name}: {faults[0].message}")
        else:
            plain[one.field.name] = value
    plain["source"] = hit.source
    if notes:
        plain["note"] = clean("; ".join(notes))
    return Said(plain, doubt)


def _field(one: FieldRule, rule: EntryRule, hit: Hit, *, under_way: bool) -> Any:
    """A field's value, None where nothing is said. Raises: Unusable."""
    if one.constant is not None:
        return list(one.constant) if isinstance(one.constant, tuple) else one.constant
    if one.end is not None or one.day is not None:
        ends = [day for v in hit.values(one.end, whole=True) if (day := day_text(v))]
        if not ends and not under_way:
            ends = [day for v in hit.values(one.day, whole=True) if (day := day_text(v))]
        return max(ends) if ends else ("ongoing" if under_way else None)
    if one.field.type == "text":
        return hit.label or next((text for v in hit.values(one.path) if (text := _text(v))), None)
    values = hit.values(one.path, whole=one.field.type == "date")
    if not values:
        return None
    if one.field.type == "quantity":
        text, unit = _quantity(values, rule.type.paths, hit, {})
        return {"value": text, "unit": unit}
    if one.field.type == "date":
        return day_text(values[0]) or None
    if one.field.type == "boolean" and isinstance(values[0], bool):
        return values[0]
    raise Unusable("its value is not of a kind that is read")


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else concept_label(value)
