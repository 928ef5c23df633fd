"""Findings about ordered lists: gaps and overlaps of their steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations

from engine import terms as m
from engine.record.wording import amount_text, leaf_text
from engine.reference import evaluator as reference
from engine.regions.asked import leaves_of, subject_from
from engine.regions.bounds import Ladder, Step, ladders
from engine.regions.diagrams import FALSE, TRUE
from engine.terms.protocol import condition_paths
from engine.workbench.edits import users
from engine.workbench.findings import Finding
from engine.workbench.findings.inquiry import Ground, Inquiry, holds, inside
from engine.workbench.witness import Witness


def steps(asked: Inquiry, said: Sequence[Finding]) -> Iterator[Finding]:
    """Ordered lists whose steps leave a gap or overlap."""
    told = {one.path for one in said}
    for path, condition in condition_paths(asked.protocol).items():
        using = users(asked.protocol, path)
        if not using or using <= asked.unwritten or inside(path, told):
            continue
        for ladder in ladders(condition, asked.protocol.definitions, asked.protocol.facts):
            yield from _ladder(asked, path, ladder, tuple(sorted(using)))


def _ladder(asked: Inquiry, path: str, ladder: Ladder, ids: tuple[str, ...]) -> Iterator[Finding]:
    """Gaps and overlaps of an ordered list, unless some step is a part of another."""
    steps = ladder.steps
    question = f"{path}: whether the steps of `{ladder.fact.name}` leave a gap or overlap"
    if asked.effort.spent > asked.effort.limit:
        asked.doubt(question)
        return
    ground = asked.halved([ladder.between, ladder.for_some, *(s.whole for s in steps)])
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

    if not pairs or not asked.settle(ordered, False, question):
        return
    for one, other in pairs:
        if not (ladder.neighbours(one, other) or ladder.neighbours(other, one)):
            continue
        both = m.All((one.whole, other.whole))
        found = _seen(asked, both, f"{path}: whether steps overlap", ground)
        if found is not None:
            what = f"{path}: the steps `{_band(asked, one)}` and `{_band(asked, other)}` overlap"
            place = other.band.place
            yield Finding("step-overlap", place, what, "", "witnessed", ids, found)
    gaps = [ladder.between]
    if ladder.measures and ladder.fixed and asked.settle(for_everybody, False, question):
        gaps.append(ladder.for_some)
    for gap in gaps:
        found = _seen(asked, gap, f"{path}: whether there is a gap between steps", ground)
        if found is not None:
            what = f"{path}: {_at(asked, ladder, found)} falls between the steps of "
            what += f"`{ladder.fact.name}`, into none"
            hint = "let one begin where the other ends"
            place = steps[0].band.place
            yield Finding("gap", place, what, hint, "witnessed", ids, found)
            return


def _at(asked: Inquiry, ladder: Ladder, witness: Witness) -> str:
    """What a witness's value is, and for whom, where a list's steps differ in that."""
    protocol = asked.protocol
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


def _seen(asked: Inquiry, condition: m.Condition, what: str, ground: Ground) -> Witness | None:
    """A confirmed witness of a condition, if there is one."""
    found = asked.ask(holds(condition), [condition], what, definite=True, ground=ground)
    return found if isinstance(found, Witness) else None


def _band(asked: Inquiry, step: Step) -> str:
    """A step's band, in the words of the rule."""
    return " and ".join(leaf_text(leaf, asked.protocol.facts) for leaf in step.bounds)
