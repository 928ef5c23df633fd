"""Proportions and survival curves, computed by scipy, which is loaded on first use.

Clopper-Pearson: `scipy.stats.binomtest(...).proportion_ci("exact")`. Kaplan-Meier with
Greenwood's variance on the log-log scale: `scipy.stats.ecdf` on right-censored data, and its
`confidence_interval("log-log")`. Where the formula gives no interval (survival of 1 or 0)
none is reported.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.outcomes.record import Proportion, Step

CONFIDENCE = 0.95
DIGITS = 6
"""Digits after the point in a record: the same bytes on every machine."""

Times = Sequence[tuple[float, bool]]
"""Each patient's time, and whether it ended in an event (else it is censored)."""


def proportion(count: int, of: int) -> Proportion:
    """A proportion with its exact two-sided 95 % interval."""
    if of == 0:
        return {"count": count, "of": 0, "value": None, "low": None, "high": None}
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(CONFIDENCE, method="exact")
    return {
        "count": count,
        "of": of,
        "value": round(count / of, DIGITS),
        "low": round(float(interval.low), DIGITS),
        "high": round(float(interval.high), DIGITS),
    }


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """A survival curve. `steps` stand at every time of an event or of censoring."""

    patients: int
    events: int
    steps: tuple[Step, ...]
    times: tuple[float, ...]

    def at_risk(self, time: float) -> int:
        """How many are followed up to `time` or longer, without an event before it."""
        after = bisect_right(self.times, time)
        if after and self.times[after - 1] == time:
            return self.steps[after - 1]["at_risk"]
        return self.steps[after]["at_risk"] if after < len(self.steps) else 0

    def at(self, time: float) -> tuple[float | None, float | None, float | None]:
        """Survival and its interval at `time`, the events of that time counted.

        None beyond the last time followed, unless the curve has come down to 0 by then.
        """
        after = bisect_right(self.times, time)
        if not self.steps:
            return None, None, None
        if after == 0:
            return 1.0, None, None
        step = self.steps[after - 1]
        if after == len(self.steps) and time > self.times[-1] and step["survival"] > 0:
            return None, None, None
        return step["survival"], step["low"], step["high"]

    def quantile(self, level: float = 0.5) -> tuple[float | None, float | None, float | None]:
        """The first time at which survival is at or below `level`, with the times at which
        the lower and the upper end of its interval are (Brookmeyer and Crowley 1982)."""

        def first(end: Literal["survival", "low", "high"]) -> float | None:
            for step in self.steps:
                value: float | None = step[end]
                if value is None and step["survival"] == 0 and end != "high":
                    value = 0.0
                if value is not None and value <= level + 1e-9:
                    return step["time"]
            return None

        return first("survival"), first("low"), first("high")


def kaplan_meier(times: Times) -> KaplanMeier:
    """The curve of some patients, none included."""
    if not times:
        return KaplanMeier(0, 0, (), ())
    from scipy.stats import CensoredData, ecdf

    events = [time for time, event in times if event]
    censored = [time for time, event in times if not event]
    fitted = ecdf(CensoredData(uncensored=events, right=censored)).sf
    with warnings.catch_warnings():
        # No interval at 1 and at 0: the records then hold none.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = fitted.confidence_interval(CONFIDENCE, method="log-log")
    fell, left = Counter(events), Counter(censored)
    steps: list[Step] = []
    at_risk = len(times)
    for i, time in enumerate(fitted.quantiles.tolist()):
        survival = float(fitted.probabilities[i])
        steps.append(
            {
                "time": time,
                "at_risk": at_risk,
                "events": fell[time],
                "censored": left[time],
                "survival": round(survival, DIGITS) + 0.0,
                "low": _end(interval.low.probabilities[i], survival),
                "high": _end(interval.high.probabilities[i], survival),
            }
        )
        at_risk -= fell[time] + left[time]
    assert at_risk == 0
    return KaplanMeier(len(times), len(events), tuple(steps), tuple(s["time"] for s in steps))


def _end(value: float, survival: float) -> float | None:
    if math.isnan(value) or not 0 < survival < 1:
        return None
    return round(float(value), DIGITS)
