"""The plain evaluator: what a pack says of a subject on a date, without any rules engine.

Written from docs/SEMANTICS.md alone; the section numbers below are that page's. It shares
with the fired rules only the types and the table of units, so that an error in one of the
two is not also an error in the other. Its inputs have passed the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fractions import Fraction
from operator import ge, gt, le, lt

import engine.model as m
from engine.units import conversion

Exact = int | Fraction
Interval = tuple[int, int]
Why = m.Reason | None
Listed = m.LatestOf | m.EarliestOf | m.Exists | m.Count
NO_ENTRIES = m.Entries(complete_on=None, entries=())
COMPARE: dict[str, Callable[[Exact, int], bool]]
COMPARE = {"at_least": ge, "above": gt, "at_most": le, "below": lt}
NOT: dict[m.Truth, m.Truth] = {"true": "false", "false": "true", "unknown": "unknown"}
ANSWERS: dict[m.Truth, m.Answer] = {"true": "yes", "false": "no", "unknown": "unknown"}


def later(day: int, duration: m.Duration) -> int:
    """The day number `duration` after `day`; a day its month lacks is the next month's 1st (2)."""
    if not duration.months:
        return day + duration.days
    start = date.fromordinal(day)
    years, month = divmod(start.month - 1 + duration.months, 12)
    # The calendar repeats every 400 years (146,097 days), so `date` never overflows.
    cycles, year = divmod(start.year + years - 1, 400)
    try:
        moved = date(year + 1, month + 1, start.day)
    except ValueError:
        moved = date(year + 1, month + 2, 1)
    return moved.toordinal() + cycles * 146_097 + duration.days


def completed_years(day: int, today: int) -> int:
    """The greatest whole number n with day + 12 n months not after today (2)."""
    years = date.fromordinal(today).year - date.fromordinal(day).year
    return years if later(day, m.Duration(0, 12 * years)) <= today else years - 1


def _ends(bound: int, sign: m.Sign, limits: Interval | None, step: int) -> Interval:
    """The interval that `sign bound` stands for; `limits` close its open end (3)."""
    bottom, top = limits or (-m.UNBOUNDED, m.UNBOUNDED)
    low = bottom if sign in ("<", "<=") else bound + step if sign == ">" else bound
    return (low, top if sign in (">", ">=") else bound - step if sign == "<" else bound)


def _interval(of: m.Fact | m.Field, value: m.Recorded, today: int) -> Interval:
    """What a recorded value of the fact or field `of` could be, on its axis (2, 3, 4)."""
    if isinstance(value, m.Days):
        first, last = value.first.toordinal(), value.last.toordinal()
        return (first, min(last, today) if first <= today else last)
    if isinstance(value, m.Amount):
        exact: Exact = value.amount_u
        if value.unit != of.unit:
            factor, offset = conversion(value.unit, of.unit, of.molar_mass)
            exact = exact * factor + offset * m.MILLION
        step = 1 if exact.denominator == 1 else 0
        return _ends(round(exact), value.sign, of.range_u, step)  # `round`: half to even
    if isinstance(value, bool):
        point = int(value)
    else:
        point = m.NEVER if of.type == "date" else [c.code for c in of.choices].index(value)
    return (point, point)


def _ratio(fact: m.Fact, said: m.Statement, interval: Interval) -> m.UlnRatio | None:
    """The value of one statement divided by its limit of normal; None where it has none (4)."""
    (low, high), limit = interval, fact.uln_u
    if said.uln_u is not None and isinstance(said.value, m.Amount):
        limit = said.uln_u
        limits = fact.range_u if said.value.unit == fact.unit else None
        low, high = _ends(said.value.amount_u, said.value.sign, limits, 1)
    if limit is None:
        return None
    return m.UlnRatio(
        None if low == -m.UNBOUNDED else Fraction(low, limit),
        None if high == m.UNBOUNDED else Fraction(high, limit),
    )


