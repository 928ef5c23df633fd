"""What shows an export that a record is as it was decided, as it is typed."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from app.store.log.proof import prove
from app.store.log.store import open_log
from tests.command import Ran, eligo
from tests.log.test_old import HERE, KEY, lines

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = ROOT / "fixtures" / "subjects"
COHORT = ROOT / "fixtures" / "cohorts" / "ten"


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two logged decisions, each a file with its proof beside it."""
    folder = tmp_path_factory.mktemp("logged")
    eligo("log", "init", str(folder / "log"), "--name", "example.org/site-1")
    files = [str(next(SUBJECTS.glob(f"CAR-0{number}*"))) for number in ("28", "50")]
    ran = eligo("screen", *files, "--as-of", "2026-11-20", "--format", "json", "--log",
                str(folder / "log"), "--by", "N. Nurse", "--out", str(folder / "out"))  # fmt: skip
    assert ran.code == 0, ran.err
    return folder


def records(folder: Path) -> list[Path]:
    return sorted(p for p in (folder / "out").iterdir() if p.suffix == ".json")


def exported(what: str, out: Path, *words: object) -> Ran:
    return eligo("export", what, *map(str, words), "--out", str(out))


@pytest.mark.parametrize("what", ["fhir", "sdtm"])
def test_each_kind_of_evidence_is_enough(logged: Path, tmp_path: Path, what: str) -> None:
    files = records(logged)
    assert len(files) == 2
    for number, named in enumerate(
        (("--subjects", SUBJECTS), ("--log", logged / "log"), ("--key", logged / "log" / "log.pub"))
    ):
        ran = exported(what, tmp_path / str(number), *files, *named)
        assert ran.code == 0, ran.err
    ran = exported(what, tmp_path / "none", *files)
    assert ran.code == 2 and "nothing shows that the record of `CAR-028`" in ran.said
    assert not (tmp_path / "none").exists()


def test_a_forged_record_is_exported_by_no_evidence(logged: Path, tmp_path: Path) -> None:
    """Another decision as a whole, under this child's name and facts."""
    ineligible, other = (json.loads(path.read_bytes()) for path in records(logged))
    forged = {**other, "subject": ineligible["subject"]}
    forged |= {"facts_digest": ineligible["facts_digest"]}
    name = records(logged)[0].name
    (tmp_path / name).write_text(json.dumps(forged), "utf-8")
    proof = f"{name}.tlog-proof"
    (tmp_path / proof).write_bytes((logged / "out" / proof).read_bytes())
    for named, says in (
        (("--subjects", SUBJECTS), "is not what its subject file comes to"),
        (("--log", logged / "log"), "is not in the log"),
        (("--key", logged / "log" / "log.pub"), "is not what its proof says"),
    ):
        ran = exported("fhir", tmp_path / "out", tmp_path / name, *named)
        assert ran.code == 2 and says in ran.said, ran.said
        assert "hint: export what was written, unchanged" in ran.said
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verdict", ["eligible", "eligibel", "undetermined"])
def test_a_verdict_written_over_is_refused(logged: Path, tmp_path: Path, verdict: str) -> None:
    text = records(logged)[0].read_text("utf-8")
    assert text.count('"verdict":"ineligible"') == 1
    (tmp_path / "r.json").write_text(
        text.replace('"verdict":"ineligible"', f'"verdict":"{verdict}"')
    )
    for what in ("fhir", "sdtm"):
        ran = exported(what, tmp_path / "out", tmp_path / "r.json", "--subjects", SUBJECTS)
        assert ran.code == 2 and "`verdict`" in ran.said and "Traceback" not in ran.said


def test_an_old_record_needs_its_log_or_proof(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    (log / "log.db").write_bytes(lzma.decompress((HERE / "log.db.xz").read_bytes()))
    (log / "log.pub").write_text(f"{KEY}\n", "utf-8")
    with open_log(log) as opened:
        line, proof = lines(opened)[2], prove(opened, 2)
        pack = opened.piece(json.loads(line)["protocol"]["digest"])
    assert pack is not None
    (tmp_path / "r.json").write_bytes(line)
    (tmp_path / "r.json.tlog-proof").write_text(proof, "utf-8")
    packed = tmp_path / "export"
    assert eligo("log", "export", str(log), "--out", str(packed)).code == 0
    (files,) = (packed / "packs").glob("*/files")
    for named in (("--log", log), ("--key", KEY)):
        ran = exported("fhir", tmp_path / "out", tmp_path / "r.json", "--protocol", files, *named)
        assert ran.code == 0, ran.err
    ran = exported("fhir", tmp_path / "no", tmp_path / "r.json", "--protocol", files)
    assert ran.code == 2 and "nothing shows" in ran.said


def test_an_outcome_is_concluded_again(tmp_path: Path) -> None:
    ran = eligo("outcomes", str(COHORT), "--as-of", "2028-01-01", "--format", "json")
    whole = ran.out.splitlines()
    (tmp_path / "o.jsonl").write_text(whole[0] + "\n", "utf-8")
    words = (tmp_path / "o.jsonl", "--format", "csv", "--subjects", COHORT)
    assert exported("sdtm", tmp_path / "good", *words).code == 0
    record = json.loads(whole[0])
    for change, says in (
        ({"started_on": "2026-01-01"}, "started_on"),
        ({"course": []}, "course"),
        ({"course": "none"}, "`course` is not a list"),
        ({"more": 1}, "`more` is a key that no record"),
        ({"response": {}}, "response"),
    ):
        (tmp_path / "o.jsonl").write_text(json.dumps({**record, **change}) + "\n", "utf-8")
        ran = exported("sdtm", tmp_path / "bad", *words)
        assert ran.code == 2 and says in ran.said, ran.said
        assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"schema":"eligo.decision/2"}', '{"schema":"eligo.decision/2","schema":1}',
     '{"schema":"eligo.decision/2","subject":NaN}', '{"schema":"eligo.outcome/1","protocol":[]}'],
)  # fmt: skip
def test_what_is_no_record_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text, "utf-8")
    for what in ("fhir", "sdtm"):
        ran = exported(what, tmp_path / "out", tmp_path / "r.json")
        assert ran.code == 2 and "Traceback" not in ran.said and ran.said
