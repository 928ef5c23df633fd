"""Read `tables:` of a dictionary: limits by what other facts come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from engine.read import files
from engine.read.conditions import Conditions
from engine.read.sheet import Sheet
from engine.read.source import Path
from engine.record.wording import amount_text
from engine.terms import (
    MILLION,
    NOWHERE,
    UNBOUNDED,
    BetweenTest,
    BooleanTest,
    ByTable,
    ChoiceTest,
    CompletedYears,
    Condition,
    Count,
    DaysBetween,
    Fact,
    LimitTest,
    Row,
)
from engine.terms.units import known_unit

MOST_ROWS, MOST_SELECTORS = 500, 4
_NONE = "none"
Spans = tuple[tuple[int, int], ...]


def read_tables(
    sheet: Sheet, tables: Mapping[str, Any], facts: Mapping[str, Fact], names: frozenset[str]
) -> dict[str, Fact]:
    """Each table as the fact that it is: the limit that it has for a subject."""
    found = {}
    for name, value in tables.items():
        path: Path = ("tables", name)
        if name in names:
            sheet.fault(path, "duplicate-name", f"`{name}` is also a fact's name", key=True)
        top = sheet.mapping_of(path, value, files.TableFile)
        if top is None:
            continue
        unit = sheet.words_of(path, top, "unit") or "1"
        if not known_unit(unit):
            sheet.fault((*path, "unit"), "unit", f"`{unit}` is not a UCUM unit")
            continue
        ask = sheet.words_of(path, top, "ask") or f"Limit by the table {name.replace('_', ' ')}"
        place = sheet.document.span(path, key=True)
        fact = Fact(name, ask, "quantity", unit=unit, place=place)
        table = _Table(sheet, (*path, "rows"), fact, Conditions(facts, names)).read(
            top.get("rows", [])
        )
        if table is not None:
            found[name] = Fact(name, ask, "quantity", unit=unit, derive=table, place=place)
    return found


class _Table:
    """The rows of one table, read one by one and then held against each other."""

    def __init__(self, sheet: Sheet, path: Path, fact: Fact, conditions: Conditions) -> None:
        self.sheet, self.path, self.fact, self.conditions = sheet, path, fact, conditions
        self.by: list[Fact] = []

    def read(self, value: Any) -> ByTable | None:
        sheet, listed = self.sheet, self.sheet.list_of(self.path, value, "rows")
        if not listed or len(listed) > MOST_ROWS:
            what = f"a table has 1 to {MOST_ROWS} rows; this one has {len(listed)}"
            sheet.fault(self.path, "table", what)
            return None
        named = dict.fromkeys(
            key for row in listed if isinstance(row, dict) for key in row if key != "limit"
        )
        self.by = [fact for name in named if (fact := self._selector(name, listed)) is not None]
        rows = [self._row((*self.path, at), row) for at, row in enumerate(listed)]
        whole = [row for row in rows if row is not None]
        if len(self.by) < len(named) or len(whole) < len(rows):
            return None
        if not 1 <= len(self.by) <= MOST_SELECTORS:
            what = f"rows select by 1 to {MOST_SELECTORS} facts; these by {len(self.by)}"
            sheet.fault(self.path, "table", what, "as in `{age: {below: 6}, limit: 0.8}`")
            return None
        self._overlaps(whole)
        if sheet.clean:
            gap = next(self._gaps(whole, 0, ()), None)
            if gap is not None:
                what = f"no row is for {self._words(gap)}"
                sheet.fault(self.path, "table", what, "add one; `limit: none` if it has none")
        return ByTable(tuple(fact.name for fact in self.by), tuple(whole))

    def _selector(self, name: str, rows: Sequence[Any]) -> Fact | None:
        """A fact that rows select by; None after a fault."""
        at = next(n for n, row in enumerate(rows) if isinstance(row, dict) and name in row)
        place: Path = (*self.path, at, name)
        if name not in self.conditions.fact_names:
            what = f"there is no fact `{name}`"
            self.sheet.fault(place, "unknown-fact", what, "rows hold facts, and `limit`", key=True)
            return None
        fact = self.conditions.facts.get(name)
        if fact is not None and fact.type not in ("boolean", "choice", "quantity"):
            what = f"`{name}` is a {fact.type}, and rows do not select by one"
            self.sheet.fault(place, "misfit", what, key=True)
            return None
        return fact

    def _row(self, path: Path, value: Any) -> Row | None:
        if not isinstance(value, dict):
            self.sheet.expected(path, value, "a row", "as in `{age: {below: 6}, limit: 0.8}`")
            return None
        limit = None
        if "limit" not in value:
            self.sheet.fault(path, "missing-key", "`limit` is missing here")
            return None
        if value["limit"] != _NONE:
            limit = self.conditions.limit(self.sheet, (*path, "limit"), self.fact, value["limit"])
            if limit is None:
                return None
        spans = [self._spans((*path, one.name), one, value) for one in self.by]
        whole = tuple(one for one in spans if one is not None)
        return Row(whole, limit) if len(whole) == len(spans) else None

    def _spans(self, path: Path, fact: Fact, row: Mapping[str, Any]) -> Spans | None:
        """The intervals of a fact's axis that a row is for; None after a fault."""
        first, last = domain(fact)
        if fact.name not in row:
            return ((first, last),)
        said = row[fact.name]
        parts = [{op: limit} for op, limit in said.items()] if isinstance(said, dict) else [said]
        if not parts:
            self.sheet.fault(path, "empty", "an empty band is for nobody")
            return None
        low, high = -UNBOUNDED, UNBOUNDED
        for part in parts:
            test = self.conditions.test(self.sheet, path, fact, part, NOWHERE)
            if test is None:
                return None
            if isinstance(test, ChoiceTest):
                return tuple((n, n) for n in sorted(map(fact.code_number, test.codes)))
            ends = _band(test)
            if ends is None:
                what = "a band is a number's limits, a code, `true` or `false`"
                self.sheet.fault(path, "misfit", what)
                return None
            low, high = max(low, ends[0]), min(high, ends[1])
        low, high = _whole(fact, low, high)
        if low > high:
            self.sheet.fault(path, "range", "this band holds nothing")
            return None
        return ((low, high),)

    def _overlaps(self, rows: Sequence[Row]) -> None:
        for at, row in enumerate(rows):
            for before, other in enumerate(rows[:at]):
                common = [_common(a, b) for a, b in zip(row.spans, other.spans, strict=True)]
                shared = tuple(one for one in common if one is not None)
                if len(shared) == len(common):
                    line = self.sheet.document.span((*self.path, before)).line
                    what = f"this row and that on line {line} are both for {self._words(shared)}"
                    self.sheet.fault((*self.path, at), "table", what)
                    return

    def _gaps(
        self, rows: Sequence[Row], at: int, before: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        """What no row is for: an interval of each fact that rows select by."""
        if at == len(self.by):
            if not rows:
                yield before
            return
        first, last = domain(self.by[at])
        step = _step(self.by[at])
        spans = [span for row in rows for span in row.spans[at]]
        starts = {low for low, _ in spans} | {high + step for _, high in spans} | {first}
        cuts = [*sorted(one for one in starts if first <= one <= last), last + step]
        for low, after in pairwise(cuts):
            here = [
                row for row in rows if any(bottom <= low <= top for bottom, top in row.spans[at])
            ]
            band = (low, after - step)
            if here:
                yield from self._gaps(here, at + 1, (*before, band))
            else:
                rest = tuple(domain(fact) for fact in self.by[at + 1 :])
                yield (*before, band, *rest)

    def _words(self, bands: Sequence[tuple[int, int]]) -> str:
        return (
            ", ".join(
                words
                for fact, band in zip(self.by, bands, strict=True)
                if (words := _said(fact, band))
            )
            or "anybody"
        )


def domain(fact: Fact) -> tuple[int, int]:
    """The ends of what a fact that rows select by can come to, as rows must cover it."""
    if fact.type == "boolean":
        return 0, 1
    if fact.type == "choice":
        return 0, len(fact.choices) - 1
    return _whole(fact, *(fact.range_u or (-UNBOUNDED, UNBOUNDED)))


def _step(fact: Fact) -> int:
    """From one value of a fact to the next."""
    if fact.type != "quantity":
        return 1
    counted = isinstance(fact.derive, CompletedYears | DaysBetween | Count)
    return MILLION if counted else 1


def _whole(fact: Fact, low: int, high: int) -> tuple[int, int]:
    """The ends of a band, moved in to values that the fact can have."""
    step = _step(fact)
    return (low if low <= -UNBOUNDED else -(-low // step) * step,
            high if high >= UNBOUNDED else high // step * step)  # fmt: skip


def _band(test: Condition) -> tuple[int, int] | None:
    """The values for which a test holds."""
    if isinstance(test, BooleanTest):
        return int(test.expected), int(test.expected)
    if isinstance(test, BetweenTest):
        return test.low_u, test.high_u
    if isinstance(test, LimitTest):
        return {
            "at_least": (test.limit_u, UNBOUNDED),
            "above": (test.limit_u + 1, UNBOUNDED),
            "at_most": (-UNBOUNDED, test.limit_u),
            "below": (-UNBOUNDED, test.limit_u - 1),
        }[test.op]
    return None


def _common(one: Spans, other: Spans) -> tuple[int, int] | None:
    """An interval that two rows share of a fact."""
    for low, high in one:
        for first, last in other:
            if max(low, first) <= min(high, last):
                return max(low, first), min(high, last)
    return None


def _said(fact: Fact, band: tuple[int, int]) -> str:
    low, high = band
    if band == domain(fact):
        return ""
    if fact.type == "boolean":
        return f"{fact.name} {'true' if low else 'false'}"
    if fact.type == "choice":
        return f"{fact.name} {fact.choices[low].code}"
    if low <= -UNBOUNDED:
        return f"{fact.name} at most {amount_text(high, fact.unit)}"
    if high >= UNBOUNDED:
        return f"{fact.name} at least {amount_text(low, fact.unit)}"
    if low == high:
        return f"{fact.name} {amount_text(low, fact.unit)}"
    return f"{fact.name} {amount_text(low, '1')} to {amount_text(high, fact.unit)}"
