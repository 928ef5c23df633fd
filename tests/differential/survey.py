"""Screen generated subjects, and count what they reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction

from engine import terms as m
from engine.record.shape import Why
from engine.reference import evaluator as reference
from engine.reference import measures
from engine.reference.entries import matches
from engine.terms.agents import standing
from engine.terms.units import conversion
from tests.generators import Case, Plain, Seeded, case, json_text, subject_in

Counts = Counter[str]
"""How often each thing was reached: `verdict eligible`, `at_least true`, `reason pending`..."""

REASONS: tuple[m.Reason, ...] = (
    *("not_recorded", "not_yet", "out_of_date", "undated", "conflicting", "imprecise"),
    *("history_not_confirmed", "not_attested", "no_limit", "no_date", "pending", "not_done"),
    "calendar",
)
LATER_REASONS: tuple[m.Reason, ...] = (
    "no_anchor",
    "planned",
    "too_few",
    "no_entry",
    "not_together",
    "no_divisor",
)
"""Those of what only rich packs say."""


def kind_of(node: m.Condition) -> str:
    """The operator of a test, or the word of a group."""
    if isinstance(node, m.LimitTest | m.UlnTest | m.AgoTest | m.DayTest):
        return node.op
    if isinstance(node, m.FactLimitTest):
        return "table" if node.against.endswith("_limits") else "fact"
    if isinstance(node, m.AnchorTest):
        return f"{node.op} {node.side}"
    return {
        m.LastingTest: "lasting",
        m.BetweenTest: "between",
        m.EverTest: "ever",
        m.BooleanTest: "boolean",
        m.ChoiceTest: "choice",
        m.Todo: "todo",
        m.All: "all",
        m.AtLeast: "at_least of",
        m.Any: "any",
        m.Not: "not",
        m.Defined: "defined",
    }[type(node)]


def derivation_of(fact: m.Fact) -> str:
    """What a fact is derived by; `where` is named with it."""
    derive = fact.derive
    if isinstance(derive, m.OfSeveral | m.OfValues):
        return f"{derive.way} of values" if isinstance(derive, m.OfValues) else derive.way
    word = {
        m.CompletedYears: "completed_years_since",
        m.Completed: "completed",
        m.Formula: "formula",
        m.DaysBetween: "days_between",
        m.ByTable: "table",
        m.WashedOut: "washed_out",
        m.LatestOf: "latest",
        m.EarliestOf: "earliest",
        m.Exists: "exists",
        m.Count: "count",
        m.Distinct: "distinct",
        m.Stable: "stable",
    }.get(type(derive), f"recorded {fact.type}")
    return f"{word} where" if getattr(derive, "where", ()) else word


def how(reading: m.Reading) -> str:
    if reading.low is None:
        return "unknown"
    return "point" if reading.low == reading.high else "interval"


def cause(leaf: m.Condition, readings: Mapping[str, m.Reading]) -> tuple[str, m.Reason]:
    """The fact that leaves a test unknown, and why, from SEMANTICS 7."""
    assert isinstance(leaf, m.Leaf)
    if isinstance(leaf, m.Todo):
        return "todo", "not_recorded"
    name, reading = leaf.fact, readings[leaf.fact]
    if isinstance(leaf, m.AnchorTest) and reading.low is not None:
        return held_against(leaf, reading, readings[leaf.anchor])
    if isinstance(leaf, m.FactLimitTest) and reading.low is not None:
        settled = reading.low == reading.high or readings[leaf.against].low is None
        name = leaf.against if settled else name
        reading = readings[name]
    why = reading.uln_reason if isinstance(leaf, m.UlnTest) else None
    # `>=x` at the very end of a range is a point, yet its ratio may have an open end.
    counted = isinstance(leaf, m.AgoTest | m.LastingTest)
    point: m.Reason = "calendar" if counted else "imprecise"
    return name, why or reading.reason or point


def held_against(leaf: m.AnchorTest, reading: m.Reading, anchor: m.Reading) -> tuple[str, m.Reason]:
    """Why two dates leave a test open, from SEMANTICS 7."""
    if reading.ahead == "unsure":
        return leaf.fact, "planned"
    if anchor.low is None or anchor.low == m.NEVER:
        return leaf.anchor, "no_anchor"
    if reading.ahead == "planned":
        return leaf.fact, "planned"
    going = "under_way" in (reading.ahead, anchor.ahead)
    return leaf.fact, reading.reason or anchor.reason or ("imprecise" if going else "calendar")


def screened(one: Case, recorded: Plain, as_of: date) -> Counts:
    """Screen a subject; the rules and the reference must agree on it, or this raises.

    `decide` compares them and raises an EngineFault where they differ. What the record adds,
    why an open criterion is open, is compared here.
    """
    subject = subject_in(recorded, one.protocol)
    decision = one.screener.decide(subject, as_of)
    readings = reference.readings(one.protocol, subject, as_of)
    truths = reference.truths(one.protocol, readings, as_of)
    conditions = one.conditions
    counts: Counts = Counter([f"verdict {decision['verdict']}", "subjects"])
    counts.update(entries_of(one, subject, as_of))
    counts.update(shared_ends(one, subject))
    for name, reading in readings.items():
        counts[f"{derivation_of(one.protocol.facts[name])} {how(reading)}"] += 1
    counts["tie at a limit"] += ties(one, subject)
    for path, node in conditions.items():
        counts[f"{kind_of(node)} {truths[path]}"] += 1
    for criterion in decision["criteria"]:
        expected = set()
        for why in leaves(criterion["why"]) if criterion["status"] == "open" else ():
            if why["truth"] == "unknown":
                fact, reason = cause(conditions[why["node"]], readings)
                expected.add((fact, reason))
                counts[f"reason {reason}"] += 1
        told = {(missing["fact"], missing["reason"]) for missing in criterion["missing"]}
        assert told <= expected, (criterion["id"], json_text(recorded))
        assert bool(told) == (criterion["status"] == "open")
    return counts


def ties(one: Case, subject: m.Subject) -> int:
    """Results that come to a limit, or not, by how half a millionth is rounded."""
    found = 0
    for name, statements in subject.facts.items():
        fact = one.protocol.facts[name]
        for said in statements:
            if isinstance(said.value, m.Amount) and said.value.unit != fact.unit:
                factor, offset = conversion(
                    said.value.unit, fact.unit, fact.molar_mass, fact.also_in
                )
                exact = said.value.amount_u * factor + offset * m.MILLION
                limits = one.targets.amounts.get(name, ())
                found += any(abs(exact - limit) == Fraction(1, 2) for limit in limits)
    return found


def entries_of(one: Case, subject: m.Subject, as_of: date) -> Iterator[str]:
    """How entries stand to what is known, whether they match, and codes that are blank."""
    for fact in one.protocol.facts.values():
        if isinstance(fact.derive, m.FromList):
            record = one.protocol.records[fact.derive.records]
            listed = subject.records.get(record.name)
            for entry in listed.entries if listed and fact.derive.where else ():
                if record.known and not entry.voided:
                    truth = matches(entry, fact.derive.where, record, as_of.toordinal())
                    yield f"{standing(entry, record)} {truth}"
                if any(isinstance(v, tuple) and "" in v for v in entry.values.values()):
                    yield "a blank among several codes"


def shared_ends(one: Case, subject: m.Subject) -> Iterator[str]:
    """Whether two statements of one day share one end, and not the other."""
    for name, statements in subject.facts.items():
        amounts = [
            (s.on, measures.interval(one.protocol.facts[name], s.value, 0))
            for s in statements
            if isinstance(s.value, m.Amount) and not s.voided
        ]
        for i, (day, (low, high)) in enumerate(amounts):
            for other, (bottom, top) in amounts[:i]:
                if day == other and (low == bottom) != (high == top):
                    yield "two of one day that share one end"


def leaves(why: Why) -> Iterable[Why]:
    if not why["children"]:
        yield why
    for child in why["children"]:
        yield from leaves(child)


def survey(seeds: Iterable[int], subjects: int) -> Counts:
    """Screen so many subjects with the pack of each seed, and add up."""
    total: Counts = Counter()
    for seed in seeds:
        one = case(seed)
        try:
            choices = Seeded(f"subjects of {seed}")
            for number in range(subjects):
                recorded, as_of = one.subject(choices)
                try:
                    total.update(screened(one, recorded, as_of))
                except Exception as error:
                    error.add_note(f"case({seed}), subject {number}, as of {as_of.isoformat()}")
                    error.add_note(json_text(recorded))
                    raise
        finally:
            one.close()
    return total
