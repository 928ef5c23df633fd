"""SDTM and FHIR out of records: structure, terms, lengths; read back by second libraries."""

from __future__ import annotations

import base64
import csv
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.exchange.sdtm import CannotExport, criterion_codes, rule_texts
from app.store.packs import pack_files
from app.store.shipped import shipped_pack
from engine.exchange.domains import DM, DS, IE, RS, TI
from engine.exchange.questionnaire import questionnaire
from engine.exchange.recorded import json_text
from engine.exchange.response import response
from engine.read.source import read_document
from engine.read.subjects import subject_of
from engine.record.shape import Decision
from tests.build import criterion, pack
from tests.command import eligo
from tests.interop.written import Json, shipped

ROOT = Path(__file__).parents[2]
SCHEMA = Path(__file__).parent / "dataset-json-1.1.schema.json"
TERMS = {
    "IECAT": {"INCLUSION", "EXCLUSION"},
    "IEORRES": {"Y", "N"},
    "IESTRESC": {"Y", "N"},
    "SEX": {"F", "M", "U"},
    "AGEU": {"YEARS"},
    "DTHFL": {"Y"},
    "ARMNRS": {"SCREEN FAILURE", "NOT ASSIGNED"},
    "DSDECOD": {"SCREEN FAILURE", "ELIGIBILITY CRITERIA MET", "DEATH"},
    "DSCAT": {"DISPOSITION EVENT", "PROTOCOL MILESTONE"},
    "RSTESTCD": {"OVRLRESP"},
    "RSSTRESC": {"CR", "CRi", "NR", "PD", "NE"},
}
"""CDISC controlled terminology, the terms that may appear."""


