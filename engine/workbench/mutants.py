"""Mutants: a pack with one mistake that an author could make, and whether the cases notice.

A mutant that no case notices either means the same as the pack (it is *equivalent*, proved
over all regions of what can be recorded) or *survives*; then a subject on which the two come
out differently is found, and written as a case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Literal

from engine import terms as m
from engine.decide.decision import Screener, only_needed
from engine.record.wording import counted, leaf_text
from engine.reference import evaluator as reference
from engine.regions.asked import Plain, inlined, leaves_of, pack_leaves, subject_from
from engine.regions.days import as_of_dates
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN, TooLarge
from engine.regions.space import Space, spaces
from engine.terms.faults import EngineFault, InputRejected
from engine.terms.protocol import condition_paths
from engine.terms.units import UnitError, conversion
from engine.workbench.cases import Case
from engine.workbench.edits import only_reached, replaced, users
from engine.workbench.witness import Witness, confirmed

Kind = Literal[
    "limit",
    "boundary",
    "unit",
    "window",
    "group",
    "negation",
    "dropped-condition",
    "dropped-criterion",
    "unknown-as-met",
    "kind",
    "reference-date",
    "record-field",
]
Fate = Literal["killed", "survived", "equivalent", "undecided"]

SWAPPED: Mapping[m.QuantityOp, m.QuantityOp] = {
    "at_least": "above",
    "above": "at_least",
    "at_most": "below",
    "below": "at_most",
}
SWAPPED_ULN: Mapping[m.UlnOp, m.UlnOp] = {
    "at_least_uln": "above_uln",
    "above_uln": "at_least_uln",
    "at_most_uln": "below_uln",
    "below_uln": "at_most_uln",
}
SWAPPED_AGO: Mapping[m.AgoOp, m.AgoOp] = {
    "at_least_ago": "more_than_ago",
    "more_than_ago": "at_least_ago",
    "within_last": "less_than_ago",
    "less_than_ago": "within_last",
}
"""The boundary word that is easily taken for another."""

WITHOUT_ULN: Mapping[m.UlnOp, m.QuantityOp] = {
    "at_least_uln": "at_least",
    "above_uln": "above",
    "at_most_uln": "at_most",
    "below_uln": "below",
}

_CONFUSED = """
mg/dL: umol/L mmol/L g/L mg/L     mg/L: mg/dL ug/L           mg/mL: mg/dL g/mL
g/dL: g/L mg/dL                   g/L: g/dL mg/dL            g/mL: mg/mL g/L
ug/dL: ug/L nmol/L mg/dL          ug/L: ug/dL mg/L           ug/mL: ng/mL mg/dL
ng/dL: ng/mL nmol/L pmol/L        ng/L: ng/dL ng/mL          ng/mL: ng/dL ug/mL
pg/mL: ng/mL pmol/L pg/dL         pg/dL: pg/mL ng/dL         nmol/L: ng/mL umol/L pmol/L
umol/L: mg/dL mmol/L              mmol/L: mg/dL umol/L       pmol/L: ng/dL nmol/L
mol/L: mmol/L umol/L              meq/L: eq/L meq/dL         mmol/mol: mol/mol
mg/g: mg/mmol ug/g                mg/mmol: mg/g g/mmol       mosm/kg: osm/kg
U/L: ukat/L U/mL                  U/mL: U/L                  ukat/L: U/L nkat/L
[IU]/L: [IU]/mL m[IU]/L           [IU]/mL: [IU]/L m[IU]/mL   m[IU]/L: m[IU]/mL [IU]/L
m[IU]/mL: m[IU]/L [IU]/mL         u[IU]/mL: u[IU]/L m[IU]/mL
/uL: 10*9/L /mL                   /mL: /uL /L                /L: /mL /uL
10*9/L: /uL 10*12/L               10*12/L: 10*9/L 10*3/uL    10*6/L: 10*9/L /mL
10*3/uL: /uL 10*6/uL              10*6/uL: 10*3/uL /uL
10*6/kg: 10*5/kg 10*8/kg          10*5/kg: 10*6/kg 10*8/kg   10*8/kg: 10*6/kg 10*5/kg
mm[Hg]: kPa cm[H2O]               kPa: mm[Hg] cm[H2O]        cm[H2O]: mm[Hg] kPa
Cel: [degF] K                     [degF]: Cel                K: Cel
mL/min: mL/s L/h                  L/min: mL/min L/h          mL/s: mL/min
mL/h: mL/min L/h                  L/h: mL/min mL/h           mL/d: L/d mL/h
mL/min/{1.73_m2}: mL/s/{1.73_m2}  mL/s/{1.73_m2}: mL/min/{1.73_m2}
mg: ug g                          ug: mg ng                  ng: ug pg
g: mg kg                          kg: [lb_av] g              [lb_av]: kg [oz_av]
mg/kg: ug/kg g/kg                 ug/kg: mg/kg ng/kg         mg/m2: ug/m2 g/m2
mg/kg/d: ug/kg/d mg/kg/h          mg/m2/d: ug/m2/d mg/m2/h   mg/d: g/d ug/d
g/d: mg/d                         kg/m2: [lb_av]/[in_i]2     /min: /s /h
cm: [in_i] m                      m: cm [ft_i]               mm: cm m
[in_i]: cm [ft_i]                 m2: cm2                    mm/h: cm/h
L: mL dL                          mL: L uL                   dL: L mL
Gy: cGy mGy                       cGy: Gy                    mGy: Gy
ms: s                             s: ms min                  min: h s
h: min d                          d: wk mo                   wk: d mo
mo: a wk                          a: mo wk                   %: 1
"""
CONFUSED: Mapping[str, tuple[str, ...]] = {
    unit: tuple(others.split())
    for unit, others in re.findall(r"(\S+):((?: [^ :\n]+)+)(?=\s|$)", _CONFUSED)
}
"""For a unit, those that its limits are mistaken for, the likeliest first."""

MOST_UNITS = 2
"""How many of them a limit is read in."""

_NOTE = re.compile(r"\{(?![0-9])[^}]*\}")
_PREFIXES = ("k", "", "m", "u", "n", "p", "f")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A pack with one mistake. `criteria`: those it may change; `lenient`: the one whose
    unknown it takes as met ("" for the others)."""

    kind: Kind
    words: str
    place: m.Span
    protocol: m.Protocol
    criteria: frozenset[str]
    lenient: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant and what became of it. `by` names the case that noticed it; a survivor has a
    witness, and the answers of `criterion` under the pack and under the mutant."""

    mutant: Mutant
    fate: Fate
    by: str = ""
    witness: Witness | None = None
    criterion: str = ""
    answer: m.Answer | None = None
    mistaken: str = ""


BY_VERDICT = frozenset[Kind](("dropped-criterion", "kind"))
"""Mistakes that only a verdict shows: the answer is gone, or stays what it was."""


def mutants(protocol: m.Protocol) -> list[Mutant]:
    """Every mutant of a pack, in its order; no two of them are the same pack."""
    found: dict[tuple[object, ...], Mutant] = {}
    for one in _all(protocol):
        found.setdefault(_meaning(protocol, one.protocol, one.lenient), one)
    found.pop(_meaning(protocol, protocol, ""), None)
    return list(found.values())


def _meaning(protocol: m.Protocol, edited: m.Protocol, lenient: str) -> tuple[object, ...]:
    """What makes two mutants one: the same is changed, and into the same."""
    before: list[Mapping[str, object]] = [
        protocol.definitions, {c.id: c for c in protocol.criteria}, protocol.facts,
    ]  # fmt: skip
    after: list[Mapping[str, object]] = [
        edited.definitions, {c.id: c for c in edited.criteria}, edited.facts,
    ]  # fmt: skip
    changed = [
        (part, name, getattr(now.get(name), "derive", now.get(name)))
        for part, (old, now) in enumerate(zip(before, after, strict=True))
        for name, one in old.items()
        if now.get(name) is not one and now.get(name) != one
    ]
    return (*changed, lenient)


def _all(protocol: m.Protocol) -> Iterator[Mutant]:
    tests = (leaf for leaf in pack_leaves(protocol) if not isinstance(leaf, m.Todo))
    asked = frozenset(leaf.fact for leaf in tests)
    for path, condition in condition_paths(protocol).items():
        using = users(protocol, path)
        if not using or not _asks(condition, protocol):
            continue
        for kind, words, other in _edited(protocol, condition, asked):
            place = condition.place
            yield Mutant(kind, f"{path}: {words}", place, replaced(protocol, path, other), using)
        if isinstance(condition, m.All | m.Any) and len(condition.children) > 1:
            for i, child in enumerate(condition.children, start=1):
                if not _asks(child, protocol):
                    continue
                words = f"{path}: without `{_words(child, protocol)}`"
                other_pack = replaced(protocol, f"{path}.{i}", None)
                yield Mutant("dropped-condition", words, child.place, other_pack, using)
    for number, criterion in enumerate(protocol.criteria):
        if not _asks(criterion.holds_when, protocol):
            continue
        rest = (*protocol.criteria[:number], *protocol.criteria[number + 1 :])
        mine = frozenset([criterion.id])
        if rest:
            without = replace(protocol, criteria=rest)
            words = f"without {criterion.id}"
            yield Mutant("dropped-criterion", words, criterion.place, without, mine)
        words = f"{criterion.id}: unknown taken as met"
        yield Mutant("unknown-as-met", words, criterion.place, protocol, mine, criterion.id)
        other_kind: m.Kind = "exclusion" if criterion.kind == "inclusion" else "inclusion"
        changed = replace(criterion, kind=other_kind)
        swapped = (*protocol.criteria[:number], changed, *protocol.criteria[number + 1 :])
        words = f"{criterion.id}: taken as {other_kind}"
        yield Mutant("kind", words, criterion.place, replace(protocol, criteria=swapped), mine)
    yield from _dictionary(protocol)


def _asks(condition: m.Condition, protocol: m.Protocol) -> bool:
    """Whether a condition tests anything, and is not still `todo` throughout."""
    leaves = leaves_of(condition, protocol.definitions)
    return any(not isinstance(leaf, m.Todo) for leaf in leaves)


def _words(condition: m.Condition, protocol: m.Protocol) -> str:
    if isinstance(condition, m.Defined):
        return f"defined {condition.name}"
    if isinstance(condition, m.All | m.Any | m.Not):
        return {m.All: "all", m.Any: "any", m.Not: "not"}[type(condition)] + " ..."
    return leaf_text(condition, protocol.facts)


def _edited(
    protocol: m.Protocol, condition: m.Condition, asked: frozenset[str]
) -> Iterator[tuple[Kind, str, m.Condition]]:
    """One condition with one mistake in it. `asked`: the facts that the pack tests."""
    if isinstance(condition, m.All | m.Any):
        if len(condition.children) > 1:
            other: m.Condition
            if isinstance(condition, m.All):
                other = m.Any(condition.children, condition.place)
            else:
                other = m.All(condition.children, condition.place)
            words = "`all` read as `any`" if isinstance(condition, m.All) else "`any` read as `all`"
            yield "group", words, other
        return
    if isinstance(condition, m.Not):
        yield "negation", "without its `not`", condition.child
        return
    if isinstance(condition, m.Defined | m.Todo):
        return
    fact = protocol.facts[condition.fact]
    for kind, leaf in _leaf_edits(protocol, condition, fact, asked):
        before, after = leaf_text(condition, protocol.facts), _text(leaf, protocol)
        yield kind, f"`{before}` read as `{after}`", leaf


def _text(condition: m.Condition, protocol: m.Protocol) -> str:
    if isinstance(condition, m.Not):
        return f"not {_text(condition.child, protocol)}"
    if isinstance(condition, m.All):
        return " and ".join(_text(child, protocol) for child in condition.children)
    return _words(condition, protocol)


def _leaf_edits(
    protocol: m.Protocol, leaf: m.Test, fact: m.Fact, tested: frozenset[str]
) -> Iterator[tuple[Kind, m.Condition]]:
    yield "negation", m.Not(leaf, leaf.place)
    if isinstance(leaf, m.LimitTest):
        step = _step(fact, leaf.limit_u)
        for limit in (leaf.limit_u + step, leaf.limit_u - step):
            yield "limit", replace(leaf, limit_u=limit)
        yield "boundary", replace(leaf, op=SWAPPED[leaf.op])
        for (limit,) in _in_other_units(fact, leaf.limit_u):
            yield "unit", replace(leaf, limit_u=limit)
    elif isinstance(leaf, m.BetweenTest):
        for end in ("low_u", "high_u"):
            limit = getattr(leaf, end)
            step = _step(fact, limit)
            for moved in (limit + step, limit - step):
                changed = replace(leaf, **{end: moved})
                if changed.low_u <= changed.high_u:
                    yield "limit", changed
        low = m.LimitTest(leaf.fact, "above", leaf.low_u, leaf.place)
        high = m.LimitTest(leaf.fact, "at_most", leaf.high_u, leaf.place)
        yield "boundary", m.All((low, high), leaf.place)
        low = replace(low, op="at_least")
        high = replace(high, op="below")
        yield "boundary", m.All((low, high), leaf.place)
        for low_u, high_u in _in_other_units(fact, leaf.low_u, leaf.high_u):
            yield "unit", replace(leaf, low_u=low_u, high_u=high_u)
    elif isinstance(leaf, m.UlnTest):
        step = m.MILLION // 10
        for times in (leaf.times_u + step, leaf.times_u - step):
            if times > 0:
                yield "limit", replace(leaf, times_u=times)
        yield "boundary", replace(leaf, op=SWAPPED_ULN[leaf.op])
        # The number read in the fact's own unit, not as a multiple of a limit.
        plain = WITHOUT_ULN[leaf.op]
        yield "unit", m.LimitTest(leaf.fact, plain, leaf.times_u, leaf.place)
    elif isinstance(leaf, m.AgoTest):
        for moved_by in (1, -1):
            moved = _moved(leaf.duration, moved_by)
            if moved is not None and (leaf.op != "less_than_ago" or moved.days or moved.months):
                yield "window", replace(leaf, duration=moved)
        if leaf.duration.days or leaf.duration.months:
            yield "boundary", replace(leaf, op=SWAPPED_AGO[leaf.op])
        other_unit = _other_unit(leaf.duration)
        if other_unit is not None:
            yield "unit", replace(leaf, duration=other_unit)
        dates = [f for f in protocol.facts.values() if f.type == "date"]
        asked = [f.name for f in dates if f.name in tested]
        # One that no criterion asks about is taken where there is no other.
        known = asked if len(asked) > 1 else [f.name for f in dates]
        if len(known) > 1:
            other = known[(known.index(leaf.fact) + 1) % len(known)]
            yield "reference-date", replace(leaf, fact=other)
    elif isinstance(leaf, m.DayTest):
        for days in (1, -1):
            yield "window", replace(leaf, day=date.fromordinal(leaf.day.toordinal() + days))
    elif isinstance(leaf, m.ChoiceTest) and len(leaf.codes) > 1:
        for code in leaf.codes:
            codes = tuple(c for c in leaf.codes if c != code)
            yield "dropped-condition", replace(leaf, codes=codes)


def _step(fact: m.Fact, limit: int) -> int:
    """One step of a limit: the fact's resolution, a whole unit where it is counted in
    whole ones, else the last decimal place that the limit is written with."""
    if isinstance(fact.derive, m.CompletedYears | m.DaysBetween | m.Count):
        return m.MILLION
    if fact.resolution_u:
        return fact.resolution_u
    step = m.MILLION
    while step > 1 and limit % step:
        step //= 10
    return step


def _whole(fact: m.Fact, limit: int) -> bool:
    counted = isinstance(fact.derive, m.CompletedYears | m.DaysBetween | m.Count)
    return not counted or limit % m.MILLION == 0


def _in_other_units(fact: m.Fact, *limits: int) -> list[tuple[int, ...]]:
    """What limits come to if they were meant in a unit that is easily confused with the fact's,
    or where they cannot be so, if they were turned into that unit and the fact's is kept."""
    found: list[tuple[int, ...]] = []
    for both_ways in _conversions(fact.unit, fact.molar_mass):
        for factor, offset in both_ways:
            moved = tuple(round(limit * factor + offset * m.MILLION) for limit in limits)
            if (
                moved not in (limits, *found)
                and all(abs(one) <= m.LARGEST and _whole(fact, one) for one in moved)
                # What rounds to nothing is no limit that anybody would write.
                and all(one or not before for one, before in zip(moved, limits, strict=True))
            ):
                found.append(moved)
                break
        if len(found) == MOST_UNITS:
            break
    return found


