"""The time of a plan: stretches, events, the window and the wait that ends every failure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from engine.plan import words
from engine.plan.change import ChangeSet, unknown
from engine.plan.days import (
    Day,
    Stretch,
    day_of,
    day_with,
    kept_current,
    renewed,
    stretches,
)
from engine.plan.planner import Planner, name_of
from engine.plan.record import (
    Collect,
    CriterionLine,
    Event,
    Repeat,
    StatusSpan,
    VerdictSpan,
    Waiting,
    Window,
)
from engine.plan.roots import Root, with_derived
from engine.terms import Subject
from engine.terms.faults import EngineFault


def timeline(planner: Planner, subject: Subject, as_of: date, until: date) -> tuple[Stretch, ...]:
    """The stretches of days on which every criterion stands alike, confirmed by the rules."""
    spans = stretches(planner.protocol, planner.tests, subject, as_of, until, planner.day)
    for span in spans:
        planner.confirm(span.start, recorded=True)
        if span.last != span.first:
            last = planner.day(subject, span.last)
            if last.statuses != span.start.statuses:
                raise EngineFault("a stretch of the plan does not end as it begins")
            planner.confirm(last, recorded=True)
    return spans


def lines(planner: Planner, spans: Sequence[Stretch]) -> list[CriterionLine]:
    """How each criterion stands, day by day."""
    lines: list[CriterionLine] = []
    for criterion in planner.protocol.criteria:
        merged: list[StatusSpan] = []
        for span in spans:
            status = span.start.statuses[criterion.id]
            if merged and merged[-1]["status"] == status:
                merged[-1]["last"] = span.last.isoformat()
            else:
                ends = span.first.isoformat(), span.last.isoformat()
                merged.append({"first": ends[0], "last": ends[1], "status": status})
        lines.append(
            {
                "id": criterion.id,
                "kind": criterion.kind,
                "text": criterion.text,
                "spans": merged,
            }
        )
    return lines


def events(planner: Planner, subject: Subject, spans: Sequence[Stretch]) -> list[Event]:
    """What changes on which day, and why."""
    events: list[Event] = []
    for before, after in pairwise(spans):
        old, new = before.start.statuses, after.start.statuses
        changed = [name for name, status in new.items() if status != old[name]]
        eve = planner.day(subject, before.last)
        because = planner.because(subject, eve, after.start, changed)
        events.append({"on": after.first.isoformat(), "criteria": changed, "because": because})
    return events


def window(
    planner: Planner, subject: Subject, spans: Sequence[Stretch], until: date
) -> Window | None:
    """The first days on which the subject is eligible, and what closes them."""
    at = next((n for n, s in enumerate(spans) if s.start.verdict == "eligible"), None)
    if at is None:
        return None
    span = spans[at]
    closes: list[str] = []
    if at + 1 < len(spans):
        after = spans[at + 1].start
        changed = [name for name, status in after.statuses.items() if status != "passed"]
        closes = planner.because(subject, planner.day(subject, span.last), after, changed)
    resting = [
        (root, good)
        for root in planner.sorted(planner.roots.facts)
        if (good := planner.good_until(subject, root, span.first)) is not None
        and _without(planner, subject, span.start, root).verdict != "eligible"
    ]
    return {
        "first": span.first.isoformat(),
        "last": min(span.last, until).isoformat(),
        "closes": closes,
        "rests_on": [
            {
                "collect": name_of(root),
                "ask": words.ask_of(planner.protocol, root),
                "good_until": good.isoformat(),
            }
            for root, good in sorted(resting, key=lambda pair: pair[1])
        ],
    }


def _without(planner: Planner, subject: Subject, day: Day, root: Root) -> Day:
    """The same day, had one result or confirmation lapsed."""
    if root.startswith("records."):
        name = root.removeprefix("records.")
        lapsed = replace(subject.records[name], complete_on=None)
        other = replace(subject, records={**subject.records, name: lapsed})
        return day_of(planner.protocol, other, day.on)
    readings = dict(day.readings)
    readings[root] = unknown(readings[root])
    counted = [name for name in planner.roots.facts[root] if name != root]
    for name in counted:
        del readings[name]
    with_derived(planner.roots, counted, readings, day.on.toordinal())
    return day_with(planner.protocol, readings, day.on)


def stands(planner: Planner, subject: Subject, today: Day, on: date) -> bool:
    """Whether what a wait comes to is the same once every lapsed result is repeated."""
    lasting = kept_current(planner.protocol, today, subject)
    renewal = renewed(planner.protocol, lasting, subject, on)
    after, real = day_of(lasting, subject, on), day_of(planner.protocol, renewal, on)
    return after.verdict == real.verdict


def waiting(
    planner: Planner,
    subject: Subject,
    today: Day,
    wait: ChangeSet,
    collect: Collect,
    roots: Sequence[Root],
) -> Waiting:
    """The wait that ends every failure, and what must be repeated because of it."""
    lasting = kept_current(planner.protocol, today, subject)
    after = day_of(lasting, subject, wait.on)
    renewal = renewed(planner.protocol, lasting, subject, wait.on)
    real = day_of(planner.protocol, renewal, wait.on)
    if real.verdict != after.verdict:
        raise EngineFault("a plan's wait does not hold when its results are repeated")
    planner.confirm(real)
    failed = [name for name, status in today.statuses.items() if status == "failed"]
    because = planner.because(subject, today, after, failed)
    repeats: list[Repeat] = []
    conflicts = []
    needed = {item["collect"] for item in collect["needed"]}
    for root in roots:
        good = planner.good_until(subject, root, today.on)
        if good is None or good >= wait.on or name_of(root) not in needed:
            continue
        start = max(planner.covers(root, wait.on), today.on)
        ask = words.ask_of(planner.protocol, root)
        repeats.append(
            {
                "collect": name_of(root),
                "ask": ask,
                "good_until": good.isoformat(),
                "not_before": start.isoformat(),
            }
        )
        conflicts.append(
            f"the wait ends on {wait.on}, but {ask} may be relied on only until {good}:"
            f" repeat it on or after {start}"
        )
    return {
        "on": wait.on.isoformat(),
        "verdict": after.verdict,
        "because": because,
        "repeat": repeats,
        "conflicts": conflicts,
    }


def verdict_spans(spans: Iterable[Stretch]) -> list[VerdictSpan]:
    """The verdict, day by day."""
    merged: list[VerdictSpan] = []
    for span in spans:
        if merged and merged[-1]["verdict"] == span.start.verdict:
            merged[-1]["last"] = span.last.isoformat()
        else:
            ends = span.first.isoformat(), span.last.isoformat()
            merged.append({"first": ends[0], "last": ends[1], "verdict": span.start.verdict})
    return merged
