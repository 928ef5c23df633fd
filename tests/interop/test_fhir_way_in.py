"""Nothing in a FHIR record is passed over unseen: each kind of loss, and what holds of all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.import_fhir import Confirmation
from app.store.shipped import shipped_pack
from engine import terms as m
from engine.exchange.fhir.map import FhirMap
from engine.exchange.fhir.map_read import map_of
from engine.exchange.recorded import json_text
from engine.read.packs import MAP_FILE
from tests.command import eligo
from tests.generators import Screening, fewer, screenings
from tests.interop.test_fhir_rules import PATIENT, bundle, creatinine, drug, entries, imported, said
from tests.interop.test_round_trips import screener
from tests.interop.written import (
    CONDITIONS,
    LOINC,
    RESULTS,
    RXNORM,
    SNOMED,
    Imported,
    Json,
    concept,
    import_fhir,
    observation,
    parsed,
    quantity,
    readings,
    shipped,
)

AS_OF = date(2026, 11, 20)
OTHER = concept("urn:x", "other")
WORD = Confirmation("", "therapy", "2026-11-18", "Dr A. Example")


def answers(subject: m.Subject) -> dict[str, str]:
    return {one["id"]: one["answer"] for one in screener().decide(subject, AS_OF)["criteria"]}


def condition(**more: Any) -> Json:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": concept("urn:x", "active"),
        "verificationStatus": concept("urn:x", "confirmed"),
        "code": concept(SNOMED, "84757009", "Epilepsy"),
        "subject": {"reference": "Patient/P"},
        **more,
    }


def told(found: Imported) -> str:
    return json.dumps(found.report)


FEWER = fewer(3)


# --- A: what may be newer ---------------------------------------------------------------


@pytest.mark.parametrize(
    "newer",
    [
        {"issued": "2026-11-18T08:00:00Z"},
        {"effectiveDateTime": "2026-11"},
        {"effectivePeriod": {"start": "2026-11-12"}},
        {"effectiveTiming": {"event": ["2026-11-18"]}},
        {"effectiveDateTime": "20261118"},
        {"effectiveDateTime": 20261118},
        {"effectivePeriod": {"start": "2026-11-18", "end": "2026-11-01"}},
        {"effectiveDateTime": "2016-11-18"},
        {},
    ],
)
def test_a_result_that_may_be_newer_is_not_passed_over(newer: Json) -> None:
    high = creatinine(id="o2", valueQuantity=quantity("3.0", "mg/dL"), effectiveDateTime=None)
    high = {**high, **newer}
    found = imported(creatinine(effectiveDateTime="2026-11-10"), high)
    assert len(said(found, "creatinine")) == 2
    assert answers(found.subjects["P"])["E09"] != "no"


@pytest.mark.parametrize("status", ["preliminary", "registered", "unknown", "invented"])
def test_a_newer_result_on_its_way_leaves_it_open(status: str) -> None:
    found = imported(creatinine(effectiveDateTime="2026-11-10"), creatinine(id="o2", status=status))
    assert [one.unknown for one in said(found, "creatinine")] == [None, "pending"]
    older = imported(creatinine(), creatinine(id="o2", status=status,
                                              effectiveDateTime="2026-11-10"))  # fmt: skip
    reading = readings(older.subjects["P"], screener().protocol, AS_OF)["creatinine"]
    assert reading.low == reading.high == 500_000


def test_a_day_after_today_is_refused(tmp_path: Path) -> None:
    late = creatinine(effectiveDateTime="2062-11-18")
    found = imported(creatinine(id="o2"), late)
    assert said(found, "creatinine")[1].unknown == "pending"
    assert said(found, "creatinine")[1].last is None
    (tmp_path / "b.json").write_text(json_text(bundle(late)), "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "o"))
    assert ran.code == 2
    assert "2062-11-18" in ran.err


# --- B: what the map does not know ------------------------------------------------------

GIVEN = {
    "product": drug("1863354", medicationCodeableConcept=concept(RXNORM, "1863354", "VCR 1 MG/ML")),
    "text": drug(medicationCodeableConcept={"text": "rituximab 500 mg"}),
    "lost": {
        **{k: v for k, v in drug().items() if k != "medicationCodeableConcept"},
        "medicationReference": {"reference": "Medication/none", "display": "chemo bag"},
    },
    "no code": {k: v for k, v in drug().items() if k != "medicationCodeableConcept"},
    "misshapen": drug(medicationCodeableConcept="a drug"),
    "procedure": {
        "resourceType": "Procedure",
        "id": "p1",
        "status": "in-progress",
        "code": concept(SNOMED, "1217123003", "Radiotherapy course"),
        "subject": {"reference": "Patient/P"},
        "performedDateTime": "2026-11-10",
    },
}


@pytest.mark.parametrize("resource", GIVEN.values(), ids=GIVEN)
def test_what_was_given_and_is_not_in_the_map_may_match(resource: Json) -> None:
    key = "performedDateTime" if resource["id"] == "p1" else "effectiveDateTime"
    resource = {**resource, key: "2026-11-18"}
    found = imported(resource, confirmations=[WORD])
    (entry,) = entries(found)
    assert "kind" not in entry.values
    assert entry.note
    therapy = found.subjects["P"].records["therapy"]
    assert (str(therapy.complete_on), therapy.count) == ("2026-11-18", 1)
    found_answers = answers(found.subjects["P"])
    assert found_answers["I06"] != "yes"
    assert found_answers["E06"] != "no"
    assert "1 of its 1 entries may be anything" in told(found)
    assert "not in the map" in found.summary


def test_what_was_not_given_is_no_entry() -> None:
    for status in ("not-done", "entered-in-error"):
        assert entries(imported(drug("1863354", status=status))) == ()


def test_a_bag_is_what_is_in_it() -> None:
    bag = {
        "resourceType": "Medication",
        "id": "x",
        "code": {"text": "chemo bag"},
        "ingredient": [
            {"itemCodeableConcept": concept(RXNORM, "3041", "cytarabine")},
            {"itemCodeableConcept": {"text": "something else"}},
        ],
    }
    given = {**GIVEN["lost"], "contained": [bag], "medicationReference": {"reference": "#x"}}
    first, second = entries(imported(given))
    assert first.values["kind"] == "chemotherapy"
    assert second.values["agent"] == "something else"
    assert "kind" not in second.values


def test_an_active_diagnosis_that_the_map_does_not_know_leaves_facts_open() -> None:
    clear = observation("x", concept(LOINC, "1-8"))
    facts = imported(condition(), clear).subjects["P"].facts
    for fact in ("other_malignancy", "cns_disorder", "gvhd_active", "infection", "disease"):
        assert [one.unknown for one in facts[fact]] == ["pending"]
        assert "Epilepsy (Condition/c1)" in facts[fact][0].note
    past = imported(condition(clinicalStatus=concept("urn:x", "resolved"))).subjects["P"].facts
    assert past.keys() == {"birth_date", "disease"}
    refuted = condition(verificationStatus=concept("urn:x", "refuted"))
    assert imported(refuted).subjects["P"].facts.keys() == {"birth_date"}


def test_a_diagnosis_that_holds_already_is_not_opened_by_another() -> None:
    known = condition(id="c0", code=CONDITIONS["disease", "b_all"])
    facts = imported(known, condition()).subjects["P"].facts
    assert [one.value for one in facts["disease"]] == ["b_all"]


def longer_map(more: str) -> FhirMap:
    text = (shipped_pack() / MAP_FILE).read_text("utf-8")
    return map_of("fhir.yaml", f"{text}\n{more}\n".encode(), shipped()[0])


def test_the_map_says_what_an_unknown_code_may_be_about() -> None:
    resources = [GIVEN["procedure"], condition()]
    closed = longer_map("unread: {Procedure: [], Condition: [cns_disorder]}")
    found = imported(*resources, fhir_map=closed)
    assert entries(found) == ()
    assert found.subjects["P"].facts.keys() == {"birth_date", "cns_disorder"}
    assert "left_out" in found.lines()["Procedure/p1"]


def test_the_map_says_what_is_irrelevant() -> None:
    marrow = {**GIVEN["procedure"], "code": concept(SNOMED, "49401003", "Marrow")}
    found = imported(marrow)
    assert entries(found) == ()
    assert "irrelevant, as the map says" in found.lines()["Procedure/p1"]["left_out"]
    assert "1 x irrelevant, as the map says: Bone marrow aspiration" in found.summary


@pytest.mark.parametrize(
    ("files", "count", "complete"),
    [
        ({"b.json": [drug()]}, None, True),
        ({"b.json": [drug()]}, 1, True),
        ({"b.json": [drug()]}, 2, False),
        ({"b.json": [drug(), drug(id="m2")]}, 1, False),
        ({"a.ndjson": [drug()]}, None, False),
        ({"a.ndjson": [drug()]}, 1, True),
        ({"a.ndjson": [drug()]}, 2, False),
    ],
)
def test_a_confirmation_counts(files: Any, count: int | None, complete: bool) -> None:
    word = Confirmation("", "therapy", "2026-11-18", "Dr A. Example", count)
    ((name, resources),) = files.items()
    made = bundle(*resources)
    if name.endswith("ndjson"):
        text = "".join(json_text(one["resource"]).replace("\n", " ") + "\n"
                       for one in made["entry"])  # fmt: skip
        found = import_fhir({name: text}, confirmations=[word])
    else:
        found = import_fhir({name: made}, confirmations=[word])
    therapy = found.subjects["P"].records["therapy"]
    assert (therapy.complete_on is not None) == complete
    assert ("was not confirmed" in told(found)) == (not complete)
    imported_from = found.subjects["P"].imported
    assert imported_from is not None
    assert imported_from.whole == (name == "b.json")


UNREADABLE: dict[str, bytes] = {
    "cut.json": b'{"resourceType": "Bundle", "type": "coll',
    "x.json": b"<Bundle/>",
    "gz.json": b"\x1f\x8b\x08\x00",
    "zip.ndjson": b"PK\x03\x04 and more",
    "empty.json": b"",
    "empty.ndjson": b"",
    "batch.json": b'{"resourceType": "Bundle", "type": "batch-response", "entry": []}',
    "cut.ndjson": b'{"resourceType": "Observation", "id": "x", "sta',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_exit_2_and_confirms_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(UNREADABLE[name])
    (tmp_path / "good.json").write_text(json_text(bundle(drug())), "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / name), str(tmp_path / "good.json"), "--out",
                str(tmp_path / "o"), "--confirm", "therapy=2026-11-18:1", "--by", "N")  # fmt: skip
    assert ran.code == 2
    assert name in ran.err
    assert "therapy was not confirmed" in ran.err
    text = (tmp_path / "o" / "subjects" / "P.yaml").read_text("utf-8")
    assert "complete_on" not in text
    assert "whole: false" in text


@pytest.mark.parametrize("suffix", ["gz", "zip", "xml"])
def test_a_packed_file_in_a_folder_is_exit_2(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"b.ndjson.{suffix}").write_bytes(b"x")
    (tmp_path / "in" / "good.json").write_text(json_text(bundle(drug())), "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "in"), "--out", str(tmp_path / "o"))
    assert ran.code == 2
    assert f"b.ndjson.{suffix}" in ran.err


@pytest.mark.parametrize(
    "more",
    [{"link": [{"relation": "next", "url": "http://x/2"}]}, {"total": 9}],
)
def test_a_page_of_a_search_is_not_whole(more: Json) -> None:
    made = {**bundle(drug()), "type": "searchset", **more}
    therapy = import_fhir({"b.json": made}, confirmations=[WORD]).subjects["P"].records["therapy"]
    assert therapy.complete_on is None


def test_no_patient_is_exit_2(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"resourceType": "Bundle", "type": "batch"}', "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "o"))
    assert ran.code == 2
    assert "no patient" in ran.err


# --- C: contradictions ------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"effectivePeriod": {"start": "2026-11-18", "end": "2026-10-01"}},
        {"effectivePeriod": {"start": "2026-11-18", "end": "2099-10-01"}},
        {"effectiveDateTime": "2015-11-18"},
        {"status": "in-progress", "effectivePeriod": {"start": "2026-10-01", "end": "2026-10-31"}},
        {"resourceType": "MedicationStatement", "status": "active",
         "effectivePeriod": {"start": "2026-10-01", "end": "2026-10"}},
    ],
)  # fmt: skip
def test_dates_that_contradict_themselves_are_not_used(more: Json) -> None:
    given = {k: v for k, v in drug().items() if k != "effectiveDateTime"}
    (entry,) = entries(imported({**given, **more}))
    assert entry.values.keys() == {"agent", "kind"}
    assert "not dated" in entry.note or "before the patient was born" in entry.note


def test_a_condition_that_is_active_and_over_is_unknown() -> None:
    over = condition(code=CONDITIONS["other_malignancy", True], abatementDateTime="2026-01-01")
    assert [one.unknown for one in said(imported(over), "other_malignancy")] == ["pending"]


def steroid(route: Any) -> Json:
    return drug("3264", resourceType="MedicationStatement", status="active",
                dosage=[{"route": route}] if route else None)  # fmt: skip


@pytest.mark.parametrize(
    ("route", "counts"),
    [
        (concept(SNOMED, "6064005", "Topical route"), False),
        (concept(SNOMED, "54485002"), False),
        (concept(SNOMED, "26643006", "Oral route"), True),
        ({"text": "on the skin"}, True),
        (None, True),
    ],
)
def test_a_route_can_make_a_steroid_local(route: Any, counts: bool) -> None:
    given = {key: value for key, value in steroid(route).items() if value is not None}
    found = imported(given)
    assert len(entries(found)) == counts
    if not counts:
        assert "acts where it is put" in found.lines()["MedicationStatement/m1"]["left_out"]


# --- D: whose limit ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "uln"),
    [
        ({"low": {"value": 18, "code": "a"}}, "none"),
        ({"high": {"value": 18, "code": "a"}}, 70_000_000),
        ({"low": {"value": 2, "code": "a"}, "high": {"value": 12, "code": "a"}}, 70_000_000),
        ({"low": {"value": 24, "code": "mo"}, "high": {"value": 150, "unit": "mo"}}, 70_000_000),
        ({"high": {"value": 8, "code": "a"}}, "none"),
        ({"high": {"value": 2, "code": "a"}}, "none"),
        ({"low": {"value": 1, "code": "Gy"}}, "none"),
        ({}, "none"),
    ],
)
def test_a_range_of_another_age_is_no_limit(age: Json, uln: int | str) -> None:
    result = observation("o1", RESULTS["alt"], effectiveDateTime="2026-11-18",
                         valueQuantity=quantity("300", "U/L"),
                         referenceRange=[{"high": quantity("70", "U/L"), "age": age}])  # fmt: skip
    (one,) = said(imported(result), "alt")
    assert (one.uln_u or ("none" if one.no_limit else None)) == uln
    two = {**result, "referenceRange": [*result["referenceRange"],
                                        {"high": quantity("50", "U/L"),
                                         "age": {"low": {"value": 40, "code": "a"}}}]}  # fmt: skip
    (one,) = said(imported(two), "alt")
    assert (one.uln_u or ("none" if one.no_limit else None)) == uln


def test_no_limit_is_not_the_dictionarys() -> None:
    ranges = [{"text": "adults"}]
    result = observation("o1", RESULTS["alt"], effectiveDateTime="2026-11-18",
                         valueQuantity=quantity("30", "U/L"), referenceRange=ranges)  # fmt: skip
    for one, known in ((result, False), ({**result, "referenceRange": []}, True)):
        subject = imported(one).subjects["P"]
        reading = readings(subject, screener().protocol, AS_OF)["alt"]
        assert (reading.times_uln is not None) == known


@FEWER
@given(screenings())
def test_without_a_limit_no_derivation_takes_the_dictionarys(one: Screening) -> None:
    """The decision is made by both derivations, and refused where they differ."""
    protocol = one.case.protocol
    recorded = dict(one.recorded)
    facts = {}
    for name, stated in (recorded.get("facts") or {}).items():
        several = stated if isinstance(stated, list) else [stated]
        if protocol.facts[name].type == "quantity":
            several = [{"value": s} if not isinstance(s, dict) else s for s in several]
            several = [{**s, "uln": "none"} if s.get("value") is not None else s for s in several]
        facts[name] = several
    subject, _ = parsed({**recorded, "facts": facts}, protocol)
    one.case.screener.decide(subject, one.as_of)
    for reading in readings(subject, protocol, one.as_of).values():
        assert reading.times_uln is None


# --- E: identity and version ------------------------------------------------------------


def version(number: int, **more: Any) -> Json:
    return creatinine(meta={"versionId": str(number),
                            "lastUpdated": f"2026-11-{10 + number}T00:00:00Z"}, **more)  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("newer", "expected"),
    [
        ({"status": "entered-in-error"}, []),
        ({"status": "corrected", "valueQuantity": quantity("4", "mg/dL")}, [4_000_000]),
        ({"code": OTHER}, []),
        ({"subject": {"reference": "Patient/other"}}, []),
    ],
)
def test_the_newest_version_counts(newer: Json, expected: list[int], order: Any) -> None:
    both = [version(1), version(2) | newer]
    first, second = (both[i] for i in order)
    for found in (imported(first, second),
                  import_fhir({"a.json": bundle(first), "b.json": bundle(second)})):  # fmt: skip
        values = [one.value for one in said(found, "creatinine")]
        assert [one.amount_u for one in values if isinstance(one, m.Amount)] == expected
        assert len(values) == len(expected)


def history(*entries: Json) -> Json:
    patient = {"resource": {"resourceType": "Patient", "id": "P", "birthDate": "2018-03-02"}}
    return {"resourceType": "Bundle", "type": "history", "entry": [patient, *entries]}


def test_a_history_that_deletes() -> None:
    made = {"resource": creatinine(), "request": {"method": "POST", "url": "Observation"}}
    put = {"resource": creatinine(), "request": {"method": "PUT", "url": "Observation/o1"}}
    gone = {"request": {"method": "DELETE", "url": "Observation/o1"}}
    for several in ((gone, made), (made, gone), (gone, put)):
        assert said(import_fhir({"h.json": history(*several)}), "creatinine") == ()
    (one,) = said(import_fhir({"h.json": history(put, gone)}), "creatinine")
    assert one.unknown == "pending"  # which comes first is not told
    given = {"resource": drug(), "request": {"method": "PUT", "url": "MedicationAdministration/m1"}}
    away = {"request": {"method": "DELETE", "url": "MedicationAdministration/m1"}}
    (entry,) = entries(import_fhir({"h.json": history(given, away)}))
    assert entry.values == {}


def test_versions_that_cannot_be_told_apart_leave_it_open() -> None:
    found = imported(creatinine(), creatinine(status="entered-in-error"))
    assert [one.unknown for one in said(found, "creatinine")] == ["pending"]
    found = imported(drug(), drug("3264"), confirmations=[WORD])
    (entry,) = entries(found)
    assert "kind" not in entry.values
    therapy = found.subjects["P"].records["therapy"]
    assert therapy.count == 1


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (condition(verificationStatus="refuted"), "a text, as in STU3"),
        (condition(clinicalStatus="active"), "a text, as in STU3"),
        (drug(notGiven=True), "`notGiven`"),
        (drug(resourceType="MedicationStatement", taken="n"), "`taken`"),
        ({**GIVEN["procedure"], "notDone": True}, "`notDone`"),
        ({**GIVEN["procedure"], "occurrenceDateTime": "2026-11-10"}, "as in R5"),
        (drug(medication={"concept": concept(RXNORM, "11202")}), "as in R5"),
        (drug(occurenceDateTime="2026-11-10"), "as in R5"),
        (creatinine(related=[]), "`related`"),
        (creatinine(fhirVersion="3.0.2"), "fhirVersion"),
        (creatinine(meta={"profile": ["http://hl7.org/fhir/3.0/StructureDefinition/X"]}), "STU3"),
        (creatinine(meta={"profile": ["http://hl7.org/fhir/5.0/StructureDefinition/X"]}), "R5"),
        (
            creatinine(meta={"profile": ["https://x.example/STU3/StructureDefinition/Y"]}),
            "STU3",
        ),
    ],
)
def test_another_release_is_refused(tmp_path: Path, resource: Json, why: str) -> None:
    (tmp_path / "b.json").write_text(json_text(bundle(resource)), "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "o"))
    assert ran.code == 2
    assert why in ran.err
    assert f"{resource['resourceType']}/{resource['id']}" in ran.err
    assert not list((tmp_path / "o" / "subjects").iterdir())


@pytest.mark.parametrize(
    "profile",
    ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-patient",
     "http://hl7.org/fhir/4.0/StructureDefinition/Observation",
     "http://hl7.org/fhir/StructureDefinition/Observation|4.0.1"],
)  # fmt: skip
def test_a_profile_of_this_release_is_read(profile: str) -> None:
    assert len(said(imported(creatinine(meta={"profile": [profile]})), "creatinine")) == 1


def with_bases(patient: str | None, result: str | None, about: str) -> Json:
    made = bundle(creatinine(subject={"reference": about}))
    for entry, base, key in zip(made["entry"], (patient, result), ("Patient/P", "Observation/o1"),
                                strict=True):  # fmt: skip
        if base:
            entry["fullUrl"] = f"{base}/{key}"
    return made


@pytest.mark.parametrize(
    ("patient", "result", "about", "his"),
    [
        ("http://a/fhir", "http://a/fhir", "Patient/P", True),
        ("http://a/fhir", "http://a/fhir", "http://a/fhir/Patient/P", True),
        ("http://a/fhir", None, "Patient/P", True),
        (None, None, "http://a/fhir/Patient/P", True),
        ("http://a/fhir", "http://b/fhir", "Patient/P", False),
        ("http://a/fhir", "http://b/fhir", "http://b/fhir/Patient/P", False),
        ("http://a/fhir", "http://a/fhir", "http://b/fhir/Patient/P", False),
        ("http://a/fhir", None, "http://b/fhir/Patient/P", False),
    ],
)
def test_a_reference_matches_its_own_base(
    patient: str | None, result: str | None, about: str, his: bool
) -> None:
    found = import_fhir({"b.json": with_bases(patient, result, about)})
    assert bool(said(found, "creatinine")) == his
    if not his:
        assert "is not in the input" in found.lines()["Observation/o1"]["left_out"]


@pytest.mark.parametrize(
    ("about", "his"),
    [
        ({"identifier": {"system": "urn:s", "value": "7"}}, True),
        ({"reference": "Patient?identifier=urn:s|7"}, True),
        ({"identifier": {"system": "urn:t", "value": "7"}}, False),
        ({"identifier": {"value": "7"}}, False),
        ({"reference": "Patient/P", "identifier": {"system": "urn:s", "value": "7"}}, True),
        ({"reference": "Patient/P", "identifier": {"system": "urn:s", "value": "8"}}, False),
    ],
)
def test_a_reference_by_identifier(about: Json, his: bool) -> None:
    patients = [{"resourceType": "Patient", "id": key, "identifier": [{"system": "urn:s",
                                                                       "value": value}]}
                for key, value in (("P", "7"), ("Q", "8"))]  # fmt: skip
    found = imported(creatinine(subject=about), patients[1], patient=patients[0])
    assert bool(said(found, "creatinine")) == his


def test_a_system_by_its_object_identifier() -> None:
    code = concept("urn:oid:2.16.840.1.113883.6.1", "2160-0")
    unit = {**quantity("3", "mg/dL"), "system": "urn:oid:2.16.840.1.113883.6.8"}
    result = creatinine(valueQuantity=unit) | {"code": code}
    (one,) = said(imported(result), "creatinine")
    assert one.value == m.Amount(3_000_000, "mg/dL")


def test_what_has_no_id_and_is_equal_may_be_the_same() -> None:
    given = {key: value for key, value in drug().items() if key != "id"}
    first, second = entries(imported(given, given))
    assert first.values["kind"] == "chemotherapy"
    assert "kind" not in second.values


def test_a_form_that_cannot_be_taken_leaves_its_facts_open() -> None:
    item = {"linkId": "facts.creatinine.value", "answer": [{"valueQuantity": {"value": 3}}]}
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "questionnaire": "urn:eligo:questionnaire:cd19-car-t-b-all|1.0",
        "status": "completed",
        "authored": "2026-11-18",
        "subject": {"reference": "Patient/P"},
        "item": [
            {"linkId": "facts", "item": [{"linkId": "facts.creatinine", "item": [item]}]},
        ],
    }
    found = imported(creatinine(effectiveDateTime="2026-11-10"), form)
    assert [one.unknown for one in said(found, "creatinine")] == [None, "pending"]
    assert str(said(found, "creatinine")[1].not_after) == "2026-11-18"


@pytest.mark.parametrize(
    "odd",
    [
        {"code": "2160-0"},
        {"code": {"coding": {"system": LOINC, "code": "2160-0"}}},
        {"code": {"coding": [{"system": LOINC, "code": 2160}]}},
        {"code": OTHER, "component": {"code": RESULTS["creatinine"]}},
        {"subject": "Patient/P"},
    ],
)
def test_what_is_not_understood_is_not_absent(tmp_path: Path, odd: Json) -> None:
    made = bundle(creatinine(id="o2", effectiveDateTime="2026-11-10"), creatinine() | odd)
    (tmp_path / "b.json").write_text(json_text(made), "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "o"),
                "--confirm", "therapy=2026-11-18:0", "--by", "N")  # fmt: skip
    assert ran.code == 2
    assert "Observation/o1" in ran.err
    assert "therapy was not confirmed" in ran.err


@pytest.mark.parametrize(
    "odd",
    [
        {"valueQuantity": [quantity("3", "mg/dL")]},
        {"valueQuantity": quantity("3", "mg/dL") | {"value": {"is": 3}}},
        {"valueQuantity": "3 mg/dL"},
        {"status": {"code": "final"}},
        {"modifierExtension": {"url": "urn:x"}},
        {"dataAbsentReason": "error"},
    ],
)
def test_a_result_of_an_odd_shape_is_open(odd: Json) -> None:
    found = imported(creatinine(id="o2", effectiveDateTime="2026-11-10"), creatinine() | odd)
    assert [one.unknown for one in said(found, "creatinine")] == [None, "pending"]


def test_what_stands_before_its_patient_is_read_the_same() -> None:
    made = bundle(creatinine(effectiveDateTime="2016-11-18"))
    made["entry"].reverse()
    (one,) = said(import_fhir({"b.json": made}), "creatinine")
    assert "before the patient was born" in one.note


def test_ids_that_are_nearly_one_are_remarked() -> None:
    found = imported({"resourceType": "Patient", "id": "p"})
    assert found.subjects.keys() == {"P", "p"}
    assert "differ in case" in found.summary


# --- F: numbers -------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["1e999999999", "-1e-999999999", "9" * 5_000, "0." + "1" * 99])
def test_a_number_is_bounded_before_it_is_built(number: str) -> None:
    text = json_text(bundle(creatinine())).replace("0.5", number)
    (one,) = said(import_fhir({"b.json": text}), "creatinine")
    assert one.unknown == "pending"


# --- what holds of all ------------------------------------------------------------------

POOL: list[Json] = [
    creatinine(),
    creatinine(id="o2", effectiveDateTime="2026-11-10", valueQuantity=quantity("3", "mg/dL")),
    creatinine(id="o3", effectiveDateTime=None, issued="2026-11-19T08:00:00Z"),
    observation("alt", RESULTS["alt"], effectiveDateTime="2026-11-18",
                valueQuantity=quantity("25", "U/L"),
                referenceRange=[{"high": quantity("70", "U/L"), "age": {}}]),
    observation("other", concept(LOINC, "1-8"), effectiveDateTime="2026-11-18"),
    drug(),
    drug(id="m2", status="in-progress"),
    drug("1863354", id="m3"),
    {**GIVEN["text"], "id": "m4"},
    {**GIVEN["lost"], "id": "m5"},
    {**GIVEN["procedure"], "id": "p1"},
    steroid(concept(SNOMED, "6064005")),
    condition(),
    condition(id="c2", code=CONDITIONS["other_malignancy", True], recordedDate="2026-11-18"),
    condition(id="c3", code=CONDITIONS["disease", "b_all"]),
    version(1, id="o9"),
    version(2, id="o9", status="entered-in-error"),
]  # fmt: skip
PARTS = st.lists(st.sampled_from(range(len(POOL))), unique=True, max_size=8)


def lines(resources: Iterable[Json]) -> str:
    return "".join(json.dumps(json.loads(json_text(one))) + "\n" for one in resources)


def statements(subject: m.Subject) -> tuple[Any, ...]:
    return subject.facts, subject.records


@FEWER
@given(PARTS, st.data())
def test_what_is_there_twice_changes_nothing(which: list[int], data: st.DataObject) -> None:
    resources = [PATIENT, *(POOL[i] for i in which)]
    twice = data.draw(st.lists(st.sampled_from(resources), max_size=4))
    once = import_fhir({"a.ndjson": lines(resources)})
    again = import_fhir({"a.ndjson": lines([*resources, *twice])})
    both = import_fhir({"a.ndjson": lines(resources), "b.ndjson": lines(resources)})
    split = import_fhir({"a.ndjson": lines(resources), "b.ndjson": lines([*twice, PATIENT])})
    for other in (again, both, split):
        assert statements(other.subjects["P"]) == statements(once.subjects["P"])
    first, second = (one.subjects["P"].imported for one in (once, again))
    assert first is not None
    assert second is not None
    assert first.left_out == second.left_out


@FEWER
@given(PARTS)
def test_every_resource_is_in_the_file_or_in_the_account(which: list[int]) -> None:
    found = imported(*(POOL[i] for i in which))
    subject = found.subjects["P"]
    sources = {one.source for several in subject.facts.values() for one in several}
    sources |= {one.source for listed in subject.records.values() for one in listed.entries}
    account = found.lines()
    for i in which:
        name = f"{POOL[i]['resourceType']}/{POOL[i]['id']}"
        line = account[name]
        assert line.get("left_out") or line.get("gave")
        if name not in sources:
            assert line.get("left_out") or name in told(found)


@FEWER
@given(PARTS, st.integers(0, 10_000))
def test_a_cut_stream_is_never_more_eligible(which: list[int], cut: int) -> None:
    """A stream that states how many entries it has confirms them all, or none."""
    text = lines([PATIENT, *(POOL[i] for i in which)])
    whole = import_fhir({"a.ndjson": text})
    therapy = whole.subjects["P"].records.get("therapy")
    count = len(therapy.entries) if therapy else 0
    word = Confirmation("", "therapy", "2026-11-18", "N", count)
    confirmed = import_fhir({"a.ndjson": text}, confirmations=[word])
    before = answers(confirmed.subjects["P"])
    part = import_fhir({"a.ndjson": text[: cut % len(text)]}, confirmations=[word])
    if "P" not in part.subjects:
        return
    after = answers(part.subjects["P"])
    lists = ("I06", "E05", "E06", "E07")
    for one in lists:
        good = "yes" if one[0] == "I" else "no"
        assert after[one] != good or before[one] == good


@pytest.mark.parametrize(
    ("count", "complete"),
    [(None, True), (1, True), (2, False), (-1, False), ("1", False), (1.5, False), (True, False)],
)
def test_a_form_confirms_a_number_of_entries(count: Any, complete: bool) -> None:
    items = [{"linkId": "records.therapy.complete_on", "answer": [{"valueDate": "2026-11-18"}]}]
    if count is not None:
        items.append({"linkId": "records.therapy.count", "answer": [{"valueInteger": count}]})
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "questionnaire": "urn:eligo:questionnaire:cd19-car-t-b-all|1.0",
        "status": "completed",
        "subject": {"reference": "Patient/P"},
        "item": [
            {"linkId": "records", "item": [{"linkId": "records.therapy", "item": items}]},
        ],
    }
    made = json.loads(json_text(bundle(drug())))
    made["entry"].append({"resource": form})
    found = import_fhir({"b.json": json.dumps(made)})
    therapy = found.subjects["P"].records["therapy"]
    assert (therapy.complete_on is not None) == complete
    stream = "".join(json.dumps(one["resource"]) + "\n" for one in made["entry"])
    therapy = import_fhir({"a.ndjson": stream}).subjects["P"].records["therapy"]
    assert (therapy.complete_on is not None) == (count == 1 and count is not True)


# --- what stands where it is not looked for ---------------------------------------------


def ran_with(tmp_path: Path, *resources: Json) -> Any:
    (tmp_path / "b.json").write_text(json_text(bundle(*resources)), "utf-8")
    return eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "o"),
                 "--confirm", "therapy=2026-11-18", "--by", "N")  # fmt: skip


def without_subject(resource: Json) -> Json:
    return {key: value for key, value in resource.items() if key != "subject"}


@pytest.mark.parametrize("kind", ["DiagnosticReport", "List", "Encounter", "Observation"])
@pytest.mark.parametrize("own", [True, False])
def test_what_is_contained_is_read(kind: str, own: bool) -> None:
    parts = [creatinine(id="c"), drug(id="m")]
    outer = {
        "resourceType": kind,
        "id": "d",
        "status": "final",
        "code": OTHER,
        "subject": {"reference": "Patient/P"},
        "contained": parts if own else [without_subject(one) for one in parts],
    }
    found = imported(creatinine(id="o2", effectiveDateTime="2026-11-10"), outer)
    assert len(said(found, "creatinine")) == 2
    assert len(entries(found)) == 1
    error = imported(outer | {"status": "entered-in-error"})
    assert [one.unknown for one in said(error, "creatinine")] == ["pending"]
    newer = {**outer, "meta": {"versionId": "2"}, "contained": []}
    assert not said(imported(outer | {"meta": {"versionId": "1"}}, newer), "creatinine")
    same = imported(outer | {"meta": {"versionId": "1"}}, outer | {"meta": {"versionId": "2"}})
    assert len(said(same, "creatinine")) == 1


VALUE: Json = {
    "linkId": "facts.creatinine.value",
    "answer": [{"valueQuantity": quantity("0.4", "mg/dL")}],
}
INNER = [{**VALUE["answer"][0], "item": [VALUE]}]


@pytest.mark.parametrize(
    "items",
    [
        [VALUE],
        [{"linkId": "facts", "item": [VALUE]}],
        [{"linkId": "facts", "item": [{"linkId": "facts.creat", "item": [VALUE]}]}],
        [{"linkId": "facts", "item": [{"linkId": "facts.hemoglobin", "item": [VALUE]}]}],
        [{"linkId": "facts", "item": [{"linkId": "facts.creatinine", "item": [VALUE, VALUE]}]}],
        [{"linkId": "facts", "item": [{"linkId": "facts.creatinine",
                                       "item": [{**VALUE, "answer": INNER}]}]}],
        [{"linkId": "facts", "item": [{"linkId": "facts.creatinine",
                                       "item": [{"linkId": VALUE["linkId"], "item": [VALUE]}]}]}],
        None,
    ],
)  # fmt: skip
def test_an_item_out_of_its_place_is_not_lost(tmp_path: Path, items: list[Json] | None) -> None:
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "questionnaire": "urn:eligo:questionnaire:cd19-car-t-b-all|1.0",
        "status": "completed",
        "subject": {"reference": "Patient/P"},
        "item": items,
    }
    if items is None:
        whole = [{"linkId": "facts", "item": [{"linkId": "facts.creatinine", "item": [VALUE]}]}]
        form = {**form, "questionnaire": None, "item": whole}
    found = imported(creatinine(effectiveDateTime="2026-11-10"), form)
    assert "pending" in [one.unknown for one in said(found, "creatinine")]
    ran = ran_with(tmp_path, form)
    assert ran.code == 2
    assert "therapy was not confirmed" in ran.err


@pytest.mark.parametrize(
    "odd",
    [
        {"subject": {"reference": "patient/P"}},
        {"subject": {"reference": "PATIENT/P"}},
        {"subject": {"reference": "Patient/p"}},
        {"subject": {"reference": "Group/1"}},
        {"resourceType": "observation"},
        {"resourceType": "Observations"},
    ],
)
def test_what_is_nearly_of_the_patient_confirms_nothing(tmp_path: Path, odd: Json) -> None:
    ran = ran_with(tmp_path, creatinine() | odd)
    assert ran.code == 2
    assert "therapy was not confirmed" in ran.err


@pytest.mark.parametrize(
    "route",
    [
        {"coding": [{"system": SNOMED, "code": "6064005"},
                    {"system": SNOMED, "code": "26643006"}]},
        {"coding": [{"system": SNOMED, "code": "6064005"}], "text": "oral"},
        {"coding": [{"system": SNOMED, "code": "6064005", "display": "Oral route"}]},
    ],
)  # fmt: skip
def test_a_route_that_says_two_things_is_not_local(route: Json) -> None:
    assert len(entries(imported(steroid(route)))) == 1


@pytest.mark.parametrize(
    "code",
    [
        {"coding": [{"code": "2160-0"}]},
        concept("http://LOINC.org", "2160-0"),
        concept("http://loinc.org/", "2160-0"),
        concept("https://loinc.org", "2160-0"),
        concept("http://loinc.org|2.77", "2160-0"),
        concept(LOINC, "2160-0 "),
        {"text": "creatinine [mass/volume] in serum or plasma"},
    ],
)
@pytest.mark.parametrize("part", [False, True])
def test_a_code_that_is_written_otherwise_leaves_it_open(code: Json, part: bool) -> None:
    value = {"code": code, "valueQuantity": quantity("3", "mg/dL")}
    odd = creatinine(id="o2") | (value if not part else {"code": OTHER, "component": [value]})
    found = imported(creatinine(id="o3", effectiveDateTime="2026-11-10"), odd)
    assert [one.unknown for one in said(found, "creatinine")] == [None, "pending"]
    assert str(said(found, "creatinine")[1].first) == "2026-11-18"


@pytest.mark.parametrize(
    "odd",
    [
        {"implicitRules": "urn:x"},
        {"interpretation": [concept("urn:x", ">")]},
        {"interpretation": [{"text": "<"}]},
        {"valueQuantity": {"value": 1, "unit": "mg/dL", "system": "urn:z", "code": "mmol/L"}},
    ],
)
def test_what_may_mean_something_else_is_open(odd: Json) -> None:
    assert [one.unknown for one in said(imported(creatinine() | odd), "creatinine")] == ["pending"]


@pytest.mark.parametrize("more", [{"text": "critical > 70"}, {"modifierExtension": [{"url": "x"}]}])
def test_a_range_of_another_meaning_is_no_limit(more: Json) -> None:
    result = observation("o1", RESULTS["alt"], effectiveDateTime="2026-11-18",
                         valueQuantity=quantity("300", "U/L"),
                         referenceRange=[{"high": quantity("70", "U/L"), **more}])  # fmt: skip
    assert said(imported(result), "alt")[0].no_limit


@pytest.mark.parametrize("total", [True, False])
def test_what_has_more_elsewhere_confirms_nothing(tmp_path: Path, total: bool) -> None:
    made = bundle(creatinine())
    if total:
        made["total"] = 50
    else:
        link = [{"other": {"reference": "Patient/2"}, "type": "seealso"}]
        made = bundle(creatinine(), patient={**PATIENT, "link": link})
    (tmp_path / "b.json").write_text(json_text(made), "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "o"),
                "--confirm", "therapy=2026-11-18", "--by", "N")  # fmt: skip
    assert ran.code == 2
    assert "therapy was not confirmed" in ran.err
