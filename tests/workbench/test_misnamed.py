"""Files in a pack's folder that nothing reads: an author must not think that they count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.store.packs import misnamed_files, pack_files, read_pack
from app.store.shipped import shipped_pack
from engine.read.packs import pack_digest
from tests.bad_packs.corpus import CLEAN
from tests.command import eligo
from tests.workbench.test_findings import by_name, write

IS_READ = "is read already: merge the two, or take this one away"
NEAR = {
    "outcome.yaml": "did you mean `outcomes.yaml`?",
    "Outcomes.YAML": "did you mean `outcomes.yaml`?",
    "OUTCOMES.yml": "did you mean `outcomes.yml`?",
    "outcomes.yaml.yaml": "did you mean `outcomes.yaml`?",
    "outcome.json": "did you mean `outcomes.json`?",
    "fact.yml": f"`facts.yaml` {IS_READ}",
    "eligibilty.yaml": f"`eligibility.yaml` {IS_READ}",
    "old/eligibility.yaml": f"`eligibility.yaml` {IS_READ}",
    "source/fhir.yaml": "did you mean `sources/fhir.yaml`?",
    "sources/fhir.yml": "did you mean `sources/fhir.yaml`?",
    "fhir.yaml": "did you mean `sources/fhir.yaml`?",
    "case/I01.yaml": "did you mean `cases/I01.yaml`?",
    "Cases/deep/I01.yml": "did you mean `cases/deep/I01.yml`?",
    "cases/I01.YAML": "did you mean `cases/I01.yaml`?",
    "cases.yaml": "did you mean `cases/cases.yaml`?",
    "I01.yaml": "did you mean `cases/I01.yaml`?",
    "xyz.yaml": "known: `protocol.yaml`, `facts.yaml`, `eligibility.yaml`, `outcomes.yaml`,"
    " `sources/fhir.yaml`, `cases/`",
}  # fmt: skip
READ_OR_NO_PART = (
    "cases/more/I02.yml", "cases/I03.json", "README.md", "notes.txt", "sources/protocol.pdf",
    "study.json", "sources/NCT90000001.json", ".hidden.yaml", ".git/config.yaml",
    "cases/.draft.YAML", "LICENSE", "yaml",
)  # fmt: skip


def add(pack: Path, name: str, text: str = "cases: []\n") -> None:
    (pack / name).parent.mkdir(parents=True, exist_ok=True)
    (pack / name).write_text(text)


@pytest.mark.parametrize("name", NEAR)
def test_a_file_that_nothing_reads_is_told_with_the_nearest_name(name: str, tmp_path: Path) -> None:
    pack = write(by_name(CLEAN, "with-cases"), tmp_path)
    add(pack, name)
    assert misnamed_files(pack) == {name: NEAR[name]}


def test_other_documents_are_an_author_s_own(tmp_path: Path) -> None:
    pack = write(by_name(CLEAN, "with-cases"), tmp_path)
    for name in READ_OR_NO_PART:
        add(pack, name)
    assert misnamed_files(pack) == {}
    assert misnamed_files(shipped_pack()) == {}


def test_check_shows_it_in_every_format_and_nothing_else_changes(tmp_path: Path) -> None:
    pack = write(by_name(CLEAN, "with-cases"), tmp_path / "p")
    assert eligo("check", pack.as_posix()).code == 0
    add(pack, "outcome.yaml", "# endpoints\nscales: [\n")
    at = f"{pack.as_posix()}/outcome.yaml"
    ran = eligo("check", pack.as_posix())
    assert ran.code == 1 and ran.err == ""
    said = " ".join(ran.out.split())
    assert f"{at}:1:1: misnamed-file: nothing reads a file of this name" in said
    assert "hint: did you mean `outcomes.yaml`?" in said and "1 finding (" in said
    (found,) = map(json.loads, eligo("check", pack.as_posix(), "--format", "json").out.splitlines())
    assert (found["file"], found["line"], found["code"]) == (at, 1, "misnamed-file")
    assert (found["severity"], found["basis"]) == ("warning", "read")
    (run,) = json.loads(eligo("check", pack.as_posix(), "--format", "sarif").out)["runs"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("misnamed-file", "warning")
    subject = tmp_path / "s.yaml"
    subject.write_text("subject: S\nfacts: {grade: {value: g0, on: 2026-01-14}}\n")
    words = ("screen", subject.as_posix(), "--protocol", pack.as_posix(), "--as-of", "2026-01-15")
    ran = eligo(*words)
    assert ran.code == 0 and "outcome.yaml" not in ran.out + ran.err
    # The digest covers what lies in the folder, read or not, as it always has.
    assert read_pack(pack).digest == pack_digest(pack_files(pack))
    assert "outcome.yaml" in pack_files(pack)


def test_a_part_that_is_missing_under_its_name_is_pointed_at(tmp_path: Path) -> None:
    pack = write(by_name(CLEAN, "with-cases"), tmp_path)
    (pack / "eligibility.yaml").rename(pack / "eligibilty.yaml")
    for command in ("check", "test"):
        ran = eligo(command, pack.as_posix())
        said = " ".join((ran.out + ran.err).split())
        assert ran.code == 2 and "`eligibility.yaml` is missing from the pack" in said
        assert "eligibilty.yaml:1:1: misnamed-file:" in said
        assert "hint: did you mean `eligibility.yaml`?" in said
