"""Examples that nobody here wrote: imported or refused with reasons, and nothing assumed.

`ELIGO_INTEROP=DIR pytest tests/interop/test_examples.py` also imports every example of the
FHIR standard from DIR, the unpacked npm package hl7.fhir.r4.examples (`make interop`).
"""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

from engine.record.shape import Decision
from tests.command import eligo
from tests.interop.test_round_trips import screener
from tests.interop.written import Imported, Json, import_fhir

EXAMPLES = Path(__file__).parent / "examples"
AS_OF = date(2024, 1, 20)


def lines_of(found: Imported) -> list[Json]:
    listed = [line for one in found.report["patients"] for line in one["resources"]]
    return [*listed, *found.report["others"]]


def check_proofs(found: Imported, as_of: date) -> list[Decision]:
    """No criterion passes but by facts that name a resource."""
    decisions = []
    for subject in found.subjects.values():
        for said in subject.facts.values():
            assert all("/" in one.source or one.source.startswith("urn:") for one in said)
        for entries in subject.records.values():
            assert entries.complete_on is None
        decision = screener().decide(subject, as_of)
        for criterion in decision["criteria"]:
            if criterion["status"] == "passed":
                assert '"source":' in json.dumps(criterion["why"]) or _derived(criterion["why"])
        assert decision["verdict"] != "eligible"
        decisions.append(decision)
    return decisions


def _derived(why: object) -> bool:
    """Whether what passed follows from entries of a list, each with its own source."""
    return "follows_from" in json.dumps(why)


def test_a_child_with_b_all_out_of_mcode() -> None:
    found = import_fhir({"brian.json": (EXAMPLES / "mcode-brian-l.json").read_bytes()})
    (subject,) = found.subjects.values()
    values = {name: said[0].value for name, said in subject.facts.items()}
    assert values.keys() == {"birth_date", "sex", "disease", "lansky"}
    assert values["sex"] == "male"
    assert values["disease"] == "b_all"
    kinds = [entry.values["kind"] for entry in subject.records["therapy"].entries]
    assert sorted(map(str, kinds)) == ["chemotherapy"] * 3 + ["corticosteroid"]
    look = [line["resource"] for line in lines_of(found) if line.get("look")]
    assert sorted(name.partition("/")[0] for name in look) == ["MedicationRequest"] * 2
    (decision,) = check_proofs(found, AS_OF)
    status = {one["id"]: one["status"] for one in decision["criteria"]}
    assert status["I05"] == "passed"  # Lansky 80
    assert status["I06"] == "open"  # the list is not confirmed
    assert decision["verdict"] == "undetermined"


def test_examples_of_the_standard() -> None:
    found = import_fhir({"hl7.ndjson": (EXAMPLES / "hl7-r4.ndjson").read_bytes()})
    assert found.report["totals"]["resources"] == len(lines_of(found))
    assert {"example", "newborn", "pat3", "animal"} <= found.subjects.keys()
    check_proofs(found, AS_OF)
    saturation = found.subjects["example"].facts["spo2"][0]
    assert saturation.unknown == "pending"  # room air is not stated there
    died = found.subjects["pat3"].facts["died_on"][0]
    assert died.value is not None


def test_an_imported_child_is_screened_to_a_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = eligo("import", "fhir", str(EXAMPLES / "mcode-brian-l.json"), "--out", str(out))
    assert ran.code == 0, ran.err
    ran = eligo("screen", str(out / "subjects"), "--as-of", "2024-01-20")
    assert ran.code == 0
    assert "lansky-performance-status-brian-l" in ran.out


def test_every_example_of_the_standard() -> None:
    """All 5,000 files with ELIGO_INTEROP; else the few that are kept here."""
    folder = os.environ.get("ELIGO_INTEROP")
    files = sorted(Path(folder).glob("*.json")) if folder else sorted(EXAMPLES.glob("*.json"))
    contents = {file.name: file.read_bytes() for file in files}
    found = import_fhir(contents)
    for one in found.report["patients"]:
        assert (one["file"] is None) == bool(one["refused"])
    assert found.report["totals"]["resources"] == len(lines_of(found))
    for line in lines_of(found):
        assert line.get("gave") or line.get("left_out"), line
    check_proofs(found, date(2026, 11, 20))
