"""A decision record that was altered in any field is refused by everything that reads it."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from app.exchange.evidence import Evidence
from app.exchange.records import read_records
from app.store.log.append import whole_record
from app.store.packs import read_pack
from engine.decide.decision import Screener
from engine.log.entry import EntryFault
from engine.outcomes.record import Proportion
from engine.read.subjects import read_subject
from engine.record import shape as shapes
from engine.record.checked import checked_decision
from engine.record.shape import dump, dump_any
from engine.record.shapes import Misfit, fits
from engine.terms import Protocol
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)
PACK = {
    "protocol.yaml": 'protocol: small\nversion: "1"\ntitle: Small\n',
    "facts.yaml": """
facts:
  birth_date: {ask: Date of birth, type: date, changes: never}
  age: {ask: Age, type: quantity, unit: a, derive: {completed_years_since: birth_date}}
  sex: {ask: Sex, type: choice, choices: {female: Female, male: Male}, changes: never}
  creatinine:
    {ask: Serum creatinine, type: quantity, unit: mg/dL, molar_mass: 113.12, valid_for: 14 days,
     range: [0, 50]}
  before: {ask: Creatinine before, type: quantity, unit: mg/dL, changes: never}
  alt: {ask: ALT, type: quantity, unit: U/L, uln: 40, range: [0, 5000], valid_for: 14 days}
  lansky: {ask: Lansky score, type: quantity, unit: "%", valid_for: 28 days, found_in: chart}
  consent: {ask: Consent, type: boolean, changes: never, attested_by: investigator}
  last_drug: {ask: Last drug, type: date, derive: {latest: therapy.ended, where: {kind: drug}}}
  day_1: {ask: Planned day 1, type: date, planned: true, valid_for: 28 days}
  remark: {ask: Remark, type: text}
records:
  therapy:
    ask: Prior treatment
    valid_for: 7 days
    fields:
      agent: {ask: Agent, type: text}
      kind: {ask: Kind, type: choice, choices: {drug: A drug, other: Other}}
      target: {ask: Target, type: choice, choices: [cd19, cd20], many: true}
      dose: {ask: Dose, type: quantity, unit: mg}
      ended: {ask: Ended, type: date}
""",
    "eligibility.yaml": """
definitions:
  grown_up: {age: {at_least: 18}}
criteria:
- {id: I1, kind: inclusion, text: Adults, interpretation: From 18, basis: assumed,
   holds_when: {any: [{defined: grown_up}, {not: {sex: male}}]}}
- {id: I2, kind: inclusion, text: Washout, holds_when: {last_drug: {at_least_ago: 7 days}}}
- {id: I3, kind: inclusion, text: Fit, holds_when: {all: [{lansky: {above: 50}}, {consent: true}]}}
- {id: E1, kind: exclusion, text: Kidneys, holds_when: {creatinine: {above: 1.5}}}
- {id: E3, kind: exclusion, text: Up, holds_when: {creatinine: {above: {fact: before, times: 2}}}}
- {id: E2, kind: exclusion, text: Liver, holds_when: {alt: {above_uln: 5}}}
- {id: I4, kind: inclusion, text: Day 1,
   holds_when: {last_drug: {at_least: 14 days, before: day_1}}}
- {id: I5, kind: inclusion, text: Some,
   holds_when: {at_least: 2, of: [{consent: true}, {sex: female}, {lansky: {above: 80}}]}}
- {id: I6, kind: inclusion, text: Women,
   holds_when: {when: {sex: female}, require: {consent: true}}}
""",
}
SUBJECT = """
subject: S-1
imported: {from: a table, whole: false, left_out: 2}
facts:
  birth_date: 2000-02-03
  sex: {value: female, on: 2026-11, source: letter, by: Dr A. Example, note: as said}
  creatinine:
  - {value: 0.5, on: 2026-11-01}
  - {value: ">884", unit: umol/L, on: 2026-11-18, source: lab 4, by: N. Nurse}
  alt: {value: 60, uln: 50, on: 2026-11-10}
  lansky: {unknown: pending, on: 2026-11-19, note: on Monday}
  consent: {value: true, by: Dr B. Example, on: 2026-11-10}
  day_1: {value: 2026-12-11, on: 2026-11-19}
  remark: Walks
  before: 0.5
