"""The folder of an import: every command takes it, and importing again mends it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.exchange.folder import opened
from app.run.inputs import subject_files
from app.store.writing import write_file
from engine.exchange.recorded import Recorded
from engine.exchange.summary import Summary
from engine.terms.faults import InputRejected
from tests.command import eligo
from tests.interop.written import shipped

AS_OF = ("--as-of", "2026-11-25")


def table(path: Path, *rows: str) -> str:
    path.write_text("subject,lansky,lansky.on\n" + "".join(f"{row}\n" for row in rows), "utf-8")
    return str(path)


def fhir(path: Path, *rows: str) -> str:
    patients = [{"resourceType": "Patient", "id": row.partition(",")[0]} for row in rows]
    path.write_text("".join(json.dumps(one) + "\n" for one in patients), "utf-8")
    return str(path)


def redcap(path: Path, *rows: str) -> str:
    blank = ("sign", "unit", "uln", "unknown", "voided")
    heading = ",".join(["subject,lansky,lansky_on", *(f"lansky_{key}" for key in blank)])
    lines = [heading, *(row + "," * len(blank) for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(path)


KINDS = {"csv": (table, "t.csv"), "redcap": (redcap, "t.csv"), "fhir": (fhir, "t.ndjson")}
ROWS = ("A,80,2026-11-18", "B,90,2026-11-18")


def imported(kind: str, tmp_path: Path, *rows: str, form: str = "yaml") -> Path:
    write, name = KINDS[kind]
    out = tmp_path / "out"
    ran = eligo("import", kind, write(tmp_path / name, *rows), "--out", str(out), "--format", form)
    assert ran.code == 0, ran.err
    return out


def subjects(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "subjects").iterdir())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_every_command_takes_the_folder(kind: str, form: str, tmp_path: Path) -> None:
    out = imported(kind, tmp_path, *ROWS, form=form)
    assert subjects(out) == [f"A.{form}", f"B.{form}"]
    for command in ("screen", "plan", "check", "outcomes"):
        ran = eligo(command, str(out), *AS_OF)
        assert (ran.code, ran.err) == (0, ""), command
    assert re.search(r"rejected: data with faults +0", eligo("outcomes", str(out), *AS_OF).out)
    (tmp_path / "r.jsonl").write_text(eligo("screen", str(out), *AS_OF, "--format", "json").out)
    exported = eligo("export", "sdtm", str(tmp_path / "r.jsonl"), "--subjects", str(out),
                     "--out", str(tmp_path / "x"), "--format", "csv")  # fmt: skip
    assert exported.code == 0, exported.err


@pytest.mark.parametrize("kind", KINDS)
def test_importing_again_replaces_what_it_wrote_and_nothing_else(kind: str, tmp_path: Path) -> None:
    out = imported(kind, tmp_path, *ROWS)
    own = out / "subjects" / "own.yaml"
    own.write_text("subject: own\n", "utf-8")
    imported(kind, tmp_path, "B,70,2026-11-18", "C,70,2026-11-18", form="json")
    assert subjects(out) == ["B.json", "C.json", "own.yaml"]
    assert own.read_text("utf-8") == "subject: own\n"
    summary = (out / "import-report" / "summary.txt").read_text("utf-8")
    assert "earlier import that it removed: 2" in summary
    imported(kind, tmp_path, "B,70,2026-11-18", "C,70,2026-11-18", form="json")
    again = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    imported(kind, tmp_path, "B,70,2026-11-18", "C,70,2026-11-18", form="json")
    assert again == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_subject_refused_this_time_loses_its_file(tmp_path: Path) -> None:
    out = imported("csv", tmp_path, *ROWS)
    ran = eligo("import", "csv", table(tmp_path / "t.csv", ROWS[0], "B,x,2026-11-18"),
                "--out", str(out))  # fmt: skip
    assert ran.code == 2
    assert subjects(out) == ["A.yaml"]
    summary = (out / "import-report" / "summary.txt").read_text("utf-8")
    assert "imported: 1, refused: 1" in summary
    assert "  B\n" in summary


def test_what_people_changed_is_not_written_over(tmp_path: Path) -> None:
    out = imported("csv", tmp_path, *ROWS)
    changed = out / "subjects" / "A.yaml"
    changed.write_text(changed.read_text("utf-8").replace("80", "20"), "utf-8")
    before = changed.read_bytes()
    ran = eligo("import", "csv", table(tmp_path / "t.csv", *ROWS), "--out", str(out))
    assert ran.code == 2
    assert "A.yaml:1:1: changed: this file was changed since it was imported" in ran.said
    assert changed.read_bytes() == before
    assert not (out / "unfinished").exists()


def test_a_file_that_no_import_wrote_stays_and_its_subject_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out" / "subjects").mkdir(parents=True)
    own = tmp_path / "out" / "subjects" / "A.yaml"
    own.write_text("subject: A\n", "utf-8")
    ran = eligo("import", "csv", table(tmp_path / "t.csv", *ROWS), "--out", str(tmp_path / "out"))
    assert ran.code == 2
    assert "no import wrote this file" in ran.said
    assert own.read_text("utf-8") == "subject: A\n"
    assert subjects(tmp_path / "out") == ["A.yaml", "B.yaml"]


def test_another_kind_of_import_needs_another_folder(tmp_path: Path) -> None:
    out = imported("csv", tmp_path, *ROWS)
    ran = eligo("import", "fhir", fhir(tmp_path / "t.ndjson", "A"), "--out", str(out))
    assert ran.code == 2
    assert "this folder holds what `eligo import csv` wrote" in ran.said
    assert subjects(out) == ["A.yaml", "B.yaml"]


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose second import ended at its second subject, as by a full disk."""
    out = imported("csv", tmp_path, *ROWS, "D,80,2026-11-18")
    calls: list[Path] = []

    def full(path: Path, data: bytes | str, *, sync: bool = True) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        write_file(path, data, sync=sync)

    monkeypatch.setattr("app.exchange.folder.write_file", full)
    path = table(tmp_path / "t.csv", "B,60,2026-11-18", "C,60,2026-11-18")
    ran = eligo("import", "csv", path, "--out", str(out))
    assert ran.code == 2
    assert "no space left on device" in ran.said
    monkeypatch.undo()
    return out


