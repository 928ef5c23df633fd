"""What each status, unit, date, comparator and code comes to: one line a rule of INTEROP.md."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.import_fhir import Confirmation
from engine import terms as m
from engine.exchange.fhir.statement import ABSENT_REASONS
from engine.exchange.fhir.status import STATUSES
from tests.interop.written import (
    CONDITIONS,
    ICD,
    LOINC,
    RESULTS,
    RXNORM,
    SNOMED,
    Imported,
    Json,
    concept,
    import_fhir,
    observation,
    quantity,
)

PATIENT: Json = {"resourceType": "Patient", "id": "P", "birthDate": "2018-03-02"}


def bundle(*resources: Json, patient: Json = PATIENT) -> Json:
    entries = [{"resource": resource} for resource in (patient, *resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def imported(*resources: Json, patient: Json = PATIENT, **more: Any) -> Imported:
    return import_fhir({"b.json": bundle(*resources, patient=patient)}, **more)


def said(found: Imported, fact: str) -> tuple[m.Statement, ...]:
    return found.subjects["P"].facts.get(fact, ())


def entries(found: Imported) -> tuple[m.Entry, ...]:
    lists = found.subjects["P"].records
    return lists["therapy"].entries if "therapy" in lists else ()


def creatinine(**more: Any) -> Json:
    given = {"effectiveDateTime": "2026-11-18", "valueQuantity": quantity("0.5", "mg/dL"), **more}
    made = observation("o1", RESULTS["creatinine"], **given)
    return {key: value for key, value in made.items() if value is not None}


def drug(code: str = "11202", **more: Any) -> Json:
    return {
        "resourceType": "MedicationAdministration",
        "id": "m1",
        "status": "completed",
        "medicationCodeableConcept": concept(RXNORM, code, "the drug"),
        "subject": {"reference": "Patient/P"},
        "effectiveDateTime": "2026-11-10",
        **more,
    }


# --- statuses ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [*STATUSES["Observation"], "invented"])
def test_the_status_of_a_result(status: str) -> None:
    found = imported(creatinine(status=status))
    if status in ("cancelled", "entered-in-error"):
        assert said(found, "creatinine") == ()
        assert "left_out" in found.lines()["Observation/o1"]
        return
    (one,) = said(found, "creatinine")
    assert (one.value is not None) == (status in ("final", "amended", "corrected"))
    assert one.on is not None  # what is on its way is unknown from its day on


@pytest.mark.parametrize(
    ("kind", "status"),
    [(kind, status) for kind in ("MedicationAdministration", "MedicationStatement")
     for status in STATUSES[kind]],
)  # fmt: skip
def test_the_status_of_a_drug(kind: str, status: str) -> None:
    found = imported(drug(resourceType=kind, status=status))
    standing = STATUSES[kind][status]
    if standing == "never":
        assert entries(found) == ()
        return
    (entry,) = entries(found)
    assert entry.source == f"{kind}/m1"
    if standing == "uncertain":  # it may match anything, and rules nothing out
        assert entry.values == {"agent": "the drug"}
        assert "not known" in entry.note
    else:
        assert entry.values["kind"] == "chemotherapy"
        assert (entry.values["ended"] == "ongoing") == (standing == "under_way")


@pytest.mark.parametrize(
    ("verification", "clinical", "counts"),
    [
        ("confirmed", "active", "value"),
        ("confirmed", "recurrence", "value"),
        (None, "active", "value"),
        ("confirmed", None, "unknown"),
        ("confirmed", "resolved", "nothing"),
        ("confirmed", "remission", "nothing"),
        ("refuted", "active", "nothing"),
        ("entered-in-error", "active", "nothing"),
        ("provisional", "active", "unknown"),
        ("differential", "active", "unknown"),
        ("unconfirmed", "active", "unknown"),
        ("invented", "active", "unknown"),
    ],
)
def test_the_statuses_of_a_condition(
    verification: str | None, clinical: str | None, counts: str
) -> None:
    condition: Json = {
        "resourceType": "Condition",
        "id": "c1",
        "code": CONDITIONS["other_malignancy", True],
        "subject": {"reference": "Patient/P"},
        "recordedDate": "2026-11-18T10:00:00+01:00",
    }
    if verification:
        condition["verificationStatus"] = concept("http://example.org", verification)
    if clinical:
        condition["clinicalStatus"] = concept("http://example.org", clinical)
    found = said(imported(condition), "other_malignancy")
    if counts == "nothing":
        assert found == ()
    else:
        (one,) = found
        assert (one.value, one.unknown) == {
            "value": (True, None),
            "unknown": (None, "pending"),
        }[counts]


def test_a_diagnosis_stays_one_in_remission() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "code": CONDITIONS["disease", "b_all"],
        "clinicalStatus": concept("http://example.org", "remission"),
        "subject": {"reference": "Patient/P"},
    }
    assert [one.value for one in said(imported(condition), "disease")] == ["b_all"]


# --- values -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "value", "note"),
    [
        ({}, m.Amount(500_000, "mg/dL"), ""),
        ({"valueQuantity": quantity("44", "umol/L")}, m.Amount(44_000_000, "umol/L"), ""),
        ({"valueQuantity": quantity("0.3", "mg/dL", "<")}, m.Amount(300_000, "mg/dL", "<"), ""),
        ({"valueQuantity": quantity("9", "mg/dL", ">=")}, m.Amount(9_000_000, "mg/dL", ">="), ""),
        ({"valueQuantity": quantity("9", "mg/dL", "ad")}, None, "comparator"),
        ({"valueQuantity": quantity("5", "mg")}, None, "does not convert"),
        ({"valueQuantity": quantity("5", "milligrams")}, None, "not a UCUM unit"),
        ({"valueQuantity": {"value": 1, "unit": "mg/dL"}}, m.Amount(1_000_000, "mg/dL"), ""),
        ({"valueQuantity": {"value": 1, "code": "mg/dL"}}, m.Amount(1_000_000, "mg/dL"), ""),
        ({"valueQuantity": {"value": 1, "unit": "units"}}, None, "not a UCUM unit"),
        ({"valueQuantity": {"value": 1}}, None, "states no unit"),
        ({"valueQuantity": quantity("1", "mg/dL") | {"unit": "mmol/L"}}, None, "its unit is"),
        ({"valueQuantity": quantity("5", "MG/DL")}, m.Amount(5_000_000, "mg/dL"), ""),
        ({"valueQuantity": quantity("44", "µmol/L")}, m.Amount(44_000_000, "umol/L"), ""),
        ({"valueQuantity": [quantity("0.5", "mg/dL")]}, None, "is not an object"),
        ({"status": ["final"]}, None, "no status that is understood"),
        ({"valueQuantity": quantity("-1", "mg/dL")}, None, "outside the plausible range"),
        ({"valueQuantity": quantity("31", "mg/dL")}, None, "outside the plausible range"),
        ({"valueQuantity": quantity("0.00000001", "mg/dL")}, None, "finer than a millionth"),
        ({"valueQuantity": None, "valueString": "0.5 mg/dL"}, None, "not of a kind that is read"),
        ({"valueQuantity": None}, None, "has no value"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, None, "modifier"),
    ],
)
def test_the_value_of_a_result(more: Json, value: m.Amount | None, note: str) -> None:
    """What cannot be used is unknown on its own day: no older result stands in for it."""
    older = creatinine(id="o0", effectiveDateTime="2026-11-10")
    found = imported(older, creatinine(**more))
    assert said(found, "creatinine")[0].value == m.Amount(500_000, "mg/dL")
    one = said(found, "creatinine")[1]
    assert one.value == value
    assert one.unknown == (None if value else "pending")
    assert one.on is not None
    assert one.on.isoformat() == "2026-11-18"
    assert one.source == "Observation/o1"
    assert note in one.note
    if note:
        assert note in found.lines()["Observation/o1"]["because"]


@pytest.mark.parametrize("reason", [*ABSENT_REASONS, "invented"])
def test_a_stated_reason_for_no_value(reason: str) -> None:
    absent = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", reason)
    (one,) = said(imported(creatinine(valueQuantity=None, dataAbsentReason=absent)), "creatinine")
    assert one.unknown == ABSENT_REASONS.get(reason, "pending")
    assert reason in one.note


@pytest.mark.parametrize(
    ("effective", "on", "note"),
    [
        ({"effectiveDateTime": "2026-11-18"}, "2026-11-18", ""),
        ({"effectiveDateTime": "2026-11-18T23:30:00-05:00"}, "2026-11-18", ""),
        ({"effectiveInstant": "2026-11-18T23:30:00Z"}, "2026-11-18", ""),
        ({"effectivePeriod": {"start": "2026-11-01", "end": "2026-11-18"}}, "2026-11-18", ""),
        ({"effectivePeriod": {"start": "2026-11-01"}}, None, ""),
        ({"effectivePeriod": {"start": "2026-11-09", "end": "2026-10-01"}}, None, "ends on"),
        ({"effectiveTiming": {"event": ["2026-11-18"]}}, None, ""),
        ({"effectiveDateTime": "2026-11"}, "2026-11-01 2026-11-30", ""),
        ({"effectiveDateTime": "2026"}, "2026-01-01 2026-12-31", ""),
        ({"effectiveDateTime": "18/11/2026"}, None, "dated `18/11/2026`, which is no date"),
        ({"effectiveDateTime": "20261118"}, None, "dated `20261118`, which is no date"),
        ({"effectiveDateTime": "2017-11-18"}, None, "before the patient was born"),
        ({"issued": "2026-11-18T10:00:00Z"}, "- 2026-11-18", ""),
        ({"issued": "2026-11"}, "- 2026-11-30", ""),
        ({"issued": "today"}, None, ""),
        (
            {"effectiveDateTime": "2026-11-18", "issued": "2026-11-19T01:00:00Z"},
            "2026-11-18",
            "",
        ),
        ({"effectiveDateTime": "2026-11-18", "issued": "2026-11-10"}, None, "and issued on"),
        (
            {"effectiveDateTime": "noon", "issued": "2026-11-18T10:00:00Z"},
            "- 2026-11-18",
            "`noon`, which is no date",
        ),
        ({}, None, ""),
    ],
)
def test_a_date_is_never_more_than_it_says(effective: Json, on: str | None, note: str) -> None:
    (one,) = said(imported(creatinine(**{"effectiveDateTime": None, **effective})), "creatinine")
    days = f"{one.first or '-'} {one.last}" if one.last else None
    assert days == (on if on is None or " " in on else f"{on} {on}")
    assert note in one.note
    assert bool(note) == bool(one.note)


@pytest.mark.parametrize(
    ("ranges", "uln"),
    [
        ([{"high": quantity("48", "U/L")}], 48_000_000),
        ([{"low": quantity("5", "U/L"), "high": quantity("48.5", "U/L")}], 48_500_000),
        ([{"type": concept("http://x", "normal"), "high": quantity("48", "U/L")}], 48_000_000),
        ([{"type": concept("http://x", "therapeutic"), "high": quantity("48", "U/L")}], None),
        ([{"low": quantity("60", "U/L"), "high": quantity("48", "U/L")}], None),
        ([{"high": quantity("48", "kU/L")}], None),
        ([{"high": {"value": 48, "unit": "U/L"}}], 48_000_000),
        ([{"high": {"value": 48, "unit": "IU/L"}}], 48_000_000),
        ([{"high": {"value": 48}}], None),
        ([{"high": quantity("48", "U/L", "<")}], None),
        ([{"high": quantity("48", "U/L"), "appliesTo": [{"text": "pregnant"}]}], None),
        ([{"high": quantity("48", "U/L"), "age": "adult"}], None),
        ([{"high": quantity("0", "U/L")}], None),
        ([{"high": quantity("-4", "U/L")}], None),
        ([{"high": quantity("48", "U/L")}, {"high": quantity("50", "U/L")}], None),
        ([{"text": "up to 48"}], None),
        ("nonsense", None),
    ],
)
def test_the_limit_printed_with_a_result(ranges: Any, uln: int | None) -> None:
    result = observation(
        "o1", RESULTS["ast"], valueQuantity=quantity("27", "U/L"), referenceRange=ranges
    )
    (one,) = said(imported(result), "ast")
    assert one.value == m.Amount(27_000_000, "U/L")
    assert one.uln_u == uln


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"valueInteger": 80}, 80_000_000),
        ({"valueQuantity": quantity("80", "{score}")}, 80_000_000),
        ({"valueQuantity": quantity("80", "%")}, 80_000_000),
        ({"valueQuantity": {"value": 80}}, 80_000_000),
        ({"valueInteger": -1}, None),
        ({"valueInteger": 130}, None),
        ({"valueQuantity": quantity("80", "1")}, None),
    ],
)
def test_a_performance_score(value: Json, read: int | None) -> None:
    (one,) = said(imported(observation("o1", RESULTS["lansky"], **value)), "lansky")
    assert one.value == (m.Amount(read, "%") if read else None)


def test_codes_are_found_among_several_and_in_components() -> None:
    several = {
        "coding": [{"system": "urn:local", "code": "KREA"}, *RESULTS["creatinine"]["coding"]]
    }
    panel = observation(
        "o2",
        concept("urn:local", "panel"),
        effectiveDateTime="2026-11-18",
        component=[
            {"code": RESULTS["alt"], "valueQuantity": quantity("25", "U/L")},
            {"code": RESULTS["ast"], "dataAbsentReason": concept("urn:x", "error")},
        ],
    )
    found = imported(observation("o1", several, valueQuantity=quantity("0.5", "mg/dL")), panel)
    assert [one.value for one in said(found, "creatinine")] == [m.Amount(500_000, "mg/dL")]
    assert [one.value for one in said(found, "alt")] == [m.Amount(25_000_000, "U/L")]
    assert [one.unknown for one in said(found, "ast")] == ["pending"]


def test_free_text_is_never_interpreted() -> None:
    found = imported(
        observation("o1", {"text": "Creatinine"}, valueQuantity=quantity("1", "mg/dL"))
    )
    assert found.subjects["P"].facts.keys() == {"birth_date"}
    why = found.lines()["Observation/o1"]["left_out"]
    assert why == "its code is free text only ('Creatinine')"
    assert "'Creatinine': not in the map (Observation)" in found.summary


def test_a_code_of_another_system_is_another_code() -> None:
    found = imported(observation("o1", concept(SNOMED, "2160-0"), valueInteger=1))
    assert said(found, "creatinine") == ()


@pytest.mark.parametrize(
    ("component", "known"),
    [
        ([{"code": concept(LOINC, "3151-8"), "valueQuantity": quantity("0", "L/min")}], True),
        ([{"code": concept(LOINC, "3150-0"), "valueQuantity": quantity("21", "%")}], True),
        ([{"code": concept(LOINC, "3151-8"), "valueQuantity": quantity("2", "L/min")}], False),
        ([{"code": concept(LOINC, "3150-0"), "valueQuantity": quantity("35", "%")}], False),
        ([], False),
    ],
)
def test_a_saturation_counts_only_on_room_air(component: list[Json], known: bool) -> None:
    result = observation(
        "o1", RESULTS["spo2"], valueQuantity=quantity("97", "%"), component=component
    )
    (one,) = said(imported(result), "spo2")
    assert (one.value is not None) == known


def test_codes_that_mean_different_things_mean_nothing() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"coding": [{"system": ICD, "code": "G40.909"}, {"system": ICD, "code": "I63.9"}]},
        "clinicalStatus": concept("http://example.org", "active"),
        "subject": {"reference": "Patient/P"},
    }
    one = said(imported(condition), "cns_disorder")[0]
    assert one.unknown == "pending"
    assert "different things" in one.note


# --- who and what -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ({"reference": "Patient/Q"}, "its patient Patient/Q is not in the input"),
        ({"reference": "Group/1"}, "about Group/1"),
        ({"identifier": {"value": "77"}}, "about nobody that can be found"),
        ({"reference": "Patient?identifier=77"}, "about nobody that can be found"),
        ({"display": "the patient"}, "about nobody that can be found"),
        ("Patient/P", "about nobody that can be found"),
    ],
)
def test_a_result_of_somebody_else_is_left_out(subject: Any, why: str) -> None:
    found = imported(creatinine(subject=subject))
    assert said(found, "creatinine") == ()
    line = found.lines()["Observation/o1"]
    assert why in line["left_out"]
    assert line["look"]


@pytest.mark.parametrize(
    "reference",
    ["Patient/P", "http://server/fhir/Patient/P", "Patient/P/_history/3", "urn:uuid:1"],
)
def test_references_are_resolved(reference: str) -> None:
    made = bundle(creatinine(subject={"reference": reference}))
    made["entry"][0]["fullUrl"] = "urn:uuid:1"
    assert len(said(import_fhir({"b.json": made}), "creatinine")) == 1


def test_a_result_about_a_donor_is_not_the_patients() -> None:
    found = imported(creatinine(focus=[{"reference": "Patient/donor"}]))
    assert said(found, "creatinine") == ()


def test_a_drug_is_found_by_reference() -> None:
    medication = {"resourceType": "Medication", "id": "d1", "code": concept(RXNORM, "11202", "VCR")}
    given = drug(medicationReference={"reference": "Medication/d1"})
    del given["medicationCodeableConcept"]
    (entry,) = entries(imported(given, medication))
    assert entry.values["agent"] == "VCR"
    contained = {**given, "contained": [{**medication, "id": "x"}],
                 "medicationReference": {"reference": "#x"}}  # fmt: skip
    assert len(entries(imported(contained))) == 1
    lost = imported(given)
    (entry,) = entries(lost)
    assert entry.values.keys() == {"ended"}
    line = lost.lines()["MedicationAdministration/m1"]
    assert line["look"]
    assert "its drug Medication/d1 is not in the input" in line["because"]


def test_an_order_proves_nothing() -> None:
    order = drug(resourceType="MedicationRequest", status="completed")
    found = imported(order)
    assert entries(found) == ()
    assert found.lines()["MedicationRequest/m1"]["look"]


@pytest.mark.parametrize(
    ("more", "ended"),
    [
        ({"effectiveDateTime": "2026-11-10T08:00:00Z"}, "2026-11-10"),
        ({"effectiveDateTime": "2026-10"}, "2026-10"),
        ({"effectivePeriod": {"start": "2026-11-01", "end": "2026-11-10"}}, "2026-11-10"),
        ({"effectivePeriod": {"start": "2026-11-01"}}, None),
        ({"effectivePeriod": {"start": "2026-11-01"}, "status": "in-progress"}, "ongoing"),
        ({"status": "in-progress", "effectiveDateTime": "2026-11-10"}, "ongoing"),
        ({}, None),
    ],
)
def test_when_something_ended(more: Json, ended: str | None) -> None:
    given = drug()
    del given["effectiveDateTime"]
    (entry,) = entries(imported({**given, **more}))
    found = entry.values.get("ended")
    if isinstance(found, m.Days):
        assert ended is not None
        assert found.first.isoformat().startswith(ended)
        assert (found.first == found.last) == (len(ended) == 10)
    else:
        assert found == ended


def test_the_cells_of_a_car_t_leave_their_target_open() -> None:
    procedure = {
        "resourceType": "Procedure",
        "id": "p1",
        "status": "completed",
        "code": concept(SNOMED, "1156961008", "CAR-T"),
        "subject": {"reference": "Patient/P"},
        "performedDateTime": "2024-05",
    }
    (entry,) = entries(imported(procedure))
    assert entry.values["kind"] == "cell_therapy"
    assert "target" not in entry.values


def test_the_results_of_a_day_make_one_assessment() -> None:
    found = imported(
        observation("m", RESULTS["marrow_blasts"], effectiveDateTime="2026-11-11",
                    valueQuantity=quantity("3", "%")),
        observation("a", concept(LOINC, "751-8"), effectiveDateTime="2026-11-11",
                    valueQuantity=quantity("1.2", "10*3/uL")),
        observation("b", concept(LOINC, "777-3"), effectiveDateTime="2026-11-12",
                    valueQuantity=quantity("120", "10*9/L")),
    )  # fmt: skip
    (entry,) = found.subjects["P"].records["assessment"].entries
    assert entry.values.keys() == {"date", "marrow", "anc"}
    assert entry.source == "Observation/m; Observation/a"
    assert found.lines()["Observation/b"]["left_out"] == "no marrow on 2026-11-12"


# --- the patient ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patient", "fact", "expected"),
    [
        ({"birthDate": "2018-03"}, "birth_date", "2018-03-01 2018-03-31"),
        ({"birthDate": "2018"}, "birth_date", "2018-01-01 2018-12-31"),
        ({"birthDate": None}, "birth_date", None),
        ({"birthDate": "02.03.2018"}, "birth_date", "pending"),
        ({"deceasedDateTime": "2026-10-01T00:00:00Z"}, "died_on", "2026-10-01 2026-10-01"),
        ({"deceasedBoolean": True}, "died_on", "pending"),
        ({"deceasedBoolean": False}, "died_on", None),
        ({"gender": "female"}, "sex", None),
    ],
)
def test_the_patient(patient: Json, fact: str, expected: str | None) -> None:
    whole = {key: value for key, value in {**PATIENT, **patient}.items() if value is not None}
    found = said(imported(patient=whole), fact)
    if expected is None:
        assert found == ()
    elif expected == "pending":
        assert [one.unknown for one in found] == ["pending"]
    else:
        (days,) = [one.value for one in found]
        assert isinstance(days, m.Days)
        assert f"{days.first} {days.last}" == expected


# --- lists, contradictions, confirmation ------------------------------------------------


def test_a_list_is_confirmed_only_by_a_person() -> None:
    assert imported(drug()).subjects["P"].records["therapy"].complete_on is None
    word = Confirmation("", "therapy", "2026-11-18", "Dr A. Example")
    confirmed = imported(drug(), confirmations=[word]).subjects["P"].records["therapy"]
    assert str(confirmed.complete_on) == "2026-11-18"
    assert confirmed.by == "Dr A. Example"


def test_one_word_does_not_confirm_the_lists_of_several_patients() -> None:
    other = {"resourceType": "Patient", "id": "Q"}
    word = Confirmation("", "therapy", "2026-11-18", "Dr A. Example")
    found = imported(drug(), other, confirmations=[word])
    assert found.subjects["P"].records["therapy"].complete_on is None
    assert "--confirm P:therapy=2026-11-18" in found.text.replace("\n    ", " ")
    named = Confirmation("P", "therapy", "2026-11-18", "Dr A. Example")
    found = imported(drug(), other, confirmations=[named])
    assert found.subjects["P"].records["therapy"].complete_on is not None
    assert "therapy" not in found.subjects["Q"].records


def contradictions(found: Imported) -> list[str]:
    listed: list[str] = found.report["patients"][0]["contradictions"]
    return listed


@pytest.mark.parametrize(
    ("patient", "resources", "expected"),
    [
        ({}, [creatinine(effectiveDateTime="2018-03-01")], "before the birth"),
        ({}, [creatinine(effectiveDateTime="2018-03-02")], None),
        ({"birthDate": "2018"}, [creatinine(effectiveDateTime="2018-01-01")], None),
        ({"birthDate": "2018"}, [creatinine(effectiveDateTime="2017-12-31")], "before the birth"),
        ({"deceasedDateTime": "2026-11-01"}, [creatinine()], "after the death"),
        ({"deceasedDateTime": "2026-11"}, [creatinine()], None),
        ({"deceasedDateTime": "2017-01-01"}, [], "before the birth"),
    ],
)
def test_what_cannot_be_is_named(
    patient: Json, resources: list[Json], expected: str | None
) -> None:
    found = contradictions(imported(*resources, patient={**PATIENT, **patient}))
    assert bool(found) == (expected is not None)
    assert expected is None or expected in found[0]


def test_a_diagnosis_before_birth_is_named() -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "code": CONDITIONS["disease", "b_all"],
        "subject": {"reference": "Patient/P"},
        "onsetDateTime": "2017-01-01",
    }
    assert "Condition/c1" in contradictions(imported(condition))[0]


@pytest.mark.parametrize(
    ("karnofsky", "ecog", "day", "named"),
    [
        (90, 3, "2026-11-18", True),
        (90, 0, "2026-11-18", False),
        (70, 1, "2026-11-15", False),
        (70, 2, "2026-11-15", True),
        (90, 3, "2026-11-01", False),
    ],
)
def test_scores_that_do_not_fit_are_named(karnofsky: int, ecog: int, day: str, named: bool) -> None:
    found = imported(
        observation(
            "k", RESULTS["karnofsky"], effectiveDateTime="2026-11-18", valueInteger=karnofsky
        ),
        observation("e", concept(LOINC, "89247-1"), effectiveDateTime=day, valueInteger=ecog),
    )
    assert bool(contradictions(found)) == named


def test_the_report_says_what_is_missing_and_what_no_record_carries() -> None:
    (one,) = imported(creatinine()).report["patients"]
    assert "lansky" in one["nothing_for"]
    assert "creatinine" not in one["nothing_for"]
    assert "consent" in one["not_carried"]
