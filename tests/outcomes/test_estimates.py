"""The estimates, against published numbers and against a second library.

Exact intervals: ELIANA's 61 of 75 in remission within 3 months, 81 % (71 to 89) (Maude and
others, N Engl J Med 2018;378:439); 52 of 63, 83 % (71 to 91) (tisagenlecleucel, United States
prescribing information, 2017); 39 of 55, 71 % (57 to 82) (brexucabtagene, ZUMA-3, Shah and
others, Lancet 2021;398:491); 8, 10 and 0 of 10 stand in any table of the binomial's
Clopper-Pearson limits.

Kaplan-Meier: time in remission under 6-mercaptopurine, Freireich and others, Blood 1963;21:699,
as in Cox and Oakes, Analysis of Survival Data (1984), table 1.1 and section 4.2, and in
Kleinbaum and Klein, Survival Analysis, chapter 2.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.survival import read_times
from engine.outcomes.estimates import kaplan_meier, proportion

DATA = Path(__file__).parent / "data" / "freireich-6mp.csv"


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (61, 75, 70.7, 89.4),
        (52, 63, 70.9, 90.9),
        (39, 55, 57.1, 82.4),
        (8, 10, 44.4, 97.5),
        (10, 10, 69.2, 100.0),
        (0, 10, 0.0, 30.8),
        (0, 1, 0.0, 97.5),
        (1, 1, 2.5, 100.0),
    ],
)
def test_exact_intervals_as_published(count: int, of: int, low: float, high: float) -> None:
    found = proportion(count, of)
    assert found["low"] is not None and found["high"] is not None
    assert (round(100 * found["low"], 1), round(100 * found["high"], 1)) == (low, high)


def test_a_proportion_of_nobody_has_no_value() -> None:
    assert proportion(0, 0) == {"count": 0, "of": 0, "value": None, "low": None, "high": None}


def published(arm: str) -> list[tuple[float, bool]]:
    times = read_times(DATA, ["weeks", "relapse", "arm"])[arm]
    return [(float(time), event) for time, event in times]


def test_six_mercaptopurine_as_published() -> None:
    fitted = kaplan_meier(published("6-MP"))
    falls = [
        (s["time"], s["at_risk"], round(s["survival"], 4)) for s in fitted.steps if s["events"]
    ]
    assert falls == [
        (6, 21, 0.8571),
        (7, 17, 0.8067),
        (10, 15, 0.7529),
        (13, 12, 0.6902),
        (16, 11, 0.6275),
        (22, 7, 0.5378),
        (23, 6, 0.4482),
    ]
    assert fitted.quantile()[0] == 23


def test_placebo_of_the_same_trial_has_its_median_at_8_weeks() -> None:
    fitted = kaplan_meier(published("placebo"))
    assert fitted.quantile()[0] == 8
    assert fitted.steps[-1]["survival"] == 0


COURSES = st.lists(st.tuples(st.integers(0, 12).map(float), st.booleans()), min_size=1, max_size=40)


@given(COURSES)
def test_curves_agree_with_statsmodels(times: list[tuple[float, bool]]) -> None:
    """Survival at every event, and the log-log interval from its Greenwood error."""
    from statsmodels.duration.survfunc import SurvfuncRight

    fitted = kaplan_meier(times)
    falls = [step for step in fitted.steps if step["events"]]
    if not falls:
        assert all(step["survival"] == 1 for step in fitted.steps)
        return
    other = SurvfuncRight([time for time, _ in times], [int(event) for _, event in times])
    assert [step["time"] for step in falls] == list(other.surv_times)
    assert [step["at_risk"] for step in falls] == list(other.n_risk)
    errors = other.surv_prob_se
    for step, survival, error in zip(falls, other.surv_prob, errors, strict=True):
        assert step["survival"] == pytest.approx(survival, abs=1e-6)
        if not 1e-12 < survival < 1 - 1e-12:
            assert step["low"] is None and step["high"] is None
            continue
        # log(-log S) has the standard error se / (S |log S|)
        half = 1.959963984540054 * error / (survival * abs(math.log(survival)))
        assert step["low"] == pytest.approx(survival ** math.exp(half), abs=2e-6)
        assert step["high"] == pytest.approx(survival ** math.exp(-half), abs=2e-6)


@given(st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_exact_intervals_agree_with_statsmodels(case: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(*case, alpha=0.05, method="beta")
    found = proportion(*case)
    assert found["low"] == pytest.approx(0.0 if math.isnan(low) else low, abs=1e-6)
    assert found["high"] == pytest.approx(1.0 if math.isnan(high) else high, abs=1e-6)


@given(COURSES, st.randoms())
def test_the_order_of_patients_does_not_matter(
    times: list[tuple[float, bool]], chance: object
) -> None:
    shuffled = list(times)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert kaplan_meier(shuffled) == kaplan_meier(times)


@given(COURSES)
def test_without_censoring_the_curve_is_the_share_still_event_free(
    times: list[tuple[float, bool]],
) -> None:
    ended = [(time, True) for time, _ in times]
    for step in kaplan_meier(ended).steps:
        left = sum(time > step["time"] for time, _ in ended)
        assert step["survival"] == pytest.approx(left / len(ended), abs=1e-6)


def test_nobody_has_no_curve() -> None:
    fitted = kaplan_meier([])
    assert (fitted.steps, fitted.at(1), fitted.quantile()) == ((), (None,) * 3, (None,) * 3)
    assert fitted.at_risk(0) == 0


def test_everybody_at_time_0() -> None:
    fitted = kaplan_meier([(0, True)] * 3)
    assert fitted.at(0) == (0.0, None, None)
    assert fitted.at(5) == (0.0, None, None)
    assert fitted.quantile()[0] == 0


def test_one_patient_without_an_event() -> None:
    fitted = kaplan_meier([(4, False)])
    assert fitted.at(4) == (1.0, None, None)
    assert fitted.at(5) == (None, None, None)
    assert (fitted.at_risk(4), fitted.at_risk(4.5)) == (1, 0)
    assert fitted.quantile() == (None, None, None)


def test_an_event_and_a_censoring_on_one_day_share_the_risk_set() -> None:
    steps = kaplan_meier([(3, True), (3, False)]).steps
    assert [(s["at_risk"], s["events"], s["censored"], s["survival"]) for s in steps] == [
        (2, 1, 1, 0.5)
    ]
