"""Tell other releases of FHIR from R4, by name and by shape: they are refused, never guessed at.

The same words mean other things there (`taken: n` in STU3, a `status` that is a text in one
release and a concept in the next), so that reading one as another turns refuted into confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NAMED = re.compile(
    r"hl7\.org/fhir/(?:([1-9]\.[0-9])|(DSTU2|STU3|R4B|R5|R6))/"
    r"|hl7\.org/fhir/StructureDefinition/[A-Za-z]+\|([1-9]\.[0-9])"
    r"|^(?!.*hl7\.org/).*[/.-](DSTU2|STU3|R5|R6)(?:[/.-]|$)",
    re.IGNORECASE,
)
_RELEASES = {
    **dict.fromkeys(("4.0", "4.1", "4.3", "R4B"), ""),
    "1.0": "DSTU2",
    "3.0": "STU3",
    "5.0": "R5",
}
"""Of a number or word in a profile. R4B reads as R4 for everything that is read here."""

_READ_VERSIONS = re.compile(r"4\.(0|1|3)(\.|$)")

_ANYWHERE = {"assertedDate": "STU3", "dateRecorded": "DSTU2"}
_ELEMENTS: Mapping[str, Mapping[str, str]] = {
    "Observation": {
        "related": "STU3",
        "comment": "STU3",
        "comments": "DSTU2",
        "context": "STU3",
        "triggeredBy": "R5",
        "bodyStructure": "R5",
    },
    "Condition": {
        "patient": "DSTU2",
        "context": "STU3",
        "abatementBoolean": "STU3",
        "participant": "R5",
    },
    "Procedure": {
        "notDone": "STU3",
        "notDoneReason": "STU3",
        "notPerformed": "DSTU2",
        "reasonNotPerformed": "DSTU2",
        "context": "STU3",
        "occurrenceDateTime": "R5",
        "occurrencePeriod": "R5",
        "occurrenceString": "R5",
        "occurrenceAge": "R5",
        "occurrenceRange": "R5",
        "occurrenceTiming": "R5",
        "reportedBoolean": "R5",
        "reportedReference": "R5",
    },
    "MedicationAdministration": {
        "notGiven": "STU3",
        "reasonNotGiven": "STU3",
        "prescription": "STU3",
        "wasNotGiven": "DSTU2",
        "patient": "DSTU2",
        "effectiveTimeDateTime": "DSTU2",
        "effectiveTimePeriod": "DSTU2",
        "medication": "R5",
        "occurenceDateTime": "R5",
        "occurencePeriod": "R5",
        "occurenceTiming": "R5",
        "occurrenceDateTime": "R5",
        "occurrencePeriod": "R5",
        "occurrenceTiming": "R5",
    },
    "MedicationStatement": {
        "taken": "STU3",
        "notTaken": "STU3",
        "reasonNotTaken": "STU3",
        "wasNotTaken": "DSTU2",
        "patient": "DSTU2",
        "medication": "R5",
    },
    "MedicationRequest": {"medication": "R5"},
    "MedicationDispense": {"medication": "R5"},
    "Patient": {"animal": "STU3"},
}
"""Elements that R4 does not have, and the release (or a later or earlier one) that does.

Source: the pages of these resources in FHIR DSTU2, STU3, R4 and R5.
"""

_CONCEPTS = ("clinicalStatus", "verificationStatus")


def named_release(resource: Mapping[str, Any]) -> str:
    """Why the names that a resource or Bundle carries are another release's; "" if none is."""
    version = resource.get("fhirVersion")
    if isinstance(version, str) and not _READ_VERSIONS.match(version):
        return f"it says `fhirVersion` {version[:20]}"
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for profile in profiles if isinstance(profiles, list) else [profiles]:
        found = _NAMED.search(profile) if isinstance(profile, str) else None
        if found is None:
            continue
        word = next(group for group in found.groups() if group).upper()
        release = _RELEASES.get(word, word)
        if release:
            return f"its profile names {release}"
    return ""


def foreign(resource: Mapping[str, Any]) -> str:
    """Why a resource is not of FHIR R4; "" if nothing speaks against it."""
    kind = str(resource.get("resourceType"))
    reason = named_release(resource)
    if not reason and kind == "Condition":
        words = [key for key in _CONCEPTS if isinstance(resource.get(key), str)]
        if words:
            reason = f"its `{words[0]}` is a text, as in STU3"
    if not reason:
        elements = _ELEMENTS.get(kind, {})
        found = next((key for key in resource if key in elements), "")
        release = elements.get(found, "")
        if not found and kind == "Condition":
            found = next((key for key in resource if key in _ANYWHERE), "")
            release = _ANYWHERE.get(found, "")
        if found:
            reason = f"it has `{found}`, as in {release}"
    return f"not FHIR R4: {reason}" if reason else ""
