"""The plain evaluator: what a pack says of a subject on a date, without any rules engine.

Written from docs/SEMANTICS.md alone; the section numbers below are that page's. It shares
with the fired rules only the types and the table of units, so that an error in one of the
two is not also an error in the other. Its inputs have passed the reader.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from operator import ge, gt, le, lt

from engine import terms as m
from engine.reference.anchors import anchored, with_ahead
from engine.reference.entries import from_records, reading_of
from engine.reference.limits import held_against, table_limit
from engine.reference.measures import (
    COMPLETED,
    Exact,
    Interval,
    completed_years,
    interval,
    later,
    ratio_of,
)
from engine.reference.values import from_values

Measure = Callable[[int, int], Interval]
Readings = Mapping[str, m.Reading]
COMPARE: dict[str, Callable[[Exact, int], bool]]
COMPARE = {"at_least": ge, "above": gt, "at_most": le, "below": lt}


COMPARE |= {f"{op}_uln": compare for op, compare in COMPARE.items()}


# For the as-of date against the date plus n:
COMPARE |= {"at_least_ago": ge, "more_than_ago": gt, "within_last": le, "less_than_ago": lt}


NOT: dict[m.Truth, m.Truth] = {"true": "false", "false": "true", "unknown": "unknown"}
ANSWERS: dict[m.Truth, m.Answer] = {"true": "yes", "false": "no", "unknown": "unknown"}
STATUSES: dict[m.Kind, dict[m.Answer, m.Status]] = {
    "inclusion": {"yes": "passed", "no": "failed", "unknown": "open"},
    "exclusion": {"yes": "failed", "no": "passed", "unknown": "open"},
}


def _ratios(
    fact: m.Fact,
    values: Collection[tuple[m.Statement, Interval]],
    newest: date | None,
    whole: Interval,
) -> tuple[m.UlnRatio | None, m.Reason | None]:
    """The ratio of every value that could count to its limit of normal, or why none (4)."""
    lasting = fact.changes == "never"
    decided = {
        ratio_of(fact, s, whole if lasting else ends)
        for s, ends in values
        if lasting or s.on == newest
    } - {None}
    if len(decided) > 1:
        return None, "conflicting"
    others = [ratio_of(fact, s, ends) for s, ends in values if not lasting and s.on != newest]
    known = {ratio for ratio in (*decided, *others) if ratio is not None}
    lacking = None in others or (not decided and len(others) < len(values))
    if not known or (lacking and len({ends for _, ends in values}) > 1):
        return None, "no_limit"
    lows, highs = [r.low for r in known], [r.high for r in known]
    low = None if None in lows else min(end for end in lows if end is not None)
    high = None if None in highs else max(end for end in highs if end is not None)
    return m.UlnRatio(low, high), "undated" if len(known) > 1 else None


def _chosen(fact: m.Fact, kept: list[m.Statement], newest: date | None, today: int) -> m.Reading:
    """What statements come to of which each could be the one that counts (4)."""
    said = [None if s.value is None else interval(fact, s.value, today) for s in kept]
    values = [(s, ends) for s, ends in zip(kept, said, strict=True) if ends is not None]
    pending = any(s.unknown == "pending" for s in kept)
    if not values:
        return reading_of(fact, "pending" if pending else "not_done")
    if fact.valid_for is not None and newest is None:
        return reading_of(fact, "undated")
    if fact.valid_for and newest and today > later(newest.toordinal(), fact.valid_for)[0]:
        return reading_of(fact, "out_of_date")
    lows, highs = {low for _, (low, _) in values}, {high for _, (_, high) in values}
    differ = len({ends for _, ends in values}) > 1
    full = fact.type == "date" and lows == highs and min(lows) > m.PAST
    why: m.Reason = "undated" if differ and fact.changes != "never" else "imprecise"
    if fact.changes == "never":
        low, high = max(lows), min(highs)
        if len(values) < len(kept) or low > high:
            return reading_of(fact, "conflicting")
    else:
        low, high = min(lows), max(highs)
        if len({ends for s, ends in zip(kept, said, strict=True) if s.on == newest}) > 1:
            return reading_of(fact, "conflicting")
        if len(values) < len(kept):
            return reading_of(fact, "pending" if pending else "undated")
        if differ and fact.type != "quantity" and not full:
            return reading_of(fact, "undated")
    if fact.attested_by and not all(s.by for s in kept):
        return reading_of(fact, "not_attested")
    found = reading_of(fact, why, low, high)
    if fact.type != "quantity":
        return found
    ratio, uln_reason = _ratios(fact, values, newest, (low, high))
    return replace(found, times_uln=ratio, uln_reason=uln_reason)


def _recorded(fact: m.Fact, statements: Iterable[m.Statement], as_of: date) -> m.Reading:
    """From the statements about one fact to its reading (4)."""
    counted = [s for s in statements if not s.voided and (s.value is not None or s.unknown)]
    reached = [s for s in counted if s.first is None or s.first <= as_of]
    if not reached:
        return reading_of(fact, "not_yet" if counted else "not_recorded")
    newest = max((s.first for s in reached if s.first is not None), default=None)

    def older(said: m.Statement) -> bool:
        last = said.last
        return newest is not None and last is not None and last < newest

    lasting = fact.changes == "never"
    kept = [s for s in reached if not older(s) or (lasting and s.value is not None)]
    found = _chosen(fact, kept, newest, as_of.toordinal())
    for said in counted:
        day = said.first
        if found.low is None or day is None or day.year <= as_of.year:
            continue
        # The year may be a slip: then it is of this year, and may be the newest.
        leap = (2, 29) if isleap(as_of.year) else (2, 28)
        first, last = (
            date(as_of.year, *((d.month, d.day) if (d.month, d.day) != (2, 29) else leap))
            for d in (day, said.last or day)
        )
        if first > as_of or (newest is not None and last < newest):
            continue
        alone = _chosen(
            replace(fact, valid_for=None, attested_by=""), [said], day, as_of.toordinal()
        )
        if replace(alone, reason=found.reason, uln_reason=found.uln_reason) != found:
            return reading_of(fact, "undated")
    return found


def elapsed(fact: m.Fact, start: m.Reading, end: m.Reading, measure: Measure) -> m.Reading:
    """The time from one date to another, measured in whole units (6). What is under way ends on
    any day from the as-of date on."""
    if start.low is None or start.high is None or end.low is None or end.high is None:
        return reading_of(fact, start.reason if start.low is None else end.reason)
    if m.NEVER in (start.low, end.low):
        return reading_of(fact, "no_date")
    open_start, open_end = (one.ahead == "under_way" for one in (start, end))
    low, high = -m.UNBOUNDED, m.UNBOUNDED
    if end.low != m.PAST and not open_start:
        low = measure(start.high, end.low)[0] * m.MILLION
    if start.low != m.PAST and not open_end:
        high = measure(start.low, end.high)[1] * m.MILLION
    otherwise: m.Reason = "imprecise" if open_start or open_end else "calendar"
    return reading_of(fact, start.reason or end.reason or otherwise, low, high)


def readings(protocol: m.Protocol, subject: m.Subject, as_of: date) -> dict[str, m.Reading]:
    """What every fact but those of type text comes to on `as_of`, in dictionary order."""
    today = as_of.toordinal()

    @cache
    def read(name: str) -> m.Reading:
        fact, derive = protocol.facts[name], protocol.facts[name].derive
        if fact.stands_for is not None:
            of = read(fact.stands_for.fact)
            truth = leaf_truth(fact.stands_for, read, protocol.facts, today)
            end = {"true": 1, "false": 0, "unknown": None}[truth]
            return reading_of(fact, of.reason or "imprecise", end, end)
        if derive is None:
            said = subject.facts.get(name, ())
            return with_ahead(fact, _recorded(fact, said, as_of), said, as_of)
        if isinstance(derive, m.CompletedYears):
            now = m.Reading("", today, today, None)
            return elapsed(fact, replace(read(derive.since), ahead=""), now, completed_years)
        if isinstance(derive, m.Completed):
            since, until = read(derive.since), m.Reading("", today, today, None)
            if not derive.on:
                return elapsed(fact, replace(since, ahead=""), until, COMPLETED[derive.unit])
            return elapsed(fact, since, read(derive.on), COMPLETED[derive.unit])
        if isinstance(derive, m.OfValues):
            said, source = subject.facts.get(derive.fact, ()), protocol.facts[derive.fact]
            return from_values(fact, derive, source, read(derive.fact), said, today)
        if isinstance(derive, m.DaysBetween):
            return elapsed(fact, read(derive.start), read(derive.end), lambda a, b: (b - a, b - a))
        if isinstance(derive, m.ByTable):
            return table_limit(name, derive, [read(one) for one in derive.by])
        entries = subject.records.get(derive.records, m.Entries(None, ()))
        return from_records(fact, derive, protocol.records[derive.records], entries, today)

    return {name: read(name) for name, fact in protocol.facts.items() if fact.type != "text"}


def leaf_truth(
    test: m.Test, read: Callable[[str], m.Reading], facts: Mapping[str, m.Fact], today: int
) -> m.Truth:
    """The truth of a test, by the readings of the facts that it looks at (7)."""
    if isinstance(test, m.FactLimitTest):
        units = (facts[test.fact], facts[test.against])
        return held_against(test, read(test.fact), read(test.against), units)
    if isinstance(test, m.AnchorTest):
        return anchored(test, read(test.fact), read(test.anchor))
    return truth_of(test, read(test.fact), facts[test.fact], today)


def truth_of(test: m.Test, reading: m.Reading, fact: m.Fact, today: int) -> m.Truth:
    """Does the test hold for every point of the reading, and does it for some point (7)?"""
    low, high, ratio = reading.low, reading.high, reading.times_uln
    if low is None or high is None or (ratio is None and isinstance(test, m.UlnTest)):
        return "unknown"
    if isinstance(test, m.LimitTest):
        holds = [COMPARE[test.op](end, test.limit_u) for end in (low, high)]
    elif isinstance(test, m.UlnTest) and ratio is not None:
        least = -m.UNBOUNDED if ratio.low is None else ratio.low * m.MILLION
        most = m.UNBOUNDED if ratio.high is None else ratio.high * m.MILLION
        holds = [COMPARE[test.op](end, test.times_u) for end in (least, most)]
    elif isinstance(test, m.AgoTest):
        early = later(low, test.duration)[0] if low > m.PAST else low
        late = later(high, test.duration)[1] if high > m.PAST else high
        holds = [COMPARE[test.op](today, end) for end in (early, late)]
        if test.op in ("within_last", "less_than_ago"):
            holds = [holds[0] and high <= today, holds[1] and low <= today]
    elif isinstance(test, m.LastingTest):
        began, begun = (later(n, test.duration) if n > m.PAST else (n, n) for n in (low, high))
        holds = [low != m.NEVER and begun[1] <= today, high != m.NEVER and began[0] <= today]
    elif isinstance(test, m.ChoiceTest):
        holds = [fact.choices[low].code in test.codes]
    else:
        first, last = m.PAST, today
        if isinstance(test, m.BetweenTest):
            first, last = test.low_u, test.high_u
        elif isinstance(test, m.BooleanTest):
            first, last = int(test.expected), int(test.expected)
        elif isinstance(test, m.DayTest):
            day = test.day.toordinal()
            first, last = (day, m.UNBOUNDED) if test.op == "on_or_after" else (m.PAST, day)
        holds = [first <= low and high <= last, first <= high and low <= last]
        if isinstance(test, m.EverTest) and not test.expected:
            holds = [not held for held in holds]
    return "true" if all(holds) else "unknown" if any(holds) else "false"


def truths(protocol: m.Protocol, readings: Readings, as_of: date) -> dict[str, m.Truth]:
    """The truth of every node of every definition and criterion, by path (1).

    A path is the definition's name or the criterion's id, then `.1`, `.2`... for children.
    """
    today = as_of.toordinal()
    found: dict[str, m.Truth] = {}

    def evaluate(path: str, node: m.Condition) -> m.Truth:
        truth: m.Truth = "unknown"
        if isinstance(node, (m.All, m.Any)):
            parts = {evaluate(f"{path}.{n}", child) for n, child in enumerate(node.children, 1)}
            decides: m.Truth = "false" if isinstance(node, m.All) else "true"
            otherwise: m.Truth = "unknown" if "unknown" in parts else NOT[decides]
            truth = decides if decides in parts else otherwise
        elif isinstance(node, m.AtLeast):
            every = [evaluate(f"{path}.{n}", child) for n, child in enumerate(node.children, 1)]
            held, lost = every.count("true"), every.count("false")
            enough = len(every) - lost >= node.count
            truth = "true" if held >= node.count else "unknown" if enough else "false"
        elif isinstance(node, m.Not):
            truth = NOT[evaluate(f"{path}.1", node.child)]
        elif isinstance(node, m.Defined):
            truth = found.get(node.name) or evaluate(node.name, protocol.definitions[node.name])
        elif not isinstance(node, m.Todo):
            truth = leaf_truth(node, readings.__getitem__, protocol.facts, today)
        found[path] = truth
        return truth

    for name in protocol.definitions:
        evaluate(name, m.Defined(name))
    for criterion in protocol.criteria:
        evaluate(criterion.id, criterion.holds_when)
    return found


def answers(protocol: m.Protocol, truths: Mapping[str, m.Truth]) -> dict[str, m.Answer]:
    """Is each criterion's statement, as worded, true of the subject (1)?"""
    return {c.id: ANSWERS[truths[c.id]] for c in protocol.criteria}


def statuses(protocol: m.Protocol, answers: Mapping[str, m.Answer]) -> dict[str, m.Status]:
    """What each answer means for entry: an inclusion wants yes, an exclusion wants no (1)."""
    return {c.id: STATUSES[c.kind][answers[c.id]] for c in protocol.criteria}


def verdict(statuses: Mapping[str, m.Status]) -> m.Verdict:
    """Ineligible if any criterion failed, else undetermined if any is open, else eligible (1)."""
    said = set(statuses.values())
    return "ineligible" if "failed" in said else "undetermined" if "open" in said else "eligible"