@cache
def _conversions(
    unit: str, molar_mass: Decimal | None
) -> tuple[tuple[tuple[Fraction, Fraction], ...], ...]:
    """For units easily confused with a fact's: how a number of theirs, and a number meant for
    them, is turned into the fact's."""
    found = []
    for other in CONFUSED.get(unit) or CONFUSED.get(_NOTE.sub("", unit)) or _thousandfold(unit):
        try:
            both = (conversion(other, unit, molar_mass), conversion(unit, other, molar_mass))
        except UnitError:
            continue
        found.append(both)
    return tuple(found)


def _thousandfold(unit: str) -> Iterator[str]:
    """What a unit that is not listed may be confused with: it with the next metric prefix.
    Some of these are no units."""
    if unit[:1] in _PREFIXES and (unit[1:2].isalpha() or unit[1:2] == "["):
        at = _PREFIXES.index(unit[0])
        near = (*_PREFIXES[max(at - 1, 0) : at], *_PREFIXES[at + 1 : at + 2])
        yield from (prefix + unit[1:] for prefix in near)
    if unit[:1].isalpha() or unit[:1] == "[":
        yield from (prefix + unit for prefix in "mk")


def _moved(duration: m.Duration, by: int) -> m.Duration | None:
    if duration.months:
        months = duration.months + by
        return m.Duration(0, months, counted(months, "month")) if months > 0 else None
    days = duration.days + by
    return m.Duration(days, 0, counted(days, "day")) if days >= 0 else None


