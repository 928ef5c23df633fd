"""Tables and REDCap: delimiters, encodings, blanks and words, dates, and REDCap's own rules."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from app.imports.csv_read import Dialect
from app.imports.redcap import COLUMNS, dictionary_csv, variables
from engine import model as m
from engine.faults import InputRejected
from tests.build import choices, fact, pack, record_list
from tests.command import eligo
from tests.interop.written import back, from_csv, from_redcap, shipped

HEAD = "subject,birth_date,creatinine,creatinine.on,creatinine.unit,consent,consent.on,consent.by\n"


def faults(text: str | bytes, dialect: Dialect | None = None, **lists: str) -> list[str]:
    try:
        found = from_csv(text, lists, shipped()[0], dialect).faults
    except InputRejected as rejected:
        found = list(rejected.faults)
    return [f"{f.span.line}:{f.span.column} {f.code} {f.message} | {f.hint}" for f in found]


def one(text: str | bytes, dialect: Dialect | None = None, **lists: str) -> m.Subject:
    protocol = shipped()[0]
    outcome = from_csv(text, lists, protocol, dialect)
    assert outcome.faults == [], [fault.text() for fault in outcome.faults]
    return back(outcome.recorded[0], protocol)


@pytest.mark.parametrize(
    "data",
    [
        "subject,creatinine\nÄ,0.5\n".encode("utf-8-sig"),
        "subject,creatinine\nÄ,0.5\n".encode("utf-16"),
        "subject;creatinine\r\nÄ;0.5\r\n".encode(),
        "subject\tcreatinine\rÄ\t0.5\r".encode(),
        "\n\nsubject|creatinine\nÄ|0.5\n\n".encode(),
        '"subject","creatinine"\n"Ä"," 0.5 "\n'.encode(),
    ],
)
def test_forms_of_tables(data: bytes) -> None:
    subject = one(data)
    assert subject.id == "Ä"
    assert subject.facts["creatinine"][0].value == m.Amount(500_000, "mg/dL")


def test_an_encoding_is_named_not_guessed() -> None:
    data = "subject,creatinine\nÄ,0.5\n".encode("cp1252")
    assert "--encoding" in faults(data)[0]
    assert one(data, Dialect(encoding="cp1252")).id == "Ä"
    assert "no encoding" in faults(data, Dialect(encoding="nonsense"))[0]


@pytest.mark.parametrize(
    ("cell", "value", "unknown"),
    [
        ("", None, None),
        ("2018-03-02", "2018-03-02", None),
        ("2018-03", "2018-03-01", None),
        ("2018", "2018-01-01", None),
        ("unknown: pending", None, "pending"),
        ("unknown:not_done", None, "not_done"),
        ("unknown", None, "not_done"),
    ],
)
def test_blank_unknown_and_partial(cell: str, value: str | None, unknown: str | None) -> None:
    said = one(HEAD + f"A,{cell},,,,,,\n").facts.get("birth_date", ())
    if value is None and unknown is None:
        assert said == ()
    else:
        assert said[0].unknown == unknown
        found = said[0].value
        assert (found.first.isoformat() if isinstance(found, m.Days) else None) == value


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            "A,02.03.2018,,,,,,",
            "2:2 date `birth_date`: `02.03.2018` is not a date | write the date",
        ),
        ("A,3/2/2018,,,,,,", "never guessed"),
        ("A,never,,,,,,", "a birth date cannot be `never`"),
        ("A,,0.5,18/11/2026,,,,", "2:4 date `creatinine.on`"),
        ("A,,0.5,2026-13,,,,", "2:4 date `creatinine.on`"),
        ('A,,"0,5",,,,,', "--decimal comma"),
        ("A,,half,,,,,", "2:3 number"),
        ("A,,-1,,,,,", "outside the plausible range"),
        ("A,,0.5,,furlong,,,", "2:5 unit"),
        ("A,,,2026-11-18,,,,", "has no value, so that this says nothing"),
        ("A,,,,,yes,,", "2:6 type"),
        (
            "A,,0.5,,,,,,extra",
            "2:9 too-many `column 9`: the row has 9 cells",
        ),
        (",,0.5,,,,,", "blank"),
        ("A,,0.5,,,,,\nA,,0.6,,,,,", "stands on 2 rows"),
        ('A,"0.5', "not CSV"),
    ],
)
def test_a_fault_names_its_cell(row: str, expected: str) -> None:
    found = faults(HEAD + row + "\n")
    assert any(expected in fault for fault in found), found


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("subject,creatinin", "did you mean `creatinine`?"),
        ("subject,age", "is worked out from other facts"),
        ("subject,creatinine.unt", "is not a column here"),
        ("subject,alt,alt", "stands here twice"),
        ("id,alt", "no column is called `subject`"),
        ("subjekt,alt", "did you mean `subjekt`?"),
        ("subject,therapy.complete", "is not a column here"),
    ],
)
def test_a_heading_that_means_nothing(heading: str, expected: str) -> None:
    found = faults(f"{heading}\nA,1,1\n" if heading.count(",") == 2 else f"{heading}\nA,1\n")
    assert any(expected in fault for fault in found), found


def test_a_rejected_row_stops_no_other() -> None:
    outcome = from_csv(HEAD + "A,,x,,,,,\nB,,0.5,,,,,\n", {}, shipped()[0])
    assert [recorded.subject for recorded in outcome.recorded] == ["B"]
    assert outcome.rejected == ["A"]


def test_a_list_comes_in_a_table_of_its_own() -> None:
    therapy = (
        "subject,agent,kind,target,ended,voided\n"
        "A,vincristine,chemotherapy,,2026-11-09,\n"
        "A,trial bispecific,antibody,cd19|cd20,ongoing,\n"
        "A,mistake,chemotherapy,,2026-11-10,other patient\n"
    )
    main = (
        "subject,therapy.complete_on,therapy.complete_by,therapy.count\n"
        "A,2026-11-18,Dr A. Example,3\n"
    )
    entries = one(main, therapy=therapy).records["therapy"]
    assert str(entries.complete_on) == "2026-11-18"
    assert entries.entries[1].values["target"] == ("cd19", "cd20")
    assert entries.entries[1].values["ended"] == "ongoing"
    assert entries.entries[2].voided
    wrong = therapy.replace("antibody", "antibdy").replace("A,mistake", "B,mistake")
    found = faults(main, therapy=wrong)
    assert any("4:1 no-subject" in fault for fault in found)
    assert any("3:3 unknown-code" in fault for fault in found), found


def test_the_template_is_a_table_that_reads(tmp_path: Path) -> None:
    """The printed heading, filled with one row, comes back."""
    heading = eligo("facts", "--csv").out.strip()
    row = [
        "A" if c == "subject" else "0.5" if c == "creatinine" else "" for c in heading.split(",")
    ]
    file = tmp_path / "t.csv"
    file.write_text(heading + "\n" + ",".join(row) + "\n", "utf-8")
    ran = eligo("import", "csv", str(file), "--out", str(tmp_path / "out"))
    assert ran.code == 0, ran.err
    assert "subjects imported: 1" in ran.out


# --- REDCap -----------------------------------------------------------------------------


def dictionary(protocol: m.Protocol) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(dictionary_csv(protocol))))


AWKWARD = pack(
    facts=[
        fact("Value", "quantity"),
        fact("value", "quantity"),
        fact("value_on", "date"),
        fact("a__b_", "choice", choices=choices("one-two", "3|4")),
        fact("x" * 64, "text"),
    ],
    records=[record_list("List", m.Field("t", "t", "choice", choices("A", "a"), many=True))],
)


@pytest.mark.parametrize("protocol", [shipped()[0], AWKWARD], ids=["shipped", "awkward"])
def test_the_dictionary_keeps_the_rules_of_redcap(protocol: m.Protocol) -> None:
    """As REDCap's help and the training material of its sites state them for an upload."""
    rows = dictionary(protocol)
    names = [row["Variable / Field Name"] for row in rows]
    assert tuple(rows[0]) == COLUMNS
    assert len(COLUMNS) == 18
    assert names[0] == "subject"  # the record id is the first field
    assert len(set(names)) == len(names)
    forms = {row["Form Name"] for row in rows}
    for row in rows:
        name, kind = row["Variable / Field Name"], row["Field Type"]
        assert re.fullmatch(r"[a-z](_?[a-z0-9])*", name), name
        assert len(name) <= 100
        assert re.fullmatch(r"[a-z][a-z0-9_]*", row["Form Name"])
        assert name not in {f"{form}_complete" for form in forms}  # REDCap makes these itself
        assert kind in {"text", "notes", "dropdown", "checkbox", "yesno"}
        assert row["Field Label"]
        choice = row["Choices, Calculations, OR Slider Labels"]
        assert bool(choice) == (kind in {"dropdown", "checkbox"})
        codes = [one.split(",", 1)[0].strip() for one in choice.split("|")] if choice else []
        assert len(set(codes)) == len(codes)
        assert all(re.fullmatch(r"[A-Za-z0-9_]+", code) for code in codes)
        validation = row["Text Validation Type OR Show Slider Number"]
        assert validation in {"", "date_ymd", "number", "integer"}
        assert not validation or kind == "text"
        if row["Text Validation Min"]:
            assert validation in {"number", "integer"}
            high = row["Text Validation Max"] or "inf"
            assert float(row["Text Validation Min"]) < float(high)
        for field in re.findall(r"\[([^]]+)\]", row["Branching Logic (Show field only if...)"]):
            assert field in names
        assert row["Identifier?"] in ("", "y")
        assert row["Required Field?"] in ("", "y")
    # All fields of a form stand together.
    order = [row["Form Name"] for row in rows]
    assert len([f for i, f in enumerate(order) if i == 0 or order[i - 1] != f]) == len(forms)


