"""Tests that the exact analysis does not cut: what is claimed beside them still holds.

Kinds of test that are cut are taken as free, one after another, so that every claim can be held
against the same brute force, and every plan against screening day by day.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from engine import terms as m
from engine.plan.plan import plan_of
from engine.plan.planner import Planner
from engine.regions import free
from engine.workbench.analysis import findings
from engine.workbench.diff import compare
from tests.generators import LONG, POOL, Seeded, pooled, subject_in
from tests.plan.brute import days_from, statuses_on
from tests.plan.test_when import status_of
from tests.workbench.coupled import Grid
from tests.workbench.test_brute_force import (
    SIZE,
    Pack,
    amendments,
    judged_of,
    mutant_grid,
    packs,
    refuted_changes,
    refuted_coverage,
    refuted_findings,
    refuted_mutants,
    shown,
    untrue_survivors,
    untrue_witnesses,
)

KINDS = {
    "windows": (m.AgoTest, m.DayTest),
    "limits": (m.LimitTest, m.BetweenTest, m.UlnTest),
    "codes": (m.ChoiceTest, m.BooleanTest, m.EverTest),
}


@pytest.fixture(params=KINDS, autouse=True)
def freed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Some kinds of test are not cut any more."""
    kept = tuple(kind for kind in free.CUT if kind not in KINDS[request.param])
    monkeypatch.setattr(free, "CUT", kept)
    return str(request.param)


# The fixture is the same for every example, and changes nothing that an example sees.
ONE_KIND = settings(max_examples=500 if LONG else 6, suppress_health_check=())


@ONE_KIND
@given(packs())
def test_no_proof_beside_a_free_test_is_refuted(pack: Pack) -> None:
    protocol = pack.protocol
    grid = Grid([protocol], size=SIZE)
    for claim, seen in refuted_findings(protocol, findings(protocol), grid):
        raise AssertionError(shown(claim, seen))


@ONE_KIND
@given(amendments())
def test_no_comparison_beside_a_free_test_is_refuted(pair: tuple[Pack, Pack]) -> None:
    old, new = (pack.protocol for pack in pair)
    comparison = compare(old, new)
    grid = Grid([old, new], size=SIZE)
    for claim, seen in refuted_changes(comparison, grid):
        raise AssertionError(shown(claim, seen))
    assert not list(untrue_witnesses(comparison, grid))


@settings(max_examples=200 if LONG else 2)
@given(packs())
def test_no_mutant_beside_a_free_test_is_wrongly_called_equivalent(pack: Pack) -> None:
    protocol = pack.protocol
    judged = judged_of(protocol)
    grid = mutant_grid(protocol, judged, SIZE)
    for claim, seen in (
        *refuted_mutants(protocol, judged, grid, SIZE),
        *refuted_coverage(protocol, grid),
    ):
        raise AssertionError(shown(claim, seen))
    assert not list(untrue_survivors(protocol, judged))


def test_a_plan_beside_a_free_test_names_no_wrong_day_and_claims_nothing_whole(freed: str) -> None:
    met: Counter[str] = Counter()
    for seed in range(POOL if LONG else 12):
        one = pooled(seed)
        made = Planner(one.screener)
        for number in range(8 if LONG else 2):
            recorded, as_of = one.subject(Seeded(f"free {seed} {number}"))
            subject = subject_in(recorded, one.protocol)
            plan = plan_of(made, subject, as_of, 60)
            for on in days_from(as_of, plan["horizon"]):
                found = statuses_on(one.protocol, subject, on)
                for line in plan["when"]["criteria"]:
                    assert status_of(line["spans"], on, "status") == found[line["id"]], (seed, on)
            for item in (*plan["collect"]["needed"], *plan["collect"]["idle"]):
                assert item["collect"] in {**one.protocol.facts, **one.protocol.records}
            met["loose"] += made.loose
            met["needed"] += bool(plan["collect"]["needed"])
            if made.loose and plan["would"] is not None and plan["would"]["sets"]:
                assert not plan["would"]["exact"]
    assert met["loose"] and met["needed"], (freed, met)