SUBJECTS = ROOT / "fixtures" / "subjects"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decisions on the fixtures and outcomes of a cohort, exported in every form."""
    folder = tmp_path_factory.mktemp("export")
    some = re.compile(r"CAR-0(01|11|20|27|34|46|47|50|57|65|70)")
    subjects = sorted((ROOT / "fixtures" / "subjects").iterdir())
    words = [str(path) for path in subjects if some.match(path.name)]
    decided = eligo("screen", *words, "--as-of", "2026-11-20", "--format", "json")
    (folder / "decisions.jsonl").write_text(decided.out, "utf-8")
    ten = str(ROOT / "fixtures" / "cohorts" / "ten")
    outcomes = eligo("outcomes", ten, "--as-of", "2028-01-01", "--format", "json")
    (folder / "outcomes.jsonl").write_text(outcomes.out, "utf-8")
    ran = eligo("export", "sdtm", str(folder / "decisions.jsonl"), str(folder / "outcomes.jsonl"),
                "--subjects", *words, ten, "--study", "CART", "--site", "01",
                "--out", str(folder / "sdtm"), "--created", "2026-11-22T12:00:00Z")  # fmt: skip
    assert ran.code == 0, ran.err
    ran = eligo("export", "fhir", str(folder / "decisions.jsonl"), "--out", str(folder / "fhir"),
                "--subjects", *words,
                "--created", "2026-11-22T12:00:00Z")  # fmt: skip
    assert ran.code == 0, ran.err
    return folder


def table(exported: Path, name: str) -> list[dict[str, str]]:
    text = (exported / "sdtm" / f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def decisions(exported: Path) -> list[Decision]:
    return [json.loads(line) for line in (exported / "decisions.jsonl").read_text().splitlines()]


@lru_cache(maxsize=1)
def schema() -> Json:
    found: Json = json.loads(SCHEMA.read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", ["ti", "dm", "ie", "rs", "ds"])
def test_a_dataset_keeps_the_schema_and_the_terms(exported: Path, name: str) -> None:
    whole = json.loads((exported / "sdtm" / f"{name}.json").read_text("utf-8"))
    jsonschema.validate(whole, schema())
    columns = [column["name"] for column in whole["columns"]]
    assert whole["records"] == len(whole["rows"]) > 0
    assert columns == list(table(exported, name)[0])
    keys = [c["keySequence"] for c in whole["columns"] if "keySequence" in c]
    assert sorted(keys) == list(range(1, len(keys) + 1))
    for column, values in zip(whole["columns"], zip(*whole["rows"], strict=True), strict=True):
        assert len(column["name"]) <= 8
        assert len(column["label"]) <= 40
        given = [value for value in values if value is not None]
        if column["dataType"] == "string":
            assert column["length"] == max([1, *map(len, given)]) <= 200
        elif column["dataType"] == "date":
            assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in given)
        else:
            assert all(isinstance(value, int) for value in given)
        if column["name"] in TERMS:
            assert set(given) <= TERMS[column["name"]], column["name"]


@pytest.mark.parametrize(
    ("name", "variables"), [("ti", TI), ("dm", DM), ("ie", IE), ("rs", RS), ("ds", DS)]
)
def test_a_second_library_reads_the_xpt(exported: Path, name: str, variables: Any) -> None:
    import pandas
    import pyreadstat

    path = exported / "sdtm" / f"{name}.xpt"
    assert path.read_bytes()[:48] == b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
    frame = pandas.read_sas(path, format="xport", encoding="ascii")
    rows = table(exported, name)
    assert list(frame.columns) == [variable.name for variable in variables]
    for variable in variables:
        expected = [row[variable.name] for row in rows]
        if variable.type == "integer":
            found = ["" if pandas.isna(v) else str(int(v)) for v in frame[variable.name]]
        else:
            found = ["" if pandas.isna(v) else str(v) for v in frame[variable.name]]
        assert found == expected, variable.name
    _, meta = pyreadstat.read_xport(str(path))
    assert meta.column_names_to_labels == {v.name: v.label for v in variables}


def test_ie_holds_what_failed_and_nothing_else(exported: Path) -> None:
    found = {(row["USUBJID"], row["IETESTCD"], row["IEORRES"]) for row in table(exported, "ie")}
    expected = {
        (
            f"CART-{one['subject']}",
            criterion["id"],
            "N" if criterion["kind"] == "inclusion" else "Y",
        )
        for one in decisions(exported)
        for criterion in one["criteria"]
        if criterion["status"] == "failed"
    }
    assert found == expected
    assert any(c["status"] == "open" for one in decisions(exported) for c in one["criteria"])


def test_ti_holds_every_criterion_with_its_rule(exported: Path) -> None:
    rows = table(exported, "ti")
    assert [row["IETESTCD"] for row in rows] == [c.id for c in shipped()[0].criteria]
    rules = rule_texts(pack_files(shipped_pack()))
    for row in rows:
        rule = row["TIRL"]
        assert rule == rules[row["IETESTCD"]] or rule.startswith("holds_when of ")
        if not rule.startswith("holds_when"):
            assert read_document("rule.yaml", rule.encode()).value  # it reads as what it was


def test_dm_has_one_row_a_subject(exported: Path) -> None:
    rows = {row["SUBJID"]: row for row in table(exported, "dm")}
    assert len(rows) == len(table(exported, "dm"))
    girl = rows["CAR-001"]
    assert (girl["SEX"], girl["AGE"], girl["BRTHDTC"]) == ("F", "8", "2018-03-02")
    assert rows["CAR-011"]["BRTHDTC"] == "2017"  # the year is all that is known
    treated = rows["TEN-01"]
    assert treated["RFSTDTC"] == "2026-01-31"
    assert treated["ARMNRS"] == ""
    dead = {row["USUBJID"] for row in table(exported, "ds") if row["DSDECOD"] == "DEATH"}
    assert dead == {row["USUBJID"] for row in rows.values() if row["DTHFL"] == "Y"} != set()


def test_study_days_have_no_zero(exported: Path) -> None:
    rows = table(exported, "rs")
    first = next(row for row in rows if row["USUBJID"] == "CART-TEN-01")
    assert (first["RSDTC"], first["RSDY"]) == ("2026-02-28", "29")
    assert all(row["RSDY"] != "0" for row in rows)


def test_the_same_records_give_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    ran = eligo("export", "fhir", str(exported / "decisions.jsonl"), "--out", str(tmp_path),
                "--subjects", str(SUBJECTS), "--created", "2026-11-22T12:00:00Z")  # fmt: skip
    assert ran.code == 0
    name = "research-subjects.json"
    assert (tmp_path / name).read_bytes() == (exported / "fhir" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": {"id": "x", "version": "1", "digest": "sha256:0"}}, "of another protocol"),
        ({"schema": "eligo.decision/9"}, "a record of another kind"),
        ({"schema": None}, "a record of another kind"),
    ],
)
def test_a_record_of_something_else_is_refused(
    exported: Path, tmp_path: Path, change: Json, message: str
) -> None:
    (tmp_path / "r.json").write_text(json.dumps({**decisions(exported)[0], **change}), "utf-8")
    ran = eligo("export", "sdtm", str(tmp_path / "r.json"), "--out", str(tmp_path / "out"))
    assert ran.code == 2
    assert message in ran.said
    assert not (tmp_path / "out").exists()


def test_two_decisions_of_one_day_are_refused(exported: Path, tmp_path: Path) -> None:
    one = decisions(exported)[0]
    other = {**one, "facts_digest": "sha256:" + "1" * 64}
    (tmp_path / "a.json").write_text(json.dumps(one), "utf-8")
    (tmp_path / "b.json").write_text(json.dumps(other), "utf-8")
    ran = eligo("export", "fhir", str(tmp_path / "a.json"), str(tmp_path / "b.json"),
                "--subjects", str(SUBJECTS), "--out", str(tmp_path / "out"))  # fmt: skip
    assert ran.code == 2
    assert "two different records" in ran.said


def test_what_xpt_cannot_hold_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    persian = str(SUBJECTS / "CAR-080-persian.yaml")
    decided = eligo("screen", persian, "--as-of", "2026-11-20", "--format", "json")
    (tmp_path / "a.json").write_text(decided.out, "utf-8")
    words = ("export", "sdtm", str(tmp_path / "a.json"), "--out", str(tmp_path / "out"),
             "--subjects", persian)  # fmt: skip
    ran = eligo(*words)
    assert ran.code == 2
    assert "ASCII" in ran.said
    assert not (tmp_path / "out").exists()
    ran = eligo(*words, "--format", "json")
    assert ran.code == 0


def test_a_criterion_id_that_is_too_long_is_refused() -> None:
    from engine.terms import Todo

    with pytest.raises(CannotExport, match="INCLUSION12"):
        criterion_codes(pack(criteria=[criterion("INCLUSION12", Todo())]))


# --- FHIR -------------------------------------------------------------------------------


def valid(resource: Json) -> None:
    """Have another library check a resource (its R4B models; these types did not change)."""
    from fhir.resources.R4B import get_fhir_model_class

    get_fhir_model_class(resource["resourceType"]).model_validate(json.loads(json_text(resource)))


def test_research_subjects_say_what_the_decision_supports(exported: Path) -> None:
    bundle = json.loads((exported / "fhir" / "research-subjects.json").read_text("utf-8"))
    valid(bundle)
    by_url = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    subjects = {url: one for url, one in by_url.items() if one["resourceType"] == "ResearchSubject"}
    decided = {one["subject"]: one for one in decisions(exported)}
    assert len(subjects) == len(decided)
    documents = {}
    for one in by_url.values():
        if one["resourceType"] == "Provenance":
            (target,) = one["target"]
            documents[target["reference"]] = by_url[one["entity"][0]["what"]["reference"]]
    for url, one in subjects.items():
        decision = decided[one["identifier"][0]["value"]]
        wanted = "ineligible" if decision["verdict"] == "ineligible" else "candidate"
        assert one["status"] == wanted
        attachment = documents[url]["content"][0]["attachment"]
        assert json.loads(base64.b64decode(attachment["data"])) == decision
        assert by_url[one["study"]["reference"]]["resourceType"] == "ResearchStudy"


def test_the_questionnaire_is_valid_fhir() -> None:
    form = questionnaire(shipped()[0])
    valid(form)
    links: list[str] = []
    conditions: list[str] = []

    def walk(items: list[Json]) -> None:
        for item in items:
            links.append(item["linkId"])
            conditions.extend(one["question"] for one in item.get("enableWhen", []))
            if len(item.get("enableWhen", [])) > 1:
                assert item["enableBehavior"] == "any"
            walk(item.get("item", []))

    walk(form["item"])
    assert len(set(links)) == len(links)
    assert set(conditions) <= set(links)
    printed = eligo("facts", "--questionnaire")
    assert json.loads(printed.out)["item"][0]["linkId"] == "subject"


def test_the_response_is_valid_fhir_and_answers_the_questionnaire() -> None:
    protocol = shipped()[0]
    path = ROOT / "fixtures" / "subjects" / "CAR-010-eligible-voided-entries.json"
    document = read_document(path.name, path.read_bytes())
    answered = response(subject_of(document, protocol), document, protocol)
    valid(answered)
    asked = json.dumps(questionnaire(protocol))
    for link in re.findall(r'"linkId": "([^"]+)"', json_text(answered)):
        assert f'"{link}"' in asked
