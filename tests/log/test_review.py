"""What an auditor reads in a log: lists of decisions, and what changed between two."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.store.log.append import append_signature
from app.store.log.review import (
    Difference,
    Wanted,
    decision_changes,
    differences,
    list_decisions,
    show,
)
from app.store.log.store import create_log, open_log
from engine.log import LogFault
from tests.log.made import NAME, START, decide, facts_of, ticking


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects over three days, one of them twice; the second decision is signed."""
    folder = tmp_path_factory.mktemp("review") / "log"
    create_log(folder, NAME)
    with open_log(folder, write=True) as log:
        decide(log, "S-1", ticking(START), "undetermined", lansky=50)
        decide(log, "S-2", ticking(START + timedelta(days=1)), "ineligible", by="M. Nurse")
        decide(log, "S-3", ticking(START + timedelta(days=1, hours=14)))
        append_signature(
            log, 1, by="Dr A. Example", meaning="approval", now=ticking(START + timedelta(days=2))
        )
        decide(log, "S-1", ticking(START + timedelta(days=2)), lansky=90, reason="new score")
    return folder


@pytest.mark.parametrize(
    ("wanted", "indices"),
    [
        (Wanted(), [0, 1, 2, 4]),
        (Wanted(subject="S-1"), [0, 4]),
        (Wanted(subject="S"), []),
        (Wanted(verdict="eligible"), [2, 4]),
        (Wanted(verdict="ineligible"), [1]),
        (Wanted(criterion="I05"), [0, 1]),
        (Wanted(criterion="E01"), []),
        (Wanted(since="2026-11-21"), [1, 2, 4]),
        (Wanted(until="2026-11-21"), [0, 1, 2]),
        (Wanted(since="2026-11-21", until="2026-11-21"), [1, 2]),
        (Wanted(by="m. nurse"), [1]),
        (Wanted(by="Nurse", verdict="eligible", since="2026-11-22"), [4]),
    ],
)
def test_decisions_are_listed_as_wanted(folder: Path, wanted: Wanted, indices: list[int]) -> None:
    with open_log(folder) as log:
        assert [row.entry.index for row in list_decisions(log, wanted)] == indices


def test_a_list_says_who_signed(folder: Path) -> None:
    with open_log(folder) as log:
        rows = list_decisions(log, Wanted())
    assert [[s.by for s in row.signatures] for row in rows] == [[], ["Dr A. Example"], [], []]
    assert rows[3].details is not None
    assert (rows[3].details.subject, rows[3].details.reason) == ("S-1", "new score")
    assert rows[0].details is not None and rows[0].details.determined_by == ("I05",)


def test_one_decision_shows_what_changed_since_the_last_of_its_subject(folder: Path) -> None:
    with open_log(folder) as log:
        shown = show(log, 4)
        assert shown.before == 0
        assert shown.facts == facts_of("S-1", 90)
        assert shown.record is not None and shown.record["verdict"] == "eligible"
        assert shown.facts_changed == (Difference("facts.lansky", "50", "90"),)
        assert shown.decision_changed == (
            Difference("verdict", "undetermined", "eligible"),
            Difference("I05.status", "open", "passed"),
            Difference("lansky.reason", "not_recorded", None),
            Difference("lansky.value", None, "80"),
        )
        first = show(log, 0)
        assert (first.before, first.facts_changed, first.decision_changed) == (None, (), ())
        (signature,) = show(log, 1).listed.signatures
        assert (signature.by, signature.meaning, signature.time[:10]) == (
            "Dr A. Example",
            "approval",
            "2026-11-22",
        )


def test_only_decisions_are_shown(folder: Path) -> None:
    with open_log(folder) as log:
        with pytest.raises(LogFault, match="entry 3 is a signature, not a decision"):
            show(log, 3)
        with pytest.raises(LogFault, match="no entry 5 in this log: it has entries 0 to 4"):
            show(log, 5)


ALT, AST = {"value": 30, "on": "2026-11-01"}, {"value": 40, "on": "2026-11-02"}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "1", "2")]),
        ({"a": 1}, {"a": "1"}, []),  # as a person reads them they are the same
        ({"a": {"b": True}}, {"a": {"b": None}}, [("a.b", "true", "null")]),
        ({"a": 1}, {"b": 1}, [("a", "1", None), ("b", None, "1")]),
        ({"a": 1}, {"a": [1]}, [("a", "1", "[1]")]),
        ({"a": [ALT]}, {"a": [ALT, AST]}, [("a[1]", None, "{value: 40, on: 2026-11-02}")]),
        ({"a": [ALT]}, {"a": [AST, ALT]}, [("a[0]", None, "{value: 40, on: 2026-11-02}")]),
        ({"a": [ALT, AST]}, {"a": [AST]}, [("a[0]", "{value: 30, on: 2026-11-01}", None)]),
        ({"a": [ALT, AST]}, {"a": [ALT, {**AST, "value": 4}]}, [("a[1].value", "40", "4")]),
        (
            {"a": [AST]},
            {"a": [{**AST, "voided": "haemolysed"}, ALT]},
            [("a[0].voided", None, "haemolysed"), ("a[1]", None, "{value: 30, on: 2026-11-01}")],
        ),
    ],
)
def test_differences_are_told_field_by_field(
    old: Any, new: Any, changed: list[tuple[str, str | None, str | None]]
) -> None:
    assert [(c.where, c.before, c.after) for c in differences(old, new)] == changed


def test_changes_of_a_decision_name_readings_and_versions() -> None:
    reading = {"fact": "alt", "ask": "ALT", "value": None, "reason": "out_of_date"}
    leaf = {"node": "I1", "condition": "c", "truth": "unknown", "reading": reading, "children": []}
    old: dict[str, Any] = {
        "verdict": "undetermined",
        "as_of": "2026-11-20",
        "protocol": {"id": "p", "version": "1.0", "digest": "sha256:1"},
        "software": {"eligo": "1"},
        "criteria": [
            {"id": "I1", "text": "t", "interpretation": "", "status": "open", "why": leaf},
            {"id": "I2", "text": "t", "interpretation": "", "status": "open", "why": leaf},
        ],
    }
    seen = {**reading, "value": {"low": 1, "high": None}, "on": "2026-11-19", "reason": "imprecise"}
    new = {
        **old,
        "protocol": {"id": "p", "version": "1.1", "digest": "sha256:2"},
        "criteria": [{**old["criteria"][0], "why": {**leaf, "children": [{**leaf, "reading": seen}],
                                                    "reading": seen}}],
    }  # fmt: skip
    assert [(c.where, c.before, c.after) for c in decision_changes(old, new)] == [
        ("protocol.version", "1.0", "1.1"),
        ("protocol.digest", "sha256:1", "sha256:2"),
        ("alt.reason", "out_of_date", "imprecise"),
        ("I2.text", "t", None),
        ("I2.interpretation", "", None),
        ("I2.status", "open", None),
        ("alt.value", None, "{low: 1, high: null}"),
        ("alt.on", None, "2026-11-19"),
    ]