def _reading(fact: m.Fact, why: Why, low: int | None, high: int | None) -> m.Reading:
    """Without ends: unknown, `why`. With ends: `why` says what set them apart."""
    reason = why if low is None or low != high else None
    uln_reason = None if fact.type != "quantity" else reason if low is None else "no_limit"
    return m.Reading(fact.name, low, high, reason, None, uln_reason)


def _recorded(fact: m.Fact, statements: Iterable[m.Statement], as_of: date) -> m.Reading:
    """From the statements about one fact to its reading (4)."""
    counted = [s for s in statements if not s.voided and (s.value is not None or s.unknown)]
    if not counted:
        return _unknown(fact, "not_recorded")
    reached = [s for s in counted if s.on is None or s.on <= as_of]
    if not reached:
        return _unknown(fact, "not_yet")
    latest = max((s.on for s in reached if s.on is not None), default=None)
    kept = [s for s in reached if s.on == latest]
    unknowns = [s.unknown for s in kept if s.unknown is not None]
    if len(unknowns) == len(kept):
        return _unknown(fact, "pending" if "pending" in unknowns else "not_done")
    today = as_of.toordinal()
    if fact.valid_for is not None:
        if latest is None:
            return _unknown(fact, "undated")
        if today > later(latest.toordinal(), fact.valid_for):
            return _unknown(fact, "out_of_date")
    intervals = [_interval(fact, s.value, today) for s in kept if s.value is not None]
    low, high = intervals[0]
    if unknowns or any(interval != (low, high) for interval in intervals):
        return _unknown(fact, "conflicting")
    if fact.attested_by and not all(s.by for s in kept):
        return _unknown(fact, "not_attested")
    found = _reading(fact, "imprecise", low, high)
    ratios = [r for s in kept if (r := _ratio(fact, s, (low, high))) is not None]
    if fact.type != "quantity" or not ratios:
        return found
    if any(ratio != ratios[0] for ratio in ratios):
        return m.Reading(fact.name, low, high, found.reason, None, "conflicting")
    return m.Reading(fact.name, low, high, found.reason, ratios[0], None)


def _matches(entry: m.Entry, wanted: Iterable[m.Where], records: m.RecordList) -> m.Truth:
    """Does the entry match? Unknown: it may, for it does not say (5)."""
    truth: m.Truth = "true"
    for where in wanted:
        value = entry.values.get(where.field, ())
        if isinstance(value, m.Amount):
            low, high = _interval(records.fields[where.field], value, 0)
            possible, certain = any(low <= int(v) <= high for v in where.values), low == high
        else:
            held = value if isinstance(value, tuple) else (value,)
            possible, certain = not held or any(v in where.values for v in held), bool(held)
        if not possible:
            return "false"
        truth = truth if certain else "unknown"
    return truth


def _from_records(
    fact: m.Fact, derive: Listed, records: m.RecordList, recorded: m.Entries, today: int
) -> m.Reading:
    """What a record list comes to (5). `sure` entries match, `may` entries may match."""
    said = None if recorded.complete_on is None else recorded.complete_on.toordinal()
    confirmed = said is not None and said <= today <= later(said, records.valid_for)
    reason: m.Reason = "imprecise" if confirmed else "history_not_confirmed"
    found = [(_matches(e, derive.where, records), e) for e in recorded.entries if not e.voided]
    sure = [e for truth, e in found if truth == "true"]
    may = [e for truth, e in found if truth == "unknown"]
    if isinstance(derive, m.Exists):
        if not sure and (may or not confirmed):
            return _unknown(fact, reason)
        return _reading(fact, None, int(bool(sure)), int(bool(sure)))
    if isinstance(derive, m.Count):
        most = (len(sure) + len(may)) * m.MILLION if confirmed else m.UNBOUNDED
        return _reading(fact, reason, len(sure) * m.MILLION, most)
    field = records.fields[derive.field]

    def days(entry: m.Entry) -> Interval | None:  # None is open: it may be under way
        value = entry.values.get(field.name)
        if isinstance(value, m.Days) and value.first.toordinal() <= today:
            return _interval(field, value, today)
        return (today, today) if value == "ongoing" else None

    dated = [d for e in sure if (d := days(e)) is not None]
    # What may match counts for its days; an open one for any day up to today.
    wider = [days(e) or (m.PAST, today) for e in may]
    settled = confirmed and len(dated) == len(sure)  # nothing unlisted, nothing open
    if isinstance(derive, m.LatestOf):
        low = max((first for first, _ in dated), default=m.NEVER)
        high = max((last for _, last in dated + wider), default=m.NEVER) if settled else today
    elif dated:
        low = min(first for first, _ in dated + wider) if settled else m.PAST
        high = min(last for _, last in dated)
    else:
        low = m.NEVER
        high = max((last for _, last in wider), default=m.NEVER) if settled else today
    return _reading(fact, reason, low, high)


