"""Findings about the classes of outcome rules' scales."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from engine import terms as m
from engine.read.source import Num
from engine.regions.asked import Plain
from engine.regions.diagrams import FALSE, UNKNOWN, TooLarge
from engine.regions.space import Space
from engine.terms.faults import EngineFault, InputRejected
from engine.workbench.findings import Finding
from engine.workbench.findings.inquiry import Ground, Inquiry


def classes(asked: Inquiry, _: Sequence[Finding]) -> Iterator[Finding]:
    """Entries that fall into no class of a scale of the outcome rules."""
    from engine.outcomes.entries import entry_answers, entry_file
    from engine.outcomes.patient import OutcomeScreener
    from engine.outcomes.screened import entry_pack

    outcomes = asked.protocol.outcomes
    if outcomes is None:
        return
    with OutcomeScreener(asked.protocol) as screener:
        for scale in outcomes.scales.values():
            pack = entry_pack(asked.protocol, outcomes, scale.records)
            asked.effort.question()
            space = Space([pack], asked.spaces[0].as_of, effort=asked.effort)
            for one in scale.classes:
                yield from _class_given(asked, pack, scale, one, space)
            classes = [m.Defined(f"{scale.name} {one.id}") for one in scale.classes]
            try:
                some = space.diagrams.any(space.diagram(one) for one in classes)
                goal = space.diagrams.is_(some, FALSE)
            except TooLarge:
                goal = UNKNOWN
            tried = list(space.witnesses(goal, 20)) if goal > UNKNOWN else []
            made = [recorded for recorded, _ in tried if _recorded_in_steps(recorded, pack)]
            for recorded in made:
                asked.effort.screened(len(pack.criteria))
                on = space.as_of
                try:
                    file = entry_file(recorded, asked.protocol, scale.records, on)
                    said = entry_answers(file, asked.protocol, scale.records, screener, on)
                except (InputRejected, EngineFault):
                    continue
                of = [said[f"{scale.name} is {one.id}"] for one in scale.classes]
                if set(of) == {"no"}:
                    witness = asked.confirmed(file, on)
                    what = f"`{scale.name}`: an entry may fall into none of the classes"
                    hint = f"grade the witness's entry of `{scale.records}` with `eligo outcomes`"
                    yield Finding("gap", scale.place, what, hint, "witnessed", (), witness)
                    break
            else:
                # Only between the steps that its numbers are recorded in, nothing is.
                if goal != FALSE and (made or len(tried) in (0, 20)):
                    asked.doubt(f"whether the classes of `{scale.name}` leave a gap")


def _class_given(
    asked: Inquiry, pack: m.Protocol, scale: m.Scale, of: m.ScaleClass, space: Space
) -> Iterator[Finding]:
    """Whether some entry can be given a class: its statement holds, and none before it."""
    criterion = next(c for c in pack.criteria if c.id == f"{scale.name} is {of.id}")
    if not asked.may_hold(criterion.holds_when, Ground([space], all_dates=False)):
        what = f"no entry of `{scale.records}` can be of the class `{of.id}` of `{scale.name}`"
        hint = "its condition never holds, or a class before it takes every such entry"
        yield Finding("never-passed", of.place, what, hint, "proved")


def _recorded_in_steps(recorded: Plain, pack: m.Protocol) -> bool:
    """Whether every number recorded is one that its fact's `resolution` allows."""
    for name, said in recorded["facts"].items():
        step = pack.facts[name].resolution_u
        value = said.get("value")
        if step and isinstance(value, Num) and Fraction(str(value)) * m.MILLION % step:
            return False
    return True
