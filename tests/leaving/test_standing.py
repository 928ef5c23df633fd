"""Which reports stand in a folder, and who is in every list: nobody decided on is left out."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.run.shelf import proof_of
from app.store.writing import UNFINISHED
from tests.command import eligo
from tests.leaving.test_writing import no_more_than

ROOT = Path(__file__).parents[2]
SUBJECTS = ROOT / "fixtures" / "subjects"
GOOD = (SUBJECTS / "CAR-001-eligible-girl-of-8.yaml").read_text("utf-8")
SLIP = GOOD.replace("sex: female", "sex: femal")
CUT = GOOD + "facts: {sex: [\n"
AS_OF = ("--as-of", "2026-11-20")
FORMS = {"text": "txt", "json": "json", "html": "html", "pdf": "pdf", "md": "md"}
DAY = "CAR-001_2026-11-20"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def screened(file: Path, text: str, out: Path, form: str, *more: str) -> int:
    file.write_text(text, "utf-8")
    return eligo("screen", str(file), *AS_OF, "--format", form, "--out", str(out), *more).code


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("broken", [SLIP, CUT])
def test_the_report_of_a_subject_that_is_now_rejected_does_not_stand(
    tmp_path: Path, form: str, broken: str
) -> None:
    file, out = tmp_path / "a.yaml", tmp_path / "out"
    assert screened(file, GOOD, out, form) == 0
    assert names(out) == [f"{DAY}.{FORMS[form]}"]
    earlier = out / f"CAR-001_2026-11-19.{FORMS[form]}"
    earlier.write_text("of another day")
    assert screened(file, broken, out, form) == 2
    rejected = f"{DAY}.json" if form == "json" else f"{DAY}.rejected.txt"
    assert names(out) == sorted([earlier.name, rejected])
    said = (out / rejected).read_text("utf-8")
    if form == "json":
        assert json.loads(said)["schema"] == "eligo.rejection/1"
        assert json.loads(said)["subject"] == "CAR-001"
    else:
        assert "a.yaml:" in said
    assert screened(file, GOOD, out, form) == 0
    assert names(out) == sorted([earlier.name, f"{DAY}.{FORMS[form]}"]), "corrected: it is gone"


def test_reports_of_every_form_go_but_not_another_subject_s(tmp_path: Path) -> None:
    file, out = tmp_path / "a.yaml", tmp_path / "out"
    for form in FORMS:
        screened(file, GOOD, out, form)
        screened(file, GOOD.replace("CAR-001", "CAR-0011"), out, form)
    assert screened(file, SLIP, out, "html") == 2
    left = [f"CAR-0011_2026-11-20.{suffix}" for suffix in FORMS.values()]
    assert names(out) == sorted([*left, f"{DAY}.rejected.txt"])


def test_a_plan_and_a_report_share_a_folder(tmp_path: Path) -> None:
    file, out = tmp_path / "a.yaml", tmp_path / "out"
    screened(file, GOOD, out, "html")
    words = ("plan", str(file), *AS_OF, "--format", "html", "--out", str(out))
    assert eligo(*words).code == 0
    assert names(out) == [f"{DAY}.html", f"{DAY}.plan.html"]
    file.write_text(SLIP)
    assert eligo(*words).code == 2
    assert names(out) == [f"{DAY}.html", f"{DAY}.plan.rejected.txt"]


def test_a_logged_report_outlives_a_rejection_and_it_is_said(tmp_path: Path) -> None:
    file, out, log = tmp_path / "a.yaml", tmp_path / "out", tmp_path / "log"
    assert eligo("log", "init", str(log)).code == 0
    assert screened(file, GOOD, out, "html", "--log", str(log), "--by", "N. Nurse") == 0
    kept = (out / f"{DAY}.html").read_bytes()
    file.write_text(SLIP)
    ran = eligo("screen", str(file), *AS_OF, "--format", "html", "--out", str(out))
    assert ran.code == 2 and "was logged and stays; the subject is now rejected" in ran.said
    assert names(out) == [f"{DAY}.html", f"{DAY}.html.tlog-proof", f"{DAY}.rejected.txt"]
    assert (out / f"{DAY}.html").read_bytes() == kept


def test_two_files_of_one_subject_each_say_why(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    screened(folder / "a.yaml", GOOD, out, "html")
    (folder / "b.yaml").write_text(GOOD)
    for form in ("html", "json"):
        words = ("screen", str(folder), *AS_OF, "--format", form, "--out", str(out))
        assert eligo(*words).code == 2
    found = names(out)
    assert len(found) == 4 and all(name.startswith(f"{DAY}.rejected-") for name in found)
    (folder / "b.yaml").unlink()
    words = ("screen", str(folder), *AS_OF, "--format", "html", "--out", str(out))
    assert eligo(*words).code == 0
    assert names(out) == [f"{DAY}.html"]


@pytest.mark.parametrize("ids", [("CON", "con"), ("nul", "NUL"), ("s1", "S1"), ("aux.txt", "AUX")])
def test_names_are_borne_by_every_system(ids: tuple[str, str], tmp_path: Path) -> None:
    for number, subject in enumerate(ids):
        (tmp_path / f"{number}.json").write_text(json.dumps({"subject": subject}))
    out = tmp_path / "out"
    files = [str(tmp_path / f"{number}.json") for number in (0, 1)]
    assert eligo("screen", *files, *AS_OF, "--format", "md", "--out", str(out)).code == 0
    found = {name.casefold() for name in names(out)}
    assert len(found) == 2
    assert not {name.split(".")[0] for name in found} & {"con", "nul", "aux"}


# --- lists ----------------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.yaml").write_text(GOOD)
    (folder / "b.yaml").write_text(SLIP.replace("CAR-001", "X0000"))
    (folder / "c.yaml").write_text(CUT.replace("CAR-001", "X0001"))
    (folder / "d.yaml").write_text("nothing")
    return folder


def test_rejected_subjects_stand_in_the_worklist(mixed: Path) -> None:
    words = ("screen", str(mixed), *AS_OF, "--summary")
    text = eligo(*words)
    assert text.code == 2 and "2026-11-20  X0000: rejected" in text.out
    assert "correct the file: b.yaml:" in text.out
    assert "4 subjects, by the date of the next action; 3 of them without a decision" in text.out
    rows = list(csv.DictReader(io.StringIO(eligo(*words, "--format", "csv").out)))
    wrong = {row["subject"]: row for row in rows if row["verdict"] == "rejected"}
    assert wrong.keys() == {"X0000", "X0001", "(no subject id)"} and len(rows) == 4
    assert wrong["X0000"]["next_action_on"] == "2026-11-20"
    assert wrong["X0000"]["kind"] == "correct"
    assert wrong["X0001"]["what"].startswith("correct the file: c.yaml:")
    calendar = eligo(*words, "--format", "ics").out.replace("\r\n ", "")
    for subject in wrong:
        assert f"SUMMARY:{subject}: Correct the file" in calendar
    assert calendar.count("DTSTART;VALUE=DATE:20261120") >= 3


@pytest.mark.parametrize("form", ["text", "csv", "html"])
def test_rejected_subjects_end_the_trial_s_listing(mixed: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out" / f"report.{FORMS.get(form, form)}"
    ran = eligo("outcomes", str(mixed), *AS_OF, "--format", form, "--out", str(out))
    assert ran.code == 2
    text = out.read_text("utf-8")
    assert "X0000" in text and "X0001" in text and "b.yaml:" in text
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [bool(row["rejected"]) for row in rows] == [False, True, True, True]


# --- folders --------------------------------------------------------------------------------

READERS = [
    ("screen",),
    ("screen", "--summary"),
    ("plan",),
    ("check",),
    ("outcomes",),
    ("export", "fhir", "--out", "OUT"),
    ("export", "sdtm", "--out", "OUT"),
]


@pytest.mark.parametrize("words", READERS)
@pytest.mark.parametrize("deep", ["", "subjects", "subjects/a.yaml"])
def test_an_unfinished_folder_is_refused(words: tuple[str, ...], deep: str, tmp_path: Path) -> None:
    folder = tmp_path / "imported"
    (folder / "subjects").mkdir(parents=True)
    (folder / "subjects" / "a.yaml").write_text(GOOD)
    (folder / UNFINISHED).write_text("x")
    given = [word.replace("OUT", str(tmp_path / "o")) for word in words]
    place = 2 if words[0] == "export" else 1
    ran = eligo(*given[:place], str(folder / deep), *given[place:])
    said = ran.said + " ".join(ran.out.split())
    assert ran.code == 2 and "unfinished: this folder is unfinished" in said
    assert "eligible" not in ran.out.lower() and not (tmp_path / "o").exists()


@pytest.mark.parametrize("words", READERS[:5])
def test_what_eligo_wrote_is_not_a_subject(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    screened(tmp_path / "a.yaml", GOOD, tmp_path / "reports", "json")
    account = {"schema": "eligo.import/1", "patients": []}
    (tmp_path / "report.json").write_text(json.dumps(account, indent=2))
    ran = eligo(*words, str(tmp_path), *(() if words[0] == "check" else AS_OF))
    assert ran.code == 0 and "fault" not in ran.err
    assert not re.search(r"[rR]ejected\b(?!: data with faults +0)", ran.out)
    assert ran.said.count("passed over, not a subject file: ") == 2
    ran = eligo("screen", str(tmp_path / "report.json"), *AS_OF)
    assert ran.code == 2, "named by itself it is meant"


# --- full disks, kills ------------------------------------------------------------------------


def full(words: list[str], folder: Path, size: int) -> tuple[int, str]:
    """Run a command while no file may grow beyond `size` bytes; exit code, standard error."""
    with no_more_than(size):
        ran = eligo(*words)
    assert not [name for name in names(folder) if name.endswith(".part")]
    return ran.code, ran.said


@pytest.mark.parametrize("size", [0, 100, 20_000])
def test_a_full_disk_names_the_file_and_how_many_were_done(tmp_path: Path, size: int) -> None:
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text(GOOD.replace("CAR-001", f"S{number}"))
    (tmp_path / "0.yaml").write_text("subject: S0\n")
    out = tmp_path / "out"
    words = ["screen", *(str(tmp_path / f"{n}.yaml") for n in range(3)), *AS_OF]
    words += ["--format", "html", "--out", str(out)]
    assert eligo(*words).code == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    code, said = full(words, out, size)
    assert code == 2 and "S0_2026-11-20.html:1:1: unwritable: this cannot be written" in said
    assert "0 of 3 subjects were done before this" in said
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_every_command_that_writes_leaves_no_half(tmp_path: Path) -> None:
    record, out = tmp_path / "d.json", tmp_path / "out"
    several = [str(path) for path in sorted(SUBJECTS.glob("CAR-02*"))]
    record.write_text(eligo("screen", *several, *AS_OF, "--format", "json").out)
    (tmp_path / "a.yaml").write_text(GOOD)
    pack = str(ROOT / "rules" / "cd19-car-t-b-all")
    study = str(ROOT / "tests/workbench/studies/NCT90000001.json")
    for words in (
        ["plan", str(tmp_path / "a.yaml"), *AS_OF, "--out", str(out)],
        ["screen", str(tmp_path / "a.yaml"), *AS_OF, "--summary", "--out", str(out)],
        ["outcomes", str(tmp_path / "a.yaml"), *AS_OF, "--out", str(out)],
        ["diff", pack, pack, "--out", str(out / "d.txt")],
        ["new", study, "--out", str(out / "pack")],
        ["export", "fhir", str(record), "--out", str(out), "--subjects", *several],
        *(
            [
                "export",
                "sdtm",
                str(record),
                "--format",
                form,
                "--out",
                str(out),
                "--subjects",
                *several,
            ]
            for form in ("json", "csv", "xpt")
        ),
    ):
        out.mkdir(exist_ok=True)
        code, said = full(words, out, 20)
        assert code == 2 and "unwritable: this cannot be written" in said, words
        assert names(out) == [], words


def test_a_kill_while_reports_are_written_leaves_whole_ones(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.yaml").write_text(GOOD.replace("CAR-001", f"S{number}"))
    words = ["screen", str(folder), *AS_OF, "--format", "html", "--out", str(out)]
    for more in range(1, 6):
        run = subprocess.Popen(
            [sys.executable, "-m", "app", *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
        seen = time.monotonic() + 60
        while time.monotonic() < seen and len(list(out.glob("*.html"))) < 4 * more:
            time.sleep(0.005)
        run.kill()
        run.wait()
        for report in out.glob("*.html"):
            assert report.read_bytes().rstrip().endswith(b"</html>")
            report.unlink()
    assert eligo(*words).code == 0
    assert len(names(out)) == 60 and not [one for one in os.listdir(out) if one[0] == "."]


def test_an_import_on_a_full_disk_is_unfinished_and_is_mended(tmp_path: Path) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "out"
    rows = [f"S{number:03},80,2026-11-18\r\n" for number in range(40)]
    table.write_text("subject,lansky,lansky.on\r\n" + "".join(rows))
    words = ["import", "csv", str(table), "--out", str(out)]
    out.mkdir()
    code, said = full(words, out, 1_000)
    assert code == 2 and "the folder is marked as unfinished" in said and "unwritable" in said
    assert eligo("screen", str(out), *AS_OF).code == 2
    assert eligo(*words).code == 0 and eligo("screen", str(out), *AS_OF).code == 0
    assert len(names(out / "subjects")) == 40 and not (out / UNFINISHED).exists()


def test_a_kill_while_reports_are_logged_loses_none(tmp_path: Path) -> None:
    folder, out, log = tmp_path / "in", tmp_path / "out", str(tmp_path / "log")
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.yaml").write_text(GOOD.replace("CAR-001", f"S{number:02}"))
    assert eligo("log", "init", log).code == 0
    words = ["screen", str(folder), *AS_OF, "--format", "html", "--out", str(out)]
    words += ["--log", log, "--by", "N. Nurse"]
    run = subprocess.Popen(
        [sys.executable, "-m", "app", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    seen = time.monotonic() + 60
    while time.monotonic() < seen and len(list(out.glob("*.html"))) < 3:
        time.sleep(0.002)
    run.kill()
    run.wait()
    key = ("--key", str(tmp_path / "log" / "log.pub"))
    ran = eligo(*words)
    assert ran.code == 0 and ran.said.count("was logged and stays") >= 3
    reports = list(out.glob("*.html"))
    assert len(reports) >= 33 and not [one for one in os.listdir(out) if one[0] == "."]
    for report in reports:
        assert eligo("log", "check-proof", str(proof_of(report)), str(report), *key).code == 0


def test_a_proof_lies_beside_its_report() -> None:
    assert proof_of(Path("a/b.html")) == Path("a/b.html.tlog-proof")
