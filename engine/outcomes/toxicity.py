"""The worst grade of a toxicity in a period, as far as the entries of its list tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine import terms as m
from engine.outcomes.clock import Dated, landmark_days
from engine.outcomes.record import (
    EntryOutcome,
    Graded,
    SevereStatus,
    ToxicityOutcome,
    Worst,
)


@dataclass(frozen=True, slots=True)
class Treated:
    """One patient from the start of treatment on: entries by list, screened; the death, if any."""

    outcomes: m.Outcomes
    subject: m.Subject
    as_of: date
    start: date
    died: Dated | None
    entries: Mapping[str, Sequence[EntryOutcome]]


def toxicity_outcome(
    of: Treated, toxicity: m.Toxicity, fatal: Mapping[str, m.Answer]
) -> ToxicityOutcome:
    """The worst class of one toxicity, in each period after the start."""
    scale = of.outcomes.scales[toxicity.scale]
    within = [_worst(of, toxicity, scale, after, fatal) for after in toxicity.within]
    return {"id": toxicity.id, "within": within}


def _worst(
    of: Treated,
    toxicity: m.Toxicity,
    scale: m.Scale,
    after: m.Duration,
    fatal: Mapping[str, m.Answer],
) -> Worst:
    """The worst class in a period; open where the days on which it may end disagree."""
    early, late = landmark_days(of.start, after)
    found = _worst_by(of, toxicity, scale, after, fatal, early)
    if late == early:
        return found
    other = _worst_by(of, toxicity, scale, after, fatal, late)
    severe = other["severe"]
    if severe not in (found["severe"], "not_yet_reached"):
        severe = "unknown"
    return {
        "after": after.text,
        "on": early.isoformat(),
        "or_on": late.isoformat(),
        "low": found["low"],
        "high": other["high"],
        "severe": severe,
        "fatal": found["fatal"] if found["fatal"] == other["fatal"] else "unknown",
        "entry": found["entry"],
        "day": found["day"],
    }


def _worst_by(
    of: Treated,
    toxicity: m.Toxicity,
    scale: m.Scale,
    after: m.Duration,
    fatal: Mapping[str, m.Answer],
    on: date,
) -> Worst:
    died = of.died
    over = min(on, died.day) if died else on
    seen = [e for e in of.entries[scale.records] if e["on"] <= on.isoformat()]
    # Ranks: 0 is the worst class. `mild` is what is sure, `grave` what is possible.
    mild = grave = len(scale.classes) - 1
    shown: EntryOutcome | None = None
    for entry in seen:
        grade = grade_of(entry, scale.name)
        ranks = [scale.rank(id_) for id_ in grade["possible"]]
        grave = min([grave, *ranks]) if ranks else 0
        if grade["value"] is None and len(ranks) < 2:
            continue  # it may be of no class: nothing is sure
        if shown is None or max(ranks) < mild:
            mild, shown = max(ranks), entry
    listed = of.subject.records.get(scale.records)
    complete = listed.complete_on if listed and listed.doubt is None else None
    if complete is None or complete < over:
        grave = 0
    severe = {scale.rank(id_) for id_ in toxicity.severe}
    status: SevereStatus
    if mild in severe:
        status = "yes"
    elif of.as_of < over:
        status = "not_yet_reached"
    else:
        status = "unknown" if severe & set(range(grave, mild + 1)) else "no"
    was_fatal: m.Answer = "no"
    if died is not None and died.day <= on and toxicity.fatal is not None:
        was_fatal = fatal.get(toxicity.id, "no")
    low, high = scale.classes[mild].id, scale.classes[grave].id
    if was_fatal != "no" and toxicity.fatal is not None:
        high = toxicity.fatal.id
        low = high if was_fatal == "yes" else low
    return {
        "after": after.text,
        "on": on.isoformat(),
        "low": low,
        "high": high,
        "severe": status,
        "fatal": was_fatal,
        "entry": shown["entry"] if shown else None,
        "day": shown["day"] if shown else None,
    }


def grade_of(entry: EntryOutcome, scale: str) -> Graded:
    return next(grade for grade in entry["grades"] if grade["scale"] == scale)
