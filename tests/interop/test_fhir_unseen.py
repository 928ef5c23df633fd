"""What a FHIR input states beside the results and treatments of the map is not lost unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import model as m
from tests.interop.test_fhir_rules import bundle, creatinine, drug, entries, imported, said
from tests.interop.test_fhir_way_in import longer_map, ran_with, told
from tests.interop.written import (
    CONDITIONS,
    LOINC,
    RESULTS,
    SNOMED,
    Imported,
    Json,
    concept,
    import_fhir,
    observation,
    quantity,
)

OLD = creatinine(id="o0", effectiveDateTime="2026-11-10")


def unknowns(found: Imported, fact: str = "creatinine") -> list[str | None]:
    return [one.unknown for one in said(found, fact)]


def left(found: Imported, name: str) -> str:
    return str(found.lines()[name]["left_out"])


def assessments(found: Imported) -> tuple[m.Entry, ...]:
    lists = found.subjects["P"].records
    return lists["assessment"].entries if "assessment" in lists else ()


# --- forms ------------------------------------------------------------------------------


def form(url: str, *items: Json) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "questionnaire": url,
        "status": "completed",
        "subject": {"reference": "Patient/P"},
        "item": list(items),
    }


CREATININE_ITEM = {
    "linkId": "facts",
    "item": [
        {
            "linkId": "facts.creatinine",
            "item": [
                {
                    "linkId": "facts.creatinine.value",
                    "answer": [{"valueQuantity": quantity("3.0", "mg/dL")}],
                }
            ],
        }
    ],
}


@pytest.mark.parametrize("version", ["", "|1.0", "|9"])
@pytest.mark.parametrize("url", ["http://site.example/q", "urn:eligo:questionnaire:another"])
def test_our_items_in_another_form_leave_their_facts_open(
    tmp_path: Path, url: str, version: str
) -> None:
    answered = form(f"{url}{version}", CREATININE_ITEM)
    found = imported(OLD, answered)
    assert unknowns(found) == [None, "pending"]
    assert "another questionnaire" in told(found)
    ran = ran_with(tmp_path, answered)
    assert ran.code == 2
    assert "therapy was not confirmed" in ran.err


@pytest.mark.parametrize("link", ["smoking", "facts.nonsense", "records.nonsense.entries"])
def test_another_form_is_left_out(link: str) -> None:
    item = {"linkId": link, "answer": [{"valueString": "x"}]}
    found = imported(OLD, form("http://site.example/q", item))
    assert unknowns(found) == [None]
    assert "another questionnaire" in left(found, "QuestionnaireResponse/q")


# --- whose result -----------------------------------------------------------------------

MARROW = observation("b1", RESULTS["marrow_blasts"], effectiveDateTime="2026-11-18",
                     valueQuantity=quantity("10", "%"))  # fmt: skip


@pytest.mark.parametrize("focus", ["Patient/donor", "RelatedPerson/mother", "Device/1", "Group/g"])
def test_a_result_about_another_is_not_the_patients(focus: str) -> None:
    of = {"focus": [{"reference": focus}]}
    found = imported(OLD, creatinine() | of, MARROW | of)
    assert unknowns(found) == [None]
    assert assessments(found) == ()
    assert f"about {focus}" in left(found, "Observation/o1")
    assert "not about the patient" in left(found, "Observation/b1")


@pytest.mark.parametrize(
    "focus",
    [
        [{"reference": "Condition/c"}],
        [{"display": "x"}],
        "x",
        [{"reference": "http://x/Patient/P"}],
    ],
)
def test_a_result_that_may_be_about_another_is_open(focus: Any) -> None:
    found = imported(OLD, creatinine(focus=focus), MARROW | {"focus": focus})
    assert unknowns(found) == [None, "pending"]
    (one,) = assessments(found)
    assert "marrow" not in one.values
    assert unknowns(imported(creatinine(focus=[{"reference": "Patient/P"}]))) == [None]


# --- codes that are nearly those of the map ---------------------------------------------

NEAR = [
    concept("", "11150-0"),
    {"coding": [{"code": "11150-0"}]},
    concept(f"{LOINC}/", "11150-0"),
    concept(LOINC.upper(), "11150-0"),
    concept(LOINC, " 11150-0 "),
    {"text": "blasts/cells in bone marrow"},
]


@pytest.mark.parametrize("code", NEAR)
@pytest.mark.parametrize("part", [True, False])
def test_a_near_code_of_a_days_entry_may_be_one(code: Json, part: bool) -> None:
    value = {"code": code, "valueQuantity": quantity("10", "%")}
    odd = MARROW | (value if not part else {"code": concept("urn:x", "y"), "component": [value]})
    odd = {k: v for k, v in odd.items() if not part or k != "valueQuantity"}
    (one,) = assessments(imported(odd))
    assert "marrow" not in one.values
    assert str(one.values["date"]) == str(assessments(imported(MARROW))[0].values["date"])
    assert "written otherwise" in one.note


@pytest.mark.parametrize(
    "odd", [{"status": "preliminary"}, {"valueQuantity": quantity("10", "mg")}, {"id": "b2"},
            {"effectiveDateTime": "2026-11"}, {"modifierExtension": [{"url": "urn:x"}]}]
)  # fmt: skip
def test_a_days_result_in_doubt_may_be_an_entry(odd: Json) -> None:
    (one,) = assessments(imported(MARROW | odd))
    assert ("marrow" in one.values) == ("id" in odd)


def test_a_lesser_result_in_doubt_leaves_its_field_open() -> None:
    plain = observation("p1", concept(LOINC, "26515-7"), effectiveDateTime="2026-11-18",
                        valueQuantity=quantity("200", "10*9/L"))  # fmt: skip
    (one,) = assessments(imported(MARROW, plain))
    assert "platelets" in one.values
    for odd in ({"status": "preliminary"}, {"effectiveDateTime": "2026"},
                {"code": concept("", "26515-7")}):  # fmt: skip
        (one,) = assessments(imported(MARROW, plain, plain | {"id": "p2"} | odd))
        assert "platelets" not in one.values


def test_a_near_code_of_a_prefix_leaves_its_fact_open() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": concept("urn:x", "active"),
        "code": concept("http://hl7.org/fhir/sid/ICD-10-CM/", "c18.9"),
        "subject": {"reference": "Patient/P"},
    }
    bare = longer_map("unread: {Condition: []}\n")
    known = condition | {"code": CONDITIONS["other_malignancy", True]}
    exact = import_fhir({"b.json": bundle(known)}, fhir_map=bare)
    near = import_fhir({"b.json": bundle(condition)}, fhir_map=bare)
    assert unknowns(exact, "other_malignancy") == [None]
    assert unknowns(near, "other_malignancy") == ["pending"]


# --- routes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("apply thinly to affected area twice daily", False),
        ("1 % cream, apply to skin", False),
        ("apply to skin, and 5 mg by mouth", True),
        ("intrathecal", True),
        (7, True),
    ],
)
@pytest.mark.parametrize("key", ["text", "patientInstruction", "additionalInstruction", "method"])
def test_the_words_of_a_dosage_may_name_another_route(text: Any, counts: bool, key: str) -> None:
    words = {"additionalInstruction": [{"text": text}], "method": {"text": text}}.get(key, text)
    dosage = {"route": concept(SNOMED, "6064005", "Topical route"), key: words}
    given = drug("3264", resourceType="MedicationStatement", status="active", dosage=[dosage])
    assert len(entries(imported(given))) == counts


def test_words_alone_make_no_steroid_local() -> None:
    given = drug("3264", resourceType="MedicationStatement", status="active",
                 dosage=[{"text": "cream, apply to skin"}])  # fmt: skip
    (one,) = entries(imported(given))
    assert one.values["kind"] == "corticosteroid"
