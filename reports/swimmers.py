"""The swimmer plot of a trial report: a lane a patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.outcomes.record import (
    Outcome,
)
from engine.terms import Outcomes
from engine.terms.faults import clean
from reports.figures import Swimmer, swimmer_figure

if TYPE_CHECKING:
    pass
from reports.listing import (
    PatientWords,
)

LANES = 40
"""Patients in one swimmer plot."""

MOST_LANES = 200
"""From more patients than these, nobody reads a swimmer plot: the listing alone remains."""


def swimmers_of(
    treated: Sequence[Outcome], outcomes: Outcomes, words: PatientWords
) -> tuple[tuple[tuple[str, str], ...], str]:
    """The figures with their alternative texts, some lanes each, or why there is none."""
    if not treated:
        return (), "No patient was infused by the cut-off."
    if len(treated) > MOST_LANES:
        text = f"A swimmer plot of {len(treated)} patients cannot be read and is left out."
        return (), text + " The listing holds every patient."
    legend = _legend(outcomes, words)
    drawn = sorted((_lane(r, outcomes) for r in treated), key=lambda one: (-one.end, one.subject))
    most = max(lane.end for lane in drawn)
    figures = []
    for at in range(0, len(drawn), LANES):
        part = drawn[at : at + LANES]
        count = f"{len(part)} patients" if len(part) > 1 else "one patient"
        alt = f"Swimmer plot of {count}, longest followed first; the listing holds their values."
        figures.append((swimmer_figure(alt, part, legend, most), alt))
    return tuple(figures), ""


def _symbols(outcomes: Outcomes) -> dict[str, str]:
    """The symbol of each class of response, and of each date drawn."""
    rule = outcomes.response
    found = {}
    for i, one in enumerate(outcomes.scales[rule.scale].classes):
        found[one.id] = ("disc" if i == 0 else "ring") if one.id in rule.remission else "cross"
    days = [*rule.until]
    days += [day for endpoint in outcomes.endpoints for one in endpoint.rules for day in one.at]
    for i, name in enumerate(dict.fromkeys(days)):
        found[name] = "diamond" if i == 0 else "square"
    for event in outcomes.events.values():
        if event.after_remission is not None:
            found[event.id] = "triangle"
    found[outcomes.died] = "bar"
    return found


def _legend(outcomes: Outcomes, words: PatientWords) -> list[tuple[str, str]]:
    legend = [("lane", "Followed (alive or to death)"), ("remission", "From remission to an event")]
    for name, sign in _symbols(outcomes).items():
        legend.append((sign, clean(words.because.get(name, name))))
    legend.append(("arrow", "Alive at the last contact"))
    return legend


def _lane(record: Outcome, outcomes: Outcomes) -> Swimmer:
    symbols = _symbols(outcomes)
    followed = [one for endpoint in record["endpoints"] for one in endpoint["rules"]]
    course = {one["what"]: one["months"] for one in record["course"]}
    died = course.get(outcomes.died)
    known = [one["months"] for one in followed] + [one["months"] for one in record["entries"]]
    end = max(known) if died is None else died
    ends = {one["because"]: one["months"] for one in followed if one["status"] == "event"}
    marks = [(symbols[name], months) for name, months in course.items() if name in symbols]
    marks += [
        (symbols[name], months)
        for name, months in ends.items()
        if name in symbols and name not in course
    ]
    relapsed = {months for name, months in ends.items() if symbols.get(name) == "triangle"}
    remission: float | None = None
    rule = outcomes.response
    for entry in record["entries"]:
        for grade in entry["grades"]:
            value = grade["value"]
            if grade["scale"] == rule.scale and value is not None:
                if value in rule.remission and remission is None:
                    remission = entry["months"]
                if entry["months"] not in relapsed:
                    marks.append((symbols[value], entry["months"]))
    span = None
    if remission is not None:
        span = (remission, max(remission, min([end, *ends.values()])))
    return Swimmer(clean(record["subject"]), end, died is None, span, tuple(marks))
