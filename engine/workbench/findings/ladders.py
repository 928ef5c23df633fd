"""Findings about ordered lists: gaps and overlaps of their steps."""

from __future__ import annotations

from datetime import date
from itertools import combinations

from engine import terms as m
from engine.record.wording import amount_text, leaf_text
from engine.reference import evaluator as reference
from engine.regions.asked import leaves_of, subject_from
from engine.regions.bounds import Ladder, Step, ladders
from engine.regions.diagrams import FALSE, TRUE
from engine.workbench.edits import users
from engine.workbench.findings import Finding
from engine.workbench.findings import asking as q
from engine.workbench.findings.conditions import is_told
from engine.workbench.witness import Witness


def ordered_lists(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """Gaps between the steps of an ordered list, and values that two of them take."""
    definitions, facts = bench.protocol.definitions, bench.protocol.facts
    for path, condition in bench.paths.items():
        using = users(bench.protocol, path)
        if using and not using <= known.unwritten and not is_told(path, known.told):
            for ladder in ladders(condition, definitions, facts):
                yield from _ladder(bench, path, ladder, tuple(sorted(using)))
    return known


def _ladder(bench: q.Bench, path: str, ladder: Ladder, ids: tuple[str, ...]) -> q.Said[None]:
    """Gaps and overlaps of an ordered list, unless some step is a part of another."""
    steps, name = ladder.steps, ladder.fact.name
    question = bench.about(path, f"whether the steps of `{name}` leave a gap or overlap")
    if bench.spent:
        yield question
        return
    ground = q.halved(bench, [ladder.between, ladder.for_some, *(s.whole for s in steps)])
    pairs = [
        (one, other)
        for one, other in combinations(steps, 2)
        if frozenset(one.bounds) != frozenset(other.bounds)
    ]
    first = ground.spaces[0]

    def some(*wanted: tuple[m.Condition, int]) -> bool:
        goal = (first.diagrams.is_(first.diagram(one), truth) for one, truth in wanted)
        return first.diagrams.all(goal) != FALSE

    def ordered() -> bool:
        return all(
            not some((one.guard, TRUE), (other.guard, TRUE))
            or (
                some((one.band, TRUE), (other.band, FALSE))
                and some((one.band, FALSE), (other.band, TRUE))
            )
            for one, other in pairs
        )

    def for_everybody() -> bool:
        """Whether there is a step for everybody, so that all are meant to be."""
        return any(
            not some((m.Any(tuple(step.guard for step in alike)), FALSE))
            for alike in ladder.alike()
        )

    if not pairs or not (yield from q.settled(bench, ordered, False, question)):
        return
    asked = bench.about(path, "whether steps overlap")
    for one, other in pairs:
        if ladder.neighbours(one, other) or ladder.neighbours(other, one):
            both = m.All((one.whole, other.whole))
            found = yield from q.ask(bench, q.holds(both), [both], asked, ground=ground)
            if found is not None:
                bands = [_band(step, bench.protocol) for step in (one, other)]
                what = f"{path}: the steps `{bands[0]}` and `{bands[1]}` overlap"
                place = other.band.place
                yield Finding("step-overlap", place, what, "", "witnessed", ids, found)
    gaps = [ladder.between]
    table = ladder.measures and ladder.fixed
    if table and (yield from q.settled(bench, for_everybody, False, question)):
        gaps.append(ladder.for_some)
    asked = bench.about(path, "whether there is a gap between steps")
    for gap in gaps:
        found = yield from q.ask(bench, q.holds(gap), [gap], asked, ground=ground)
        if found is not None:
            at = _at(ladder, found, bench.protocol)
            what = f"{path}: {at} falls between the steps of `{name}`, into none"
            hint = "let one begin where the other ends"
            yield Finding("gap", steps[0].band.place, what, hint, "witnessed", ids, found)
            return


def _band(step: Step, protocol: m.Protocol) -> str:
    """A step's band, in the words of the rule."""
    return " and ".join(leaf_text(leaf, protocol.facts) for leaf in step.bounds)


def _at(ladder: Ladder, witness: Witness, protocol: m.Protocol) -> str:
    """What a witness's value is, and for whom, where a list's steps differ in that."""
    subject = subject_from(witness.recorded, protocol, witness.as_of)
    found = reference.readings(protocol, subject, witness.as_of)
    reading, fact = found[ladder.fact.name], ladder.fact
    words = f"`{fact.name}`"
    if reading.low == m.NEVER and fact.type == "date":
        words = "no day at all"
    elif reading.low is not None and fact.type == "date":
        words = f"{(witness.as_of - date.fromordinal(reading.low)).days} days ago"
    elif ladder.ratio and reading.times_uln is not None and reading.times_uln.low is not None:
        words = f"{float(reading.times_uln.low):.6g} times the upper limit of normal"
    elif reading.low is not None:
        words = amount_text(reading.low, fact.unit)
    whom = dict.fromkeys(
        leaf.fact
        for step in ladder.steps
        for leaf in leaves_of(step.guard, {})
        if isinstance(leaf, m.ChoiceTest)
    )
    codes = [
        protocol.facts[name].choices[low].code
        for name in whom
        if (low := found[name].low) is not None
    ]
    return f"{words} ({', '.join(codes)})" if codes else words
