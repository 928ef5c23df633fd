"""Tables and REDCap: delimiters, encodings, blanks and words, dates, and REDCap's own rules."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from pathlib import Path

import pytest

from app.exchange.csv_read import Dialect
from app.exchange.redcap_form import QUALIFIES
from engine import terms as m
from engine.exchange.redcap import COLUMNS, dictionary_csv, variables
from engine.terms.faults import InputRejected
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
    assert ran.code == 2
    assert "without `lansky_sign`" in " ".join(ran.said.split())
    lacking = ",".join(f"lansky_{key}" for key in QUALIFIES if key != "on")
    ran = eligo("import", "redcap", str(file), "--out", str(tmp_path / "out"), "--format", "json",
                "--ignore", lacking)  # fmt: skip
    assert ran.code == 0, ran.err
    assert (tmp_path / "out" / "subjects" / "A.json").is_file()


# --- units, days, codes for missing data ------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "row", "unit"),
    [
        ("creatinine [umol/L]", "44", "umol/L"),
        ("creatinine[umol/L]", "44", "umol/L"),
        ("creatinine[1] [umol/L]", "44", "umol/L"),
        ("creatinine [umol/L],creatinine.unit", "44,", "umol/L"),
        ("creatinine.unit,creatinine [umol/L]", ",44", "umol/L"),
        ("creatinine [umol/L],creatinine.unit", "44,umol/L", "umol/L"),
        ("creatinine,creatinine.unit", "0.5,mg/dL", "mg/dL"),
        ("creatinine [\u00b5mol/l],creatinine.unit", "44,umol/L", "umol/L"),
    ],
)
def test_a_heading_or_a_column_names_the_unit(heading: str, row: str, unit: str) -> None:
    (said,) = one(f"subject,{heading}\nA,{row}\n").facts["creatinine"]
    assert isinstance(said.value, m.Amount)
    assert said.value.unit == unit


@pytest.mark.parametrize(
    ("heading", "row", "expected"),
    [
        ("creatinine [furlong]", "44", "1:2 unit `creatinine [furlong]`"),
        ("sex [kg]", "male", "1:2 unit `sex [kg]`: names a unit, and `sex` has none"),
        ("creatinine [umol/L],creatinine.unit", "44,mg/dL", "2:3 unit `creatinine.unit`"),
        ("creatinine [umol/L]", "0.5 mg/dL", "2:2"),
    ],
)
def test_a_unit_that_does_not_fit_is_a_fault(heading: str, row: str, expected: str) -> None:
    found = faults(f"subject,{heading}\nA,{row}\n")
    assert any(expected in fault for fault in found), found


@pytest.mark.parametrize(
    "cell",
    ["2026-11-18 00:00:00", "2026-11-18T00:00:00", "2026-11-18 00:00", "2026-11-18 00:00:00.000"],
)
def test_midnight_behind_a_day_is_the_day_alone(cell: str) -> None:
    head = "subject,birth_date,lansky,lansky.on,therapy.complete_on,therapy.count\n"
    text = head + f"A,{cell},80,{cell},{cell},0\n"
    subject = one(text)
    day = m.Days(date(2026, 11, 18), date(2026, 11, 18))
    assert subject.facts["birth_date"][0].value == day
    assert subject.facts["lansky"][0].on == day.first
    assert subject.records["therapy"].complete_on == day.first
    export = text.replace(".", "_")
    found = from_redcap(export.replace("00_000", "00.000"), shipped()[0])
    assert back(found.recorded[0], shipped()[0]).facts == subject.facts


def test_a_time_that_is_not_midnight_is_refused_with_a_hint() -> None:
    for cell in ("2026-11-18 07:30:00", "2026-11-18T00:00:00Z", "2026-11-18 00:00:01"):
        (fault,) = faults(f"subject,lansky,lansky.on\nA,80,{cell}\n")
        assert "write the day alone" in fault


def test_a_partial_day_of_observation_is_written_as_it_stands() -> None:
    for cell in ("2026-10", "2026"):
        (said,) = one(f"subject,lansky,lansky.on\nA,80,{cell}\n").facts["lansky"]
        assert said.on is None
        assert said.within is not None
        assert said.within.first.isoformat().startswith(cell)
    (said,) = one("subject,lansky,lansky.not_after\nA,80,2026-10-09\n").facts["lansky"]
    assert said.not_after == date(2026, 10, 9)


def test_codes_for_missing_data_are_named_and_never_guessed() -> None:
    missing = {"-998": "not_done", "UNK": "pending", "female": "not_done"}
    head = "subject,redcap_repeat_instrument,lansky,lansky_on,sex,disease,therapy_count,"
    text = (
        f"{head}therapy_kind,therapy_ended\nA,,-998,UNK,female,UNK,UNK,,\nA,therapy,,,,,,UNK,2026\n"
    )
    assert "UNK" in str(from_redcap(text, shipped()[0]).faults)
    found = from_redcap(text, shipped()[0], missing)
    assert found.faults == []
    subject = back(found.recorded[0], shipped()[0])
    assert (subject.facts["lansky"][0].unknown, subject.facts["disease"][0].unknown) == (
        "not_done",
        "pending",
    )
    assert subject.facts["sex"][0].value == "female"  # a code of the choice comes first
    assert "kind" not in subject.records["therapy"].entries[0].values
    assert len(found.reads[0].left) == 3
    table = "subject,lansky,lansky.on,sex,disease,therapy.count\nA,-998,UNK,female,UNK,UNK\n"
    entries = "subject,kind,ended\nA,UNK,2026\n"
    other = from_csv(table, {"therapy": entries}, shipped()[0], missing=missing)
    again = back(other.recorded[0], shipped()[0])
    assert again.facts == subject.facts
    assert len(other.reads[0].left) == 3


def test_the_words_that_name_missing_codes_and_rows_are_checked(tmp_path: Path) -> None:
    for words in (("--missing", "UNK=gone"), ("--missing", "="), ("--rows", "many")):
        assert eligo("import", "csv", "t.csv", "--out", str(tmp_path / "o"), *words).code == 2


def test_two_rows_of_one_instance_that_differ_are_a_fault() -> None:
    head = "subject,redcap_repeat_instrument,redcap_repeat_instance,lansky,therapy_kind\nA,,,80,\n"
    rows = "A,therapy,1,,chemotherapy\nA,therapy,1,,radiation\n"
    (fault,) = from_redcap(head + rows, shipped()[0]).faults
    assert "line 3 is the same instance" in fault.message


def test_every_column_of_an_export_is_accounted_for(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text(
        "subject,redcap_event_name,lansky,screening_complete,therapy_target___cd19\nA,v1,80,2,0\n"
    )
    lacking = ",".join(["therapy_entry_voided", *(f"lansky_{key}" for key in QUALIFIES)])
    ran = eligo("import", "redcap", str(file), "--out", str(tmp_path / "out"), "--ignore", lacking)
    assert ran.code == 0
    report = (tmp_path / "out" / "import-report" / "report.txt").read_text("utf-8")
    for column in ("redcap_event_name", "screening_complete", "therapy_target___cd19"):
        assert f"column {column}" in report


def test_the_summary_counts_faults_by_column_over_all_subjects(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    rows = [f"S{n},{'good' if n % 3 else 80},2026-11-18\n" for n in range(300)]
    file.write_text("subject,lansky,lansky.on\n" + "".join(rows), "utf-8")
    ran = eligo("import", "csv", str(file), "--out", str(tmp_path / "out"))
    assert ran.code == 2
    assert "subjects imported: 100, refused: 200" in ran.out
    assert (
        "200 x t.csv: number in `lansky` (S1, S2, S4, S5, S7, ...) as in: `good` is not"
        in " ".join(ran.out.split())
    )
    assert len(ran.out.splitlines()) < 20
    assert "and 180 more faults; the report names each" in ran.err
    summary = (tmp_path / "out" / "import-report" / "summary.txt").read_text("utf-8")
    assert all(f"S{n}" in summary for n in range(300) if n % 3)
    assert "nothing found" not in ran.out + summary


def test_a_column_is_left_unread_only_where_somebody_says_so(tmp_path: Path) -> None:
    main, therapy = tmp_path / "t.csv", tmp_path / "l.csv"
    main.write_text("subject,room,lansky\nA,12,80\n", "utf-8")
    therapy.write_text("subject,room,kind\nA,13,radiation\n", "utf-8")
    words = (
        "import",
        "csv",
        str(main),
        "--list",
        f"therapy={therapy}",
        "--out",
        str(tmp_path / "o"),
    )
    assert "hint: if it is not to be read, say --ignore room" in eligo(*words).said
    assert eligo(*words, "--ignore", "room,ward").code == 0
    report = (tmp_path / "o" / "import-report" / "report.txt").read_text("utf-8")
    assert "t.csv column room, l.csv column room" in report
    main.write_text("subject,room,lansky\nA,12,80\n", "utf-8")
    redcap = ("import", "redcap", str(main), "--out", str(tmp_path / "r"))
    assert "say --ignore room" in eligo(*redcap).said
    lacking = ",".join(f"lansky_{key}" for key in QUALIFIES)
    assert eligo(*redcap, "--ignore", f"room,{lacking}").code == 0


def test_a_decimal_comma_beside_a_unit(tmp_path: Path) -> None:
    text = 'subject;creatinine\nA;"<0,5 mg/dL"\nB;1,5 mL/min/{1.73_m2}\n'
    (said,) = from_csv(text, {}, shipped()[0], Dialect(decimal="comma")).recorded
    assert said.facts["creatinine"] == [{"value": "<0.5 mg/dL"}]
    refused = from_csv(text, {}, shipped()[0]).faults
    assert [fault.hint for fault in refused] == [
        "if this is a decimal comma, say --decimal comma"
    ] * 2


def test_a_refused_table_leaves_the_import_before_it_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    words = ("import", "csv", str(file), "--out", str(tmp_path / "out"))
    file.write_text("subject,lansky\nA,80\n", "utf-8")
    assert eligo(*words).code == 0
    file.write_text("subject,lansky\nA,70", "utf-8")
    ran = eligo(*words)
    assert (ran.code, "holds what the import before it wrote" in ran.said) == (2, True)
    assert eligo("check", str(tmp_path / "out")).code == 0


def test_a_blank_code_among_several_stays_one_that_is_not_recorded() -> None:
    therapy = "subject,kind,target\nA,antibody,cd22|\nA,antibody,|\nA,antibody,cd22 | other\n"
    entries = one("subject\nA\n", therapy=therapy).records["therapy"].entries
    assert [entry.values.get("target") for entry in entries] == [
        ("cd22", ""),
        None,
        ("cd22", "other"),
    ]


# --- what qualifies a value and is missing ----------------------------------------------


@pytest.mark.parametrize(
    ("key", "unknown", "no_limit", "dated"),
    [
        ("unit", "pending", False, True),
        ("unknown", "pending", False, True),
        ("voided", "pending", False, True),
        ("sign", "pending", False, True),
        ("uln", None, True, True),
        ("on", None, False, False),
        ("note", None, False, True),
    ],
)
def test_a_missing_code_beside_a_value_never_leaves_it_better_than_it_was(
    key: str, unknown: str | None, no_limit: bool, dated: bool
) -> None:
    cells = {"alt": "30", "alt.on": "2026-11-18", "alt.unit": "U/L", f"alt.{key}": "UNK"}
    missing = {"UNK": "not_done"}
    for of_redcap in (False, True):
        if key == "sign" and not of_redcap:
            continue
        text = ",".join(["subject", *cells]) + "\n" + ",".join(["A", *cells.values()]) + "\n"
        if of_redcap:
            found = from_redcap(text.replace("alt.", "alt_"), shipped()[0], missing)
        else:
            found = from_csv(text, {}, shipped()[0], missing=missing)
        assert found.faults == []
        (said,) = back(found.recorded[0], shipped()[0]).facts["alt"]
        assert (said.unknown, said.no_limit, said.on is not None) == (unknown, no_limit, dated)
        assert (said.value is None) == (unknown is not None)
        assert found.reads[0].left


def test_why_there_is_no_value_may_be_missing_too() -> None:
    missing = {"UNK": "not_done"}
    for found in (
        from_csv("subject,alt,alt.unknown\nA,,UNK\n", {}, shipped()[0], missing=missing),
        from_redcap("subject,alt,alt_unknown\nA,,UNK\n", shipped()[0], missing),
    ):
        (said,) = back(found.recorded[0], shipped()[0]).facts["alt"]
        assert said.unknown == "pending"
    export = "subject,birth_date,birth_date_partial\nA,,UNK\nB,2018-03-02,UNK\n"
    found = from_redcap(export, shipped()[0], missing)
    a, b = (back(one, shipped()[0]).facts["birth_date"][0] for one in found.recorded)
    assert (a.unknown, b.unknown, b.value is None) == ("pending", None, False)


def test_an_entry_that_may_be_voided_may_be_anything() -> None:
    missing = {"UNK": "pending"}
    table = "subject,kind,ended,voided\nA,radiation,2026,UNK\n"
    export = (
        "subject,redcap_repeat_instrument,therapy_kind,therapy_ended_partial,therapy_entry_voided\n"
        "A,,,,\nA,therapy,radiation,2026,UNK\n"
    )
    for found in (
        from_csv("subject\nA\n", {"therapy": table}, shipped()[0], missing=missing),
        from_redcap(export, shipped()[0], missing),
    ):
        (entry,) = back(found.recorded[0], shipped()[0]).records["therapy"].entries
        assert (dict(entry.values), entry.voided) == ({}, False)


@pytest.mark.parametrize(
    ("boxes", "cells", "target"),
    [
        ("cd19 cd20 cd22 other none", "0,0,1,0,0", ("cd22",)),
        ("cd19 cd20 cd22 other none", ",,1,,", ("cd22", "")),
        ("cd19 cd20 cd22 other none", "0,0,1,0,", ("cd22", "")),
        ("cd20 cd22 other none", "0,1,0,0", ("cd22", "")),
        ("cd19 cd20 cd22 other none", "0,0,0,0,0", None),
        ("cd19 cd20 cd22 other none", ",,,,", None),
    ],
)
def test_a_box_that_is_blank_or_not_exported_may_be_ticked(
    boxes: str, cells: str, target: tuple[str, ...] | None
) -> None:
    heads = ",".join(f"therapy_target___{code}" for code in boxes.split())
    blank = "," * heads.count(",")
    text = (
        f"subject,redcap_repeat_instrument,therapy_kind,{heads}\n"
        f"A,,,{blank}\nA,therapy,antibody,{cells}\n"
    )
    (entry,) = (
        back(from_redcap(text, shipped()[0]).recorded[0], shipped()[0]).records["therapy"].entries
    )
    assert entry.values.get("target") == target


@pytest.mark.parametrize("lacking", QUALIFIES)
def test_a_value_is_exported_with_all_that_qualifies_it(lacking: str) -> None:
    heads = ["subject", "alt", *(f"alt_{key}" for key in QUALIFIES if key != lacking)]
    text = ",".join(heads) + "\nA" + "," * (len(heads) - 1) + "\n"
    entries = "subject,therapy_kind\nA,\n"
    for export, name in ((text, f"alt_{lacking}"), (entries, "therapy_entry_voided")):
        with pytest.raises(InputRejected) as rejected:
            from_redcap(export, shipped()[0], ignored=())
        assert [f.message.partition(": ")[2] for f in rejected.value.faults] == [
            f"stands there without `{name}`"
        ]
        assert from_redcap(export, shipped()[0], ignored=[name]).faults == []


@pytest.mark.parametrize("cells", ["", "UNK"])
def test_an_instance_without_answers_is_an_entry(cells: str) -> None:
    text = (
        "subject,redcap_repeat_instrument,redcap_repeat_instance,therapy_complete_on,"
        "therapy_count,therapy_kind\nA,,,2026-11-18,1,\nA,therapy,1,,,radiation\n"
        f"A,therapy,2,,,{cells}\n"
    )
    found = from_redcap(text, shipped()[0], {"UNK": "pending"})
    listed = back(found.recorded[0], shipped()[0]).records["therapy"]
    assert [dict(entry.values) for entry in listed.entries] == [{"kind": "radiation"}, {}]
    assert listed.doubt
    assert found.reads[0].unconfirmed


@pytest.mark.parametrize(
    "reason",
    ["nan", "#N/A", "Nein", "non", "nej", "unknown", "unknown: pending", "Not  voided", "\u200b",
     "n\u200ban", "--", "\u2026"],
)  # fmt: skip
def test_what_says_no_reason_voids_nothing(reason: str) -> None:
    found = from_csv(f"subject,lansky,lansky.voided\nA,80,{reason}\n", {}, shipped()[0])
    assert [fault.code for fault in found.faults] == ["voided"]
    entries = f"subject,kind,voided\nA,radiation,{reason}\n"
    found = from_csv("subject\nA\n", {"therapy": entries}, shipped()[0])
    assert [fault.code for fault in found.faults] == ["voided"]
    found = from_csv("subject,lansky,lansky.voided\nA,80,unknown sample\n", {}, shipped()[0])
    assert found.faults == []
