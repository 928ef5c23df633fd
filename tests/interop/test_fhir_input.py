"""Broken and large input: refused with a reason, counted, and never a traceback."""

from __future__ import annotations

import json
import os
import tracemalloc
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exchange.fhir.read import read_file
from engine.exchange.recorded import json_text
from engine.read.source import read_document
from engine.read.subjects import subject_of
from tests.command import eligo
from tests.generators import Seeded, Targets, fewer, typical_subject, varied_subject
from tests.interop.test_fhir_rules import bundle, creatinine, drug
from tests.interop.test_round_trips import screener
from tests.interop.written import (
    CONDITIONS,
    DRUGS,
    RESULTS,
    Json,
    as_fhir,
    concept,
    from_fhir,
    import_fhir,
    observation,
    parsed,
    quantity,
    shipped,
)

ROOT = Path(__file__).parents[2]
MESSY = Path(__file__).parent / "messy.json"
P = {"resourceType": "Patient", "id": "P"}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", "", "not json"),
        ("a.json", "[]", "no `resourceType`"),
        ("a.json", "{", "not json"),
        ("a.json", "<Patient/>", "XML"),
        ("a.json", b"\xff\xfe{}", "not UTF-8"),
        ("a.json", '{"resourceType": 7}', "no `resourceType`"),
        ("a.json", '{"resourceType": "Patient", "id": NaN}', "`NaN` is not a number"),
        ("a.json", '{"resourceType": "Patient", "id": "1", "id": "2"}', "`id` stands there twice"),
        ("a.json", "[" * 100_000, "nested too deep"),
        ("a.json", '{"resourceType": "Bundle"}', "a Bundle of a type that is not read"),
        ("a.json", '{"resourceType": "Bundle", "type": "message"}', "that is not read: message"),
        ("a.json", '{"resourceType": "Bundle", "type": "batch", "entry": 1}', "is not a list"),
        ("a.json", '{"resourceType": "Bundle", "type": "batch", "entry": [7, {}]}', "without"),
        ("a.json", '{"resourceType": "Patient"}', "a Patient without an id"),
        ("a.ndjson", '{"resourceType": "Patient"\n', "not json"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, content: str | bytes, why: str) -> None:
    found = import_fhir({name: content})
    reasons = [line["left_out"] for line in found.report["others"]]
    assert any(why.lower() in reason.lower() for reason in reasons), reasons
    assert found.subjects == {}


def test_an_entry_that_deletes_gives_nothing() -> None:
    made = bundle(creatinine())
    made["type"] = "transaction"
    made["entry"][1]["request"] = {"method": "DELETE", "url": "Observation/o1"}
    found = import_fhir({"b.json": made})
    assert "creatinine" not in found.subjects["P"].facts


def test_two_patients_with_one_id_are_refused() -> None:
    twin = {"resourceType": "Patient", "id": "P", "birthDate": "2019-01-01"}
    found = import_fhir({"b.json": bundle(creatinine(), twin)})
    assert found.subjects == {}
    assert "two different resources" in found.report["patients"][0]["refused"][0]


def test_a_patient_repeated_is_one_patient() -> None:
    found = import_fhir({"b.json": bundle(creatinine()), "c.json": bundle(drug())})
    assert found.subjects["P"].facts.keys() == {"birth_date", "creatinine"}
    assert len(found.subjects["P"].records["therapy"].entries) == 1


def test_of_two_results_with_one_id_neither_is_guessed() -> None:
    other = creatinine(valueQuantity=quantity("9", "mg/dL"))
    found = import_fhir({"b.json": bundle(creatinine(), other)})
    (one,) = found.subjects["P"].facts["creatinine"]
    assert one.unknown == "pending"
    assert "two versions of Observation/o1" in one.note


def test_the_study_id_comes_from_the_identifier_asked_for() -> None:
    patient = {**P, "identifier": [{"system": "urn:study", "value": "CAR-014"}, {"value": "9"}]}
    found = import_fhir({"b.json": bundle(patient=patient)}, id_system="urn:study")
    assert list(found.subjects) == ["CAR-014"]
    none = import_fhir({"b.json": bundle(patient=patient)}, id_system="urn:other")
    assert none.subjects == {}
    assert "0 identifiers" in none.report["patients"][0]["refused"][0]
    twins = [{**patient, "id": "Q"}]
    both = import_fhir({"b.json": bundle(*twins, patient=patient)}, id_system="urn:study")
    assert both.subjects == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("coding code system value unit reference start end text id".split()),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
