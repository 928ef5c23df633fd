"""What a plan says to collect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from engine.plan import words
from engine.plan.collect import Collecting, collecting
from engine.plan.days import (
    day_with,
)
from engine.plan.loose import behind, is_loose
from engine.plan.planner import Planner, name_of
from engine.plan.record import (
    Collect,
    ToCollect,
    Told,
)
from engine.plan.roots import Root
from engine.plan.search import OPEN, Steps, World
from engine.record.shape import Decision, Missing
from engine.terms import Subject, Verdict


def collect(
    planner: Planner, subject: Subject, on: date, decision: Decision, steps: Steps
) -> tuple[Collect, list[Root]]:
    """What to collect, and the same as roots, the first to ask for first."""
    day = planner.day(subject, on)
    world, exact = planner.world(subject, day, steps)
    found = collecting(world, exact)
    _confirm_collecting(planner, world, found)
    missing: dict[str, Missing] = {}
    of: dict[str, dict[str, Missing]] = {}  # by the fact that a test looks at
    for criterion in decision["criteria"]:
        for item in criterion["missing"]:
            missing.setdefault(item["collect"], item)
            of.setdefault(item["fact"], {}).setdefault(item["collect"], item)

    def names(roots: Iterable[Root]) -> list[str]:
        """What a person records for some roots; for a test that stands as a fact, what it lacks."""
        plain = [name_of(root) for root in roots if not is_loose(root)]
        lacks = [n for fact in behind(planner.protocol, [*roots]) for n in of.get(fact, ())]
        return [*dict.fromkeys([*plain, *lacks])]

    chosen = set(found.matters) | (set(found.sets[0]) if found.sets else set())
    needed = sorted(
        chosen, key=lambda r: (r not in found.excludes, planner.effort(r), planner.place(r))
    )
    sets = sorted(
        ([*planner.sorted(one)] for one in found.sets),
        key=lambda one: (sum(planner.effort(r) for r in one), [planner.place(r) for r in one]),
    )
    unwritten = []
    if "undetermined" in found.possible:
        stuck = day_with(planner.protocol, world.readings(found.possible["undetermined"]), on)
        unwritten = [name for name, status in stuck.statuses.items() if status == "open"]
    collect: Collect = {
        "on": on.isoformat(),
        "verdict": day.verdict,
        "possible": sorted(found.possible),
        "agrees": found.agrees and day.verdict == "undetermined",
        "needed": [
            *(_item(planner, world, root, found, missing) for root in needed if not is_loose(root)),
            *(
                _lacked(decision, missing[name])
                for name in names(needed)
                if name not in {name_of(root) for root in needed}
            ),
        ],
        "sets": [names(one) for one in sets if one],
        "idle": [
            {"collect": name_of(root), "ask": words.ask_of(planner.protocol, root)}
            for root in planner.sorted(found.idle)
            if not is_loose(root)
        ],
        "unwritten": unwritten,
        "exact": found.exact,
    }
    return collect, needed


def _confirm_collecting(planner: Planner, world: World, found: Collecting) -> None:
    """Run a completion for every verdict that is called possible, and for every fact that
    is said to matter or to exclude, through the rules."""

    def run(held: Mapping[Root, int], verdict: Verdict) -> None:
        readings = world.readings(held)
        planner.confirm(day_with(planner.protocol, readings, world.on), verdict)

    for verdict, held in found.possible.items():
        run(held, verdict)
    for root, state in found.excludes.items():
        run({root: state}, "ineligible")
    if "undetermined" not in found.possible and found.exact:
        for held in found.matters.values():
            run(held, "undetermined")


def _lacked(decision: Decision, item: Missing) -> ToCollect:
    """What a test lacks that stands as a fact, as the decision says."""
    told: Told = {"reason": item["reason"], "detail": item["detail"]}
    if "found_in" in item:
        told["found_in"] = item["found_in"]
    criteria = [
        criterion["id"]
        for criterion in decision["criteria"]
        if any(other["collect"] == item["collect"] for other in criterion["missing"])
    ]
    ask = item["ask"]
    return {"collect": item["collect"], "ask": ask, **told, "excludes": False, "criteria": criteria}


def _item(
    planner: Planner, world: World, root: Root, found: Collecting, missing: Mapping[str, Missing]
) -> ToCollect:
    name = name_of(root)
    told: Told = {}
    why = missing.get(name)
    if why is not None:
        told["reason"] = why["reason"]
        told["detail"] = why["detail"]
    of = planner.of(root)
    if of.found_in:
        told["found_in"] = of.found_in
    if of.effort is not None:
        told["effort"] = of.effort
    if of.valid_for is not None:
        told["not_before"] = planner.covers(root, world.on).isoformat()
    open_leaves = {n for n in planner.shape.leaves_of[root] if world.initial[n] == OPEN}
    criteria = [
        criterion.id
        for number, criterion in enumerate(planner.protocol.criteria)
        if world.day.statuses[criterion.id] == "open"
        and open_leaves & planner.shape.leaves_in[number]
    ]
    return {
        "collect": name,
        "ask": words.ask_of(planner.protocol, root),
        **told,
        "excludes": root in found.excludes,
        "criteria": criteria,
    }
