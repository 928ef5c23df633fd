"""Build patients' courses as short dictionaries, and their records by the shipped pack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from app.store.packs import pack_files
from engine.outcomes.patient import OutcomeScreener
from engine.outcomes.record import Followed, Outcome, Worst
from engine.read.packs import protocol_of
from engine.read.source import read_document
from engine.read.subjects import subject_of
from engine.terms import Protocol

ROOT = Path(__file__).parent.parent.parent
SHIPPED = ROOT / "rules" / "cd19-car-t-b-all"
TEN = ROOT / "fixtures" / "cohorts" / "ten"
CUT_OFF = date(2026, 11, 20)
START = "2026-01-10"

CR = {
    "marrow": 1,
    "blood_blasts": False,
    "extramedullary": False,
    "anc": 2,
    "platelets": 150,
    "supported": False,
    "mrd": "<0.01",
}
CRI = {**CR, "anc": 0.4}
NR = {**CR, "marrow": 50, "blood_blasts": True, "mrd": 60}
UNKNOWN = {key: value for key, value in CR.items() if key != "marrow"}
CRS_2 = {
    "temperature": 39,
    "other_cause": False,
    "fever_treated": False,
    "hypotension": "no_vasopressor",
    "hypoxia": "none",
}


def edited(*edits: tuple[str, str], file: str = "outcomes.yaml") -> Protocol:
    """The shipped pack with some text of one file replaced; each must stand there."""
    contents = dict(pack_files(SHIPPED))
    text = contents[file].decode()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    contents[file] = text.encode()
    return protocol_of(contents, "pack")


@cache
def shipped() -> OutcomeScreener:
    return OutcomeScreener(edited())


def course(
    *assessments: tuple[str, Mapping[str, object]],
    crs: Sequence[tuple[str, Mapping[str, object]]] = (),
    icans: Sequence[tuple[str, Mapping[str, object]]] = (),
    complete: str | None = None,
    subject: str = "S-1",
    **facts: Any,
) -> dict[str, Any]:
    """A subject infused on `START`, born in 2014; `complete` confirms the toxicity lists."""
    listed = {"assessment": assessments, "crs": crs, "icans": icans}
    records: dict[str, Any] = {
        name: {"entries": [{"date": on, **fields} for on, fields in entries]}
        for name, entries in listed.items()
    }
    if complete is not None:
        records["crs"]["complete_on"] = records["icans"]["complete_on"] = complete
    known = {"birth_date": "2014-03-02", "infused_on": START, **facts}
    return {
        "subject": subject,
        "facts": {name: value for name, value in known.items() if value is not None},
        "records": records,
    }


def outcome_of(
    made: Mapping[str, Any], as_of: date = CUT_OFF, screener: OutcomeScreener | None = None
) -> Outcome:
    """The record of a course."""
    screener = screener or shipped()
    document = read_document("made.json", json.dumps(made).encode())
    return screener.outcome(subject_of(document, screener.protocol), as_of, document)


def followed(record: Outcome, endpoint: str, rule: int = 0) -> Followed:
    found = next(one for one in record["endpoints"] if one["id"] == endpoint)
    return found["rules"][rule]


def stands(record: Outcome, endpoint: str, rule: int = 0) -> list[str]:
    """Where the patient stands at each landmark."""
    return [mark["status"] for mark in followed(record, endpoint, rule)["landmarks"]]


def worst(record: Outcome, toxicity: str) -> list[Worst]:
    return next(one for one in record["toxicities"] if one["id"] == toxicity)["within"]
