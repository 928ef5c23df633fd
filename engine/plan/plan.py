"""A subject's plan: when, what to collect, what would have to change.

The searches run on the reference evaluator. Whatever is shown of a day, a completion or a
change is then run through the fired rules as well; where the two differ there is no plan.
"""

from __future__ import annotations

from datetime import date, timedelta

from engine.plan.answer import following
from engine.plan.change import Changing, changing
from engine.plan.days import (
    last_day,
)
from engine.plan.needs import collect
from engine.plan.planner import Planner
from engine.plan.record import (
    Plan,
    When,
)
from engine.plan.search import Steps
from engine.plan.when import events, lines, stands, timeline, verdict_spans, waiting, window
from engine.plan.would import wait_of, would
from engine.record.shape import Decision
from engine.terms import Subject
from engine.terms.faults import EngineFault

HORIZON = 180
"""Days that a plan looks ahead, unless told otherwise."""


def plan_of(
    planner: Planner,
    subject: Subject,
    as_of: date,
    horizon: int = HORIZON,
    decision: Decision | None = None,
) -> Plan:
    """The plan of one subject. `decision`: that of the as-of date, if it is at hand.

    Raises: EngineFault if the rules do not confirm what the searches found.
    """
    decision = decision or planner.screener.decide(subject, as_of)
    planner.days.clear()
    today = planner.day(subject, as_of)
    if today.verdict != decision["verdict"]:
        raise EngineFault("the plan and the decision differ on the verdict")
    end = as_of + timedelta(days=min(horizon, (date.max - as_of).days))
    until = last_day(planner.protocol, subject, as_of, end)
    steps = Steps()
    spans = timeline(planner, subject, as_of, until)
    changes: Changing | None = None
    if today.verdict == "ineligible":
        forever = last_day(planner.protocol, subject, as_of, date.max)
        changes = changing(planner.shape, subject, today, forever, steps)
    room = window(planner, subject, spans, until)
    wait = wait_of(changes, until)
    if wait is not None and planner.loose and not stands(planner, subject, today, wait.on):
        wait = None
    on = wait.on if wait is not None else as_of
    at = decision if on == as_of else planner.screener.decide(subject, on)
    needed, roots = collect(planner, subject, on, at, steps)
    time: When = {
        "first": as_of.isoformat(),
        "last": until.isoformat(),
        "verdict": verdict_spans(spans),
        "criteria": lines(planner, spans),
        "events": events(planner, subject, spans),
        "window": room,
        "waiting": waiting(planner, subject, today, wait, needed, roots) if wait else None,
        "never": planner.fixed(today, changes),
    }
    change = would(planner, subject, today, changes) if changes is not None else None
    after, answer = following(today.verdict, as_of, time, needed, change)
    return {
        "schema": "eligo.plan/1",
        "subject": subject.id,
        "as_of": as_of.isoformat(),
        "horizon": (until - as_of).days,
        "protocol": decision["protocol"],
        "facts_digest": subject.digest,
        "software": decision["software"],
        "verdict": today.verdict,
        "determined_by": decision["determined_by"],
        "answer": answer,
        "next": after,
        "when": time,
        "collect": needed,
        "would": change,
    }
