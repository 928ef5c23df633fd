"""How an open fact may come out: one representative for each region of its axis.

The limits that the rules name cut a fact's axis into regions; within a region no test can
tell one value from another, so one representative stands for all of it. What is recorded
together moves together: an age comes out with its birth date, and all that is derived from a
record list comes out with the list. Such a *root* is what a person would record.

A *completion* of a root is a point inside the readings it has now: any value where nothing
is known, any day of a partial date, a list with every open entry settled and, where the list
is not confirmed, with any entries added. A new result brings its upper limit of normal along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from engine import terms as m
from engine.plan.axes import days_of, ends_or, quantity
from engine.plan.lists import MOST_STATES, of_list
from engine.plan.roots import Part, Root, Roots, State, Truth3, Ways, with_derived


def ways(
    roots: Roots,
    root: Root,
    subject: m.Subject,
    now: Mapping[str, m.Reading] | None,
    on: date,
) -> Ways:
    """Every way in which a root may come out on a day, merged where no test can tell.

    With `now`, what it may be given these readings; without, whatever a new statement may say.
    """
    if root.startswith("records."):
        states, exact = of_list(roots, root.removeprefix("records."), subject, now or {}, on)
        return Ways(tuple(states)[:MOST_STATES], exact)
    reading = now[root] if now is not None else None
    if roots.protocol.facts[root].type == "date" or (reading and reading.low is not None):
        return _of_fact(roots, root, reading, now, on)
    if root not in roots.whole:
        roots.whole[root] = _of_fact(roots, root, None, None, on)
    return roots.whole[root]


def _of_fact(
    roots: Roots,
    root: Root,
    reading: m.Reading | None,
    now: Mapping[str, m.Reading] | None,
    on: date,
) -> Ways:
    today = on.toordinal()
    exact = True
    found: Iterable[State]
    fact = roots.protocol.facts[root]
    names = roots.alone(root)
    if fact.type == "date":
        days, exact = days_of(roots, root, reading, now, on)
        found = [
            State(
                with_derived(roots, names, {root: m.Reading(root, n, n, None)}, today),
                (Part(n, n),),
            )
            for n in days
        ]
    elif fact.type == "quantity":
        found = quantity(roots, fact, reading)
    else:
        size = len(fact.choices) if fact.type == "choice" else 2
        low, high = ends_or(reading, 0, size - 1)
        found = [
            State({root: m.Reading(root, n, n, None)}, (Part(n, n),)) for n in range(low, high + 1)
        ]
    if root in roots.linked:
        return Ways(tuple(found), exact)
    merged: dict[tuple[Truth3, ...], State] = {}
    for state in found:
        key = roots.vector(state.readings, names, today)
        known = merged.get(key)
        merged[key] = replace(known, parts=known.parts + state.parts) if known else state
    return Ways(tuple(merged.values()), exact)
