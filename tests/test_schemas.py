"""The JSON Schemas in docs/: fresh, true of every shipped file and record, and strict.

An editor has only the schema of one file, so it sees its form: what needs the whole pack
(is there such a fact?) or arithmetic (does the unit convert?) only the readers see.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.store.packs import read_pack
from engine.decide.decision import Screener, engine_fault, rejection
from engine.read.packs import PARTS, SUFFIXES
from engine.read.source import Num, read_document
from engine.read.subjects import read_subject
from engine.record.shape import Record, dump
from engine.terms import Protocol
from engine.terms.faults import EngineFault, InputRejected

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
AS_OF = date(2026, 11, 20)
SHIPPED = ROOT / "rules" / "cd19-car-t-b-all"
WRITTEN = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.schema.json"))


@cache
def shipped() -> Protocol:
    return read_pack(SHIPPED)


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((DOCS / name).read_text("utf-8")))


def schema(name: str) -> dict[str, Any]:
    found = validator(name).schema
    assert isinstance(found, dict)
    return found


def as_editors_see(value: Any) -> Any:
    """A value as YAML 1.2 gives it: numbers are numbers, dates are texts."""
    if isinstance(value, dict):
        return {key: as_editors_see(child) for key, child in value.items()}
    if isinstance(value, list):
        return [as_editors_see(child) for child in value]
    if isinstance(value, Num):
        return int(value) if value.lstrip("-+").isdigit() else float(value)
    return value


def errors(name: str, path: Path) -> list[str]:
    """What the schema says against a file, as places and messages."""
    value = read_document(path.name, path.read_bytes()).value
    return [
        f"{path.name} {'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator(name).iter_errors(as_editors_see(value))
    ]


def subject_files(folder: str) -> list[Path]:
    """The subject files of a folder of fixtures."""
    files = sorted((ROOT / "fixtures" / folder).iterdir())
    return [path for path in files if path.suffix in SUFFIXES]


def parts(folder: Path) -> Iterator[tuple[str, Path]]:
    """The schema and the path of each part of a pack."""
    for part in PARTS:
        for suffix in SUFFIXES:
            if (path := folder / (part + suffix)).is_file():
                yield f"schemas/{part}.schema.json", path


def test_the_schemas_are_fresh(tmp_path: Path) -> None:
    program = [sys.executable, str(DOCS / "schemas.py"), str(tmp_path)]
    subprocess.run(program, check=True, capture_output=True, cwd=tmp_path)
    made = {p.relative_to(tmp_path).as_posix(): p for p in tmp_path.rglob("*.json")}
    assert sorted(made) == WRITTEN
    stale = [n for n, p in made.items() if p.read_bytes() != (DOCS / n).read_bytes()]
    assert stale == [], "run `make schemas`"


@pytest.mark.parametrize("name", WRITTEN)
def test_a_schema_is_one_and_says_what_every_key_means(name: str) -> None:
    Draft202012Validator.check_schema(validator(name).schema)
    shapes = schema(name)["$defs"]
    assert shapes
    for shape, body in shapes.items():
        assert "description" in body or "items" in body or "required" in body, shape
        for key, inside in body.get("properties", {}).items():
            if shape not in ("Condition", "Where"):  # facts and fields stand beside their words
                assert body["additionalProperties"] is False, shape
            assert len(inside["description"]) > 5, f"{shape}.{key}"


@pytest.mark.parametrize("pack", sorted((ROOT / "rules").iterdir()), ids=lambda path: path.name)
def test_the_shipped_packs_and_their_cases_validate(pack: Path) -> None:
    files = list(parts(pack))
    assert len(files) == len(PARTS)
    cases = [("schemas/case.schema.json", path) for path in (pack / "cases").glob("*.yaml")]
    assert cases
    assert [error for name, path in (*files, *cases) for error in errors(name, path)] == []


def test_the_fixtures_validate() -> None:
    subjects = subject_files("subjects")
    assert len(subjects) >= 30
    found = [error for path in subjects for error in errors("schemas/subject.schema.json", path)]
    assert found == []


def test_a_blank_subject_file_validates() -> None:
    from app.cli.facts import blank_subject

    text = blank_subject(shipped()).replace("subject: ", "subject: S-1")
    value = read_document("blank.yaml", text.encode()).value
    validator("schemas/subject.schema.json").validate(as_editors_see(value))


def test_a_version_may_look_like_a_number_and_a_date_like_a_text() -> None:
    text = "protocol: p\nversion: 1.0\ntitle: t\neffective: 2026-11-22\n"
    value = as_editors_see(read_document("protocol.yaml", text.encode()).value)
    assert value["version"] == 1.0
    assert value["effective"] == "2026-11-22"
    validator("schemas/protocol.schema.json").validate(value)


# --- records ----------------------------------------------------------------------------


def records() -> Iterator[Record]:
    """A record for every fixture, good and bad, and an engine fault."""
    protocol = shipped()
    files = [p for f in ("subjects", "bad/subjects", "bad/same-id") for p in subject_files(f)]
    with Screener(protocol) as screener:
        for path in files:
            try:
                subject = read_subject(path.read_bytes(), path.name, protocol, AS_OF)
                yield screener.decide(subject, AS_OF)
            except InputRejected as rejected:
                yield rejection(rejected, rejected.subject)
    for folder in BAD_PACKS:
        try:
            read_pack(folder)
        except InputRejected as rejected:
            yield rejection(rejected, None)
    yield engine_fault(EngineFault("the two derivations differ"), None)


SHAPES = {"decision": "Decision", "rejection": "Rejection", "fault": "EngineFaultRecord"}


def test_every_record_of_the_fixtures_validates() -> None:
    seen = {"eligo.decision/2": 0, "eligo.rejection/1": 0, "eligo.fault/1": 0}
    verdicts = set()
    for record in records():
        read = json.loads(dump(record))
        seen[read["schema"]] += 1
        verdicts.add(read.get("verdict"))
        name = SHAPES[read["schema"].removeprefix("eligo.").partition("/")[0]]
        # Against its own shape, so that an error names the place and not just the union.
        found = [
            f"{read['subject']} {'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in only(name).iter_errors(read)
        ]
        assert found == []
        shape = schema("decision.schema.json")["$defs"][name]
        keys = [key for key in shape["properties"] if key in read]
        assert list(read) == keys, "keys stand in order"
    assert seen["eligo.decision/2"] >= 30
    assert seen["eligo.rejection/1"] >= 30
    assert seen["eligo.fault/1"] == 1
    assert verdicts >= {"eligible", "ineligible", "undetermined"}


@cache
def only(shape: str) -> Draft202012Validator:
    """The validator of one shape of the record schema."""
    whole = schema("decision.schema.json")
    return Draft202012Validator({**whole["$defs"][shape], "$defs": whole["$defs"]})


def test_the_record_schema_is_the_union_of_its_three_shapes() -> None:
    whole = validator("decision.schema.json")
    record = dump(engine_fault(EngineFault("somewhere"), "S-1"))
    whole.validate(json.loads(record))
    assert not whole.is_valid(json.loads(record) | {"verdict": "eligible"})
    assert not whole.is_valid({"schema": "eligo.decision/2", "subject": "S-1"})


# --- what is wrong is refused -----------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("usual", [1, "2.5"], [[1], [1, 2, 3], ["low", 2]]),
        ("range", [0, 10], [[0], ["a", 1]]),
        ("uln", "0.5", [0, -1, "much"]),
        ("molar_mass", 113.12, [0, "heavy"]),
        ("valid_for", "14 days", ["14", "two weeks"]),
        ("effort", 1000, [-1, 1001, "little"]),
        ("ask", "Creatinine", ["", " "]),
    ],
)
def test_a_key_of_a_fact_has_its_form(key: str, good: Any, bad: list[Any]) -> None:
    whole, fact = validator("schemas/facts.schema.json"), {"ask": "A", "type": "quantity"}
    whole.validate({"facts": {"a": {**fact, key: good}}})
    for value in bad:
        assert not whole.is_valid({"facts": {"a": {**fact, key: value}}}), value


BEYOND_A_SCHEMA = {
    *("unknown-fact", "unknown-record", "unknown-field", "unknown-definition", "unknown-code"),
    *("cycle", "derived", "duplicate-id", "duplicate-subject", "pack-file"),  # other places
    *("unit", "implausible", "too-fine", "too-large", "whole", "birth-date"),  # arithmetic
    *("range", "misfit", "date", "duration"),  # in part
    "type",  # of a value whose type the dictionary gives
    "contradiction",  # of what the dictionary knows of a name
    "number",  # a word where the dictionary says quantity
    "key",  # YAML only
    "count",  # of entries
}
"""Fault codes that need more than the form of one file."""

MUST_SEE = {
    "all-is-a-mapping",
    "bad-fact-name",
    "bad-id-form",
    "bad-id-long",
    "between-one-number",
    "blank-text",
    "changes-unknown",
    "date-partial",
    "derive-two-ways",
    "duration-in-hours",
    "duration-negative",
    "duration-without-a-unit",
    "empty-all",
    "empty-any",
    "limit-is-a-word",
    "no-choices",
    "no-codes",
    "no-criteria",
    "no-text",
    "operator-unknown",
    "two-facts",
    "two-operators",
    "uln-not-positive",
    "unknown-fact-key",
    "unknown-key",
    "unknown-key-at-top",
    "valid-for-without-unit",
    "version-missing",
    "waiver",
    "wrong-basis",
    "wrong-kind",
    "wrong-type",
}
"""Broken packs whose fault is one of form."""

BAD_PACKS = [p for p in sorted((ROOT / "fixtures" / "bad" / "packs").iterdir()) if p.is_dir()]
BAD_SUBJECTS = subject_files("bad/subjects")


def readable(name: str, path: Path) -> bool:
    """Whether a file is YAML or JSON at all; an editor shows the rest without a schema."""
    try:
        return not errors(name, path)
    except InputRejected:
        return False


@pytest.mark.parametrize("folder", BAD_PACKS, ids=lambda path: path.name)
def test_a_bad_pack_is_refused_where_a_schema_can(folder: Path) -> None:
    with pytest.raises(InputRejected) as caught:
        read_pack(folder)
    codes = {fault.code for fault in caught.value.faults}
    fits = all(readable(name, path) for name, path in parts(folder))
    if folder.name in MUST_SEE or not codes <= BEYOND_A_SCHEMA:
        assert not fits


def test_the_packs_that_a_schema_must_refuse_are_there() -> None:
    assert {folder.name for folder in BAD_PACKS} >= MUST_SEE


def accepted(path: Path) -> None:
    """Read a subject as `eligo screen` does. Raises: InputRejected."""
    read_subject(path.read_bytes(), path.name, shipped(), AS_OF)


@pytest.mark.parametrize("path", BAD_SUBJECTS, ids=lambda path: path.name)
def test_a_bad_subject_is_refused_where_a_schema_can(path: Path) -> None:
    with pytest.raises(InputRejected) as caught:
        accepted(path)
    codes = {fault.code for fault in caught.value.faults}
    if not codes <= BEYOND_A_SCHEMA:
        assert not readable("schemas/subject.schema.json", path)


@pytest.mark.parametrize(
    "case",
    [
        {"name": "n", "as_of": "2026-11-20", "expect": {"answers": {}}},
        {"name": "n", "as_of": "2026-11", "expect": {"answers": {}}, "base": "b"},
        {"name": "n", "as_of": "2026-11-20", "expect": {"answers": {"I01": "true"}}, "base": "b"},
        {"name": "n", "as_of": "2026-11-20", "expect": {}, "base": "b"},
        {"name": "n", "as_of": "2026-11-20", "base": "b"},
        {"as_of": "2026-11-20", "expect": {"answers": {}}, "base": "b"},
        {"name": "n", "as_of": "2026-11-20", "expect": {"answers": {}}, "base": "b", "skip": True},
        {
            "name": "n",
            "as_of": "2026-11-20",
            "expect": {"answers": {}},
            "subject": {"subject": "S"},
            "change": {"facts": {}},
        },
    ],
    ids=lambda case: ",".join(case),
)
def test_a_bad_case_is_refused(case: dict[str, Any]) -> None:
    good = {"name": "n", "as_of": "2026-11-20", "expect": {"answers": {"I01": "no"}}, "base": "b"}
    check = validator("schemas/case.schema.json")
    assert check.is_valid({"cases": [good, {**good, "expect": {"verdict": "eligible"}}]})
    assert not check.is_valid({"cases": [case]})