def _other_unit(duration: m.Duration) -> m.Duration | None:
    """The same number of another unit: days for weeks, weeks for days, weeks for months."""
    if duration.months and duration.months % 12 == 0:
        years = duration.months // 12
        return m.Duration(0, years, counted(years, "month"))
    if duration.months:
        return m.Duration(7 * duration.months, 0, counted(duration.months, "week"))
    if duration.days and duration.days % 7 == 0 and duration.text.endswith(("week", "weeks")):
        days = duration.days // 7
        return m.Duration(days, 0, counted(days, "day"))
    if duration.days:
        return m.Duration(7 * duration.days, 0, counted(duration.days, "week"))
    return None


def _dictionary(protocol: m.Protocol) -> Iterator[Mutant]:
    """Mistakes in how a fact is derived: the wrong date, the wrong field of a list."""
    for name, fact in protocol.facts.items():
        derive = fact.derive
        if derive is None:
            continue
        using = _readers(protocol, name)
        if not using:
            continue
        others: list[tuple[Kind, str, m.Derivation]] = []
        if isinstance(derive, m.CompletedYears):
            for other in protocol.facts.values():
                if other.type == "date" and other.name != derive.since:
                    words = f"years since `{other.name}`, not `{derive.since}`"
                    others.append(("reference-date", words, m.CompletedYears(other.name)))
                    break
        elif isinstance(derive, m.DaysBetween):
            swapped = m.DaysBetween(derive.end, derive.start)
            others.append(("reference-date", "from and to swapped", swapped))
        else:
            record = protocol.records[derive.records]
            if isinstance(derive, m.LatestOf | m.EarliestOf):
                opposite = m.EarliestOf if isinstance(derive, m.LatestOf) else m.LatestOf
                words = (
                    "the first taken for the last"
                    if opposite is m.EarliestOf
                    else "the last taken for the first"
                )
                again = opposite(derive.records, derive.field, derive.where)
                others.append(("reference-date", words, again))
                for field in record.fields.values():
                    if field.type == "date" and field.name != derive.field:
                        words = f"field `{field.name}`, not `{derive.field}`"
                        others.append(("record-field", words, replace(derive, field=field.name)))
            for i, where in enumerate(derive.where):
                rest = (*derive.where[:i], *derive.where[i + 1 :])
                words = f"entries of any `{where.field}`"
                others.append(("record-field", words, replace(derive, where=rest)))
                for value in where.values if len(where.values) > 1 else ():
                    fewer = replace(where, values=tuple(v for v in where.values if v != value))
                    changed = (*derive.where[:i], fewer, *derive.where[i + 1 :])
                    words = f"without `{where.field}: {value}`"
                    others.append(("record-field", words, replace(derive, where=changed)))
        for kind, words, other_way in others:
            facts = {**protocol.facts, name: replace(fact, derive=other_way)}
            if not _circular(facts, name):
                pack = replace(protocol, facts=facts)
                yield Mutant(kind, f"{name}: {words}", fact.place, pack, using)


