"""Write a subject out as a table, a REDCap export or FHIR, and read it back, for the tests."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.cli import import_csv as tables
from app.cli import import_redcap as redcap_read
from app.cli.facts import csv_columns
from app.cli.import_fhir import Confirmation, Import
from app.exchange import redcap_form
from app.exchange.csv_read import Dialect, Table, read_table
from app.exchange.fhir.files import read_map
from app.exchange.folder import opened
from app.exchange.intake import Read, Reader, intake
from app.exchange.report import Report
from app.exchange.rows import Rows
from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine import terms as m
from engine.exchange.fhir.map import FhirMap
from engine.exchange.questionnaire import days_text
from engine.exchange.recorded import Recorded, json_text, subject_json
from engine.exchange.redcap import SIGNS, Variable, variables
from engine.exchange.response import response
from engine.read.source import Document, Num, read_document
from engine.read.subjects import read_subject, subject_of
from engine.record.wording import decimal_text
from engine.select.readings import find_readings, readings_only
from engine.terms.agents import as_recorded
from engine.terms.faults import Fault

Json = dict[str, Any]
TODAY = date(2026, 12, 1)
"""The day on which the tests import, unless one says another."""

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
SNOMED, RXNORM = "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
CPT = "http://www.ama-assn.org/go/cpt"
BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"


@lru_cache(maxsize=1)
def shipped() -> tuple[m.Protocol, FhirMap]:
    protocol = read_pack(shipped_pack())
    return protocol, read_map(shipped_pack(), protocol)


def alike(value: Any, *without: str) -> Any:
    """A decision without what a way round changes: the file's digest and the place in it."""
    drop = {"entry", "where", "facts_digest", "software", "imported", "count", *without}
    if isinstance(value, Mapping):
        return {
            key: alike(child, *without)
            for key, child in value.items()
            if key not in drop and not (key == "entries" and child and isinstance(child[0], str))
        }
    return [alike(child, *without) for child in value] if isinstance(value, list) else value


def back(recorded: Recorded, protocol: m.Protocol) -> m.Subject:
    """What the file that would be written reads as."""
    text = subject_json(recorded.plain(protocol)).encode()
    return read_subject(text, "back.json", protocol)


# --- tables -----------------------------------------------------------------------------


def value_cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, m.Amount):
        return value.sign + decimal_text(value.amount_u)
    if isinstance(value, m.Days):
        return days_text(value)
    return "|".join(value) if isinstance(value, tuple) else str(value)


def statement_cells(one: m.Statement) -> dict[str, str]:
    cells = {"source": one.source, "by": one.by, "note": one.note}
    value = one.struck if one.voided else one.value
    if one.voided:
        cells["voided"] = "wrong"
    if one.unknown:
        cells[""] = f"unknown: {one.unknown}"
    elif value is not None:
        cells[""] = value_cell(value)
    if isinstance(value, m.Amount):
        cells["unit"] = value.unit
    if one.on is not None or one.within is not None:
        cells["on"] = one.on.isoformat() if one.on else value_cell(one.within)
    if one.not_after is not None:
        cells["not_after"] = one.not_after.isoformat()
    if one.uln_u is not None:
        cells["uln"] = decimal_text(one.uln_u)
    return {key: cell for key, cell in cells.items() if cell}


def as_csv(
    subject: m.Subject, protocol: m.Protocol, delimiter: str = ","
) -> tuple[str, dict[str, str]]:
    """The main table, and a table for each record list."""
    cells = {"subject": subject.id}
    for name, said in subject.facts.items():
        for number, one in enumerate(said):
            column = name if number == 0 else f"{name}[{number}]"
            for key, cell in statement_cells(one).items():
                cells[f"{column}.{key}" if key else column] = cell
    for name, entries in subject.records.items():
        for key, text in (
            ("complete_on", entries.complete_on.isoformat() if entries.complete_on else ""),
            ("complete_by", entries.by),
            ("complete_source", entries.source),
            ("count", str(stated_count(entries))),
        ):
            if text:
                cells[f"{name}.{key}"] = text
    columns = [*csv_columns(protocol), *sorted(cells.keys() - set(csv_columns(protocol)))]
    main = table_text([columns, [cells.get(column, "") for column in columns]], delimiter)
    lists = {}
    for name, entries in subject.records.items():
        fields = list(protocol.records[name].fields)
        units = [f"{f}.unit" for f in fields if protocol.records[name].fields[f].type == "quantity"]
        head = ["subject", *fields, *units,
                *(n for n in ("source", "by", "note", "voided") if n not in fields)]  # fmt: skip
        rows = [head]
        for entry in as_recorded(entries.entries):
            made = {"subject": subject.id, "source": entry.source, "by": entry.by,
                    "note": entry.note, "voided": "wrong" if entry.voided else ""}  # fmt: skip
            for field, value in (entry.struck if entry.voided else entry.values).items():
                made[field] = value_cell(value)
                if isinstance(value, m.Amount):
                    made[f"{field}.unit"] = value.unit
            rows.append([made.get(column, "") for column in head])
        lists[name] = table_text(rows, delimiter)
    return main, lists


