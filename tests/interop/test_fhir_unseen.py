"""What a FHIR input states beside the results and treatments of the map is not lost unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.import_fhir import Confirmation
from engine import terms as m
from tests.interop.test_fhir_rules import PATIENT, bundle, creatinine, drug, entries, imported, said
from tests.interop.test_fhir_way_in import FEWER, PARTS, POOL, answers, longer_map, ran_with, told
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


# --- what belongs to a result, a list or a plan -----------------------------------------


def panel(**more: Any) -> Json:
    given = observation("panel", concept("urn:x", "panel"), effectiveDateTime="2026-11-18")
    return {**given, **more}


MEMBER = [
    {"reference": "Observation/none", "display": "Creatinine [Mass/volume] in Serum or Plasma"}
]


def test_a_member_that_is_not_there_leaves_open_what_it_may_be(tmp_path: Path) -> None:
    found = imported(OLD, panel(hasMember=MEMBER))
    assert unknowns(found) == [None, "pending"]
    assert "Observation/none" in told(found)
    assert "Observation/none" in found.summary
    assert unknowns(imported(OLD, panel(hasMember=[{"reference": "Observation/none"}]))) == [None]
    assert unknowns(imported(OLD, panel(hasMember=[{"reference": "Observation/o0"}]))) == [None]
    report = {k: v for k, v in panel(result=MEMBER).items() if k != "category"}
    found = imported(OLD, report | {"resourceType": "DiagnosticReport"})
    assert unknowns(found) == [None, "pending"]
    ran = ran_with(tmp_path, panel(hasMember=[{"reference": "Observation/none"}]))
    assert ran.code == 2
    assert "Observation/none, which is not in the input" in ran.err


def test_a_result_of_the_map_with_a_member_elsewhere_is_open() -> None:
    found = imported(OLD, creatinine(hasMember=[{"reference": "Observation/none"}]))
    assert unknowns(found) == [None, "pending", None]
    derived = imported(OLD, creatinine(derivedFrom=[{"reference": "Observation/none"}]))
    assert unknowns(derived) == [None, None]
    assert "Observation/none" in told(derived)


def listing(*listed: Json, **more: Any) -> Json:
    return {
        "resourceType": "List",
        "id": "l1",
        "status": "current",
        "mode": "changes",
        "subject": {"reference": "Patient/P"},
        "entry": list(listed),
        **more,
    }


@pytest.mark.parametrize("own", [True, False])
def test_what_is_taken_out_of_a_list_may_match(own: bool) -> None:
    out = listing({"deleted": True, "item": {"reference": "MedicationAdministration/m1"}})
    if not own:
        del out["subject"]
    (one,) = entries(imported(drug(id="m1"), out))
    assert "kind" not in one.values
    assert "List/l1" in one.note
    assert (
        "kind" in entries(imported(drug(id="m1"), out | {"status": "entered-in-error"}))[0].values
    )
    assert unknowns(imported(OLD, listing({"deleted": True, "item": {"reference":
                             "Observation/o0"}}))) == ["pending"]  # fmt: skip


@pytest.mark.parametrize("deleted", [True, False])
@pytest.mark.parametrize("kind", ["MedicationStatement", "Procedure"])
def test_a_treatment_that_a_list_names_and_nobody_has_may_match(kind: str, deleted: bool) -> None:
    item = {"reference": f"{kind}/none", "display": "rituximab"}
    found = imported(listing({"deleted": deleted, "item": item}))
    (one,) = entries(found)
    assert "kind" not in one.values
    assert "not in the input" in told(found)


def test_what_a_list_names_and_is_not_told_of_whom_confirms_nothing(tmp_path: Path) -> None:
    for item in ({"display": "x"}, {"reference": "urn:uuid:1"}, {}):
        ran = ran_with(tmp_path, listing({"item": item}))
        assert ran.code == 2
        assert "List/l1 names" in ran.err


def plan(**detail: Any) -> Json:
    return {
        "resourceType": "CarePlan",
        "id": "c1",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/P"},
        "activity": [{"detail": detail}],
    }


GIVEN = concept("http://www.nlm.nih.gov/research/umls/rxnorm", "121191", "rituximab")


@pytest.mark.parametrize("status", ["completed", "in-progress", "stopped", "on-hold", "odd", None])
@pytest.mark.parametrize("key", ["code", "productCodeableConcept", "description"])
def test_what_a_plan_says_was_done_may_match(status: str | None, key: str) -> None:
    said_so = {key: "rituximab" if key == "description" else GIVEN}
    found = imported(plan(**said_so, **({"status": status} if status else {})))
    (one,) = entries(found)
    assert set(one.values) == {"agent"}
    assert one.source == "CarePlan/c1#activity1"


@pytest.mark.parametrize(
    "more", [{"status": "scheduled"}, {"status": "not-started"}, {"status": "cancelled"},
             {"status": "completed", "doNotPerform": True}]
)  # fmt: skip
def test_what_a_plan_only_plans_is_no_entry(more: Json) -> None:
    assert entries(imported(plan(code=GIVEN, **more))) == ()


# --- what is not whole ------------------------------------------------------------------


def two(link: Json, *others: Json, **more: Any) -> Imported:
    linked = {**PATIENT, "link": [link]}
    second = {"resourceType": "Patient", "id": "Q", **more}
    return import_fhir({"b.json": bundle(OLD, second, *others, patient=linked)},
                       [Confirmation("P", "therapy", "2026-11-18", "N", 0)])  # fmt: skip


TYPES = ["replaced-by", "replaces", "refer", "seealso"]
OTHER = {"subject": {"reference": "Patient/Q"}, "id": "q1"}


@pytest.mark.parametrize("kind", TYPES)
def test_one_person_in_two_records_is_refused(kind: str) -> None:
    link = {"other": {"reference": "Patient/Q"}, "type": kind}
    found = two(link, creatinine() | OTHER)
    assert found.subjects == {}
    assert "stands in two records" in told(found)
    assert two(link, deceasedBoolean=True).subjects.keys() == {"Q"}
    whole = two(link)
    assert whole.subjects["P"].records["therapy"].complete_on is not None


@pytest.mark.parametrize("kind", TYPES)
def test_a_linked_record_elsewhere_confirms_nothing(kind: str) -> None:
    for other in ({"reference": "Patient/none"}, {"display": "x"}, {"reference": "urn:uuid:9"}):
        found = two({"other": other, "type": kind})
        assert found.subjects["P"].records.get("therapy") is None
        assert "is linked to" in told(found)
    relative = two({"other": {"reference": "RelatedPerson/r"}, "type": kind})
    assert relative.subjects["P"].records["therapy"].complete_on is not None


def page(total: int | None, more: bool, *resources: Json) -> Json:
    made = bundle(*resources) | {"type": "searchset"}
    if total is not None:
        made["total"] = total
    return made | ({"link": [{"relation": "next", "url": "urn:x"}]} if more else {})


@pytest.mark.parametrize(
    ("pages", "whole"),
    [
        ([page(2, False, OLD)], True),
        ([page(3, False, OLD)], False),
        ([page(None, True, OLD)], False),
        ([page(4, True, OLD), page(4, False, creatinine())], True),
        ([page(5, True, OLD), page(5, False, creatinine())], False),
        ([page(None, True, OLD), page(None, True, creatinine())], False),
        ([page(None, True, OLD), page(None, False, creatinine())], True),
    ],
)
def test_a_number_does_not_confirm_what_is_known_to_lack_a_part(
    pages: list[Json], whole: bool
) -> None:
    files = {f"{i}.json": one for i, one in enumerate(pages)}
    word = Confirmation("", "therapy", "2026-11-18", "N", 0)
    lists = import_fhir(files, [word]).subjects["P"].records
    assert ("therapy" in lists) == whole


@pytest.mark.parametrize(("severity", "whole"), [("error", False), ("information", True)])
def test_an_error_of_the_server_confirms_nothing(severity: str, whole: bool) -> None:
    issue = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "x"}]}
    word = Confirmation("", "therapy", "2026-11-18", "N", 0)
    lists = import_fhir({"b.json": bundle(OLD, issue)}, [word]).subjects["P"].records
    assert ("therapy" in lists) == whole


# --- what holds of all ------------------------------------------------------------------

KIDNEY, LISTS = ("E09",), ("E05", "E06", "E07")
BESIDE: list[tuple[Json, tuple[str, ...]]] = [
    (form("http://site.example/q", CREATININE_ITEM), KIDNEY),
    (creatinine(id="n1", focus=[{"reference": "Patient/donor"}]), ()),
    (creatinine(id="n1", focus=[{"reference": "Condition/c"}]), KIDNEY),
    (MARROW | {"id": "n1", "code": NEAR[0]}, ()),
    (panel(hasMember=MEMBER), KIDNEY),
    (creatinine(id="n1", hasMember=[{"reference": "Observation/none"}]), KIDNEY),
    *(
        (
            listing({"deleted": True, "item": {"reference": f"{one['resourceType']}/{one['id']}"}}),
            (),
        )
        for one in (POOL[0], POOL[5], POOL[13])
    ),
    (listing({"item": {"reference": "Condition/none"}}), ()),
    (listing({"item": {"reference": "Procedure/none"}}), LISTS),
    (plan(code=concept("urn:x", "y"), status="completed"), LISTS),
    ({"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}]}, LISTS),
]
"""What stands beside results and treatments, and the exclusions that it must leave open."""


@FEWER
@given(PARTS, st.booleans())
def test_what_stands_beside_never_makes_anyone_more_eligible(
    which: list[int], confirmed: bool
) -> None:
    words = [Confirmation("", "therapy", "2026-11-18", "N")] if confirmed else []
    resources = [POOL[i] for i in which]
    before = answers(imported(*resources, confirmations=words).subjects["P"])
    for extra, opens in BESIDE:
        found = imported(*resources, extra, confirmations=words)
        for one, answer in answers(found.subjects["P"]).items():
            good = "yes" if one[0] == "I" else "no"
            assert answer != good or (before[one] == good and one not in opens)
        assert str(extra.get("id", "OperationOutcome")) in told(found)