def _circular(facts: Mapping[str, m.Fact], name: str) -> bool:
    seen = set()
    todo = [name]
    while todo:
        derive = facts[todo.pop()].derive
        after = (
            (derive.since,)
            if isinstance(derive, m.CompletedYears)
            else (derive.start, derive.end)
            if isinstance(derive, m.DaysBetween)
            else ()
        )
        if name in after:
            return True
        todo += [one for one in after if one not in seen]
        seen |= set(after)
    return False


def _readers(protocol: m.Protocol, name: str) -> frozenset[str]:
    """The criteria that ask about a fact, or about one derived from it."""
    asked = {name}
    for _ in protocol.facts:
        for other, fact in protocol.facts.items():
            derive = fact.derive
            if isinstance(derive, m.CompletedYears) and derive.since in asked:
                asked.add(other)
            if isinstance(derive, m.DaysBetween) and {derive.start, derive.end} & asked:
                asked.add(other)
    return frozenset(
        user
        for path, leaf in condition_paths(protocol).items()
        if getattr(leaf, "fact", None) in asked
        for user in users(protocol, path)
    )


# --- judging ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What is the same of a case for every mutant."""

    case: Case
    readings: Mapping[str, m.Reading]
    statuses: Mapping[str, m.Status]


def judge(
    protocol: m.Protocol,
    cases: Sequence[Case],
    space: Space,
    screener: Screener,
    found: Iterable[Mutant],
) -> Iterator[Judged]:
    """What becomes of each mutant. `space` must know the tests of `asked_by(found)`.

    A case that fails by the pack itself notices nothing: it would fail by any mutant.
    """
    known = []
    for case in cases:
        readings = reference.readings(protocol, case.subject, case.as_of)
        truths = reference.truths(protocol, readings, case.as_of)
        answers = reference.answers(protocol, truths)
        statuses = reference.statuses(protocol, answers)
        asked = {name: answers[name] for name in case.answers}
        if asked == case.answers and case.verdict in (None, reference.verdict(statuses)):
            known.append(_Known(case, readings, statuses))
    hints: list[int] = list(range(len(known)))
    for one in found:
        killer = _killer(protocol, one, known, hints)
        if killer is not None:
            # A case that noticed one mutant of a criterion is likely to notice the next.
            hints.remove(killer)
            hints.insert(0, killer)
            case = known[killer].case
            yield Judged(one, "killed", f"{case.file}: {case.name}")
        else:
            yield _survivor(protocol, one, space, screener)