def _elapsed(
    fact: m.Fact, start: m.Reading, end: m.Reading, measure: Callable[[int, int], int]
) -> m.Reading:
    """The time from one date to another, measured in whole units (6)."""
    if start.low is None or start.high is None or end.low is None or end.high is None:
        return _unknown(fact, start.reason if start.low is None else end.reason)
    if m.NEVER in (start.low, end.low):
        return _unknown(fact, "no_date")
    low = -m.UNBOUNDED if end.low == m.PAST else measure(start.high, end.low) * m.MILLION
    high = m.UNBOUNDED if start.low == m.PAST else measure(start.low, end.high) * m.MILLION
    return _reading(fact, start.reason or end.reason, low, high)


def readings(protocol: m.Protocol, subject: m.Subject, as_of: date) -> dict[str, m.Reading]:
    """What every fact but those of type text comes to on `as_of`, in dictionary order."""
    found: dict[str, m.Reading] = {}
    today = as_of.toordinal()

    def find(fact: m.Fact) -> m.Reading:
        derive = fact.derive
        if derive is None:
            return _recorded(fact, subject.facts.get(fact.name, ()), as_of)
        if isinstance(derive, m.CompletedYears):
            now = m.Reading("", today, today, None)
            return _elapsed(fact, read(derive.since), now, completed_years)
        if isinstance(derive, m.DaysBetween):
            return _elapsed(fact, read(derive.start), read(derive.end), lambda a, b: b - a)
        entries = subject.records.get(derive.records, NO_ENTRIES)
        return _from_records(fact, derive, protocol.records[derive.records], entries, today)

    def read(name: str) -> m.Reading:
        if name not in found:
            found[name] = find(protocol.facts[name])
        return found[name]

    return {name: read(name) for name, fact in protocol.facts.items() if fact.type != "text"}


def _ago(test: m.AgoTest, low: int, high: int, today: int) -> tuple[bool, bool]:
    beyond = gt if test.op in ("more_than_ago", "within_last") else ge

    def long_ago(day: int) -> bool:
        return day <= m.PAST or bool(beyond(today, later(day, test.duration)))

    if test.op in ("at_least_ago", "more_than_ago"):
        return (long_ago(high), long_ago(low))
    every = high <= today and not long_ago(low)
    return (every, low <= today and not long_ago(min(high, today)))


def _compare(op: str, low: Exact, high: Exact, limit: int) -> tuple[bool, bool]:
    at_low, at_high = COMPARE[op](low, limit), COMPARE[op](high, limit)
    return (at_low and at_high, at_low or at_high)


def _inside(low: int, high: int, first: int, last: int) -> tuple[bool, bool]:
    return (first <= low and high <= last, first <= high and low <= last)