def stated_count(entries: m.Entries) -> int:
    """How many entries were confirmed: a table has to say so."""
    return len(as_recorded(entries.entries)) if entries.count is None else entries.count


def table_text(rows: Iterable[Iterable[str]], delimiter: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue()


@dataclass
class Outcome:
    """What an import of tables came to."""

    recorded: list[Recorded]
    faults: list[Fault]
    rejected: list[str]
    reads: list[Read]


def outcome(rows: Rows, reader: Reader, protocol: m.Protocol, today: date | None = None) -> Outcome:
    with rows:
        reads = list(intake(rows, reader, protocol, "made.csv", today))
    return Outcome(
        [read.recorded for read in reads if not read.faults],
        [fault for read in reads for fault in read.faults],
        [read.subject for read in reads if read.faults],
        reads,
    )


def table_of(name: str, text: str | bytes, dialect: Dialect | None = None) -> Table:
    data = text if isinstance(text, bytes) else text.encode()
    return read_table(name, io.BytesIO(data), dialect or Dialect(), "subject")


def from_csv(
    main: str | bytes,
    lists: Mapping[str, str | bytes] | Mapping[str, str],
    protocol: m.Protocol,
    dialect: Dialect | None = None,
    missing: Mapping[str, str] | None = None,
) -> Outcome:
    table = table_of("main.csv", main, dialect)
    others = {name: table_of(f"{name}.csv", text, dialect) for name, text in lists.items()}
    reader = tables.reader_of(table, others, protocol, missing or {})
    rows = Rows()
    tables.load(rows, table, others)
    return outcome(rows, reader, protocol)


def as_redcap_holds(subject: m.Subject, protocol: m.Protocol) -> m.Subject:
    """A subject as far as REDCap's forms can hold it: a day of observation is a full one, or
    blank; a checkbox is a set, in the order of its choices."""
    facts = {
        name: tuple(replace(one, within=None, not_after=None) for one in said)
        for name, said in subject.facts.items()
    }

    def ordered(record: str, values: Mapping[str, Any]) -> dict[str, Any]:
        fields = protocol.records[record].fields
        sets = {n: [c.code for c in f.choices] for n, f in fields.items() if f.many}
        return {
            name: tuple(sorted({*value} - {""}, key=sets[name].index)) if name in sets else value
            for name, value in values.items()
        }

    records = {
        name: replace(
            entries,
            entries=tuple(
                replace(one, values=ordered(name, one.values), struck=ordered(name, one.struck))
                for one in as_recorded(entries.entries)
            ),
        )
        for name, entries in subject.records.items()
    }
    return replace(subject, facts=facts, records=records)


def as_redcap(subject: m.Subject, protocol: m.Protocol) -> str:
    """An export of raw data, each further value and each entry an instance of its form."""
    project = variables(protocol)
    columns = ["subject", "redcap_repeat_instrument", "redcap_repeat_instance"]
    for one in project[1:]:
        codes = [f"{one.name}___{theirs.lower()}" for _, theirs in one.codes]
        columns += codes if one.type == "checkbox" else [one.name]
    rows: dict[tuple[str, int], dict[str, str]] = {("", 1): {}}
    for name, said in subject.facts.items():
        own = [v for v in project if v.owner == name and not v.field]
        for number, statement in enumerate(said):
            key = ("", 1) if number == 0 else (project[0].form, number + 1)
            value = statement.struck if statement.voided else statement.value
            rows.setdefault(key, {}).update(_redcap_cells(own, value, statement))
    for name, entries in subject.records.items():
        heads = [v for v in project if v.owner == name and not v.field]
        for variable in heads:
            text = entries.by if variable.key == "by" else ""
            if variable.key == "complete_on" and entries.complete_on:
                text = entries.complete_on.isoformat()
            if variable.key == "count":
                text = str(stated_count(entries))
            rows["", 1][variable.name] = text
        form = next(v.form for v in project if v.owner == name and v.field)
        for number, entry in enumerate(as_recorded(entries.entries), start=1):
            row = rows.setdefault((form, number), {})
            if entry.voided:
                wrong = next(v for v in project if v.owner == name and v.key == "voided")
                row[wrong.name] = "wrong"
            for field, cell in (entry.struck if entry.voided else entry.values).items():
                own = [v for v in project if v.owner == name and v.field == field]
                row.update(_redcap_cells(own, cell, None))
            if not row:  # an entry without any field still counts
                note = next(v for v in project if v.owner == name and v.key == "note")
                row[note.name] = entry.note or "empty"
    lines = [columns]
    for (form, number), row in rows.items():
        system = [subject.id, form, str(number) if form else ""]
        lines.append([*system, *(row.get(column, "") for column in columns[3:])])
    return table_text(lines)


def _redcap_cells(own: list[Variable], value: Any, said: m.Statement | None) -> dict[str, str]:
    cells: dict[str, str] = {}
    by_key = {variable.key: variable for variable in own}
    main = by_key["value"]
    if isinstance(value, bool):
        cells[main.name] = "1" if value else "0"
    elif isinstance(value, m.Amount):
        cells[main.name] = decimal_text(value.amount_u)
        cells[by_key["unit"].name] = value.unit
        if value.sign:
            cells[by_key["sign"].name] = {sign: code for code, sign in SIGNS.items()}[value.sign]
    elif isinstance(value, m.Days) and value.first == value.last:
        cells[main.name] = days_text(value)
    elif isinstance(value, m.Days) or (main.validation == "date_ymd" and value is not None):
        cells[by_key["partial"].name] = value_cell(value)
    elif main.type == "checkbox":
        for ours, theirs in main.codes:
            cells[f"{main.name}___{theirs.lower()}"] = "1" if ours in value else "0"
    elif main.codes and value is not None:
        cells[main.name] = dict(main.codes)[value]
    elif value is not None:
        cells[main.name] = str(value)
    if said is not None:
        if said.voided:
            cells[by_key["voided"].name] = "wrong"
        if said.unknown:
            cells[by_key["unknown"].name] = said.unknown
        if said.on:
            cells[by_key["on"].name] = said.on.isoformat()
        if said.uln_u is not None:
            cells[by_key["uln"].name] = decimal_text(said.uln_u)
        for key in ("source", "by", "note"):
            cells[by_key[key].name] = getattr(said, key)
    return cells


def from_redcap(
    text: str,
    protocol: m.Protocol,
    missing: Mapping[str, str] | None = None,
    whole: bool = True,
    ignored: Iterable[str] | None = None,
) -> Outcome:
    table = table_of("export.csv", text)
    if ignored is None:  # a short export, without most of what qualifies its values
        ignored = {one.name for one in variables(protocol) if one.key in redcap_form.QUALIFIES}
    project = redcap_form.project_of(table, protocol, {*ignored} - {*table.heading.cells})
    rows = Rows()
    rows.load(table, project.is_main)
    rows.finish()
    reader = redcap_read.reader_of(table, project, protocol, missing or {}, whole)
    return outcome(rows, reader, protocol)


# --- FHIR -------------------------------------------------------------------------------


def concept(system: str, code: str, display: str = "") -> Json:
    coding = {"system": system, "code": code}
    return {"coding": [{**coding, "display": display} if display else coding]}


def observation(id_: str, code: Json, **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": code,
        "subject": {"reference": "Patient/P"},
        **more,
    }


def quantity(value: str, unit: str, comparator: str = "") -> Json:
    found = {"value": Num(value), "unit": unit, "system": UCUM, "code": unit}
    return {**found, "comparator": comparator} if comparator else found


RESULTS = {
    "lansky": concept(NCIT, "C38144"),
    "karnofsky": concept(LOINC, "89243-0"),
    "marrow_blasts": concept(LOINC, "11150-0"),
    "creatinine": concept(LOINC, "2160-0"),
    "alt": concept(LOINC, "1742-6"),
    "ast": concept(LOINC, "1920-8"),
    "bilirubin": concept(LOINC, "1975-2"),
    "lvef": concept(LOINC, "10230-1"),
    "spo2": concept(LOINC, "59408-5"),
}
ROOM_AIR = {"code": concept(LOINC, "3151-8"), "valueQuantity": quantity("0", "L/min")}
CONDITIONS: dict[tuple[str, Any], Json] = {
    ("disease", "b_all"): concept(SNOMED, "277571004"),
    ("other_malignancy", True): concept(ICD, "C71.9"),
    ("cns_disorder", "epilepsy"): concept(ICD, "G40.909"),
    ("cns_disorder", "cerebrovascular"): concept(ICD, "I63.9"),
    ("gvhd_active", "chronic"): concept(SNOMED, "402356004"),
}
DRUGS: dict[tuple[str, tuple[str, ...]], Json] = {
    ("chemotherapy", ()): {"system": RXNORM, "code": "11202"},
    ("corticosteroid", ()): {"system": RXNORM, "code": "3264"},
    ("antibody", ("cd19",)): {"system": RXNORM, "code": "1597258"},
    ("antibody", ("cd20",)): {"system": RXNORM, "code": "121191"},
    ("antibody", ("cd22",)): {"system": RXNORM, "code": "1942950"},
    ("antibody", ("other",)): {"system": RXNORM, "code": "1294580"},
}
PROCEDURES: dict[tuple[str, tuple[str, ...]], Json] = {
    ("radiation", ()): {"system": SNOMED, "code": "108290001"},
    ("transplant", ()): {"system": SNOMED, "code": "234336002"},
    ("cell_therapy", ()): {"system": SNOMED, "code": "1156961008"},
    ("donor_lymphocytes", ()): {"system": CPT, "code": "38242"},
}


def as_fhir(subject: m.Subject, document: Document, protocol: m.Protocol) -> Json:
    """A Bundle: what coded resources can say, and a QuestionnaireResponse for the rest."""
    patient: Json = {
        "resourceType": "Patient",
        "id": "P",
        "identifier": [{"system": "urn:study", "value": subject.id}],
    }
    resources: list[Json] = [patient]
    rest_facts: dict[str, tuple[m.Statement, ...]] = {}
    for name, said in subject.facts.items():
        left = []
        for one in said:
            made = _fact_resource(name, one, patient, f"r{len(resources)}", len(said))
            if made is None:
                left.append(one)
            elif made:
                resources.append(made)
        if left:
            rest_facts[name] = tuple(left)
    rest_records = dict(subject.records)
    if "therapy" in subject.records:
        therapy = subject.records["therapy"]
        left_entries = []
        for entry in as_recorded(therapy.entries):
            found = _therapy_resource(entry, f"r{len(resources)}")
            if found is None:
                left_entries.append(entry)
            else:
                resources.append(found)
        rest_records["therapy"] = replace(therapy, entries=tuple(left_entries))
    rest = m.Subject(subject.id, rest_facts, rest_records)
    form = response(rest, document, protocol)
    resources.append({**form, "id": "q1", "subject": {"reference": "Patient/P"}})
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


def _fact_resource(name: str, one: m.Statement, patient: Json, id_: str, count: int) -> Json | None:
    """The resource for a statement, {} if the Patient holds it, None if none can."""
    if one.voided or one.by or one.note:
        return None
    dated = {}
    if one.first is not None and one.last is not None:
        dated = {"effectiveDateTime": days_text(m.Days(one.first, one.last))}
    elif one.not_after is not None:
        dated = {"issued": f"{one.not_after.isoformat()}T12:00:00Z"}
    plain = count == 1 and one.last is None
    if name == "birth_date" and isinstance(one.value, m.Days) and plain:
        if one.value.last.year > 2020:
            return None  # results of before the birth would be taken for slips
        patient["birthDate"] = days_text(one.value)
        return {}
    if name == "sex" and one.value and plain:
        code = {"female": "F", "male": "M"}[str(one.value)]
        patient["extension"] = [{"url": BIRTH_SEX, "valueCode": code}]
        return {}
    if name in RESULTS:
        made = observation(id_, RESULTS[name], **dated)
        if name == "spo2":
            made["component"] = [ROOM_AIR]
        if one.unknown is not None:
            reason = {"pending": "temp-unknown", "not_done": "not-performed"}[one.unknown]
            made["dataAbsentReason"] = concept("http://example.org", reason)
            return made
        assert isinstance(one.value, m.Amount)
        text = decimal_text(one.value.amount_u)
        made["valueQuantity"] = quantity(text, one.value.unit, one.value.sign)
        if one.no_limit:
            made["referenceRange"] = [{"text": "for adults"}]
        if one.uln_u is not None:
            made["referenceRange"] = [{"high": quantity(decimal_text(one.uln_u), one.value.unit)}]
        return made
    if not isinstance(one.value, str | bool) or (name, one.value) not in CONDITIONS:
        return None
    if count > 1 or one.within is not None or one.not_after is not None:
        return None  # a condition is active now, so that another statement contradicts it
    return {
        "resourceType": "Condition",
        "id": id_,
        "clinicalStatus": concept("http://example.org", "active"),
        "verificationStatus": concept("http://example.org", "confirmed"),
        "code": CONDITIONS[name, one.value],
        "subject": {"reference": "Patient/P"},
        **({"recordedDate": one.on.isoformat()} if one.on else {}),
    }


def _therapy_resource(entry: m.Entry, id_: str) -> Json | None:
    values = dict(entry.values)
    kind, target = str(values.get("kind")), values.get("target", ())
    assert isinstance(target, tuple)
    if entry.voided or entry.by or entry.note or not isinstance(values.get("agent"), str):
        return None
    drug, procedure = DRUGS.get((kind, target)), PROCEDURES.get((kind, target))
    found = drug or procedure
    if found is None:
        return None
    made: Json = {"id": id_, "status": "completed", "subject": {"reference": "Patient/P"}}
    code = {"coding": [{**found, "display": values["agent"]}]}
    key = "effectiveDateTime" if drug else "performedDateTime"
    ended = values.get("ended")
    if ended == "ongoing":
        made["status"] = "in-progress"
    elif isinstance(ended, m.Days):
        made[key] = days_text(ended)
    if drug:
        return {
            "resourceType": "MedicationAdministration",
            "medicationCodeableConcept": code,
            **made,
        }
    return {"resourceType": "Procedure", "code": code, **made}


@dataclass(frozen=True)
class Imported:
    """What an import left behind: subjects by id, and the report."""

    subjects: dict[str, m.Subject]
    report: Json
    text: str
    summary: str

    def lines(self) -> dict[str, Json]:
        """By resource, what became of it."""
        listed = [line for one in self.report["patients"] for line in one["resources"]]
        return {line["resource"]: line for line in [*listed, *self.report["others"]]}


def import_fhir(
    files: Mapping[str, str | bytes | Json],
    confirmations: Iterable[Confirmation] = (),
    *,
    id_system: str | None = None,
    protocol: m.Protocol | None = None,
    fhir_map: FhirMap | None = None,
    today: date = TODAY,
) -> Imported:
    """Run the import on files by name, with the shipped pack unless another is given."""
    protocol, fhir_map = protocol or shipped()[0], fhir_map or shipped()[1]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, content in files.items():
            path = Path(folder) / name
            text = json_text(content) if isinstance(content, dict) else content
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            paths.append((path, name))
        out = Path(folder) / "out"
        with (
            opened(out, "fhir", list(files), protocol, date.max) as made,
            Report(made, protocol) as report,
        ):
            work = Import(protocol, fhir_map, list(confirmations), id_system, "yaml", today)
            work.run(paths, report)
        subjects = {}
        for file in sorted((out / "subjects").iterdir()):
            subject = read_subject(file.read_bytes(), file.name, protocol)
            subjects[subject.id] = subject
        record = json.loads((made.account / "report.json").read_text("utf-8"))
        text = (made.account / "report.txt").read_text("utf-8")
        summary = (made.account / "summary.txt").read_text("utf-8")
        return Imported(subjects, record, text, summary)


def from_fhir(bundle: Json) -> m.Subject:
    found = import_fhir({"bundle.json": bundle}, id_system="urn:study", today=date(2099, 1, 1))
    assert len(found.subjects) == 1, found.text
    return next(iter(found.subjects.values()))


def parsed(recorded: Json, protocol: m.Protocol) -> tuple[m.Subject, Document]:
    """A subject and the document it was read from."""
    from tests.generators import json_text as plain_text

    document = read_document("subject.json", plain_text(recorded).encode())
    return subject_of(document, protocol), document


def readings(subject: m.Subject, protocol: m.Protocol, as_of: Any) -> dict[str, m.Reading]:
    return readings_only(find_readings(protocol, subject, as_of))