def asked_by(found: Iterable[Mutant]) -> list[tuple[int, m.Leaf]]:
    """The tests that mutants of conditions bring in, for `Space`."""
    leaves = (
        leaf
        for one in found
        for criterion in one.protocol.criteria
        if criterion.id in one.criteria
        for leaf in leaves_of(criterion.holds_when, one.protocol.definitions)
    )
    return list(dict.fromkeys((0, leaf) for leaf in leaves))


def _killer(
    protocol: m.Protocol, one: Mutant, known: Sequence[_Known], order: Sequence[int]
) -> int | None:
    mine = [c for c in one.protocol.criteria if c.id in one.criteria]
    part = only_needed(only_reached(one.protocol, mine))
    derived = one.protocol.facts != protocol.facts
    for number in order:
        item = known[number]
        case = item.case
        readings = reference.readings(part, case.subject, case.as_of) if derived else item.readings
        answers = reference.answers(part, reference.truths(part, readings, case.as_of))
        statuses = reference.statuses(part, answers)
        if one.lenient and statuses[one.lenient] == "open":
            statuses[one.lenient] = "passed"
            answers[one.lenient] = "yes" if mine[0].kind == "inclusion" else "no"
        # A criterion that is dropped has no answer; whether it is missed, the verdict says.
        if any(case.answers.get(name, answer) != answer for name, answer in answers.items()):
            return number
        moved = not mine or any(item.statuses[name] != now for name, now in statuses.items())
        if case.verdict is not None and moved:
            whole = {
                name: statuses.get(name, status)
                for name, status in item.statuses.items()
                if name in statuses or name not in one.criteria
            }
            if reference.verdict(whole) != case.verdict:
                return number
    return None


