"""One patient's course: response, events, censoring, landmarks, toxicity, contradictions."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine.outcomes.patient import OutcomeScreener
from engine.terms.faults import InputRejected
from tests.outcomes.courses import (
    CR,
    CRI,
    CRS_2,
    CUT_OFF,
    NR,
    UNKNOWN,
    course,
    edited,
    followed,
    outcome_of,
    stands,
    worst,
)

# Infused on 10 January: landmarks are 10 February, 10 March and 10 April.
ALIVE: dict[str, Any] = {"last_seen": "2026-11-01", "last_known_alive": "2026-11-10"}


def best(record: Any) -> tuple[object, ...]:
    response = record["response"]
    return response["best"], response["possible"], response["remission"]


# --- response -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assessments", "expected"),
    [
        ([("2026-02-07", CR)], ("CR", ["CR"], "yes")),
        ([("2026-02-07", CRI), ("2026-03-09", CR)], ("CR", ["CR"], "yes")),
        ([("2026-02-07", CR), ("2026-03-09", CRI)], ("CR", ["CR"], "yes")),
        ([("2026-02-07", NR)], ("NR", ["NR"], "no")),
        ([("2026-02-07", NR), ("2026-03-09", CRI)], ("CRi", ["CRi"], "yes")),
        ([("2026-02-07", NR), ("2026-04-10", CR)], ("CR", ["CR"], "yes")),  # last day of 3 months
        ([("2026-02-07", NR), ("2026-04-11", CR)], ("NR", ["NR"], "no")),  # the day after
        ([], (None, [], "unknown")),
        ([("2026-02-07", UNKNOWN)], (None, ["CR", "NR"], "unknown")),
        ([("2026-02-07", NR), ("2026-03-09", UNKNOWN)], (None, ["CR", "NR"], "unknown")),
        ([("2026-02-07", CRI), ("2026-03-09", UNKNOWN)], (None, ["CR", "CRi"], "yes")),
        ([("2026-02-07", CR), ("2026-03-09", UNKNOWN)], ("CR", ["CR"], "yes")),
    ],
)
def test_best_response(assessments: list[Any], expected: tuple[object, ...]) -> None:
    assert best(outcome_of(course(*assessments, **ALIVE))) == expected


def test_best_response_is_dated_by_its_first_assessment() -> None:
    record = outcome_of(course(("2026-02-07", CRI), ("2026-02-20", CR), ("2026-03-09", CR)))
    response = record["response"]
    assert response is not None
    assert (response["on"], response["day"], response["entry"]) == (
        "2026-02-20",
        41,
        "records.assessment.entries[1]",
    )


@pytest.mark.parametrize("stop", ["transplanted_on", "new_therapy_on"])
def test_a_response_after_another_treatment_is_not_this_ones(stop: str) -> None:
    day: dict[str, Any] = {stop: "2026-02-20"}
    made = course(("2026-02-07", NR), ("2026-03-09", CR), **day)
    assert best(outcome_of(made)) == ("NR", ["NR"], "no")
    day = {stop: "2026-03-09"}
    same_day = course(("2026-02-07", NR), ("2026-03-09", CR), **day)
    assert best(outcome_of(same_day)) == ("CR", ["CR"], "yes")


def test_assessments_after_the_cut_off_do_not_count() -> None:
    made = course(("2026-02-07", NR), ("2026-03-09", CR))
    assert best(outcome_of(made, date(2026, 3, 8))) == ("NR", ["NR"], "no")
    assert best(outcome_of(made, date(2026, 3, 9))) == ("CR", ["CR"], "yes")


@pytest.mark.parametrize(
    ("assessments", "expected"),
    [
        ([("2026-02-07", {**CR, "mrd": "<0.01"})], ("negative", "yes")),
        ([("2026-02-07", {**CR, "mrd": 0.01})], ("positive", "no")),
        ([("2026-02-07", {**CR, "mrd": 0.5}), ("2026-03-09", CR)], ("negative", "yes")),
        ([("2026-02-07", {k: v for k, v in CR.items() if k != "mrd"})], (None, "unknown")),
        ([("2026-02-07", NR)], ("positive", "no")),
    ],
)
def test_residual_disease_at_best_response(assessments: list[Any], expected: Any) -> None:
    response = outcome_of(course(*assessments))["response"]
    assert response is not None
    assert (response["mrd"], response["mrd_negative"]) == expected


# --- events and censoring -----------------------------------------------------------------


def ended(record: Any, endpoint: str, rule: int = 0) -> tuple[str, str, str]:
    one = followed(record, endpoint, rule)
    return one["status"], one["because"], one["on"]


@pytest.mark.parametrize(
    ("assessments", "facts", "expected"),
    [
        # alive and well: the last assessment that shows where the child stands
        ([("2026-02-07", CR), ("2026-06-01", CR)], {}, ("censored", "examined", "2026-06-01")),
        ([("2026-02-07", CR), ("2026-06-01", UNKNOWN)], {}, ("censored", "examined", "2026-02-07")),
        ([], {}, ("censored", "start", "2026-01-10")),
        # relapse: at an assessment, or recorded, or whichever is first
        ([("2026-02-07", CR), ("2026-06-01", NR)], {}, ("event", "relapse", "2026-06-01")),
        ([("2026-02-07", CR)], {"relapsed_on": "2026-05-01"}, ("event", "relapse", "2026-05-01")),
        ([("2026-02-07", CR), ("2026-06-01", NR)], {"relapsed_on": "2026-05-01"},
         ("event", "relapse", "2026-05-01")),
        ([("2026-02-07", CR), ("2026-06-01", {**CR, "marrow": 5})], {},
         ("event", "relapse", "2026-06-01")),
        ([("2026-02-07", CR), ("2026-06-01", {**CR, "marrow": 4.9})], {},
         ("censored", "examined", "2026-06-01")),
        ([("2026-02-07", CR), ("2026-06-01", {**CR, "extramedullary": True})], {},
         ("event", "relapse", "2026-06-01")),
        # failure: at the last assessment in the window
        ([("2026-02-07", NR), ("2026-03-09", NR)], {}, ("event", "failure", "2026-03-09")),
        ([("2026-02-07", NR), ("2026-03-09", UNKNOWN)], {}, ("censored", "examined", "2026-02-07")),
        ([("2026-02-07", NR), ("2026-06-01", CR)], {}, ("event", "failure", "2026-02-07")),
        # death
        ([("2026-02-07", CR)], {"died_on": "2026-03-01"}, ("event", "death", "2026-03-01")),
        ([], {"died_on": "2026-01-10"}, ("event", "death", "2026-01-10")),
        ([("2026-02-07", NR)], {"died_on": "2026-03-01"}, ("event", "failure", "2026-02-07")),
        # two on one day: the first of the endpoint's list
        ([("2026-02-07", CR), ("2026-06-01", NR)], {"died_on": "2026-06-01"},
         ("event", "death", "2026-06-01")),
    ],
)  # fmt: skip
def test_event_free_survival(assessments: list[Any], facts: Any, expected: object) -> None:
    assert ended(outcome_of(course(*assessments, **facts)), "EFS") == expected


def test_a_transplant_ends_follow_up_under_one_rule_alone() -> None:
    made = course(("2026-02-07", CR), ("2026-06-01", NR), transplanted_on="2026-04-02")
    record = outcome_of(made)
    assert ended(record, "EFS", 0) == ("censored", "transplanted_on", "2026-04-02")
    assert ended(record, "EFS", 1) == ("event", "relapse", "2026-06-01")


def test_an_event_on_the_day_of_the_transplant_is_an_event() -> None:
    made = course(("2026-02-07", CR), ("2026-06-01", NR), transplanted_on="2026-06-01")
    assert ended(outcome_of(made), "EFS")[0] == "event"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"died_on": "2026-03-01"}, ("event", "death", "2026-03-01")),
        (ALIVE, ("censored", "last_known_alive", "2026-11-10")),
        ({"last_seen": "2026-11-01"}, ("censored", "last_seen", "2026-11-01")),
        ({}, ("censored", "assessment.date", "2026-02-07")),
        # a day after the cut-off proves the cut-off
        ({"last_known_alive": "2026-12-24"}, ("censored", "last_known_alive", "2026-11-20")),
        ({"died_on": "2026-12-24"}, ("censored", "died_on", "2026-11-20")),
    ],
)
def test_overall_survival(facts: dict[str, Any], expected: object) -> None:
    assert ended(outcome_of(course(("2026-02-07", CR), **facts)), "OS") == expected


@pytest.mark.parametrize(
    ("alive", "expected"),
    [
        ("2026-02-09", ["censored_before", "censored_before"]),
        ("2026-02-10", ["event_free", "censored_before"]),
        ("2026-04-09", ["event_free", "censored_before"]),
        ("2026-04-10", ["event_free", "event_free"]),
    ],
)
def test_landmarks_of_overall_survival_when_censored(alive: str, expected: list[str]) -> None:
    assert stands(outcome_of(course(last_known_alive=alive)), "OS") == expected


@pytest.mark.parametrize(
    ("died", "expected"),
    [
        ("2026-02-10", ["event", "event"]),
        ("2026-02-11", ["event_free", "event"]),
        ("2026-04-10", ["event_free", "event"]),
        ("2026-04-11", ["event_free", "event_free"]),
    ],
)
def test_landmarks_of_overall_survival_at_death(died: str, expected: list[str]) -> None:
    assert stands(outcome_of(course(died_on=died)), "OS") == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2026, 2, 9), ["not_yet_reached", "not_yet_reached"]),
        (date(2026, 2, 10), ["event_free", "not_yet_reached"]),
        (date(2026, 4, 9), ["event_free", "not_yet_reached"]),
        (date(2026, 4, 10), ["event_free", "event_free"]),
    ],
)
def test_landmarks_come_with_the_cut_off(as_of: date, expected: list[str]) -> None:
    assert stands(outcome_of(course(**ALIVE), as_of), "OS") == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [("last_assessment", "2026-03-09"), ("window_end", "2026-04-10"), ("start", "2026-01-10")],
)
def test_the_day_of_failure_is_the_packs_choice(day: str, expected: str) -> None:
    pack = edited(("failure: last_assessment", f"failure: {day}"))
    with OutcomeScreener(pack) as screener:
        record = outcome_of(course(("2026-03-09", NR)), screener=screener)
    assert ended(record, "EFS") == ("event", "failure", expected)


# --- toxicity -----------------------------------------------------------------------------


def grade(severity: str, on: str = "2026-01-20") -> tuple[str, dict[str, object]]:
    return on, {**CRS_2, "hypotension": severity}


@pytest.mark.parametrize(
    ("seen", "complete", "expected"),
    [
        ([], "2026-04-10", [("0", "0", "no"), ("0", "0", "no")]),
        ([], None, [("0", "4", "unknown"), ("0", "4", "unknown")]),
        ([], "2026-02-10", [("0", "0", "no"), ("0", "4", "unknown")]),
        ([], "2026-02-09", [("0", "4", "unknown"), ("0", "4", "unknown")]),
        ([grade("no_vasopressor")], "2026-04-10", [("2", "2", "no"), ("2", "2", "no")]),
        ([grade("no_vasopressor")], None, [("2", "4", "unknown"), ("2", "4", "unknown")]),
        ([grade("one_vasopressor")], None, [("3", "4", "yes"), ("3", "4", "yes")]),
        ([grade("one_vasopressor"), grade("none", "2026-01-21")], "2026-04-10",
         [("3", "3", "yes"), ("3", "3", "yes")]),
        ([grade("several_vasopressors", "2026-02-10")], "2026-04-10",
         [("4", "4", "yes"), ("4", "4", "yes")]),
        ([grade("several_vasopressors", "2026-02-11")], "2026-04-10",
         [("0", "0", "no"), ("4", "4", "yes")]),
        ([("2026-01-20", {"temperature": 39})], "2026-04-10",
         [("0", "4", "unknown"), ("0", "4", "unknown")]),
        ([("2026-01-20", {k: v for k, v in CRS_2.items() if k != "hypoxia"})], "2026-04-10",
         [("2", "4", "unknown"), ("2", "4", "unknown")]),
    ],
)  # fmt: skip
def test_worst_grade(seen: list[Any], complete: str | None, expected: list[object]) -> None:
    record = outcome_of(course(crs=seen, complete=complete))
    assert [(one["low"], one["high"], one["severe"]) for one in worst(record, "CRS")] == expected


def test_a_period_that_is_not_over_is_not_counted_unless_the_event_is_there() -> None:
    before = date(2026, 2, 9)
    mild = outcome_of(course(crs=[grade("none")], complete="2026-02-09"), before)
    severe = outcome_of(course(crs=[grade("one_vasopressor")]), before)
    assert [one["severe"] for one in worst(mild, "CRS")] == ["not_yet_reached"] * 2
    assert [one["severe"] for one in worst(severe, "CRS")] == ["yes"] * 2


@pytest.mark.parametrize(
    ("cause", "expected"),
    [("crs", ("5", "5", "yes")), ("disease", ("2", "2", "no")), (None, ("2", "5", "unknown"))],
)
def test_death_of_the_toxicity_is_grade_5(cause: str | None, expected: object) -> None:
    made = course(crs=[grade("no_vasopressor")], complete="2026-01-25", died_on="2026-01-25",
                  death_cause=cause)  # fmt: skip
    one = worst(outcome_of(made), "CRS")[0]
    assert (one["low"], one["high"], one["fatal"]) == expected
    assert one["severe"] == "no"  # complete up to the death, which ended the period


# --- contradictions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "entries"),
    [
        (course(("2026-02-07", CR), died_on="2026-02-01"),
         ("facts.died_on", "records.assessment.entries[0]")),
        (course(("2026-01-09", CR)), ("records.assessment.entries[0]", "facts.infused_on")),
        (course(("2026-02-07", CR), ("2026-03-01", CR), last_seen="2026-02-20"),
         ("facts.last_seen", "records.assessment.entries[1]")),
        (course(last_known_alive="2026-05-01", died_on="2026-04-01"),
         ("facts.died_on", "facts.last_known_alive")),
        (course(crs=[grade("none", "2026-01-09")]), ("records.crs.entries[0]", "facts.infused_on")),
        (course(died_on="2026-01-02"), ("facts.died_on", "facts.infused_on")),
        (course(relapsed_on="2026-05-01", died_on="2026-04-01"),
         ("facts.died_on", "facts.relapsed_on")),
        (course(transplanted_on="2026-01-01"), ("facts.transplanted_on", "facts.infused_on")),
        (course(("2026-02-07", NR), relapsed_on="2026-04-01"),
         ("facts.relapsed_on", "records.assessment.entries[0]")),
        (course(("2026-02-07", CR), infused_on=None),
         ("records.assessment.entries[0]", "infused_on")),
        (course(last_seen=[{"value": "2026-02-07", "on": "2026-03-01"},
                           {"value": "2026-02-08", "on": "2026-03-01"}]),
         ("facts.last_seen[0]", "facts.last_seen[1]")),
    ],
)  # fmt: skip
def test_data_that_contradicts_itself_is_refused_and_both_entries_named(
    made: dict[str, Any], entries: tuple[str, str]
) -> None:
    with pytest.raises(InputRejected) as refused:
        outcome_of(made)
    faults = refused.value.faults
    assert {fault.code for fault in faults} == {"contradiction"}
    assert any(all(f"`{entry}`" in fault.message for entry in entries) for fault in faults)
    assert all(fault.span.line == 1 and fault.span.column > 1 for fault in faults)
    assert refused.value.subject == "S-1"


@pytest.mark.parametrize(
    "made",
    [course(("2026-02", CR)), course(infused_on="2026-01"), course((None, CR)),  # type: ignore[arg-type]
     course(died_on="2026")],
)  # fmt: skip
def test_dates_of_outcomes_are_full_dates(made: dict[str, Any]) -> None:
    with pytest.raises(InputRejected) as refused:
        outcome_of(made)
    assert "partial-date" in {fault.code for fault in refused.value.faults}


def test_a_day_after_the_cut_off_contradicts_nothing() -> None:
    made = course(("2026-02-07", CR), ("2026-06-01", CR), died_on="2026-05-01")
    record = outcome_of(made, date(2026, 5, 20))
    assert ended(record, "OS") == ("event", "death", "2026-05-01")
    with pytest.raises(InputRejected):
        outcome_of(made, CUT_OFF)


def test_a_voided_entry_never_counts() -> None:
    made = course(("2026-01-09", {**CR, "voided": "wrong child"}), ("2026-02-07", NR))
    assert best(outcome_of(made)) == ("NR", ["NR"], "no")


@pytest.mark.parametrize("infused", [None, "2026-11-21"])
def test_a_patient_not_infused_by_the_cut_off_has_no_outcome(infused: str | None) -> None:
    record = outcome_of(course(infused_on=infused))
    assert record["started_on"] is None
    assert (record["endpoints"], record["response"], record["toxicities"]) == ([], None, [])


# --- where a month ends -------------------------------------------------------------------

# Infused on 31 January: one month is up on 28 February or on 1 March.
LATE: dict[str, Any] = {"infused_on": "2026-01-31"}


@pytest.mark.parametrize(
    ("died", "expected"),
    [("2026-02-27", "event"), ("2026-02-28", "event"), ("2026-03-01", "unknown"),
     ("2026-03-02", "event_free")],
)  # fmt: skip
def test_a_death_on_a_day_that_may_be_the_landmark_leaves_it_open(died: str, expected: str) -> None:
    mark = followed(outcome_of(course(died_on=died, **LATE)), "OS")["landmarks"][0]
    assert mark["status"] == expected
    assert (mark["on"], mark.get("or_on")) == ("2026-02-28", "2026-03-01")


@pytest.mark.parametrize(
    ("alive", "as_of", "expected"),
    [
        ("2026-02-27", CUT_OFF, "censored_before"),
        ("2026-02-28", CUT_OFF, "unknown"),
        ("2026-03-01", CUT_OFF, "event_free"),
        ("2026-02-28", date(2026, 2, 28), "not_yet_reached"),
    ],
)
def test_follow_up_up_to_a_day_that_may_be_the_landmark_leaves_it_open(
    alive: str, as_of: date, expected: str
) -> None:
    record = outcome_of(course(last_known_alive=alive, **LATE), as_of)
    assert stands(record, "OS")[0] == expected


def test_a_landmark_on_one_day_has_no_other() -> None:
    marks = followed(outcome_of(course(**ALIVE)), "OS")["landmarks"]
    assert marks
    assert not any("or_on" in mark for mark in marks)


@pytest.mark.parametrize(
    ("on", "severe", "high"),
    [("2026-02-28", "yes", "2"), ("2026-03-01", "unknown", "2"), ("2026-03-02", "no", "0")],
)
def test_a_grade_on_a_day_that_may_end_the_period_leaves_it_open(
    on: str, severe: str, high: str
) -> None:
    pack = edited(("severe: [4, 3]", "severe: [4, 3, 2]"))
    with OutcomeScreener(pack) as screener:
        made = course(crs=[(on, CRS_2)], complete="2026-06-01", **ALIVE, **LATE)
        found = worst(outcome_of(made, screener=screener), "CRS")[0]
    assert (found["severe"], found["high"]) == (severe, high)
    assert found.get("or_on") == "2026-03-01"


# Infused on 30 November: the window of three months ends on 28 February or on 1 March.
@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-02-28", ("CR", ["CR"], "yes")),
        ("2026-03-01", (None, ["CR", "NR"], "unknown")),
        ("2026-03-02", ("NR", ["NR"], "no")),
    ],
)
def test_an_assessment_on_a_day_that_may_end_the_window_settles_nothing(
    on: str, expected: tuple[object, ...]
) -> None:
    start: dict[str, Any] = {"infused_on": "2025-11-30"}
    record = outcome_of(course(("2025-12-30", NR), (on, CR), **ALIVE, **start))
    assert best(record) == expected
    assert record["response"] is not None
    ends = record["response"]["window_ends"], record["response"].get("window_or_ends")
    assert ends == ("2026-02-28", "2026-03-01")
    failed = expected[2] == "no"
    assert (followed(record, "EFS")["status"] == "event") == failed


def test_what_is_recorded_and_not_used_is_named() -> None:
    made = course(
        ("2026-02-10", CR),
        ("2026-12-01", NR),
        died_on=[{"value": "2026-09-01", "voided": "another patient"}],
        relapsed_on={"value": "2026-12-20", "on": "2026-12-24"},
    )
    made["records"]["assessment"]["entries"].append({"date": "2026-03-01", "voided": "never done"})
    told = {(one["where"], one["reason"]) for one in outcome_of(made)["passed_over"]}
    assert told == {
        ("facts.died_on[0]", "voided"),
        ("facts.relapsed_on", "not_yet"),
        ("records.assessment.entries[1]", "not_yet"),
        ("records.assessment.entries[2]", "voided"),
    }
    assert "passed_over" not in outcome_of(course(("2026-02-10", CR)))


@pytest.mark.parametrize(
    ("recorded", "code"),
    [
        ({"unknown": "pending"}, "pending"),
        ({"unknown": "not_done", "on": "2026-11-01"}, "pending"),
        (["2026-09-01", {"value": "2026-09-02", "on": "2026-10-01"}], "contradiction"),
    ],
)
def test_a_date_of_which_nobody_knows_whether_it_has_come_refuses_the_patient(
    recorded: object, code: str
) -> None:
    with pytest.raises(InputRejected) as refused:
        outcome_of(course(("2026-02-10", CR), died_on=recorded))
    assert [fault.code for fault in refused.value.faults] == [code]


def test_a_list_whose_confirmation_is_in_doubt_rules_out_no_toxicity() -> None:
    sure = worst(outcome_of(course(complete="2026-06-01")), "CRS")[0]
    made = course(complete="2026-06-01", crs=[("2026-01-12", {"voided": "another patient"})])
    made["records"]["crs"]["count"] = 0
    doubtful = worst(outcome_of(made), "CRS")[0]
    assert (sure["severe"], doubtful["severe"]) == ("no", "unknown")
