"""What would have to change, against every change that could be made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from math import prod
from typing import Any

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.plan.change import (
    _world,
    changing,
    doubted,
    is_permanent,
    minimal_sets,
    permanent_cause,
    under_way,
    with_ended,
)
from engine.plan.days import Day, day_of, day_with, kept_current
from engine.plan.plan import plan_of
from engine.plan.planner import Planner
from engine.plan.roots import Root
from engine.plan.search import Steps
from engine.reference import evaluator as reference
from tests import build
from tests.generators import LONG, POOL, Seeded
from tests.plan.brute import completed, named, people, subsets

EACH = 40 if LONG else 16
AHEAD = 40
"""Days that the long way looks ahead."""

Items = tuple[bool, int, frozenset[Root]]
"""A change set as its parts: an end of what is under way, days to wait, new results."""


def day_on(made: Planner, today: Day, subject: m.Subject, ended: bool, on: date) -> Day:
    lists = under_way(made.shape, subject) if ended else ()
    other = with_ended(subject, lists, today.on)
    lasting = kept_current(made.protocol, today, subject)
    return day_with(lasting, reference.readings(lasting, other, on), on)


def flips(made: Planner, subject: m.Subject, day: Day) -> tuple[set[frozenset[Root]], bool]:
    """The sets of roots of which some new values end every failure; false if too many."""
    world, exact = _world(made.shape, subject, day, Steps())
    roots = tuple(world.states)
    if not exact or prod(len(world.states[r]) for r in roots) > 1_500 or len(roots) > 6:
        return set(), False
    good: set[frozenset[Root]] = set()
    for held in product(*[range(len(world.states[root])) for root in roots]):
        changed = {r: s for r, s in zip(roots, held, strict=True) if s}
        verdict = day_with(made.protocol, world.readings(changed), day.on).verdict
        if verdict != "ineligible":
            good.add(frozenset(changed))
    return {some for some in subsets(roots) if any(one <= some for one in good)}, True


def smallest(sets: set[frozenset[Root]]) -> set[frozenset[Root]]:
    return {one for one in sets if not any(other < one for other in sets)}


def least(items: set[Items]) -> set[Items]:
    return {
        one
        for one in items
        if not any(
            other != one and other[0] <= one[0] and other[1] <= one[1] and other[2] <= one[2]
            for other in items
        )
    }


@pytest.mark.parametrize("shard", range(4))
def test_change_sets_are_what_brute_force_finds(shard: int) -> None:
    met: Counter[str] = Counter()
    for seed, made, subject, as_of in people(range(shard, POOL, 4), EACH):
        today = day_of(made.protocol, subject, as_of)
        if today.verdict != "ineligible":
            continue
        until = as_of + timedelta(days=AHEAD)
        found = changing(made.shape, subject, today, until, Steps())
        if not found.exact:
            continue
        items: set[Items] = set()
        whole = True
        known: dict[tuple[object, ...], set[frozenset[Root]]] = {}
        for ended in (False, True) if under_way(made.shape, subject) else (False,):
            for ahead in range(AHEAD + 1):
                on = as_of + timedelta(days=ahead)
                day = today if not ended and not ahead else day_on(made, today, subject, ended, on)
                if ahead and doubted(made.shape, today, day):
                    continue
                key = tuple(day.truths.values())
                if key not in known or any(made.roots.linked):
                    known[key], one = flips(made, subject, day)
                    whole = whole and one
                if not whole:
                    break
                items |= {(ended, ahead, one) for one in smallest(known[key])}
        if not whole:
            continue
        mine = {
            (bool(c.ended), (c.on - as_of).days, frozenset(n.root for n in c.results))
            for c in found.sets
        }
        assert mine == least(items), (seed, subject, as_of)
        met["subjects"] += 1
        for ended, waits, roots in mine:
            met[f"{'end ' * ended}{'wait ' * bool(waits)}{len(roots)}"] += 1
        met["none"] += not mine
        met["fixed"] += bool(found.fixed)
        for change in found.sets:
            day = day_with(made.protocol, change.readings, change.on)
            assert day.verdict != "ineligible"
            made.confirm(day)
    assert met["subjects"] >= 8, met
    assert met["1"] + met["2"] + met["wait 0"] >= 1, met


@pytest.mark.parametrize("shard", range(2))
def test_what_can_never_change_fails_whatever_else_comes_out(shard: int) -> None:
    met = 0
    for seed, made, subject, as_of in people(range(shard, POOL, 2), EACH):
        today = day_of(made.protocol, subject, as_of)
        if today.verdict != "ineligible":
            continue
        if not permanent_cause(made.shape, subject, today, date(2999, 12, 31)):
            continue
        met += 1
        fixed = {n for n in made.roots.looked_at if is_permanent(made.protocol, n)}
        for number in range(10):
            c = Seeded(f"{seed} {subject.id} {number}")
            other = subject
            for root in made.roots.facts:
                if not root.startswith("records.") and not fixed & set(made.roots.facts[root]):
                    blank = replace(
                        other, facts={k: v for k, v in other.facts.items() if k != root}
                    )
                    settled = completed(c, made, blank, as_of, root)
                    other = settled if settled is not None else other
            on = as_of + timedelta(days=c.of([0, 1, 30, 400, 9_000]))
            assert day_of(made.protocol, other, on).verdict == "ineligible", (seed, as_of, number)
    assert met >= 3


# --- by hand ---------------------------------------------------------------------------------

AS_OF = date(2026, 11, 20)


def planned(made: m.Protocol, subject: m.Subject, horizon: int = 180) -> Any:
    with Screener(made) as screener:
        return plan_of(Planner(screener), subject, AS_OF, horizon)


def measured(text: str, day: str = "2026-11-20") -> m.Statement:
    return replace(build.said(build.amount(text), day), entry="facts.creatinine")


def creatinine(**more: object) -> m.Fact:
    return build.fact("creatinine", "quantity", valid_for=build.duration("14 days"), **more)


def test_a_wait_and_a_new_result_together() -> None:
    """The example of the issue: 7 days after the steroid, and creatinine of at most 0.8."""
    therapy = build.record_list("therapy", m.Field("ended", "Ended", "date"), valid_for="30 days")
    last = build.fact("last", "date", derive=m.LatestOf("therapy", "ended", ()))
    made = build.pack(
        [creatinine(changes="by_retest"), last],
        [
            build.criterion("I1", m.AgoTest("last", "at_least_ago", build.duration("7 days"))),
            build.criterion("E1", m.LimitTest("creatinine", "above", 800_000), "exclusion"),
        ],
        records=[therapy],
    )
    subject = build.subject(
        {"creatinine": [measured("0.9")]},
        {"therapy": named("therapy", build.entries("2026-11-20", {"ended": "ongoing"}))},
    )
    plan = planned(made, subject)
    (change,) = plan["would"]["sets"]
    assert change["on"] == "2026-11-27"
    assert [part["changes"] for part in change["parts"]] == [
        "by_treatment",
        "with_time",
        "by_retest",
    ]
    assert change["parts"][2]["says"] == "creatinine: at most 0.8 mg/dL, in a new result"
    assert change["verdict"] == "eligible"


@pytest.mark.parametrize(
    ("changes", "sets", "cannot"),
    [("by_retest", 1, []), ("never", 0, ["creatinine: 0.9 mg/dL"])],
)
def test_a_fact_that_never_changes_is_named_and_never_to_be_altered(
    changes: str, sets: int, cannot: list[str]
) -> None:
    fact = build.fact("creatinine", "quantity", changes=changes)
    made = build.pack(
        [fact],
        [build.criterion("E1", m.LimitTest("creatinine", "above", 800_000), "exclusion")],
    )
    subject = build.subject({"creatinine": [measured("0.9")]})
    plan = planned(made, subject)
    assert len(plan["would"]["sets"]) == sets
    assert plan["would"]["cannot"] == cannot
    assert plan["when"]["never"] == cannot
    assert plan["answer"].startswith("Cannot become eligible" if cannot else "Not eligible.")


def test_minimal_sets_are_the_hitting_sets_of_the_conflicts() -> None:
    """Two failed exclusions over one of two facts each: four ways, of two facts each."""
    names = ("a", "b", "c", "d")
    both = [m.All((m.BooleanTest(x, True), m.BooleanTest(y, True))) for x, y in ("ab", "cd")]
    made = build.pack(
        [build.fact(name, "boolean") for name in names],
        [build.criterion(f"E{n}", one, "exclusion") for n, one in enumerate(both)],
    )
    subject = build.subject({name: [build.said(True, "2026-11-01")] for name in names})
    with Screener(made) as screener:
        planned = Planner(screener)
        today = day_of(planned.protocol, subject, AS_OF)
        world, _ = _world(planned.shape, subject, today, Steps())
        sets, exact = minimal_sets(world)
    assert exact
    assert set(sets) == {frozenset(pair) for pair in ("ac", "ad", "bc", "bd")}
