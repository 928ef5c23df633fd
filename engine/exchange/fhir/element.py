"""The elements that every part of the FHIR reader looks at: concepts, dates, periods.

Nothing here concludes anything. An element of another JSON type than FHIR says is told apart
from one that is absent: it says something, and what it says is not understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.exchange.fhir.path import Resource
from engine.exchange.recorded import clean
from engine.read.sheet import NotThat, parse_days
from engine.terms import Days

SYSTEMS: Mapping[str, str] = {
    "2.16.840.1.113883.6.1": "http://loinc.org",
    "2.16.840.1.113883.6.8": "http://unitsofmeasure.org",
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.6.3": "http://hl7.org/fhir/sid/icd-10",
    "2.16.840.1.113883.6.103": "http://hl7.org/fhir/sid/icd-9-cm",
    "2.16.840.1.113883.6.12": "http://www.ama-assn.org/go/cpt",
    "2.16.840.1.113883.3.26.1.1": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "2.16.840.1.113883.6.73": "http://www.whocc.no/atc",
    "2.16.840.1.113883.6.69": "http://hl7.org/fhir/sid/ndc",
    "2.16.840.1.113883.12.292": "http://hl7.org/fhir/sid/cvx",
}
"""Code systems that FHIR names by a URL and HL7 by an object identifier.

Source: FHIR R4 (4.0.1), the table of known external code systems.
"""

_OBJECTS, _TEXTS, _LISTS = "an object", "a text", "a list"
SHAPES: Mapping[str, str] = {
    **dict.fromkeys(
        "code subject medicationCodeableConcept medicationReference clinicalStatus"
        " verificationStatus dataAbsentReason valueQuantity valueCodeableConcept valuePeriod"
        " valueRange valueRatio effectivePeriod effectiveTiming performedPeriod onsetPeriod"
        " onsetAge abatementPeriod abatementAge".split(),
        _OBJECTS,
    ),
    **dict.fromkeys(
        "status effectiveDateTime effectiveInstant performedDateTime issued birthDate"
        " recordedDate onsetDateTime abatementDateTime deceasedDateTime valueString"
        " valueDateTime".split(),
        _TEXTS,
    ),
    **dict.fromkeys(
        "component contained extension modifierExtension focus".split(),
        _LISTS,
    ),
    **dict.fromkeys("deceasedBoolean valueBoolean".split(), "true or false"),
}
_KINDS: Mapping[str, type] = {_OBJECTS: dict, _TEXTS: str, _LISTS: list, "true or false": bool}


def known_system(system: str) -> str:
    """A code system by the URL that FHIR gives it."""
    if system.startswith("urn:oid:"):
        return SYSTEMS.get(system.removeprefix("urn:oid:"), system)
    if system.startswith("http://snomed.info/sct/"):
        return "http://snomed.info/sct"  # an edition of it
    return system


def with_known_systems(value: Any) -> Any:
    """A JSON value in which every `system` is the URL that FHIR gives it."""
    if isinstance(value, dict):
        return {
            key: known_system(child)
            if key == "system" and isinstance(child, str)
            else with_known_systems(child)
            for key, child in value.items()
        }
    return [with_known_systems(one) for one in value] if isinstance(value, list) else value


def misshapen(resource: Mapping[str, Any]) -> dict[str, str]:
    """The elements whose JSON type is not the one that FHIR says, with why."""
    return {
        key: f"its `{key}` is not {kind}"
        for key, kind in SHAPES.items()
        if key in resource and not isinstance(resource[key], _KINDS[kind])
    }


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# --- concepts ---------------------------------------------------------------------------


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


def concept_codes(concept: Any) -> list[str]:
    """The codes of a CodeableConcept, whatever their systems."""
    return [code for _, code in codings(concept)]


def concept_understood(concept: Any) -> bool:
    """Whether a CodeableConcept, or none, has the shape that FHIR says."""
    if concept is None:
        return True
    if not isinstance(concept, dict):
        return False
    several = concept.get("coding", [])
    return isinstance(several, list) and all(
        isinstance(one, dict)
        and all(isinstance(one.get(key, ""), str) for key in ("system", "code", "display"))
        for one in several
    )


def concept_label(concept: Any) -> str:
    """What people read of a CodeableConcept: a display, its text, or its first code."""
    words = concept_words(concept)
    if words:
        return words[0]
    found = codings(concept)
    return clean(" ".join(found[0])) if found else ""


def concept_words(concept: Any) -> list[str]:
    """The displays and the text of a CodeableConcept, each once."""
    if not isinstance(concept, dict):
        return []
    said = [one.get("display") for one in dicts(concept.get("coding"))]
    said.append(concept.get("text"))
    return list(dict.fromkeys(clean(one) for one in said if isinstance(one, str) and clean(one)))


# --- dates ------------------------------------------------------------------------------


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


def days_of(value: Any) -> Days | None:
    """The days that a FHIR date, dateTime or instant can be; None if it is none."""
    text = day_text(value)
    return parse_days(text) if text else None


def full_day(text: str) -> date | None:
    """The day of a full date; None for a partial one and for none."""
    return date.fromisoformat(text) if len(text) == 10 else None


def reversed_period(resource: Mapping[str, Any]) -> str:
    """Why the dates of a resource contradict themselves; "" if they do not."""
    for key in ("effectivePeriod", "performedPeriod", "onsetPeriod", "abatementPeriod"):
        period = resource.get(key)
        if not isinstance(period, dict):
            continue
        start, end = days_of(period.get("start")), days_of(period.get("end"))
        if start is not None and end is not None and end.last < start.first:
            return (
                f"it ends on {day_text(period['end'])}, before it starts on"
                f" {day_text(period['start'])}"
            )
    return ""


def quick_day(resource: Resource) -> str:
    """The day that a resource seems to be about, for people; "" where none is seen."""
    for key in ("effectiveDateTime", "effectivePeriod", "performedDateTime", "performedPeriod"):
        value = resource.get(key)
        if isinstance(value, dict):
            value = value.get("end", value.get("start"))
        if day := day_text(value):
            return day
    return day_text(resource.get("onsetDateTime"))
