"""The entries of a list screened as small packs: their classes and the events they show, proved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from engine import terms as m
from engine.decide.decision import Screener
from engine.outcomes.clock import PARTS, months_parts
from engine.outcomes.record import (
    Conclusion,
    EntryOutcome,
    Graded,
    Proof,
)
from engine.read.exclusive import leaves_of
from engine.read.outcomes import conditions_of
from engine.record.shape import Decision
from engine.terms.dictionary import facts_behind
from engine.terms.faults import EngineFault


def small_pack(
    protocol: m.Protocol,
    facts: Mapping[str, m.Fact],
    definitions: Mapping[str, m.Condition],
    criteria: Sequence[m.Criterion],
) -> m.Protocol:
    lists = {d.records for f in facts.values() if (d := f.derive) and hasattr(d, "records")}
    return replace(
        protocol,
        facts=facts,
        records={name: protocol.records[name] for name in protocol.records if name in lists},
        definitions=definitions,
        criteria=tuple(criteria),
        outcomes=None,
    )


def entry_pack(protocol: m.Protocol, outcomes: m.Outcomes, records: str) -> m.Protocol:
    """The pack that one entry of a list is screened by.

    Criterion `SCALE is CLASS`: the class's statement holds, and that of no earlier class; an
    unknown earlier statement leaves it unknown. Criterion `EVENT shown`: the event's condition.
    """
    scope = outcomes.scopes[records]
    definitions = dict(scope.definitions)
    criteria = []
    for scale in outcomes.scales.values():
        if scale.records != records:
            continue
        earlier: list[m.Condition] = []
        for one in scale.classes:
            stated = m.Defined(f"{scale.name} {one.id}")
            definitions[stated.name] = one.holds_when
            whole: m.Condition = m.All((*earlier, stated)) if earlier else stated
            words = one.words
            criteria.append(
                m.Criterion(
                    _class_criterion(scale, one.id),
                    "inclusion",
                    words.text or words.label,
                    whole,
                    words.interpretation,
                    words.basis,
                    words.source,
                    one.place,
                    "class",
                )
            )
            earlier.append(m.Not(stated))
    if records == outcomes.scales[outcomes.response.scale].records:
        for event in outcomes.events.values():
            if event.after_remission is not None:
                words = event.words
                criteria.append(
                    m.Criterion(
                        event_criterion(event),
                        "inclusion",
                        words.text or words.label,
                        event.after_remission,
                        words.interpretation,
                        words.basis,
                        words.source,
                        event.place,
                        "event",
                    )
                )
    leaves = [
        leaf
        for condition in conditions_of(outcomes, records)
        for leaf in leaves_of(scope, condition)
    ]
    needed = facts_behind(scope.facts, leaves)
    facts = {name: scope.facts[name] for name in needed}
    return small_pack(protocol, facts, definitions, criteria)


def _class_criterion(scale: m.Scale, class_: str) -> str:
    return f"{scale.name} is {class_}"


def event_criterion(event: m.Event) -> str:
    return f"{event.id} shown"


def death_criterion(toxicity: m.Toxicity) -> str:
    return f"{toxicity.id} was fatal"


class EntryScreener:
    """Screens the entries of one record list."""

    def __init__(self, protocol: m.Protocol, outcomes: m.Outcomes, records: str) -> None:
        self.scope: m.ListScope = outcomes.scopes[records]
        self.pack = entry_pack(protocol, outcomes, records)
        self.fields = [name for name in self.scope.fields if name in self.pack.facts]
        self.scales = [s for s in outcomes.scales.values() if s.records == records]
        self.later = {_class_criterion(s, one.id) for s in self.scales for one in s.classes[1:]}
        criteria = {criterion.id for criterion in self.pack.criteria}
        self.events = [e for e in outcomes.events.values() if event_criterion(e) in criteria]
        self.screener = Screener(self.pack)

    def screen(
        self, subject: m.Subject, entry: m.Entry, on: date, start: date
    ) -> tuple[EntryOutcome, Proof]:
        facts = {n: s for n, s in subject.facts.items() if n in self.pack.facts}
        for name in self.fields:
            value = entry.values.get(name)
            if value is not None and not isinstance(value, tuple):
                where = f"{entry.entry}.{name}"
                facts[name] = (
                    m.Statement(
                        where,
                        value,
                        on=on,
                        source=entry.source,
                        by=entry.by,
                        note=entry.note,
                    ),
                )
        records = {n: r for n, r in subject.records.items() if n in self.pack.records}
        decision = self.screener.decide(m.Subject(subject.id, facts, records), on)
        answers: dict[str, m.Answer] = {c["id"]: c["answer"] for c in decision["criteria"]}
        outcome: EntryOutcome = {
            "entry": entry.entry,
            "on": on.isoformat(),
            "day": (on - start).days,
            "months": months_between(start, on),
            "grades": [graded(scale, answers) for scale in self.scales],
            "shows": {event.id: answers[event_criterion(event)] for event in self.events},
        }
        return outcome, proof_of(entry.entry, on, decision, self.later)


def proof_of(entry: str, as_of: date, decision: Decision, later: Collection[str] = ()) -> Proof:
    """The proof of the classes and events of an entry, by the decision on its small pack.

    In the statements `later`, the trees of earlier classes are left out: those stand under
    their own.
    """
    conclusions: list[Conclusion] = []
    for one in decision["criteria"]:
        if one["id"] in later:
            for earlier in one["why"]["children"][:-1]:
                earlier["children"][0]["children"] = []
        conclusions.append(
            {
                "id": one["id"],
                "text": one["text"],
                "interpretation": one["interpretation"],
                "basis": one["basis"],
                "answer": one["answer"],
                "why": one["why"],
                "missing": one["missing"],
            }
        )
    return {
        "entry": entry,
        "as_of": as_of.isoformat(),
        "conclusions": conclusions,
        "firings": decision["firings"],
    }


def graded(scale: m.Scale, answers: Mapping[str, m.Answer]) -> Graded:
    said = {one.id: answers[_class_criterion(scale, one.id)] for one in scale.classes}
    sure = [id_ for id_, answer in said.items() if answer == "yes"]
    if len(sure) > 1:
        raise EngineFault(f"an entry is of two classes of `{scale.name}`")
    possible = sure or [id_ for id_, answer in said.items() if answer == "unknown"]
    return {"scale": scale.name, "value": sure[0] if sure else None, "possible": possible}


def months_between(start: date, day: date) -> float:
    return round(months_parts(start, day) / PARTS, 6)