WHOLE: list[Json] = [
    creatinine(),
    drug(),
    observation("s", RESULTS["spo2"], component=[{"code": concept("urn:x", "y")}]),
    {
        "resourceType": "Condition",
        "id": "c",
        "code": CONDITIONS["cns_disorder", "epilepsy"],
        "clinicalStatus": concept("urn:x", "active"),
        "verificationStatus": concept("urn:x", "confirmed"),
        "subject": {"reference": "Patient/P"},
    },
    {"resourceType": "Patient", "id": "P", "birthDate": "2018-03-02", "deceasedBoolean": False},
]


@fewer(2)
@given(st.sampled_from(WHOLE), st.data())
def test_no_shape_of_json_breaks_the_import(resource: Json, data: st.DataObject) -> None:
    """One element after another is replaced by anything; every resource is still accounted for."""
    broken = dict(resource)
    for key in data.draw(st.sets(st.sampled_from(sorted(broken)), min_size=1, max_size=3)):
        broken[key] = data.draw(JSON)
    patient = broken if resource["resourceType"] == "Patient" else P
    resources = [] if patient is broken else [broken]
    found = import_fhir({"b.json": bundle(*resources, patient=patient)})
    assert found.report["totals"]["resources"] == 1 + len(resources)


def test_every_resource_is_accounted_for() -> None:
    found = import_fhir({"messy.json": MESSY.read_bytes()})
    entries = json.loads(MESSY.read_text("utf-8"))["entry"]
    assert found.report["totals"]["resources"] == len(entries)
    for line in found.lines().values():
        assert line.get("gave") or line.get("left_out")


def test_the_report_of_a_messy_bundle() -> None:
    """Read it when it changes: ELIGO_GOLDEN=write pytest tests/interop writes it anew."""
    text = import_fhir({"messy.json": MESSY.read_bytes()}).text
    expected = MESSY.with_suffix(".txt")
    if os.environ.get("ELIGO_GOLDEN") == "write":
        expected.write_text(text, "utf-8")
    assert text == expected.read_text("utf-8")
    assert max(len(line) for line in text.splitlines()) <= 80


def test_ndjson_is_read_line_by_line(tmp_path: Path) -> None:
    """Memory does not follow the size of the file: ten times the lines, about the same peak."""
    line = json.dumps(observation("o", concept("http://loinc.org", "2951-2"),
                                  note=[{"text": "x" * 4_000}]))  # fmt: skip
    peaks = {}
    eligo("import", "fhir", str(tmp_path / "none"), "--out", str(tmp_path))  # load the modules
    for lines in (300, 3_000):
        file = tmp_path / f"{lines}.ndjson"
        with file.open("w") as stream:
            stream.write('{"resourceType": "Patient", "id": "P"}\n')
            stream.writelines(f"{line}\n" for _ in range(lines))
        tracemalloc.start()
        ran = eligo("import", "fhir", str(file), "--out", str(tmp_path / str(lines)))
        peaks[lines] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert f"resources read: {lines + 1}," in ran.out
    assert peaks[3_000] < peaks[300] + 2_000_000, peaks  # the larger file has 12 MB


def test_a_line_that_is_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.exchange.fhir.read.MAX_LINE", 100)
    file = tmp_path / "a.ndjson"
    file.write_text('{"x": "' + "y" * 500 + '"}\n{"resourceType": "Patient", "id": "P"}\n', "utf-8")
    found = list(read_file(file, "a.ndjson"))
    assert [(read.place, bool(read.why)) for read in found] == [
        ("a.ndjson line 1", True),
        ("a.ndjson line 2", False),
    ]


# --- the command ------------------------------------------------------------------------


