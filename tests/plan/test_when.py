"""When: the timeline against day-by-day screening, and what is said of its ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.plan.days import day_of, kept_current, renewed
from engine.plan.plan import plan_of
from engine.plan.planner import Planner
from engine.plan.record import Plan
from tests import build
from tests.generators import LONG, POOL
from tests.plan.brute import days_from, named, people, statuses_on

EACH = 30 if LONG else 4


def status_of(spans: list[Any], on: date, word: str) -> str:
    """What the one span that holds a day says."""
    (span,) = [s for s in spans if s["first"] <= on.isoformat() <= s["last"]]
    return str(span[word])


@pytest.mark.parametrize("shard", range(4))
def test_the_timeline_is_day_by_day_screening(shard: int) -> None:
    met: Counter[str] = Counter()
    for seed, made, subject, as_of in people(range(shard, POOL, 4), EACH):
        plan = plan_of(made, subject, as_of, 180)
        when = plan["when"]
        assert when["first"] == as_of.isoformat()
        for on in days_from(as_of, plan["horizon"]):
            found = statuses_on(made.protocol, subject, on)
            for line in when["criteria"]:
                said = status_of(line["spans"], on, "status")
                assert said == found[line["id"]], (seed, as_of, on, line["id"])
        met["days"] += plan["horizon"] + 1
        met["events"] += len(when["events"])
        met["window"] += when["window"] is not None
    assert met["days"] >= 5_000, met
    assert met["events"] >= 20, met


@pytest.mark.parametrize("shard", range(2))
def test_the_rules_fire_alike_on_every_day_of_the_verdict_timeline(shard: int) -> None:
    for _seed, made, subject, as_of in people(range(shard, 12, 2), 2):
        plan = plan_of(made, subject, as_of, 60)
        for on in days_from(as_of, plan["horizon"]):
            verdict = made.screener.decide(subject, on)["verdict"]
            assert status_of(plan["when"]["verdict"], on, "verdict") == verdict


@pytest.mark.parametrize("shard", range(2))
def test_results_that_are_kept_current_are_results_repeated_with_the_same_values(
    shard: int,
) -> None:
    """`kept_current` asks about a person whom `renewed` can make."""
    met = 0
    for seed, made, subject, as_of in people(range(shard, POOL, 2), EACH):
        today = day_of(made.protocol, subject, as_of)
        lasting = kept_current(made.protocol, today, subject)
        for ahead in (0, 1, 15, 29, 31, 90, 400):
            on = as_of + timedelta(days=ahead)
            asked = day_of(lasting, subject, on)
            real = day_of(made.protocol, renewed(made.protocol, lasting, subject, on), on)
            assert asked.statuses == real.statuses, (seed, as_of, on)
            met += asked.statuses != day_of(made.protocol, subject, on).statuses
    assert met >= 20


# --- by hand ---------------------------------------------------------------------------------

WASHOUT = m.AgoTest("last", "at_least_ago", build.duration("1 months"))


def planned(
    as_of: str,
    score: str,
    dose: str | m.Days,
    horizon: int = 180,
    washout: m.AgoTest = WASHOUT,
    confirmed_for: str = "4000 days",
) -> Plan:
    """A score that holds for 28 days, and a washout after the last dose."""
    made = build.pack(
        [
            build.fact("score", "quantity", valid_for=build.duration("28 days")),
            build.fact("last", "date", derive=m.LatestOf("doses", "ended", ())),
        ],
        [
            build.criterion("I1", m.LimitTest("score", "at_least", 5_000_000)),
            build.criterion("I2", washout),
        ],
        records=[
            build.record_list("doses", m.Field("ended", "Ended", "date"), valid_for=confirmed_for)
        ],
    )
    said = replace(build.said(build.amount("7"), score), entry="facts.score")
    doses = named("doses", build.entries(as_of, {"ended": dose}))
    with Screener(made) as screener:
        day = date.fromisoformat(as_of)
        subject = build.subject({"score": [said]}, {"doses": doses})
        return plan_of(Planner(screener), subject, day, horizon)


def spans(plan: Plan) -> list[tuple[str, str, str]]:
    return [(s["first"], s["last"], s["verdict"]) for s in plan["when"]["verdict"]]


@pytest.mark.parametrize(
    ("as_of", "dose", "doubt", "first"),
    [
        ("2026-01-31", "2026-01-31", "2026-02-28", "2026-03-01"),  # no 31 February
        ("2024-01-31", "2024-01-31", "2024-02-29", "2024-03-01"),  # nor in a leap year
        ("2024-01-29", "2024-01-29", None, "2024-02-29"),
        ("2026-01-29", "2026-01-29", "2026-02-28", "2026-03-01"),
        ("2026-12-31", "2026-12-31", None, "2027-01-31"),
    ],
)
def test_month_ends_and_leap_days(as_of: str, dose: str, doubt: str | None, first: str) -> None:
    """The wait ends on the day that nobody doubts; the day before is not known, and is told."""
    plan = planned(as_of, score=as_of, dose=dose)
    waiting = plan["when"]["waiting"]
    assert waiting is not None
    assert waiting["on"] == first
    assert plan["next"]["on"] == first
    open_ = [s for s in plan["when"]["criteria"][1]["spans"] if s["status"] == "open"]
    assert open_ == ([{"first": doubt, "last": doubt, "status": "open"}] if doubt else [])


def test_a_result_that_lasts_until_the_day_the_washout_ends_is_enough() -> None:
    plan = planned("2026-02-01", score="2026-02-01", dose="2026-02-01")
    assert spans(plan) == [
        ("2026-02-01", "2026-02-28", "ineligible"),
        ("2026-03-01", "2026-03-01", "eligible"),
        ("2026-03-02", "2026-07-31", "undetermined"),
    ]
    window = plan["when"]["window"]
    assert window is not None
    assert (window["first"], window["last"]) == ("2026-03-01", "2026-03-01")
    assert next((r["collect"], r["good_until"]) for r in window["rests_on"]) == (
        "score",
        "2026-03-01",
    )
    assert window["closes"] == ["out of date after 2026-03-01: score"]


def test_a_result_that_lapses_the_day_before_the_washout_ends_is_a_conflict() -> None:
    plan = planned("2026-02-01", score="2026-01-31", dose="2026-02-01")
    assert plan["when"]["window"] is None
    waiting = plan["when"]["waiting"]
    assert waiting is not None
    assert waiting["on"] == "2026-03-01"
    assert waiting["repeat"] == [
        {
            "collect": "score",
            "ask": "score",
            "good_until": "2026-02-28",
            "not_before": "2026-02-01",
        }
    ]
    assert waiting["conflicts"] == [
        "the wait ends on 2026-03-01, but score may be relied on only until 2026-02-28:"
        " repeat it on or after 2026-02-01"
    ]
    assert plan["collect"]["on"] == "2026-03-01"
    assert [item["collect"] for item in plan["collect"]["needed"]] == ["score"]


@pytest.mark.parametrize(
    ("horizon", "last"), [(0, "2026-02-01"), (27, "2026-02-28"), (28, "2026-03-01")]
)
def test_the_horizon_is_its_last_day_included(horizon: int, last: str) -> None:
    plan = planned("2026-02-01", score="2026-02-01", dose="2026-02-01", horizon=horizon)
    assert plan["when"]["last"] == last
    assert spans(plan)[-1][1] == last
    assert (plan["when"]["window"] is not None) == (horizon == 28)


def test_a_partial_date_grows_with_the_day_and_is_decided_by_its_last_possible_day() -> None:
    """Some day in November: from 1 December on, at the latest the 30th."""
    washout = m.AgoTest("last", "at_least_ago", build.duration("7 days"))
    days = m.Days(date(2026, 11, 1), date(2026, 11, 30))
    plan = planned("2026-11-05", score="2026-11-20", dose=days, washout=washout)
    assert spans(plan)[:4] == [
        ("2026-11-05", "2026-11-07", "ineligible"),
        ("2026-11-08", "2026-12-06", "undetermined"),
        ("2026-12-07", "2026-12-18", "eligible"),
        ("2026-12-19", "2027-05-04", "undetermined"),
    ]


def test_a_statement_dated_ahead_counts_from_its_day() -> None:
    plan = planned("2026-05-01", score="2026-05-04", dose="2026-01-01")
    assert spans(plan)[:2] == [
        ("2026-05-01", "2026-05-03", "undetermined"),
        ("2026-05-04", "2026-06-01", "eligible"),
    ]
    assert plan["next"]["kind"] == "wait"
    assert plan["next"]["on"] == "2026-05-04"
    assert "score" in plan["answer"]


def test_a_subject_who_will_be_refused_is_planned_for_up_to_the_day_before() -> None:
    """A birth date that begins to count before that day has come is a fault from then on."""
    made = build.pack(
        [build.fact("birth_date", "date", changes="never")],
        [build.criterion("I1", m.EverTest("birth_date", True))],
    )
    said = [
        m.Statement("facts.birth_date", build.days("2010-01-01"), on=date(2026, 1, 1)),
        m.Statement("facts.birth_date", build.days("2026-12-24"), on=date(2026, 12, 1)),
    ]
    with Screener(made) as screener:
        plan = plan_of(Planner(screener), build.subject({"birth_date": said}), date(2026, 11, 20))
    assert plan["when"]["last"] == "2026-11-30"
    assert plan["horizon"] == 10