def test_branching_follows_from_the_derivations() -> None:
    rows = {row["Variable / Field Name"]: row for row in dictionary(shipped()[0])}
    logic = rows["therapy_target"]["Branching Logic (Show field only if...)"]
    assert logic == (
        "[therapy_kind] = 'antibody' or [therapy_kind] = 'cell_therapy' or [therapy_kind] = 'other'"
    )
    assert rows["therapy_kind"]["Branching Logic (Show field only if...)"] == ""
    assert rows["birth_date"]["Identifier?"] == "y"
    assert rows["creatinine"]["Text Validation Max"] == "30"
    assert rows["consent_by"]["Required Field?"] == "y"


@pytest.mark.parametrize(
    ("export", "expected"),
    [
        ("subject,sex\nA,Female\n", "is not one of its codes"),
        ("subject,consent\nA,Yes\n", "neither 1 (yes) nor 0 (no)"),
        ("subject,Sex at birth\nA,female\n", "export the raw data"),
        ("subject,sexx\nA,female\n", "did you mean `sex`?"),
        ("subject,birth_date,birth_date_partial\nA,2018-03-02,2018\n", "keep one of the two"),
        ("subject,creatinine_sign\nA,lt\n", "no number that this belongs to"),
        ("subject,creatinine\nA,-1\n", "outside the plausible range"),
        ("subject,creatinine_on\nA,2026-11-18\n", "says nothing"),
        ("subject,therapy_target___cd19\nA,x\n", "neither 1 nor 0"),
    ],
)
def test_a_fault_of_an_export(export: str, expected: str) -> None:
    try:
        found = from_redcap(export, shipped()[0]).faults
    except InputRejected as rejected:
        found = list(rejected.faults)
    texts = [f"{fault.message} | {fault.hint}" for fault in found]
    assert any(expected in text for text in texts), texts


def test_the_status_of_a_form_confirms_nothing() -> None:
    """`therapy_complete` = 2 is REDCap's word for a form, not a person's for a list."""
    export = "subject,therapy_kind,therapy_complete\nA,chemotherapy,2\n"
    (recorded,) = from_redcap(export, shipped()[0]).recorded
    assert back(recorded, shipped()[0]).records["therapy"].complete_on is None


def test_the_command_reads_an_export(tmp_path: Path) -> None:
    names = [variable.name for variable in variables(shipped()[0])]
    assert "lansky" in names
    file = tmp_path / "e.csv"
    file.write_text("subject,redcap_event_name,lansky,lansky_on\nA,v1,80,2026-11-18\n", "utf-8")
    ran = eligo("import", "redcap", str(file), "--out", str(tmp_path / "out"), "--format", "json")
    assert ran.code == 0, ran.err
    assert (tmp_path / "out" / "subjects" / "A.json").is_file()
