"""What a plan says would have to change."""

from __future__ import annotations

from datetime import date

from engine.plan import words
from engine.plan.change import ChangeSet, Changing, with_ended
from engine.plan.days import (
    Day,
    day_of,
    day_with,
    kept_current,
)
from engine.plan.planner import Planner
from engine.plan.record import (
    Change,
    Part,
    Would,
)
from engine.plan.search import OPEN, Steps, World
from engine.record.wording import leaf_words
from engine.terms import Subject
from engine.terms.faults import EngineFault


def would(planner: Planner, subject: Subject, today: Day, changes: Changing) -> Would:
    """What would have to change for a subject who fails."""
    sets = [_change(planner, subject, today, one) for one in changes.sets]
    stays: list[str] = []
    if not sets and not changes.fixed and changes.exact:
        leaves = {leaf for n in planner.failed(today) for leaf in planner.shape.leaves_in[n]}
        facts = planner.protocol.facts
        stays = [leaf_words(planner.tests[n], facts) for n in sorted(leaves - {planner.shape.todo})]
    return {
        "sets": sets,
        "cannot": planner.fixed(today, changes),
        "stays": stays,
        "exact": changes.exact,
    }


def _change(planner: Planner, subject: Subject, today: Day, one: ChangeSet) -> Change:
    day = day_with(planner.protocol, one.readings, one.on)
    if day.verdict == "ineligible":
        raise EngineFault("a change that the plan names does not change the verdict")
    planner.confirm(day)
    parts: list[Part] = []
    for name in one.ended:
        ask = planner.protocol.records[name].ask
        says = f"the end of what is under way ({ask}), taken here as {today.on}"
        parts.append({"fact": name, "ask": ask, "changes": "by_treatment", "says": says})
    if one.on != today.on:
        ended = with_ended(subject, one.ended, today.on)
        parts += _wait_parts(planner, ended, today, one.on)
    for new in one.results:
        fact = planner.protocol.facts[new.root]
        value = words.parts_words(fact, planner.roots.tests.get(new.root, ()), new.parts)
        parts.append(
            {
                "fact": new.root,
                "ask": fact.ask,
                "changes": fact.changes or "by_retest",
                "says": f"{fact.ask}: {value}, in a new result",
            }
        )
    says = "; and ".join(part["says"] for part in parts)
    return {"on": one.on.isoformat(), "verdict": day.verdict, "parts": parts, "says": says}


def _wait_parts(planner: Planner, subject: Subject, today: Day, on: date) -> list[Part]:
    """What time changes until a day in the criteria that fail now."""
    lasting = kept_current(planner.protocol, today, subject)
    after = day_of(lasting, subject, on)
    leaves = {leaf for n in planner.failed(today) for leaf in planner.shape.leaves_in[n]}
    old, new = World(planner.shape, today, {}, Steps()), World(planner.shape, after, {}, Steps())
    more = words.days_text((on - today.on).days)
    parts: list[Part] = []
    for number in sorted(leaves - {planner.shape.todo}):
        if old.initial[number] != new.initial[number]:
            test = planner.tests[number]
            fact = planner.protocol.facts[test.fact]
            turn = "comes to hold" if new.initial[number] == 2 else "ceases to hold"
            if new.initial[number] == OPEN:
                turn = "is no longer decided"
            parts.append(
                {
                    "fact": fact.name,
                    "ask": fact.ask,
                    "changes": "with_time",
                    "says": f"{more} more, until {on} ({turn}:"
                    f" {leaf_words(test, planner.protocol.facts)})",
                }
            )
    return parts


def wait_of(changes: Changing | None, until: date) -> ChangeSet | None:
    """The wait that ends every failure: one inside the horizon, or the only way there is."""
    sets = changes.sets if changes is not None else ()
    wait = next((one for one in sets if not one.results and not one.ended), None)
    return wait if wait is not None and (wait.on <= until or len(sets) == 1) else None