def _test(test: m.Test, reading: m.Reading, fact: m.Fact, today: int) -> m.Truth:
    """Does the test hold for every point of the reading, and does it for some point (7)?"""
    low, high = reading.low, reading.high
    if low is None or high is None:
        return "unknown"
    if isinstance(test, m.LimitTest):
        every, some = _compare(test.op, low, high, test.limit_u)
    elif isinstance(test, m.UlnTest):
        ratio = reading.times_uln
        if ratio is None:
            return "unknown"
        least = -m.UNBOUNDED if ratio.low is None else ratio.low * m.MILLION
        most = m.UNBOUNDED if ratio.high is None else ratio.high * m.MILLION
        every, some = _compare(test.op.removesuffix("_uln"), least, most, test.times_u)
    elif isinstance(test, m.BetweenTest):
        every, some = _inside(low, high, test.low_u, test.high_u)
    elif isinstance(test, m.BooleanTest):
        every, some = _inside(low, high, test.expected, test.expected)
    elif isinstance(test, m.ChoiceTest):
        every = some = fact.choices[low].code in test.codes
    elif isinstance(test, m.AgoTest):
        every, some = _ago(test, low, high, today)
    elif isinstance(test, m.DayTest):
        day = test.day.toordinal()
        after = test.op == "on_or_after"
        every, some = _inside(low, high, *((day, m.UNBOUNDED) if after else (m.PAST, day)))
    else:
        every, some = _inside(low, high, m.PAST, today)
        if not test.expected:
            every, some = not some, not every
    return "true" if every else "unknown" if some else "false"


def reason_of(test: m.Leaf, reading: m.Reading) -> m.Reason | None:
    """Why `test` is unknown, where it is unknown on `reading` (7)."""
    if isinstance(test, m.UlnTest):
        # `>=x` at the very end of a range is a point, yet its ratio may have an open end.
        return reading.uln_reason or reading.reason or "imprecise"
    return "not_recorded" if isinstance(test, m.Todo) else reading.reason


def truths(
    protocol: m.Protocol, readings: Mapping[str, m.Reading], as_of: date
) -> dict[str, m.Truth]:
    """The truth of every node of every definition and criterion, by path (1).

    A path is the definition's name or the criterion's id, then `.1`, `.2`... for children.
    """
    today = as_of.toordinal()
    found: dict[str, m.Truth] = {}

    def group(path: str, node: m.All | m.Any, decides: m.Truth, otherwise: m.Truth) -> m.Truth:
        parts = {evaluate(f"{path}.{n}", child) for n, child in enumerate(node.children, 1)}
        return decides if decides in parts else "unknown" if "unknown" in parts else otherwise

    def evaluate(path: str, node: m.Condition) -> m.Truth:
        if isinstance(node, m.All):
            truth = group(path, node, "false", "true")
        elif isinstance(node, m.Any):
            truth = group(path, node, "true", "false")
        elif isinstance(node, m.Not):
            truth = NOT[evaluate(f"{path}.1", node.child)]
        elif isinstance(node, m.Defined):
            truth = found.get(node.name) or evaluate(node.name, protocol.definitions[node.name])
        elif isinstance(node, m.Todo):
            truth = "unknown"
        else:
            truth = _test(node, readings[node.fact], protocol.facts[node.fact], today)
        found[path] = truth
        return truth

    for name, condition in protocol.definitions.items():
        if name not in found:
            evaluate(name, condition)
    for criterion in protocol.criteria:
        evaluate(criterion.id, criterion.holds_when)
    return found


def answers(protocol: m.Protocol, truths: Mapping[str, m.Truth]) -> dict[str, m.Answer]:
    """Is each criterion's statement, as worded, true of the subject (1)?"""
    return {c.id: ANSWERS[truths[c.id]] for c in protocol.criteria}


def statuses(protocol: m.Protocol, answers: Mapping[str, m.Answer]) -> dict[str, m.Status]:
    """What each answer means for entry: an inclusion wants yes, an exclusion wants no (1)."""
    found: dict[str, m.Status] = {}
    for c in protocol.criteria:
        wanted = "yes" if c.kind == "inclusion" else "no"
        decided: m.Status = "passed" if answers[c.id] == wanted else "failed"
        found[c.id] = "open" if answers[c.id] == "unknown" else decided
    return found


def verdict(statuses: Mapping[str, m.Status]) -> m.Verdict:
    """Ineligible if any criterion failed, else undetermined if any is open, else eligible (1)."""
    if "failed" in statuses.values():
        return "ineligible"
    return "undetermined" if "open" in statuses.values() else "eligible"
