"""The command line: exit codes, formats, folders, files that are not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.decide import decision
from engine.select import readings
from engine.terms.faults import EngineFault
from tests.bad_packs.corpus import BAD as PACKS
from tests.command import eligo
from tests.workbench.test_findings import by_name, write

ELIGIBLE = "fixtures/subjects/CAR-001-eligible-girl-of-8.yaml"
INELIGIBLE = "fixtures/subjects/CAR-039-fails-E06-blinatumomab.yaml"
BAD = "fixtures/bad/subjects/unknown-fact.yaml"
AS_OF = ("--as-of", "2026-11-20")
NOT_YET = "note: cd19-car-t-b-all 1.0 is in effect from 2026-11-22, after the as-of date\n"


def test_one_subject_prints_its_report() -> None:
    ran = eligo("screen", ELIGIBLE, *AS_OF)
    assert ran.code == 0 and ran.err == NOT_YET
    assert ran.out.startswith("SCREENING REPORT")
    assert "CAR-001" in ran.out and "Eligible on 20 November 2026" in ran.out


def test_several_subjects_print_a_summary() -> None:
    ran = eligo("screen", ELIGIBLE, INELIGIBLE, *AS_OF)
    assert ran.code == 0
    assert "2 subjects: 1 eligible, 1 not eligible" in ran.out
    assert "SCREENING REPORT" not in ran.out


def test_json_is_one_record_a_line_and_nothing_else() -> None:
    ran = eligo("screen", ELIGIBLE, BAD, INELIGIBLE, *AS_OF, "--format", "json")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [r["schema"] for r in records] == [
        "eligo.decision/2",
        "eligo.rejection/1",
        "eligo.decision/2",
    ]
    assert ran.code == 2
    assert records[1]["faults"][0]["code"] == "unknown-fact"
    assert records[1]["faults"][0]["file"] == "unknown-fact.yaml"
    assert "did you mean `lansky`?" in ran.said


def test_an_ineligible_subject_is_a_success() -> None:
    assert eligo("screen", INELIGIBLE, *AS_OF).code == 0


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_html_and_pdf_need_a_place(form: str) -> None:
    ran = eligo("screen", ELIGIBLE, *AS_OF, "--format", form)
    assert ran.code == 2 and ran.out == "" and "--out" in ran.said


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("html", b"<!DOCTYPE html>"),
        ("pdf", b"%PDF-"),
        ("md", b"# "),
        ("text", b"SCREENING REPORT"),
        ("json", b'{"schema":"eligo.decision/2"'),
    ],
)
def test_out_gets_a_report_a_subject(tmp_path: Path, form: str, start: bytes) -> None:
    ran = eligo("screen", ELIGIBLE, BAD, *AS_OF, "--format", form, "--out", tmp_path.as_posix())
    assert ran.code == 2
    assert "2 subjects: 1 eligible" in (ran.err if form == "json" else ran.out)
    suffix = "txt" if form == "text" else form
    assert (
        (tmp_path / f"CAR-001_2026-11-20.{suffix}").read_bytes().lower().startswith(start.lower())
    )
    (other,) = [path for path in tmp_path.iterdir() if not path.name.startswith("CAR-001")]
    assert b"lansk" in other.read_bytes()


def test_subject_ids_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = ["../../evil", "..", "a/b", "a\\b", "CON:", "é" * 90, "a b", ".hidden"]
    for number, name in enumerate(names):
        file = tmp_path / f"s{number}.json"
        file.write_text(json.dumps({"subject": name}), "utf-8")
    ran = eligo("screen", tmp_path.as_posix(), *AS_OF, "--format", "md", "--out", out.as_posix())
    assert ran.code == 0, ran.err
    assert len(list(out.iterdir())) == len(names)
    assert {path.parent for path in tmp_path.rglob("*.md")} == {out}


def test_folders_are_walked_and_other_files_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.json").write_text('{"subject": "ONE"}')
    (tmp_path / "two.YML").write_text("subject: TWO")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / ".hidden.yaml").write_text("subject: NO")
    ran = eligo("screen", tmp_path.as_posix(), *AS_OF, "--format", "json")
    assert [json.loads(line)["subject"] for line in ran.out.splitlines()] == ["ONE", "TWO"]
    assert "notes.txt" in ran.said and ".hidden.yaml" in ran.said and ran.code == 0


def test_one_file_named_twice_is_screened_once() -> None:
    ran = eligo("screen", ELIGIBLE, ELIGIBLE, *AS_OF, "--format", "json")
    assert len(ran.out.splitlines()) == 1 and ran.code == 0


def test_two_files_with_one_id_are_both_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"subject": "SAME"}')
    (tmp_path / "b.yaml").write_text("subject: ' SAME '")
    (tmp_path / "c.json").write_text('{"subject": "OTHER"}')
    ran = eligo("screen", tmp_path.as_posix(), *AS_OF, "--format", "json")
    schemas = [json.loads(line)["schema"] for line in ran.out.splitlines()]
    assert schemas == ["eligo.rejection/1", "eligo.rejection/1", "eligo.decision/2"]
    assert ran.code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("screen", "nowhere.yaml"),
        ("screen", ELIGIBLE, "--protocol", "nowhere"),
        ("screen", ELIGIBLE, "--protocol", ELIGIBLE),
        ("screen", ELIGIBLE, "--as-of", "20.11.2026"),
        ("screen", ELIGIBLE, "--as-of", "2026-W47-5"),
        ("screen",),
        ("check", "nowhere"),
        ("facts", "nowhere"),
        ("frobnicate",),
    ],
)
def test_wrong_words_are_exit_code_2_and_no_traceback(words: tuple[str, ...]) -> None:
    ran = eligo(*words)
    assert ran.code == 2
    assert "Traceback" not in ran.out + ran.err and ran.out + ran.err


def test_a_date_in_the_future_is_noted() -> None:
    ran = eligo("screen", ELIGIBLE, "--as-of", "2999-01-01", "--format", "json")
    assert "in the future" in ran.said and ran.code == 0


def test_json_in_files_leaves_standard_output_alone(tmp_path: Path) -> None:
    ran = eligo(
        "screen", ELIGIBLE, *AS_OF, "--format", "json", "--out", (tmp_path / "o").as_posix()
    )
    assert (ran.code, ran.out) == (0, "") and "1 subject: 1 eligible" in ran.said
    assert (
        json.loads((tmp_path / "o" / "CAR-001_2026-11-20.json").read_text("utf-8"))["subject"]
        == "CAR-001"
    )


def test_a_record_is_one_line_for_every_reader(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    source = "one\u2028two\u0085three\u2029four"
    said = {"value": 80, "on": "2026-11-18", "source": source}
    file.write_text(json.dumps({"subject": "S", "facts": {"lansky": said}}), "utf-8")
    ran = eligo("screen", file.as_posix(), *AS_OF, "--format", "json")
    (line,) = ran.out.splitlines()
    assert source in json.dumps(json.loads(line), ensure_ascii=False)


SLIPS = {
    "twice.yaml": "subject: S1\nfacts: {sex: female}\nfacts: {sex: male}\n",
    "syntax.yaml": "subject: S1  # corrected\nfacts: {sex: [female\n",
    "quoted.yaml": "subject: 'S1'\nfacts: {sex: !!python/tag female\n",
    "late.yaml": "facts:\n  sex: female\nsubject: S1\n",
    "syntax.json": '{"subject": "S1", "facts": {"sex": }}',
    "control.json": '{"subject": "S1", "facts": {"sex": {"value": "female", "note": "\\u0001"}}}',
    "unseen.yaml": 'subject: "S1\\u200b"\n',
    "latin.yaml": "subject: S1\nfacts: {sex: fémale}\n",
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_correction_with_a_slip_does_not_leave_what_it_corrects_to_decide_on(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "a-first.yaml").write_text("# as faxed\nsubject: S1\nfacts: {lanski: 80}\n")
    text = SLIPS[name]
    (tmp_path / name).write_text(text, "latin-1" if name.startswith("latin") else "utf-8")
    (tmp_path / "other.yaml").write_text("subject: S2\n")
    for command in ("screen", "plan"):
        ran = eligo(command, tmp_path.as_posix(), *AS_OF, "--format", "json")
        schemas = {
            record.get("subject"): record["schema"]
            for record in map(json.loads, ran.out.splitlines())
        }
        assert ran.code == 2 and schemas["S2"] != "eligo.rejection/1"
        assert schemas["S1"] == "eligo.rejection/1" and len(schemas) <= 3
    ran = eligo("check", tmp_path.as_posix(), *AS_OF)
    assert ran.code == 2 and ran.out.endswith("3 subject files: faults in 2\n")
    assert ran.out.count("duplicate-subject") == 2
    first = tmp_path / "a-first.yaml"
    assert f"{first}:2:10: duplicate-subject: the subject `S1" in ran.out.replace("\n    ", " ")
    assert "unknown-fact" in ran.out, "its own faults are listed too"
    if name == "late.yaml":
        assert f"{tmp_path / name}:3:10: duplicate-subject" in ran.out.replace("\n    ", " ")


def test_a_link_to_nothing_is_a_subject_that_was_not_screened(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "moved" / "away.yaml")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "moved" / "away.txt")
    ran = eligo("screen", tmp_path.as_posix(), *AS_OF, "--format", "json")
    (record,) = map(json.loads, ran.out.splitlines())
    assert ran.code == 2 and record["faults"][0]["code"] == "unreadable"
    assert "passed over, not a subject file" in ran.said


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    ran = eligo("screen", tmp_path.as_posix())
    assert ran.code == 2 and "nothing was screened" in ran.said


def test_an_engine_fault_gives_no_verdict_and_leaves_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = readings.find_readings

    def broken(protocol: object, subject: object, as_of: object) -> object:
        if getattr(subject, "id", "") == "CAR-001":
            raise EngineFault("a fault made for this test")
        return real(protocol, subject, as_of)  # type: ignore[arg-type]

    monkeypatch.setattr(decision, "find_readings", broken)
    ran = eligo("screen", ELIGIBLE, INELIGIBLE, *AS_OF, "--format", "json")
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert first == {
        "schema": "eligo.fault/1",
        "subject": "CAR-001",
        "where": "a fault made for this test",
    }
    assert second["verdict"] == "ineligible"
    assert ran.code == 3 and "no verdict was given" in ran.said


def test_check_reads_packs_and_subjects() -> None:
    assert eligo("check", "rules/cd19-car-t-b-all").code == 0
    assert eligo("check", "fixtures/subjects", *AS_OF).code == 0
    ran = eligo(
        "check", "fixtures/bad/packs/several-faults", "fixtures/bad/subjects/several-faults.yaml"
    )
    assert ran.code == 2
    assert "did you mean `lansky`?" in ran.out and ran.out.count("hint:") > 5


def test_check_speaks_json() -> None:
    ran = eligo("check", BAD, "--format", "json")
    record = json.loads(ran.out)
    assert record["schema"] == "eligo.rejection/1" and ran.code == 2


def test_facts_prints_a_dictionary_and_forms(tmp_path: Path) -> None:
    words = eligo("facts")
    assert words.code == 0 and "birth_date: Date of birth" in words.out
    blank = tmp_path / "blank.yaml"
    blank.write_text(eligo("facts", "--blank").out.replace("subject: ", "subject: NEW-1"))
    ran = eligo("screen", blank.as_posix(), *AS_OF, "--format", "json")
    assert json.loads(ran.out)["verdict"] == "undetermined" and ran.code == 0
    columns = eligo("facts", "--csv").out.strip().split(",")
    assert columns[0] == "subject" and {"creatinine", "creatinine.unit"} <= set(columns)
    assert "therapy" in json.loads(eligo("facts", "--json").out)["records"]
    assert max(map(len, words.out.splitlines())) <= 96


PLANNED = "fixtures/plan/PLN-001-waiting-for-a-washout.yaml"


@pytest.mark.parametrize(
    "words",
    [
        "screen fixtures/subjects --as-of 2026-11-20",
        "screen fixtures/subjects --as-of 2026-11-20 --summary --format csv",
        f"plan {PLANNED} --as-of 2026-11-20 --format html",
        "import csv IN/t.csv",
        "import fhir IN/b.json",
        f"export fhir IN/d.json --subjects {ELIGIBLE}",
        f"export sdtm IN/d.json --format json --subjects {ELIGIBLE}",
        "check IN/pack --format json",
        "new tests/workbench/studies/NCT90000001.json",
    ],
)
def test_what_cannot_be_written_is_said_so(words: str, tmp_path: Path) -> None:
    """The place is where it should have gone, and nobody is told to look at what was read."""
    (tmp_path / "t.csv").write_text("subject\nS1\n")
    (tmp_path / "b.json").write_text('{"resourceType": "Bundle", "type": "collection"}')
    record = eligo("screen", ELIGIBLE, *AS_OF, "--format", "json").out
    (tmp_path / "d.json").write_text(record)
    taken = tmp_path / "taken"
    taken.write_text("a file")
    given = words.replace("IN/", f"{tmp_path.as_posix()}/").split()
    write(by_name(PACKS, "both-at-the-limit"), tmp_path / "pack")
    ran = eligo(*given, "--out", (taken / "deeper").as_posix())
    assert ran.code == 2
    assert "unwritable: this cannot be written: not a directory" in ran.said
    assert "taken" in ran.said and "cannot be read" not in ran.said


def test_a_plan_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    words = ("plan", PLANNED, *AS_OF, "--format", "html", "--out", tmp_path.as_posix())
    assert eligo(*words).code == 0
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    ran = eligo(*words)
    assert "0 plans were written before this" in ran.said
    assert ran.code == 2 and "unwritable: this cannot be written: is a directory" in ran.said


def test_a_bundle_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.json"
    file.write_text("{}")

    def refused(*_: object) -> object:
        raise PermissionError(13, "Permission denied")
        yield

    monkeypatch.setattr("app.cli.import_fhir.read_file", refused)
    ran = eligo("import", "fhir", file.as_posix(), "--out", (tmp_path / "out").as_posix())
    assert ran.code == 2
    assert f"{file.as_posix()}:1:1: unreadable: the file cannot be read: perm" in ran.said
