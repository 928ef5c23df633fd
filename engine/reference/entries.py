"""What a record list comes to, from docs/SEMANTICS.md alone (5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine import terms as m
from engine.reference.measures import Interval, interval, later
from engine.reference.several import Same, Value, different, several
from engine.reference.stable import Lasting, stable
from engine.terms.agents import folded

End = int | None
Held = Mapping[str, m.Recorded | tuple[m.Recorded, ...]]


def reading_of(fact: m.Fact, why: m.Reason | None, low: End = None, high: End = None) -> m.Reading:
    """Without ends: unknown, `why`. With ends: `why` says what set them apart."""
    reason = why if low is None or low != high else None
    uln_reason = None if fact.type != "quantity" else reason if low is None else "no_limit"
    return m.Reading(fact.name, low, high, reason, None, uln_reason)


# --- does an entry match? ---------------------------------------------------------------


def _codes(value: m.Recorded | tuple[str, ...] | None) -> tuple[m.Recorded, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def matches(
    entry: m.Entry, wanted: tuple[m.Clause, ...], records: m.RecordList, today: int
) -> m.Truth:
    """Does the entry match, with what its agent implies?"""
    stated = _all(entry.values, wanted, records, today)
    if not entry.known:
        return stated
    told: list[m.Truth] = []  # what the entry comes to under each use
    agree = 0  # uses that contradict nothing stated
    for name in entry.known:
        text = (*_codes(entry.values.get(records.known_by)), name)  # the text stands for both
        for use in records.known[name].uses:
            said = {field: _codes(entry.values.get(field)) for field in use}
            fits = all({*said[field]} - {""} <= {*codes} for field, codes in use.items())
            agree += fits
            if fits or not entry.exact:
                beside = said if entry.exact else dict.fromkeys(use, ())
                implied = {field: (*beside[field], *codes) for field, codes in use.items()}
                values = {**entry.values, **implied, records.known_by: text}
                told.append(_all(values, wanted, records, today))
    if entry.exact:
        return told[0] if len({*told}) == 1 else "unknown"
    if stated == "true":
        return "true" if agree else "unknown"
    return "unknown" if stated == "unknown" or {*told} - {"false"} else "false"


def _all(values: Held, wanted: Iterable[m.Clause], records: m.RecordList, today: int) -> m.Truth:
    """Does every clause hold of the values? Unknown: they do not say."""
    told = {_clause(values, clause, records, today) for clause in wanted}
    return "false" if "false" in told else "unknown" if "unknown" in told else "true"


def _clause(values: Held, clause: m.Clause, records: m.RecordList, today: int) -> m.Truth:
    if isinstance(clause, m.Either):
        ways = {_all(values, way, records, today) for way in clause.ways}
        return "true" if "true" in ways else "unknown" if "unknown" in ways else "false"
    if not isinstance(clause, m.Where):
        field, value = records.fields[clause.fact], values.get(clause.fact, ())
        points = _points(field, value, today)
        if points is None or (isinstance(clause, m.EverTest) and value == "ongoing"):
            return "unknown"
        held = _test(clause, points, field, today)
        return "true" if all(held) else "unknown" if any(held) else "false"
    value = values.get(clause.field, ())
    if isinstance(value, m.Amount):
        low, high = interval(records.fields[clause.field], value, today)
        possible, certain = any(low <= int(v) <= high for v in clause.values), low == high
    else:
        stated = value if isinstance(value, tuple) else (value,)
        certain = any(v in clause.values for v in stated)
        possible = certain or not stated or "" in stated
    return "false" if not possible else "true" if certain else "unknown"


def _points(
    field: m.Field, value: m.Recorded | tuple[m.Recorded, ...], today: int
) -> Interval | None:
    """The ends of what a quantity or a date could be; None is open."""
    if value == "ongoing" and field.type == "date":
        return (today, today)
    if isinstance(value, m.Days):
        return interval(field, value, today) if value.first.toordinal() <= today else None
    return interval(field, value, today) if isinstance(value, m.Amount) else None


def _test(test: m.Test, ends: Interval, field: m.Field, today: int) -> tuple[bool, bool]:
    """Does the test hold at the end that is worst for it, and at the best (7)?"""
    low, high = ends
    if isinstance(test, m.BetweenTest):
        return (test.low_u <= low <= high <= test.high_u, low <= test.high_u and test.low_u <= high)
    if isinstance(test, m.DayTest):
        day = test.day.toordinal()
        return (low >= day, high >= day) if test.op == "on_or_after" else (high <= day, low <= day)
    if isinstance(test, m.EverTest):
        return (test.expected, test.expected)
    if isinstance(test, m.AgoTest):
        first, last = later(low, test.duration)[0], later(high, test.duration)[1]
        if test.op in ("at_least_ago", "more_than_ago"):  # up at the latest, at the soonest
            spare = int(test.op == "more_than_ago")
            return (last + spare <= today, first + spare <= today)
        spare = int(test.op == "less_than_ago")
        return (today + spare <= first, today + spare <= last)
    if isinstance(test, m.LimitTest):
        limit = test.limit_u
    else:
        assert isinstance(test, m.UlnTest) and field.uln_u is not None
        # A ratio against k: the value, in millionths twice over, against k times the limit.
        limit = test.times_u * field.uln_u
        low = low * m.MILLION if low != -m.UNBOUNDED else -limit - 1
        high = high * m.MILLION if high != m.UNBOUNDED else 2 * limit + 1
    if test.op.startswith("at_least"):
        return (low >= limit, high >= limit)
    if test.op.startswith("above"):
        return (low > limit, high > limit)
    if test.op.startswith("at_most"):
        return (high <= limit, low <= limit)
    return (high < limit, low < limit)


# --- what the entries come to -----------------------------------------------------------


def covered(wanted: Iterable[m.Clause], said: int, today: int) -> bool:
    """Is no day from `said` on one that could match? Then none can be missing since."""

    def rules_out(clause: m.Clause) -> bool:
        if isinstance(clause, m.Either):
            return all(covered(way, said, today) for way in clause.ways)
        if isinstance(clause, m.DayTest):
            return clause.op == "on_or_before" and clause.day.toordinal() < said
        if not isinstance(clause, m.AgoTest):
            return False
        up = later(said, clause.duration)[0]
        return (
            up > today
            if clause.op == "at_least_ago"
            else (clause.op == "more_than_ago" and up >= today)
        )

    return any(rules_out(clause) for clause in wanted)


def _same(entry: m.Entry, field: m.Field, records: m.RecordList, today: int) -> Same | None:
    """What is known of the value that an entry has in a field; None if it is not recorded."""
    value = entry.values.get(field.name)
    if field.type == "date":
        if not isinstance(value, m.Days) or value.first.toordinal() > today:
            return None
        return Same(within=interval(field, value, today))
    if isinstance(value, m.Amount):
        return Same(within=interval(field, value, today))
    if field.type == "text" and isinstance(value, str):
        exact = field.name == records.known_by and entry.exact and len(entry.known) == 1
        return Same(of=entry.known[0]) if exact else Same(text=folded(value))
    return Same(of=value) if isinstance(value, str | bool) else None


def _value(entry: m.Entry, derive: m.OfSeveral, field: m.Field, sure: bool, today: int) -> Value:
    value, day = entry.values.get(field.name), entry.values.get(derive.by)
    ends = interval(field, value, today) if isinstance(value, m.Amount) else None
    if day == "ongoing":
        return Value(sure, ends, (today, today))
    days = (day.first.toordinal(), day.last.toordinal()) if isinstance(day, m.Days) else (0, 0)
    come = isinstance(day, m.Days) and days[0] <= today
    return Value(sure, ends, (days[0], min(days[1], today)) if come else (m.PAST, today))


def is_confirmed(
    wanted: Iterable[m.Clause], records: m.RecordList, recorded: m.Entries, today: int
) -> bool:
    """May the list be relied on as complete, for what is asked of it?"""
    if recorded.complete_on is None or recorded.doubt is not None:
        return False
    said = recorded.complete_on.toordinal()
    lasting = today <= later(said, records.valid_for)[0] or covered(wanted, said, today)
    return said <= today and lasting


def _ends(entry: m.Entry, derive: m.Stable, today: int) -> tuple[Interval | None, Interval | None]:
    """The days on which an entry may start, and end; None is open."""
    days = m.Field("", "", "date")
    start, stop = (entry.values.get(name, ()) for name in (derive.start, derive.stop))
    return _points(days, start, today), _points(days, stop, today)


def from_records(
    fact: m.Fact, derive: m.FromList, records: m.RecordList, recorded: m.Entries, today: int
) -> m.Reading:
    """What a record list comes to. `sure` entries match, `may` entries may match."""
    confirmed = is_confirmed(derive.where, records, recorded, today)
    reason: m.Reason = "imprecise" if confirmed else "history_not_confirmed"
    found = [
        (matches(e, derive.where, records, today), e) for e in recorded.entries if not e.voided
    ]
    sure = [e for truth, e in found if truth == "true"]
    may = [e for truth, e in found if truth == "unknown"]
    if isinstance(derive, m.Exists):
        if not sure and (may or not confirmed):
            return reading_of(fact, reason)
        return reading_of(fact, None, int(bool(sure)), int(bool(sure)))
    if isinstance(derive, m.Count):
        most = (len(sure) + len(may)) * m.MILLION if confirmed else m.UNBOUNDED
        return reading_of(fact, reason, len(sure) * m.MILLION, most)
    field = records.fields[derive.field]
    if isinstance(derive, m.Distinct):
        low, high = different([_same(e, field, records, today) for e in sure], len(may))
        most = high * m.MILLION if confirmed else m.UNBOUNDED
        return reading_of(fact, reason, low * m.MILLION, most)
    if isinstance(derive, m.Stable):
        lasting = [
            Lasting(truth == "true", _same(e, field, records, today), *_ends(e, derive, today))
            for truth, e in found
            if truth != "false"
        ]
        told = stable(lasting, derive.lasting, confirmed, today)
        if told is None:
            return reading_of(fact, reason if sure or not confirmed else "no_entry")
        return reading_of(fact, None, int(told), int(told))
    if isinstance(derive, m.OfSeveral):
        values = [_value(e, derive, field, truth == "true", today) for truth, e in found
                  if truth != "false"]  # fmt: skip
        blank = field.range_u or (-m.UNBOUNDED, m.UNBOUNDED)
        lacking = None if confirmed else reason
        why, *ends = several(derive.way, derive.least, values, blank, lacking)
        return reading_of(fact, why or reason, *ends)

    def days(entry: m.Entry) -> Interval | None:  # None is open: it may be under way
        return _points(field, entry.values.get(field.name, ()), today)

    dated = [d for e in sure if (d := days(e)) is not None]
    # What may match counts for its days; an open one for any day up to today.
    wider = [days(e) or (m.PAST, today) for e in may]
    settled = confirmed and len(dated) == len(sure)  # nothing unlisted, nothing open
    under_way = [e.values.get(field.name) == "ongoing" for e in (*sure, *may)]
    ahead = not settled or any(under_way) or any(days(e) is None for e in may)
    low = max((first for first, _ in dated), default=m.NEVER)
    high = max((last for _, last in dated + wider), default=m.NEVER) if settled else today
    if dated and isinstance(derive, m.EarliestOf):
        low = min(first for first, _ in dated + wider) if settled else m.PAST
        high = min(last for _, last in dated)
        ahead = all(e.values.get(field.name) == "ongoing" for e in sure if days(e) is not None)
    return replace(reading_of(fact, reason, low, high), ahead="under_way" if ahead else "")
