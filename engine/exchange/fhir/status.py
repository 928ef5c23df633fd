"""Whether a resource counts: what each status means, and what is known of the day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from engine.exchange.fhir.element import concept_codes, concept_understood, days_of
from engine.exchange.fhir.path import Expression, Resource
from engine.exchange.recorded import clean
from engine.terms import Days

Standing = Literal["counts", "under_way", "expected", "uncertain", "never"]
"""`expected`: a result that is on its way. `uncertain`: whether it is so is not known."""

_COURSES: Mapping[str, Standing] = {
    "completed": "counts",
    "stopped": "counts",
    "on-hold": "uncertain",
    "unknown": "uncertain",
    "entered-in-error": "never",
}
STATUSES: Mapping[str, Mapping[str, Standing]] = {
    "Observation": {
        "final": "counts",
        "amended": "counts",
        "corrected": "counts",
        "registered": "expected",
        "preliminary": "expected",
        "unknown": "uncertain",
        "cancelled": "never",
        "entered-in-error": "never",
    },
    "Procedure": {
        **_COURSES,
        "in-progress": "under_way",
        "preparation": "never",
        "not-done": "never",
    },
    "MedicationAdministration": {**_COURSES, "in-progress": "under_way", "not-done": "never"},
    "MedicationStatement": {
        **_COURSES,
        "active": "under_way",
        "intended": "never",
        "not-taken": "never",
    },
}
"""What each status means here. Source: FHIR R4 (4.0.1), the value sets of `status`."""

VERIFIED: Mapping[str, Standing] = {
    "confirmed": "counts",
    "unconfirmed": "uncertain",
    "provisional": "uncertain",
    "differential": "uncertain",
    "refuted": "never",
    "entered-in-error": "never",
}
"""Condition.verificationStatus; one that states none is a condition as recorded."""

ACTIVE = frozenset({"active", "recurrence", "relapse"})
INACTIVE = frozenset({"inactive", "remission", "resolved"})


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside a resource: the day of the import, and when its patient was born."""

    today: date
    born: Days | None = None


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
        return _verified(resource)
    status = resource.get("status")
    if not isinstance(status, str):
        return "uncertain", "no status that is understood"
    found = STATUSES.get(kind, {}).get(status)
    words = f"status {clean(status)[:40]}"
    return (found, words) if found else ("uncertain", f"{words}, which FHIR R4 does not know")


_OTHERS = frozenset(
    "Device Group Location Organization Patient Practitioner PractitionerRole RelatedPerson"
    " Substance".split()
)
"""Whose result is not the subject's own. A specimen or a condition may well be the subject's."""


def of_another(resource: Resource) -> tuple[bool | None, str]:
    """Whether a result is the subject's own, by its `focus`; None, and why, if not known."""
    if not resource.get("focus"):
        return True, ""
    several, subject = resource["focus"], _named(resource.get("subject"))
    named = [_named(one) for one in several] if isinstance(several, list) else [""]
    if subject and all(one == subject for one in named):
        return True, ""
    words = f"about {clean(named[0])[:60] or 'something'}, as its `focus` says"
    ends = [one.rstrip("/").split("/")[-2:] for one in named]
    if all(end[0] in _OTHERS and end[-1] != subject.rpartition("/")[2] for end in ends):
        return False, f"{words}: not about the patient"
    return None, f"{words}: whether it is the patient's own is not known"


def _named(reference: Any) -> str:
    found = reference.get("reference") if isinstance(reference, dict) else None
    return found if isinstance(found, str) else ""


TAKEN_OUT = "urn:eligo:taken-out"


def modified(element: Resource) -> str:
    """Why a modifier leaves open what an element says; "" if it carries none."""
    found = element.get("modifierExtension")
    if not found:
        return ""
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict) and one.get("url") == TAKEN_OUT:
            where = clean(str(one.get("by")))[:60]
            return f"taken out of {where}: whether it is still so is not known"
    return "carries a modifier that is not understood"


def _verified(resource: Resource) -> tuple[Standing, str]:
    concept = resource.get("verificationStatus")
    if concept is None and "verificationStatus" not in resource:
        return "counts", ""
    codes = concept_codes(concept)
    if not codes or not concept_understood(concept):
        return "uncertain", "its verification status is not understood"
    standings = {VERIFIED.get(code, "uncertain") for code in codes}
    words = f"verification status {clean(codes[0])[:40]}"
    return (standings.pop(), words) if len(standings) == 1 else ("uncertain", words)


def clinical(resource: Resource, today: date) -> tuple[bool | None, str]:
    """Whether a condition is active; None, and why, where that cannot be told."""
    concept = resource.get("clinicalStatus")
    codes = set(concept_codes(concept))
    if codes & ACTIVE and codes & INACTIVE:
        return None, "states both active and inactive"
    if codes and codes <= INACTIVE:
        return False, f"clinical status {clean(min(codes))}: not active"
    if not codes & ACTIVE or not concept_understood(concept):
        return None, "does not state whether it is active"
    ends = days_of(resource.get("abatementDateTime"))
    if ends is None and isinstance(resource.get("abatementPeriod"), dict):
        ends = days_of(resource["abatementPeriod"].get("end"))
    if ends is not None and ends.last < today:
        return None, "states that it is active, and that it has ended"
    return True, ""