def _survivor(protocol: m.Protocol, one: Mutant, space: Space, screener: Screener) -> Judged:
    """A mutant that no case notices: equivalent, or told apart by a witness."""
    if space.effort.spent > space.effort.limit:
        return Judged(one, "undecided")
    if one.protocol.facts != protocol.facts:
        space = Space([protocol, one.protocol], space.as_of, effort=space.effort)
    found = _judged(protocol, one, space, [protocol, one.protocol], screener)
    if found.fate != "undecided" or space.effort.spent > space.effort.limit // 2:
        return found
    if one.kind in BY_VERDICT:
        ensured = one.kind == "dropped-criterion" and _ensured(protocol, one, space)
        return Judged(one, "equivalent") if ensured else found
    # By themselves, the criteria concerned have less that hangs together.
    alone = [
        only_reached(pack, [c for c in pack.criteria if c.id in one.criteria])
        for pack in (protocol, one.protocol)
    ]
    space = Space(alone, space.as_of, effort=space.effort)
    return _judged(protocol, one, space, alone, screener)


def _ensured(protocol: m.Protocol, one: Mutant, space: Space) -> bool:
    """Whether another criterion is proved to stand never better than one that was dropped: then
    the verdict is as good, or as bad, without it."""
    (dropped,) = (c for c in protocol.criteria if c.id in one.criteria)
    for other in protocol.criteria:
        space.effort.question()
        try:
            if (
                other is dropped
                or space.diagrams.less(space.status(dropped), space.status(other)) != FALSE
            ):
                continue
        except TooLarge:
            continue
        both = only_reached(protocol, [dropped, other])
        found, all_dates = spaces([both], space.as_of, space.effort, lambda *_: None)
        about = [(0, dropped.holds_when), (0, other.holds_when)]
        if all_dates and all(
            own.complete(about)
            and own.diagrams.less(own.status(dropped), own.status(other)) == FALSE
            for own in found
        ):
            return True
    return False


