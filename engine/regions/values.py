"""What may be recorded of one fact: values at and beside every limit on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, pairwise, product

from engine import terms as m
from engine.read.source import Num
from engine.record.wording import decimal_text
from engine.regions.asked import PERSON, Plain
from engine.regions.days import back
from engine.regions.group import Group, Option
from engine.regions.some import grain, limit_for
from engine.terms.protocol import is_birth_date


def root(group: Group, fact: m.Fact, own: Sequence[int]) -> Iterator[Option]:
    versions = [p.facts[fact.name] for p in group.protocols if fact.name in p.facts]
    days = {group.as_of}
    stale = {v.valid_for for v in versions}
    if len(stale) > 1:
        # Two dictionaries rely on a result for different times: try between them.
        for valid_for in stale - {None}:
            assert valid_for is not None
            stale_on = back(group.as_of, valid_for, early=True, strict=True)
            days |= {stale_on, stale_on + timedelta(days=1)}
    signed = [True] if len({bool(v.attested_by) for v in versions}) == 1 else [True, False]
    for on, by in product(sorted(days, reverse=True), signed):
        said: Plain = {"on": on.isoformat()}
        if by and any(v.attested_by for v in versions):
            said["by"] = PERSON
        for value in _values(group, fact, own):
            yield Option({fact.name: {**value, **said}})
    yield Option({})


def _values(group: Group, fact: m.Fact, own: Sequence[int]) -> Iterator[Plain]:
    if fact.type == "boolean":
        yield from ({"value": True}, {"value": False})
    elif fact.type == "choice":
        codes = [
            c.code
            for p in group.protocols
            if fact.name in p.facts
            for c in p.facts[fact.name].choices
        ]
        yield from ({"value": code} for code in dict.fromkeys(codes))
    elif fact.type == "quantity":
        yield from _amounts(group, fact)
    elif fact.type == "date":
        for day in own:
            yield {"value": date.fromordinal(day).isoformat()}
        yield {"value": "never"}
        # With other dates beside it, every pair would be tried: two partial ones do.
        partial = own if len(group.members) == 1 else [group.day_number]
        text = [date.fromordinal(day).isoformat() for day in partial]
        yield from ({"value": t} for t in dict.fromkeys(day[:7] for day in text))
        yield from ({"value": t} for t in dict.fromkeys(day[:4] for day in text))


def any_days(group: Group, fact: m.Fact, own: Sequence[int]) -> Iterator[Option]:
    """Any day, and any partial date whatever the day of screening: at most a year, or
    whatever lies between two days of which either may be the newest."""
    on = group.as_of
    held = [p.facts[fact.name] for p in group.protocols if fact.name in p.facts]
    lasting = all(one.changes == "never" for one in held)

    def said(value: m.Days | str) -> Option:
        return Option(None, (m.Statement("", value, None, on, by=PERSON),))

    yield Option(None)
    if not any(
        is_birth_date(p, p.facts[fact.name]) for p in group.protocols if fact.name in p.facts
    ):
        yield said("never")
    days = sorted(own)
    for i, first in enumerate(days):
        yield said(m.Days(date.fromordinal(first), date.fromordinal(first)))
        for j in range(i + 1, len(days)):
            # The ends may lie anywhere beside the limits between them.
            if lasting and days[j] - days[i + 1] > 366:
                break
            ends = (date.fromordinal(first), date.fromordinal(days[j]))
            yield said(m.Days(*ends))


def _amounts(group: Group, fact: m.Fact) -> Iterator[Plain]:
    limits: set[tuple[int, str]] = set()
    times: set[int] = set()
    for k, leaf in group.leaves:
        if getattr(leaf, "fact", None) != fact.name:
            continue
        unit = group.protocols[k].facts[fact.name].unit
        if isinstance(leaf, m.LimitTest):
            limits.add((leaf.limit_u, unit))
        elif isinstance(leaf, m.BetweenTest):
            limits |= {(leaf.low_u, unit), (leaf.high_u, unit)}
        elif isinstance(leaf, m.UlnTest):
            times.add(leaf.times_u)
    ranges = [p.facts[fact.name].range_u for p in group.protocols if fact.name in p.facts]
    single = len({unit for _, unit in limits} | {fact.unit}) == 1
    step = fact.resolution_u or grain([limit for limit, _ in limits])
    values: dict[tuple[int, str], None] = {}
    exact = sorted({limit for limit, unit in limits if unit == fact.unit})
    for end in {e for r in ranges if r for e in r} if single else ():
        exact = sorted({*exact, end})
    for limit in exact or [0 if not ranges[0] else ranges[0][0]]:
        for other in (limit + step, limit - step, limit, limit + 1, limit - 1):
            values[other, fact.unit] = None
    for low, high in pairwise(exact):
        values[(low + high) // 2, fact.unit] = None
    for limit, unit in limits:
        if unit != fact.unit:
            values |= {(limit, unit): None, (limit + 1, unit): None, (limit - 1, unit): None}
    if times:
        yield from _ratios(group, fact, sorted(times), [v for v, _ in values] if limits else [])
    if not (times and not limits):
        for value, unit in values:
            yield _amount(group, fact, "", value, unit, single)
        for sign, (value, unit) in product(("<", "<=", ">", ">="), values):
            yield _amount(group, fact, sign, value, unit, single)


def _ratios(
    group: Group, fact: m.Fact, times: Sequence[int], values: Sequence[int]
) -> Iterator[Plain]:
    low, high = fact.range_u or (-m.LARGEST, m.LARGEST)
    step = max(1, min((b - a for a, b in pairwise([0, *times])), default=2) // 2)
    wanted = dict.fromkeys(r for t in times for r in (t + step, t - step, t))
    wanted |= {min(times) - step: None}
    for ratio in wanted:
        limit = limit_for(ratio, fact.uln_u or 10 * m.MILLION, low, high)
        if limit is not None:
            for sign in ("", "<", "<=", ">", ">="):
                text = sign + decimal_text(ratio * limit // m.MILLION)
                said = Num(decimal_text(limit))
                yield {"value": text if sign else Num(text), "uln": said}
    for one, other in combinations(sorted(wanted), 2) if fact.range_u else ():
        # A censored result reaches from its bound to the end of the range.
        limit = high * m.MILLION // other if other > 0 else 0
        if limit > 0 and low <= one * limit // m.MILLION <= high:
            text = f">{decimal_text(one * limit // m.MILLION)}"
            yield {"value": text, "uln": Num(decimal_text(limit))}
    own = {p.facts[fact.name].uln_u for p in group.protocols if fact.name in p.facts}
    # Results without a limit of their own are divided by those of the dictionaries.
    limits = [limit for limit in own if limit is not None]
    turning = {t * limit // m.MILLION for t in times for limit in limits}
    for value in sorted({v + d for v in turning for d in (-1, 0, 1)} | {*limits}):
        if low <= value <= high:
            for sign in ("", "<", "<=", ">", ">=") if len(own) > 1 else ("",):
                text = sign + decimal_text(value)
                yield {"value": text if sign else Num(text)}
    if values:
        # Both the value and its ratio are asked about: try each with each.
        for value, ratio in product(values, wanted):
            limit_at = Fraction(value * m.MILLION, ratio) if ratio else Fraction(0)
            if limit_at > 0 and low <= value <= high:
                shown = Num(decimal_text(max(1, round(limit_at))))
                yield {"value": Num(decimal_text(value)), "uln": shown}


def _amount(group: Group, fact: m.Fact, sign: str, value: int, unit: str, single: bool) -> Plain:
    said: Plain = {"value": Num(decimal_text(value)) if not sign else sign + decimal_text(value)}
    return said if single else {**said, "unit": unit}
