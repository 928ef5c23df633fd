"""The first pass: each resource is read once, and what may say something is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from app.exchange.fhir.link import links_of
from app.exchange.fhir.read import Read, Reference
from app.exchange.fhir.refer import referred
from app.exchange.fhir.spool import NOBODY, Spool
from app.exchange.report import Line
from engine.exchange.answers import OTHER_FORM, every_item
from engine.exchange.fhir.element import (
    codings,
    concept_label,
    concept_understood,
    concept_words,
    dicts,
    quick_day,
)
from engine.exchange.fhir.map import ORDERS, FhirMap
from engine.exchange.fhir.path import Resource, resource_names
from engine.exchange.fhir.release import foreign
from engine.exchange.recorded import clean

FOREIGN = "not FHIR R4: "
IRRELEVANT = "irrelevant, as the map says: "
MOST_NAMED = 1_000
SHOWN = {
    "http://loinc.org": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "http://www.whocc.no/atc": "ATC",
}
"""Code systems by the name that people know."""


@dataclass(slots=True)
class Doubts:
    """What is wrong with the input as a whole.

    `unread`: what could not be read, and why, the first thousand. `partial`: why more may
    belong to it. `linked`: the patients who have another record. `lost`: why more does.
    """

    unread: list[tuple[str, str]] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)
    linked: list[tuple[int, str, list[Reference]]] = field(default_factory=list)

    lost: list[str] = field(default_factory=list)

    def lose(self, place: str, why: str) -> None:
        """Note something that could not be read."""
        if len(self.unread) < MOST_NAMED:
            self.unread.append((place, why))


def select(
    n: int,
    read: Read,
    fhir_map: FhirMap,
    form: str,
    spool: Spool,
    doubts: Doubts,
    within: int | None = None,
) -> None:
    """Keep one resource, or what is to be said of it. `form` is our questionnaire's URL."""
    resource = read.resource
    if read.deletes:
        spool.see(n, read, Reference(), Reference(), keep=False, why="deletes a resource")
        spool.line(n, NOBODY, Line(read.place, left=f"deletes {read.key}"))
        return
    if resource is None:
        spool.line(n, NOBODY, Line(read.place, left=read.why))
        doubts.lose(read.place, read.why)
        return
    kind = str(resource["resourceType"])
    described = fhir_map.type_of(kind)
    unread = described is None and kind != "QuestionnaireResponse"
    if within is not None and unread and kind != "List" and kind in resource_names():
        return  # a helper of what contains it
    about = read.resolved(resource.get(described.patient if described else "subject"))
    if not about.key and not about.value and isinstance(resource.get("patient"), dict):
        about = read.resolved(resource["patient"])
    day = quick_day(resource)

    def leave(why: str, *, look: bool = False) -> None:
        spool.see(
            n, read, about, Reference(), keep=False, why=why, look=look, day=day, within=within
        )

    for one in referred(read):
        spool.refer(n, one.how, one.to, one.words)
    other = f"{FOREIGN}{read.release}" if read.release else foreign(resource)
    if other:
        doubts.lose(read.name, other)
        leave(other, look=True)
    elif kind not in resource_names():
        why = f"FHIR R4 has no resource `{clean(kind)[:40]}`"
        doubts.lose(read.name, why)
        leave(why, look=True)
    elif kind == "Patient":
        if read.key:
            spool.see(n, read, Reference(), Reference(), keep=True)
            if others := links_of(read):
                doubts.linked.append((n, read.name, others))
        else:
            spool.line(n, NOBODY, Line(read.place, left="a Patient without an id"))
            doubts.lose(read.place, "a Patient without an id")
    elif kind == "Medication":
        spool.see(n, read, Reference(), Reference(), keep=True, why="a drug that others refer to")
    elif kind == "QuestionnaireResponse":
        if _ours(resource, form):
            spool.see(n, read, about, Reference(), keep=True, day=day, within=within)
        else:
            leave(OTHER_FORM)
    elif kind == "List" and resource.get("mode") == "changes":
        leave("a List of changes, which says nothing of what else there is", look=True)
    elif described is None:
        leave(f"no rule of the map reads a {clean(kind)[:40]}")
    else:
        concept = resource.get(described.codes)
        drug = resource.get(described.medication) if described.medication else None
        if _may_hit(resource, fhir_map, described.codes, described.parts) or drug is not None:
            medication = read.resolved(drug)
            spool.see(n, read, about, medication, keep=True, day=day, within=within)
        elif kind in fhir_map.unread_entries or kind in fhir_map.unread_facts:
            code = fhir_map.is_irrelevant(codings(concept))
            if code is not None:
                leave(f"{IRRELEVANT}{code.display}")
            else:
                spool.see(n, read, about, Reference(), keep=True, day=day, within=within)
        else:
            why = uncoded(concept)
            if odd := _not_understood(resource, described.codes, described.parts):
                why = f"its `{odd}` is not understood" if odd in resource else "it has no code"
                doubts.lose(read.name, why)
            leave(why, look=kind in ORDERS)


def _ours(resource: Resource, form: str) -> bool:
    """Whether a response answers our questionnaire, or may: it has our items."""
    said = resource.get("questionnaire")
    named = said.partition("|")[0].strip().rstrip("/") if isinstance(said, str) else ""
    return named.casefold() == form.casefold() or any(
        re.match(r"(facts|records)\.", link) for link, _ in every_item(resource)
    )


def _not_understood(resource: Resource, codes: str, parts: str) -> str:
    """The element whose shape keeps a resource from being recognised; "" if there is none."""
    concept = resource.get(codes)
    if codes in resource and not concept_understood(concept):
        return codes
    if resource["resourceType"] == "Observation" and not concept_label(concept):
        return codes  # a result of nobody knows what
    inside = resource.get(parts, [])
    if not isinstance(inside, list):
        return parts
    understood = (isinstance(one, dict) and concept_understood(one.get(codes)) for one in inside)
    return "" if all(understood) else parts


def _may_hit(resource: Resource, fhir_map: FhirMap, codes: str, parts: str) -> bool:
    kind = resource["resourceType"]
    if kind in fhir_map.uncoded:
        return True
    concepts = [resource.get(codes), *(part.get(codes) for part in dicts(resource.get(parts)))]
    return any(
        fhir_map.selected(kind, codings(one))
        or fhir_map.nearly(kind, codings(one), concept_words(one))
        for one in concepts
    )


def uncoded(concept: Any, label: str = "") -> str:
    """Why the code of a resource selects no rule."""
    found = codings(concept)
    if not found and isinstance(concept, dict) and concept.get("text"):
        return f"its code is free text only ('{concept_label(concept)}')"
    if not found:
        return f"no code of it is in the map ({label})" if label else "it has no code"
    return f"no code of it is in the map ({code_words(concept, label)})"


def code_words(concept: Any, label: str = "") -> str:
    """A concept for people: its system, code and display, or its text."""
    found = codings(concept)
    name = concept_label(concept) or label
    if not found:
        return f"'{name}'" if name else "no code"
    system, code = found[0]
    where = SHOWN.get(system) or clean(system).rstrip("/").rpartition("/")[2]
    words = concept_words(concept)
    return f"{where} {clean(code)}".strip() + (f" '{words[0]}'" if words else "")