def _judged(
    protocol: m.Protocol, one: Mutant, space: Space, packs: Sequence[m.Protocol],
    screener: Screener,
) -> Judged:  # fmt: skip
    """What becomes of a mutant in what can be recorded for some packs: it and the original."""
    found = _compared(protocol, one, space, screener)
    if not isinstance(found, bool):
        return found
    if not found or space.timeless(_about(protocol, one, space)):
        return Judged(one, "equivalent" if found else "undecided")
    # Alike on one day, and to be looked at wherever the limits stand in another order.
    dates, complete = as_of_dates(packs, space.as_of)
    for as_of in dates[1:]:
        if space.effort.spent > space.effort.limit // 2:
            return Judged(one, "undecided")
        space = Space(packs, as_of, effort=space.effort)
        found = _compared(protocol, one, space, screener)
        if not isinstance(found, bool):
            return found
        complete = complete and found
    return Judged(one, "equivalent" if complete else "undecided")


def _compared(protocol: m.Protocol, one: Mutant, space: Space, screener: Screener) -> Judged | bool:
    """A survivor, shown on one day; else whether it is proved that nothing shows it then."""
    number = len(space.protocols) - 1
    complete = True
    space.effort.question()
    try:
        pairs = list(_statuses(protocol, one, space, number))
        for id_, mine, theirs in pairs:
            differ = space.diagrams.differ(mine, theirs)
            if differ == FALSE:
                continue
            # A difference between passed and failed says most.
            plain = space.diagrams.both(
                differ, space.diagrams.is_(mine, 0, 2), space.diagrams.is_(theirs, 0, 2)
            )
            for goal in (plain, differ):
                for recorded, _ in space.witnesses(goal, 10):
                    space.effort.screened(len(screener.program.paths))
                    judged = _told_apart(protocol, one, id_, recorded, space.as_of, screener)
                    if judged is not None:
                        return judged
            complete = False
    except TooLarge:
        return False
    return complete and space.complete(_about(protocol, one, space))


