"""A name means the same by every door: it fills in, and refuses what contradicts it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine import terms as m
from engine.exchange.answers import answers_of
from engine.exchange.recorded import Recorded
from engine.exchange.response import response
from engine.read.source import Document, read_document
from engine.read.subjects import subject_of
from engine.terms.agents import as_recorded
from engine.terms.faults import InputRejected
from tests.interop.written import (
    as_redcap,
    back,
    concept,
    from_csv,
    from_redcap,
    import_fhir,
    shipped,
)

ENTRIES = [
    "{agent: rituximab, ended: 2025-01-10}",
    "{agent: R-CHOP, kind: chemotherapy, target: cd20, ended: 2025-01-10}",
    "{agent: MabThera 375 mg/m2, kind: chemotherapy, ended: 2025-01-10}",
]
WRONG = "{agent: rituximab, kind: chemotherapy, ended: 2025-01-10}"


def document_of(*entries: str) -> Document:
    text = f"subject: S\nrecords:\n  therapy:\n    entries: [{', '.join(entries)}]\n...\n"
    return read_document("s.yaml", text.encode())


def table(*entries: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document_of(*entries).value["records"]["therapy"]["entries"]
    return found


def csv_of(*entries: str) -> str:
    columns = ("agent", "kind", "target", "ended")
    rows = [",".join(str(one.get(c) or "") for c in columns) for one in table(*entries)]
    return "subject," + ",".join(columns) + "\n" + "".join(f"S,{row}\n" for row in rows)


@pytest.fixture(scope="module")
def protocol() -> m.Protocol:
    return shipped()[0]


@pytest.fixture(scope="module")
def subject(protocol: m.Protocol) -> m.Subject:
    return subject_of(document_of(*ENTRIES), protocol)


def the_entries(subject: m.Subject) -> list[tuple[Any, ...]]:
    return [(one.values, one.known, one.exact) for one in subject.records["therapy"].entries]


def test_a_table_is_read_with_its_names(protocol: m.Protocol, subject: m.Subject) -> None:
    found = from_csv("subject\nS\n", {"therapy": csv_of(*ENTRIES)}, protocol)
    assert found.faults == []
    assert the_entries(back(found.recorded[0], protocol)) == the_entries(subject)
    refused = from_csv("subject\nS\n", {"therapy": csv_of(WRONG)}, protocol)
    assert [fault.code for fault in refused.faults] == ["contradiction"]


def test_a_redcap_export_is_read_with_its_names(protocol: m.Protocol, subject: m.Subject) -> None:
    text = as_redcap(subject, protocol)
    found = from_redcap(text, protocol)
    assert found.faults == []
    assert the_entries(back(found.recorded[0], protocol)) == the_entries(subject)
    try:
        faults = from_redcap(text.replace("R-CHOP", "MabThera"), protocol).faults
    except InputRejected as rejected:
        faults = list(rejected.faults)
    assert "contradiction" in [fault.code for fault in faults]


def test_a_questionnaire_holds_a_combination_once(protocol: m.Protocol, subject: m.Subject) -> None:
    answered = response(subject, document_of(*ENTRIES), protocol)
    assert json.dumps(answered).count("R-CHOP") == 1
    recorded = Recorded("S")
    answers_of(answered, "q.json", protocol, recorded)
    assert the_entries(back(recorded, protocol)) == the_entries(subject)


def test_a_drug_given_in_fhir_is_read_with_its_name() -> None:
    system = "http://www.nlm.nih.gov/research/umls/rxnorm"
    methotrexate = {**concept(system, "6851"), "text": "MTX"}
    patient = {"resourceType": "Patient", "id": "P"}
    given = {
        "resourceType": "MedicationAdministration",
        "id": "a",
        "status": "completed",
        "subject": {"reference": "Patient/P"},
        "medicationCodeableConcept": methotrexate,
        "effectiveDateTime": "2025-01-10",
    }
    bundle = {"resourceType": "Bundle", "type": "collection"}
    entry = [{"resource": one} for one in (patient, given)]
    (subject,) = import_fhir({"b.json": {**bundle, "entry": entry}}).subjects.values()
    (one,) = as_recorded(subject.records["therapy"].entries)
    assert one.values["agent"] == "MTX" and one.known == ("methotrexate",) and one.exact


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("Bexxar", "tositumomab"),
        ("Briumvi®", "ublituximab"),
        ("Ordspono", "odronextamab"),
        ("Lunsumio", "mosunetuzumab"),
        ("Columvi", "glofitamab"),
        ("Rixathon™", "rituximab"),
        ("CTL019", "tisagenlecleucel"),
        ("CART-19", "tisagenlecleucel"),
        ("CART19", "tisagenlecleucel"),
        ("RCHOP", "rituximab"),
        ("CD19 CAR-T", "CD19 CAR-T cells"),
        ("anti‑CD19 CAR‑T", "CD19 CAR-T cells"),
        ("CD19 CAR", "CD19 CAR-T cells"),
    ],
)
def test_an_agent_against_cd19_or_cd20_decides_by_its_name(
    protocol: m.Protocol, text: str, agent: str
) -> None:
    (entry, *_) = subject_of(document_of(f"{{agent: {text}}}"), protocol).records["therapy"].entries
    assert entry.exact and entry.known == (agent,)
    uses = protocol.records["therapy"].known[agent].uses
    assert all({"cd19", "cd20"} & {*use["target"]} for use in uses)


@pytest.mark.parametrize("text", ["CAR-T", "CAR T", "CAR-T cell therapy"])
def test_cells_without_a_target_leave_it_open(protocol: m.Protocol, text: str) -> None:
    (entry,) = subject_of(document_of(f"{{agent: {text}}}"), protocol).records["therapy"].entries
    assert entry.exact and entry.known == ("CAR-T cells",)
    assert "target" not in protocol.records["therapy"].known["CAR-T cells"].uses[0]
