"""What a table has for a subject: the limits of every row that may be the one (SEMANTICS 6)."""

from __future__ import annotations

from engine import terms as m
from engine.select.found import Found

_ANY = (-m.UNBOUNDED, m.UNBOUNDED)


def from_table(name: str, derive: m.ByTable, selectors: list[Found]) -> Found:
    """The reading of a limit that a table gives by facts, with what those rest on: first the
    facts that leave it open."""
    ends = [_ends(one.reading) for one in selectors]
    rows = [row for row in derive.rows if _may_be(row, ends)]
    limits = [row.limit_u for row in rows if row.limit_u is not None]
    asked = [
        at
        for at, (first, last) in enumerate(ends)
        if first != last and len({row.spans[at] for row in rows}) > 1
    ]
    why = selectors[asked[0]].reading.reason if asked else None
    if not limits or len(limits) < len(rows):
        reason: m.Reason = why if why is not None and limits else "no_limit"
        reading = m.Reading(name, None, None, reason, None, reason)
    else:
        low, high = min(limits), max(limits)
        reading = m.Reading(name, low, high, why if low != high else None, None, "no_limit")
    return Found(
        reading,
        tuple(s for one in selectors for s in one.statements),
        tuple(e for one in selectors for e in one.entries),
        min((one.until for one in selectors if one.until is not None), default=None),
        min((one.starts for one in selectors if one.starts is not None), default=None),
        tuple(derive.by[at] for at in sorted(range(len(ends)), key=lambda at: at not in asked)),
        around=tuple(e for one in selectors for e in one.around),
    )


def _ends(reading: m.Reading) -> tuple[int, int]:
    if reading.low is None or reading.high is None:
        return _ANY
    return reading.low, reading.high


def _may_be(row: m.Row, ends: list[tuple[int, int]]) -> bool:
    """Whether a row may be the one that is for a subject."""
    return all(
        any(first <= high and low <= last for first, last in spans)
        for spans, (low, high) in zip(row.spans, ends, strict=True)
    )