def _about(protocol: m.Protocol, one: Mutant, space: Space) -> list[tuple[int, m.Condition]]:
    """The conditions that a comparison of the pack with a mutant rests on."""
    everything = one.kind in BY_VERDICT
    return [
        (number, inlined(criterion.holds_when, pack.definitions))
        for number, pack in ((0, protocol), (len(space.protocols) - 1, one.protocol))
        for criterion in pack.criteria
        if everything or criterion.id in one.criteria
    ]


def _statuses(
    protocol: m.Protocol, one: Mutant, space: Space, number: int
) -> Iterator[tuple[str, int, int]]:
    """What may differ, as diagrams: a criterion's id ("": the verdict), the pack's, the mutant's.

    `number`: of the pack in the space that knows the mutant's tests. Raises: TooLarge.
    """
    diagrams = space.diagrams
    if one.kind in BY_VERDICT:
        left = diagrams.all(space.status(c) for c in one.protocol.criteria)
        yield "", space.verdict(), left
        return
    for criterion in protocol.criteria:
        if criterion.id not in one.criteria:
            continue
        other = next(c for c in one.protocol.criteria if c.id == criterion.id)
        mine = space.status(criterion)
        if one.lenient:
            theirs = diagrams.map("lenient", lambda t: TRUE if t == UNKNOWN else t, mine)
        else:
            written = space.diagram_of(one.protocol, other.holds_when, number)
            theirs = written if other.kind == "inclusion" else diagrams.negate(written)
        yield criterion.id, mine, theirs


def _told_apart(
    protocol: m.Protocol, one: Mutant, id_: str, recorded: Plain, as_of: date, screener: Screener
) -> Judged | None:
    """A survivor with its witness, if the pack's rules and the mutant differ on it."""
    try:
        witness = confirmed(screener, recorded, as_of)
        subject = subject_from(recorded, one.protocol, as_of)
    except (InputRejected, EngineFault):
        return None
    readings = reference.readings(one.protocol, subject, as_of)
    truths = reference.truths(one.protocol, readings, as_of)
    statuses = reference.statuses(one.protocol, reference.answers(one.protocol, truths))
    if one.lenient and statuses[one.lenient] == "open":
        statuses[one.lenient] = "passed"
    if id_:
        status = witness.statuses[id_]
        if statuses[id_] == status:
            return None
        kind = next(c.kind for c in protocol.criteria if c.id == id_)
        answer: m.Answer = (
            "unknown"
            if status == "open"
            else "yes"
            if (status == "passed") == (kind == "inclusion")
            else "no"
        )
        return Judged(one, "survived", "", witness, id_, answer, statuses[id_])
    verdict = reference.verdict(statuses)
    if verdict == witness.verdict:
        return None
    return Judged(one, "survived", "", witness, "", None, verdict)


def tells_apart(
    protocol: m.Protocol, one: Judged, recorded: Plain, as_of: date, screener: Screener
) -> bool:
    """Whether something else recorded shows what the witness of a survivor shows."""
    found = _told_apart(protocol, one.mutant, one.criterion, recorded, as_of, screener)
    return found is not None and found.answer == one.answer


def counts(judged: Iterable[Judged]) -> dict[Fate, int]:
    """How many met each fate."""
    found: dict[Fate, int] = {"killed": 0, "survived": 0, "equivalent": 0, "undecided": 0}
    for one in judged:
        found[one.fate] += 1
    return found