records:
  therapy:
    complete_on: 2026-11-18
    by: Dr C. Example
    source: chart
    count: 3
    entries:
    - {agent: aba, kind: drug, target: [cd19, cd20], dose: 20, ended: 2026-11-12, source: chart,
       by: N. Nurse, note: first}
    - {agent: iba, kind: drug, dose: "<5", ended: 2026-10}
    - {agent: oba, kind: drug, ended: 2026-11-19, voided: another child}
...
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack and a subject file, on the disk."""
    folder = tmp_path_factory.mktemp("altered")
    (folder / "pack").mkdir()
    for name, text in PACK.items():
        (folder / "pack" / name).write_text(text, "utf-8")
    (folder / "subject.yaml").write_text(SUBJECT, "utf-8")
    return folder


@pytest.fixture(scope="module")
def protocol(place: Path) -> Protocol:
    read = read_pack(place / "pack")
    therapy, facts = read.records["therapy"], read.facts
    dose = replace(therapy.fields["dose"], usual_u=(1_000_000, 10_000_000))
    known = replace(therapy, fields={**therapy.fields, "dose": dose})
    creatinine = replace(facts["creatinine"], usual_u=(100_000, 2_000_000))
    return replace(
        read, facts={**facts, "creatinine": creatinine}, records={**read.records, "therapy": known}
    )


@pytest.fixture(scope="module")
def record(place: Path, protocol: Protocol) -> Any:
    """The decision on it, as it is published."""
    data = (place / "subject.yaml").read_bytes()
    with Screener(protocol) as screener:
        decided = screener.decide(read_subject(data, "subject.yaml", protocol, AS_OF), AS_OF)
    return json.loads(dump(decided))


Path_ = tuple[str | int, ...]


def paths(value: Any, here: Path_ = ()) -> Iterator[Path_]:
    """The place of everything in a record."""
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, dict | list):
        members = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, one in members:
        yield (*here, key)
        yield from paths(one, (*here, key))


def others(value: Any) -> Iterator[Any]:
    """What may stand instead of a value: one like it, one of another kind, less, more."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, float(value) if isinstance(value, int) else str(value))
    elif isinstance(value, str):
        day = re.fullmatch(r"(\d{4}-\d\d-)(\d\d)", value)
        yield f"{day[1]}{'12' if day[2] != '12' else '13'}" if day else f"{value}x"
        yield ""
    elif isinstance(value, list):
        yield from (value[1:], [*value, *value[:1]]) if value else (["x"],)
    elif isinstance(value, dict):
        yield {**value, "more": 1}
    yield from (None, 7) if value is not None else ({}, "x")


def altered(record: Any) -> Iterator[tuple[str, Any]]:
    """The record with one thing changed or left out, and what that is."""
    for where in list(paths(record)):
        copy = json.loads(json.dumps(record))
        parent = copy
        for key in where[:-1]:
            parent = parent[key]
        kept = parent[where[-1]]
        name = ".".join(map(str, where))
        for other in others(kept):
            if dump_any(other) == dump_any(kept):
                continue
            parent[where[-1]] = other
            yield f"{name}: {other!r}", copy
        parent[where[-1]] = kept
        if isinstance(parent, dict):
            del parent[where[-1]]
            yield f"without {name}", copy


def nothing_named(place: Path, **more: Any) -> Namespace:
    given: dict[str, Any] = {"subjects": [place / "subject.yaml"], "log": None, "key": ""}
    return Namespace(**{**given, **more})


def refused(value: Any, evidence: Evidence, protocol: Protocol, file: Path) -> bool:
    """Whether an export refuses a record."""
    file.write_bytes(dump_any(value))
    try:
        read_records([file], protocol, evidence)
    except InputRejected:
        return True
    return False


def test_every_field_of_a_record_is_bound(
    record: Any, place: Path, protocol: Protocol, tmp_path: Path
) -> None:
    """By an invariant, or by deciding again."""
    with Evidence(nothing_named(place), protocol) as evidence:
        assert not refused(record, evidence, protocol, tmp_path / "r.json")
        let_through = [
            what
            for what, value in altered(record)
            if not refused(value, evidence, protocol, tmp_path / "r.json")
        ]
    # Which software it was is vouched for by a log alone, as others may decide the same.
    assert [what for what in let_through if not what.startswith("software.eligo: '0")] == []