def test_the_command_imports_and_screens(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json_text(bundle(creatinine(), drug())), "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "out"),
                "--confirm", "therapy=2026-11-18", "--by", "Dr A. Example")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "subjects imported: 1" in ran.out
    screened = eligo("screen", str(tmp_path / "out"), "--as-of", "2026-11-20")
    assert screened.code == 0
    assert "0.5 mg/dL" in screened.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--confirm", "therapy=2026-11-18"], "--by"),
        (["--confirm", "therapies=2026-11-18", "--by", "N"], "names no record list"),
        (["--confirm", "therapy=18.11.2026", "--by", "N"], "is not a date"),
        (["--confirm", "therapy", "--by", "N"], "names no record list"),
    ],
)
def test_a_wrong_confirmation_is_refused(tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "b.json").write_text('{"resourceType": "Patient", "id": "P"}', "utf-8")
    ran = eligo("import", "fhir", str(tmp_path / "b.json"), "--out", str(tmp_path / "o"), *words)
    assert ran.code == 2
    assert message in ran.said


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    ran = eligo("import", "fhir", str(tmp_path / "nothing"), "--out", str(tmp_path / "o"))
    assert ran.code == 2
    assert "no such file" in ran.said


def eligible_bundle() -> Json:
    path = ROOT / "fixtures" / "subjects" / "CAR-001-eligible-girl-of-8.yaml"
    document = read_document(path.name, path.read_bytes())
    protocol = shipped()[0]
    return as_fhir(subject_of(document, protocol), document, protocol)


def verdict(made: Json) -> str:
    decided: Any = screener().decide(from_fhir(made), date(2026, 11, 20))
    return str(decided["verdict"])


def test_an_eligible_child_in_fhir_is_eligible() -> None:
    assert verdict(eligible_bundle()) == "eligible"


def fed(made: Json) -> dict[str, set[str]]:
    """By fact or list, the resources that fed it."""
    report = import_fhir({"b.json": made}, id_system="urn:study")
    found: dict[str, set[str]] = {}
    for name, line in report.lines().items():
        for where in line.get("gave", []):
            found.setdefault(where.split(".")[1].partition("[")[0], set()).add(name)
    return found


def without(made: Json, name: str, resources: set[str]) -> Json:
    """The bundle without the resources that fed a fact or list, and without its confirmation."""
    entries = []
    for entry in made["entry"]:
        resource = dict(entry["resource"])
        kind = resource["resourceType"]
        key = f"{kind}/{resource['id']}"
        if kind == "QuestionnaireResponse":
            groups = []
            for group in resource["item"]:
                prefix = f"{group['linkId']}.{name}"
                inside = [i for i in group.get("item", []) if i["linkId"] != prefix]
                groups.append({**group, "item": inside} if "item" in group else group)
            resource["item"] = groups
        elif kind == "Patient":
            if name == "birth_date":
                resource.pop("birthDate", None)
            if name == "sex":
                resource.pop("extension", None)
        elif key in resources:
            continue
        entries.append({"resource": resource})
    return {**made, "entry": entries}


def test_nothing_is_eligible_without_the_resources_that_prove_it() -> None:
    made = eligible_bundle()
    found = fed(made)
    assert {"creatinine", "therapy", "consent", "birth_date"} <= found.keys()
    still = {
        name for name, names in found.items() if verdict(without(made, name, names)) == "eligible"
    }
    # Not asked for at eight years of age, or after the infusion only.
    assert still <= {"sex", "assessment"}, still


@fewer(10)
@given(st.integers(0, 2**32), st.integers(0, 40))
def test_less_evidence_never_makes_anyone_eligible(seed: int, which: int) -> None:
    protocol, as_of = shipped()[0], date(2026, 11, 20)
    choices, targets = Seeded(seed), Targets.of(protocol)
    recorded = varied_subject(choices, targets, as_of, typical_subject(choices, targets, as_of))
    subject, document = parsed(recorded, protocol)
    made = as_fhir(subject, document, protocol)
    found = fed(made)
    if not found or verdict(made) == "eligible":
        return
    name = sorted(found)[which % len(found)]
    assert verdict(without(made, name, found[name])) != "eligible"


def test_drugs_of_the_writer_are_in_the_map() -> None:
    for coding in DRUGS.values():
        assert shipped()[1].selected(
            "MedicationAdministration", [(coding["system"], coding["code"])]
        )
