"""The fired rules and the plain evaluator agree, on subjects and packs made up in number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.store.packs import read_pack
from engine.decide.decision import Screener
from engine.read.source import read_document
from engine.reference import evaluator as reference
from engine.select.readings import find_readings, readings_only
from tests.differential.survey import LATER_REASONS, REASONS, Counts, screened, survey
from tests.generators import (
    ANCHORED,
    LONG,
    OPERATORS,
    RICH,
    Case,
    Plain,
    Screening,
    Seeded,
    Targets,
    packs,
    protocol_in,
    screenings,
    typical_subject,
    varied_subject,
)

ROOT = Path(__file__).parent.parent.parent
SHARDS, PACKS, SUBJECTS = (40, 170, 30) if LONG else (4, 20, 20)
SHIPPED = 10_000 if LONG else 200


@pytest.mark.parametrize("shard", range(SHARDS))
def test_rules_and_reference_agree_on_every_generated_subject(
    shard: int, record_property: Callable[[str, object], None]
) -> None:
    seeds = range(shard * PACKS, (shard + 1) * PACKS)
    counts = survey((*seeds, *(RICH + seed for seed in seeds)), SUBJECTS)
    assert counts["subjects"] == 2 * PACKS * SUBJECTS
    if LONG:
        record_property("reached", dict(counts))


def test_the_generated_subjects_reach_everything() -> None:
    """A sample that never meets an operator proves nothing about it."""
    counts = survey(range(100), 10)
    share = counts["verdict eligible"] / counts["subjects"]
    assert share >= 0.25, f"only {share:.0%} eligible"
    wanted = [f"verdict {verdict}" for verdict in ("eligible", "ineligible", "undetermined")]
    wanted += [f"reason {reason}" for reason in REASONS]
    truths = ("true", "false", "unknown")
    groups = ("all", "any", "not", "defined")
    wanted += [f"{op} {t}" for op in (*OPERATORS, *groups) if op != "todo" for t in truths]
    wanted += ["todo unknown", "tie at a limit"]
    spread = ("latest", "earliest", "count")
    wanted += [
        f"{way}{w} {h}" for way in spread for w in ("", " where") for h in ("point", "interval")
    ]
    wanted += [f"exists{w} {h}" for w in ("", " where") for h in ("point", "unknown")]
    each = ("completed_years_since", "days_between", "recorded quantity", "recorded date")
    wanted += [f"{way} {h}" for way in each for h in ("point", "interval", "unknown")]
    wanted += [
        f"recorded {kind} {h}" for kind in ("boolean", "choice") for h in ("point", "unknown")
    ]
    wanted += ["a blank among several codes", "two of one day that share one end"]
    known = ("listed", "holds a listed name", "not on the list")
    wanted += [f"{how} {t}" for how in known for t in truths]
    assert [name for name in wanted if not counts[name]] == []


def test_the_whole_language_is_reached_too() -> None:
    counts = survey(range(RICH + 100, RICH + 340), 10)
    wanted = [f"reason {reason}" for reason in (*REASONS, *LATER_REASONS)]
    truths = ("true", "false", "unknown")
    tests = [f"{op} {side}" for op in (*ANCHORED, "plain") for side in ("before", "after")]
    tests += ["lasting", "at_least of", "fact", "table"]
    wanted += [f"{op} {truth}" for op in tests for truth in truths]
    each = ("completed", "table", "formula")
    wanted += [f"{way} {h}" for way in each for h in ("point", "interval", "unknown")]
    wanted += [f"washed_out{w} {h}" for w in ("", " where") for h in ("point", "unknown")]
    wanted += [f"distinct {h}" for h in ("point", "interval")]
    wanted += ["stable unknown"]
    ways = ("highest", "lowest", "mean", "last", "first")
    several = [*ways, *(f"{way} of values" for way in ways)]
    wanted += [f"{way} unknown" for way in several]
    assert all(counts[f"{way} point"] + counts[f"{way} interval"] for way in several)
    assert [name for name in wanted if not counts[name]] == []


def test_rules_and_reference_agree_on_the_shipped_pack(
    record_property: Callable[[str, object], None],
) -> None:
    """Eligible fixtures, varied: whoever is made up from nothing fails one of 17 criteria."""
    protocol = read_pack(ROOT / "rules" / "cd19-car-t-b-all")
    targets, choices, as_of = Targets.of(protocol), Seeded("shipped"), date(2026, 11, 20)
    files = sorted((ROOT / "fixtures" / "subjects").glob("CAR-0[01]?-eligible-*"))
    typical = [read_document(file.name, file.read_bytes()).value for file in files]
    total: Counts = Counter()
    with Screener(protocol) as screener:
        one = Case(-1, {}, protocol, targets, {}, as_of, screener)
        for number in range(SHIPPED):
            like = typical[number % len(typical)]
            recorded = varied_subject(choices, targets, as_of, like)
            total.update(screened(one, recorded, as_of))
    if LONG:
        record_property("reached", dict(total))
    assert all(total[f"verdict {v}"] for v in ("eligible", "ineligible", "undetermined"))


@given(packs(), st.integers(0, 2**32))
@settings(max_examples=2_000 if LONG else 40)
def test_rules_and_reference_agree_on_packs_of_any_shape(
    drawn: tuple[dict[str, Plain], date], seed: int
) -> None:
    (parts, as_of), c = drawn, Seeded(seed)
    protocol = protocol_in(parts)
    targets = Targets.of(protocol)
    typical = typical_subject(c, targets, as_of)
    with Screener(protocol) as screener:
        one = Case(-1, parts, protocol, targets, typical, as_of, screener)
        for _ in range(5):
            counts = screened(one, *one.subject(c))
            assert counts["subjects"] == 1


@given(screenings())
@settings(max_examples=20_000 if LONG else 200)
def test_both_derivations_of_the_readings_are_the_same(one: Screening) -> None:
    subject, protocol = one.subject(), one.case.protocol
    found = readings_only(find_readings(protocol, subject, one.as_of))
    assert found == reference.readings(protocol, subject, one.as_of)
    for reading in found.values():
        assert (reading.low is None) == (reading.high is None)
        assert reading.low is None or reading.high is None or reading.low <= reading.high
