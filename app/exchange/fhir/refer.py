"""What resources say of others: entries of a List, members of a result, a plan's deeds.

They are no statements of their own for any map. But they tell of something that the input may
lack, or that is no longer so, or that was done and is recorded nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.exchange.fhir.read import Read, Reference
from engine.exchange.fhir.element import dicts
from engine.exchange.recorded import clean

How = Literal["member", "source", "entry", "deleted"]
"""`member`, `source`: of a result, `hasMember` and `derivedFrom`; `member` of a report.
`entry`, `deleted`: of a List."""

_NOT_DONE = frozenset({"not-started", "scheduled", "cancelled", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class Refers:
    """A reference to another resource, with the words that stand beside it."""

    how: How
    to: Reference
    words: str


def referred(read: Read) -> Iterator[Refers]:
    """The resources that a List or a result says belong to it."""
    resource = read.resource or {}
    if resource.get("status") == "entered-in-error":
        return
    if resource.get("resourceType") == "Observation":
        for one in dicts(resource.get("hasMember")):
            yield _refers(read, "member", one)
        for one in dicts(resource.get("derivedFrom")):
            yield _refers(read, "source", one)
    elif resource.get("resourceType") == "DiagnosticReport":
        for one in dicts(resource.get("result")):
            yield _refers(read, "member", one)
    elif resource.get("resourceType") == "List":
        for one in dicts(resource.get("entry")):
            item = one.get("item")
            how: How = "entry" if one.get("deleted", False) is False else "deleted"
            yield _refers(read, how, item if isinstance(item, dict) else {})


def _refers(read: Read, how: How, reference: dict[str, Any]) -> Refers:
    text, shown = reference.get("reference"), reference.get("display")
    inside = isinstance(text, str) and text.startswith("#")
    to = Reference(f"{read.name}{text}", read.base) if inside else read.resolved(reference)
    return Refers(how, to, clean(shown) if isinstance(shown, str) else "")


def activities(read: Read) -> Iterator[Read]:
    """What a CarePlan says was begun or done, each as a treatment of which no more is known."""
    plan = read.resource or {}
    if plan.get("resourceType") != "CarePlan" or plan.get("status") == "entered-in-error":
        return
    for number, activity in enumerate(dicts(plan.get("activity")), start=1):
        detail = activity.get("detail")
        if not isinstance(detail, dict) or detail.get("status") in _NOT_DONE:
            continue
        if detail.get("doNotPerform") is True:
            continue
        made = {"status": "unknown", "subject": plan.get("subject"), "meta": plan.get("meta")}
        drug = {
            f"medication{key}": detail[f"product{key}"]
            for key in ("CodeableConcept", "Reference")
            if f"product{key}" in detail
        }
        if drug:
            made |= {"resourceType": "MedicationStatement", **drug}
        else:
            code = detail.get("code", {"text": detail.get("description", "")})
            made |= {"resourceType": "Procedure", "code": code}
        made["contained"] = plan.get("contained")
        place = f"{read.name}#activity{number}"
        resource = {key: value for key, value in made.items() if value is not None}
        yield replace(read, place=place, resource=resource, key=place if read.key else "",
                      within=plan)  # fmt: skip