def test_an_import_that_did_not_end_is_refused_until_it_is_run_again(
    cut: Path, tmp_path: Path
) -> None:
    for place in (cut, cut / "subjects", cut.parent):
        for command in ("screen", "plan", "check", "outcomes"):
            ran = eligo(command, str(place), *AS_OF)
            assert ran.code == 2, (command, place)
            assert "folder is unfinished" in " ".join((ran.out + ran.err).split())
        assert subject_files([place])[0] == []
    out = imported("csv", tmp_path, "B,60,2026-11-18", "C,60,2026-11-18")
    assert subjects(out) == ["B.yaml", "C.yaml"]
    assert eligo("check", str(out)).code == 0
    left = {path.name for path in out.rglob("*") if path.is_file()}
    assert left == {"B.yaml", "C.yaml", "summary.txt", "report.txt", "report.json", "manifest.txt"}


def test_ids_that_a_file_system_may_not_tell_apart_have_files_of_their_own(
    tmp_path: Path,
) -> None:
    with opened(tmp_path, "csv", ["t.csv"], shipped()[0]) as folder:
        for subject in ("S1", "s1", "con", "nul.x"):
            folder.write(Recorded(subject), shipped()[0], "", "yaml")
    names = [name.casefold() for name in subjects(tmp_path)]
    assert len(set(names)) == 4
    assert not {name.partition(".")[0] for name in names} & {"con", "nul"}


def test_a_manifest_names_nothing_outside_the_folder(tmp_path: Path) -> None:
    """A manifest that was tampered with removes no file of anybody else."""
    out = imported("csv", tmp_path, *ROWS)
    precious = tmp_path / "precious.yaml"
    precious.write_text("", "utf-8")
    manifest = out / "import-report" / "manifest.txt"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with manifest.open("a", encoding="utf-8") as file:
        file.writelines(f"{empty}  {name}\n" for name in (
            "../precious.yaml", "subjects/../../precious.yaml", str(precious)))  # fmt: skip
    imported("csv", tmp_path, *ROWS)
    assert precious.is_file()


def test_the_summary_is_short_and_the_worst_is_first() -> None:
    summary = Summary("csv", ("t.csv",), "made 1")
    for number in range(20):
        summary.note("remark", f"remark {number}")
    for number in range(300):
        summary.note("unread", "column `ward` is not read", about=f"S{number}")
    summary.refuse("S9\x1b[2J")
    text = summary.text(8, 8)
    assert text.index("Not imported") < text.index("300 x column `ward`") < text.index("remark 0")
    assert "(S0, S1, S2, S3, S4, ...)" in text
    assert "and 12 more kinds" in text
    assert "\x1b" not in text
    assert len(text.splitlines()) < 24
    assert "remark 19" in summary.text()


def test_a_refusal_of_the_engine_writes_nothing(tmp_path: Path) -> None:
    wrong = Recorded("A", facts={"lansky": [{"value": "x"}]})
    with opened(tmp_path, "csv", ["t.csv"], shipped()[0]) as folder:  # noqa: SIM117
        with pytest.raises(InputRejected):
            folder.write(wrong, shipped()[0], "", "yaml")
    assert subjects(tmp_path) == []
