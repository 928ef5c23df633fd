"""Findings about the classes of the scales of outcome rules."""

from __future__ import annotations

from fractions import Fraction

from engine import terms as m
from engine.read.source import Num
from engine.regions.asked import Plain
from engine.regions.diagrams import FALSE, UNKNOWN, TooLarge
from engine.regions.space import Space
from engine.terms.faults import EngineFault, InputRejected
from engine.workbench.findings import Finding
from engine.workbench.findings import asking as q


def classes(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """Classes that no entry can be given, and entries that fall into no class of a scale."""
    from engine.outcomes.entries import entry_answers, entry_file
    from engine.outcomes.patient import OutcomeScreener
    from engine.outcomes.screened import entry_pack

    protocol, outcomes = bench.protocol, bench.protocol.outcomes
    if outcomes is None:
        return known
    on = bench.ground.spaces[0].as_of
    with OutcomeScreener(protocol) as screener:
        for scale in outcomes.scales.values():
            pack = entry_pack(protocol, outcomes, scale.records)
            bench.effort.question()
            space = Space([pack], on, effort=bench.effort)
            yield from _given(bench, pack, scale, space)
            try:
                of = [space.diagram(m.Defined(f"{scale.name} {one.id}")) for one in scale.classes]
                goal = space.diagrams.is_(space.diagrams.any(of), FALSE)
            except TooLarge:
                goal = UNKNOWN
            tried = list(space.witnesses(goal, 20)) if goal > UNKNOWN else []
            made = [recorded for recorded, _ in tried if _recorded_in_steps(recorded, pack)]
            for recorded in made:
                bench.effort.screened(len(pack.criteria))
                try:
                    file = entry_file(recorded, protocol, scale.records, on)
                    said = entry_answers(file, protocol, scale.records, screener, on)
                except (InputRejected, EngineFault):
                    continue
                if {said[f"{scale.name} is {one.id}"] for one in scale.classes} == {"no"}:
                    what = f"`{scale.name}`: an entry may fall into none of the classes"
                    hint = f"grade the witness's entry of `{scale.records}` with `eligo outcomes`"
                    witness = q.shown(bench, file, on)
                    yield Finding("gap", scale.place, what, hint, "witnessed", (), witness)
                    break
            else:
                # Only between the steps that its numbers are recorded in, nothing is.
                if goal != FALSE and (made or len(tried) in (0, 20)):
                    words = f"whether the classes of `{scale.name}` leave a gap"
                    yield q.Question(protocol.criteria[0].place, words)
    return known


def _given(bench: q.Bench, pack: m.Protocol, scale: m.Scale, space: Space) -> q.Said[None]:
    """Whether some entry can be given each class: its statement holds, and none before it."""
    rules = {criterion.id: criterion.holds_when for criterion in pack.criteria}
    for of in scale.classes:
        ground = q.Ground([space], all_dates=False)
        if not q.may_hold(bench, rules[f"{scale.name} is {of.id}"], ground):
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