def test_the_record_has_every_key_that_there_is(record: Any) -> None:
    seen = {where[-1] for where in paths(record)}
    keys: set[str] = set()
    for shape in ("Decision", "CriterionRecord", "Why", "ReadingRecord", "PassedOver", "ListRecord",
                  "Confirmation", "EntryRecord", "FieldRecord", "TestRecord", "Missing", "Shown",
                  "Quantity", "LookAgain", "Imported", "Message", "Firing"):  # fmt: skip
        keys |= get_type_hints(getattr(shapes, shape)).keys()
    kinds = {"not_after", "unknown", "under_way", "doubt", "standing", "known"}
    assert keys - seen == kinds, "tested elsewhere"


def test_most_fields_are_bound_by_the_record_itself(record: Any) -> None:
    """What a reader can see who has neither the pack nor the subject file."""
    let_through = set()
    for what, value in altered(record):
        try:
            checked_decision(value)
        except Misfit:
            continue
        let_through.add(what.split(":")[0])
    conclusions = ("verdict", "determined_by", "answer", "status", "truth", "says", "detail",
                   "because", "concluded", "condition", "test", "limits", "reason")  # fmt: skip
    assert [what for what in let_through if what.rpartition(".")[2] in conclusions] == []


@pytest.mark.parametrize(
    ("where", "stands", "said"),
    [
        (("as_of",), "2026-02-30", "`as_of` is a day that no calendar has"),
        (("as_of",), 7, "`as_of` is not a day, YYYY-MM-DD"),
        (("semantics",), 2.0, "`semantics` is not a whole number"),
        (("subject",), None, "`subject` is not text"),
        (("firings",), {}, "`firings` is not a list"),
        (("criteria", 0, "why", "truth"), "yes",
         "`criteria[0].why.truth` is none of true, false, unknown"),
        (("records", 0, "more"), 1, "`records[0].more` is a key that no record of this kind has"),
        (("criteria", 1, "why", "reading", "value"), {"low": 1},
         "`criteria[1].why.reading.value.high` is missing"),
        (("criteria", 1, "why", "reading", "value"), [],
         "`criteria[1].why.reading.value` is of another kind than it must be"),
    ],
)  # fmt: skip
def test_a_misfit_says_where_and_what(record: Any, where: Path_, stands: Any, said: str) -> None:
    copy = json.loads(json.dumps(record))
    parent = copy
    for key in where[:-1]:
        parent = parent[key]
    parent[where[-1]] = stands
    with pytest.raises(Misfit) as caught:
        checked_decision(copy)
    assert str(caught.value) == said


def test_a_number_of_an_outcome_keeps_its_point() -> None:
    fits({"count": 1, "of": 2, "value": 0.5, "low": None, "high": 1.0}, Proportion)
    with pytest.raises(Misfit, match="`high` is not a number"):
        fits({"count": 1, "of": 2, "value": 0.5, "low": None, "high": 1}, Proportion)


def test_a_log_takes_no_altered_record(record: Any) -> None:
    line = dump_any(record)
    assert whole_record(line)
    for verdict in (b'"undetermined"', b'"eligible"', b'"ineligible"', b'"perhaps"'):
        other = line.replace(b'"verdict":"ineligible"', b'"verdict":' + verdict)
        if other != line:
            with pytest.raises(EntryFault, match="verdict"):
                whole_record(other)
    with pytest.raises(EntryFault):
        whole_record(line.replace(b'{"schema"', b'{"subject":"S-2","schema"', 1))


def test_nothing_is_taken_on_its_word(
    record: Any, place: Path, protocol: Protocol, tmp_path: Path
) -> None:
    with Evidence(nothing_named(place, subjects=None), protocol) as evidence:
        (tmp_path / "r.json").write_bytes(dump_any(record))
        with pytest.raises(InputRejected) as caught:
            read_records([tmp_path / "r.json"], protocol, evidence)
    (fault,) = caught.value.faults
    assert fault.code == "unproved" and "--subjects" in fault.hint
